import type { ChangeJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import type { Actor, ReportedCall } from '../memory/call.ts';
import { type Cause, type Drift, type Remembered, type Rewritten, openDrift } from '../memory/memory.ts';

// The one place that answers "who did it?".

/** The calls that make such a change necessary. */
const causes: Readonly<Record<ChangeJson['action'], readonly string[]>> = {
  create: ['DeleteRoute'],
  replace: ['ReplaceRoute', 'CreateRoute'],
  delete: ['CreateRoute', 'ReplaceRoute'],
};

/**
 * Who made a change necessary: known from the drift it repairs, or from the reported calls. An actor is named only if
 * the last call about exactly this destination of this table explains the change, by its action and its target.
 */
export function actorOf(change: ChangeJson, before: Remembered, calls: readonly ReportedCall[]): Actor | undefined {
  const cause =
    change.because === undefined
      ? (knownCause(change, before) ?? causeOf(change, unspent(calls, before.drift)))
      : takenDownBy(change.from, before, calls);
  return cause?.actor;
}

/** The latest call that took a target of this destination down, or the instance behind it. */
export function takenDownBy(
  target: string | undefined,
  { down, instances = {} }: Pick<Rewritten, 'down' | 'instances'>,
  calls: readonly ReportedCall[],
): Cause | undefined {
  if (target === undefined) return undefined;
  const ids = [target, ...(instances[target] === undefined ? [] : [instances[target]])];
  const last = inTime(calls.filter((call) => call.about === 'target-down' && ids.some((id) => call.ids.includes(id))));
  return asCause(last.at(-1)) ?? (down?.target === target ? down.takenDown : undefined);
}

const asCause = (call: ReportedCall | undefined): Cause | undefined =>
  call && known({ id: call.id, name: call.name, time: call.time, actor: call.actor });

/**
 * The known cause of the drift that a change repairs. It stays the cause if the change is another one now: a repair may
 * need several tries, and an edit may ask for something else meanwhile.
 */
function knownCause({ from }: ChangeJson, before: Remembered): Cause | undefined {
  const drift = openDrift(before);
  return drift && drift.appliedAt === undefined && drift.from === from ? drift.cause : undefined;
}

/** The reported call that explains a change, if there is one. */
export function causeOf(change: ChangeJson, calls: readonly ReportedCall[]): Cause | undefined {
  const about = inTime(calls.filter((call) => isAbout(call, change)));
  // CloudTrail reports whole seconds. Only its effect shows which call of the last second was the last one.
  const lastAt = Date.parse(about.at(-1)?.time ?? '');
  return asCause(about.find((call) => Date.parse(call.time) === lastAt && explains(call, change)));
}

/** Sorts calls by time: events arrive in any order. */
const inTime = (calls: readonly ReportedCall[]): ReportedCall[] =>
  calls.toSorted((one, other) => Date.parse(one.time) - Date.parse(other.time));

const isAbout = (call: ReportedCall, { destination }: Pick<ChangeJson, 'destination'>): boolean =>
  call.about === 'route' && call.destination === destination;

/** Whether a call leaves a table as the change found it. A target that the event does not name is not compared. */
function explains(call: ReportedCall, { action, from }: ChangeJson): boolean {
  if (call.about !== 'route' || !causes[action].includes(call.name)) return false;
  // EC2 shows an instance by its interface.
  const isComparable = call.target !== undefined && from !== undefined && !call.target.startsWith('i-');
  return !isComparable || call.target === from;
}

/** Who made a route, or gave it this target, since the read before. Known only from a reported call. */
export const makerOf = (
  { destination, target }: { readonly destination: string; readonly target: string },
  { drift }: Pick<Rewritten, 'drift'>,
  calls: readonly ReportedCall[],
): Actor | undefined => causeOf({ action: 'delete', destination, from: target }, unspent(calls, drift))?.actor;

/** A read may show a table as it was this long ago. */
const readsLagMs = 30_000;

/** The calls that may have changed what a read showed. */
export function madeAfter(readAt: string, calls: readonly ReportedCall[]): readonly ReportedCall[] {
  const from = Date.parse(readAt) - readsLagMs;
  return calls.filter(({ time }) => Date.parse(time) >= from);
}

/**
 * The calls that may still explain what a read shows. It leaves out calls that already explained drift, because events
 * may arrive twice, and calls made before drift of the same destination was found or repaired.
 */
export const unspent = (calls: readonly ReportedCall[], drift: readonly Drift[] = []): readonly ReportedCall[] =>
  calls.filter((call) => !drift.some((one) => isAbout(call, one) && (isCause(call, one) || isOver(call, one))));

/** The call that caused earlier drift, if its event arrives only now. `drift` is all drift of that destination. */
export function lateCause(found: Drift, calls: readonly ReportedCall[], drift: readonly Drift[]): Cause | undefined {
  const others = drift.filter((other) => other !== found);
  const earlier = others.filter(({ foundAt }) => foundAt < found.foundAt);
  const late = calls.filter(
    (call) =>
      isAbout(call, found) &&
      Date.parse(call.time) <= Date.parse(found.foundAt) &&
      !others.some((other) => isCause(call, other)),
  );
  return causeOf(found, unspent(late, earlier));
}

const isCause = ({ id }: ReportedCall, { cause }: Drift): boolean => id === cause?.id;

/** CloudTrail reports whole seconds: a call of the same second may have been made afterwards. */
const isOver = ({ time }: ReportedCall, { foundAt, appliedAt = foundAt }: Drift): boolean =>
  Date.parse(time) < Math.floor(Date.parse(appliedAt) / 1_000) * 1_000;

/** A call about a route may explain what reads show for this long after it was made. */
const explainsForMs = 15 * 60 * 1_000;

/**
 * The calls that may explain a read: new calls, and calls of the last 15 minutes about routes or that take targets down,
 * because reads may lag.
 */
export function mayExplain(
  calls: readonly ReportedCall[],
  newCalls: readonly ReportedCall[],
  now: Date,
): readonly ReportedCall[] {
  const isNew = new Set(newCalls);
  return calls.filter(
    (call) => isNew.has(call) || (isLasting(call) && now.getTime() - Date.parse(call.time) < explainsForMs),
  );
}

const isLasting = ({ about }: ReportedCall): boolean => about === 'route' || about === 'target-down';
