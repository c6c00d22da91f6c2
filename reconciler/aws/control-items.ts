import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Pause } from '../core/desired.ts';
import { isActive } from '../core/ignore.ts';
import { type OrderedApproval, ordersOf, pauseFields } from '../core/orders.ts';
import { fleetControl } from './state-table.ts';

/** A pause or stop as it is written. */
export interface PauseOrder {
  readonly reason: string;
  readonly by: string;
  /** When it was given. */
  readonly at: Date;
  readonly until?: Date;
}

/** What is ordered: one table to pause, or the whole fleet to stop. */
export type Scope = { readonly routeTableId: string } | 'fleet';

/** What there was to end: a pause that has `ended` now, one that was `over` before, or `none`. */
export type Resumed = 'ended' | 'over' | 'none';

/** Writes orders, each in one request that leaves the rest of the control item as it is. */
export interface ControlItems {
  /** Pauses a table or stops the fleet; takes the place of a pause before, and returns it where it still held. */
  pause(scope: Scope, order: PauseOrder): Promise<Pause | undefined>;
  /**
   * Ends a pause at `at`, and leaves it there with that end. One that is over by then keeps the end it had: what came
   * since is not held against it.
   */
  resume(scope: Scope, at: Date): Promise<Resumed>;
  approve(routeTableId: string, approval: OrderedApproval): Promise<void>;
}

export function controlItems(client: DynamoDBDocumentClient, stateTable: string): ControlItems {
  const placeOf = (scope: Scope) =>
    scope === 'fleet'
      ? { key: fleetControl, field: pauseFields.fleet }
      : { key: { routeTableId: scope.routeTableId, item: 'control' }, field: pauseFields.table };

  /** Writes a field, and returns an item with what stood there before. */
  const put = async (key: Record<string, string>, field: string, value: Record<string, unknown>): Promise<unknown> => {
    const { Attributes } = await client.send(
      new UpdateCommand({
        TableName: stateTable,
        Key: key,
        UpdateExpression: 'SET #field = :value',
        ExpressionAttributeNames: { '#field': field },
        ExpressionAttributeValues: { ':value': value },
        ReturnValues: 'UPDATED_OLD',
      }),
    );
    return Attributes;
  };

  /** Ends what stands in a field at `at`, and leaves it there with that end. Says whether anything did. */
  const end = async (key: Record<string, string>, field: string, at: Date): Promise<boolean> => {
    try {
      await client.send(
        new UpdateCommand({
          TableName: stateTable,
          Key: key,
          UpdateExpression: 'SET #field.#until = :at',
          ConditionExpression: 'attribute_type(#field, :map)',
          ExpressionAttributeNames: { '#field': field, '#until': 'until' },
          ExpressionAttributeValues: { ':at': at.toISOString(), ':map': 'M' },
        }),
      );
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
    // What somebody put by hand may be no map at all: it ends as what it is, and leaves its mark, too.
    try {
      await client.send(
        new UpdateCommand({
          TableName: stateTable,
          Key: key,
          UpdateExpression: 'SET #field = :ended',
          ConditionExpression: 'attribute_exists(#field)',
          ExpressionAttributeNames: { '#field': field },
          ExpressionAttributeValues: { ':ended': { reason: 'put by hand', until: at.toISOString() } },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  return {
    async pause(scope, { at, until, ...order }) {
      const { key, field } = placeOf(scope);
      const pause = { ...order, at: at.toISOString(), ...(until && { until: until.toISOString() }) };
      const [was] = ordersOf(await put(key, field, pause), undefined).pauses;
      return was && isActive(was, at) ? was : undefined;
    },

    async resume(scope, at) {
      const { key } = placeOf(scope);
      const { Item = {} } = await client.send(
        new GetCommand({ TableName: stateTable, Key: key, ConsistentRead: true }),
      );
      const resumed = async (field: string): Promise<Resumed> => {
        const [found] = ordersOf({ [field]: Item[field] }, undefined).pauses;
        if (!found) return 'none';
        if (found.until && found.until <= at) return 'over';
        return (await end(key, field, at)) ? 'ended' : 'none';
      };
      // In a hurry somebody may have put it under the other name, where it holds as well.
      const all = await Promise.all(Object.values(pauseFields).map(resumed));
      return (['ended', 'over'] as const).find((one) => all.includes(one)) ?? 'none';
    },

    async approve(routeTableId, { until, ...approval }) {
      await put({ routeTableId, item: 'control' }, 'approval', { ...approval, until: until.toISOString() });
    },
  };
}
