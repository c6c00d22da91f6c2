import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { everyTable, ordersOf, stoppingOrders, orderNames } from '../../core/desired/orders.ts';
import type { TableOrders } from '../../ports.ts';

/** The keys of all rows that can concern one table. */
export const orderKeys = (
  routeTableId: string,
): readonly { readonly routeTableId: string; readonly order: string }[] => [
  ...orderNames.map((order) => ({ routeTableId, order })),
  ...stoppingOrders.map((order) => ({ routeTableId: everyTable, order })),
];

/** The table of orders. It is small: one Scan reads it. */
export function tableOrders(client: DynamoDBDocumentClient, tableName: string): TableOrders {
  return {
    async all() {
      const rows = new Map<unknown, object[]>();
      for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName, ConsistentRead: true }))
        for (const row of Items) rows.set(row['routeTableId'], [...(rows.get(row['routeTableId']) ?? []), row]);
      const ofAll = rows.get(everyTable) ?? [];
      return (routeTableId) =>
        ordersOf(routeTableId === everyTable ? ofAll : [...(rows.get(routeTableId) ?? []), ...ofAll]);
    },
  };
}
