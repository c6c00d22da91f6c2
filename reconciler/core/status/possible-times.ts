import type { Memory } from '../memory/memory.ts';
import type { Status } from './status.ts';

/** Clocks of functions differ by less than this. */
export const clockSkewMs = 60_000;

/** No retry, and no end of a contest, is further away. */
const dueWithinMs = 24 * 60 * 60 * 1_000;

// A time in the far future stops repairs for as long: a write of the year 9999 makes every read look stale, and a retry
// of the year 9999 is never made. Times that people choose may be any: the ends of orders and of ignore entries.

/** Whether a reconcile before `now` can have written the times of a status. */
export const isPossibleStatus = (
  { checkedAt, changedAt, inSyncSince, nextRetry }: Status,
  dueAt: string | undefined,
  now: Date,
): boolean => arePast([checkedAt, changedAt, inSyncSince], now) && areDue([nextRetry, dueAt], now);

/** Whether a reconcile before `now` can have written the times of a memory. */
export function isPossibleMemory(memory: Memory, now: Date): boolean {
  const { readAt, readForCallAt, turnAt, lastWriteAt, lag, policySince, braked } = memory;
  const remembered = [...memory.destinations.values()];
  const past = remembered.flatMap(({ emptySince, refusal, down, rescue, repairs, drift = [] }) => [
    emptySince,
    refusal?.since,
    refusal?.triedSince,
    down?.since,
    down?.upAt,
    down?.aliveSince,
    down?.seenMovedAt,
    rescue?.since,
    rescue?.upAt,
    repairs?.quietSince,
    repairs?.contest?.since,
    ...(repairs?.at ?? []),
    ...drift.flatMap(({ foundAt, appliedAt, endedAt }) => [foundAt, appliedAt, endedAt]),
  ]);
  const due = remembered.flatMap(({ refusal, repairs }) => [refusal?.nextRetry, repairs?.contest?.until]);
  return (
    arePast([readAt, lastWriteAt, lag?.since, policySince?.at, braked?.since, ...past], now) &&
    areDue([readForCallAt, turnAt, ...due], now)
  );
}

type Times = readonly (string | undefined)[];

const arePast = (times: Times, now: Date): boolean => areUntil(times, now.getTime() + clockSkewMs);
const areDue = (times: Times, now: Date): boolean => areUntil(times, now.getTime() + dueWithinMs);

const areUntil = (times: Times, latest: number): boolean =>
  times.every((time) => time === undefined || Date.parse(time) <= latest);
