import { BatchGetCommand, type BatchGetCommandInput, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** BatchGetItem takes at most this many keys (DynamoDB API Reference). */
const keysPerBatch = 100;

type How = Omit<NonNullable<BatchGetCommandInput['RequestItems']>[string], 'Keys'>;

/** Those of a table's items that are there, in no order, in as few calls as there are hundreds of keys. */
export async function* batchGet(
  client: DynamoDBDocumentClient,
  tableName: string,
  keys: readonly Record<string, unknown>[],
  how: How = {},
): AsyncGenerator<Record<string, unknown>, undefined> {
  let left = [...keys];
  while (left.length > 0) {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetCommand({ RequestItems: { [tableName]: { ...how, Keys: left.slice(0, keysPerBatch) } } }),
    );
    yield* Responses?.[tableName] ?? [];
    // DynamoDB answers what fits 16 MB and names the rest.
    left = [...(UnprocessedKeys?.[tableName]?.Keys ?? []), ...left.slice(keysPerBatch)];
  }
  return undefined;
}
