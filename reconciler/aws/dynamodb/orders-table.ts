import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { allOrders } from '../../core/desired/all-orders.ts';
import { everyTable, orderNames, ordersOf, stoppingOrders } from '../../core/desired/orders.ts';
import type { TableOrders } from '../../ports.ts';
import { batchGet } from './batch-get.ts';

/** The keys of the rows that concern all tables. */
const fleetKeys = [...stoppingOrders, 'approval'].map((order) => ({ routeTableId: everyTable, order }));

/** The keys of all rows that can concern one table. */
export const orderKeys = (
  routeTableId: string,
): readonly { readonly routeTableId: string; readonly order: string }[] => [
  ...orderNames.map((order) => ({ routeTableId, order })),
  ...fleetKeys,
];

/** The table of orders. It is small: one Scan reads it. */
export function tableOrders(client: DynamoDBDocumentClient, tableName: string): TableOrders {
  return {
    async ofAll() {
      const rows: object[] = [];
      for await (const row of batchGet(client, tableName, fleetKeys, { ConsistentRead: true })) rows.push(row);
      return ordersOf(rows);
    },
    async all() {
      const rows: Record<string, unknown>[] = [];
      for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName, ConsistentRead: true }))
        rows.push(...Items);
      return allOrders(rows);
    },
  };
}
