import { type SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import type { Requeue, RequeueMessage } from '../ports.ts';

/** SQS delays a message by at most 15 minutes. */
const longestDelaySeconds = 900;

/** The queue whose messages say "look at this table again". */
export const requeueQueue = (client: SQSClient, queueUrl: string): Requeue => ({
  async send(message, delayMs) {
    const DelaySeconds = Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delayMs / 1_000)));
    await client.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message), DelaySeconds }),
    );
  },
});

const messageShape = z.object({
  routeTableId: z.string().min(1),
  nextRetry: z.iso.datetime().optional(),
  hop: z.int().min(0),
});

/** Reads the body of a message; undefined when it is none of ours. */
export function requeueMessage(body: string): RequeueMessage | undefined {
  try {
    const { nextRetry, ...message } = messageShape.parse(JSON.parse(body));
    return { ...message, ...(nextRetry !== undefined && { nextRetry }) };
  } catch {
    return undefined;
  }
}
