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
