import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { isActive } from '../../core/desired/ignore.ts';
import { type Approval, type Pause, everyTable, ordersOf, stoppingOrders } from '../../core/desired/orders.ts';
import { canonicalText } from '../../core/route/route.ts';

/** A pause, stop or hold to write. */
export interface NewOrder {
  readonly reason: string;
  readonly by: string;
  /** When it was given. */
  readonly at: Date;
  readonly until?: Date;
}

/** What to stop: one table (a pause), or the whole fleet (a stop). */
export type Scope = { readonly routeTableId: string } | 'fleet';

/** The result of ending an order: it `ended` now, it was `over` before, or there was `none`. */
export type Ended = 'ended' | 'over' | 'none';

/** Writes orders. Each write leaves all other orders as they are. */
export interface OrderWriter {
  /** Pauses a table or stops the fleet. Replaces an earlier order, and returns it if it was still active. */
  pause(scope: Scope, order: NewOrder): Promise<Pause | undefined>;
  /**
   * Ends a pause or stop at `at`. Its row stays and shows this end. An order that is over already keeps its own end.
   */
  resume(scope: Scope, at: Date): Promise<Ended>;
  /** Holds one destination, in canonical form, as it is now. */
  hold(routeTableId: string, destination: string, order: NewOrder): Promise<void>;
  /** Ends the hold of one destination at `at`, however its key is spelled. */
  release(routeTableId: string, destination: string, at: Date): Promise<Ended>;
  approve(routeTableId: string, approval: Approval): Promise<void>;
  /** Approves an edit of many items, and keeps the edits that were approved before. */
  approveEdit(edit: string, approval: { readonly by: string; readonly at: Date; readonly until: Date }): Promise<void>;
}

/** TTL removes a row 30 days after its end. Until then it shows that there was an order. */
const endedKeptSeconds = 30 * 24 * 60 * 60;

const expiresAfter = (end: Date): number => Math.floor(end.getTime() / 1_000) + endedKeptSeconds;

export function orderWriter(client: DynamoDBDocumentClient, ordersTable: string): OrderWriter {
  const put = async (row: Record<string, unknown>): Promise<unknown> => {
    const { Attributes } = await client.send(
      new PutCommand({ TableName: ordersTable, Item: row, ReturnValues: 'ALL_OLD' }),
    );
    return Attributes;
  };

  /** Returns whether the condition held, and so whether anything was written. */
  const update = async (command: Omit<UpdateCommandInput, 'TableName'>): Promise<boolean> => {
    try {
      await client.send(new UpdateCommand({ TableName: ordersTable, ...command }));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  /** Writes one entry of the map of holds, over any earlier one. Returns whether the map exists. */
  const setHold = (Key: Record<string, string>, destination: string, hold: object): Promise<boolean> =>
    update({
      Key,
      UpdateExpression: 'SET #holds.#destination = :hold',
      ConditionExpression: 'attribute_type(#holds, :map)',
      ExpressionAttributeNames: { '#holds': 'holds', '#destination': destination },
      ExpressionAttributeValues: { ':hold': hold, ':map': 'M' },
    });

  return {
    async pause(scope, { until, ...order }) {
      const row = {
        ...(scope === 'fleet' ? { routeTableId: everyTable, order: 'stop' } : { ...scope, order: 'pause' }),
        ...written({ ...order, ...(until && { until }) }),
        ...(until && { expiresAt: expiresAfter(until) }),
      };
      const [was] = ordersOf([await put(row)]).pauses;
      return was && isActive(was, order.at) ? was : undefined;
    },

    async resume(scope, at) {
      const routeTableId = scope === 'fleet' ? everyTable : scope.routeTableId;
      // In a hurry, somebody may have written the other name (`pause` or `stop`), which also stops changes.
      const keys = stoppingOrders.map((order) => ({ routeTableId, order }));
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetCommand({ RequestItems: { [ordersTable]: { Keys: keys, ConsistentRead: true } } }),
      );
      if (Object.keys(UnprocessedKeys ?? {}).length > 0) throw new Error('DynamoDB did not answer for every order');
      const all = await Promise.all(
        (Responses?.[ordersTable] ?? []).map(async (row): Promise<Ended> => {
          const [found] = ordersOf([row]).pauses;
          if (found?.until && found.until <= at) return 'over';
          const ended = await update({
            Key: { routeTableId, order: row['order'] },
            UpdateExpression: 'SET #until = :at, #expiresAt = :expiresAt',
            ConditionExpression: 'attribute_exists(routeTableId)',
            ExpressionAttributeNames: { '#until': 'until', '#expiresAt': 'expiresAt' },
            ExpressionAttributeValues: { ':at': at.toISOString(), ':expiresAt': expiresAfter(at) },
          });
          return ended ? 'ended' : 'none';
        }),
      );
      return mostOf(all);
    },

    async hold(routeTableId, destination, order) {
      const key = { routeTableId, order: 'holds' };
      // The first hold creates the map. If somebody else creates it meanwhile, the last try writes into theirs.
      const isHeld =
        (await setHold(key, destination, written(order))) ||
        (await update({
          Key: key,
          UpdateExpression: 'SET #holds = :holds',
          ConditionExpression: 'NOT attribute_type(#holds, :map)',
          ExpressionAttributeNames: { '#holds': 'holds' },
          ExpressionAttributeValues: { ':holds': { [destination]: written(order) }, ':map': 'M' },
        })) ||
        (await setHold(key, destination, written(order)));
      if (!isHeld) throw new Error(`the holds of ${routeTableId} were removed at the same time: try again`);
    },

    async release(routeTableId, destination, at) {
      const key = { routeTableId, order: 'holds' };
      const { Item } = await client.send(new GetCommand({ TableName: ordersTable, Key: key, ConsistentRead: true }));
      const holds: unknown = Item?.['holds'];
      if (typeof holds !== 'object' || holds === null) return 'none';
      const spelled = Object.entries(holds).filter(([text]) => canonicalText(text) === destination);
      const all = await Promise.all(
        spelled.map(async ([text, value]): Promise<Ended> => {
          const [found] = ordersOf([{ ...key, holds: { [text]: value } }]).holds;
          if (found?.until && found.until <= at) return 'over';
          const { until: _, destination: __, ...hold } = found ?? {};
          return (await setHold(key, text, { ...hold, until: at.toISOString() })) ? 'ended' : 'none';
        }),
      );
      return mostOf(all);
    },

    async approve(routeTableId, { until, ...approval }) {
      const row = { routeTableId, order: 'approval', ...approval };
      await put({ ...row, until: until.toISOString(), expiresAt: expiresAfter(until) });
    },

    async approveEdit(edit, { by, at, until }) {
      await update({
        Key: { routeTableId: everyTable, order: 'approval' },
        UpdateExpression: 'ADD #edits :edits SET #by = :by, #at = :at, #until = :until, #expiresAt = :expiresAt',
        ExpressionAttributeNames: {
          '#edits': 'edits',
          '#by': 'by',
          '#at': 'at',
          '#until': 'until',
          '#expiresAt': 'expiresAt',
        },
        ExpressionAttributeValues: {
          ':edits': new Set([edit]),
          ':by': by,
          ':at': at.toISOString(),
          ':until': until.toISOString(),
          ':expiresAt': expiresAfter(until),
        },
      });
    },
  };
}

const written = ({ reason, by, at, until }: NewOrder): Record<string, string> => ({
  reason,
  by,
  at: at.toISOString(),
  ...(until && { until: until.toISOString() }),
});

const mostOf = (all: readonly Ended[]): Ended =>
  (['ended', 'over'] as const).find((one) => all.includes(one)) ?? 'none';
