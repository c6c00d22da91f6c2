import { approvedRoutes } from '../plan/approval.ts';
import { changingIn } from '../plan/guard.ts';
import type { Change } from '../route/change.ts';
import { type DesiredRoute, type DesiredTable, listedTargetOf, targetsOf } from '../desired/desired.ts';
import { desiredHash } from '../desired/hashes.ts';
import { editsAmong } from '../plan/edits.ts';
import { arrivalAfter } from './arrival.ts';
import {
  type LeftAloneReason,
  type Memory,
  type Remembered,
  type RememberedApproval,
  type Rewritten,
  withEach,
} from '../memory/memory.ts';
import { downAfter } from './down.ts';
import type { Health } from '../route/health.ts';
import { known } from '../route/known.ts';
import type { Orders } from '../desired/orders.ts';
import type { Plan } from '../plan/plan.ts';
import {
  type ActualTable,
  type StaticRoute,
  destinationText,
  isStatic,
  targetNames,
  targetText,
} from '../route/route.ts';
import { type LeftAlone, slotsOf } from '../plan/slots.ts';
import { type Around, seenIn } from './seen.ts';
import { withShown, writtenAfter } from './staleness.ts';

/** A read of the table, and the plan made from it. */
interface PlannedRead {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly plan: Plan;
  /** What EC2 says about the targets that were asked about, by id. */
  readonly health?: ReadonlyMap<string, Health>;
  readonly now: Date;
}

/** A change that this reconcile made, or may have made. */
export interface Made {
  readonly change: Change;
  /** EC2 confirmed it. If its answer was lost, only a later read shows whether it was made. */
  readonly isCertain: boolean;
}

/** What one read shows at one destination, and the change made there since. */
interface Slot {
  readonly wanted: DesiredRoute | undefined;
  readonly route: StaticRoute | undefined;
  readonly leftAlone: LeftAlone | undefined;
  readonly made: Made | undefined;
  readonly isChanging: boolean;
  /** What EC2 says about the listed target, if it was asked. */
  readonly health: Health | undefined;
}

/**
 * What to remember after a believed read of the table and the changes made since.
 *
 * @param before the memory with the arrivals of this read (`withArrivals`)
 */
export function rememberRead(before: Memory, read: PlannedRead, made: readonly Made[]): Memory {
  const { desired, actual, plan, health, now } = read;
  const changing = changingIn(plan, desired, now);
  const listed = new Map(desired.routes.map((route) => [destinationText(route.destination), route]));
  const slots = slotsOf(actual.routes).static;
  const leftAlone = new Map(
    plan.leftAlone.filter(({ route }) => isStatic(route)).map((one) => [destinationText(one.route.destination), one]),
  );
  const changes = new Map(made.map((one) => [destinationText(one.change.destination), one]));
  const slotAt = (destination: string): Slot => {
    const wanted = listed.get(destination);
    return {
      wanted,
      route: slots.get(destination),
      leftAlone: leftAlone.get(destination),
      made: changes.get(destination),
      isChanging: changing.has(destination),
      health: wanted && health?.get(targetText(wanted.target)),
    };
  };
  const around = { listed, actual };
  const after = withEach(
    withShown(before, actual),
    (remembered, destination) =>
      rememberSlot(remembered, slotAt(destination), around, { now, readBefore: before.readAt, mode: desired.mode }),
    [...listed.keys(), ...slots.keys(), ...leftAlone.keys(), ...changes.keys()],
  );
  return known({
    ...after,
    readAt: now.toISOString(),
    approval: approvalAfter(before, read, slotAt),
    braked: hasOpenEdit(before, read) ? before.braked : undefined,
  });
}

/**
 * The unspent routes of an approval. A route is spent when a read no longer shows it. It is also spent when we change
 * it: somebody may create it again before the next read.
 */
function approvalAfter(
  before: Memory,
  { desired, now }: PlannedRead,
  slotAt: (destination: string) => Slot,
): RememberedApproval | undefined {
  const approval = desired.orders?.approval;
  if (!approval) return before.approval;
  const routes = approvedRoutes(desired, before, now).filter(({ destination, target }) => {
    const { route, made } = slotAt(destination);
    return route && targetNames(route).includes(target) && !made?.isCertain;
  });
  return { at: approval.at, by: approval.by, routes };
}

/** Whether the edit that the fleet brake holds back still asks for something, approved or not. Undone, it asks for nothing. */
function hasOpenEdit(memory: Memory, { desired, actual, plan, now }: PlannedRead): boolean {
  const { braked } = memory;
  if (braked?.desiredHash !== desiredHash(desired)) return false;
  const { orders: _, ...unordered } = desired;
  return editsAmong(plan.changes, { desired: unordered, actual, memory, now }).length > 0;
}

/** Marks an open approval as spent: the item is gone or invalid, or the memory was lost. */
export const withApprovalSpent = (memory: Memory, { approval }: Pick<Orders, 'approval'>): Memory =>
  approval ? { ...memory, approval: { at: approval.at, by: approval.by, routes: [] } } : memory;

function rememberSlot(
  before: Remembered,
  slot: Slot,
  around: Around,
  on: {
    readonly now: Date;
    /** When the last believed read before this one was made. */
    readonly readBefore: string | undefined;
    readonly mode: DesiredTable['mode'];
  },
): Rewritten {
  const { wanted } = slot;
  const leftAlone = slot.leftAlone?.reason;
  return {
    ...before,
    listed: wanted ? true : undefined,
    ...ownershipAfter(before, slot),
    ...arrivalAfter(
      before,
      {
        isListed: wanted !== undefined,
        isFilled: isFilledAfter(slot),
        leftAlone: slot.route ? leftAlone : before.seen?.leftAlone,
        isDeleted: slot.made?.isCertain === true && slot.made.change.action === 'delete',
      },
      on.now,
    ),
    seen: seenAfter(before, slot, around),
    inForce: on.mode === 'enforce' ? inForceAfter(before, slot) : undefined,
    seenAsListed: wanted && (before.seenAsListed ?? isTrue(isAsListed(slot))),
    wasLocal: isTrue(isLocalAfter(before, slot)),
    instances: instancesAfter(before, slot),
    down: downAfter(before, { ...slot, isMade: isMadeAsListed(slot) }, on),
    written: writtenAfter(before.written, slot),
  };
}

/** The static route after the read and a change that EC2 confirmed. */
function seenAfter({ seen }: Remembered, { wanted, route, leftAlone, made }: Slot, around: Around): Rewritten['seen'] {
  if (made?.isCertain) return made.change.action === 'delete' ? undefined : { target: targetText(made.change.to) };
  // The destination of a route of an unknown kind has no slot.
  const shown = route ?? leftAlone?.route;
  return shown && seenIn({ route: shown, wanted, leftAlone: leftAlone?.reason }, seen, around);
}

/**
 * A route becomes ours when it is listed and as desired, or when we wrote it. It stops being ours when a read shows no
 * route there, when it is no longer listed and has another target, or when the item leaves it to others.
 */
function ownershipAfter(
  before: Remembered,
  { wanted, route, leftAlone, made }: Slot,
): Pick<Rewritten, 'ours' | 'overrodeLocal'> {
  const isLeftToOthers = leftAlone !== undefined && leavesToOthers[leftAlone.reason];
  const asDesired = route && wanted && wanted.target.kind !== 'local' && listedTargetOf(wanted, route);
  const isStill =
    route && before.ours !== undefined && (wanted || (targetNames(route).includes(before.ours) && !isLeftToOthers));
  const read: Pick<Rewritten, 'ours' | 'overrodeLocal'> = asDesired
    ? { ours: targetText(asDesired), overrodeLocal: before.overrodeLocal ?? isTrue(route.origin === 'with-table') }
    : isStill
      ? { ours: before.ours, overrodeLocal: before.overrodeLocal }
      : { ours: undefined, overrodeLocal: undefined };
  if (!made?.isCertain) return read;
  const { change } = made;
  // Whoever makes the same route again makes another one.
  if (change.action === 'delete') return { ours: undefined, overrodeLocal: undefined };
  if (change.to.kind === 'local') return { ours: undefined, overrodeLocal: undefined };
  // A local route stays one, whatever origin EC2 shows after a replace.
  const wasLocal = change.action === 'replace' && change.from.origin === 'with-table';
  return { ours: targetText(change.to), overrodeLocal: isTrue(wasLocal) ?? read.overrodeLocal };
}

/**
 * The target in force at a listed destination. Where there was no route, that is the listed one: its create never waits,
 * and what others make there instead is drift.
 */
function inForceAfter({ inForce, seen }: Remembered, { wanted, route, made }: Slot): string | undefined {
  if (!wanted) return undefined;
  if (made?.isCertain && made.change.action !== 'delete') return targetText(made.change.to);
  const wasEmpty = inForce !== undefined && seen === undefined;
  const shown = (route && listedTargetOf(wanted, route)) ?? (route && !wasEmpty ? undefined : wanted.target);
  return shown ? targetText(shown) : inForce;
}

/**
 * Whether a reason means that the item leaves the route to others. A hold does not: it only keeps the route as it is.
 */
const leavesToOthers: Readonly<Record<LeftAloneReason, boolean>> = {
  ignored: true,
  'out-of-scope': true,
  local: false,
  'local-overridden': false,
  propagated: false,
  advertised: false,
  'gateway-endpoint': false,
  lattice: false,
  'maybe-not-ours': false,
  unknown: false,
  held: false,
  'target-down': false,
  'unlisted-kept': false,
};

/** Whether a static route is there after the read and the changes made since. */
function isFilledAfter({ route, made }: Slot): boolean {
  if (made?.change.action === 'delete') return !made.isCertain;
  return route !== undefined || made !== undefined;
}

/** Whether the read showed the listed target or an alternate, or EC2 confirmed that we wrote one. */
const isAsListed = ({ wanted, route, made }: Slot): boolean =>
  (made?.isCertain && made.change.action !== 'delete') ||
  (wanted && route && listedTargetOf(wanted, route) !== undefined) ||
  false;

/** Whether EC2 confirmed that we gave the route its listed target, and no alternate. */
const isMadeAsListed = ({ wanted, made }: Slot): boolean =>
  wanted !== undefined &&
  made?.isCertain === true &&
  made.change.action !== 'delete' &&
  targetText(made.change.to) === targetText(wanted.target);

/**
 * Whether the destination has the local route that EC2 made. It stays so if somebody retargets the route, unless an item
 * asked for that or leaves the route to others.
 */
function isLocalAfter(before: Remembered, { wanted, route, leftAlone, made }: Slot): boolean {
  if (made?.isCertain && made.change.action === 'replace') return made.change.to.kind === 'local';
  if (!route) return false;
  if (route.target.kind === 'local') return true;
  if (wanted ? wanted.target.kind !== 'local' : leftAlone && leavesToOthers[leftAlone.reason]) return false;
  return before.wasLocal === true;
}

/** The instances behind the interfaces that the route may have. They stay known after the route was moved. */
function instancesAfter({ instances = {} }: Remembered, { wanted, route }: Slot): Rewritten['instances'] {
  if (!wanted) return undefined;
  const listed = targetsOf(wanted).map(targetText);
  const kept = Object.entries(instances).filter(([id]) => listed.includes(id));
  const all = [...kept];
  if (route?.instance?.id !== undefined && listedTargetOf(wanted, route))
    all.push([targetText(route.target), route.instance.id]);
  return all.length > 0 ? Object.fromEntries(all) : undefined;
}

const isTrue = (value: boolean): true | undefined => value || undefined;
