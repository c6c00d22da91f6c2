import type { ChangeJson } from './change.ts';
import type { RunOutcome } from './status.ts';
import type { Cause, Drift } from './drift.ts';
import type { Actor, Trigger } from './trigger.ts';

/** A call is remembered for so long after it was made, and so many of them. */
const remembersMs = 15 * 60 * 1_000;
const callsKept = 20;

/** An item has room for a hundred outcomes, each with so many who may have caused what it mends. */
const candidatesKept = 3;

/** The calls that leave a table in want of such a change. */
const causes: Readonly<Record<ChangeJson['action'], readonly string[]>> = {
  create: ['DeleteRoute'],
  replace: ['ReplaceRoute', 'CreateRoute'],
  delete: ['CreateRoute', 'ReplaceRoute'],
};

/**
 * Who caused the drift that a change puts right: named only where the last call seen about just this destination of this
 * table explains it, by what it did and to which target. Else those seen last are candidates, no more.
 */
export function attribution(change: ChangeJson, calls: readonly Trigger[]): Pick<RunOutcome, 'actor' | 'candidates'> {
  const actor = causeOf(change, calls)?.actor;
  if (actor) return { actor };
  const candidates = new Map<string, Actor>(calls.flatMap(({ actor }) => (actor ? [[actor.arn, actor] as const] : [])));
  return {
    actor: 'unattributed',
    ...(candidates.size > 0 && { candidates: [...candidates.values()].slice(-candidatesKept) }),
  };
}

/** The call that caused the drift which a change puts right, as far as the calls seen tell. */
export function causeOf(change: ChangeJson, calls: readonly Trigger[]): Cause | undefined {
  const last = inTime(calls).findLast((call) => isAbout(call, change));
  return last && explains(last, change) ? causeFrom(last) : undefined;
}

const causeFrom = ({ id, name, time, actor }: Trigger): Cause => ({
  ...(id !== undefined && { id }),
  ...(name !== undefined && { name }),
  ...(time !== undefined && { time }),
  ...(actor && { actor }),
});

const isAbout = ({ kind, destination }: Trigger, change: Pick<ChangeJson, 'destination'>): boolean =>
  kind === 'event' && destination === change.destination;

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
 * The calls that may still explain what a read shows: not those that explained drift already, as events come twice, and
 * not those made before drift of the same destination was put right, or found.
 */
export const unspent = (calls: readonly Trigger[], drift: readonly Drift[] = []): readonly Trigger[] =>
  calls.filter((call) => !drift.some((known) => isAbout(call, known) && (isCause(call, known) || isOver(call, known))));

/** The call that caused a drift found before, where its event came only now. */
export function lateCause(found: Drift, calls: readonly Trigger[], drift: readonly Drift[]): Cause | undefined {
  const others = drift.filter((other) => other !== found);
  const earlier = others.filter(({ foundAt }) => foundAt < found.foundAt);
  const late = calls.filter(
    (call) =>
      isAbout(call, found) &&
      call.time !== undefined &&
      Date.parse(call.time) <= Date.parse(found.foundAt) &&
      !others.some((other) => isAbout(call, other) && isCause(call, other)),
  );
  return causeOf(found, unspent(late, earlier));
}

const isCause = ({ id }: Trigger, { cause }: Drift): boolean => id !== undefined && id === cause?.id;

/** CloudTrail tells whole seconds: a call of the same second may have been made after. */
const isOver = ({ time }: Trigger, { foundAt, appliedAt = foundAt }: Drift): boolean =>
  time !== undefined && Date.parse(time) < Math.floor(Date.parse(appliedAt) / 1_000) * 1_000;

/**
 * The calls about routes to be remembered, oldest first: a read may be older than the call it was made for. Those about a
 * destination that was found otherwise than desired have shown their effect, and are not held against anybody again.
 */
export const rememberedCalls = (calls: readonly Trigger[], found: ReadonlySet<string>, now: Date): readonly Trigger[] =>
  calls
    .filter(
      ({ kind, actor, destination, time }) =>
        kind === 'event' &&
        actor !== undefined &&
        destination !== undefined &&
        !found.has(destination) &&
        time !== undefined &&
        now.getTime() - Date.parse(time) < remembersMs,
    )
    .slice(-callsKept);
