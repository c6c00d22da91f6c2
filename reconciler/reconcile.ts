import pMap from 'p-map';
import type { Phase } from './core/status.ts';
import { callKeptMs } from './core/memory/call.ts';
import { type Occasion, type Trigger, leftOf } from './core/trigger.ts';
import { type Invocation, leaseMarginMs, leaseMs, messageOf, underLease } from './lease.ts';
import type { RequeueMessage, World } from './ports.ts';
import { Round } from './round.ts';

/** How many tables are reconciled at the same time. */
export const tablesAtOnce = 4;

/** What one reconcile ended in. */
export interface Reconciled {
  readonly routeTableId: string;
  /** `Held`: another invocation holds the table and goes once more on our account. */
  readonly phase: Phase | 'Held';
}

/**
 * Reconciles one route table: reads its desired item, brings the table to it, and writes down what came of it. Only one
 * invocation does so for a table at a time.
 *
 * The plan is recorded before the first mutation. An invalid item changes nothing in EC2; an absent one ends management
 * and changes no route, and one that was deleted and written again earns its deletes anew. A read that fails, of the item,
 * the record or the table, throws and changes nothing. When the item is edited meanwhile, nothing more of the old plan is
 * written, and the table is planned anew.
 */
export const reconcile = (
  routeTableId: string,
  trigger: Trigger,
  world: World,
  invocation: Invocation,
): Promise<Reconciled> => reconcileFor(routeTableId, { ...leftOf(trigger), trigger }, world, invocation);

async function reconcileFor(
  routeTableId: string,
  { trigger, ...own }: Occasion,
  world: World,
  invocation: Invocation,
): Promise<Reconciled> {
  const { kind, id, name } = { id: undefined, name: undefined, ...(trigger ?? { kind: own.kinds[0] }) };
  const log = world.log.with({ routeTableId, trigger: kind, triggerId: id, triggerName: name });
  let isFirst = true;
  const phase = await underLease(routeTableId, own, { ...world, log }, invocation, async (left, until) => {
    const look = async (occasion: Occasion): Promise<Round> => {
      const [before, calls] = await Promise.all([
        world.states.read(routeTableId),
        world.evidence.of(routeTableId, new Date(world.now().getTime() - callKeptMs)),
      ]);
      return new Round(routeTableId, occasion, before, calls, world, log, { ...invocation, until });
    };
    const { deletions } = left;
    if (deletions.length > 0) await (await look({ kinds: ['desired'], deletions })).forget();
    const round = await look({ ...left, ...(isFirst && trigger && { trigger }) });
    isFirst = false;
    return round.run();
  });
  // A holder that dies takes what was left with it, and nothing in the table tells of a deletion afterwards.
  if (phase === undefined && own.deletions.length > 0)
    await world.requeue.send({ routeTableId, hop: 0, ...messageOf(own) }, leaseMs + leaseMarginMs);
  return { routeTableId, phase: phase ?? 'Held' };
}

/**
 * Reconciles several tables, each whether or not the others fail.
 *
 * @throws AggregateError with every failure, when all tables had their turn; its message tells them all
 */
export async function reconcileEach(
  routeTableIds: readonly string[],
  trigger: Trigger,
  world: World,
  invocation: Invocation,
): Promise<void> {
  const failures: unknown[] = [];
  await pMap(
    routeTableIds,
    async (routeTableId) => {
      try {
        await reconcile(routeTableId, trigger, world, invocation);
      } catch (error) {
        world.log.error('could not look at a table', { routeTableId, error });
        failures.push(error);
      }
    },
    { concurrency: tablesAtOnce },
  );
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
}

/**
 * Answers a message that asks to look at a table again. One that was sent for a moment which the status no longer waits
 * for is out of date and dropped.
 */
export async function reconcileAgain(
  { routeTableId, nextRetry, hop, kinds, deletions = [] }: RequeueMessage,
  messageId: string,
  world: World,
  invocation: Invocation,
): Promise<void> {
  if (nextRetry !== undefined) {
    const status = await world.states.read(routeTableId);
    if (status?.nextRetry !== nextRetry) return;
  }
  const trigger = { kind: 'requeue', id: messageId } as const;
  const occasion = kinds ? { kinds, deletions } : { ...leftOf(trigger), deletions, trigger };
  await reconcileFor(routeTableId, occasion, world, { ...invocation, hop });
}
