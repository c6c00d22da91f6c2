import type { ChangeJson } from './change.ts';
import type { Actor } from './memory/call.ts';

/** How often one destination was healed lately, and by whom it had been changed. Times are ISO 8601, UTC. */
export interface Heal {
  readonly destination: string;
  /** What it was healed to; absent where a route was deleted. */
  readonly target?: string;
  /** When, oldest first. */
  readonly at: readonly string[];
  /** Who had changed it, as far as calls about just this destination were seen; the latest last. */
  readonly by: readonly Actor[];
  /** Somebody does not let go: from now on it is healed ever more rarely. */
  readonly contest?: Contest;
  /** Since when every read has shown it as desired. */
  readonly quietSince?: string;
}

export interface Contest {
  readonly since: string;
  /** It is not healed before. */
  readonly until: string;
  /** How long it was left alone after the last heal; doubles with each. */
  readonly waitMs: number;
}

const minute = 60_000;
const hour = 60 * minute;

/** More heals than this within such a time are no accident. */
const accidents = [
  { withinMs: 30 * minute, most: 5 },
  { withinMs: 24 * hour, most: 6 },
] as const;

const remembersMs = 24 * hour;
const firstWaitMs = minute;
const longestWaitMs = hour;

/** A contest is over when the destination was as desired for so long. */
const quietMs = hour;

/** Of so many heals, and actors, the latest are kept. */
const timesKept = 8;
const actorsKept = 5;

/** What one look at a table showed and did. */
export interface Look {
  /** Changes made or tried since the last look that put right what others had changed, with who that was. */
  readonly healed: readonly (ChangeJson & { readonly actor?: Actor })[];
  /** Destinations that a read showed otherwise than desired; absent when it showed no table, and so no quiet either. */
  readonly drifted?: ReadonlySet<string>;
  /** What the item wants: target by listed destination. */
  readonly wanted: ReadonlyMap<string, string>;
}

/**
 * What is remembered of heals after one more look at the table.
 *
 * A destination healed more than 5 times in 30 minutes, or more than 6 times in 24 hours, is contested. From then on it
 * is left alone for a minute after a heal, twice as long after each further one, and an hour at most. It is contested
 * until it was as desired for an hour. An edit that gives it another target, lists it or takes it out, clears it.
 */
export function healsAfter(before: readonly Heal[] = [], { healed, drifted, wanted }: Look, now: Date): Heal[] {
  const kept = before
    .filter(({ destination, target }) => wanted.get(destination) === target)
    .map((heal) => (drifted ? quietOr(heal, drifted.has(heal.destination), now) : heal))
    .filter((heal) => isRemembered(heal, now));
  const heals = new Map(kept.map((heal) => [heal.destination, heal]));
  for (const { destination, to, actor } of healed) {
    if (wanted.get(destination) === to)
      heals.set(destination, oneMore(heals.get(destination), { destination, to, actor }, now));
  }
  return [...heals.values()];
}

function oneMore(
  before: Heal | undefined,
  {
    destination,
    to,
    actor,
  }: { readonly destination: string; readonly to?: string | undefined; readonly actor?: Actor | undefined },
  now: Date,
): Heal {
  const at = [...(before?.at ?? []), now.toISOString()].slice(-timesKept);
  const by = [...(before?.by ?? []).filter(({ arn }) => arn !== actor?.arn), ...(actor ? [actor] : [])];
  const isContested =
    before?.contest !== undefined || accidents.some(({ withinMs, most }) => healsWithin(at, withinMs, now) > most);
  const waitMs = before?.contest ? Math.min(longestWaitMs, 2 * before.contest.waitMs) : firstWaitMs;
  return {
    destination,
    ...(to !== undefined && { target: to }),
    at,
    by: by.slice(-actorsKept),
    ...(isContested && {
      contest: { since: before?.contest?.since ?? now.toISOString(), until: after(now, waitMs), waitMs },
    }),
  };
}

const healsWithin = (at: readonly string[], withinMs: number, now: Date): number =>
  at.filter((time) => now.getTime() - Date.parse(time) < withinMs).length;

/** Only a contest needs to know how long it has been quiet. */
function quietOr(heal: Heal, isDrifted: boolean, now: Date): Heal {
  const { quietSince = now.toISOString(), ...rest } = heal;
  return heal.contest && !isDrifted ? { ...rest, quietSince } : rest;
}

function isRemembered({ at, contest, quietSince }: Heal, now: Date): boolean {
  if (contest) return quietSince === undefined || now.getTime() - Date.parse(quietSince) < quietMs;
  return healsWithin(at, remembersMs, now) > 0;
}

/** Whether a change is left for later, as others undo it again and again. No event, only an edit, lifts this. */
export const isContested = ({ destination, to }: ChangeJson, heals: readonly Heal[], now: Date): boolean =>
  heals.some(
    ({ contest, ...heal }) =>
      contest && heal.destination === destination && heal.target === to && Date.parse(contest.until) > now.getTime(),
  );

/** When a contested destination has to be looked at next: to heal it, or to find that it was quiet for long enough. */
export const contestedUntil = ({ contest, quietSince }: Heal): string | undefined =>
  contest && (quietSince === undefined ? contest.until : after(new Date(quietSince), quietMs));

const after = (time: Date, ms: number): string => new Date(time.getTime() + ms).toISOString();
