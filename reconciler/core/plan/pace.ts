import type { Change } from '../route/change.ts';

// All functions together share EC2's request buckets with everybody else in the account: for each of the three mutations,
// 50 calls and then 5 per second. Edits get 20 and 2.25 per second of that, repairs of drift 5 and 0.25 per second for
// themselves: together one half. Repairs may also take what edits leave and, while EC2 does not throttle, the other half.

/** What a change is for: it follows from an edit, or it repairs drift. */
export type Lane = 'edits' | 'drift';

/** The parts of a bucket. `rest` is the half that others are expected to use. */
type Part = Lane | 'rest';

const parts = {
  edits: { burst: 20, msPerTurn: 445 },
  drift: { burst: 5, msPerTurn: 4_000 },
  rest: { burst: 25, msPerTurn: 400 },
} as const satisfies Record<Part, { readonly burst: number; readonly msPerTurn: number }>;

/** Where turns of a lane come from. Of parts that are free at the same time, the first one is used. */
const partsOf: Readonly<Record<Lane, readonly Part[]>> = { edits: ['edits'], drift: ['drift', 'edits', 'rest'] };

/** The time up to which turns of one part are given, one row for all functions: in milliseconds since 1970. */
export type PaceRow = `${Change['action']}#${Part | 'booked'}`;

/** A turn that is further away is not worth waiting for: the table goes on through its message. */
export const longestWaitMs = 5_000;

/** One write makes at most this many turns. */
const turnsAtOnce = 5;

/** No row of turns is further ahead of the clock. One that is was written by nobody of ours. */
const longestDebtMs = 60_000;

/** A request to advance a row. All times are in milliseconds since 1970. */
export interface Step {
  /** What was not used before this time is lost. */
  readonly floor: number;
  /** If the row is later than this, it stays as it is. */
  readonly latest: number;
  /** A row that is later than this, or no number, is invalid and counts as absent. */
  readonly limit: number;
  readonly byMs: number;
}

/** The answer: whether the row was advanced, and the time that it had, `floor` at least. */
export interface Advance {
  readonly isGiven: boolean;
  readonly from: number;
}

/** What a step does to a row. A store carries it out atomically. */
export function advance(stored: unknown, { floor, latest, limit }: Step): Advance {
  const from = typeof stored === 'number' && stored <= limit ? Math.max(stored, floor) : floor;
  return { isGiven: from <= latest, from };
}

/** A step that would give turns to the first callers that wait. */
export interface Offer {
  readonly part: Part;
  readonly turns: number;
  readonly step: Step;
}

/**
 * The best offer to callers that wait, in order of arrival. Undefined if the first of them gets no turn in time.
 *
 * @param seen the last known time of each row. A row may be later by now, never earlier
 * @param deadlines until when each caller can wait
 */
export function offerTo(
  lane: Lane,
  deadlines: readonly number[],
  seen: (part: Part) => number | undefined,
  now: number,
): Offer | undefined {
  const firstTurn = (part: Part): number => Math.max(now, fromOf(part, seen(part), now) + parts[part].msPerTurn);
  const part = partsOf[lane].reduce((best, other) => (firstTurn(other) < firstTurn(best) ? other : best));
  const { msPerTurn } = parts[part];
  const from = fromOf(part, seen(part), now);
  const inTime = (until: (index: number) => number): number => {
    const late = deadlines.slice(0, turnsAtOnce).findIndex((_, index) => from + (index + 1) * msPerTurn > until(index));
    return late < 0 ? Math.min(deadlines.length, turnsAtOnce) : late;
  };
  // Only one caller waits for a part that is slow: another part may be free earlier for the next one.
  const mayQueue = partsOf[lane].length === 1 ? turnsAtOnce : 1;
  const turns =
    inTime(() => now) ||
    Math.min(
      mayQueue,
      inTime((index) => deadlines[index] ?? now),
    );
  if (turns === 0) return undefined;
  const latest = Math.min(...deadlines.slice(0, turns).map((deadline, index) => deadline - (index + 1) * msPerTurn));
  const step = { floor: floorOf(part, now), latest, limit: now + longestDebtMs, byMs: turns * msPerTurn };
  return { part, turns, step };
}

/** When each turn of an offer begins, if its row was at `from`. */
export const turnsFrom = (from: number, { part, turns }: Offer): readonly number[] =>
  Array.from({ length: turns }, (_, index) => from + (index + 1) * parts[part].msPerTurn);

const floorOf = (part: Part, now: number): number => now - parts[part].burst * parts[part].msPerTurn;

const fromOf = (part: Part, seen: number | undefined, now: number): number =>
  advance(seen, { floor: floorOf(part, now), latest: now, limit: now + longestDebtMs, byMs: 0 }).from;

/** After EC2 throttled a call, edits pause for 2 s, and the half of others is left to them for 30 s. */
const pauses = { edits: 2_000, rest: 30_000 } as const;

/** However often EC2 throttles, edits pause at most this long at once. */
const longestPauseMs = 10_000;

/** The steps that follow from a throttled call. */
export const stepsAfterThrottle = (now: number): readonly { readonly part: Part; readonly step: Step }[] => [
  { part: 'edits', step: pause(pauses.edits, now + longestPauseMs - pauses.edits, now) },
  { part: 'rest', step: pause(pauses.rest, now, now) },
];

const pause = (byMs: number, latest: number, now: number): Step => ({
  floor: now,
  latest,
  limit: now + longestDebtMs,
  byMs,
});

/** No booking is further ahead. */
const bookedAheadMs = 12 * 60 * 60 * 1_000;

/**
 * Books the time that edits of one table take, after everything that is booked already. A booking reserves no turns: it
 * only spreads the tables that wait, so that each comes when it is likely to get its turns.
 */
export const bookingOf = (changes: number, now: number): Step => ({
  // Turns are given up to this time already.
  floor: now + longestWaitMs,
  latest: now + bookedAheadMs,
  limit: now + bookedAheadMs + longestDebtMs + changes * parts.edits.msPerTurn,
  byMs: changes * parts.edits.msPerTurn,
});
