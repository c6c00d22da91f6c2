import { type Change, changeAsJson } from './change.ts';
import { isContested } from './contest.ts';
import type { FailureKind } from './outcome.ts';
import { type Status, holdsOf } from './status.ts';
import type { TriggerKind } from './trigger.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** How many milliseconds later a change that failed `attempts` times in a row, the last in this way, is tried again. */
export function retryAfterMs(kind: FailureKind | undefined, attempts: number): number {
  // Nothing changes until a person acts.
  if (kind === 'rejected' || kind === 'denied') return hour;
  // The target may come up any moment; after some minutes it probably will not.
  if (kind === 'not-ready') return attempts <= 5 ? doubling(30 * second, attempts, 15 * minute) : hour;
  return doubling(15 * second, attempts, 15 * minute);
}

const doubling = (firstMs: number, attempts: number, mostMs: number): number =>
  Math.min(mostMs, firstMs * 2 ** (attempts - 1));

/**
 * Whether a change is left for later. A failed one waits for its time, unless something happened that may have mended
 * it: an edit of the item, or an event that names the table or a target of it. A contested one waits in any case.
 */
export function isParked(
  change: Change,
  status: Status | undefined,
  woken: readonly TriggerKind[],
  now: Date,
): boolean {
  const { failures, heals } = holdsOf(status);
  if (isContested(changeAsJson(change), heals, now)) return true;
  if (woken.some((kind) => kind === 'event' || kind === 'desired' || kind === 'person')) return false;
  const { action, destination, to } = changeAsJson(change);
  return failures.some(
    (failure) =>
      failure.action === action &&
      failure.destination === destination &&
      failure.to === to &&
      Date.parse(failure.nextRetry) > now.getTime(),
  );
}
