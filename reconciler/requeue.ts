import { leftOf } from './core/memory/trigger.ts';
import type { Invocation } from './lease.ts';
import type { RequeueMessage, World } from './ports.ts';
import { reconcileFor } from './reconcile.ts';

/** Answers a message that asks for a reconcile. A message for a time that the status no longer waits for is dropped. */
export async function reconcileAgain(
  { routeTableId, nextRetry, hop, kinds, deletions = [] }: RequeueMessage,
  messageId: string,
  world: World,
  invocation: Invocation,
): Promise<void> {
  if (nextRetry !== undefined) {
    const { state } = await world.states.read(routeTableId);
    if (state?.status.nextRetry !== nextRetry) return;
  }
  const trigger = { kind: 'requeue', id: messageId } as const;
  const occasion = kinds ? { kinds, deletions } : { ...leftOf(trigger), deletions, trigger };
  await reconcileFor(routeTableId, occasion, world, { ...invocation, hop });
}
