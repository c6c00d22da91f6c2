import { BatchGetCommand, type BatchGetCommandInput, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** BatchGetItem accepts at most 100 keys (DynamoDB API Reference). */
const keysPerBatch = 100;

type How = Omit<NonNullable<BatchGetCommandInput['RequestItems']>[string], 'Keys'>;

/** Reads items by key, up to 100 per call. Keys without an item are skipped. The order is undefined. */
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
    // DynamoDB returns at most 16 MB per call and lists the keys that it did not process.
    left = [...(UnprocessedKeys?.[tableName]?.Keys ?? []), ...left.slice(keysPerBatch)];
  }
  return undefined;
}
