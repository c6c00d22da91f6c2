import { approvedRoutes } from '../plan/approval.ts';
import type { Change } from '../route/change.ts';
import type { DesiredRoute, DesiredTable } from '../desired/desired.ts';
import { arrivalAfter } from './arrival.ts';
import type { ReportedCall } from '../memory/call.ts';
import {
  type LeftAloneReason,
  type Memory,
  type OnTrial,
  type Remembered,
  type RememberedApproval,
  type Rewritten,
  withEach,
} from '../memory/memory.ts';
import { known } from '../route/known.ts';
import type { Orders } from '../desired/orders.ts';
import type { Plan } from '../plan/plan.ts';
import {
  type ActualTable,
  type StaticRoute,
  destinationText,
  isStatic,
  sameTarget,
  targetNames,
  targetText,
} from '../route/route.ts';
import { type LeftAlone, slotsOf } from '../plan/slots.ts';
import { type Around, seenIn } from './seen.ts';

/** A read of the table, and the plan made from it. */
interface PlannedRead {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly plan: Plan;
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
}

/**
 * What to remember after a believed read of the table and the changes made since.
 *
 * @param before the memory with the arrivals of this read (`withArrivals`)
 */
export function rememberRead(before: Memory, read: PlannedRead, made: readonly Made[]): Memory {
  const { desired, actual, plan, now } = read;
  const listed = new Map(desired.routes.map((route) => [destinationText(route.destination), route]));
  const slots = slotsOf(actual.routes).static;
  const leftAlone = new Map(
    plan.leftAlone.filter(({ route }) => isStatic(route)).map((one) => [destinationText(one.route.destination), one]),
  );
  const changes = new Map(made.map((one) => [destinationText(one.change.destination), one]));
  const slotAt = (destination: string): Slot => ({
    wanted: listed.get(destination),
    route: slots.get(destination),
    leftAlone: leftAlone.get(destination),
    made: changes.get(destination),
  });
  const around = { listed, actual };
  const after = withEach(
    before,
    (remembered, destination) => rememberSlot(remembered, slotAt(destination), around, now),
    [...listed.keys(), ...slots.keys(), ...leftAlone.keys(), ...changes.keys()],
  );
  return known({ ...after, readAt: now.toISOString(), approval: approvalAfter(before, read, slotAt) });
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

/** Marks an open approval as spent: the item is gone or invalid, or the memory was lost. */
export const withApprovalSpent = (memory: Memory, { approval }: Pick<Orders, 'approval'>): Memory =>
  approval ? { ...memory, approval: { at: approval.at, by: approval.by, routes: [] } } : memory;

function rememberSlot(before: Remembered, slot: Slot, around: Around, now: Date): Rewritten {
  const { wanted } = slot;
  const leftAlone = slot.leftAlone?.reason;
  return {
    ...before,
    listed: wanted ? true : undefined,
    ...ownershipAfter(before, slot),
    ...arrivalAfter(before, { isListed: wanted !== undefined, isFilled: isFilledAfter(slot), leftAlone }, now),
    seen: seenAfter(before, slot, around),
    seenAsListed: wanted && (before.seenAsListed ?? isTrue(isAsListed(slot))),
    wasLocal: isTrue(isLocalAfter(before, slot)),
    onTrial: trialAfter(before.onTrial, slot, now),
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
  const isAsDesired = route && wanted && wanted.target.kind !== 'local' && sameTarget(wanted.target, route);
  const isStill =
    route && before.ours !== undefined && (wanted || (targetNames(route).includes(before.ours) && !isLeftToOthers));
  const read: Pick<Rewritten, 'ours' | 'overrodeLocal'> = isAsDesired
    ? { ours: targetText(wanted.target), overrodeLocal: before.overrodeLocal ?? isTrue(route.origin === 'with-table') }
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
  'healed-into-blackhole': false,
  'unlisted-kept': false,
};

/** Whether a static route is there after the read and the changes made since. */
function isFilledAfter({ route, made }: Slot): boolean {
  if (made?.change.action === 'delete') return !made.isCertain;
  return route !== undefined || made !== undefined;
}

/** Whether the read showed the listed target, or EC2 confirmed that we wrote it. */
const isAsListed = ({ wanted, route, made }: Slot): boolean =>
  (made?.isCertain && made.change.action !== 'delete') ||
  (wanted && route && sameTarget(wanted.target, route)) ||
  false;

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

/**
 * A target that replaced a working route stays on trial until a read shows it active there, or until the item asks for
 * something else. What others do to the route meanwhile, even a delete, says nothing about the target.
 */
function trialAfter(before: OnTrial | undefined, { wanted, route, made }: Slot, now: Date): OnTrial | undefined {
  if (made?.change.action === 'replace' && made.change.from.state === 'active')
    return { target: targetText(made.change.to) };
  if (!before || !wanted || targetText(wanted.target) !== before.target) return undefined;
  const isThere = route !== undefined && sameTarget(wanted.target, route);
  if (isThere && route.state === 'active') return undefined;
  const isDead = isThere && route.state === 'blackhole';
  return { ...(isDead && { deadSince: now.toISOString() }), ...before };
}

/**
 * The memory after a read that is not believed. Such a read decides only one thing: whether a target on trial drops the
 * traffic. If the read is stale, the harm is small: a working route stays as it is until a read shows that the target
 * works.
 */
export function withDeadTargets(memory: Memory, actual: ActualTable, now: Date): Memory {
  const slots = slotsOf(actual.routes).static;
  return withEach(memory, ({ onTrial, ...rest }, destination) => {
    const slot = slots.get(destination);
    const isDead = onTrial && slot?.state === 'blackhole' && targetNames(slot).includes(onTrial.target);
    return { ...rest, onTrial: isDead ? { deadSince: now.toISOString(), ...onTrial } : onTrial };
  });
}

/**
 * The memory after reported calls. A target that came up after a read showed it dead is tried again. A target that came
 * up before that read still counts as dead, however late its event arrives.
 */
export function withTargetsUp(memory: Memory, calls: readonly ReportedCall[]): Memory {
  const isUpAgain = ({ target, deadSince }: OnTrial): boolean =>
    deadSince !== undefined &&
    calls.some(
      (call) =>
        call.about === 'target-up' &&
        call.ids.includes(target) &&
        // CloudTrail reports whole seconds.
        Date.parse(call.time) + 1_000 > Date.parse(deadSince),
    );
  return withEach(memory, ({ onTrial, ...rest }) => ({
    ...rest,
    onTrial: onTrial && isUpAgain(onTrial) ? { target: onTrial.target } : onTrial,
  }));
}

const isTrue = (value: boolean): true | undefined => value || undefined;
