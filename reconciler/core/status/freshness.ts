import { notATableId, routeTableIdPattern } from '../route/route.ts';
import type { Phase, Status } from './status.ts';
import { type CompletedSweep, type SweepRecord, type Unread, completedSweep } from './sweep-record.ts';

/** After this many missed sweeps, the phase of a table counts as unknown. */
const sweepsMissed = 3;

/** A phase as people see it. `Unknown` is never stored: it means that no reconcile or sweep could report the phase. */
export type ShownPhase = Phase | 'Unknown';

/**
 * The phase of a managed table to show at `now`, and why. An item whose key is not a route table id is `Invalid`. A table is `Unknown` if it was never reconciled, if the last
 * sweep could not read it, or if no sweep reached it in three intervals. So an unchecked table never looks in sync.
 *
 * @param sweep the record of the last sweep. While it is under way, the last completed sweep counts for the tables that
 *   it has not reached yet
 */
export function shownPhase(
  routeTableId: string,
  status: Pick<Status, 'phase' | 'reason' | 'checkedAt'> | undefined,
  sweep: SweepRecord | undefined,
  now: Date,
): { readonly phase: ShownPhase; readonly reason: string } {
  if (!routeTableIdPattern.test(routeTableId)) return { phase: 'Invalid', reason: notATableId };
  if (!status) return { phase: 'Unknown', reason: 'it was never reconciled' };
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
        reason: `no sweep has reached it since ${new Date(seenMs).toISOString()}; its last known phase is ${phase}`,
      }
    : { phase, reason };
}

/** When a sweep counts as having read a table that it does not name: at its end, at most `longMs` after its start. */
const lookedMs = ({ startedAt, endedAt }: CompletedSweep, longMs: number): number =>
  Math.min(Date.parse(endedAt), Date.parse(startedAt) + longMs);

/** Why a sweep may not have read a table. Undefined if it has. */
function unreadBy({ count, first }: Unread, routeTableId: string): string | undefined {
  const named = first.find((table) => table.routeTableId === routeTableId);
  if (named) return `the last sweep could not read it: ${named.reason}`;
  if (count === first.length) return undefined;
  return `the last sweep could not read ${count} tables and names only ${first.length}: this may be one of the others`;
}
