import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { ordersOf } from '../../core/desired/orders.ts';
import type { World } from '../../ports.ts';
import { orderKeys } from './orders-table.ts';

/** The tables of a deployment, by name. */
export interface TableNames {
  readonly desiredTable: string;
  readonly ordersTable: string;
  readonly stateTable: string;
}

/**
 * Reads the item, the lease and the orders of a table in one strongly consistent call. Throws if one cannot be read.
 */
export function checkpoint(
  client: DynamoDBDocumentClient,
  { desiredTable, ordersTable, stateTable }: TableNames,
): World['checkpoint'] {
  return async (routeTableId) => {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetCommand({
        RequestItems: {
          [desiredTable]: { Keys: [{ routeTableId }], ConsistentRead: true },
          [ordersTable]: { Keys: [...orderKeys(routeTableId)], ConsistentRead: true },
          [stateTable]: { Keys: [{ routeTableId, item: 'lease' }], ConsistentRead: true },
        },
      }),
    );
    if (!Responses || Object.keys(UnprocessedKeys ?? {}).length > 0) {
      throw new Error('DynamoDB did not answer for every item of the checkpoint');
    }
    const holder: unknown = Responses[stateTable]?.[0]?.['holder'];
    return {
      item: Responses[desiredTable]?.[0],
      orders: ordersOf(Responses[ordersTable] ?? []),
      holder: typeof holder === 'string' ? holder : undefined,
    };
  };
}
