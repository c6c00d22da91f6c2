import pMap from 'p-map';
import { isDeepStrictEqual } from 'node:util';
import { together } from './bulk-reads.ts';
import { type Converged, type LastPlan, converge } from './converge.ts';
import { madeIn } from './core/announce/history.ts';
import { type ChangeJson, changeAsJson } from './core/route/change.ts';
import { known } from './core/route/known.ts';
import type { DesiredTable } from './core/desired/desired.ts';
import { desiredHash, policyHash } from './core/desired/hashes.ts';
import { managed } from './core/desired/names.ts';
import { routeTableIdPattern } from './core/route/route.ts';
import { type Memory, rememberedAt } from './core/memory/memory.ts';
import { sameOrders } from './core/desired/orders.ts';
import { type ChangeOutcome, isDone } from './core/route/outcome.ts';
import { type Plan, planAfter } from './core/plan/plan.ts';
import { isLeftBy, stoodBefore } from './core/status/attribution.ts';
import type { Result } from './core/status/conclude.ts';
import { withApprovalSpent } from './core/status/remember.ts';
import { parkedBy, withRevivals } from './core/status/retries.ts';
import { isDoubtful, rememberWrites } from './core/status/staleness.ts';
import type { Phase } from './core/status/status.ts';
import { type Occasion, type Trigger, isEdited, leftOf, nothingLeft } from './core/memory/trigger.ts';
import { askFleetBrake } from './fleet-brake.ts';
import { type Finished, finish } from './finish.ts';
import { withWritesOf } from './history.ts';
import { type Invocation, tooEarlyMs, underLease } from './lease.ts';
import type { Checkpoint, Reading, World } from './ports.ts';
import { type Leased, type Session, begin } from './session.ts';
import { type Wanted, memoryOf, wantedNow, withEvidence } from './situation.ts';

/** The result of one reconcile. */
export interface Reconciled {
  readonly routeTableId: string;
  /** `Held`: another invocation holds the table and reconciles it once more for us. */
  readonly phase: Phase | 'Held';
  /** How many routes drop their traffic. */
  readonly blackholes: number;
  /** A read of the table was believed. */
  readonly isRead: boolean;
}

/**
 * Reconciles one route table: reads the desired state, changes the table to match it, and records the result. Only one
 * invocation at a time reconciles a table.
 *
 * The plan is recorded before its first change. While an item is invalid, its last valid version stays in force; without
 * one, nothing is changed. A deleted item ends management and changes no route. If an item was deleted and written
 * again, its deletes must be earned again (`plan/guard.ts`). A key that is not a route table id is ignored. If the item
 * is edited during the reconcile, the rest of the old plan is dropped and a new one is made.
 *
 * @throws Error when the item, the memory or the table cannot be read. Nothing is changed in this case
 */
export const reconcile = (
  routeTableId: string,
  trigger: Trigger,
  world: World,
  invocation: Invocation,
): Promise<Reconciled> => reconcileFor(routeTableId, { ...leftOf(trigger), trigger }, world, invocation);

/** Reconciles a table for triggers that others left, and for the trigger of this invocation if it has one. */
export async function reconcileFor(
  routeTableId: string,
  { trigger, ...own }: Occasion,
  world: World,
  invocation: Invocation,
): Promise<Reconciled> {
  const { kind, id, name } = { id: undefined, name: undefined, ...(trigger ?? { kind: own.kinds[0] }) };
  const log = world.log.with({ routeTableId, trigger: kind, triggerId: id, triggerName: name });
  // Nothing is stored under such a key: it may be that of a row about the whole fleet.
  if (!routeTableIdPattern.test(routeTableId)) {
    log.error('ignored a key that is not a route table id');
    return { routeTableId, phase: 'Unmanaged', blackholes: 0, isRead: false };
  }
  let isFirst = true;
  const finished = await underLease(routeTableId, own, { ...world, log }, invocation, async (left, until) => {
    const table = { routeTableId, world, log, invocation: { ...invocation, until } };
    if (left.deletions.length > 0) await forget(table, left.deletions);
    const occasion = { ...left, ...(isFirst && trigger && { trigger }) };
    isFirst = false;
    return reconcileOnce(table, occasion);
  });
  return { routeTableId, ...(finished ?? { phase: 'Held', blackholes: 0, isRead: false }) };
}

/** Reads, plans and applies, again if the item or the orders change meanwhile. Then remembers and announces. */
async function reconcileOnce(table: Leased, occasion: Occasion): Promise<Finished> {
  const session = await begin(table, occasion);
  const { routeTableId, world, known, evidence } = session;
  let memory: Memory | undefined;
  let outcomes: readonly ChangeOutcome[] = [];

  while (true) {
    const told = await world.checkpoint(routeTableId);
    const wanted = inForce(await wantedNow(routeTableId, told, world), memory ?? known.state?.memory);
    memory ??= withWritesOf(withEvidence(memoryOf(known, told.orders), evidence), session.forgotten);
    if (!('desired' in wanted)) {
      if (wanted.kind === 'unmanaged' && !known.state && outcomes.length === 0) {
        // A sweep found the table in the index, and nothing else removes it from there.
        if (occasion.kinds.includes('sweep')) await world.index.keep(routeTableId, { add: [], remove: [managed] });
        return { phase: 'Unmanaged', blackholes: 0, isRead: false };
      }
      const spent = withApprovalSpent(memory, told.orders);
      if (wanted.kind === 'unmanaged') await forgetLastValid(session);
      return finish(session, { wanted, orders: told.orders, memory: spent, outcomes, result: wanted });
    }
    const { desired } = wanted;
    memory =
      wanted.kind === 'valid'
        ? await keepAsValid(session, told.item, desired, memory)
        : { ...withApprovalSpent(memory, told.orders), lastValid: desiredHash(desired) };
    memory = withRevivals(memory, {
      isEdit: isEdited(occasion) || known.state?.memory.desiredHash !== desiredHash(desired),
      calls: evidence.unread,
      now: world.now(),
    });
    const { converged, stopped } = await apply(session, desired, told, { memory, outcomes });
    memory = converged.memory ?? memory;
    const earlier = outcomes;
    outcomes = [...outcomes, ...converged.outcomes];
    if (stopped === 'edited') continue;
    // Another invocation holds the lease now, and its result is newer.
    if (stopped === 'lost') return { phase: known.state?.status.phase ?? 'Verifying', blackholes: 0, isRead: false };
    outcomes = [...(await recall(session, converged, outcomes)), ...outcomes];
    const context = { memory, isFirst: !known.state, earlier, turnAt: await turnAfter(converged, memory, world) };
    const result = resultOf(desired, converged, context);
    return finish(session, { wanted, orders: told.orders, memory, outcomes, result });
  }
}

/**
 * The stored version counts only if the memory knows it, or if the memory is lost. If a function died after it had
 * stored a version, the memory may know a later one. Then nothing is changed, because an older version must not come in
 * force after a newer one.
 */
function inForce(wanted: Wanted, memory: Memory | undefined): Wanted {
  if (wanted.kind !== 'last-valid' || !memory || memory.lastValid === desiredHash(wanted.desired)) return wanted;
  return { kind: 'invalid', problems: wanted.problems };
}

/**
 * Stores an item as the last valid version, unless it is stored already. No version is applied before it is stored: so
 * an older one can never come in force after it.
 */
async function keepAsValid(
  { routeTableId, world }: Session,
  item: unknown,
  desired: DesiredTable,
  memory: Memory,
): Promise<Memory> {
  const lastValid = desiredHash(desired);
  if (memory.lastValid === lastValid) return memory;
  await world.lastValid.write(routeTableId, { item, since: world.now().toISOString() });
  return { ...memory, lastValid };
}

/** Removes the last valid version when management ends. It must not come in force for an item that is written later. */
async function forgetLastValid({ routeTableId, world, known: { state, isLost } }: Session): Promise<void> {
  if (isLost || state?.memory.lastValid !== undefined) await world.lastValid.remove(routeTableId);
}

/**
 * Forgets the memory that earns deletes (`plan/guard.ts`): the item was deleted, even if it is there again. A deletion
 * that was taken into account before says nothing about the item written after it.
 */
async function forget(table: Leased, deletions: readonly string[]): Promise<void> {
  const session = await begin(table, { ...nothingLeft, kinds: ['desired'], deletions });
  const before = session.known.state?.memory;
  if (!before && session.known.isLost) await forgetLastValid(session);
  if (!before || deletions.every((id) => before.deletions?.includes(id))) return;
  const { orders } = await table.world.checkpoint(table.routeTableId);
  // The reconcile that follows takes the calls into account.
  const evidence = { all: [], unread: [], recent: [] };
  const memory = withApprovalSpent(before, orders);
  const result = { kind: 'unmanaged' } as const;
  await forgetLastValid(session);
  await finish({ ...session, evidence }, { wanted: result, orders, memory, outcomes: [], result });
}

/**
 * Repairs of functions that died, which nobody has remembered or announced: they count as found and made now. A repair
 * counts if the read shows it, whatever this reconcile changes there next. Two kinds of changes are no repairs:
 * - what an edit asked for: the last state, or a write since, left the route as the change found it
 * - what repeats our last write: the dead function may have planned it from a stale read
 */
async function recall(
  { forgotten, history, known: { state } }: Session,
  { end, last }: Converged,
  outcomes: readonly ChangeOutcome[],
): Promise<readonly ChangeOutcome[]> {
  if (!last || end === 'doubtful' || !state) return [];
  const next = Map.groupBy([...outcomes, ...last.plan.changes.map(changeAsJson)], ({ destination }) => destination);
  const wasLeft = (change: ChangeJson): boolean =>
    stoodBefore(change, rememberedAt(state.memory, change.destination)) ||
    forgotten.some(({ plan }) =>
      plan.changes.some(({ destination, to }) => destination === change.destination && isLeftBy(to, change)),
    );
  const seen = new Set<string>();
  const recalled: ChangeOutcome[] = [];
  for (const run of forgotten) {
    const memory = rememberWrites(state.memory, [], new Date(run.detectedAt));
    const made = madeIn(run, last.actual).filter((change) => {
      const { destination, from, to } = change;
      const { written } = rememberedAt(memory, destination);
      const isRepeat = written !== undefined && written.from === from;
      const isByEdit = run.isEdit && (wasLeft(change) || (written !== undefined && isLeftBy(written.target, change)));
      const isUndone = next.has(destination) && next.get(destination)?.[0]?.from !== to;
      return !seen.has(destination) && !isRepeat && !isByEdit && !isUndone;
    });
    for (const { destination } of made) seen.add(destination);
    await history.recalled(run, made);
    recalled.push(...made);
  }
  return recalled;
}

type Stop = 'edited' | 'lost' | 'unreadable';

/**
 * Converges the table to one version of its item and orders, and keeps its history.
 *
 * @param sofar the memory so far, and the changes tried under earlier versions of the item
 */
async function apply(
  session: Session,
  desired: DesiredTable,
  told: Checkpoint,
  { memory, outcomes }: { readonly memory: Memory; readonly outcomes: readonly ChangeOutcome[] },
): Promise<{ readonly converged: Converged; readonly stopped: Stop | undefined }> {
  const { world, invocation, occasion, evidence, history, log } = session;
  let stopped: Stop | undefined;
  const { memory: before } = session.known.state ?? {};
  const isEdit = before?.desiredHash !== desiredHash(desired) || before.policyHash !== policyHash(desired, world.now());
  const converged = await converge(desired, {
    tables: world.tables,
    pace: world.pace,
    // Reads of the caller may be older than the changes under an earlier version of the item.
    shared: outcomes.length === 0 ? (notBefore) => readingOf(session, notBefore) : undefined,
    targetHealth: world.targetHealth,
    healthFailed: (failures) => log.warn('could not ask EC2 about targets: what is known of them stays', { failures }),
    now: world.now,
    until: invocation.until,
    memory,
    vouched: session.vouched,
    // A person or an event may have changed what is urgent.
    editsWait: isBooked(memory, world.now()) && occasion.kinds.every((kind) => kind === 'requeue' || kind === 'sweep'),
    askBrake: () => askFleetBrake(desired, world),
    isParked: (change, makesRoom) => parkedBy(memory, occasion.kinds, world.now())(change, makesRoom),
    isDoubtful: (read, made) =>
      isDoubtful(read, rememberWrites(memory, [...outcomes, ...made], read.readAt, evidence.recent), {
        desired,
        calls: evidence.recent,
        unread: [...outcomes, ...made].length > 0 ? [] : evidence.unread,
        isEdited: before?.desiredHash !== desiredHash(desired),
      }),
    beforeChanges: async (plan, made) => {
      await history.planned(plan, made, isEdit);
      log.info('applying a plan', { planId: plan.planId, changes: plan.changes.length });
    },
    checkpoint: async () => {
      stopped = await whyStop(session, told);
      return stopped === undefined;
    },
  });
  if (converged.unreadable) log.error('could not read the table again', { error: converged.unreadable });
  await history.applied(converged.outcomes);
  return { converged, stopped };
}

const readingOf = async ({ routeTableId, world }: Session, notBefore?: Date): Promise<Reading | undefined> =>
  world.shared?.(routeTableId, notBefore);

/** Why the rest of a plan is dropped: item or orders have changed, the lease is lost, or the checkpoint fails. */
async function whyStop(
  { routeTableId, world, invocation, log }: Leased,
  { item, orders }: Checkpoint,
): Promise<Stop | undefined> {
  try {
    const current = await world.checkpoint(routeTableId);
    if (current.holder !== invocation.requestId) return 'lost';
    return isDeepStrictEqual(current.item, item) && sameOrders(current.orders, orders) ? undefined : 'edited';
  } catch (error) {
    log.warn('could not read the checkpoint: no more changes are made', { error });
    return 'unreadable';
  }
}

function resultOf(
  desired: DesiredTable,
  { end, last, owner, outcomes }: Converged,
  context: {
    readonly memory: Memory;
    readonly isFirst: boolean;
    readonly earlier: readonly ChangeOutcome[];
    readonly turnAt: Date | undefined;
  },
): Result {
  if (!last) return known({ kind: 'missing' as const, desired, owner });
  const { actual, plan } = last;
  if (end === 'doubtful' && !context.isFirst) return { kind: 'doubtful', desired, actual };
  const left = plan.blocked ? planLeft(desired, last, outcomes, context.memory) : plan;
  const { earlier, turnAt } = context;
  const isDone = end === 'done';
  return known({
    kind: 'planned' as const,
    desired,
    actual,
    plan: left,
    changes: plan.changes,
    isDone,
    earlier,
    turnAt,
  });
}

/** Whether time is booked for the edits of a table, and has not come yet. */
const isBooked = ({ turnAt }: Memory, now: Date): boolean =>
  turnAt !== undefined && Date.parse(turnAt) - now.getTime() > tooEarlyMs;

/** When the booking failed, or half a day is booked already. */
const bookedAgainMs = 60_000;

/**
 * When the edits that are left are likely to get their turns. A booking that is not over yet is kept, and repairs of drift
 * are tried again soon.
 */
async function turnAfter(
  { noTurn = [] }: Converged,
  memory: Memory,
  { pace, now }: Pick<World, 'pace' | 'now'>,
): Promise<Date | undefined> {
  if (noTurn.length === 0 || noTurn.some(({ lane }) => lane === 'drift')) return undefined;
  if (memory.turnAt !== undefined && isBooked(memory, now())) return new Date(memory.turnAt);
  // The three actions have a bucket each: the longest wait decides.
  const most = (['replace', 'delete', 'create'] as const)
    .map((action) => ({ action, count: noTurn.filter((one) => one.action === action).length }))
    .reduce((one, other) => (other.count > one.count ? other : one));
  return (await pace.book(most.action, most.count)) ?? new Date(now().getTime() + bookedAgainMs);
}

/**
 * The rest of a plan. A person approves waiting deletes by the plan's id, so the next plan must have the same id. It is of
 * the time of the read, as the plan was: what only became due since was not tried, and nothing would try it.
 */
function planLeft(
  desired: DesiredTable,
  { readAt, plan, actual, health }: LastPlan,
  outcomes: readonly ChangeOutcome[],
  memory: Memory,
): Plan {
  const done = new Set(outcomes.filter(isDone).map(({ action, destination }) => `${action} ${destination}`));
  const made = plan.changes.filter((change) => {
    const { action, destination } = changeAsJson(change);
    return done.has(`${action} ${destination}`);
  });
  return planAfter(made, desired, actual, { now: readAt, memory, ...(health && { health }) });
}

/** At most this many tables are reconciled at the same time. */
export const tablesAtOnce = 4;

/**
 * Reconciles several tables. If one fails, the others are still reconciled.
 *
 * @throws AggregateError with every failure, after every table had its turn. Its message lists all failures
 */
export async function reconcileEach(
  routeTableIds: readonly string[],
  trigger: Trigger,
  world: World,
  invocation: Invocation,
): Promise<void> {
  const failures: unknown[] = [];
  const shared = together(world, routeTableIds);
  await pMap(
    routeTableIds,
    async (routeTableId) => {
      try {
        await reconcile(routeTableId, trigger, shared, invocation);
      } catch (error) {
        world.log.error('could not reconcile a table', { routeTableId, error });
        failures.push(error);
      }
    },
    { concurrency: tablesAtOnce },
  );
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
}
