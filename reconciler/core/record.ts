import { createHash } from 'node:crypto';
import type { Change } from './change.ts';
import type { DesiredTable } from './desired.ts';
import { isActive } from './ignore.ts';
import {
  type ActualTable,
  type Destination,
  destinationText,
  isStatic,
  sameTarget,
  targetNames,
  targetText,
} from './route.ts';
import type { Plan } from './plan.ts';
import { type LeftAloneReason, isForeignInterface } from './ours.ts';

/** What one table's reconciles remember for the next: the reason why a delete may go without asking. */
export interface TableRecord {
  /** The policy under which the table was last seen in sync, with no delete held back since. */
  readonly cleanPolicy?: string;
  /** Destinations of the item as last reconciled. */
  readonly listed: ReadonlySet<string>;
  /** Routes that are ours: listed while in sync, or written by us; by destination. */
  readonly owned: ReadonlyMap<string, OwnedRoute>;
  /** Destinations once seen held by another account's interface. */
  readonly foreign: ReadonlySet<string>;
  /** Destinations of static routes last seen left alone: one that becomes ours to change did not appear since. */
  readonly spared: ReadonlySet<string>;
  readonly approval?: Approval;
}

export interface OwnedRoute {
  readonly target: string;
  /** We retargeted the local route here; it must not be taken for a route that can be deleted. */
  readonly overrodeLocal?: true;
}

/** A person's consent to these very deletes. */
export interface Approval {
  readonly deletes: readonly { readonly destination: string; readonly target: string }[];
  readonly by: string;
  readonly until: Date;
  /** The item it was given for (`desiredHash`): an edit ends it. */
  readonly desiredHash: string;
  /** The `approvedPlan` it came from. Once spent it is kept, empty, while the item goes on naming that plan. */
  readonly planId?: string;
}

type Delete = Extract<Change, { action: 'delete' }>;

/** Whether an approval names this very delete, by destination and target. */
export const isNamedBy = ({ deletes }: Approval, { destination, from }: Delete): boolean =>
  deletes.some(
    (approved) => approved.destination === destinationText(destination) && targetNames(from).includes(approved.target),
  );

const approvalLastsMs = 24 * 60 * 60 * 1000;

/** The record of a table that was never reconciled, or whose record was lost: every delete asks first. */
export const emptyRecord: TableRecord = {
  listed: new Set(),
  owned: new Map(),
  foreign: new Set(),
  spared: new Set(),
};

/** Identifies what an item asks for. `approvedPlan` does not count: writing an approval changes nothing else. */
export function desiredHash(desired: DesiredTable): string {
  const { findings: _, approvedPlan: __, ...item } = desired;
  return hashOf({ ...item, routes: routesText(desired) });
}

/**
 * Identifies the rules under which deletes are earned: what is managed, and whether it is enforced, at `now`. It changes
 * with an edit of mode, unlisted, scope or ignore, with a pause, and when an ignore entry or a pause ends by itself.
 */
export const policyHash = ({ mode, unlisted, scope, ignore, paused }: DesiredTable, now: Date): string =>
  hashOf({
    mode,
    unlisted,
    scope: scope?.map(destinationText).sort(),
    ignore: ignore
      .filter((entry) => isActive(entry, now))
      .map(({ destination, target }) => `${destination ? destinationText(destination) : '*'} ${target ?? '*'}`)
      .sort(),
    paused: paused !== undefined && isActive(paused, now),
  });

const routesText = ({ routes }: DesiredTable): string[] =>
  routes
    .map(({ destination, target, overrideLocal }) =>
      [destinationText(destination), targetText(target), overrideLocal].join(' '),
    )
    .sort();

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);

/** A read of the table, and what was made of it. */
export interface Seen {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly plan: Plan;
  readonly now: Date;
}

/** A route we wrote in this reconcile. */
export interface Written {
  readonly destination: Destination;
  readonly target: string;
  readonly overrodeLocal: boolean;
}

/**
 * What to remember after a read of the table and what was written since.
 *
 * A route becomes ours when it is listed and as desired, or when we wrote it. It stops being ours when its slot is seen
 * empty, and after it left `routes` also with another target, or when the item leaves it to others. The table is clean
 * once seen in sync under enforcement; that ends when a delete is held back or the policy changes.
 */
export function nextRecord(previous: TableRecord, seen: Seen, written: readonly Written[]): TableRecord {
  const { desired, actual, plan, now } = seen;
  const policy = policyHash(desired, now);
  const stillClean = plan.inSync || (previous.cleanPolicy === policy && !plan.blocked);
  return {
    ...(stillClean && isEnforced(desired, now) && { cleanPolicy: policy }),
    listed: new Set(desired.routes.map(({ destination }) => destinationText(destination))),
    owned: ownedAfter(previous, seen, written),
    foreign: foreignAfter(previous, desired, actual),
    spared: sparedBy(plan),
    ...approvalAfter(previous, seen),
  };
}

/** An approval in the item becomes one of the record, so that it outlives a plan done half; it is spent with its deletes. */
function approvalAfter({ approval }: TableRecord, { desired, plan, now }: Seen): Pick<TableRecord, 'approval'> {
  const { planId } = plan;
  const deletes = plan.changes.filter((change) => change.action === 'delete');
  if (deletes.length > 0 && desired.approvedPlan === planId && approval?.planId !== planId) {
    const until = new Date(now.getTime() + approvalLastsMs);
    const approved = deletes.map(approvedDelete);
    return { approval: { deletes: approved, by: 'approvedPlan', until, desiredHash: desiredHash(desired), planId } };
  }
  if (!approval) return {};
  const left = plan.blocked ? [] : deletes.filter((change) => isNamedBy(approval, change)).map(approvedDelete);
  const isInItem = approval.planId !== undefined && approval.planId === desired.approvedPlan;
  return left.length > 0 || isInItem ? { approval: { ...approval, deletes: left } } : {};
}

const approvedDelete = ({ destination, from }: Delete): Approval['deletes'][number] => ({
  destination: destinationText(destination),
  target: targetText(from.target),
});

/** Whether the item asks for changes to be made now. */
export const isEnforced = ({ mode, paused }: DesiredTable, now: Date): boolean =>
  mode === 'enforce' && !(paused && isActive(paused, now));

function ownedAfter(
  previous: TableRecord,
  { desired, actual, plan }: Seen,
  written: readonly Written[],
): ReadonlyMap<string, OwnedRoute> {
  const leftToOthers = destinationsOf(plan, ['ignored', 'out-of-scope']);
  const listed = new Map(desired.routes.map((route) => [destinationText(route.destination), route]));
  const owned = new Map<string, OwnedRoute>();
  for (const route of actual.routes.filter(isStatic)) {
    const key = destinationText(route.destination);
    const wanted = listed.get(key);
    const before = previous.owned.get(key);
    if (wanted && wanted.target.kind !== 'local' && sameTarget(wanted.target, route)) {
      const overrodeLocal = before?.overrodeLocal ?? route.origin === 'with-table';
      owned.set(key, { target: targetText(wanted.target), ...(overrodeLocal && { overrodeLocal: true }) });
    } else if (before && (wanted || (targetNames(route).includes(before.target) && !leftToOthers.has(key)))) {
      owned.set(key, before);
    }
  }
  for (const { destination, target, overrodeLocal } of written) {
    const key = destinationText(destination);
    // What once was a local route stays one, whatever EC2 says of its origin after a replace.
    const isLocal = overrodeLocal || owned.get(key)?.overrodeLocal;
    if (target === 'local') owned.delete(key);
    else owned.set(key, { target, ...(isLocal && { overrodeLocal: true }) });
  }
  return owned;
}

/** Static routes that are left alone for what they are; where the item says so, `policyHash` tells of an edit. */
const sparedBy = (plan: Plan): ReadonlySet<string> =>
  destinationsOf(plan, [
    'gateway-endpoint',
    'lattice',
    'foreign-eni',
    'service-managed',
    'unknown',
    'local-overridden',
  ]);

const destinationsOf = ({ leftAlone }: Plan, reasons: readonly LeftAloneReason[]): ReadonlySet<string> =>
  new Set(
    leftAlone.filter(({ reason }) => reasons.includes(reason)).map(({ route }) => destinationText(route.destination)),
  );

/** A foreign slot is remembered until the item lists its destination and the route there is as desired. */
function foreignAfter(previous: TableRecord, desired: DesiredTable, actual: ActualTable): ReadonlySet<string> {
  const ours = new Map(desired.routes.map(({ destination, target }) => [destinationText(destination), target]));
  const foreign = new Set(previous.foreign);
  for (const route of actual.routes.filter(isStatic)) {
    const key = destinationText(route.destination);
    const wanted = ours.get(key);
    if (wanted && sameTarget(wanted, route)) foreign.delete(key);
    else if (isForeignInterface(route, actual)) foreign.add(key);
  }
  return foreign;
}
