import { causeOf, lateCause } from './attribution.ts';
import type { ChangeJson } from './change.ts';
import type { ChangeOutcome } from './outcome.ts';
import type { RunOutcome, Status } from './status.ts';
import type { Actor, ReportedCall } from './memory/call.ts';
import type { TriggerKind } from './trigger.ts';

/** One destination that others changed and no edit had asked for, with the change that puts it right. */
export interface Drift extends ChangeJson {
  /** When a read first showed it. */
  readonly foundAt: string;
  /** It was found in a table that is only watched. */
  readonly watched?: true;
  /** The call that caused it, where an event told of it. */
  readonly cause?: Cause;
  /** A sweep found it, and an event should have told of it. */
  readonly expectsEvent?: true;
  /** When EC2 answered that it is put right. */
  readonly appliedAt?: string;
  /** When a read showed it as desired again, or changed once more. */
  readonly endedAt?: string;
  /** The runs that tell what was done about it: the first and the latest. */
  readonly runs?: readonly string[];
}

/** A call that caused drift: which, when, and by whom. */
export type Cause = Pick<ReportedCall, 'id' | 'name' | 'time' | 'actor'>;

/** The latest drift of a table: what one look found, until a read shows all of it as desired. */
export interface LastDrift {
  readonly foundAt: string;
  /** How many routes were found changed. */
  readonly routes: number;
  /** Who caused it, and when, where an event told so; `others` where that is not known of every route. */
  readonly actor?: Actor;
  readonly others?: true;
  readonly calledAt?: string;
  /** When all of it was put right, and when a read first showed that. */
  readonly appliedAt?: string;
  readonly healedAt?: string;
}

/** The event of a call comes within so long, or counts as missing. */
const eventsMayBeLateMs = 15 * 60 * 1_000;

/** So much drift of one table is kept apart, the latest; what is beyond is counted when it is found. */
const driftKept = 100;

/** What one look at a table made of it. */
export interface Look {
  readonly status: Status;
  /** The status that the look began with. */
  readonly before: Status | undefined;
  readonly outcomes: readonly ChangeOutcome[];
  /** What woke it. */
  readonly kinds: readonly TriggerKind[];
  /** Calls that may explain what this look or an earlier one found. */
  readonly recent: readonly ReportedCall[];
  /** Those of them that may explain what this look found. */
  readonly calls: readonly ReportedCall[];
  /** The calls that no earlier look knew. */
  readonly newCalls: readonly ReportedCall[];
}

/** What one look brought that was not so before. */
export interface DriftNews {
  /** All that is to be remembered. */
  readonly drift: readonly Drift[];
  readonly found: readonly Drift[];
  /** What EC2 answered to be put right, by a call of ours. */
  readonly applied: readonly Drift[];
  /** What a read first showed as desired again. */
  readonly healed: readonly Drift[];
  /** Found before, with the call that caused it, whose event came only now. */
  readonly explained: readonly Drift[];
  /** Of what a sweep found, that which no event told of in time. */
  readonly missed: readonly Drift[];
}

/**
 * Every destination that a look found otherwise than desired, put right by now or not, with the change that does so.
 * Undefined when it tells nothing of the routes: the read is not believed, the item is refused, the table is gone.
 */
export function deviationsIn({
  status,
  outcomes,
}: Pick<Look, 'status' | 'outcomes'>): ReadonlyMap<string, ChangeJson> | undefined {
  const { doubt, phase, plan } = status;
  if (doubt || !plan || phase === 'Invalid' || phase === 'Missing') return undefined;
  const first = new Map<string, ChangeJson>();
  for (const change of [...outcomes, ...plan.changes])
    if (!first.has(change.destination)) first.set(change.destination, changeOf(change));
  return first;
}

/**
 * Follows drift, destination by destination: a route that is not as desired and that no edit had asked for. It is found
 * once, however often it is looked at; it is found again when it was put right, or changed once more; it is healed when a
 * read shows it as desired. What an edit of the item or its policy brings about is no drift, but for what a call explains.
 * In a table that is only watched, every difference is.
 */
export function driftAfter(look: Look): DriftNews {
  const { status, before, recent } = look;
  if (status.phase === 'Unmanaged') return { drift: [], found: [], applied: [], healed: [], explained: [], missed: [] };
  const { drift: known, explained } = explainedBy(before?.drift ?? [], recent);
  const deviations = deviationsIn(look);
  const followed = deviations ? followedBy(known, deviations, look) : { drift: known, found: [], healed: [] };
  const { drift, applied } = withApplied(followed.drift, look);
  const now = Date.parse(status.checkedAt);
  const missed = drift.filter((one) => isMissed(one, now));
  return { ...followed, applied, explained, missed, drift: kept(drift, now) };
}

/** What is known of drift after a look that tells of the routes: found, found again, there still, or healed. */
function followedBy(known: readonly Drift[], deviations: ReadonlyMap<string, ChangeJson>, look: Look) {
  const { status, before } = look;
  // A status stores part of a long plan. Beyond that part an old call may have explained this drift before.
  const calls = isCut(before) ? look.calls.filter((call) => look.newCalls.includes(call)) : look.calls;
  const open = new Map(known.filter(isOpen).map((one) => [one.destination, one]));
  const [found, still]: [Drift[], Drift[]] = [[], []];
  for (const change of deviations.values()) {
    const last = open.get(change.destination);
    const cause = causeOf(change, calls);
    if (last && isSame(last, change) && last.appliedAt === undefined) still.push(last);
    else if (cause || isNews(change, look)) found.push(newDrift(change, cause, look));
    // An edit asks for something else where others had changed what was there before.
    else if (last) still.push(withChange(last, change));
  }
  const end = (one: Drift): Drift => ({ ...one, endedAt: status.checkedAt });
  const again = found.flatMap(({ destination }) => open.get(destination) ?? []).map(end);
  const gone = [...open.values()].filter(({ destination }) => !deviations.has(destination));
  // Of a plan that is cut nobody knows what else it asks for.
  const [hidden, healed] = isCut(status) ? [gone, []] : [[], gone.map(end)];
  const over = known.filter((one) => !isOpen(one));
  return { drift: [...over, ...again, ...healed, ...hidden, ...still, ...found], found, healed };
}

/** The same drift, to be put right in another way. */
const withChange = (
  { action: _, destination: __, from: ___, to: ____, ...drift }: Drift,
  change: ChangeJson,
): Drift => ({
  ...drift,
  ...change,
});

function newDrift(change: ChangeJson, cause: Drift['cause'], { status, before, kinds }: Look): Drift {
  // Where item or policy changed, it was there before, perhaps for long.
  const expectsEvent = !cause && !isRollout({ status, before }) && kinds.every((kind) => kind === 'sweep');
  return {
    ...change,
    foundAt: status.checkedAt,
    ...(status.watched && { watched: true }),
    ...(cause && { cause }),
    ...(expectsEvent && { expectsEvent }),
  };
}

/** Whether a difference was not there before, and is not what an edit asks for. */
function isNews(change: ChangeJson, { status, before }: Look): boolean {
  if (isRollout({ status, before })) return status.watched === true;
  // What was beyond the part of the plan that is stored cannot be told from what is new.
  if (isCut(before)) return false;
  const wasOpen = before?.plan?.changes.some((other) => isSame(other, change)) ?? false;
  return !wasOpen || wasWritten(change, before);
}

/** Whether a plan asks for more than its status stores of it. */
const isCut = (status: Status | undefined): boolean => (status?.plan?.omitted?.changes ?? 0) > 0;

/** Whether item or policy are others than at the last look. */
const isRollout = ({ status, before }: Pick<Look, 'status' | 'before'>): boolean =>
  before?.desiredHash !== status.desiredHash || before?.policyHash !== status.policyHash;

/** What we wrote and find changed again is drift, be it what an edit had asked for. */
const wasWritten = ({ destination, to }: ChangeJson, before: Status | undefined): boolean =>
  before?.recentWrites?.some(
    (write) => write.destination === destination && write.target === to && !write.isUncertain,
  ) ?? false;

function explainedBy(drift: readonly Drift[], calls: readonly ReportedCall[]) {
  const explained: Drift[] = [];
  const known = drift.map((one) => {
    const cause = one.cause ? undefined : lateCause(one, calls, drift);
    if (!cause) return one;
    const told = { ...one, cause };
    explained.push(told);
    return told;
  });
  return { drift: known, explained };
}

/** What EC2 answered to be put right in this look. */
function withApplied(drift: readonly Drift[], { status, outcomes }: Look) {
  const right = new Map(
    outcomes
      .filter(({ result }) => result === 'done' || result === 'already')
      .map((outcome) => [outcome.destination, outcome] as const),
  );
  const applied: Drift[] = [];
  const after = drift.map((one) => {
    const outcome = isOpen(one) ? right.get(one.destination) : undefined;
    if (!outcome) return one;
    const appliedNow = { ...one, appliedAt: outcome.at ?? status.checkedAt };
    if (outcome.result === 'done') applied.push(appliedNow);
    return appliedNow;
  });
  return { drift: after, applied };
}

/** What is over is remembered for as long as its event may come, or come twice. */
function kept(drift: readonly Drift[], now: number): readonly Drift[] {
  return drift
    .filter((one) => isOpen(one) || now - Date.parse(one.foundAt) < eventsMayBeLateMs)
    .map((one) => {
      if (!isMissed(one, now)) return one;
      const { expectsEvent: _, ...told } = one;
      return told;
    })
    .slice(-driftKept);
}

const isOpen = ({ endedAt }: Drift): boolean => endedAt === undefined;

/** Whether the event that a sweep's find waits for did not come in time: what tells of calls is broken, or was too slow. */
export const isMissed = ({ expectsEvent, cause, foundAt }: Drift, nowMs: number): boolean =>
  expectsEvent === true && !cause && nowMs - Date.parse(foundAt) >= eventsMayBeLateMs;

/** What people are shown of a table's latest drift after one more look. */
export function lastDriftAfter(
  { status, before }: Pick<Look, 'status' | 'before'>,
  { drift, found }: Pick<DriftNews, 'drift' | 'found'>,
): LastDrift | undefined {
  if (status.phase === 'Unmanaged') return undefined;
  const last: LastDrift | undefined =
    found.length > 0 ? { foundAt: status.checkedAt, routes: found.length } : before?.lastDrift;
  const group = drift.filter(({ foundAt }) => foundAt === last?.foundAt);
  if (!last || group.length === 0) return last;
  const cause = group.find(({ cause }) => cause?.actor)?.cause;
  // Of routes that are no longer kept apart, what was known stays so.
  const all = found.length > 0 ? found : group;
  const isAll = all.length === last.routes;
  const hasOthers = isAll ? all.some((one) => one.cause?.actor?.arn !== cause?.actor?.arn) : last.others;
  const { others: _, ...rest } = last;
  const [appliedAt, healedAt] = [latest(group, 'appliedAt'), latest(group, 'endedAt')];
  return {
    ...rest,
    ...(cause?.actor && { actor: cause.actor, ...(hasOthers && { others: true }) }),
    ...(cause?.time !== undefined && { calledAt: cause.time }),
    ...(appliedAt !== undefined && { appliedAt }),
    ...(healedAt !== undefined && { healedAt }),
  };
}

/** When the last of them came to it; undefined while one has not. */
function latest(drift: readonly Drift[], field: 'appliedAt' | 'endedAt'): string | undefined {
  const times = drift.map((one) => one[field] ?? '').sort();
  return times[0] === '' ? undefined : times.at(-1);
}

/** Who caused a difference: `unattributed` where it is drift of which no event told, undefined where it is none. */
export function actorBehind(change: ChangeJson | Drift, drift: readonly Drift[] = []): RunOutcome['actor'] {
  const one = 'foundAt' in change ? change : drift.findLast((other) => isSame(other, change));
  return one && (one.cause?.actor ?? 'unattributed');
}

/**
 * The call known to have caused what a change puts right, in whatever way: a heal may need more tries than one, and an edit
 * may ask for something else meanwhile.
 */
export const knownCause = ({ destination, from }: ChangeJson, drift: readonly Drift[] = []): Drift['cause'] =>
  drift.find(
    (one) => isOpen(one) && one.appliedAt === undefined && one.destination === destination && one.from === from,
  )?.cause;

const isSame = (one: ChangeJson, other: ChangeJson): boolean =>
  one.action === other.action &&
  one.destination === other.destination &&
  one.from === other.from &&
  one.to === other.to;

const changeOf = ({ action, destination, from, to }: ChangeJson): ChangeJson => ({
  action,
  destination,
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});
