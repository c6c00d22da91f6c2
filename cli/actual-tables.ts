import { z } from 'zod';
import { actualTable } from '../reconciler/aws/ec2/route-codec.ts';
import type { ActualTable } from '../reconciler/core/route/route.ts';
import type { RouteTables } from '../reconciler/ports.ts';
import { Failure, failedCall } from './failure.ts';
import { nameOf, readText } from './files.ts';

/** The actual route tables by id. A table that is absent from the map does not exist. */
export type ActualTables = ReadonlyMap<string, ActualTable>;

export const noSuchTable = (routeTableIds: string, place = 'this account and Region'): Failure =>
  new Failure(`${routeTableIds}: no such route table in ${place}`);

/**
 * Reads tables from EC2 in bulk.
 *
 * @throws Failure if any page cannot be read: a partial answer is not an answer
 */
export async function tablesInEc2(tables: RouteTables, routeTableIds: readonly string[]): Promise<ActualTables> {
  const found = new Map<string, ActualTable>();
  try {
    for await (const table of tables.readMany(routeTableIds)) found.set(table.routeTableId, table);
  } catch (error) {
    throw failedCall('could not read route tables from EC2', error);
  }
  return found;
}

const savedAnswer = z.object({
  RouteTables: z.array(
    z.object({
      RouteTableId: z.string(),
      VpcId: z.string().optional(),
      OwnerId: z.string().optional(),
      Tags: z.array(z.object({ Key: z.string(), Value: z.string().optional() })).optional(),
      // Ignore members that are not text: EC2 may add new ones, and they are no reason to reject the answer.
      Routes: z.array(z.record(z.string(), z.string().optional().catch(undefined))),
    }),
  ),
  NextToken: z.null().optional(),
});

/**
 * Reads tables from a saved answer of `aws ec2 describe-route-tables`.
 *
 * @throws Failure
 */
export async function tablesInAnswer(file: string): Promise<ActualTables> {
  const answer = savedAnswer.safeParse(jsonIn(file, await readText(file)));
  if (answer.success) return new Map(answer.data.RouteTables.map((table) => [table.RouteTableId, actualTable(table)]));
  const [issue] = answer.error.issues;
  if (issue?.path[0] === 'NextToken')
    throw new Failure(`${nameOf(file)}: this is only one page of a longer answer (it has a NextToken); save all pages`);
  const where = issue && issue.path.length > 0 ? ` at ${z.core.toDotPath(issue.path)}` : '';
  throw new Failure(
    `${nameOf(file)}: expected the answer of "aws ec2 describe-route-tables --output json"${where}: ${issue?.message}`,
  );
}

function jsonIn(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(`${nameOf(file)}: not valid JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
