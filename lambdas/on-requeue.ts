import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { together } from '../reconciler/bulk-reads.ts';
import { requeueMessage } from '../reconciler/aws/requeue-queue.ts';
import { reconcileAgain } from '../reconciler/requeue.ts';
import { invocationOf, runtime } from './runtime.ts';

/** Runs on messages that ask for another reconcile: verification, back-off, work that was left over. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const { world: alone } = runtime();
  const invocation = invocationOf(context);
  const named = event.Records.flatMap(({ body }) => requeueMessage(body)?.routeTableId ?? []);
  const world = together(alone, named);
  const answer = async ({ body, messageId }: SQSRecord): Promise<void> => {
    const message = requeueMessage(body);
    if (!message) {
      world.log.error('dropped a message that is not one of ours', { messageId, body: body.slice(0, 200) });
      return;
    }
    try {
      await reconcileAgain(message, messageId, world, invocation);
    } catch (error) {
      // The answer to Lambda names the failed messages, but not the errors.
      world.log.error('could not reconcile a table', { routeTableId: message.routeTableId, messageId, error });
      throw error;
    }
  };
  return processPartialResponse(event, answer, new BatchProcessor(EventType.SQS), {
    context,
    throwOnFullBatchFailure: false,
  });
}
