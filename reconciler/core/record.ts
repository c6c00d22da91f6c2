import type { Change } from './change.ts';
import { policyHash } from './hashes.ts';
import type { DesiredTable } from './desired.ts';
import { type RememberedApproval, approvalAfter } from './approval.ts';
import { isEnforced } from './enforcement.ts';
import { type ActualTable, destinationText, isStatic, sameTarget, targetNames, targetText } from './route.ts';
import type { Plan } from './plan.ts';
import { type LeftAloneReason, isForeignInterface } from './ours.ts';
import type { ReportedCall } from './memory/call.ts';

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
  /** Active routes that we replaced, by destination, until a read shows that the new target works. */
  readonly replaced: ReadonlyMap<string, ReplacedRoute>;
  readonly approval?: RememberedApproval;
}

/** What we replaced an active route with. */
export interface ReplacedRoute {
  readonly target: string;
  /** When a read first showed it as a blackhole (ISO 8601, UTC): we made things worse, and do not do so again. */
  readonly deadSince?: string;
}

export interface OwnedRoute {
  readonly target: string;
  /** We retargeted the local route here; it must not be taken for a route that can be deleted. */
  readonly overrodeLocal?: true;
}

/** The record of a table that was never reconciled, or whose record was lost: every delete asks first. */
export const emptyRecord: TableRecord = {
  listed: new Set(),
  owned: new Map(),
  foreign: new Set(),
  spared: new Set(),
  replaced: new Map(),
};

/**
 * A record after calls were reported: a target that came up since it was seen dead is tried once more. One that came up
 * before that died all the same, however late the event arrives or how often.
 */
export function withTargetsUp(record: TableRecord, calls: readonly ReportedCall[]): TableRecord {
  // CloudTrail tells whole seconds.
  const isUpAgain = ({ target, deadSince }: ReplacedRoute): boolean =>
    deadSince !== undefined &&
    calls.some(
      (call) =>
        call.about === 'target-up' &&
        call.ids.includes(target) &&
        Date.parse(call.time) + 1_000 > Date.parse(deadSince),
    );
  const replaced = [...record.replaced].map(
    ([destination, route]) => [destination, isUpAgain(route) ? { target: route.target } : route] as const,
  );
  return { ...record, replaced: new Map(replaced) };
}

/**
 * A record after a read that is not believed: it decides nothing, but shows where a target of ours drops the traffic.
 * If that is out of date, a working route stays as it is until a read shows that the target works.
 */
export function withDeadTargets(record: TableRecord, actual: ActualTable, now: Date): TableRecord {
  const blackholes = new Map(
    actual.routes
      .filter((route) => isStatic(route) && route.state === 'blackhole')
      .map((route) => [destinationText(route.destination), targetNames(route)]),
  );
  const replaced = [...record.replaced].map(([destination, route]) => {
    const isDead = blackholes.get(destination)?.includes(route.target);
    return [destination, { ...(isDead && { deadSince: now.toISOString() }), ...route }] as const;
  });
  return { ...record, replaced: new Map(replaced) };
}

/** A read of the table, and what was made of it. */
export interface Seen {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly plan: Plan;
  readonly now: Date;
}

/** A change we made in this reconcile, or may have. */
export interface Written {
  readonly change: Change;
  /** EC2 said that it is so. Where its answer was lost, only a later read can tell. */
  readonly isCertain: boolean;
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
    replaced: replacedAfter(previous, seen, written),
    ...approvalAfter(previous, seen, written),
  };
}

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
  for (const { change, isCertain } of written) {
    if (!isCertain || change.action === 'delete') continue;
    const key = destinationText(change.destination);
    // What once was a local route stays one, whatever EC2 says of its origin after a replace.
    const wasLocal = change.action === 'replace' && change.from.origin === 'with-table';
    const isLocal = wasLocal || owned.get(key)?.overrodeLocal;
    if (change.to.kind === 'local') owned.delete(key);
    else owned.set(key, { target: targetText(change.to), ...(isLocal && { overrodeLocal: true }) });
  }
  return owned;
}

/**
 * What was replaced stays on trial until its target is seen to work there, or the item asks for something else. Whatever
 * others do to the route meanwhile, that it is gone as well, says nothing of the target.
 */
function replacedAfter(
  previous: TableRecord,
  { desired, actual, now }: Seen,
  written: readonly Written[],
): ReadonlyMap<string, ReplacedRoute> {
  const slots = new Map(actual.routes.filter(isStatic).map((route) => [destinationText(route.destination), route]));
  const listed = new Map(desired.routes.map(({ destination, target }) => [destinationText(destination), target]));
  const replaced = new Map<string, ReplacedRoute>();
  for (const [destination, route] of previous.replaced) {
    const slot = slots.get(destination);
    const wanted = listed.get(destination);
    if (!wanted || targetText(wanted) !== route.target) continue;
    const isThere = slot !== undefined && sameTarget(wanted, slot);
    if (isThere && slot.state === 'active') continue;
    const isDead = isThere && slot.state === 'blackhole';
    replaced.set(destination, { ...(isDead && { deadSince: now.toISOString() }), ...route });
  }
  for (const { change } of written)
    if (change.action === 'replace' && change.from.state === 'active')
      replaced.set(destinationText(change.destination), { target: targetText(change.to) });
  return replaced;
}

/** Static routes that are left alone, for whatever reason: their owner may make them ours to change without an edit. */
const sparedBy = ({ leftAlone }: Plan): ReadonlySet<string> =>
  new Set(leftAlone.filter(({ route }) => isStatic(route)).map(({ route }) => destinationText(route.destination)));

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
