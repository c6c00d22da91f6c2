import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { type Reconciled, reconcile } from '../reconciler/reconcile.ts';
import { invocationOf, runtime } from './runtime.ts';

/**
 * Wakes on the stream of desired items: records → route tables → reconcile.
 *
 * Only failed records are reported back, so that one table's trouble never holds up the others. Several edits of one
 * table in a batch are one reconcile: it reads the item as it is now.
 */
export async function handler(event: DynamoDBStreamEvent, context: Context): Promise<DynamoDBBatchResponse> {
  const { world } = runtime();
  const invocation = invocationOf(context);
  const underway = new Map<string, Promise<Reconciled>>();
  const reconcileRecord = async ({ dynamodb }: DynamoDBRecord): Promise<void> => {
    const routeTableId = dynamodb?.Keys?.['routeTableId']?.S;
    if (!routeTableId) return;
    const trigger = { kind: 'desired', ...(dynamodb.SequenceNumber && { id: dynamodb.SequenceNumber }) } as const;
    const reconciled = underway.get(routeTableId) ?? reconcile(routeTableId, trigger, world, invocation);
    underway.set(routeTableId, reconciled);
    await reconciled;
  };
  return processPartialResponse(event, reconcileRecord, new BatchProcessor(EventType.DynamoDBStreams), {
    context,
    throwOnFullBatchFailure: false,
  });
}
