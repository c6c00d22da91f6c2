import { isDeepStrictEqual } from 'node:util';
import { givenOrders } from './core/desired/orders.ts';
import { type News, isEmpty, joined, newsOf } from './core/announce/news.ts';
import { transitions } from './core/announce/transitions.ts';
import { known } from './core/route/known.ts';
import { longestChain } from './lease.ts';
import type { Memory } from './core/memory/memory.ts';
import type { DesiredRoute } from './core/desired/desired.ts';
import { destinationText } from './core/route/route.ts';
import { managed, namesOf } from './core/desired/names.ts';
import type { Orders } from './core/desired/orders.ts';
import type { ChangeOutcome } from './core/route/outcome.ts';
import { type Result, conclude, isBrakeUnknown } from './core/status/conclude.ts';
import { withRuns } from './core/status/follow.ts';
import { isForEverySweep, patienceMs } from './core/status/retries.ts';
import { watchedFrom } from './core/status/arrival.ts';
import { missedAt } from './core/status/drift.ts';
import { type Phase, type State, isCalm } from './core/status/status.ts';
import type { StoredState } from './ports.ts';
import type { Session } from './session.ts';
import { type Wanted, seenHash } from './situation.ts';

/** SQS delays messages by at most 15 minutes. The sweep takes over retries that are due later. */
const longestDelayMs = 15 * 60 * 1_000;

/** What a reconcile hands to `finish`. */
export interface Ending {
  readonly wanted: Wanted;
  readonly orders: Orders;
  readonly memory: Memory;
  readonly outcomes: readonly ChangeOutcome[];
  readonly result: Result;
}

/** The phase of a table after a reconcile, how many of its routes drop their traffic, and whether it was read. */
export interface Finished {
  readonly phase: Phase;
  readonly blackholes: number;
  /** A read of the table was believed. */
  readonly isRead: boolean;
}

/** Ends a reconcile: writes the history and the state, announces the news, and requeues the table for its retry. */
export async function finish(session: Session, ending: Ending): Promise<Finished> {
  const {
    routeTableId,
    world,
    log,
    known: { state: before },
    occasion,
    waker,
    evidence,
    history,
  } = session;
  const { outcomes, result } = ending;
  const { wanted } = ending;
  const on = {
    routeTableId,
    now: world.now(),
    waker,
    ...occasion,
    calls: evidence.recent,
    unread: before && !restsOnRead(before) ? evidence.recent : evidence.unread,
    outcomes,
    ...(wanted.kind === 'last-valid' && { invalid: wanted }),
  };
  const concluded = conclude(before, ending.memory, result, on);
  await history.troubled(before, concluded);
  const remembered = withOrders(
    withRuns(concluded.memory, concluded.status.phase === 'Unmanaged' ? [] : history.runs),
    ending.orders,
    on.now,
  );
  const news = transitions(
    before,
    { ...concluded, memory: remembered },
    { outcomes, calls: evidence.unread, recent: evidence.recent },
  );
  const told = newsOf(news);
  const unsent = joined(before?.unsent, told);
  const index = await addToIndex(session, namesAfter(session, concluded, result, unsent));
  const { indexed: _, unindexed: __, ...others } = remembered;
  const after: State = { ...concluded, memory: { ...others, ...index.remembered } };
  await history.concluded(news);

  const { phase, reason, plan } = after.status;
  const fields = { phase, reason, planId: plan?.planId };
  if (isCalm(phase)) log.info('reconciled', fields);
  else log.warn('reconciled', fields);

  // A pause may end while the result is written down: `seen` is of the time of the status.
  // If the read is not believed, the index was not updated or the fleet brake not asked, the next sweep must reconcile
  // the table.
  const isSeen = result.kind !== 'doubtful' && index.isKept && !isBrakeUnknown(after.memory);
  const actual = 'actual' in result ? result.actual : undefined;
  const stored: StoredState = known({
    ...after,
    revision: (before?.revision ?? 0) + 1,
    seen: isSeen ? seenHash(ending.wanted, ending.orders, actual, on.now) : undefined,
    dueAt: dueAt(after, 'desired' in result ? result.desired.routes : []),
    unsent: isEmpty(unsent) ? undefined : unsent,
  });
  // What becomes news by the time alone must be in a state as well: otherwise every reconcile announces it again.
  const isNew = saysMore(stored, before) || !isEmpty(told);
  if (isNew && !(await world.states.write(stored))) {
    log.warn('a later state was written meanwhile: this one is dropped', fields);
  } else {
    if (isNew) await removeFromIndex(session, stored);
    // Only the invocation that wrote the state announces it. It requeues last, because sending a message may fail.
    await announce(isNew ? stored : { ...stored, revision: stored.revision - 1 }, session);
    if (isNew) await requeue(stored, session);
  }
  return { phase, blackholes: after.status.blackholes ?? 0, isRead: result.kind === 'planned' };
}

/**
 * Whether a state rests on a believed read. Without one, nothing has settled whether reads show the calls that it knows of:
 * its read decided nothing, or it had none because no item was in force.
 */
const restsOnRead = ({ memory: { doubt, desiredHash } }: State): boolean => !doubt && desiredHash !== undefined;

/** Remembers the orders for this table that are in force, whether or not its item is valid. */
function withOrders(memory: Memory, orders: Orders, now: Date): Memory {
  const given = givenOrders(orders, 'table', now);
  const { orders: _, ...rest } = memory;
  return given.length > 0 ? { ...rest, orders: given } : rest;
}

/**
 * When a sweep must reconcile the table even if nothing is new:
 * - a retry is due, or a change is left that nothing else retries
 * - an event about drift is overdue
 * - EC2 must be asked again about targets, because one is down or a blackhole may move to another one
 * - the table has been missing for long enough to raise an alarm
 */
function dueAt({ status, memory }: State, routes: readonly DesiredRoute[]): string | undefined {
  const { phase, nextRetry, changedAt, checkedAt } = status;
  const remembered = [...memory.destinations.values()];
  const missed = remembered.flatMap(({ drift = [] }) => drift.flatMap((one) => missedAt(one) ?? []));
  // A target may come up or go down again at any time, so every sweep asks.
  const mayMove = new Set(
    routes.filter(({ alternates }) => alternates.length > 0).map(({ destination }) => destinationText(destination)),
  );
  const isAsked = [...memory.destinations].some(
    ([destination, { troubles = [] }]) =>
      troubles.includes('target-down') || (troubles.includes('blackhole') && mayMove.has(destination)),
  );
  // Nothing is retried while nothing may be changed, and nothing that waits for a person.
  const isTriedAgain =
    memory.watched === undefined &&
    remembered.some(({ planned, waits, refusal }) => planned && !waits && !(refusal && !isForEverySweep(refusal)));
  const ringsAt = Date.parse(changedAt) + patienceMs;
  const isPatient = phase === 'Missing' && Date.parse(checkedAt) < ringsAt;
  const times = [
    ...missed,
    ...(isAsked ? [Date.parse(changedAt)] : []),
    ...(isTriedAgain ? [Date.parse(memory.turnAt ?? changedAt)] : []),
    ...(isPatient ? [ringsAt] : []),
    ...(nextRetry === undefined ? [] : [Date.parse(nextRetry)]),
  ];
  return times.length > 0 ? new Date(times.reduce((one, other) => Math.min(one, other))).toISOString() : undefined;
}

/** Whether a state differs from the one before in anything that people or the next reconcile need. */
function saysMore(after: StoredState, before: StoredState | undefined): boolean {
  if (!before) return true;
  const seen = new Set(before.memory.callsSeen);
  const hasNewCalls = after.memory.callsSeen?.some((id) => !seen.has(id)) ?? false;
  // The time of a read matters when it makes the table watched. Later, sweeps vouch for the table.
  const isWatchedNow = watchedFrom(before.memory) !== undefined && watchedFrom(after.memory) === undefined;
  return hasNewCalls || isWatchedNow || !isDeepStrictEqual(essence(after), essence(before));
}

const essence = ({ status, memory, seen, dueAt }: StoredState): object => {
  const { trigger: _, actor: __, checkedAt: ___, ...shown } = status;
  // Calls are forgotten after one day. That alone is no reason to write.
  const { callsSeen: ____, readAt: _____, ...remembered } = memory;
  return { shown, remembered, seen, dueAt };
};

/**
 * The ids under which events must find the table. A table without an item stays under `managed` until all its news is
 * announced: sweeps find it there.
 */
function namesAfter(
  { known: { state: before } }: Session,
  { status, memory }: State,
  result: Result,
  unsent: News,
): readonly string[] {
  if (status.phase === 'Unmanaged') return isEmpty(unsent) ? [] : [managed];
  if (!('actual' in result)) return before?.memory.indexed ?? [managed];
  // After a route was moved away from an interface, only the memory knows the instance behind it.
  const instances = [...memory.destinations.values()].flatMap(({ instances = {} }) => Object.values(instances));
  const edits = memory.braked?.edit === undefined ? [] : [memory.braked.edit];
  return [...namesOf(result.desired, result.actual, instances), ...edits];
}

/**
 * Adds the table to the index under its new ids, before the state counts on them. An id is removed only after a state was
 * written that does not count on it (`removeFromIndex`). So whichever write fails or never comes, the index has every id
 * that the state in force counts on.
 */
async function addToIndex(
  { routeTableId, known: { state: before }, world, log }: Session,
  names: readonly string[],
): Promise<{ readonly remembered: Pick<State['memory'], 'indexed' | 'unindexed'>; readonly isKept: boolean }> {
  const { indexed = [], unindexed = [] } = before?.memory ?? {};
  const add = without(names, indexed);
  const remembered = (certain: readonly string[], doubtful: readonly string[]) =>
    known({ indexed: orAbsent(certain), unindexed: orAbsent(doubtful) });
  try {
    if (add.length > 0) await world.index.keep(routeTableId, { add, remove: [] });
    return { remembered: remembered(names, without(indexed, names)), isKept: true };
  } catch (error) {
    // This failure must not keep the reconcile from recording what it did to the table.
    log.error('could not update the index: the next sweep tries again', { error });
    return { remembered: remembered(indexed, [...new Set([...unindexed, ...add])]), isKept: false };
  }
}

/**
 * Removes the table from the index under the ids that the written state does not count on any more, and once more under
 * those of the state before: its function may have died. A function whose state is not written removes nothing: the next
 * holder of the lease may count on these ids.
 */
async function removeFromIndex(
  { routeTableId, known: { state: before }, world, log }: Session,
  { memory }: StoredState,
): Promise<void> {
  const left = [...(memory.unindexed ?? []), ...(before?.memory.unindexed ?? [])];
  const remove = without([...new Set(left)], memory.indexed ?? []);
  if (remove.length === 0) return;
  try {
    await world.index.keep(routeTableId, { add: [], remove });
  } catch (error) {
    log.warn('could not remove the table from the index: the next reconcile tries again', { error });
  }
}

const without = (some: readonly string[], others: readonly string[]): readonly string[] => {
  const known = new Set(others);
  return some.filter((one) => !known.has(one));
};

const orAbsent = (some: readonly string[]): readonly string[] | undefined => (some.length > 0 ? some : undefined);

/**
 * Announces the unsent news. Events that EventBridge rejects stay in the state: the next reconcile sends them again.
 */
async function announce({ status, revision, unsent }: StoredState, { world, log }: Session): Promise<void> {
  if (!unsent) return;
  const rejected = await world.announcer.announce(unsent, status.routeTableId);
  if (rejected.length > 0)
    log.error('EventBridge rejected events: they are sent again', { events: rejected.map(({ type }) => type) });
  const left = rejected.length > 0 ? { metrics: [], events: rejected } : undefined;
  if (isDeepStrictEqual(left, unsent)) return;
  try {
    await world.states.writeUnsent(status.routeTableId, revision, left);
  } catch (error) {
    log.warn('could not record what was announced: it is announced again', { error });
  }
}

async function requeue(
  { status: { routeTableId, nextRetry }, memory }: StoredState,
  { world, occasion }: Session,
): Promise<void> {
  if (nextRetry === undefined) return;
  const delayMs = Date.parse(nextRetry) - world.now().getTime();
  const hop = occasion.hop + 1;
  // A turn is waited for with several messages.
  if ((delayMs > longestDelayMs && nextRetry !== memory.turnAt) || hop > longestChain) return;
  await world.requeue.send({ routeTableId, nextRetry, hop }, delayMs);
}
