import type { DesiredRoute, DesiredTable } from '../desired/desired.ts';
import { activeHold } from '../desired/enforcement.ts';
import { isActive, meets } from '../desired/ignore.ts';
import { type Memory, rememberedAt } from '../memory/memory.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Destination,
  covers,
  destinationText,
  isThroughMachine,
  targetNames,
  targetText,
} from '../route/route.ts';

/** Why we may not change an actual route, or may not change it now. */
export type LeftAloneReason =
  | 'local'
  | 'local-overridden'
  | 'propagated'
  | 'advertised'
  | 'gateway-endpoint'
  | 'lattice'
  | 'foreign-eni'
  | 'service-managed'
  | 'unknown'
  | 'ignored'
  | 'held'
  | 'healed-into-blackhole'
  | 'out-of-scope'
  | 'unlisted-kept';

/** The one static route that a destination can have in a table. */
export type StaticRoute = ActualRoute & { readonly destination: Destination };

/** Everything that decides whether a route is ours to change. */
export interface Circumstances {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly now: Date;
  /** The memory of earlier reconciles, if there is one. */
  readonly memory?: Memory;
  /** Destinations whose creates this reconcile tried, and EC2 refused because the table is full. */
  readonly full?: ReadonlySet<string>;
}

/** Why the static route of a listed destination may not be replaced; undefined when it may. */
export function whyNotReplace(wanted: DesiredRoute, slot: StaticRoute, on: Circumstances): LeftAloneReason | undefined {
  const mayRetargetLocal = wanted.overrideLocal || wanted.target.kind === 'local';
  return (
    (mayRetargetLocal ? undefined : localReason(slot)) ??
    serviceReason(slot, on) ??
    (ignoringEntry(slot, on) ? 'ignored' : undefined) ??
    (slot.state === 'active' && isKnownDead(wanted, on) ? 'healed-into-blackhole' : undefined)
  );
}

/** Whether we replaced a working route with exactly this target, and the traffic was dropped afterwards. */
export function isKnownDead({ destination, target }: DesiredRoute, { memory }: Pick<Circumstances, 'memory'>): boolean {
  const { onTrial } = rememberedAt(memory, destinationText(destination));
  return onTrial?.deadSince !== undefined && onTrial.target === targetText(target);
}

/** Why an unlisted route may not be deleted; undefined when it may. */
export function whyNotDelete(slot: StaticRoute, on: Circumstances): LeftAloneReason | undefined {
  const { desired } = on;
  return (
    localReason(slot) ??
    (overriddenByUs(slot, on) ? 'local-overridden' : undefined) ??
    serviceReason(slot, on) ??
    (activeHold(desired, slot.destination, on.now) ? 'held' : undefined) ??
    (isDetachedInterface(slot) ? 'foreign-eni' : undefined) ??
    (isServiceManaged(slot, on.actual) ? 'service-managed' : undefined) ??
    (ignoringEntry(slot, on) ? 'ignored' : undefined) ??
    (desired.scope?.some((block) => covers(block, slot.destination)) === false ? 'out-of-scope' : undefined) ??
    (desired.unlisted === 'keep' && !isOwned(slot, on) ? 'unlisted-kept' : undefined)
  );
}

/** Local routes cannot be deleted. They are retargeted only when the item asks for it explicitly. */
export function localReason(route: ActualRoute): 'local' | 'local-overridden' | undefined {
  if (route.target.kind === 'local') return 'local';
  return route.origin === 'with-table' ? 'local-overridden' : undefined;
}

/** Routes that a service maintains and routes of an unknown kind are never ours, listed or not. */
function serviceReason(slot: StaticRoute, { actual, memory }: Circumstances): LeftAloneReason | undefined {
  if (slot.target.kind === 'lattice') return 'lattice';
  if (slot.destination.kind === 'prefix-list' && slot.target.kind === 'vpc-endpoint') return 'gateway-endpoint';
  if (slot.target.kind === 'unknown' || slot.origin === 'unknown' || slot.state === 'unknown') return 'unknown';
  const foreign = isForeignInterface(slot, actual) || rememberedAt(memory, destinationText(slot.destination)).foreign;
  return foreign ? 'foreign-eni' : undefined;
}

/** Whether another account owns the interface. If so, a service or an appliance vendor created the route. */
export function isForeignInterface(route: ActualRoute, actual: ActualTable): boolean {
  const owner = isThroughMachine(route) ? route.instance?.ownerId : undefined;
  return owner !== undefined && owner !== actual.ownerId;
}

/**
 * While a service moves its interface, EC2 shows a blackhole without an owner. The interface may be back at any moment.
 */
const isDetachedInterface = ({ target, state, instance }: StaticRoute): boolean =>
  target.kind === 'network-interface' && state === 'blackhole' && instance?.ownerId === undefined;

/** FSx and Kubernetes tag the tables in which they maintain routes. The routes themselves carry no tag. */
function isServiceManaged(slot: StaticRoute, { tags }: ActualTable): boolean {
  if (slot.target.kind === 'network-interface' && 'AmazonFSx' in tags) return true;
  return isThroughMachine(slot) && Object.keys(tags).some((key) => key.startsWith('kubernetes.io/cluster/'));
}

/** The active ignore entry that matches an actual route, if there is one. */
export const ignoringEntry = (slot: StaticRoute, { desired, now }: Circumstances) =>
  desired.ignore.find((entry) => isActive(entry, now) && meets(entry, slot.destination, targetNames(slot)));

/** Whether the memory lists this route, with the same destination and target, as ours. */
export function isOwned(slot: StaticRoute, { memory }: Pick<Circumstances, 'memory'>): boolean {
  const { ours } = rememberedAt(memory, destinationText(slot.destination));
  return ours !== undefined && targetNames(slot).includes(ours);
}

/** Whether we retargeted the local route of this destination because an earlier item asked for it. */
export const overriddenByUs = (slot: StaticRoute, { memory }: Pick<Circumstances, 'memory'>): boolean =>
  rememberedAt(memory, destinationText(slot.destination)).overrodeLocal === true;
