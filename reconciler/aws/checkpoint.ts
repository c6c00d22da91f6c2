import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { fleetControl } from './state-table.ts';
import { ordersOf } from '../core/orders.ts';
import type { World } from '../ports.ts';

/** Reads an item, its table's lease and all orders in one strongly consistent call. Throws when any could not be read. */
export function checkpoint(
  client: DynamoDBDocumentClient,
  { desiredTable, stateTable }: { readonly desiredTable: string; readonly stateTable: string },
): World['checkpoint'] {
  return async (routeTableId) => {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetCommand({
        RequestItems: {
          [desiredTable]: { Keys: [{ routeTableId }], ConsistentRead: true },
          [stateTable]: {
            Keys: [{ routeTableId, item: 'lease' }, { routeTableId, item: 'control' }, fleetControl],
            ConsistentRead: true,
          },
        },
      }),
    );
    if (!Responses || Object.keys(UnprocessedKeys ?? {}).length > 0) {
      throw new Error('DynamoDB did not answer for every item of the checkpoint');
    }
    const states = Responses[stateTable] ?? [];
    const fleet = states.find((state) => state['routeTableId'] === fleetControl.routeTableId);
    const ofTable = (item: string) => states.find((state) => state !== fleet && state['item'] === item);
    const holder: unknown = ofTable('lease')?.['holder'];
    return {
      item: Responses[desiredTable]?.[0],
      orders: ordersOf(ofTable('control'), fleet),
      holder: typeof holder === 'string' ? holder : undefined,
    };
  };
}
