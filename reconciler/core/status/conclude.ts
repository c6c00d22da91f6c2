import type { Change } from '../route/change.ts';
import type { DesiredTable } from '../desired/desired.ts';
import { activePause, isEnforced } from '../desired/enforcement.ts';
import { desiredHash, policyHash } from '../desired/hashes.ts';
import { policyOf } from '../desired/policy.ts';
import { counted } from '../route/counted.ts';
import { known } from '../route/known.ts';
import { type Memory, emptyMemory, rememberedAt, withEach } from '../memory/memory.ts';
import type { Pause } from '../desired/orders.ts';
import { type ChangeOutcome, isDone, mayHaveWritten } from '../route/outcome.ts';
import { backAt } from '../plan/down.ts';
import { type Plan, planForInvalidItem, planForMissingTable } from '../plan/plan.ts';
import type { Problem } from '../desired/problem.ts';
import { type ActualTable, destinationText } from '../route/route.ts';
import type { TriggerKind, Waker } from '../memory/trigger.ts';
import { watchedFrom } from './arrival.ts';
import { readForCallAfter } from './call-effects.ts';
import { contestedUntil } from './contest.ts';
import type { DriftSight } from './drift.ts';
import { type Tried, deviationsIn, followDrift, rememberOutcome, rememberRepairs } from './follow.ts';
import { invalidBecause, phaseOf } from './phase.ts';
import { type Awaited, awaitedAfter, rememberWrites, withShown } from './staleness.ts';
import {
  type ShownPause,
  type State,
  type Status,
  contestedIn,
  cut,
  failuresIn,
  shownOf,
  summaryOf,
} from './status.ts';

/** The result of the reads and changes of a reconcile. */
export type Result =
  | { readonly kind: 'unmanaged' }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  /** No read was believed. */
  | { readonly kind: 'doubtful'; readonly desired: DesiredTable; readonly actual: ActualTable }
  /** EC2 has no such table, or one that belongs to `owner`, another account. */
  | { readonly kind: 'missing'; readonly desired: DesiredTable; readonly owner?: string }
  | Planned;

interface Planned {
  readonly kind: 'planned';
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  /** The rest of the plan. */
  readonly plan: Plan;
  /** The changes that the last read asked for, whether they are made or not. */
  readonly changes: readonly Change[];
  /** Nothing is left that may be tried now. */
  readonly isDone: boolean;
  /** The rest of an edit is likely to get its turns at this time (`plan/pace.ts`). */
  readonly turnAt?: Date;
  /** Changes tried in the same reconcile before the item or the orders changed. */
  readonly earlier?: readonly ChangeOutcome[];
}

/** Everything else that is known at the end of a reconcile. */
export interface Circumstances extends Tried {
  readonly routeTableId: string;
  readonly waker: Waker;
  /** The kinds of triggers of this reconcile, including those left with the lease. */
  readonly kinds: readonly TriggerKind[];
  /** Ids of the deletions of the item that this reconcile takes into account. */
  readonly deletions: readonly string[];
  /** The item is invalid, and the result is of its last valid version, first reconciled at `since`. */
  readonly invalid?: { readonly problems: readonly Problem[]; readonly since: string };
}

/** A read may not show a write at once. AWS advises to read after 2 s, and again later. */
const verifyAfterMs = 5_000;

/** When the fleet brake is asked again if it could not be read. */
const brakeAskedAgainMs = 30_000;

const deletionsKept = 5;

/**
 * The state of a table at the end of a reconcile.
 *
 * @param before the state it began with
 * @param memory the memory as the reconcile left it (`remember.ts`)
 */
export function conclude(before: State | undefined, memory: Memory, result: Result, on: Circumstances): State {
  const wrote = rememberWrites(memory, on.outcomes, on.now, on.calls);
  // The last read may show what we wrote: the repairs of a function that died are remembered only now.
  const written = 'actual' in result ? withShown(wrote, result.actual) : wrote;
  const deletions = [...new Set([...(memory.deletions ?? []), ...on.deletions])].slice(-deletionsKept);
  const judged = judge(before, deletions.length > 0 ? { ...written, deletions } : written, result, on);
  const status = on.invalid ? asInvalid(judged.status, on.routeTableId, on.invalid) : judged.status;
  return { status: signed(status, before?.status, on), memory: judged.memory };
}

type Judged = { readonly status: Omit<Status, Dated>; readonly memory: Memory };
type Dated = 'routeTableId' | 'trigger' | 'actor' | 'checkedAt' | 'changedAt' | 'inSyncSince';

function judge(before: State | undefined, memory: Memory, result: Result, on: Circumstances): Judged {
  switch (result.kind) {
    case 'unmanaged':
      return unmanaged(memory);
    case 'invalid':
      return invalid(before, memory, result.problems, on);
    case 'doubtful':
      return doubtful(before, memory, result, on);
    case 'missing':
      return missing(before, memory, result, on);
    case 'planned':
      return planned(before, memory, result, on);
    default:
      return result satisfies never;
  }
}

// ── no read ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Deleting the item ends management and changes no route. The memory that earns deletes is forgotten. */
function unmanaged({ deletions, callsSeen, lastWriteAt, approval, destinations }: Memory): Judged {
  const writes = withEach(
    emptyMemory,
    (_, destination) => ({ written: destinations.get(destination)?.written }),
    destinations.keys(),
  );
  return {
    status: { phase: 'Unmanaged', reason: 'there is no desired item', failures: [] },
    memory: known({ ...writes, lastWriteAt, callsSeen, approval, deletions }),
  };
}

/** The status of a table under the last valid version of its item, for people: the item is invalid. */
function asInvalid(
  { phase, reason, plan, ...status }: Judged['status'],
  routeTableId: string,
  { problems, since }: NonNullable<Circumstances['invalid']>,
): Judged['status'] {
  const { findings } = planForInvalidItem(routeTableId, problems);
  const others = plan?.findings.filter(({ code }) => code !== 'invalid-desired') ?? [];
  return {
    ...status,
    phase: 'Invalid',
    reason: `${invalidBecause(problems)}; its last valid version of ${since} stays in force`,
    problems: cut(problems),
    inForce: { since, phase, reason },
    ...(plan && { plan: { ...plan, findings: cut([...findings, ...others]) } }),
  };
}

/**
 * An invalid item without a valid version before it changes nothing: earlier repairs stay, and so does what is
 * remembered of each destination.
 */
function invalid(
  before: State | undefined,
  { desiredHash: _, policyHash: __, doubt: ___, lastValid: ____, ...memory }: Memory,
  problems: readonly Problem[],
  on: Circumstances,
): Judged {
  const followed = followDrift(beforeOf(before), memory, undefined, on.outcomes, sightOf(before, memory, on));
  return {
    status: known({
      ...shownOf(followed),
      phase: 'Invalid' as const,
      reason: invalidBecause(problems),
      problems: cut(problems),
      failures: [],
      plan: summaryOf(planForInvalidItem(on.routeTableId, problems)),
    }),
    memory: followed,
  };
}

/**
 * A read that does not show what we wrote only decides when to read again. An edit of the item counts without a read.
 */
function doubtful(
  before: State | undefined,
  memory: Memory,
  { desired, actual }: Extract<Result, { kind: 'doubtful' }>,
  on: Circumstances,
): Judged {
  const { problems: _, inForce: ______, ...status } = before?.status ?? { failures: [] };
  const was = beforeOf(before);
  const asBefore = before ? asReadBefore(before.memory, memory, on.outcomes) : memory;
  // An edit may arrive in the middle of an apply: the repairs made before it count.
  const repaired = rememberRepairs(was, asBefore, { desired, drifted: undefined }, on);
  const tried = deviationsIn(was, [], on.outcomes);
  const followed = followDrift(was, repaired, tried, on.outcomes, sightOf(before, memory, on, tried.size > 0));
  const awaited = awaitedAfter(actual, memory, desired, on.now);
  return {
    status: known({
      ...status,
      ...shownOf(followed),
      phase: 'Verifying' as const,
      reason: awaitedText(awaited, memory),
      nextRetry: awaited.readAt.toISOString(),
      pause: pauseOf(desired, on.now).pause,
    }),
    memory: { ...followed, doubt: true },
  };
}

/**
 * Forgets what a read showed that was believed before an edit of the item: this state announces nothing of it. The next
 * believed read is compared with the state before, apart from what we wrote since.
 */
function asReadBefore({ destinations, readAt }: Memory, memory: Memory, outcomes: readonly ChangeOutcome[]): Memory {
  const written = new Set(outcomes.filter(isDone).map(({ destination }) => destination));
  const after = withEach(memory, (remembered, destination) =>
    written.has(destination) ? remembered : { ...remembered, seen: destinations.get(destination)?.seen },
  );
  return known({ ...after, readAt });
}

/** What a doubtful read is waited for, and until when. */
function awaitedText({ destinations: [first = '', ...others], until }: Awaited, memory: Memory): string {
  const target = rememberedAt(memory, first).written?.target;
  const write = target === undefined ? `the delete of ${first}` : `${first} via ${target}`;
  const more = others.length > 0 ? ` and ${counted(others.length, 'more write')}` : '';
  const since = memory.lag ? `; reads have lagged since ${memory.lag.since}` : '';
  return `reads do not show ${write}${more}, last written at ${memory.lastWriteAt}: they decide nothing before ${until.toISOString()}, unless an event reports that others changed it again${since}`;
}

/** No read shows the table, so no contest counts as quiet, and repairs are kept. */
function missing(
  before: State | undefined,
  memory: Memory,
  { desired, owner }: Extract<Result, { kind: 'missing' }>,
  on: Circumstances,
): Judged {
  const { now } = on;
  const repaired = rememberRepairs(beforeOf(before), memory, { desired, drifted: undefined }, on);
  const { doubt: _____, ...cleared } = withEach(
    repaired,
    ({ planned: _, waits: __, troubles: ___, refusal: ____, ...rest }) => rest,
  );
  const followed = followDrift(beforeOf(before), cleared, undefined, on.outcomes, sightOf(before, memory, on));
  return {
    status: {
      ...shownOf(followed),
      phase: 'Missing',
      reason:
        owner === undefined
          ? 'EC2 has no such route table in this account and Region'
          : `the route table belongs to account ${owner}: only its owner can change it`,
      failures: [],
      plan: summaryOf(planForMissingTable(desired, owner)),
      ...(on.outcomes.some(mayHaveWritten) && { nextRetry: after(now, verifyAfterMs) }),
      ...pauseOf(desired, now),
    },
    memory: identified(followed, desired, now),
  };
}

// ── a read that is believed ─────────────────────────────────────────────────────────────────────────────────────────

function planned(before: State | undefined, memory: Memory, result: Planned, on: Circumstances): Judged {
  const { desired, actual, plan, turnAt, earlier = [] } = result;
  const { now, outcomes } = on;
  const isWatched = !isEnforced(desired, now);
  const was = beforeOf(before);
  const drifted = new Set(result.changes.map(({ destination }) => destinationText(destination)));
  const repaired = rememberRepairs(was, memory, { desired, drifted }, on);
  const { doubt: _, ...believed } = identified(rememberOutcome(repaired, plan, on), desired, now);
  const followed = followDrift(
    was,
    believed,
    deviationsIn(
      was,
      plan.changes,
      // Where nothing may be changed any more, every difference is drift, but not what the item before asked for.
      isWatched ? outcomes.filter((outcome) => !earlier.includes(outcome)) : outcomes,
    ),
    outcomes,
    sightOf(before, believed, on, earlier.length > 0),
    plan,
  );
  const failures = failuresIn(followed, plan);
  const contested = contestedIn(followed);
  const { phase, reason } = phaseOf(desired, plan, {
    isDone: result.isDone,
    failures,
    contested,
    outcomes,
    memory: followed,
    now,
    turnAt,
  });
  const from = isWatched ? undefined : watchedFrom(followed);
  const readForCallAt = readForCallAfter(actual, followed, on);
  const isUnseen = outcomes.some(mayHaveWritten) || (turnAt === undefined && (phase === 'Verifying' || !result.isDone));
  const waits = [
    // While nothing may be changed, nothing is retried.
    ...(isWatched ? [] : failures.flatMap(({ nextRetry }) => nextRetry ?? [])),
    ...[...followed.destinations.values()]
      .flatMap(({ repairs }) => (repairs && contestedUntil(repairs)) ?? [])
      .filter((time) => Date.parse(time) > now.getTime()),
    ...movesBack(followed, now),
    ...(isUnseen ? [after(now, verifyAfterMs)] : []),
    ...(turnAt === undefined ? [] : [turnAt.toISOString()]),
    ...(readForCallAt === undefined ? [] : [readForCallAt]),
    ...(from === undefined ? [] : [from]),
    ...(isBrakeUnknown(followed) ? [after(now, brakeAskedAgainMs)] : []),
  ];
  return {
    status: known({
      ...shownOf(followed),
      phase,
      reason,
      vpcId: actual.vpcId,
      name: actual.tags['Name'],
      mode: desired.mode === 'observe' ? desired.mode : undefined,
      listed: desired.routes.length,
      plan: summaryOf(plan),
      failures: cut(failures),
      nextRetry: waits.sort()[0],
      ...pauseOf(desired, now),
    }),
    memory: known({ ...followed, readForCallAt, turnAt: turnAt?.toISOString() }),
  };
}

/** Whether an edit waits because the fleet brake could not be asked. */
export const isBrakeUnknown = ({ braked }: Memory): boolean => braked !== undefined && braked.edit === undefined;

/** When working routes may move back to their listed targets. That may be after the read and already past. */
const movesBack = ({ destinations, readAt }: Memory, now: Date): readonly string[] => {
  const plannedAt = readAt === undefined ? now.getTime() : Date.parse(readAt);
  return [...destinations.values()].flatMap(({ troubles, down }) => {
    const at = troubles?.includes('target-down') && down ? backAt(down) : undefined;
    return at !== undefined && at > plannedAt ? [new Date(at).toISOString()] : [];
  });
};

// ── what every result shares ────────────────────────────────────────────────────────────────────────────────────────

const beforeOf = (before: State | undefined): Memory => before?.memory ?? emptyMemory;

/** Adds what identifies this item and its policy to a memory. */
const identified = (memory: Memory, desired: DesiredTable, now: Date): Memory =>
  known({
    ...memory,
    desiredHash: desiredHash(desired),
    policyHash: policyHash(desired, now),
    policy: policyOf(desired),
    watched: isEnforced(desired, now) ? undefined : (true as const),
  });

const sightOf = (
  before: State | undefined,
  { desiredHash: item, policyHash: policy, watched }: Memory,
  on: Circumstances,
  isEdited = false,
): DriftSight => ({
  now: on.now,
  calls: on.calls,
  isRollout: isEdited || before?.memory.desiredHash !== item || before?.memory.policyHash !== policy,
  readBefore: before?.memory.readAt,
  ...(before?.memory.lastWriteAt !== undefined && { lastWriteAt: before.memory.lastWriteAt }),
  isWatched: watched === true,
  bySweep: on.kinds.every((kind) => kind === 'sweep'),
});

const pauseOf = (desired: DesiredTable, now: Date): Pick<Status, 'pause'> => {
  const pause = activePause(desired, now);
  return pause ? { pause: pauseShown(pause) } : {};
};

const pauseShown = ({ until, ...pause }: Pause): ShownPause => known({ ...pause, until: until?.toISOString() });

/** Adds the dates and the trigger to a status. */
function signed(
  status: Omit<Status, Dated>,
  before: Status | undefined,
  { routeTableId, now, waker: { trigger, actor } }: Circumstances,
): Status {
  const checkedAt = now.toISOString();
  const isSame = before?.phase === status.phase;
  return known({
    ...status,
    routeTableId,
    trigger,
    actor,
    checkedAt,
    changedAt: isSame ? before.changedAt : checkedAt,
    inSyncSince: status.phase === 'InSync' ? ((isSame ? before.inSyncSince : undefined) ?? checkedAt) : undefined,
  });
}

const after = (now: Date, ms: number): string => new Date(now.getTime() + ms).toISOString();
