import { Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** One request as it goes over the wire. */
export interface DynamoDbRequest {
  /** Such as `GetItem`. */
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/** A client whose requests are answered here, as the service would over the wire: for answers that are hard to provoke. */
export function dynamoDbThatAnswers(answer: (request: DynamoDbRequest) => object): {
  readonly documents: DynamoDBDocumentClient;
  readonly requests: readonly DynamoDbRequest[];
} {
  const requests: DynamoDbRequest[] = [];
  const client = new DynamoDBClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    requestHandler: {
      handle: async ({ headers, body }: { headers: Record<string, string>; body?: Uint8Array }) => {
        const operation = headers['x-amz-target']?.split('.')[1] ?? '';
        const request = { operation, input: JSON.parse(new TextDecoder().decode(body)) };
        requests.push(request);
        return {
          response: {
            statusCode: 200,
            headers: { 'content-type': 'application/x-amz-json-1.0' },
            body: Readable.from([JSON.stringify(answer(request))]),
          },
        };
      },
    },
  });
  return { documents: DynamoDBDocumentClient.from(client), requests };
}

/** The most that an item may count (Developer Guide, quotas). */
export const itemLimit = 400 * 1024;

/** What a value counts in DynamoDB (Developer Guide, item sizes): texts in UTF-8, names too, and 3 + 1 bytes for nesting. */
export function itemSize(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 21;
  const inner = Object.entries(value).map(
    ([name, inner]) => (Array.isArray(value) ? 0 : name.length) + itemSize(inner) + 1,
  );
  return inner.reduce((sum, bytes) => sum + bytes, 3);
}
