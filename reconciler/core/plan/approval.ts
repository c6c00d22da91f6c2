import type { DesiredTable } from '../desired/desired.ts';
import { desiredHash } from '../desired/hashes.ts';
import type { Memory, RememberedApproval } from '../memory/memory.ts';
import type { Approval, ApprovedRoute } from '../desired/orders.ts';
import { type ActualRoute, type Destination, destinationText, targetNames } from '../route/route.ts';

/** The routes that a person approved for a change. Without spent routes; empty if the item was edited. */
export function approvedRoutes(desired: DesiredTable, memory: Memory | undefined, now: Date): readonly ApprovedRoute[] {
  const approval = desired.orders?.approval;
  if (!approval || approval.until <= now || approval.desiredHash !== desiredHash(desired)) return [];
  if (!memory?.approval || !isSameApproval(approval, memory.approval)) return approval.routes;
  const left = new Set(memory.approval.routes.map(keyOf));
  return approval.routes.filter((route) => left.has(keyOf(route)));
}

const isSameApproval = (one: Approval, other: RememberedApproval): boolean =>
  one.at === other.at && one.by === other.by;

const keyOf = ({ destination, target }: ApprovedRoute): string => `${destination} ${target}`;

/** Whether a route, with the target it has now, is in this list. */
export const isAmong = (routes: readonly ApprovedRoute[], destination: Destination, route: ActualRoute): boolean =>
  routes.some(
    (approved) => approved.destination === destinationText(destination) && targetNames(route).includes(approved.target),
  );
