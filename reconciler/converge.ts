import { ChangeFailed, type Failure, type Pace, type RouteWriter, applyChanges } from './apply.ts';
import { type Change, changeAsJson, changeKey } from './core/route/change.ts';
import type { DesiredTable } from './core/desired/desired.ts';
import { desiredHash } from './core/desired/hashes.ts';
import { isEnforced } from './core/desired/enforcement.ts';
import { isOutOfSync } from './core/desired/finding.ts';
import { editsAmong, lanesOf } from './core/plan/edits.ts';
import { changingIn, permitted } from './core/plan/guard.ts';
import { isDead } from './core/plan/down.ts';
import { type Lane, longestWaitMs } from './core/plan/pace.ts';
import { type ChangeOutcome, isDone, mayHaveWritten, refusedAsFull, waitsForCreate } from './core/route/outcome.ts';
import { type Plan, plan } from './core/plan/plan.ts';
import type { Braked, Memory } from './core/memory/memory.ts';
import { type ActualTable, type Target, destinationText, targetText } from './core/route/route.ts';
import { type Vouched, underPolicy, withArrivals } from './core/status/arrival.ts';
import { type Made, rememberRead } from './core/status/remember.ts';
import type { TableRead } from './core/status/staleness.ts';
import type { Health } from './core/route/health.ts';
import { askNobody, healthyPlan } from './healthy-plan.ts';
import type { Reading, RouteTables, TargetHealth } from './ports.ts';

/**
 * A read expires after this time, and no change is based on an expired read: DeleteRoute and ReplaceRoute hit whatever
 * route is there when they run.
 */
export const readKeepsMs = 10_000;

/** After this many rounds in a row without progress, the table is not read again. */
const fruitlessRounds = 3;

/** The last read of a reconcile, what EC2 said about targets, and the plan as of that read. */
export interface LastPlan {
  readonly readAt: Date;
  readonly actual: ActualTable;
  readonly health?: ReadonlyMap<string, Health>;
  readonly plan: Plan;
}

export interface Converged {
  /**
   * - `done`: nothing is left that may be tried now.
   * - `unfinished`: time ran out, the table did not settle, or it could not be read again (then `unreadable` says why).
   * - `stopped`: the checkpoint answered no.
   * - `doubtful`: the read may be stale, and no decision was based on it.
   */
  readonly end: 'done' | 'unfinished' | 'stopped' | 'doubtful';
  /** Undefined when we have no such table. */
  readonly last?: LastPlan;
  /** The account that owns the table, if that is not ours. */
  readonly owner?: string;
  /** The last outcome of every change that was tried, in the order of first attempts. */
  readonly outcomes: readonly ChangeOutcome[];
  readonly memory?: Memory;
  readonly unreadable?: unknown;
  /** Changes that are left because no turn came in time, if that is why it is unfinished. */
  readonly noTurn?: readonly { readonly action: Change['action']; readonly lane: Lane }[];
}

export interface ConvergeWorld {
  readonly tables: RouteTables;
  readonly pace: Pick<Pace, 'turn'>;
  /** A read of this table that the caller has made already, if it began at this time or later. */
  readonly shared?: ((notBefore: Date | undefined) => Promise<Reading | undefined>) | undefined;
  readonly targetHealth: TargetHealth;
  readonly now: () => Date;
  /** No call starts after this instant. */
  readonly until: Date;
  /** The memory of this table. Absent when a person runs the reconcile: then only `maxDeletes` blocks deletes. */
  readonly memory?: Memory;
  /** The last sweep that read the table. */
  readonly vouched?: Vouched | undefined;
  /**
   * Whether to postpone a change because it failed a short while ago. `makesRoom`: the same apply deletes routes, so a
   * full table may have room for it.
   */
  readonly isParked?: (change: Change, makesRoom: boolean) => boolean;
  /**
   * Asked before changes that follow from an edit: whether the fleet brake holds them back. Absent when a person runs the
   * reconcile.
   */
  readonly askBrake?: () => Promise<Braked | undefined>;
  /** Changes that follow from an edit wait: time is booked for them, and it has not come. */
  readonly editsWait?: boolean;
  /** Whether a read may be stale: it does not show what we wrote a moment ago, or the changes in `made`. */
  readonly isDoubtful?: (read: TableRead, made: readonly ChangeOutcome[]) => boolean;
  /** Called when EC2 could not be asked about some targets: what is remembered of them stays. */
  readonly healthFailed?: (failures: readonly unknown[]) => void;
  /**
   * Called before the first change of every new plan, with the outcomes so far. A plan is also new if it permits other
   * changes. If this throws, the new plan is not applied.
   */
  readonly beforeChanges?: (plan: Plan, outcomes: readonly ChangeOutcome[]) => Promise<void>;
  /** Asked before each phase of an apply, and at least every 5 s within a phase: may we go on? */
  readonly checkpoint?: () => Promise<boolean>;
}

/**
 * Brings one table to its desired state: reads it, plans, and applies what is permitted. Reads again if an answer was
 * lost, if the table has changed since the read, or if a delete waits for routes that are created now. A change that was
 * made or refused is not tried twice, except for a create that a full table refused: it is tried once more with the
 * deletes that make room.
 *
 * Throws if the first read fails; nothing is changed then. If a later read fails, it returns what was done so far,
 * because that must be remembered.
 */
export async function converge(desired: DesiredTable, world: ConvergeWorld): Promise<Converged> {
  const { tables, now, until } = world;
  const outcomes = new Map<string, ChangeOutcome>();
  let memory: Memory | undefined = world.memory && withoutOldBrake(underPolicy(world.memory, desired, now()), desired);
  let mayEdit = false;
  let fruitless = 0;
  let recorded: string | undefined;
  let goesOn = true;

  const ending = (end: Converged['end'], last?: Converged['last']): Converged => ({
    end,
    ...(last && { last }),
    outcomes: [...outcomes.values()],
    ...(memory && { memory }),
  });
  const checkpoint = async (): Promise<boolean> => {
    goesOn &&= (await world.checkpoint?.()) ?? true;
    return goesOn;
  };

  /** Whether a change that got no turn, because its read was nearly too old, could wait longer after a new read. */
  const hasMoreTime = (readAt: Date): boolean => {
    const leftMs = readAt.getTime() + readKeepsMs - now().getTime();
    return leftMs < longestWaitMs && until.getTime() - now().getTime() >= longestWaitMs;
  };

  let last: Converged['last'];
  for (let round = 1; ; round++) {
    if (round > 1 && now() >= until) return ending('unfinished', last);
    let readAt = now();
    let actual: ActualTable | undefined;
    try {
      const shared = round === 1 ? await world.shared?.(readSince(memory)) : undefined;
      readAt = shared?.at ?? now();
      actual = shared?.table ?? (await tables.read(desired.routeTableId));
    } catch (error) {
      if (round === 1) throw error;
      return { ...ending('unfinished', last), unreadable: error };
    }
    if (!actual) return ending('done');
    if (actual.isForeign) return { ...ending('done'), ...(actual.ownerId && { owner: actual.ownerId }) };
    const arrived = memory && withArrivals(memory, { desired, actual, now: readAt, vouched: world.vouched });
    const context = { now: readAt, full: fullAt(outcomes), ...(arrived && { memory: arrived }) };
    const done = [...outcomes.values()].filter(isDone);
    const changing = (): ReadonlySet<string> => changingIn(plan(desired, actual, context), desired, readAt);
    if (world.isDoubtful?.({ actual, readAt, changing }, done)) {
      return round === 1
        ? ending('doubtful', { readAt, plan: plan(desired, actual, context), actual })
        : ending('unfinished', last);
    }
    const targetHealth = now() < until ? world.targetHealth : askNobody;
    const { plan: hasty, health, failures } = await healthyPlan(desired, actual, context, targetHealth);
    if (failures.length > 0) world.healthFailed?.(failures);
    const asked = health && { health };
    settle(outcomes, hasty);
    const isSettled = settledBy(outcomes);
    const isOpen = (change: Change, makesRoom = false): boolean =>
      !isSettled(change, makesRoom) && !world.isParked?.(change, makesRoom);
    const dueIn = (one: Plan): readonly Change[] => {
      const allowed = isEnforced(desired, readAt) ? permitted(one) : [];
      const makesRoom = allowed.some((change) => change.action === 'delete' && isOpen(change));
      return allowed.filter((change) => isOpen(change, makesRoom));
    };
    let planned = hasty;
    let known = arrived;
    if (known && world.askBrake && !mayEdit && editsAmong(dueIn(hasty), { ...context, desired, actual }).length > 0) {
      const braked = await world.askBrake();
      mayEdit = !braked;
      if (braked) {
        known = { ...known, braked };
        planned = plan(desired, actual, { ...context, ...asked, memory: known });
      }
    }
    const open = dueIn(planned);
    const lanes = lanesOf(open, { ...context, desired, actual });
    const laneOf = (change: Change): Lane => lanes.get(change) ?? 'edits';
    const isHeldBack = (change: Change): boolean => world.editsWait === true && laneOf(change) === 'edits';
    const due = open.filter((change) => !isHeldBack(change));
    const heldBack = open.filter(isHeldBack).map(({ action }) => ({ action, lane: 'edits' as const }));
    last = { readAt, plan: planned, actual, ...asked };
    const remember = (made: readonly Made[]): void => {
      memory = known && rememberRead(known, { desired, actual, plan: planned, now: readAt, ...asked }, made);
    };
    remember([]);
    if (open.length === 0) return ending('done', last);
    if (due.length === 0) return { ...ending('unfinished', last), noTurn: heldBack };
    if (now() >= until || fruitless >= fruitlessRounds) return ending('unfinished', last);

    // After a new read, a change may go that waited in the same plan.
    const permits = [planned.planId, ...permitted(planned).map(changeKey)].join(' ');
    if (permits !== recorded) await world.beforeChanges?.(planned, [...outcomes.values()]);
    recorded = permits;
    const startLeftMs = (): number => Math.min(readAt.getTime() + readKeepsMs, until.getTime()) - now().getTime();
    const writer = sparingDead(tables, desired, { ...context, ...asked });
    const applied = await applyChanges(desired.routeTableId, due, {
      writer,
      turn: world.pace.turn,
      laneOf,
      now,
      startLeftMs,
      checkpoint,
    });
    due.forEach((change, index) => {
      const outcome = applied.outcomes[index];
      // A repeat that did not start says nothing of the call before it, whose answer was lost.
      const isOpen = outcome?.result === 'skipped' && outcomes.get(changeKey(change))?.result === 'unknown';
      if (outcome && !isOpen) outcomes.set(changeKey(change), outcome);
    });
    skipWaiting(outcomes, planned);
    remember(madeBy(due, applied.outcomes));
    if (!goesOn) return ending('stopped', last);
    const wasDenied = applied.outcomes.some(({ kind }) => kind === 'denied');
    const noTurn = [...heldBack, ...applied.noTurn.map((change) => ({ action: change.action, lane: laneOf(change) }))];
    const isOver = wasDenied || (noTurn.length === 0 && !endsWaiting(planned, outcomes));
    if (!applied.lookAgain && isOver) return ending('done', last);
    if (!applied.lookAgain && noTurn.length > 0 && !hasMoreTime(readAt))
      return { ...ending('unfinished', last), noTurn };
    fruitless = applied.outcomes.some((outcome) => isDone(outcome) || outcome.result === 'refused') ? 0 : fruitless + 1;
  }
}

/** Forgets a brake on another version of the item, and one that could not be asked: it is asked now. */
function withoutOldBrake({ braked, ...memory }: Memory, desired: DesiredTable): Memory {
  const isValid = braked?.edit !== undefined && braked.desiredHash === desiredHash(desired);
  return isValid ? { ...memory, braked } : memory;
}

/** A read that began before our last write, or before the last read that counted, decides nothing. */
function readSince(memory: Memory | undefined): Date | undefined {
  const times = [memory?.lastWriteAt, memory?.readAt].flatMap((time) => (time === undefined ? [] : [Date.parse(time)]));
  return times.length > 0 ? new Date(Math.max(...times)) : undefined;
}

/** Refuses, without a call, to create a route whose target is dead: EC2 might accept it, and it would drop traffic. */
function sparingDead(tables: RouteTables, desired: DesiredTable, on: Parameters<typeof isDead>[1]): RouteWriter {
  const place = ({ destination }: Pick<Change, 'destination'>, target: Target): string =>
    `${destinationText(destination)} ${targetText(target)}`;
  const dead = new Set(
    desired.routes.filter((wanted) => isDead(wanted, on)).map((wanted) => place(wanted, wanted.target)),
  );
  return {
    apply: async (routeTableId, change, limits) => {
      if (change.action === 'create' && dead.has(place(change, change.to)))
        throw new ChangeFailed(targetIsDown(targetText(change.to)), { cause: undefined });
      await tables.apply(routeTableId, change, limits);
    },
  };
}

const targetIsDown = (target: string): Failure => ({
  kind: 'not-ready',
  code: 'target-down',
  message: `EC2 shows that ${target} cannot carry traffic now, so the route is not created yet`,
  outcomeUnknown: false,
  remedy: `${bringsUp(target)} or, if it was deleted, list another target; the route is created when its target is up`,
});

/** What brings a target up, as far as its kind says it. */
function bringsUp(target: string): string {
  if (/^(igw|vgw)-/.test(target)) return `attach ${target} to the VPC of this table`;
  if (target.startsWith('tgw-')) return `attach the VPC of this table to ${target}`;
  if (target.startsWith('pcx-')) return `let the owner of the other VPC accept ${target}`;
  return `restore ${target}`;
}

/**
 * Resolves unknown outcomes with the plan of a new read.
 * - The plan still contains the change: its outcome stays unknown.
 * - The plan contains another change of that destination: that change takes the place of the old one.
 * - A route that is not ours has taken the destination: the change was refused.
 * - Otherwise the change is in place: our call succeeded and its answer was lost, or somebody else was faster.
 */
function settle(outcomes: Map<string, ChangeOutcome>, { changes, findings }: Plan): void {
  const keys = new Set(changes.map(changeKey));
  const destinations = new Set(changes.map(({ destination }) => destinationText(destination)));
  const taken = new Set(findings.filter(isOutOfSync).map(({ destination }) => destination));
  for (const [key, outcome] of outcomes) {
    if (outcome.result !== 'unknown' || keys.has(key)) continue;
    const { kind: _, message: __, remedy: ___, ...known } = outcome;
    if (destinations.has(outcome.destination)) outcomes.delete(key);
    else if (taken.has(outcome.destination)) outcomes.set(key, { ...outcome, result: 'refused' });
    else outcomes.set(key, { ...known, result: 'already' });
  }
}

/**
 * Tells which changes are settled: those that were refused, and those that would give a destination the same target as
 * an earlier call. If a read does not show that call, the read is stale or somebody has undone the change. A later read
 * shows which.
 */
function settledBy(outcomes: ReadonlyMap<string, ChangeOutcome>): (change: Change, makesRoom: boolean) => boolean {
  const done = new Set([...outcomes.values()].filter(isDone).map(({ destination, to }) => `${destination} ${to}`));
  return (change, makesRoom) => {
    const { destination, to } = changeAsJson(change);
    const outcome = outcomes.get(changeKey(change));
    const isRefused = outcome?.result === 'refused' && !(makesRoom && refusedAsFull(outcome));
    return isRefused || done.has(`${destination} ${to}`);
  };
}

/** The destinations whose creates EC2 refused in this reconcile because the table is full. */
const fullAt = (outcomes: ReadonlyMap<string, ChangeOutcome>): ReadonlySet<string> =>
  new Set([...outcomes.values()].filter(refusedAsFull).map(({ destination }) => destination));

/** Notes the deletes that wait for creates: they were not tried. */
function skipWaiting(outcomes: Map<string, ChangeOutcome>, { changes, waiting = [] }: Plan): void {
  const creates = new Map(waiting.map((one) => [one.destination, one.creates]));
  for (const change of changes) {
    const others = change.action === 'delete' && creates.get(destinationText(change.destination));
    if (!others || outcomes.has(changeKey(change))) continue;
    const message = `waits until a read shows ${others.join(', ')}`;
    outcomes.set(changeKey(change), { ...changeAsJson(change), result: 'skipped', code: waitsForCreate, message });
  }
}

/** Whether another read may end the wait of a delete: its creates are made, or the table is too full for one of them. */
function endsWaiting({ waiting = [] }: Plan, outcomes: ReadonlyMap<string, ChangeOutcome>): boolean {
  const created = new Set(
    [...outcomes.values()]
      .filter((outcome) => outcome.action === 'create' && isDone(outcome))
      .map(({ destination }) => destination),
  );
  const full = fullAt(outcomes);
  return waiting.some(
    ({ creates }) => creates.every((one) => created.has(one)) || creates.some((one) => full.has(one)),
  );
}

const madeBy = (changes: readonly Change[], outcomes: readonly ChangeOutcome[]): Made[] =>
  changes.flatMap((change, index) => {
    const outcome = outcomes[index];
    return outcome && mayHaveWritten(outcome) ? [{ change, isCertain: isDone(outcome) }] : [];
  });
