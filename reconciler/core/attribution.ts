import type { ChangeJson } from './change.ts';
import type { RunOutcome } from './status.ts';
import type { Actor, Trigger } from './trigger.ts';

/** A call is remembered for so long after it was made, and so many of them. */
const remembersMs = 15 * 60 * 1_000;
const callsKept = 20;

/** The calls that leave a table in want of such a change. */
const causes: Readonly<Record<ChangeJson['action'], readonly string[]>> = {
  create: ['DeleteRoute'],
  replace: ['ReplaceRoute', 'CreateRoute'],
  delete: ['CreateRoute', 'ReplaceRoute'],
};

/**
 * Who caused the drift that a change puts right: named only where the last call seen about just this destination of this
 * table explains it, by what it did and to which target. Else those seen are candidates, no more.
 */
export function attribution(change: ChangeJson, calls: readonly Trigger[]): Pick<RunOutcome, 'actor' | 'candidates'> {
  const actor = causeOf(change, calls)?.actor;
  if (actor) return { actor };
  const candidates = new Map<string, Actor>(calls.flatMap(({ actor }) => (actor ? [[actor.arn, actor] as const] : [])));
  return { actor: 'unattributed', ...(candidates.size > 0 && { candidates: [...candidates.values()] }) };
}

/** The call that caused the drift which a change puts right, as far as the calls seen tell. */
export function causeOf(change: ChangeJson, calls: readonly Trigger[]): Trigger | undefined {
  const last = inTime(calls).findLast(({ actor, destination }) => actor && destination === change.destination);
  return last && explains(last, change) ? last : undefined;
}

/** Events come in any order; those that do not tell their time stay where they are. */
const inTime = (calls: readonly Trigger[]): Trigger[] =>
  calls.toSorted((one, other) => (one.time && other.time ? Date.parse(one.time) - Date.parse(other.time) : 0));

/** Whether a call would have left what the change found. What the event does not tell speaks neither for nor against. */
function explains({ name, target }: Trigger, { action, from }: ChangeJson): boolean {
  if (name !== undefined && !causes[action].includes(name)) return false;
  // An instance is shown by its interface.
  const isComparable = target !== undefined && from !== undefined && !target.startsWith('i-');
  return !isComparable || target === from;
}

/**
 * The calls about routes that have not shown any effect yet, oldest first: a read may be older than the call it was made
 * for. Those about a destination that was found changed have, and are not held against anybody again.
 */
export function unspentCalls(calls: readonly Trigger[], drifted: ReadonlySet<string>, now: Date): readonly Trigger[] {
  return calls
    .filter(
      ({ kind, actor, destination, time }) =>
        kind === 'event' &&
        actor !== undefined &&
        destination !== undefined &&
        !drifted.has(destination) &&
        time !== undefined &&
        now.getTime() - Date.parse(time) < remembersMs,
    )
    .slice(-callsKept);
}
