import type { Phase, Status, SweepRecord } from './status.ts';

/** So many sweeps may fail to reach a table until nothing is known of it any more. */
const sweepsMissed = 3;

/** A phase as people are shown it: `Unknown` is never stored, as nobody was there to store it. */
export type ShownPhase = Phase | 'Unknown';

/**
 * The phase of a managed table to show at `now`, and why. Not checked never looks like in sync: a table that the last
 * sweep could not read, that no sweep reached in three intervals, or that was never looked at is `Unknown`.
 *
 * @param sweep the record of the last sweep; one in progress counts by what it has reached so far
 */
export function shownPhase(
  routeTableId: string,
  status: Pick<Status, 'phase' | 'reason' | 'checkedAt'> | undefined,
  sweep: SweepRecord | undefined,
  now: Date,
): { readonly phase: ShownPhase; readonly reason: string } {
  if (!status) return { phase: 'Unknown', reason: 'it was never looked at' };
  const { phase, reason, checkedAt } = status;
  const failed = sweep?.unknown.first.find((table) => table.routeTableId === routeTableId);
  if (failed && sweep && checkedAt <= (sweep.endedAt ?? sweep.startedAt)) {
    return { phase: 'Unknown', reason: `the last sweep could not look at it: ${failed.reason}` };
  }
  if (!sweep?.everyMs || phase === 'Unmanaged') return { phase, reason };
  const lastSeen = [checkedAt, sweep.endedAt ?? ''].sort().at(-1) ?? checkedAt;
  const ageMs = now.getTime() - Date.parse(lastSeen);
  return ageMs > sweepsMissed * sweep.everyMs
    ? { phase: 'Unknown', reason: `no sweep has reached it since ${lastSeen}; then it was ${phase}` }
    : { phase, reason };
}
