import {
  BatchWriteCommand,
  type BatchWriteCommandInput,
  type DynamoDBDocumentClient,
  paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import type { TableIndex } from '../ports.ts';

/** BatchWriteItem takes at most this many (DynamoDB API Reference). */
const writesPerBatch = 25;

/**
 * Which route tables an id concerns: in the table of states, one partition for each id (`#nat-…`), with an item for each
 * table. No route table's id begins with `#`.
 */
export function tableIndex(client: DynamoDBDocumentClient, tableName: string): TableIndex {
  type Writes = NonNullable<BatchWriteCommandInput['RequestItems']>[string];

  async function write(writes: Writes): Promise<void> {
    let left = writes;
    while (left.length > 0) {
      const { UnprocessedItems } = await client.send(
        new BatchWriteCommand({ RequestItems: { [tableName]: left.slice(0, writesPerBatch) } }),
      );
      left = [...(UnprocessedItems?.[tableName] ?? []), ...left.slice(writesPerBatch)];
    }
  }

  return {
    async tablesUnder(id) {
      const found: string[] = [];
      const pages = paginateQuery(
        { client },
        {
          TableName: tableName,
          KeyConditionExpression: 'routeTableId = :id',
          ExpressionAttributeValues: { ':id': `#${id}` },
          ConsistentRead: true,
        },
      );
      for await (const { Items = [] } of pages)
        found.push(...Items.map(({ item }) => item).filter((item) => typeof item === 'string'));
      return found;
    },

    async keep(routeTableId, { add, remove }) {
      const key = (id: string) => ({ routeTableId: `#${id}`, item: routeTableId });
      await write([
        ...add.map((id) => ({ PutRequest: { Item: key(id) } })),
        ...remove.map((id) => ({ DeleteRequest: { Key: key(id) } })),
      ]);
    },
  };
}
