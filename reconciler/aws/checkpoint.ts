import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { World } from '../ports.ts';

/** Reads an item and its table's lease in one strongly consistent call. Throws when either could not be read. */
export function checkpoint(
  client: DynamoDBDocumentClient,
  { desiredTable, stateTable }: { readonly desiredTable: string; readonly stateTable: string },
): World['checkpoint'] {
  return async (routeTableId) => {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetCommand({
        RequestItems: {
          [desiredTable]: { Keys: [{ routeTableId }], ConsistentRead: true },
          [stateTable]: { Keys: [{ routeTableId, item: 'lease' }], ConsistentRead: true },
        },
      }),
    );
    if (!Responses || Object.keys(UnprocessedKeys ?? {}).length > 0) {
      throw new Error('DynamoDB did not answer for every item of the checkpoint');
    }
    const holder: unknown = Responses[stateTable]?.[0]?.['holder'];
    return { item: Responses[desiredTable]?.[0], holder: typeof holder === 'string' ? holder : undefined };
  };
}
