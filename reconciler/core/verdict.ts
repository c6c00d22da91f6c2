import { isDeepStrictEqual } from 'node:util';
import { withApprovalSpent } from './approval.ts';
import { type Change, type ChangeJson, changeAsJson } from './change.ts';
import { type Heal, contestedUntil, healsAfter } from './contest.ts';
import { lookOf } from './heals.ts';
import { type Doubt, type RecentWrite, staleForMs } from './consistency.ts';
import type { DesiredTable } from './desired.ts';
import { activePause, isEnforced } from './enforcement.ts';
import { outOfSyncCodes } from './finding.ts';
import { permitted } from './guard.ts';
import { type Plan, planForInvalidItem, planForMissingTable } from './plan.ts';
import { mayHaveWritten } from './outcome.ts';
import type { Orders, Pause } from './orders.ts';
import type { Problem } from './problem.ts';
import { desiredHash, policyHash } from './hashes.ts';
import { type TableRecord, emptyRecord } from './record.ts';
import { retryAfterMs } from './retry.ts';
import {
  type RunOutcome,
  type Status,
  type StatusFailure,
  type StatusPause,
  cut,
  holdFields,
  holdsOf,
  recordFields,
  summaryOf,
} from './status.ts';
import type { ReportedCall } from './memory/call.ts';
import type { Waker } from './trigger.ts';
import { toldBefore } from './trouble.ts';

/** What a reconcile says of a table, before it is dated and signed. */
export type Verdict = Omit<
  Status,
  | 'routeTableId'
  | 'trigger'
  | 'actor'
  | 'checkedAt'
  | 'changedAt'
  | 'inSyncSince'
  | 'drift'
  | 'lastDrift'
  | 'deletions'
  | 'callsSeen'
  | 'lastWriteAt'
  | 'recentWrites'
  | 'revision'
  | 'indexed'
>;

/** What was found, done and refused. */
export interface Findings {
  readonly end: 'done' | 'unfinished' | 'stopped';
  /** The plan of the last read; undefined when EC2 has no such table. */
  readonly plan?: Plan;
  /** What the last read called for, done by now or not. */
  readonly drifted?: readonly Change[];
  readonly outcomes: readonly RunOutcome[];
  readonly record: TableRecord;
  /** The calls that bear on who changed what. */
  readonly calls: readonly ReportedCall[];
}

/** A status nobody needed to change is refreshed this often: how fresh it is, the sweep's own record tells. */
export const statusKeepsMs = 24 * 60 * 60 * 1_000;

/** EC2 needs a moment until a read shows what was written (AWS advises to look after 2 s, and later again). */
const verifyAfterMs = 5_000;
/** News of a deletion may come twice: so many of the latest are known again. */
const deletionsKept = 5;

/** Shorter than doubtful reads must lie apart to agree: two stale ones in a row lead to a third look, not to a write. */
const lookAgainAfterMs = 6_000;

/** Deleting the item stops management and changes no route; what deletes were earned by is forgotten. */
export const unmanaged = (orders: Orders): Verdict => ({
  phase: 'Unmanaged',
  reason: 'there is no desired item',
  failures: [],
  // An approval goes with the item, and does not come back with it.
  ...recordFields(withApprovalSpent(emptyRecord, orders)),
});

/** A refused item changes nothing: the last good repair stays in place, and so does what it earned. */
export function invalid(
  routeTableId: string,
  problems: readonly Problem[],
  record: TableRecord,
  before: Status | undefined,
): Verdict {
  const [first] = problems;
  const many = problems.length > 1 ? ` and ${problems.length - 1} more` : '';
  return {
    phase: 'Invalid',
    reason: `the desired item is refused: ${first?.path}: ${first?.message}, found ${first?.found}${many}`,
    problems: cut(problems),
    plan: summaryOf(planForInvalidItem(routeTableId, problems)),
    ...holdFields({ failures: [], heals: holdsOf(before).heals }),
    told: toldBefore(before),
    ...(before?.watched && { watched: true }),
    ...recordFields(record),
  };
}

/** A read that does not show what we wrote decides nothing but when to look again. What the item says needs no read. */
export const doubtful = (
  before: Status,
  doubt: Doubt,
  record: TableRecord,
  desired: DesiredTable,
  now: Date,
): Verdict => ({
  ...unclean(withoutProblems(before)),
  ...recordFields(record.cleanPolicy === policyHash(desired, now) ? record : unclean(record)),
  phase: 'Verifying',
  reason: 'a read does not show yet what was written: it is looked at again',
  doubt,
  nextRetry: after(now, lookAgainAfterMs),
});

/** A pause or another policy, be it seen by a doubtful look alone, ends that the table was known to be clean. */
function unclean<T extends { readonly cleanPolicy?: string }>({ cleanPolicy: _, ...rest }: T): Omit<T, 'cleanPolicy'> {
  return rest;
}

/** What was wrong with an item is over once it is read right; what was told before that is remembered until a read tells. */
function withoutProblems(before: Status): Status {
  const { problems: _, told: __, ...rest } = before;
  const isOpen = before.phase === 'Invalid' || before.told !== undefined;
  return { ...rest, ...(isOpen && { told: toldBefore(before) }) };
}

/** What came of converging a table. */
export function verdictOn(desired: DesiredTable, found: Findings, before: Status | undefined, now: Date): Verdict {
  const plan = found.plan ?? planForMissingTable(desired);
  const failures = failuresAfter(plan, found.outcomes, before, now);
  const heals = healsAfter(holdsOf(before).heals, lookOf(desired, found, before), now);
  const judged = judge(desired, found, { failures, heals }, now);
  const isUnseen = judged.phase === 'Verifying' || found.outcomes.some(mayHaveWritten);
  const waits = [
    // Nothing is tried in a table that is only watched.
    ...(isEnforced(desired, now) ? failures.map(({ nextRetry }) => nextRetry) : []),
    // One that is over and not healed all the same waits for something else: a failure's time, or an order's end.
    ...heals.flatMap((heal) => contestedUntil(heal) ?? []).filter((time) => Date.parse(time) > now.getTime()),
    ...(isUnseen ? [after(now, verifyAfterMs)] : []),
  ];
  const pause = activePause(desired, now);
  const nextRetry = waits.sort()[0];
  return {
    ...judged,
    desiredHash: desiredHash(desired),
    policyHash: policyHash(desired, now),
    plan: summaryOf(plan),
    ...holdFields({ failures, heals }),
    ...(!isEnforced(desired, now) && { watched: true }),
    ...(pause && { pause: pauseShown(pause) }),
    ...(nextRetry !== undefined && { nextRetry }),
    ...recordFields(found.record),
  };
}

/** Which phase a table is in, and why, in one sentence. */
function judge(
  desired: DesiredTable,
  { end, plan, outcomes }: Findings,
  { failures, heals }: { readonly failures: readonly StatusFailure[]; readonly heals: readonly Heal[] },
  now: Date,
): Pick<Status, 'phase' | 'reason'> {
  if (!plan) return { phase: 'Missing', reason: 'EC2 has no such route table in this account and Region' };
  const made = outcomes.filter(mayHaveWritten).length;
  if (!isEnforced(desired, now) && !plan.inSync && made === 0) {
    return { phase: 'Drifted', reason: `drift is left as it is, as ${whyNotEnforced(desired, now)}` };
  }
  const [first] = failures;
  if (first) {
    const more = failures.length > 1 ? `, and ${failures.length - 1} more` : '';
    const why = first.remedy ?? first.message ?? first.code;
    return { phase: 'Failed', reason: `could not ${first.action} ${first.destination}: ${why}${more}` };
  }
  const contested = heals.find(({ contest }) => contest);
  if (contested) return { phase: 'Contested', reason: contestedBecause(contested) };
  if (end !== 'done') return { phase: 'Verifying', reason: 'the plan is done in part: the rest follows' };
  if (plan.blocked) return { phase: 'Blocked', reason: plan.blocked.message };
  if (made > 0)
    return { phase: 'Verifying', reason: `${made} ${made === 1 ? 'change' : 'changes'} made, not yet seen` };
  if (plan.inSync) return { phase: 'InSync', reason: 'every route is as desired' };
  const finding = plan.findings.find(({ code }) => outOfSyncCodes.has(code));
  return { phase: 'Failed', reason: finding?.message ?? 'some routes are not ours to change' };
}

function whyNotEnforced(desired: DesiredTable, now: Date): string {
  const pause = activePause(desired, now);
  if (!pause) return 'the item is in mode observe';
  const by = pause.by === undefined ? '' : ` (by ${pause.by})`;
  return `${pause.of === 'fleet' ? 'all tables are stopped' : 'paused'}: ${pause.reason}${by}`;
}

const pauseShown = ({ until, ...pause }: Pause): StatusPause => ({
  ...pause,
  ...(until && { until: until.toISOString() }),
});

function contestedBecause({ destination, at, by, quietSince, contest }: Heal): string {
  const others = by.length > 0 ? by.map(({ arn }) => arn).join(', ') : 'somebody not named by any event';
  const next = quietSince === undefined ? `; it is not healed before ${contest?.until}` : '';
  return `${destination} was healed ${at.length} times in short order and changed again by ${others}${next}`;
}

/** Changes still wanted that EC2 refused or left open: those of this reconcile, and those not yet tried again. */
function failuresAfter(
  plan: Plan,
  outcomes: readonly RunOutcome[],
  before: Status | undefined,
  now: Date,
): StatusFailure[] {
  const wanted = new Set(permitted(plan).map(keyOf));
  const earlier = new Map(holdsOf(before).failures.map((failure) => [keyOfJson(failure), failure]));
  const tried = new Map(outcomes.map((outcome) => [keyOfJson(outcome), outcome]));
  return [...wanted].flatMap((key) => {
    const outcome = tried.get(key);
    const last = earlier.get(key);
    if (!outcome || outcome.result === 'skipped') return last ? [last] : [];
    if (outcome.result !== 'refused' && outcome.result !== 'unknown') return [];
    const attempts = (last?.attempts ?? 0) + 1;
    const { actor: _, ms: __, at: ___, result: ____, ...failure } = outcome;
    return [{ ...failure, attempts, nextRetry: after(now, retryAfterMs(outcome.kind, attempts)) }];
  });
}

const keyOf = (change: Change): string => keyOfJson(changeAsJson(change));
const keyOfJson = ({ action, destination, to }: ChangeJson): string => [action, destination, to].join(' ');

/** What was written within the time in which reads may be stale, the latest for each destination. */
export function writesAfter(
  outcomes: readonly RunOutcome[],
  before: Status | undefined,
  now: Date,
): Pick<Status, 'lastWriteAt' | 'recentWrites'> {
  const wrote = outcomes.filter(mayHaveWritten);
  const lastWriteAt = wrote.length > 0 ? now.toISOString() : before?.lastWriteAt;
  if (lastWriteAt === undefined) return {};
  const isRecent = before?.lastWriteAt !== undefined && now.getTime() - Date.parse(before.lastWriteAt) < staleForMs;
  const writes = new Map<string, RecentWrite>([
    ...(isRecent ? (before.recentWrites ?? []) : []).map((write) => [write.destination, write] as const),
    ...wrote.map(({ destination, to, result }): [string, RecentWrite] => [
      destination,
      { destination, ...(to !== undefined && { target: to }), ...(result === 'unknown' && { isUncertain: true }) },
    ]),
  ]);
  return { lastWriteAt, ...(writes.size > 0 && { recentWrites: [...writes.values()] }) };
}

/** What a status tells besides its verdict. */
export interface Circumstances {
  readonly waker: Waker;
  /** The deletions of the item that are taken into account now. */
  readonly deletions: readonly string[];
  readonly callsSeen: readonly string[];
  readonly outcomes: readonly RunOutcome[];
}

/** Dates and signs a verdict. */
export function nextStatus(
  routeTableId: string,
  verdict: Verdict,
  before: Status | undefined,
  { waker: { trigger, actor }, deletions: forgotten, callsSeen, outcomes }: Circumstances,
  now: Date,
): Status {
  const checkedAt = now.toISOString();
  const samePhase = before?.phase === verdict.phase;
  const deletions = [...new Set([...(before?.deletions ?? []), ...forgotten])].slice(-deletionsKept);
  const inSyncSince = verdict.phase === 'InSync' ? (samePhase && before.inSyncSince) || checkedAt : undefined;
  return {
    ...verdict,
    // Whatever became of the table since: a read soon after should show what was written.
    ...writesAfter(outcomes, before, now),
    routeTableId,
    trigger,
    ...(actor && { actor }),
    checkedAt,
    changedAt: samePhase ? before.changedAt : checkedAt,
    ...(inSyncSince && { inSyncSince }),
    ...(deletions.length > 0 && { deletions }),
    ...(callsSeen.length > 0 && { callsSeen }),
    revision: (before?.revision ?? 0) + 1,
  };
}

/** Whether a new status tells a reader, or the next reconcile, anything that the old one does not. */
export function saysMore(status: Status, before: Status | undefined): boolean {
  if (!before) return true;
  const ageMs = Date.parse(status.checkedAt) - Date.parse(before.checkedAt);
  const seen = new Set(before.callsSeen);
  const hasNewCalls = status.callsSeen?.some((id) => !seen.has(id)) ?? false;
  return ageMs >= statusKeepsMs || hasNewCalls || !isDeepStrictEqual(essence(status), essence(before));
}

/** Calls that are forgotten after a day say nothing new. */
const essence = ({
  trigger: _,
  actor: __,
  checkedAt: ___,
  revision: ____,
  callsSeen: _____,
  ...rest
}: Status): object => rest;

const after = (now: Date, ms: number): string => new Date(now.getTime() + ms).toISOString();
