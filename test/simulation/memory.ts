import { slotAt } from '../support/ec2/world.ts';
import { type Arriving, type Pace, SureArrivals } from './arrivals.ts';
import {
  type Known,
  allowedIn,
  isDefault,
  isInDoubt,
  isLeftForNow,
  isLeftToOthers,
  isRetargetedLocal,
  mayDelete,
  mayReplace,
  names,
  wantedAt,
} from './oracle.ts';

/** A read of a table, and the item under which it was made. */
export interface Sight extends Arriving {
  /** Whether the item is invalid, and `spec` is its last valid version. */
  readonly isStandIn?: boolean;
}

/**
 * What the reconciler must remember about a table in spite of all faults: what its written statuses rest on. The
 * reconciler always knows at least this. So a delete that this memory earns must not wait for approval.
 */
export class Memory implements Known {
  readonly arrivals: SureArrivals;
  /** Listed and as desired in the last InSync status, and in every read since. */
  readonly owned = new Map<string, string>();
  /** Destinations that a written status saw as desired, and that every item since has listed. */
  readonly #asListed = new Set<string>();
  /** Local routes that a written status saw as EC2 created them, and that no item has overridden since. */
  readonly #local = new Set<string>();
  readonly #pace: () => Pace;

  constructor(pace: () => Pace, arrivals = new SureArrivals(pace)) {
    this.#pace = pace;
    this.arrivals = arrivals;
  }

  copy(): Memory {
    const copy = new Memory(this.#pace, this.arrivals.copy());
    for (const [destination, target] of this.owned) copy.owned.set(destination, target);
    for (const destination of this.#asListed) copy.#asListed.add(destination);
    for (const destination of this.#local) copy.#local.add(destination);
    return copy;
  }

  readonly wasAsListed = (destination: string): boolean => this.#asListed.has(destination);
  readonly wasLocal = (destination: string): boolean => this.#local.has(destination);

  forget(): void {
    this.arrivals.forget();
    this.owned.clear();
    this.#asListed.clear();
    this.#local.clear();
  }

  /**
   * Every read counts: it may show that a route is no longer ours, so that its delete must wait. Every item counts, too:
   * one reconcile may use several, and its status follows the last.
   */
  saw(sight: Sight, options: { readonly knowsSweep: boolean }): void {
    const { spec, table, world } = sight;
    this.arrivals.saw(sight, options);
    for (const [destination, target] of this.owned) {
      const slot = slotAt(table, destination);
      const isSame = slot && names(slot, world).includes(target);
      if (!isSame || (!wantedAt(spec, destination) && !mayDelete(slot, sight))) this.owned.delete(destination);
    }
    for (const destination of this.#asListed) if (!wantedAt(spec, destination)) this.#asListed.delete(destination);
    for (const destination of this.#local) {
      const slot = slotAt(table, destination);
      const wanted = wantedAt(spec, destination);
      const isLeft = slot && isLeftToOthers(slot, { ...sight, spec: { ...spec, unlisted: 'delete' } });
      if (!slot || isLeft || (wanted && wanted.target !== 'local')) this.#local.delete(destination);
    }
  }

  /** A call of ours changed a route. It is now ours only with the new target. */
  changed(destination: string, to: string | undefined): void {
    if (this.owned.get(destination) !== to) this.owned.delete(destination);
    if (to !== 'local') this.#local.delete(destination);
  }

  /** A status was written that rests on this read, or on an earlier one of the same round. */
  wrote(
    sight: Sight,
    {
      isInSync,
      written,
      ...round
    }: {
      readonly isInSync: boolean;
      /** Destinations that were written after this read, or may have been. */
      readonly written: ReadonlySet<string>;
      readonly first: number;
      readonly reads: number;
      readonly now: number;
    },
  ): void {
    const { spec, table, world } = sight;
    this.arrivals.wrote(sight, { ...round, written });
    // After several reads, the status may rest on the last but one.
    if (round.reads !== 1 && !isInSync) return;
    for (const route of spec.routes) {
      const { destination } = route;
      const slot = slotAt(table, destination);
      const target = allowedIn(slot, route, world);
      if (slot?.origin !== 'CreateRoute' || target === undefined || written.has(destination)) continue;
      this.owned.set(destination, target);
      this.#asListed.add(destination);
    }
    for (const { destination, origin, target } of table.routes)
      if (origin === 'CreateRouteTable' && target === 'local' && !written.has(destination))
        this.#local.add(destination);
  }

  /** Whether a delete must be made without approval, as far as only this route decides. */
  isEarned(destination: string, sight: Sight): boolean {
    return this.#mayGo(destination, sight) && (this.arrivals.has(destination) || this.#isTakenOut(destination, sight));
  }

  /** Whether a delete must be made without approval, because the route appeared. */
  mustGo(destination: string, sight: Sight): boolean {
    return this.arrivals.has(destination) && this.#mayGo(destination, sight);
  }

  #isTakenOut(destination: string, sight: Sight): boolean {
    const { spec, isStandIn } = sight;
    if (isStandIn || isDefault(destination) || spec.routes.length === 0) return false;
    const others = deletesIn(sight).filter((other) => !this.arrivals.has(other)).length;
    return this.owned.has(destination) && others <= mostDeletes(sight, { known: this, byEdits: others });
  }

  #mayGo(destination: string, sight: Sight): boolean {
    const slot = slotAt(sight.table, destination);
    return (
      slot !== undefined &&
      sight.spec.unlisted === 'delete' &&
      !wantedAt(sight.spec, destination) &&
      mayDelete(slot, sight) &&
      !isInDoubt(slot, sight)
    );
  }
}

/** The unlisted routes that a plan of this sight deletes; with `keep`, only those that may be ours are counted. */
export const deletesIn = (sight: Sight): readonly string[] =>
  sight.table.routes
    .filter((slot) => slotAt(sight.table, slot.destination) === slot)
    .filter(({ destination }) => !wantedAt(sight.spec, destination))
    .filter((slot) => mayDelete(slot, sight))
    .map(({ destination }) => destination);

/**
 * How many deletes need no approval: `maxDeletes`, or half of the routes that are ours, from 1 to 10. Those are the
 * routes that stay, and those that edits delete (`byEdits`). A route that somebody else makes is not among them.
 */
export function mostDeletes(
  sight: Sight,
  { known, byEdits }: { readonly known: Known; readonly byEdits: number },
): number {
  const { spec, table, world, now } = sight;
  const listed = spec.routes.filter((route) => {
    const { destination, target, overrideLocal } = route;
    const slot = slotAt(table, destination);
    if (!slot || isLeftForNow(spec, route, now)) return false;
    if (allowedIn(slot, route, world)) return true;
    return mayReplace(slot, { overrideLocal: overrideLocal ?? target === 'local' }, { ...sight, known });
  }).length;
  const local = table.routes.filter(
    (slot) => isRetargetedLocal(slot) && known.wasLocal(slot.destination) && !wantedAt(spec, slot.destination),
  ).length;
  const ours = listed + local + byEdits;
  return spec.maxDeletes ?? Math.max(1, Math.min(10, Math.floor(ours / 2)));
}
