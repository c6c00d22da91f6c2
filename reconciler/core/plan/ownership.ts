import { approvedRoutes, isAmong } from './approval.ts';
import type { DesiredRoute, DesiredTable } from '../desired/desired.ts';
import { activeHold } from '../desired/enforcement.ts';
import { isActive, meets } from '../desired/ignore.ts';
import { doubtAbout } from './doubt.ts';
import { targetFor } from './down.ts';
import { type LeftAloneReason, type Memory, type Remembered, rememberedAt } from '../memory/memory.ts';
import type { Health } from '../route/health.ts';
import {
  type ActualRoute,
  type ActualTable,
  type StaticRoute,
  covers,
  destinationText,
  targetNames,
} from '../route/route.ts';

/** Everything that decides whether a route is ours to change. */
export interface Circumstances {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly now: Date;
  /** The memory of earlier reconciles, if there is one. */
  readonly memory?: Memory;
  /** What EC2 says about the targets that were asked about, by id. */
  readonly health?: ReadonlyMap<string, Health>;
  /** Destinations whose creates this reconcile tried, and EC2 refused because the table is full. */
  readonly full?: ReadonlySet<string>;
}

/** Why the static route of a listed destination may not be replaced; undefined when it may. */
export function whyNotReplace(wanted: DesiredRoute, slot: StaticRoute, on: Circumstances): LeftAloneReason | undefined {
  const mayRetargetLocal = wanted.overrideLocal || wanted.target.kind === 'local';
  return (
    (mayRetargetLocal ? undefined : localReason(slot)) ??
    (isOursUnread(slot, on) ? undefined : serviceReason(slot)) ??
    (ignoringEntry(slot, on) ? 'ignored' : undefined) ??
    (mayBeSomebodyElses(slot, on) ? 'maybe-not-ours' : undefined) ??
    (targetFor(wanted, slot, on) ? undefined : 'target-down')
  );
}

/**
 * Whether a working route at a listed destination looks like somebody else's, and nothing shows that the destination is
 * ours: no read has ever shown the listed target there, and no person approved the route. Without a memory, nobody can
 * know.
 */
function mayBeSomebodyElses(slot: StaticRoute, on: Circumstances): boolean {
  if (slot.state !== 'active' || !doubtAbout(slot, on.actual)) return false;
  if (at(slot, on).seenAsListed) return false;
  return !isAmong(approvedRoutes(on.desired, on.memory, on.now), slot.destination, slot);
}

/**
 * Whether a route without a target that we can read stands where a read has shown the listed target, or we wrote it. Then
 * the destination is ours, and the route must not stay for ever, even after the item is corrected.
 */
const isOursUnread = (slot: StaticRoute, on: Circumstances): boolean =>
  isUnread(slot) && slot.state !== 'unknown' && at(slot, on).seenAsListed === true;

/** Whether a route that somebody created has no target that we can read. */
export const isUnread = ({ target, origin }: StaticRoute): boolean => target.kind === 'unknown' && origin === 'created';

/** Why an unlisted static route is left alone; undefined when it is to be deleted, or put back as local route. */
export function whyLeftAlone(slot: StaticRoute, on: Circumstances): LeftAloneReason | undefined {
  const { desired } = on;
  return (
    (slot.target.kind === 'local' ? 'local' : undefined) ??
    serviceReason(slot) ??
    (activeHold(desired, slot.destination, on.now) ? 'held' : undefined) ??
    (overriddenByUs(slot, on) ? 'local-overridden' : undefined) ??
    (ignoringEntry(slot, on) ? 'ignored' : undefined) ??
    (desired.scope?.some((block) => covers(block, slot.destination)) === false ? 'out-of-scope' : undefined) ??
    (isRetargetedLocal(slot, on) ? undefined : localReason(slot)) ??
    (desired.unlisted === 'keep' && !isOwned(slot, on) && !isRetargetedLocal(slot, on) ? 'unlisted-kept' : undefined)
  );
}

/** Local routes cannot be deleted. They are retargeted only when the item asks for it explicitly. */
export function localReason(route: ActualRoute): 'local' | 'local-overridden' | undefined {
  if (route.target.kind === 'local') return 'local';
  return route.origin === 'with-table' ? 'local-overridden' : undefined;
}

/** Whether somebody retargeted the local route here: an earlier read showed it as EC2 made it, and no item asked. */
export const isRetargetedLocal = (slot: StaticRoute, on: Pick<Circumstances, 'memory'>): boolean =>
  slot.target.kind !== 'local' && at(slot, on).wasLocal === true;

/** Routes that a service creates by itself and routes of an unknown kind are never ours, listed or not. */
function serviceReason(slot: StaticRoute): LeftAloneReason | undefined {
  if (slot.target.kind === 'lattice') return 'lattice';
  if (slot.destination.kind === 'prefix-list' && slot.target.kind === 'vpc-endpoint') return 'gateway-endpoint';
  return slot.target.kind === 'unknown' || slot.origin === 'unknown' || slot.state === 'unknown'
    ? 'unknown'
    : undefined;
}

/** The active ignore entry that matches an actual route, if there is one. */
export const ignoringEntry = (slot: StaticRoute, { desired, now }: Circumstances) =>
  desired.ignore.find((entry) => isActive(entry, now) && meets(entry, slot.destination, targetNames(slot)));

/** Whether the memory lists this route, with the same destination and target, as ours. */
export function isOwned(slot: StaticRoute, on: Pick<Circumstances, 'memory'>): boolean {
  const { ours } = at(slot, on);
  return ours !== undefined && targetNames(slot).includes(ours);
}

/** Whether we retargeted the local route of this destination because an earlier item asked for it. */
export const overriddenByUs = (slot: StaticRoute, on: Pick<Circumstances, 'memory'>): boolean =>
  at(slot, on).overrodeLocal === true;

const at = ({ destination }: StaticRoute, { memory }: Pick<Circumstances, 'memory'>): Remembered =>
  rememberedAt(memory, destinationText(destination));
