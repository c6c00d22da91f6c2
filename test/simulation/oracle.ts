import { type Halt, type Held, haltsText } from './halts.ts';
import { familyOf, isInside } from '../support/ec2/blocks.ts';
import { type StoredRoute, type Table, type World, isUsable, prefixOf, slotAt } from '../support/ec2/world.ts';

// A second, independent statement of what is right. It calls none of the code that it judges.

/** The meaning of an item. */
export interface Spec {
  readonly routes: readonly {
    readonly destination: string;
    readonly target: string;
    readonly alternates?: readonly string[];
    readonly overrideLocal?: true;
  }[];
  readonly mode: 'enforce' | 'observe';
  readonly unlisted: 'delete' | 'keep';
  readonly ignore: readonly { readonly destination?: string; readonly target?: string; readonly until?: number }[];
  readonly scope?: readonly string[];
  readonly maxDeletes?: number;
  /** The holds, which are not part of the item. */
  readonly held?: readonly Held[];
  readonly paused?: { readonly until?: number };
}

/** A destination that is not as desired. */
export interface Deviation {
  readonly destination: string;
  readonly wanted?: string;
  readonly found?: string;
  /** Whether we may repair it. Otherwise it belongs to somebody else. */
  readonly isOurs: boolean;
}

const holds = (entry: { readonly until?: number }, now: number): boolean =>
  entry.until === undefined || entry.until > now;

export const isEnforced = ({ mode, paused }: Spec, now: number): boolean =>
  mode === 'enforce' && !(paused && holds(paused, now));

/** What earlier reads showed of a table's destinations. */
export interface Known {
  /** Whether the listed target was seen here. Then any other route is replaced, even if it may belong to others. */
  readonly wasAsListed: (destination: string) => boolean;
  /** Whether the local route was seen as EC2 created it, and no item overrode it. */
  readonly wasLocal: (destination: string) => boolean;
}

export const nothingKnown: Known = { wasAsListed: () => false, wasLocal: () => false };
export const everythingKnown: Known = { wasAsListed: () => true, wasLocal: () => true };

/** The rules that decide which deletes are earned, as a text that changes when they do. */
const policyOf = ({ mode, unlisted, scope, ignore, paused, held = [] }: Spec, now: number): string =>
  JSON.stringify([
    mode,
    unlisted,
    scope,
    ignore.filter((entry) => holds(entry, now)).map(({ destination, target }) => [destination, target]),
    paused && [paused.until, holds(paused, now)],
    held.map(({ destination, mark, until }) => [destination, mark, until, until > now]),
  ]);

/** The same, with the pauses that the function read. */
export const rulesOf = (spec: Spec, halts: readonly Halt[], now: number): string =>
  `${policyOf(spec, now)} ${haltsText(halts, now)}`;

export const wantedAt = (spec: Spec, destination: string) =>
  spec.routes.find((route) => route.destination === destination);

/** The targets that a listed route may have, in the order in which they are tried. */
export const allowedFor = ({ target, alternates = [] }: Spec['routes'][number]): readonly string[] => [
  target,
  ...alternates,
];

/** Which of them a route has. */
export const allowedIn = (
  slot: Pick<StoredRoute, 'target'> | undefined,
  route: Spec['routes'][number] | undefined,
  world: World,
): string | undefined => slot && route && allowedFor(route).find((target) => names(slot, world).includes(target));

/**
 * Every destination that is not as desired. Routes that the item leaves to others are not among them.
 *
 * @param known decides which of them we may repair
 */
export function deviations(
  spec: Spec,
  table: Table,
  world: World,
  now: number,
  known: Known = nothingKnown,
): Deviation[] {
  const around = { spec, table, world, now, known };
  const listed = spec.routes.flatMap((route): Deviation[] => {
    const { destination, target, overrideLocal } = route;
    const slot = slotAt(table, destination);
    if (isLeftForNow(spec, { destination, target }, now)) return [];
    if (!slot) return [{ destination, wanted: target, isOurs: target !== 'local' }];
    if (allowedIn(slot, route, world)) return [];
    const isOurs = mayReplace(slot, { overrideLocal: overrideLocal ?? target === 'local' }, around);
    const isSuspended = spec.ignore.some(
      (entry) => entry.until !== undefined && holds(entry, now) && meets(entry, destination, names(slot, world)),
    );
    return isSuspended && !isOfService(slot) ? [] : [{ destination, wanted: target, found: slot.target, isOurs }];
  });
  const slots = table.routes.filter(
    (slot) => slotAt(table, slot.destination) === slot && !wantedAt(spec, slot.destination),
  );
  const unlisted = slots
    .filter((slot) => spec.unlisted === 'delete' && mayDelete(slot, around))
    .map(({ destination, target }) => ({ destination, found: target, isOurs: true }));
  const overridden = slots
    .filter((slot) => isRetargetedLocal(slot) && !isLeftByItem(slot, around))
    .map(({ destination, target }) => ({
      destination,
      wanted: 'local',
      found: target,
      isOurs: known.wasLocal(destination),
    }));
  return [...listed, ...unlisted, ...overridden];
}

/** Whether a listed route is left to others for now, whatever the table contains. */
export const isLeftForNow = (spec: Spec, { destination, target }: Spec['routes'][number], now: number): boolean =>
  isHeld(spec, destination, now) ||
  spec.ignore.some((entry) => holds(entry, now) && meets(entry, destination, [target]));

export const isHeld = ({ held = [] }: Spec, destination: string, now: number): boolean =>
  held.some((hold) => hold.destination === destination && hold.until > now);

export interface Around {
  readonly spec: Spec;
  readonly table: Table;
  readonly world: World;
  readonly now: number;
  readonly known: Known;
}

/** Whether the route of a listed destination may be replaced without approval. */
export function mayReplace(slot: StoredRoute, { overrideLocal }: { overrideLocal: boolean }, around: Around): boolean {
  const { spec, table, world, now, known } = around;
  if (isHeld(spec, slot.destination, now) || isIgnored(slot, around)) return false;
  if (slot.origin === 'CreateRouteTable' ? !overrideLocal : slot.origin !== 'CreateRoute' || isOfService(slot))
    return false;
  const mayBeTheirs = isUsable(slot, table, world) && looksLikeSomebodyElses(slot, table, world);
  return !mayBeTheirs || known.wasAsListed(slot.destination);
}

/** Whether the route of an unlisted destination must be deleted, with or without approval. */
export const mayDelete = (slot: StoredRoute, around: Omit<Around, 'known'>): boolean =>
  slot.origin === 'CreateRoute' && !isOfService(slot) && !isLeftByItem(slot, around);

/** Whether a hold, an ignore entry or the scope leaves an unlisted route as it is. */
export const isLeftByItem = (slot: Place, around: Omit<Around, 'known'>): boolean =>
  isHeld(around.spec, slot.destination, around.now) || isIgnored(slot, around) || isOutOfScope(slot, around);

/** Whether the item leaves an unlisted route to others. Such a route cannot appear. */
export const isLeftToOthers = (slot: Place, around: Omit<Around, 'known'>): boolean =>
  around.spec.unlisted === 'keep' || isIgnored(slot, around) || isOutOfScope(slot, around);

/**
 * Whether a route must be announced if others make it. A route with the listed target need not be announced, but one
 * with an alternate must. Nor need an ignored route to a private block that lies inside no listed destination, unless a hold names it. A listed default
 * route does not count. A prefix list may hold anything, and a local route with another target is no private matter.
 */
export function isToldOf(slot: StoredRoute, around: Omit<Around, 'known'>): boolean {
  const { spec, table, world } = around;
  const { destination } = slot;
  const wanted = wantedAt(spec, destination);
  if (wanted && names(slot, world).includes(wanted.target)) return false;
  const isInside = spec.routes.some((one) => !isDefault(one.destination) && within(destination, one.destination));
  const isQuiet = isIgnored(slot, around) && !isHeld(spec, destination, around.now);
  const isPrivateBlock = !destination.startsWith('pl-') && isPrivate(destination, table, world);
  return !isQuiet || wanted !== undefined || isInside || !isPrivateBlock || isRetargetedLocal(slot);
}

const isOutOfScope = ({ destination }: Place, { spec: { scope } }: Pick<Around, 'spec'>): boolean =>
  scope !== undefined && !scope.some((block) => within(destination, block));

/** A destination and its target. */
type Place = Pick<StoredRoute, 'destination' | 'target'>;

/** Whether an earned delete waits for a person, because the private route may belong to somebody else. */
export const isInDoubt = (slot: StoredRoute, { table, world }: Pick<Around, 'table' | 'world'>): boolean =>
  looksLikeSomebodyElses(slot, table, world) && isPrivate(slot.destination, table, world);

/** Whether a local route has another target. */
export const isRetargetedLocal = ({ origin, target }: StoredRoute): boolean =>
  origin === 'CreateRouteTable' && target !== 'local';

/** Whether gateway endpoints or VPC Lattice created the route. */
const isOfService = ({ destination, target }: StoredRoute): boolean =>
  target === 'VpcLattice' || (destination.startsWith('pl-') && prefixOf(target) === 'vpce');

/**
 * Whether a route is of a kind that services and clusters maintain: to an interface of another account, to a detached
 * one, to any interface in a table with their tag, or to an ODB network.
 */
export function looksLikeSomebodyElses({ target }: StoredRoute, table: Table, world: World): boolean {
  if (prefixOf(target) === 'odb') return true;
  if (prefixOf(target) !== 'eni') return false;
  const attachment = world.targets.get(target)?.attachment;
  if (!attachment || attachment.ownerId !== table.ownerId) return true;
  return Object.keys(table.tags).some((tag) => /^(AmazonFSx|KubernetesCluster|kubernetes\.io\/cluster\/.*)$/.test(tag));
}

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15', 'fc00::/7'];

/** Whether a destination is private or in the VPC. A prefix list counts as private. */
export const isPrivate = (destination: string, { vpcId }: Table, { vpcs }: World): boolean =>
  destination.startsWith('pl-') ||
  [...privateRanges, ...(vpcs.get(vpcId)?.blocks ?? [])].some((block) => within(destination, block));

const isIgnored = (slot: Place, { spec, world, now }: Omit<Around, 'known'>): boolean =>
  spec.ignore.some((entry) => holds(entry, now) && meets(entry, slot.destination, names(slot, world)));

function meets(entry: Spec['ignore'][number], destination: string, targets: readonly string[]): boolean {
  const { destination: block, target } = entry;
  if (block !== undefined && !(isDefault(block) ? block === destination : within(destination, block))) return false;
  if (target === undefined) return true;
  const pattern = new RegExp(`^${target.replaceAll('*', '.*')}$`);
  return targets.some((name) => pattern.test(name));
}

function within(inner: string, outer: string): boolean {
  if (inner.startsWith('pl-') || outer.startsWith('pl-')) return inner === outer;
  return familyOf(inner) === familyOf(outer) && isInside(inner, outer);
}

/** Whether one of two destinations contains the other. */
export const overlap = (one: string, other: string): boolean =>
  one !== other && (within(one, other) || within(other, one));

export const isDefault = (destination: string): boolean => destination === '0.0.0.0/0' || destination === '::/0';

/** The names of a target: an interface is also named by the instance behind it. */
export function names({ target }: Pick<StoredRoute, 'target'>, world: World): string[] {
  const instance = prefixOf(target) === 'eni' ? world.targets.get(target)?.attachment?.instanceId : undefined;
  return instance === undefined ? [target] : [target, instance];
}
