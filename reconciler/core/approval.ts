import type { DesiredTable } from './desired.ts';
import { desiredHash } from './hashes.ts';
import type { Approval, ApprovedRoute, Orders } from './orders.ts';
import type { Seen, TableRecord, Written } from './record.ts';
import { type ActualRoute, type Destination, destinationText, isStatic, targetNames } from './route.ts';

/** What is remembered of the approval that was seen last. */
export interface RememberedApproval extends Pick<Approval, 'at' | 'by'> {
  /** Its routes that every read since has shown. The others are spent: one that is made anew waits again. */
  readonly routes: readonly ApprovedRoute[];
}

const isSame = (one: Pick<Approval, 'at' | 'by'>, other: Pick<Approval, 'at' | 'by'>): boolean =>
  one.at === other.at && one.by === other.by;

/** The routes that may be changed because a person approved it: not those that are spent, and none after an edit. */
export function approvedRoutes(
  desired: DesiredTable,
  record: TableRecord | undefined,
  now: Date,
): readonly ApprovedRoute[] {
  const approval = desired.orders?.approval;
  if (!approval || approval.until <= now || approval.desiredHash !== desiredHash(desired)) return [];
  if (!record?.approval || !isSame(approval, record.approval)) return approval.routes;
  const left = new Set(record.approval.routes.map(keyOf));
  return approval.routes.filter((route) => left.has(keyOf(route)));
}

const keyOf = ({ destination, target }: ApprovedRoute): string => `${destination} ${target}`;

/** Whether a route, with the target it has now, is among these. */
export const isAmong = (routes: readonly ApprovedRoute[], destination: Destination, route: ActualRoute): boolean =>
  routes.some(
    (approved) => approved.destination === destinationText(destination) && targetNames(route).includes(approved.target),
  );

/**
 * What is left of an approval after a read and what was written since. A route that the read does not show is spent, and
 * one that we changed is spent as well: somebody may make it anew before the next read.
 */
export function approvalAfter(
  record: TableRecord,
  { desired, actual, now }: Seen,
  written: readonly Written[],
): Pick<TableRecord, 'approval'> {
  const approval = desired.orders?.approval;
  if (!approval) return record.approval ? { approval: record.approval } : {};
  const changed = new Set(
    written.filter(({ isCertain }) => isCertain).map(({ change }) => destinationText(change.destination)),
  );
  const slots = new Map(actual.routes.filter(isStatic).map((route) => [destinationText(route.destination), route]));
  const routes = approvedRoutes(desired, record, now).filter(({ destination, target }) => {
    const slot = slots.get(destination);
    return slot && targetNames(slot).includes(target) && !changed.has(destination);
  });
  return { approval: { at: approval.at, by: approval.by, routes } };
}

/** A record under which an approval that stands now approves nothing, as the item is gone or nothing is remembered. */
export function withApprovalSpent(record: TableRecord, { approval }: Pick<Orders, 'approval'>): TableRecord {
  return approval ? { ...record, approval: { at: approval.at, by: approval.by, routes: [] } } : record;
}
