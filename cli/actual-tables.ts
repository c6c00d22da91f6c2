import { parse } from 'yaml';
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

/** `--query` prints null for what a table does not have. */
const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const savedTable = z.object({
  RouteTableId: z.string(),
  VpcId: optionalText,
  OwnerId: optionalText,
  Tags: z
    .array(z.object({ Key: z.string(), Value: optionalText }))
    .nullish()
    .transform((tags) => tags ?? []),
  // Ignore members that are not text: EC2 may add new ones, and they are no reason to reject the answer.
  Routes: z.array(z.record(z.string(), z.string().optional().catch(undefined))),
});

/** A whole answer, or what `--query` leaves of it: the list of tables, or one table. */
const savedAnswer = z.preprocess(
  (answer) => {
    if (Array.isArray(answer)) return { RouteTables: answer };
    const isTable = typeof answer === 'object' && answer !== null && 'RouteTableId' in answer;
    return isTable ? { RouteTables: [answer] } : answer;
  },
  z.object({ RouteTables: z.array(savedTable), NextToken: z.null().optional() }),
);

/**
 * Reads tables from a saved answer of `aws ec2 describe-route-tables`, in JSON or YAML.
 *
 * @throws Failure
 */
export async function tablesInAnswer(file: string): Promise<ActualTables> {
  const answer = savedAnswer.safeParse(contentOf(file, await readText(file)));
  if (!answer.success) throw new Failure(`${nameOf(file)}: ${whyNoAnswer(answer.error)}`);
  const tables = new Map<string, ActualTable>();
  for (const { RouteTableId, ...table } of answer.data.RouteTables) {
    if (tables.has(RouteTableId))
      throw new Failure(`${nameOf(file)}: ${RouteTableId} is there twice; save one answer in one file`);
    tables.set(RouteTableId, actualTable({ RouteTableId, ...table }));
  }
  return tables;
}

function whyNoAnswer({ issues: [issue] }: z.ZodError): string {
  if (issue?.path[0] === 'NextToken')
    return 'this is only one page of a longer answer (it has a NextToken); save all pages';
  const where = issue && issue.path.length > 0 ? ` at ${z.core.toDotPath(issue.path)}` : '';
  return `expected the answer of "aws ec2 describe-route-tables" in JSON or YAML${where}: ${issue?.message}`;
}

function contentOf(file: string, text: string): unknown {
  const isJson = /^\s*[[{]/.test(text);
  try {
    // Answers are long, and a parser of YAML takes many times as long for the same text.
    return isJson ? JSON.parse(text) : parse(text, { prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(`${nameOf(file)}: not valid ${isJson ? 'JSON' : 'YAML'}: ${why}`, { cause: error });
  }
}
