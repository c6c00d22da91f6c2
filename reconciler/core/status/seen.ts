import { type DesiredRoute, listedTargetOf } from '../desired/desired.ts';
import { known } from '../route/known.ts';
import type { Remembered, Seen } from '../memory/memory.ts';
import { isPrivate } from '../plan/doubt.ts';
import { enclosing } from '../plan/warnings.ts';
import {
  type ActualRoute,
  type ActualTable,
  destinationText,
  isDefaultRoute,
  isThroughMachine,
  targetNames,
  targetText,
} from '../route/route.ts';

/** The static route that a read shows at one destination, and what was decided about it. */
interface Shown {
  readonly route: ActualRoute;
  /** What the item lists here. */
  readonly wanted: DesiredRoute | undefined;
  readonly leftAlone: Seen['leftAlone'];
}

/** The table that a read shows, and what its item lists, by destination. */
export interface Around {
  readonly listed: ReadonlyMap<string, DesiredRoute>;
  readonly actual: Pick<ActualTable, 'routes'>;
}

/** The static route of a destination, as it is remembered after a believed read. */
export function seenIn({ route, wanted, leftAlone }: Shown, before: Seen | undefined, around: Around): Seen {
  const shown = targetText(route.target);
  // We write an instance, and EC2 shows its interface: that is still the same target.
  const target = before && targetNames(route).includes(before.target) ? before.target : shown;
  const seen = {
    target,
    via: target === shown ? undefined : shown,
    state: route.state === 'active' ? undefined : route.state,
    ownerId: isThroughMachine(route) ? route.instance?.ownerId : undefined,
  };
  const current = wanted && listedTargetOf(wanted, route);
  const reason = leftAlone ?? (current && 'on-alternate');
  if (!reason || (current && current === wanted.target)) return known(seen);
  const takesTraffic = !isOfService(reason) && mayTakeTraffic(route, around);
  return known({ ...seen, leftAlone: announcedAs(reason, takesTraffic), takesTraffic: takesTraffic || undefined });
}

/** Ignored private routes are not announced unless they take listed traffic: clusters and services change them often. */
const announcedAs = (reason: Seen['leftAlone'], takesTraffic: boolean): Seen['leftAlone'] =>
  reason === 'ignored' && !takesTraffic ? undefined : reason;

/** The prefix lists of gateway endpoints and VPC Lattice hold only what these services serve. */
const isOfService = (reason: Seen['leftAlone']): boolean => reason === 'gateway-endpoint' || reason === 'lattice';

/**
 * Whether a route may take traffic of a listed one: it lies inside a listed destination, or leads to a public one or to a
 * prefix list, which may hold anything. A listed default route means only itself, or it would contain every route. A local
 * route with another target takes the traffic of the VPC.
 */
function mayTakeTraffic({ destination, target, origin }: ActualRoute, { listed, actual }: Around): boolean {
  if (destination.kind === 'unknown' || destination.kind === 'prefix-list') return true;
  if (origin === 'with-table' && target.kind !== 'local') return true;
  if (!isPrivate(destination, actual) || listed.has(destinationText(destination))) return true;
  return enclosing(destination, listed).some((outer) => !isDefaultRoute(outer.destination));
}

/**
 * Whether others made or retargeted the route that a read shows, since the read before. A route that waits for a person
 * also counts when it becomes active or changes its owner.
 */
export function isByOthers({ seen: was, wasLocal }: Remembered, is: Seen): boolean {
  // EC2 makes local routes. The end of an override is the end of a drift.
  if (is.target === 'local' && (!was || wasLocal)) return false;
  return was?.target !== is.target || (is.leftAlone === 'maybe-not-ours' && isStirred(was, is));
}

/** Whether a route has become active, or active for another owner. */
export const isStirred = (was: Seen | undefined, is: Seen | undefined): boolean =>
  was !== undefined &&
  is !== undefined &&
  is.state === undefined &&
  (was.state !== undefined || was.ownerId !== is.ownerId);
