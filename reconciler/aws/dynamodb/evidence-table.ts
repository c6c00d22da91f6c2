import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { type ReportedCall, callKeptMs, callsReadAtMost } from '../../core/memory/call.ts';
import type { Evidence, Log } from '../../ports.ts';
import { actorShape } from './state-row.ts';
import { batchWrite } from './batch-write.ts';

/**
 * The reported calls in the table of states: one row for each route table and call, with the sort key
 * `call#<time>#<id>`. An event that arrives twice writes the same row. A row that cannot be read is skipped and logged.
 */
export function tableEvidence(client: DynamoDBDocumentClient, tableName: string, log: Pick<Log, 'warn'>): Evidence {
  return {
    keep: (calls) =>
      batchWrite(
        client,
        tableName,
        calls.map(({ routeTableId, call }) => ({
          PutRequest: {
            Item: { ...call, routeTableId, item: `call#${call.time}#${call.id}`, expiresAt: expiresAt(call) },
          },
        })),
      ),

    async of(routeTableId, since) {
      const pages = paginateQuery(
        { client, pageSize: callsReadAtMost },
        {
          TableName: tableName,
          KeyConditionExpression: 'routeTableId = :id AND #item BETWEEN :since AND :end',
          ExpressionAttributeNames: { '#item': 'item' },
          // `~` sorts after every digit, so after every time.
          ExpressionAttributeValues: { ':id': routeTableId, ':since': `call#${since.toISOString()}`, ':end': 'call#~' },
          ScanIndexForward: false,
          ConsistentRead: true,
        },
      );
      const rows: Record<string, unknown>[] = [];
      for await (const { Items = [] } of pages) {
        rows.push(...Items);
        if (rows.length >= callsReadAtMost) break;
      }
      return rows.slice(0, callsReadAtMost).flatMap((row) => {
        const call = callOf(row);
        if (!call) log.warn('skipped a reported call that cannot be read', { routeTableId, item: row['item'] });
        return call ?? [];
      });
    },
  };
}

/** DynamoDB's time to live is in seconds. */
const expiresAt = ({ time }: ReportedCall): number => Math.floor((Date.parse(time) + callKeptMs) / 1_000);

const reported = {
  id: z.string(),
  name: z.string(),
  time: z.iso.datetime(),
  actor: actorShape.optional(),
  via: z.string().optional(),
};

const callShape = z.discriminatedUnion('about', [
  z.object({
    ...reported,
    about: z.literal('route'),
    destination: z.string().optional(),
    target: z.string().optional(),
  }),
  z.object({ ...reported, about: z.enum(['target-up', 'target-down']), ids: z.array(z.string()) }),
  z.object({ ...reported, about: z.literal('surroundings'), notice: z.string() }),
  z.object({ ...reported, about: z.literal('table') }),
]);

const isCall = (value: unknown): value is ReportedCall => callShape.safeParse(value).success;

/** The call in a row. Undefined if it cannot be read. */
const callOf = ({
  routeTableId: _,
  item: __,
  expiresAt: ___,
  ...call
}: Record<string, unknown>): ReportedCall | undefined => (isCall(call) ? call : undefined);
