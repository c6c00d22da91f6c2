import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { everyTable } from '../reconciler/core/desired/orders.ts';
import { type Trigger, itemWasDeleted } from '../reconciler/core/memory/trigger.ts';
import { together } from '../reconciler/bulk-reads.ts';
import { announceFleetOrders } from '../reconciler/fleet-orders.ts';
import { reconcile } from '../reconciler/reconcile.ts';
import type { World } from '../reconciler/ports.ts';
import { wakeReleased } from '../reconciler/wake.ts';
import { invocationOf, runtime } from './runtime.ts';

/**
 * Runs on the streams of desired items and of orders: records → route tables → reconcile.
 *
 * Only failed records are reported back, so that one table does not hold up the others. Several edits of one table in a
 * batch cause one reconcile, which reads the item as it is now. Only the records show whether the item was deleted
 * meanwhile.
 */
export async function handler(event: DynamoDBStreamEvent, context: Context): Promise<DynamoDBBatchResponse> {
  const { world: alone } = runtime();
  const named = event.Records.map(({ dynamodb }) => keysOf(dynamodb).routeTableId ?? '');
  const world = together(alone, named);
  const invocation = invocationOf(context);
  const underway = new Map<string, Promise<void>>();
  const deleted = new Set(
    event.Records.filter(({ eventName, dynamodb }) => eventName === itemWasDeleted && !keysOf(dynamodb).isOrder).map(
      ({ dynamodb }) => keysOf(dynamodb).routeTableId,
    ),
  );
  const reconcileOnce = async (routeTableId: string, trigger: Trigger): Promise<void> => {
    try {
      await reconcile(routeTableId, trigger, world, invocation);
    } catch (error) {
      // The answer to Lambda names the failed records, but not the errors.
      world.log.error('could not reconcile a table', { routeTableId, error });
      throw error;
    }
  };
  const reconcileRecord = async ({ dynamodb, eventID }: DynamoDBRecord): Promise<void> => {
    const { routeTableId, isOrder } = keysOf(dynamodb);
    const id = dynamodb?.SequenceNumber ?? eventID ?? context.awsRequestId;
    if (!routeTableId) return;
    // An order for all tables takes effect at every checkpoint, and the next sweep shows it in the statuses.
    const begin = (): Promise<void> =>
      isOrder && routeTableId === everyTable
        ? answerFleetOrder(world, id)
        : reconcileOnce(routeTableId, triggerFor(isOrder, deleted.has(routeTableId), id));
    const reconciled = underway.get(routeTableId) ?? begin();
    underway.set(routeTableId, reconciled);
    await reconciled;
  };
  return processPartialResponse(event, reconcileRecord, new BatchProcessor(EventType.DynamoDBStreams), {
    context,
    throwOnFullBatchFailure: false,
  });
}

/** An approval of edits is for tables that wait. They are reconciled at once, and not only by the next sweep. */
async function answerFleetOrder(world: World, id: string): Promise<void> {
  await announceFleetOrders(world, { kind: 'person', id });
  await wakeReleased(world);
}

function triggerFor(isOrder: boolean, isDeleted: boolean, id: string): Trigger {
  if (isOrder) return { kind: 'person', id };
  return isDeleted ? { kind: 'desired', id, deleted: true } : { kind: 'desired', id };
}

/** Orders have a second key, their name; items have none. */
function keysOf(record: DynamoDBRecord['dynamodb']): { readonly routeTableId?: string; readonly isOrder: boolean } {
  const { routeTableId, order } = record?.Keys ?? {};
  return { ...(routeTableId?.S && { routeTableId: routeTableId.S }), isOrder: order !== undefined };
}
