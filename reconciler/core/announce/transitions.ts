import { type OrderChanges, orderChanges } from '../desired/orders.ts';
import { type Weakening, weakenings } from '../desired/policy.ts';
import type { Actor, ReportedCall } from '../memory/call.ts';
import { type Drift, type Memory, type Refusal, type Seen, openDrift, rememberedAt } from '../memory/memory.ts';
import { known } from '../route/known.ts';
import { type ChangeOutcome, isRescue, mayHaveWritten } from '../route/outcome.ts';
import { madeAfter, makerOf, takenDownBy } from '../status/attribution.ts';
import { isMissed } from '../status/drift.ts';
import { patienceMs } from '../status/retries.ts';
import { isByOthers, isStirred } from '../status/seen.ts';
import { type State, isBelieved, isCalm, phaseInForce } from '../status/status.ts';

/** What keeps a table from being as desired. Each trouble has a key, which stays the same while the trouble lasts. */
export interface Troubles {
  /**
   * Troubles that do not pass at once: refusals, destinations held by others, an invalid item. A target or a table that is
   * not there yet counts after 10 minutes.
   */
  readonly failing: readonly string[];
  /** Troubles among `failing` that do not pass by themselves. */
  readonly lasting: readonly string[];
  /** Destinations whose deletes wait for a person. */
  readonly blocked: readonly string[];
  /** Destinations whose repair others keep undoing. */
  readonly contested: readonly string[];
  /** Destinations that work on another target because the listed one is down. */
  readonly down: readonly string[];
  /** Destinations that drop their traffic. */
  readonly blackholes: readonly string[];
}

export type Trouble = keyof Troubles;

const kinds = [
  'failing',
  'lasting',
  'blocked',
  'contested',
  'down',
  'blackholes',
] as const satisfies readonly Trouble[];

/** A call that changed the surroundings of a table. No repair can undo it. */
export type Notice = Extract<ReportedCall, { readonly about: 'surroundings' }>;

/** A route that others made or retargeted, and that the plan leaves alone. */
export interface LeftAlone {
  readonly destination: string;
  readonly target: string;
  /** The target before. Absent if there was no route. */
  readonly was?: string;
  readonly reason: NonNullable<Seen['leftAlone']>;
  readonly takesTraffic: boolean;
  readonly actor?: Actor;
}

/** A route that began to drop its traffic, or that we moved away from its dead target. */
export interface Blackholed {
  readonly destination: string;
  readonly target?: string;
  /** Where it was moved. */
  readonly movedTo?: string;
  /** Who took the target down, if an event reported it. */
  readonly actor?: Actor;
}

/** What somebody caused earlier, and the runs that record it. */
export type Explained = Pick<Drift, 'destination' | 'cause' | 'runs'>;

/** Everything that is new after a reconcile. Events, metrics and history are projections of this. */
export interface Transitions {
  readonly before: State | undefined;
  readonly after: State;
  /** Drift that was not there before. */
  readonly found: readonly Drift[];
  /** Drift that EC2 confirmed as repaired, by a call of ours. */
  readonly repaired: readonly Drift[];
  /** Drift that a read shows as ended. */
  readonly ended: readonly Drift[];
  /** Drift and rescues of earlier reconciles, with the call that caused them. Its event arrived only now. */
  readonly explained: readonly Explained[];
  /** Drift that a sweep found and no event reported in time. */
  readonly missed: readonly Drift[];
  /** Troubles that were not there before. */
  readonly entered: Troubles;
  /** Kinds of trouble that the table no longer has. */
  readonly left: ReadonlySet<Trouble>;
  readonly isNewlyInvalid: boolean;
  /** Runs whose destinations a read now shows as desired. */
  readonly verified: readonly string[];
  /** Calls that changed the surroundings of the table, reported for the first time. */
  readonly notices: readonly Notice[];
  /** Routes that others made or retargeted and the plan leaves alone. Those that may take listed traffic come first. */
  readonly leftAlone: readonly LeftAlone[];
  /** Routes that began to drop their traffic, whether or not anything may be changed. */
  readonly blackholed: readonly Blackholed[];
  /** Routes that we moved to another of their targets, because the one they had died. */
  readonly rescued: readonly Blackholed[];
  /** How an edit protects the table less than before. */
  readonly weakened: readonly Weakening[];
  /** Orders for this table. Orders for all tables are announced once for all (`fleet-orders.ts`). */
  readonly orders: OrderChanges;
  /** The outcome of every change that was tried. */
  readonly outcomes: readonly ChangeOutcome[];
}

/** What a reconcile knows apart from the states before and after it. */
export interface Reported {
  readonly outcomes: readonly ChangeOutcome[];
  /** The calls that no earlier reconcile has read, newest first. */
  readonly calls: readonly ReportedCall[];
  /** The calls that may explain what the last read showed. */
  readonly recent: readonly ReportedCall[];
}

/**
 * The one comparison of before and after. A table that stays as it is has no transitions, however often it is read.
 */
export function transitions(
  before: State | undefined,
  after: State,
  { outcomes, calls, recent }: Reported,
): Transitions {
  const [was, is] = [troublesIn(before), troublesIn(after)];
  // Blackholes raise no alarm while nothing may be changed. So they count as new once the table is enforced.
  const knownBlackholes = before?.memory.watched && !after.memory.watched ? [] : was.blackholes;
  const entered = {
    ...newIn(is, was),
    blocked: [...without(is.blocked, was.blocked), ...stirredIn(is.blocked, was.blocked, before, after)],
    blackholes: without(is.blackholes, knownBlackholes),
  };
  const left = kinds.filter((kind) => was[kind].length > 0 && is[kind].length === 0);
  return {
    before,
    after,
    ...driftTransitions(before, after),
    explained: [...explainedDrift(before, after), ...explainedRescues(before, after)],
    entered,
    left: new Set(left),
    isNewlyInvalid: after.status.phase === 'Invalid' && entered.failing.length > 0,
    verified: verifiedRuns(before, after, outcomes),
    notices:
      after.status.phase === 'Unmanaged' ? [] : calls.filter((call) => call.about === 'surroundings').toReversed(),
    leftAlone: leftAlone(before, after, { outcomes, recent }, entered.down),
    blackholed: without(is.blackholes, was.blackholes).map((destination) => blackholed(destination, after, recent)),
    rescued: rescued(before, after, { outcomes, recent }),
    weakened: weakened(before, after),
    orders: orderChanges(before?.memory.orders ?? [], after.memory.orders ?? []),
    outcomes,
  };
}

/**
 * What stood when the table was adopted, or when its memory was lost, is not announced route by route.
 *
 * @param down destinations that are announced because their listed target is down
 */
function leftAlone(
  before: State | undefined,
  { memory }: State,
  { outcomes, recent }: Omit<Reported, 'calls'>,
  down: readonly string[],
): readonly LeftAlone[] {
  const { readAt } = before?.memory ?? {};
  if (!before || readAt === undefined) return [];
  const calls = madeAfter(readAt, recent);
  const wrote = new Set(outcomes.filter(mayHaveWritten).map(({ destination, to }) => `${destination} ${to}`));
  const others = [...memory.destinations].filter(([destination]) => !down.includes(destination));
  const routes = others.flatMap(([destination, { seen, drift }]): LeftAlone[] => {
    const was = rememberedAt(before.memory, destination);
    if (!seen?.leftAlone || wrote.has(`${destination} ${seen.target}`) || !isByOthers(was, seen)) return [];
    const { target, leftAlone: reason, takesTraffic = false } = seen;
    const maker = makerOf({ destination, target }, { seen: was.seen, drift }, calls);
    // Our own call may have made it: its answer was lost.
    if (!maker && was.written?.isUncertain && was.written.target === target) return [];
    return [known({ destination, target, was: was.seen?.target, reason, takesTraffic, actor: maker?.actor })];
  });
  return [...routes.filter(({ takesTraffic }) => takesTraffic), ...routes.filter(({ takesTraffic }) => !takesTraffic)];
}

/**
 * Deletes that waited before, and whose route has become active or changed its owner: whoever approves them must know.
 */
function stirredIn(
  blocked: readonly string[],
  before: readonly string[],
  was: State | undefined,
  is: State,
): readonly string[] {
  const waited = new Set(before);
  return blocked.filter(
    (destination) =>
      waited.has(destination) &&
      isStirred(rememberedAt(was?.memory, destination).seen, rememberedAt(is.memory, destination).seen),
  );
}

function blackholed(destination: string, { memory }: State, recent: readonly ReportedCall[]): Blackholed {
  const remembered = rememberedAt(memory, destination);
  const target = remembered.seen?.target ?? remembered.down?.target;
  return known({ destination, target, actor: takenDownBy(target, remembered, recent)?.actor });
}

/** The routes that left their dead targets, each with whoever took that target down. */
const rescued = (
  before: State | undefined,
  after: State,
  { outcomes, recent }: Omit<Reported, 'calls'>,
): readonly Blackholed[] =>
  outcomes.filter(isRescue).map(({ destination, from, to }) => {
    const { down } = rememberedAt(after.memory, destination);
    const { instances } = rememberedAt(before?.memory, destination);
    const cause = takenDownBy(from, known({ down, instances }), recent);
    return known({ destination, target: from, movedTo: to, actor: cause?.actor });
  });

/** A table whose item is deleted loses all protection. Until a valid item is read, the policy is the one before. */
function weakened(before: State | undefined, { status, memory }: State): readonly Weakening[] {
  const was = before?.memory.policy;
  if (!was) return [];
  return weakenings(was, status.phase === 'Unmanaged' ? undefined : (memory.policy ?? was), new Date(status.checkedAt));
}

const none: Troubles = { failing: [], lasting: [], blocked: [], contested: [], down: [], blackholes: [] };

/** After this many failures in a row, even a transient failure counts as lasting. */
const triesUntilLasting = 3;

/**
 * The troubles of a table, from its memory. The phase does not show them all: it changes from `Failed` to `Verifying`
 * and back while other routes are repaired. While nothing may be changed, nothing fails and nothing waits for a person.
 */
export function troublesIn(state: State | undefined): Troubles {
  if (!state || state.status.phase === 'Unmanaged') return none;
  const { status, memory } = state;
  const now = Date.parse(status.checkedAt);
  const found = rememberedTroubles(memory, now);
  if (status.phase === 'Invalid') return { ...found, failing: [...found.failing, `Invalid ${status.reason}`] };
  if (status.phase === 'Missing') {
    const missing = isOverdue(status.changedAt, now) ? ['Missing'] : [];
    return { ...none, contested: found.contested, failing: missing, lasting: memory.watched ? [] : missing };
  }
  return found;
}

function rememberedTroubles({ destinations, watched }: Memory, now: number): Troubles {
  const found: Record<Trouble, string[]> = {
    failing: [],
    lasting: [],
    blocked: [],
    contested: [],
    down: [],
    blackholes: [],
  };
  const add = (kind: Trouble, key: string): void => void found[kind].push(key);
  for (const [destination, { refusal, troubles = [], waits, repairs }] of destinations) {
    if (repairs?.contest) add('contested', destination);
    if (troubles.includes('blackhole')) add('blackholes', destination);
    if (watched) continue;
    if (waits) add('blocked', destination);
    for (const code of troubles) {
      if (code === 'blackhole') continue;
      if (code === 'target-down') add('down', destination);
      else for (const kind of ['failing', 'lasting'] as const) add(kind, `${code} ${destination}`);
    }
    if (refusal && isLasting(refusal, now))
      for (const kind of ['failing', 'lasting'] as const) add(kind, `${refusal.action} ${destination} ${refusal.to}`);
  }
  return found;
}

/** What is not there yet may come at any moment. A rejected or denied change waits for a person. */
function isLasting({ kind, attempts, since }: Refusal, now: number): boolean {
  if (kind === 'not-ready') return since !== undefined && isOverdue(since, now);
  return kind === 'rejected' || kind === 'denied' || attempts >= triesUntilLasting;
}

const isOverdue = (since: string, now: number): boolean => now - Date.parse(since) >= patienceMs;

const newIn = (is: Troubles, was: Troubles): Troubles => ({
  failing: without(is.failing, was.failing),
  lasting: without(is.lasting, was.lasting),
  blocked: without(is.blocked, was.blocked),
  contested: without(is.contested, was.contested),
  down: without(is.down, was.down),
  blackholes: without(is.blackholes, was.blackholes),
});

function without(list: readonly string[], others: readonly string[]): readonly string[] {
  const gone = new Set(others);
  return list.filter((one) => !gone.has(one));
}

type OfDrift = Pick<Transitions, 'found' | 'repaired' | 'ended' | 'missed'>;

function driftTransitions(before: State | undefined, after: State): OfDrift {
  const now = new Date(after.status.checkedAt);
  const [was, is] = [driftIn(before?.memory), driftIn(after.memory)];
  const isOver = ({ destination }: Drift): boolean =>
    after.status.phase !== 'Unmanaged' && !openDrift(rememberedAt(after.memory, destination));
  return {
    found: [...is].filter(([key]) => !was.has(key)).map(([, one]) => one),
    repaired: [...is]
      .filter(([key, { byUs, appliedAt }]) => byUs && appliedAt !== was.get(key)?.appliedAt)
      .map(([, one]) => one),
    ended: [...was].flatMap(([key, one]) => (one.endedAt === undefined && isOver(one) ? (is.get(key) ?? one) : [])),
    missed:
      after.status.phase === 'Unmanaged'
        ? []
        : [...was].filter(([key, one]) => isMissed(one, now) && !is.get(key)?.cause).map(([, one]) => one),
  };
}

function explainedDrift(before: State | undefined, after: State): readonly Explained[] {
  const was = driftIn(before?.memory);
  return [...driftIn(after.memory)].flatMap(([key, one]) =>
    one.cause && was.has(key) && !was.get(key)?.cause ? [one] : [],
  );
}

/** A change of an instance's state comes first and names nobody. The call behind it may come later. */
function explainedRescues(before: State | undefined, after: State): readonly Explained[] {
  return [...after.memory.destinations].flatMap(([destination, { rescue }]): Explained[] => {
    const was = rememberedAt(before?.memory, destination).rescue;
    if (!rescue?.takenDown?.actor || !rescue.run || was?.since !== rescue.since || was.takenDown?.actor) return [];
    return [{ destination, cause: rescue.takenDown, runs: [rescue.run] }];
  });
}

/** All drift remembered, by destination and when it was found. */
const driftIn = (memory: Memory | undefined): ReadonlyMap<string, Drift> =>
  new Map(
    [...(memory?.destinations ?? [])].flatMap(([destination, { drift = [] }]) =>
      drift.map((one) => [`${destination} ${one.foundAt}`, one] as const),
    ),
  );

/** Whether a table is in new trouble: its phase, its reason or its plan differs from before. */
export function isOtherTrouble(before: State | undefined, { status }: State): boolean {
  const was = before?.status;
  if (isCalm(status.phase)) return false;
  if (status.phase !== was?.phase || status.reason !== was.reason) return true;
  // The item is as invalid as before, and its last valid version may be in no trouble.
  if (isCalm(phaseInForce(status))) return false;
  return status.inForce?.reason !== was.inForce?.reason || status.plan?.planId !== was.plan?.planId;
}

function verifiedRuns(before: State | undefined, after: State, outcomes: readonly ChangeOutcome[]): readonly string[] {
  if (!isBelieved(after)) return [];
  const tried = new Set(outcomes.map(({ destination }) => destination));
  const isSeen = (destination: string): boolean =>
    !tried.has(destination) && !rememberedAt(after.memory, destination).planned;
  return (before?.memory.openRuns ?? []).filter(({ destinations }) => destinations.every(isSeen)).map(({ id }) => id);
}
