import type { ChangeJson } from './change.ts';
import type { ChangeOutcome } from './outcome.ts';
import { causeOf } from './attribution.ts';
import type { LastDrift, Status } from './status.ts';
import type { Trigger } from './trigger.ts';

/**
 * The differences that one look found and no edit asked for, each as the change that puts it right: what was not there
 * when the table was last looked at under the same item. In a table that is only watched, every difference is drift.
 */
export function newDrift(
  status: Status,
  before: Status | undefined,
  outcomes: readonly ChangeOutcome[],
): readonly ChangeJson[] {
  // A read that is not believed says nothing.
  if (status.doubt) return [];
  const isWatched = status.phase === 'Drifted';
  const isRollout = before?.desiredHash === undefined || before.desiredHash !== status.desiredHash;
  if (isRollout && !isWatched) return [];
  const known = new Set(before?.phase === 'InSync' ? [] : before?.plan?.changes.map(keyOf));
  // What we wrote and find changed again is drift once more, be it the same.
  for (const { destination, target } of before?.recentWrites ?? []) {
    if (before?.phase !== 'Verifying') break;
    for (const change of before.plan?.changes ?? [])
      if (change.destination === destination && change.to === target) known.delete(keyOf(change));
  }
  const found = new Map(
    [...outcomes, ...(status.plan?.changes ?? [])].map((change) => [keyOf(change), changeOf(change)]),
  );
  return [...found].filter(([key]) => !known.has(key)).map(([, change]) => change);
}

/** What is known besides a look's statuses of who changed what, and of what was done. */
interface Known {
  readonly drift: readonly ChangeJson[];
  readonly outcomes: readonly ChangeOutcome[];
  readonly calls: readonly Trigger[];
  /** Calls that caused an earlier drift, and are told of only now. */
  readonly late: readonly Trigger[];
}

/** What is remembered of a table's latest drift after one more look. */
export function lastDriftAfter(
  status: Status,
  before: Status | undefined,
  { drift, outcomes, calls, late }: Known,
): LastDrift | undefined {
  const last = before?.lastDrift;
  if (status.phase === 'Unmanaged') return undefined;
  const isOpen = last !== undefined && last.healedAt === undefined;
  if (drift.length === 0) {
    return (
      last && {
        ...last,
        ...toldLate(last, late),
        ...(isOpen && status.phase === 'InSync' && { healedAt: status.checkedAt }),
      }
    );
  }
  const cause = drift.map((change) => causeOf(change, calls)).find((call) => call?.actor);
  const done = new Set(outcomes.filter(({ result }) => result === 'done' || result === 'already').map(keyOf));
  const { appliedAt: _, ...open } = isOpen ? last : { foundAt: status.checkedAt, routes: 0 };
  return {
    ...open,
    routes: open.routes + drift.length,
    ...(cause?.actor && { actor: cause.actor }),
    ...(cause?.time !== undefined && { calledAt: cause.time }),
    ...(drift.every((change) => done.has(keyOf(change))) && { appliedAt: status.checkedAt }),
    ...(status.phase === 'InSync' && { healedAt: status.checkedAt }),
  };
}

/** Who caused a drift, where the event came after it was found. */
function toldLate({ actor }: LastDrift, [call]: readonly Trigger[]): Partial<LastDrift> {
  if (actor || !call?.actor) return {};
  return { actor: call.actor, ...(call.time !== undefined && { calledAt: call.time }) };
}

/** Since when a table has drifted; undefined when it has not, or was seen healed since. */
export const driftSince = (status: Status | undefined): string | undefined =>
  status?.lastDrift?.healedAt === undefined ? status?.lastDrift?.foundAt : undefined;

const keyOf = ({ action, destination, from, to }: ChangeJson): string => [action, destination, from, to].join(' ');

const changeOf = ({ action, destination, from, to }: ChangeJson): ChangeJson => ({
  action,
  destination,
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});
