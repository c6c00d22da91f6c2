import type { ChangeJson } from './change.ts';
import type { RunOutcome } from './status.ts';
import type { Cause, Drift } from './drift.ts';
import type { Actor, ReportedCall } from './memory/call.ts';

/** A call about a route may explain what reads show for so long after it was made. */
const explainsForMs = 15 * 60 * 1_000;

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
export function attribution(
  change: ChangeJson,
  calls: readonly ReportedCall[],
): Pick<RunOutcome, 'actor' | 'candidates'> {
  const actor = causeOf(change, calls)?.actor;
  if (actor) return { actor };
  const candidates = new Map<string, Actor>(calls.flatMap(({ actor }) => (actor ? [[actor.arn, actor] as const] : [])));
  return {
    actor: 'unattributed',
    ...(candidates.size > 0 && { candidates: [...candidates.values()].slice(-candidatesKept) }),
  };
}

/** The call that caused the drift which a change puts right, as far as the calls seen tell. */
export function causeOf(change: ChangeJson, calls: readonly ReportedCall[]): Cause | undefined {
  const about = inTime(calls.filter(isRouteCall).filter((call) => isAbout(call, change)));
  // CloudTrail tells whole seconds: which call of the last one was the last, only its effect can tell.
  const lastAt = Date.parse(about.at(-1)?.time ?? '');
  const cause = about.find((call) => Date.parse(call.time) === lastAt && explains(call, change));
  return cause && causeFrom(cause);
}

const causeFrom = ({ id, name, time, actor }: RouteCall): Cause => ({ id, name, time, ...(actor && { actor }) });

type RouteCall = ReportedCall & { readonly about: 'route' };

const isRouteCall = (call: ReportedCall): call is RouteCall => call.about === 'route';

const isAbout = (call: ReportedCall, change: Pick<ChangeJson, 'destination'>): boolean =>
  isRouteCall(call) && call.destination === change.destination;

/** Events come in any order. */
const inTime = <T extends ReportedCall>(calls: readonly T[]): T[] =>
  calls.toSorted((one, other) => Date.parse(one.time) - Date.parse(other.time));

/** Whether a call would have left what the change found. What the event does not tell speaks neither for nor against. */
function explains({ name, target }: RouteCall, { action, from }: ChangeJson): boolean {
  if (!causes[action].includes(name)) return false;
  // An instance is shown by its interface.
  const isComparable = target !== undefined && from !== undefined && !target.startsWith('i-');
  return !isComparable || target === from;
}

/**
 * The calls that may still explain what a read shows: not those that explained drift already, as events come twice, and
 * not those made before drift of the same destination was put right, or found.
 */
export const unspent = (calls: readonly ReportedCall[], drift: readonly Drift[] = []): readonly ReportedCall[] =>
  calls.filter((call) => !drift.some((known) => isAbout(call, known) && (isCause(call, known) || isOver(call, known))));

/** The call that caused a drift found before, where its event came only now. */
export function lateCause(found: Drift, calls: readonly ReportedCall[], drift: readonly Drift[]): Cause | undefined {
  const others = drift.filter((other) => other !== found);
  const earlier = others.filter(({ foundAt }) => foundAt < found.foundAt);
  const late = calls.filter(
    (call) =>
      isAbout(call, found) &&
      Date.parse(call.time) <= Date.parse(found.foundAt) &&
      !others.some((other) => isAbout(call, other) && isCause(call, other)),
  );
  return causeOf(found, unspent(late, earlier));
}

const isCause = ({ id }: ReportedCall, { cause }: Drift): boolean => id === cause?.id;

/** CloudTrail tells whole seconds: a call of the same second may have been made after. */
const isOver = ({ time }: ReportedCall, { foundAt, appliedAt = foundAt }: Drift): boolean =>
  Date.parse(time) < Math.floor(Date.parse(appliedAt) / 1_000) * 1_000;

/**
 * The calls that may explain what a read shows, oldest first: new ones, and those about routes that were made within 15
 * minutes, as the reads since may be older than they are.
 */
export function mayExplain(
  calls: readonly ReportedCall[],
  newCalls: readonly ReportedCall[],
  now: Date,
): readonly ReportedCall[] {
  const fresh = new Set(newCalls);
  const isRecent = ({ time }: ReportedCall): boolean => now.getTime() - Date.parse(time) < explainsForMs;
  return inTime(calls.filter((call) => fresh.has(call) || (isRouteCall(call) && isRecent(call))));
}
