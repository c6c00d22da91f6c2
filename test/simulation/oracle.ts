import { type Halt, type Held, haltsText } from './halts.ts';
import { familyOf, isInside } from '../support/ec2/blocks.ts';
import { type StoredRoute, type Table, type World, prefixOf, slotAt } from '../support/ec2/world.ts';

// What is right, said once more and in other words than the product's: nothing here calls what it judges.

/** What an item asks for, as the one who wrote it meant it. */
export interface Spec {
  readonly routes: readonly { readonly destination: string; readonly target: string; readonly overrideLocal?: true }[];
  readonly mode: 'enforce' | 'observe';
  readonly unlisted: 'delete' | 'keep';
  readonly ignore: readonly { readonly destination?: string; readonly target?: string; readonly until?: number }[];
  readonly scope?: readonly string[];
  readonly maxDeletes?: number;
  /** What is held apart from the item. */
  readonly held?: readonly Held[];
  readonly paused?: { readonly until?: number };
}

/** One destination that is not as the item asks. */
export interface Deviation {
  readonly destination: string;
  readonly wanted?: string;
  readonly found?: string;
  /** We may mend it; else it is somebody else's. */
  readonly isOurs: boolean;
}

const holds = (entry: { readonly until?: number }, now: number): boolean =>
  entry.until === undefined || entry.until > now;

export const isEnforced = ({ mode, paused }: Spec, now: number): boolean =>
  mode === 'enforce' && !(paused && holds(paused, now));

/** The rules by which deletes are earned, as a text that changes when they do. */
const policyOf = ({ mode, unlisted, scope, ignore, paused, held = [] }: Spec, now: number): string =>
  JSON.stringify([
    mode,
    unlisted,
    scope,
    ignore.filter((entry) => holds(entry, now)).map(({ destination, target }) => [destination, target]),
    paused && [paused.until, holds(paused, now)],
    held.map(({ destination, mark, until }) => [destination, mark, until, until > now]),
  ]);

/** The same, with the pauses that were told of. */
export const rulesOf = (spec: Spec, halts: readonly Halt[], now: number): string =>
  `${policyOf(spec, now)} ${haltsText(halts, now)}`;

export const wantedAt = (spec: Spec, destination: string) =>
  spec.routes.find((route) => route.destination === destination);

/** Every destination at which a table is not as an item asks. A route left to somebody else is as it should be. */
export function deviations(spec: Spec, table: Table, world: World, now: number): Deviation[] {
  const listed = spec.routes.flatMap(({ destination, target, overrideLocal }): Deviation[] => {
    const slot = slotAt(table, destination);
    if (isLeftForNow(spec, { destination, target }, now)) return [];
    if (!slot) return [{ destination, wanted: target, isOurs: target !== 'local' }];
    if (names(slot, world).includes(target)) return [];
    const isOurs = mayReplace(
      slot,
      { overrideLocal: overrideLocal ?? target === 'local' },
      { spec, table, world, now },
    );
    const isSuspended = spec.ignore.some(
      (entry) => entry.until !== undefined && holds(entry, now) && meets(entry, destination, names(slot, world)),
    );
    return isSuspended && !isOfService(slot, { spec, table, world, now })
      ? []
      : [{ destination, wanted: target, found: slot.target, isOurs }];
  });
  const unlisted = table.routes
    .filter((slot) => slotAt(table, slot.destination) === slot && !wantedAt(spec, slot.destination))
    .filter((slot) => spec.unlisted === 'delete' && mayDelete(slot, { spec, table, world, now }))
    .map(({ destination, target }) => ({ destination, found: target, isOurs: true }));
  return [...listed, ...unlisted];
}

/** Whether a listed route is left to somebody else for now, whatever is there. */
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
}

/** Whether the route of a listed destination may be given another target. */
export function mayReplace(slot: StoredRoute, { overrideLocal }: { overrideLocal: boolean }, around: Around): boolean {
  if (isHeld(around.spec, slot.destination, around.now)) return false;
  if (slot.origin === 'CreateRouteTable') return overrideLocal && !isIgnored(slot, around);
  return slot.origin === 'CreateRoute' && !isOfService(slot, around) && !isIgnored(slot, around);
}

/** Whether the route of an unlisted destination may be deleted, as far as it is a matter of whose route it is. */
export function mayDelete(slot: StoredRoute, around: Around): boolean {
  const { table, world, spec } = around;
  if (isHeld(spec, slot.destination, around.now)) return false;
  if (slot.origin !== 'CreateRoute' || isOfService(slot, around) || isIgnored(slot, around)) return false;
  const throughInterface = prefixOf(slot.target) === 'eni';
  if (throughInterface && !world.targets.get(slot.target)?.attachment) return false;
  const marks = Object.keys(table.tags);
  if (throughInterface && marks.some((tag) => tag === 'AmazonFSx' || tag.startsWith('kubernetes.io/cluster/')))
    return false;
  return spec.scope === undefined || spec.scope.some((block) => within(slot.destination, block));
}

function isOfService({ destination, target }: StoredRoute, { table, world }: Around): boolean {
  if (target === 'VpcLattice') return true;
  if (destination.startsWith('pl-') && prefixOf(target) === 'vpce') return true;
  return isForeign(target, table, world);
}

export function isForeign(target: string, table: Table, world: World): boolean {
  const owner = prefixOf(target) === 'eni' ? world.targets.get(target)?.attachment?.ownerId : undefined;
  return owner !== undefined && owner !== table.ownerId;
}

const isIgnored = (slot: StoredRoute, { spec, world, now }: Around): boolean =>
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

/** Whether two destinations share addresses, the one inside the other. */
export const overlap = (one: string, other: string): boolean =>
  one !== other && (within(one, other) || within(other, one));

export const isDefault = (destination: string): boolean => destination === '0.0.0.0/0' || destination === '::/0';

/** A route through an interface also goes by the name of the instance behind it. */
export function names({ target }: StoredRoute, world: World): string[] {
  const instance = prefixOf(target) === 'eni' ? world.targets.get(target)?.attachment?.instanceId : undefined;
  return instance === undefined ? [target] : [target, instance];
}
