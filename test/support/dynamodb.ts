import { Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { documentClient } from '../../reconciler/aws/dynamodb/document-client.ts';

/** One request as it is sent over the wire. */
export interface DynamoDbRequest {
  /** Such as `GetItem`. */
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/** A client with a stubbed wire: `answer` plays the service. For answers that are hard to provoke otherwise. */
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
  return { documents: documentClient(client), requests };
}

/** The maximum size of an item in bytes (Developer Guide, quotas). */
export const itemLimit = 400 * 1024;

/**
 * The size of a value in bytes, as DynamoDB counts it (Developer Guide, item sizes). Strings and names count in UTF-8.
 * A list or map counts 3 bytes, plus 1 byte per element.
 */
export function itemSize(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 21;
  const inner = Object.entries(value).map(
    ([name, inner]) => (Array.isArray(value) ? 0 : name.length) + itemSize(inner) + 1,
  );
  return inner.reduce((sum, bytes) => sum + bytes, 3);
}
