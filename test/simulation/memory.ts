import { type Table, type World, slotAt } from '../support/ec2/world.ts';
import { type Spec, isDefault, isLeftForNow, mayDelete, mayReplace, names } from './oracle.ts';

/** What a function saw of a table, and under which item. */
export interface Sight {
  readonly spec: Spec;
  readonly table: Table;
  readonly world: World;
  /** By the function's clock. */
  readonly now: number;
  /** The item is invalid, and this is its last valid version. */
  readonly isStandIn?: boolean;
}

/**
 * What the reconciler must remember of a table, whatever went wrong: what its written statuses rest on. So it is never
 * more than the reconciler knows, and what it earns a delete by must not be asked for once more.
 */
export class Memory {
  /** The rules under which the table was said to be in sync, no delete being held back since. */
  clean: string | undefined;
  /** Listed destinations of the item that was looked at last. */
  listed: ReadonlySet<string> = new Set();
  /** Listed by any item that a read was made under since: it may be remembered. */
  readonly listedSince = new Set<string>();
  /** Listed and as desired when the table was last said to be in sync; seen so ever since. */
  readonly owned = new Map<string, string>();
  /** Destinations whose route was left alone at the last look, and has not been seen gone since. */
  leftAlone: ReadonlySet<string> = new Set();
  /** Destinations at which a route was seen that was somebody else's then. */
  readonly spared = new Set<string>();

  forget(): void {
    this.clean = undefined;
    this.listed = new Set();
    this.listedSince.clear();
    this.owned.clear();
    this.leftAlone = new Set();
  }

  /**
   * Any read counts: by what it shows, a route may be no longer ours, and a delete may have to wait. So does the item it
   * was made under: one look may act on several, and the status that it ends with is written by the last of them.
   */
  saw(sight: Sight, rules: string, foreign: ReadonlySet<string>): void {
    const { spec, table, world, now, isStandIn } = sight;
    const deletes = deletesIn(sight);
    const isHeld = deletes.some((destination) => !this.isEarned(destination, rules, isStandIn));
    const isClean = this.clean === rules && !isHeld && deletes.length <= mostDeletes(sight, foreign);
    if (!isClean) this.clean = undefined;
    for (const { destination } of spec.routes) this.listedSince.add(destination);
    for (const [destination, target] of this.owned) {
      const slot = slotAt(table, destination);
      const isListed = spec.routes.some((route) => route.destination === destination);
      const isSame = slot && names(slot, world).includes(target);
      if (!isSame || (!isListed && !mayDelete(slot, { spec, table, world, now }))) this.owned.delete(destination);
    }
    this.leftAlone = new Set([...this.leftAlone].filter((destination) => slotAt(table, destination)));
    for (const destination of leftAloneIn(sight)) this.spared.add(destination);
  }

  /** A call of ours landed: a route that we gave another target is ours with that one only. */
  changed(destination: string, to: string | undefined): void {
    if (this.owned.get(destination) !== to) this.owned.delete(destination);
  }

  /** A status was written that believes no read: of other rules it tells all the same. */
  doubted(rules: string): void {
    if (this.clean !== rules) this.clean = undefined;
  }

  /** A status was written that rests on this. */
  wrote(sight: Sight, rules: string, { isInSync, isBlocked }: { isInSync: boolean; isBlocked: boolean }): void {
    this.listed = new Set(sight.spec.routes.map(({ destination }) => destination));
    this.listedSince.clear();
    this.leftAlone = new Set(leftAloneIn(sight).filter((destination) => !this.listed.has(destination)));
    if (this.clean !== rules || isBlocked) this.clean = undefined;
    if (!isInSync) return;
    this.clean = rules;
    this.owned.clear();
    for (const { destination, target } of sight.spec.routes) {
      const slot = slotAt(sight.table, destination);
      if (slot?.origin === 'CreateRoute' && names(slot, sight.world).includes(target))
        this.owned.set(destination, target);
    }
  }

  /** Whether it was listed or ours: then a default route does not go without asking, though an edit took it out. */
  knew(destination: string): boolean {
    return this.listed.has(destination) || this.owned.has(destination);
  }

  /** Whether a delete has to be made without asking, as far as it is a matter of this one route. */
  isEarned(destination: string, rules: string, isStandIn = false): boolean {
    const mayBeKnown = this.knew(destination) || this.listedSince.has(destination);
    const appeared = this.clean === rules && !this.spared.has(destination) && !mayBeKnown;
    return appeared || (!isStandIn && this.owned.has(destination) && !isDefault(destination));
  }
}

/** Destinations of all routes that are somebody else's by this sight. */
const leftAloneIn = ({ spec, table, world, now }: Sight): readonly string[] =>
  table.routes
    .filter((slot) => !mayDelete(slot, { spec, table, world, now }))
    .filter((slot) => slotAt(table, slot.destination) === slot)
    .map(({ destination }) => destination);

/** The unlisted routes that a plan of this sight deletes; with `keep`, only those that may be ours are counted. */
export const deletesIn = ({ spec, table, world, now }: Sight): readonly string[] =>
  table.routes
    .filter((slot) => slotAt(table, slot.destination) === slot)
    .filter(({ destination }) => !spec.routes.some((route) => route.destination === destination))
    .filter((slot) => mayDelete(slot, { spec, table, world, now }))
    .map(({ destination }) => destination);

/**
 * How many deletes of this sight go without asking: by the item, or half of the routes that are ours, 1 to 10.
 *
 * @param foreign destinations that another account held at some time: what is there does not count as ours before it is
 *   as listed. Empty for the most that may go, whatever is remembered.
 */
export function mostDeletes(sight: Sight, foreign: ReadonlySet<string>): number {
  const { spec, table, world, now } = sight;
  const listed = spec.routes.filter((route) => {
    const { destination, target, overrideLocal } = route;
    const slot = slotAt(table, destination);
    if (!slot || isLeftForNow(spec, route, now)) return false;
    const local = overrideLocal ?? target === 'local';
    if (names(slot, world).includes(target)) return true;
    return !foreign.has(destination) && mayReplace(slot, { overrideLocal: local }, { spec, table, world, now });
  }).length;
  const ours = listed + deletesIn(sight).filter((destination) => !foreign.has(destination)).length;
  return spec.maxDeletes ?? Math.max(1, Math.min(10, Math.floor(ours / 2)));
}
