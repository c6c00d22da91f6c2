import type { ChangeJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import type { ReportedCall } from '../memory/call.ts';
import { type Cause, type Drift, type LastDrift, type Memory, type Rewritten, openDrift } from '../memory/memory.ts';
import type { ChangeOutcome } from '../route/outcome.ts';
import { isAsBefore } from './staleness.ts';
import {
  causeOf,
  eventsMayBeLateMs,
  isLeftBy,
  lateCause,
  madeAfter,
  moveOf,
  stoodBefore,
  unspent,
} from './attribution.ts';

/** For each destination, the latest 8 ended drifts are kept. */
const endedKept = 8;

/** What one reconcile knows about drift, for all destinations alike. */
export interface DriftSight {
  readonly now: Date;
  /** Calls that may explain what was found. */
  readonly calls: readonly ReportedCall[];
  /** The item or the policy has changed since the last reconcile. */
  readonly isRollout: boolean;
  /** When the last read before this reconcile was believed. */
  readonly readBefore?: string | undefined;
  /** When we had last written to the table before this reconcile. */
  readonly lastWriteAt?: string;
  /** Nothing may be changed: mode `observe`, a pause or a stop. */
  readonly isWatched: boolean;
  /** Only a sweep triggered this reconcile: no event and no edit did. */
  readonly bySweep: boolean;
}

/** What was known of one destination when the reconcile began. */
interface Before extends Pick<Rewritten, 'drift' | 'planned' | 'written' | 'seen' | 'down'> {
  /** The write that a later read may still show. Absent if this reconcile has forgotten it: others have undone it. */
  readonly awaited: Rewritten['written'];
}

/** What one reconcile found at one destination. */
export interface Found {
  /** A read of this reconcile is believed. Without one, only late events are taken into account. */
  readonly isBelieved: boolean;
  /** The first change that a read asked for here, whether it is made or not. Absent if the route is as desired. */
  readonly deviation: ChangeJson | undefined;
  /** There is no deviation, but the route is not as desired: it is left alone for now. */
  readonly isLeft?: boolean;
  readonly outcome: ChangeOutcome | undefined;
}

/**
 * Follows the drift of one destination: a difference from the item that no edit caused.
 *
 * Drift is found once, however often it is read. It is found again if it returns after a repair, or if it changes. It
 * ends when a read shows the route as desired, and not while the route is left alone because its listed target is down
 * or because it may belong to somebody else. A difference that an edit of the item or its policy causes is not drift: the
 * read before showed the same route. Nor is what the first read shows, unless the table is only watched.
 */
export function driftAfter(before: Before, found: Found, seen: DriftSight): readonly Drift[] {
  const explained = withLateCauses(before.drift ?? [], seen.calls);
  const isFollowed = found.isBelieved && !(found.isLeft && !found.deviation);
  const followed = isFollowed ? follow(explained, before, found.deviation, seen) : explained;
  return kept(withRepair(followed, found.outcome, seen.now), before, seen.now);
}

function follow(
  drift: readonly Drift[],
  before: Before,
  deviation: ChangeJson | undefined,
  seen: DriftSight,
): readonly Drift[] {
  const last = openDrift({ drift });
  const over = last ? drift.slice(0, -1) : drift;
  const ended = (one: Drift): Drift => ({ ...one, endedAt: seen.now.toISOString() });
  if (!deviation) return last ? [...over, ended(last)] : drift;
  const stood = stoodBefore(deviation, before);
  if (last && isSame(last, deviation) && last.appliedAt === undefined && stood) return drift;
  const cause = stood
    ? moveOf(deviation, before)
    : causeOf(deviation, unspent(last ? seen.calls : callsSinceRead(seen), drift));
  // The read may be older than our own write, which no read has shown.
  if (!cause && isAsBefore(deviation, { written: before.awaited, drift }, seen, seen.calls, seen.now)) return drift;
  if (cause || isNew(deviation, before, seen, stood))
    return [...over, ...(last ? [ended(last)] : []), newDrift(deviation, { cause, stood }, seen)];
  if (!last) return drift;
  // We repaired it, and the item asks for something else now. The drift is over when a read shows that.
  if (stood && last.appliedAt !== undefined) return drift;
  // Others changed the route before, and something else repairs it now: an edit asks for it, or another target carries it.
  if (last.from === deviation.from) return [...over, withChange(last, deviation)];
  // Others changed it once more: whoever changed it before did not do that.
  return [...over, ended(last), newDrift(deviation, { cause: undefined, stood: false }, seen)];
}

/**
 * The calls that may explain a difference after an edit. What the last read showed was right before the edit. Without a
 * read, the first item found the table as it is.
 */
function callsSinceRead({ calls, isRollout, readBefore }: DriftSight): readonly ReportedCall[] {
  if (!isRollout) return calls;
  return readBefore === undefined ? [] : madeAfter(readBefore, calls);
}

function newDrift(
  change: ChangeJson,
  { cause, stood }: { readonly cause: Cause | undefined; readonly stood: boolean },
  { now, isWatched, isRollout, bySweep }: DriftSight,
): Drift {
  return known({
    ...change,
    foundAt: now.toISOString(),
    watched: isWatched ? (true as const) : undefined,
    stood: stood && !cause ? (true as const) : undefined,
    cause,
    // If the item or the policy has changed, the difference may be old: no event is expected.
    expectsEvent: !cause && !isRollout && bySweep ? (true as const) : undefined,
  });
}

/** Whether a difference is new and no edit caused it. */
function isNew(
  change: ChangeJson,
  { planned, written, seen }: Before,
  { isRollout, isWatched, readBefore }: DriftSight,
  stood: boolean,
): boolean {
  // After an edit, a route that stood differs because of it, and so does one that a call of ours without an answer may have
  // left like this. Any other route was changed by others, too.
  const isOurs = written?.isUncertain === true && isLeftBy(written.target, change);
  if (isRollout) return readBefore === undefined ? isWatched : !stood && !isOurs;
  const wasPlanned = planned !== undefined && isSameDifference(planned, change);
  // If somebody changes what we wrote, that is drift, even if an edit asked for our write.
  const wasWritten = written !== undefined && written.target === change.to && !written.isUncertain;
  // The planned change was made, even if that write is forgotten by now: a read of another reconcile showed it.
  const wasMade = seen?.target === change.to;
  return !wasPlanned || wasWritten || wasMade;
}

/** The same drift, to be repaired by another change. */
const withChange = (
  { action: _, destination: __, from: ___, to: ____, ...drift }: Drift,
  change: ChangeJson,
): Drift => ({ ...drift, ...change });

const withLateCauses = (drift: readonly Drift[], calls: readonly ReportedCall[]): readonly Drift[] =>
  drift.map((one) => (one.cause ? one : known({ ...one, cause: lateCause(one, calls, drift) })));

/** Marks open drift as repaired if EC2 confirmed the repair in this reconcile. */
function withRepair(drift: readonly Drift[], outcome: ChangeOutcome | undefined, now: Date): readonly Drift[] {
  const last = openDrift({ drift });
  if (!last || (outcome?.result !== 'done' && outcome?.result !== 'already')) return drift;
  const { byUs: _, ...rest } = last;
  const repaired = { ...rest, appliedAt: outcome.at ?? now.toISOString() };
  return [...drift.slice(0, -1), outcome.result === 'done' ? { ...repaired, byUs: true } : repaired];
}

/**
 * Keeps ended drift while its event may still arrive, or arrive twice. Drift with news is always kept: it is announced.
 */
function kept(drift: readonly Drift[], before: Before, now: Date): readonly Drift[] {
  const hadCause = new Set(before.drift?.filter(({ cause }) => cause).map(({ foundAt }) => foundAt));
  const isNews = ({ endedAt, cause, foundAt }: Drift): boolean =>
    endedAt === now.toISOString() || (cause !== undefined && !hadCause.has(foundAt));
  const ended = drift.filter(
    (one) => one.endedAt !== undefined && (isNews(one) || now.getTime() - Date.parse(one.foundAt) < eventsMayBeLateMs),
  );
  const last = openDrift({ drift });
  return [...ended.slice(-endedKept), ...(last ? [last] : [])].map((one) => {
    if (!isMissed(one, now)) return one;
    const { expectsEvent: _, ...reported } = one;
    return reported;
  });
}

/** When drift that a sweep found counts as missed, unless an event reports it before. */
export const missedAt = ({ expectsEvent, cause, foundAt }: Drift): number | undefined =>
  expectsEvent && !cause ? Date.parse(foundAt) + eventsMayBeLateMs : undefined;

/** Whether no event reported the drift in time that a sweep found: the trail or a rule is broken or too slow. */
export const isMissed = (drift: Drift, now: Date): boolean => (missedAt(drift) ?? Infinity) <= now.getTime();

/** The latest drift of a table after one more reconcile, as people see it. */
export function lastDriftAfter(
  before: LastDrift | undefined,
  { destinations }: Memory,
  now: Date,
): LastDrift | undefined {
  const all = [...destinations.values()].flatMap(({ drift = [] }) => drift);
  const foundNow = all.filter(({ foundAt }) => foundAt === now.toISOString());
  const last: LastDrift | undefined =
    foundNow.length > 0 ? { foundAt: now.toISOString(), routes: foundNow.length } : before;
  if (!last) return undefined;
  const group = all.filter(({ foundAt }) => foundAt === last.foundAt);
  if (group.length === 0) return last;
  const cause = group.find(({ cause }) => cause?.actor)?.cause;
  // If drift of the group is no longer kept, `others` stays as it was.
  const isWhole = group.length === last.routes;
  const hasOthers = isWhole ? group.some((one) => one.cause?.actor?.arn !== cause?.actor?.arn) : last.others;
  const { others: _, ...rest } = last;
  return known({
    ...rest,
    actor: cause?.actor ?? rest.actor,
    others: cause?.actor && hasOthers ? (true as const) : undefined,
    calledAt: cause?.time ?? rest.calledAt,
    appliedAt: latest(group, 'appliedAt') ?? rest.appliedAt,
    healedAt: latest(group, 'endedAt') ?? rest.healedAt,
  });
}

/** The latest of these times in a group. Undefined while one is missing. */
function latest(drift: readonly Drift[], field: 'appliedAt' | 'endedAt'): string | undefined {
  const times = drift.map((one) => one[field] ?? '').sort();
  return times[0] === '' ? undefined : times.at(-1);
}

export const isSame = (one: ChangeJson, other: ChangeJson): boolean =>
  isSameDifference(one, other) && one.to === other.to;

/** Whether two changes repair the same difference, perhaps with different targets. */
const isSameDifference = (one: ChangeJson, other: ChangeJson): boolean =>
  one.action === other.action && one.destination === other.destination && one.from === other.from;
