import type { ChangeJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import { type Actor, type ReportedCall, isStateChange } from '../memory/call.ts';
import { type Cause, type Drift, type Remembered, type Rewritten, openDrift } from '../memory/memory.ts';

// The one place that answers "who did it?".

/** The event of a call arrives within this time, or counts as missed. */
export const eventsMayBeLateMs = 15 * 60 * 1_000;

/** The calls that make such a change necessary. */
const causes: Readonly<Record<ChangeJson['action'], readonly string[]>> = {
  create: ['DeleteRoute'],
  replace: ['ReplaceRoute', 'CreateRoute'],
  delete: ['CreateRoute', 'ReplaceRoute'],
};

/**
 * Who made a change necessary: known from the drift it repairs, or from the reported calls. An actor is named only if
 * their call about exactly this destination of this table made the difference: the read before showed another route, and
 * the last calls asked for what this read shows.
 *
 * @param before what was known of the destination when the reconcile began
 */
export function actorOf(change: ChangeJson, before: Remembered, calls: readonly ReportedCall[]): Actor | undefined {
  if (change.because !== undefined) return takenDownBy(change.from, before, calls)?.actor;
  const known = knownCause(change, before);
  if (known) return known.actor;
  return stoodBefore(change, before)
    ? moveOf(change, before)?.actor
    : causeOf(change, unspent(calls, before.drift))?.actor;
}

/** The call that took a target of this destination down, or the instance behind it. */
export function takenDownBy(
  target: string | undefined,
  { down, instances = {} }: Pick<Rewritten, 'down' | 'instances'>,
  calls: readonly ReportedCall[],
): Cause | undefined {
  if (target === undefined) return undefined;
  const ids = [target, instances[target]];
  const upAt = down?.target === target ? down.upAt : undefined;
  const cause = makerAmong(
    (upAt === undefined ? calls : madeAfter(upAt, calls)).filter(
      (call) => 'ids' in call && ids.some((id) => id !== undefined && call.ids.includes(id)),
    ),
    ({ about }) => about === 'target-down',
  );
  return cause ?? (down?.target === target ? down.takenDown : undefined);
}

/** The call that moved a route away from its listed target while that was down, if the route moves back now. */
export const moveOf = ({ to }: ChangeJson, { down }: Pick<Rewritten, 'down'>): Cause | undefined =>
  down?.target === to ? down?.moved : undefined;

/** Whether the read before showed the same route. Then no call since made the difference: an edit did, or a rule ended. */
export const stoodBefore = ({ from }: Pick<ChangeJson, 'from'>, { seen }: Pick<Rewritten, 'seen'>): boolean =>
  from === seen?.target || (from !== undefined && from === seen?.via);

/** Whether a change finds the route as a call left it that gave it the target `to`. EC2 shows an instance by its interface. */
export const isLeftBy = (to: string | undefined, { from }: Pick<ChangeJson, 'from'>): boolean =>
  to === from || (to !== undefined && from !== undefined && to.startsWith('i-') && from.startsWith('eni-'));

/** Whether the read before showed the route on this target, or on its interface, and active. */
export const wasUp = (target: string, { seen, instances = {} }: Pick<Rewritten, 'seen' | 'instances'>): boolean =>
  seen !== undefined &&
  seen.state === undefined &&
  [seen.target, seen.via, instances[seen.target]].some((id) => id === target);

/**
 * The known cause of the drift that a change repairs. It stays the cause if the change is another one now: a repair may
 * need several tries, and an edit may ask for something else meanwhile.
 */
function knownCause({ from }: ChangeJson, before: Remembered): Cause | undefined {
  const drift = openDrift(before);
  return drift && drift.appliedAt === undefined && drift.from === from ? drift.cause : undefined;
}

/** The reported call that made a change necessary, if there is one. */
export const causeOf = (change: ChangeJson, calls: readonly ReportedCall[]): Cause | undefined =>
  makerAmong(
    calls.filter((call) => isAbout(call, change)),
    (call) => explains(call, change),
  );

/**
 * The call that made a difference, if the last of these calls explains it. Whoever asks for what is already there changes
 * nothing: so the first of equal calls made it. CloudTrail reports whole seconds, and the calls of one second have no
 * order. If several callers may have been first, none is named.
 */
export function makerAmong(
  calls: readonly ReportedCall[],
  explains: (call: ReportedCall) => boolean,
): Cause | undefined {
  let makers: readonly ReportedCall[] = [];
  const seconds = [...Map.groupBy(calls, orderedAt)].sort(([one], [other]) => other - one);
  for (const [, together] of seconds) {
    const equal = together.filter(explains);
    const isMixed = equal.length < together.length;
    if (equal.length > 0) makers = isMixed ? [...equal, ...makers] : equal;
    if (isMixed) break;
  }
  const [first] = makers;
  return first && makers.every(({ actor }) => actor?.arn === first.actor?.arn) ? asCause(first) : undefined;
}

/** EC2 may report the state of an instance this long before the time that CloudTrail gives to the call behind it. */
const stateLeadsMs = 3_000;

/** When a call counts as made, among others. A change of state comes after the call that caused it. */
const orderedAt = (call: ReportedCall): number => Date.parse(call.time) + (isStateChange(call) ? stateLeadsMs : 0);

const asCause = ({ id, name, time, actor }: ReportedCall): Cause => known({ id, name, time, actor });

const isAbout = (call: ReportedCall, { destination }: Pick<ChangeJson, 'destination'>): boolean =>
  call.about === 'route' && call.destination === destination;

/** Whether a call leaves a table as the change found it. A target that the event does not name is not compared. */
function explains(call: ReportedCall, { action, from }: ChangeJson): boolean {
  if (call.about !== 'route' || !causes[action].includes(call.name)) return false;
  return call.target === undefined || from === undefined || isLeftBy(call.target, { from });
}

/** The reported call that made a route, or gave it this target, since the read before. */
export const makerOf = (
  { destination, target }: { readonly destination: string; readonly target: string },
  { seen, drift }: Pick<Rewritten, 'seen' | 'drift'>,
  calls: readonly ReportedCall[],
): Cause | undefined => {
  const change = { action: 'delete', destination, from: target } as const;
  return stoodBefore(change, { seen }) ? undefined : causeOf(change, unspent(calls, drift));
};

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
  if (found.stood) return undefined;
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
 * The calls that may explain a read: new calls, and calls of the last 15 minutes about routes or targets, because reads
 * may lag.
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

const isLasting = ({ about }: ReportedCall): boolean => about !== 'surroundings' && about !== 'table';
