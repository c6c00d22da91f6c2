import { everyTable } from './core/desired/orders.ts';
import { leftOf } from './core/memory/trigger.ts';
import { announceWaitingEdits } from './fleet-brake.ts';
import { type Invocation, longestChain, tooEarlyMs } from './lease.ts';
import type { RequeueMessage, World } from './ports.ts';
import { reconcileFor } from './reconcile.ts';

/** Reconciles the table that a message names, or announces the edits that wait. If the status no longer waits for its `nextRetry`, drops the message. */
export async function reconcileAgain(
  { routeTableId, nextRetry, hop, kinds }: RequeueMessage,
  messageId: string,
  world: World,
  invocation: Invocation,
): Promise<void> {
  if (routeTableId === everyTable) return announceWaitingEdits(world);
  if (nextRetry !== undefined) {
    const { state } = await world.states.read(routeTableId);
    if (state?.status.nextRetry !== nextRetry) return;
    const earlyMs = Date.parse(nextRetry) - world.now().getTime();
    // A message is delayed by 15 minutes at most, and a turn may be further away.
    if (earlyMs > tooEarlyMs && hop < longestChain)
      return world.requeue.send({ routeTableId, nextRetry, hop: hop + 1 }, earlyMs);
  }
  const trigger = { kind: 'requeue', id: messageId } as const;
  const occasion = kinds ? { kinds, deletions: [], hop } : { ...leftOf(trigger, hop), trigger };
  await reconcileFor(routeTableId, occasion, world, invocation);
}
