import { type DynamoDBDocumentClient, GetCommand, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { DesiredItems, DesiredPage } from '../../ports.ts';
import { batchGet } from './batch-get.ts';

/** Items per page of a sweep. One DescribeRouteTables page and one BatchGetItem call can each return this many. */
const itemsPerPage = 100;

/** The keys of all items, in order. */
export async function keysOfItems(client: DynamoDBDocumentClient, tableName: string): Promise<readonly string[]> {
  const ids: string[] = [];
  const pages = paginateScan({ client }, { TableName: tableName, ProjectionExpression: 'routeTableId' });
  for await (const { Items = [] } of pages) ids.push(...Items.map((item) => String(item['routeTableId'])));
  return ids.sort();
}

/** One item as it is stored now, or undefined (strongly consistent read). */
export async function readItem(
  client: DynamoDBDocumentClient,
  tableName: string,
  routeTableId: string,
): Promise<unknown> {
  const { Item } = await client.send(
    new GetCommand({ TableName: tableName, Key: { routeTableId }, ConsistentRead: true }),
  );
  return Item;
}

/** The DynamoDB table of desired items. Items are returned as they are stored, without any check of their content. */
export function desiredItems(client: DynamoDBDocumentClient, tableName: string): DesiredItems {
  async function* pages(cursor?: string): AsyncGenerator<DesiredPage, undefined> {
    const scan = paginateScan(
      { client, pageSize: itemsPerPage },
      { TableName: tableName, ...(cursor !== undefined && { ExclusiveStartKey: { routeTableId: cursor } }) },
    );
    for await (const { Items = [], LastEvaluatedKey } of scan) {
      const next: unknown = LastEvaluatedKey?.['routeTableId'];
      yield {
        items: Items.map((item) => ({ routeTableId: String(item['routeTableId']), item })),
        ...(typeof next === 'string' && { next }),
      };
    }
    return undefined;
  }

  async function existing(routeTableIds: readonly string[]): Promise<ReadonlySet<string>> {
    const keys = routeTableIds.map((routeTableId) => ({ routeTableId }));
    const how = { ConsistentRead: true, ProjectionExpression: 'routeTableId' };
    const found = new Set<string>();
    for await (const { routeTableId } of batchGet(client, tableName, keys, how)) found.add(String(routeTableId));
    return found;
  }

  return { pages, existing };
}
