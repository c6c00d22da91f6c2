import type { DesiredRoute, DesiredTable } from './desired.ts';
import { activeHold } from './enforcement.ts';
import { isActive, meets } from './ignore.ts';
import type { TableRecord } from './record.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Destination,
  covers,
  destinationText,
  isThroughMachine,
  targetNames,
  targetText,
} from './route.ts';

/** Why an actual route is not ours to change, or not now. */
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

/** All that bears on whose a route is. */
export interface Circumstances {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly now: Date;
  /** What earlier reconciles remembered; absent where nothing is. */
  readonly record?: TableRecord;
}

/** Why the route in a listed destination's slot may not be replaced; undefined when it is ours to change. */
export function whyNotReplace(wanted: DesiredRoute, slot: StaticRoute, on: Circumstances): LeftAloneReason | undefined {
  const mayRetargetLocal = wanted.overrideLocal || wanted.target.kind === 'local';
  return (
    (mayRetargetLocal ? undefined : localReason(slot)) ??
    serviceReason(slot, on) ??
    (ignoringEntry(slot, on) ? 'ignored' : undefined) ??
    (slot.state === 'active' && isKnownDead(wanted, on) ? 'healed-into-blackhole' : undefined)
  );
}

/** Whether we once replaced a working route with just this target, and it dropped the traffic. */
export function isKnownDead({ destination, target }: DesiredRoute, { record }: Pick<Circumstances, 'record'>): boolean {
  const replaced = record?.replaced.get(destinationText(destination));
  return replaced?.deadSince !== undefined && replaced.target === targetText(target);
}

/** Why an unlisted route may not be deleted; undefined when it is ours to change. */
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

/** The table's own routes cannot be deleted, and are retargeted on explicit desire only. */
export function localReason(route: ActualRoute): 'local' | 'local-overridden' | undefined {
  if (route.target.kind === 'local') return 'local';
  return route.origin === 'with-table' ? 'local-overridden' : undefined;
}

/** Routes that a service keeps, and what this version cannot name: never ours, whether listed or not. */
function serviceReason(slot: StaticRoute, { actual, record }: Circumstances): LeftAloneReason | undefined {
  if (slot.target.kind === 'lattice') return 'lattice';
  if (slot.destination.kind === 'prefix-list' && slot.target.kind === 'vpc-endpoint') return 'gateway-endpoint';
  if (slot.target.kind === 'unknown' || slot.origin === 'unknown' || slot.state === 'unknown') return 'unknown';
  const foreign = isForeignInterface(slot, actual) || record?.foreign.has(destinationText(slot.destination));
  return foreign ? 'foreign-eni' : undefined;
}

/** An interface in the hands of another account: a service, or an appliance's vendor, put the route there. */
export function isForeignInterface(route: ActualRoute, actual: ActualTable): boolean {
  const owner = isThroughMachine(route) ? route.instance?.ownerId : undefined;
  return owner !== undefined && owner !== actual.ownerId;
}

/** While a service moves its interface EC2 shows a blackhole and no owner: it may be back any moment. */
const isDetachedInterface = ({ target, state, instance }: StaticRoute): boolean =>
  target.kind === 'network-interface' && state === 'blackhole' && instance?.ownerId === undefined;

/** FSx and Kubernetes mark the tables whose routes they keep; the routes themselves carry no mark. */
function isServiceManaged(slot: StaticRoute, { tags }: ActualTable): boolean {
  if (slot.target.kind === 'network-interface' && 'AmazonFSx' in tags) return true;
  return isThroughMachine(slot) && Object.keys(tags).some((key) => key.startsWith('kubernetes.io/cluster/'));
}

/** The entry that leaves an actual route to somebody else now, if there is one. */
export const ignoringEntry = (slot: StaticRoute, { desired, now }: Circumstances) =>
  desired.ignore.find((entry) => isActive(entry, now) && meets(entry, slot.destination, targetNames(slot)));

/** Whether the record shows this very route, destination and target, as ours. */
export function isOwned(slot: StaticRoute, { record }: Pick<Circumstances, 'record'>): boolean {
  const target = record?.owned.get(destinationText(slot.destination))?.target;
  return target !== undefined && targetNames(slot).includes(target);
}

/** Whether an earlier item had us retarget the local route of this destination. */
export const overriddenByUs = (slot: StaticRoute, { record }: Pick<Circumstances, 'record'>): boolean =>
  record?.owned.get(destinationText(slot.destination))?.overrodeLocal === true;
