import type { Phase, Status } from './status.ts';
import { type CompletedSweep, type SweepRecord, type Unread, completedSweep } from './sweep-record.ts';

/** So many sweeps may fail to reach a table until nothing is known of it any more. */
const sweepsMissed = 3;

/** A phase as people are shown it: `Unknown` is never stored, as nobody was there to store it. */
export type ShownPhase = Phase | 'Unknown';

/**
 * The phase of a managed table to show at `now`, and why. Not checked never looks like in sync: a table that the last
 * sweep could not read, that no sweep reached in three intervals, or that was never looked at is `Unknown`.
 *
 * @param sweep the record of the last sweep; while it is under way, the last one that reached its end vouches for what it
 *   has not come to yet
 */
export function shownPhase(
  routeTableId: string,
  status: Pick<Status, 'phase' | 'reason' | 'checkedAt'> | undefined,
  sweep: SweepRecord | undefined,
  now: Date,
): { readonly phase: ShownPhase; readonly reason: string } {
  if (!status) return { phase: 'Unknown', reason: 'it was never looked at' };
  const { phase, reason, checkedAt } = status;
  if (!sweep || phase === 'Unmanaged') return { phase, reason };
  const completed = completedSweep(sweep);
  for (const { startedAt, unknown } of [sweep, ...(completed ? [completed] : [])]) {
    const whyUnread = unreadBy(unknown, routeTableId);
    if (whyUnread !== undefined && checkedAt <= startedAt) return { phase: 'Unknown', reason: whyUnread };
  }
  if (sweep.everyMs === undefined) return { phase, reason };

  const longMs = sweepsMissed * sweep.everyMs;
  const vouchedMs =
    completed && unreadBy(completed.unknown, routeTableId) === undefined ? lookedMs(completed, longMs) : 0;
  const seenMs = Math.max(Date.parse(checkedAt), vouchedMs);
  return now.getTime() - seenMs > longMs
    ? {
        phase: 'Unknown',
        reason: `no sweep has reached it since ${new Date(seenMs).toISOString()}; then it was ${phase}`,
      }
    : { phase, reason };
}

/** When a sweep looked at a table that it does not name: at its end, unless what it saw first was old by then. */
const lookedMs = ({ startedAt, endedAt }: CompletedSweep, longMs: number): number =>
  Math.min(Date.parse(endedAt), Date.parse(startedAt) + longMs);

/** Why a sweep may not have looked at a table. */
function unreadBy({ count, first }: Unread, routeTableId: string): string | undefined {
  const named = first.find((table) => table.routeTableId === routeTableId);
  if (named) return `the last sweep could not look at it: ${named.reason}`;
  if (count === first.length) return undefined;
  return `the last sweep could not look at ${count} tables, and names only ${first.length}: this may be one of the others`;
}
