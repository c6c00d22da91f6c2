import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Orders } from '../../core/desired/orders.ts';
import type { SweepRecord } from '../../core/status/sweep-record.ts';
import type { Known } from '../../ports.ts';
import { batchGet } from './batch-get.ts';
import type { TableNames } from './checkpoint.ts';
import { keysOfItems } from './desired-table.ts';
import { tableOrders } from './orders-table.ts';
import { stateOf } from './state-row.ts';
import { tableStates } from './state-table.ts';

/** What the next reconcile of a table would read from DynamoDB. */
export interface StoredSituation {
  /** As people wrote it. Undefined if there is none. */
  readonly item: unknown;
  readonly orders: Orders;
  readonly known: Known;
}

/** Reads what reconciles read, for people and for many tables at once. Reads of single rows are strongly consistent. */
export interface SituationReader {
  /** One Scan of the orders, and one call for each 100 items and for each 100 states. */
  of(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, StoredSituation>>;
  /** Only the states. A table that was never reconciled has none. */
  states(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Known>>;
  /** The ids of all items. */
  managed(): Promise<readonly string[]>;
  sweep(): Promise<SweepRecord | undefined>;
}

export function situationReader(
  client: DynamoDBDocumentClient,
  { desiredTable, ordersTable, stateTable }: TableNames,
): SituationReader {
  async function items(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    const found = new Map<string, unknown>();
    const keys = routeTableIds.map((routeTableId) => ({ routeTableId }));
    for await (const item of batchGet(client, desiredTable, keys, { ConsistentRead: true }))
      found.set(String(item['routeTableId']), item);
    return found;
  }

  async function states(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Known>> {
    const found = new Map<string, Known>();
    const keys = routeTableIds.map((routeTableId) => ({ routeTableId, item: 'status' }));
    for await (const row of batchGet(client, stateTable, keys, { ConsistentRead: true })) {
      const state = stateOf(row, new Date());
      found.set(String(row['routeTableId']), state ? { state } : { isLost: true });
    }
    return found;
  }

  return {
    async of(routeTableIds) {
      const [stored, orders, known] = await Promise.all([
        items(routeTableIds),
        tableOrders(client, ordersTable).all(),
        states(routeTableIds),
      ]);
      return new Map(
        routeTableIds.map((id) => [id, { item: stored.get(id), orders: orders.of(id), known: known.get(id) ?? {} }]),
      );
    },
    states,
    managed: () => keysOfItems(client, desiredTable),
    sweep: () => tableStates(client, stateTable).readSweep(),
  };
}
