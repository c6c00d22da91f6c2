import type { ChangeJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import type { Actor } from '../memory/call.ts';
import type { Contest, Remembered, Repairs } from '../memory/memory.ts';
import { type ChangeOutcome, isRescue } from '../route/outcome.ts';

const minute = 60_000;
const hour = 60 * minute;

/** A destination is contested after more than `most` repairs within this time. */
const accidents = [
  { withinMs: 30 * minute, most: 5 },
  { withinMs: 24 * hour, most: 6 },
] as const;

const remembersMs = 24 * hour;
const firstWaitMs = minute;
const longestWaitMs = 10 * minute;

/** A contest ends when the destination has been as desired for this long. */
const quietMs = hour;

const timesKept = 8;
const actorsKept = 5;

/** What one reconcile did and saw at one destination. */
export interface Sight {
  /** What the item allows here: targets, or no route. */
  readonly wanted: readonly (string | undefined)[];
  /** A read showed a difference here. Undefined if no read showed the table: then the time does not count as quiet. */
  readonly isDrifted: boolean | undefined;
  /** Our write here repaired what `by` had changed. */
  readonly repair?: { readonly to: string | undefined; readonly by: Actor | undefined };
}

/**
 * The remembered repairs of one destination after one more reconcile.
 *
 * A destination repaired more than 5 times in 30 minutes, or more than 6 times in 24 hours, is contested. Then the next
 * repair waits 1 minute. The wait doubles with each repair, up to 10 minutes. The contest ends when the destination has
 * been as desired for 1 hour, or when an edit asks for another route there.
 */
export function repairsAfter(before: Repairs | undefined, seen: Sight, now: Date): Repairs | undefined {
  const { wanted, isDrifted, repair } = seen;
  const same = before && wanted.includes(before.target) ? before : undefined;
  const kept = same && withQuiet(same, isDrifted, now);
  const last = kept && isRemembered(kept, now) ? kept : undefined;
  return repair && wanted.includes(repair.to) ? oneMore(last, repair, now) : last;
}

function oneMore(before: Repairs | undefined, { to, by: actor }: NonNullable<Sight['repair']>, now: Date): Repairs {
  const at = [...(before?.at ?? []), now.toISOString()].slice(-timesKept);
  const by = [...(before?.by ?? []).filter(({ arn }) => arn !== actor?.arn), ...(actor ? [actor] : [])];
  return known({ target: to, at, by: by.slice(-actorsKept), contest: contestAfter(before?.contest, at, now) });
}

function contestAfter(before: Contest | undefined, at: readonly string[], now: Date): Contest | undefined {
  const isContest = before || accidents.some(({ withinMs, most }) => repairsWithin(at, withinMs, now) > most);
  if (!isContest) return undefined;
  const waitMs = before ? Math.min(longestWaitMs, 2 * before.waitMs) : firstWaitMs;
  return { since: before?.since ?? now.toISOString(), until: after(now, waitMs), waitMs };
}

const repairsWithin = (at: readonly string[], withinMs: number, now: Date): number =>
  at.filter((time) => now.getTime() - Date.parse(time) < withinMs).length;

/** Notes the time since which a contested destination is quiet. */
function withQuiet(repairs: Repairs, isDrifted: boolean | undefined, now: Date): Repairs {
  if (isDrifted === undefined) return repairs;
  const { quietSince = now.toISOString(), ...rest } = repairs;
  return repairs.contest && !isDrifted ? { ...rest, quietSince } : rest;
}

function isRemembered({ at, contest, quietSince }: Repairs, now: Date): boolean {
  if (contest) return quietSince === undefined || now.getTime() - Date.parse(quietSince) < quietMs;
  return repairsWithin(at, remembersMs, now) > 0;
}

/** Whether a change to this target waits because others keep undoing it. Only an edit ends the wait early. */
export const isContested = (repairs: Repairs | undefined, to: string | undefined, now: Date): boolean =>
  repairs?.contest !== undefined && repairs.target === to && Date.parse(repairs.contest.until) > now.getTime();

/** When a contested destination needs the next reconcile: to repair it, or to end the contest. */
export const contestedUntil = ({ contest, quietSince }: Repairs): string | undefined =>
  contest && (quietSince === undefined ? contest.until : after(new Date(quietSince), quietMs));

const after = (time: Date, ms: number): string => new Date(time.getTime() + ms).toISOString();

/**
 * Whether a write is known to have happened: EC2 confirmed it, or its answer was lost and a read showed it. A write
 * that no read has shown is no repair, however often it is tried: nobody has undone it. A delete of a route that was
 * already gone is no repair either.
 */
const hasHappened = ({ action, result }: ChangeOutcome): boolean =>
  result === 'done' || (result === 'already' && action !== 'delete');

/** Whether a write repaired what others had changed: no edit asked for it. */
export function isRepair(outcome: ChangeOutcome, before: Remembered): boolean {
  if (!hasHappened(outcome) || isRescue(outcome)) return false;
  const { to }: ChangeJson = outcome;
  if (before.repairs && before.repairs.target === to) return true;
  if (to === undefined) return before.arrival === 'appeared' && before.ours === undefined;
  return to === 'local' && !before.listed
    ? before.wasLocal === true
    : before.listed === true && (before.ours === undefined || before.ours === to);
}
