import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/**
 * A client that reads and writes rows as plain values.
 *
 * It reads any number that DynamoDB can store, rounded if it is too large for JavaScript. By default the SDK throws at
 * some of these numbers, and then one number in one row hides every other row of its page.
 */
export const documentClient = (client = new DynamoDBClient({})): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true },
    unmarshallOptions: { wrapNumbers: Number },
  });
