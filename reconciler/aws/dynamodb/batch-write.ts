import { BatchWriteCommand, type BatchWriteCommandInput, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** BatchWriteItem accepts at most 25 writes (DynamoDB API Reference). */
const writesPerBatch = 25;

type Writes = NonNullable<BatchWriteCommandInput['RequestItems']>[string];

/** Makes all writes, in batches of 25. When it throws, some may be made. */
export async function batchWrite(client: DynamoDBDocumentClient, tableName: string, writes: Writes): Promise<void> {
  let left = writes;
  while (left.length > 0) {
    const { UnprocessedItems } = await client.send(
      new BatchWriteCommand({ RequestItems: { [tableName]: left.slice(0, writesPerBatch) } }),
    );
    left = [...(UnprocessedItems?.[tableName] ?? []), ...left.slice(writesPerBatch)];
  }
}
