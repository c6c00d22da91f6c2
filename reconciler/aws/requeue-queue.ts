import { type SQSClient, SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { routeTableIdPattern } from '../core/route/route.ts';
import { everyTable } from '../core/desired/orders.ts';
import { triggerKinds } from '../core/memory/trigger.ts';
import { longestChain } from '../lease.ts';
import type { Requeue, RequeueMessage } from '../ports.ts';

/** SQS delays a message by at most 15 minutes. */
const longestDelaySeconds = 900;

/** SendMessageBatch accepts at most 10 entries. */
const entriesPerBatch = 10;

/** The queue whose messages ask for another reconcile of a table. */
export const requeueQueue = (client: SQSClient, queueUrl: string): Requeue => ({
  async send(message, delayMs) {
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, ...entry(message, delayMs) }));
  },
  async sendMany(messages) {
    for (let start = 0; start < messages.length; start += entriesPerBatch) {
      const Entries = messages
        .slice(start, start + entriesPerBatch)
        .map(({ message, delayMs }, index) => ({ Id: String(index), ...entry(message, delayMs) }));
      const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      const [first] = Failed;
      if (first) throw new Error(`SQS rejected ${Failed.length} of ${Entries.length} messages: ${first.Message}`);
    }
  },
});

const entry = (message: RequeueMessage, delayMs: number): { MessageBody: string; DelaySeconds: number } => ({
  MessageBody: JSON.stringify(message),
  DelaySeconds: Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delayMs / 1_000))),
});

const messageShape = z.object({
  routeTableId: z.string().regex(routeTableIdPattern).or(z.literal(everyTable)),
  nextRetry: z.iso.datetime().optional(),
  // A forged count can end the chain of its table, and no more.
  hop: z
    .int()
    .min(0)
    .transform((hop) => Math.min(hop, longestChain)),
  kinds: z.array(z.enum(triggerKinds)).min(1).optional(),
});

/** Parses the body of a message. Undefined if it is not one of ours. */
export function requeueMessage(body: string): RequeueMessage | undefined {
  try {
    const { nextRetry, kinds, ...message } = messageShape.parse(JSON.parse(body));
    return {
      ...message,
      ...(nextRetry !== undefined && { nextRetry }),
      ...(kinds && { kinds }),
    };
  } catch {
    return undefined;
  }
}
