import type { ReportedCall } from '../memory/call.ts';
import { type Memory, rememberedAt } from '../memory/memory.ts';
import { slotsOf } from '../plan/slots.ts';
import { type ActualTable, type StaticRoute, targetNames } from '../route/route.ts';

// What reads show of the calls of others. A read that an event causes may be older than the call of that event.

export type RouteCall = Extract<ReportedCall, { readonly about: 'route' }>;

export const isAboutRoute = (call: ReportedCall, destination: string): call is RouteCall =>
  call.about === 'route' && call.via === undefined && call.destination === destination;

/** Whether a read shows what a call asked for. A target that the event does not name is not compared. */
export function isAsAsked(
  { name, destination = '', target }: RouteCall,
  slots: ReadonlyMap<string, StaticRoute>,
): boolean {
  const slot = slots.get(destination);
  if (name === 'DeleteRoute') return !slot;
  return slot !== undefined && (target === undefined || targetNames(slot).includes(target));
}

/** A call younger than this may have an effect that a read does not show yet. */
const callsLagMs = 2 * 60 * 1_000;

/** A table is read again this long after a read that does not show the effect of a reported call. */
const readForCallAfterMs = 10_000;

/**
 * When to read again because a believed read does not show the effect of a call. Each call leads to one such read. A read
 * before that time, such as one that verifies a repair, does not take its place.
 */
export function readForCallAfter(
  actual: ActualTable,
  memory: Memory,
  on: Parameters<typeof missesCall>[2],
): string | undefined {
  const { readForCallAt: planned } = memory;
  if (missesCall(actual, memory, on)) return new Date(on.now.getTime() + readForCallAfterMs).toISOString();
  const isAhead = planned !== undefined && Date.parse(planned) > on.now.getTime();
  return isAhead && missesCall(actual, memory, { ...on, unread: on.calls }) ? planned : undefined;
}

/**
 * Whether a believed read does not show the effect of a call of the last 2 minutes. Calls that we or others have undone
 * do not count, as far as that is known.
 *
 * @param memory what is remembered after this read, with our own writes
 * @param calls all that may explain the read
 * @param unread those of them that no earlier believed read could show. So each leads to one more read at most
 */
function missesCall(
  actual: ActualTable,
  memory: Memory,
  {
    calls,
    unread,
    now,
  }: { readonly calls: readonly ReportedCall[]; readonly unread: readonly ReportedCall[]; readonly now: Date },
): boolean {
  const slots = slotsOf(actual.routes).static;
  const isShown = (call: ReportedCall): boolean => {
    if (call.about === 'route')
      return call.destination === undefined || call.via !== undefined || isAsAsked(call, slots);
    if (!('ids' in call)) return true;
    const routes = [...slots.values()].filter((slot) => targetNames(slot).some((id) => call.ids.includes(id)));
    return routes.every(({ state }) => (state === 'active') === (call.about === 'target-up'));
  };
  const isOurs = (call: ReportedCall): boolean => {
    if (call.about !== 'route' || call.destination === undefined) return false;
    const { written, drift = [] } = rememberedAt(memory, call.destination);
    // The time of our last write is that of the table. A repair has its own, and a write that a read has shown may be older.
    const repairedAt = drift.findLast(({ appliedAt }) => appliedAt !== undefined)?.appliedAt;
    const wroteAt = repairedAt ?? (written && !written.isShown ? memory.lastWriteAt : undefined);
    return wroteAt !== undefined && Date.parse(call.time) <= Date.parse(wroteAt);
  };
  return unread.some((call) => {
    if (now.getTime() - Date.parse(call.time) >= callsLagMs || isShown(call) || isOurs(call)) return false;
    const subject = subjectOf(call);
    return !calls.some(
      (other) =>
        other !== call && subjectOf(other).some((one) => subject.includes(one)) && isNewer(other, call, isShown),
    );
  });
}

/** What a call changes: a destination, or targets. */
const subjectOf = (call: ReportedCall): readonly string[] => {
  if (call.about === 'route') return call.destination === undefined ? [] : [call.destination];
  return 'ids' in call ? call.ids : [];
};

/** Whether a call came after another one about the same. Of the calls of one second, the one that is shown came last. */
const isNewer = (call: ReportedCall, than: ReportedCall, isShown: (call: ReportedCall) => boolean): boolean =>
  Date.parse(call.time) > Date.parse(than.time) || (call.time === than.time && isShown(call));
