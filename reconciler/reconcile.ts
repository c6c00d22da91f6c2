import pMap from 'p-map';
import type { Phase } from './core/status.ts';
import { type Trigger, tellsOfDeletion } from './core/trigger.ts';
import { type Invocation, leaseMarginMs, leaseMs, underLease } from './lease.ts';
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
): Promise<Reconciled> => reconcileFor(routeTableId, [trigger], world, invocation);

async function reconcileFor(
  routeTableId: string,
  own: readonly Trigger[],
  world: World,
  invocation: Invocation,
): Promise<Reconciled> {
  const { kind, id, name } = own[0] ?? { kind: 'requeue' };
  const log = world.log.with({ routeTableId, trigger: kind, triggerId: id, triggerName: name });
  const phase = await underLease(routeTableId, own, { ...world, log }, invocation, async (triggers, until) => {
    const look = async (told: readonly Trigger[]): Promise<Round> =>
      new Round(routeTableId, told, await world.states.read(routeTableId), world, log, { ...invocation, until });
    const deletions = triggers.filter(tellsOfDeletion);
    if (deletions.length > 0) await (await look(deletions)).forget();
    return (await look(triggers)).run();
  });
  // A holder that dies takes what was left with it, and nothing in the table tells of a deletion afterwards.
  const deletions = own.filter(tellsOfDeletion);
  if (phase === undefined && deletions.length > 0)
    await world.requeue.send({ routeTableId, hop: 0, triggers: deletions }, leaseMs + leaseMarginMs);
  return { routeTableId, phase: phase ?? 'Held' };
}

/** A table to look at, and why. */
export interface Reached {
  readonly routeTableId: string;
  readonly trigger: Trigger;
}

/**
 * Reconciles several tables, each whether or not the others fail.
 *
 * @throws AggregateError with every failure, when all tables had their turn; its message tells them all
 */
export async function reconcileEach(reached: readonly Reached[], world: World, invocation: Invocation): Promise<void> {
  const failures: unknown[] = [];
  await pMap(
    reached,
    async ({ routeTableId, trigger }) => {
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
  { routeTableId, nextRetry, hop, triggers }: RequeueMessage,
  messageId: string,
  world: World,
  invocation: Invocation,
): Promise<void> {
  if (nextRetry !== undefined) {
    const status = await world.states.read(routeTableId);
    if (status?.nextRetry !== nextRetry) return;
  }
  await reconcileFor(routeTableId, triggers ?? [{ kind: 'requeue', id: messageId }], world, { ...invocation, hop });
}
