import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { routeTableIdPattern } from '../../core/route/route.ts';
import type { TableIndex } from '../../ports.ts';
import { batchGet } from './batch-get.ts';
import { batchWrite } from './batch-write.ts';

/**
 * Finds the route tables that an id concerns. The index lives in the state table: each id has a partition (`#nat-…`)
 * with one item per route table. Route table ids never begin with `#`, so the two do not mix.
 */
export function tableIndex(client: DynamoDBDocumentClient, tableName: string): TableIndex {
  const keyOf = (id: string, routeTableId: string) => ({ routeTableId: `#${id}`, item: routeTableId });

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
      for await (const { Items = [] } of pages) found.push(...Items.map(({ item }) => item).filter(isTableId));
      return found;
    },

    async thoseUnder(id, routeTableIds) {
      const found = new Set<string>();
      const keys = routeTableIds.map((routeTableId) => keyOf(id, routeTableId));
      for await (const { item } of batchGet(client, tableName, keys, { ConsistentRead: true }))
        if (isTableId(item)) found.add(item);
      return found;
    },

    async keep(routeTableId, { add, remove }) {
      await batchWrite(client, tableName, [
        ...add.map((id) => ({ PutRequest: { Item: keyOf(id, routeTableId) } })),
        ...remove.map((id) => ({ DeleteRequest: { Key: keyOf(id, routeTableId) } })),
      ]);
    },
  };
}

const isTableId = (value: unknown): value is string => typeof value === 'string' && routeTableIdPattern.test(value);
