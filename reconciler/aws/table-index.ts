import {
  BatchWriteCommand,
  type BatchWriteCommandInput,
  type DynamoDBDocumentClient,
  paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import type { TableIndex } from '../ports.ts';

/** BatchWriteItem accepts at most 25 writes (DynamoDB API Reference). */
const writesPerBatch = 25;

/**
 * Finds the route tables that an id concerns. The index lives in the state table: each id has a partition (`#nat-…`)
 * with one item per route table. Route table ids never begin with `#`, so the two do not mix.
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
