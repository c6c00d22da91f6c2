import { type Change, type ChangeJson, changeAsJson } from '../route/change.ts';
import { type DesiredTable, targetsOf } from '../desired/desired.ts';
import { type TroubleCode, isTrouble } from '../desired/finding.ts';
import { permitted, waitingIn } from '../plan/guard.ts';
import { known } from '../route/known.ts';
import type { ReportedCall } from '../memory/call.ts';
import { type Drift, type Memory, type OpenRun, rememberedAt, withEach } from '../memory/memory.ts';
import { type ChangeOutcome, isDone, isRescue } from '../route/outcome.ts';
import type { Plan } from '../plan/plan.ts';
import { destinationText, targetText } from '../route/route.ts';
import { actorOf, isLeftBy, stoodBefore } from './attribution.ts';
import { isRepair, repairsAfter } from './contest.ts';
import { rescueAfter, withCauses } from './down.ts';
import { type DriftSight, driftAfter, lastDriftAfter } from './drift.ts';
import { refusalAfter } from './retries.ts';
import { isRepeat } from './staleness.ts';

// Follows every destination through one reconcile.

/** What a reconcile tried, and the calls that may explain what it found. */
export interface Tried {
  readonly now: Date;
  /** The last outcome of every change that was tried. */
  readonly outcomes: readonly ChangeOutcome[];
  readonly calls: readonly ReportedCall[];
  /** Those of them that no earlier believed read could show. */
  readonly unread: readonly ReportedCall[];
}

const openRunsKept = 5;

/** Remembers, destination by destination, what the plan still asks for and what EC2 refused. */
export function rememberOutcome(memory: Memory, plan: Plan, { now, outcomes, calls }: Tried): Memory {
  const { routeTableId } = plan;
  const open = byDestination(plan.changes.map(changeAsJson));
  const allowed = byDestination(permitted(plan).map(changeAsJson));
  const waits = new Map(waitingIn(plan.blocked).map(({ destination, code }) => [destination, code]));
  const troubles = troublesOf(plan);
  const kept = keptIn(plan);
  const rescued = new Set(outcomes.filter(isRescue).map(({ destination }) => destination));
  const tried = Map.groupBy(outcomes, ({ destination }) => destination);
  return withEach(
    memory,
    (remembered, destination) => {
      const wanted = allowed.get(destination);
      const outcome = tried
        .get(destination)
        ?.findLast(({ action, to }) => action === wanted?.action && to === wanted.to);
      return {
        ...remembered,
        planned: open.get(destination),
        waits: waits.get(destination),
        troubles: troublesLeft(troubles.get(destination), rescued.has(destination)),
        down: withCauses(destination, remembered, { kept: kept.get(destination), calls }),
        refusal: refusalAfter(remembered.refusal, wanted, outcome, { routeTableId, now }),
      };
    },
    [...open.keys(), ...troubles.keys()],
  );
}

/** The targets of working routes that are kept because their listed targets are down, by destination. */
const keptIn = (plan: Plan | undefined): ReadonlyMap<string, string> =>
  new Map(
    plan?.leftAlone
      .filter(({ reason }) => reason === 'target-down')
      .map(({ route }) => [destinationText(route.destination), targetText(route.target)]),
  );

/** The destinations whose routes are left alone for now, although the item lists other targets. */
const leftIn = (plan: Plan | undefined): ReadonlySet<string> =>
  new Set(
    plan?.leftAlone
      .filter(({ reason }) => reason === 'target-down' || reason === 'maybe-not-ours')
      .map(({ route }) => destinationText(route.destination)),
  );

/** Remembers, destination by destination, what was repaired, and who made that necessary. */
export function rememberRepairs(
  before: Memory,
  memory: Memory,
  { desired, drifted }: { readonly desired: DesiredTable; readonly drifted: ReadonlySet<string> | undefined },
  { now, outcomes, calls }: Tried,
): Memory {
  const listed = new Map(
    desired.routes.map((route) => [destinationText(route.destination), targetsOf(route).map(targetText)]),
  );
  const tried = Map.groupBy(outcomes, ({ destination }) => destination);
  return withEach(
    memory,
    (remembered, destination) => {
      const was = rememberedAt(before, destination);
      const wanted = listed.get(destination) ?? [remembered.wasLocal ? 'local' : undefined];
      const arrived = known({ ...was, arrival: remembered.arrival });
      const repair = tried
        .get(destination)
        ?.find((one) => wanted.includes(one.to) && isRepair(one, arrived) && !isRepeat(one, was, before, calls, now));
      const seen = {
        wanted,
        isDrifted: drifted?.has(destination),
        ...(repair && { repair: { to: repair.to, by: actorOf(repair, was, calls) } }),
      };
      return { ...remembered, repairs: repairsAfter(was.repairs, seen, now) };
    },
    tried.keys(),
  );
}

/**
 * The change that shows what others did, at every destination where a believed read showed a difference: the first one
 * asked for, or the first that found the route neither as it was before nor as one of our calls may have left it.
 */
export function deviationsIn(
  before: Memory,
  changes: readonly Change[],
  outcomes: readonly ChangeOutcome[],
): ReadonlyMap<string, ChangeJson> {
  // A change that was not tried is either among `changes`, which the last read asked for, or not needed any more.
  const tried = outcomes.filter(({ result }) => result !== 'skipped');
  const all = [...tried, ...changes.map(changeAsJson)].map(({ action, destination, from, to, because }) =>
    known({ action, destination, from, to, because }),
  );
  // Others may change a route while it leaves its dead target: then that is the difference.
  const moves = all.filter(({ because }) => because !== undefined);
  const byOthers = Map.groupBy(
    all.filter(({ because }) => because === undefined),
    ({ destination }) => destination,
  );
  const first = [...byOthers].map(([destination, asked]) => {
    const was = rememberedAt(before, destination);
    const isForeign = (one: ChangeJson, index: number): boolean =>
      !stoodBefore(one, was) && !asked.slice(0, index).some(({ to }) => isLeftBy(to, one));
    return asked.find(isForeign) ?? asked[0];
  });
  return byDestination([...moves.toReversed(), ...first.filter((one) => one !== undefined)]);
}

/**
 * Follows the drift of every destination, and our last move away from a dead target there.
 *
 * @param before the memory when the reconcile began: what this reconcile planned and wrote is not drift
 * @param deviations where a believed read showed a difference
 * @param plan the last plan. Absent if its read is not believed: then only these deviations are known
 */
export function followDrift(
  before: Memory,
  memory: Memory,
  deviations: ReadonlyMap<string, ChangeJson> | undefined,
  outcomes: readonly ChangeOutcome[],
  sight: DriftSight,
  plan?: Plan,
): Memory {
  const left = leftIn(plan);
  const done = new Map(outcomes.filter(isDone).map((one) => [one.destination, one]));
  const followed = withEach(
    memory,
    (remembered, destination) => {
      const deviation = deviations?.get(destination);
      const found = {
        isBelieved: plan !== undefined || deviation !== undefined,
        // A route that is as listed is no drift, even if its target died and it moves.
        deviation: deviation?.because === undefined ? deviation : undefined,
        isLeft: left.has(destination),
        outcome: done.get(destination),
      };
      const was = rememberedAt(before, destination);
      const awaited = remembered.written && was.written;
      const drift = driftAfter({ ...was, awaited, drift: remembered.drift }, found, sight);
      const rescue = rescueAfter(was, found.outcome, sight);
      return { ...remembered, drift: drift.length > 0 ? drift : undefined, rescue };
    },
    deviations?.keys(),
  );
  const { openRuns = [] } = memory;
  const waiting = plan && deviations ? openRuns.filter((run) => !isSeen(run, deviations)) : openRuns;
  return known({
    ...followed,
    lastDrift: lastDriftAfter(memory.lastDrift, followed, sight.now),
    openRuns: waiting.length > 0 ? waiting : undefined,
  });
}

/** Whether a believed read shows every destination of a run as desired. */
const isSeen = ({ destinations }: OpenRun, deviations: ReadonlyMap<string, unknown>): boolean =>
  destinations.every((destination) => !deviations.has(destination));

/** A run of this reconcile. It stays open until a read shows its destinations as desired. */
export interface RecordedRun extends OpenRun {
  /** Every destination that its plan or its outcomes name. */
  readonly about: ReadonlySet<string>;
}

/** Adds the runs of this reconcile to a memory: to the open runs, and to the drift and the rescues that each is about. */
export function withRuns(memory: Memory, runs: readonly RecordedRun[]): Memory {
  if (runs.length === 0) return memory;
  const runAbout = (destination: string): string | undefined => runs.find(({ about }) => about.has(destination))?.id;
  const toldIn = (drift: Drift): Drift => {
    const run = runAbout(drift.destination);
    return run !== undefined && drift.endedAt === undefined
      ? { ...drift, runs: [...(drift.runs ?? []).slice(0, 1), run] }
      : drift;
  };
  const open = runs.flatMap(({ id, destinations }) => (destinations.length > 0 ? { id, destinations } : []));
  return {
    ...withEach(memory, ({ drift, rescue, ...rest }, destination) => ({
      ...rest,
      drift: drift?.map(toldIn),
      rescue: rescue && known({ ...rescue, run: rescue.run ?? runAbout(destination) }),
    })),
    openRuns: [...(memory.openRuns ?? []), ...open].slice(-openRunsKept),
  };
}

/** Problems that the last plan found and that no change of ours repairs, by destination. */
function troublesOf({ findings }: Plan): ReadonlyMap<string, readonly TroubleCode[]> {
  const troubles = new Map<string, TroubleCode[]>();
  for (const { code, destination } of findings) {
    if (destination === undefined || !isTrouble(code)) continue;
    troubles.set(destination, [...new Set([...(troubles.get(destination) ?? []), code])]);
  }
  return troubles;
}

/** A blackhole that was moved away from its dead target drops no traffic any more. */
function troublesLeft(
  troubles: readonly TroubleCode[] | undefined,
  isRescued: boolean,
): readonly TroubleCode[] | undefined {
  const left = isRescued ? troubles?.filter((code) => code !== 'blackhole') : troubles;
  return left && left.length > 0 ? left : undefined;
}

const byDestination = (changes: readonly ChangeJson[]): ReadonlyMap<string, ChangeJson> =>
  new Map(changes.map((change) => [change.destination, change]));
