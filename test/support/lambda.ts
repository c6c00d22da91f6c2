import type { Context, DynamoDBStreamEvent, SQSEvent } from 'aws-lambda';

/** The context of an invocation, as Lambda passes it to a function. */
export function contextOf(awsRequestId = 'request-1', remainingMs = 60_000): Context {
  return {
    awsRequestId,
    getRemainingTimeInMillis: () => remainingMs,
    functionName: 'function',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:function',
    memoryLimitInMB: '256',
    logGroupName: '/aws/lambda/function',
    logStreamName: 'stream',
    callbackWaitsForEmptyEventLoop: false,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

type ChangeOfItem = 'INSERT' | 'MODIFY' | 'REMOVE';

/** A batch of the stream of desired items: one record for each id, edited or as said, with its place as sequence number. */
export const streamEvent = (
  ...records: readonly (string | readonly [routeTableId: string, eventName: ChangeOfItem])[]
): DynamoDBStreamEvent => ({
  Records: records.map((record, index) => {
    const [routeTableId, eventName] = typeof record === 'string' ? [record, 'MODIFY' as const] : record;
    return {
      eventID: `event-${index}`,
      eventName,
      eventSource: 'aws:dynamodb',
      dynamodb: { Keys: { routeTableId: { S: routeTableId } }, SequenceNumber: String(index) },
    };
  }),
});

/** A batch of the requeue queue: one message for each body, with its place as id. */
export const queueEvent = (...bodies: readonly string[]): SQSEvent => ({
  Records: bodies.map((body, index) => ({
    messageId: `message-${index}`,
    receiptHandle: '',
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: 'sender',
      ApproximateFirstReceiveTimestamp: '0',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:111122223333:queue',
    awsRegion: 'eu-west-1',
  })),
});
