import { type StoredRoute, type Table, type World, slotAt } from '../support/ec2/world.ts';
import { type Spec, isLeftToOthers, names, wantedAt } from './oracle.ts';

// Which routes appeared: a read shows them, and an earlier read, under the same rules and not long before, does not.
// `PossibleArrivals` has every route that the reconciler may count as appeared, `SureArrivals` those that it must.

/** A read of a table, as far as arrivals depend on it. */
export interface Arriving {
  /** When it began, in true time. */
  readonly at: number;
  readonly spec: Spec;
  readonly table: Table;
  readonly world: World;
  /** The same by the function's clock. */
  readonly now: number;
  /** The rules under which it was made, with pauses. */
  readonly rules: string;
  /** Whether these rules allow changes. */
  readonly isEnforced: boolean;
}

export interface Pace {
  readonly sweepEveryMs: number;
  /** The maximum difference between two clocks. */
  readonly skewMs: number;
}

/** A read vouches for the next one for this many sweep intervals. */
const freshIntervals = 3;
/** The shortest interval between sweeps. */
const shortestEveryMs = 60_000;
/** Rules count this long after they began. */
const settlesMs = 30_000;
/** How long an arrival is remembered after its route is gone. */
const keptMs = 24 * 3_600_000;

/** The static routes that others may have created. `isLeft`: the item lists them or leaves them to others. */
function madeIn({ spec, table, world, now }: Arriving): { readonly slot: StoredRoute; readonly isLeft: boolean }[] {
  return table.routes
    .filter((slot) => slot.origin === 'CreateRoute' && slotAt(table, slot.destination) === slot)
    .map((slot) => ({
      slot,
      isLeft: wantedAt(spec, slot.destination) !== undefined || isLeftToOthers(slot, { spec, table, world, now }),
    }));
}

const isEmpty = (table: Table, destination: string): boolean => slotAt(table, destination) === undefined;

/** Every arrival that the reconciler may conclude, from any two reads, remembered or not. */
export class PossibleArrivals {
  readonly #pace: () => Pace;
  #glimpses: readonly { readonly at: number; readonly isEmpty: (destination: string) => boolean }[] = [];
  /** The earliest time from which each set of rules may be in force, without another remembered one in between. */
  #since = new Map<string, number>();
  #may = new Set<string>();
  /** Destinations whose route did not appear, which the reconciler certainly remembers. */
  #mayNot = new Set<string>();
  /** Destinations that an item listed or left to others, and whose routes have not certainly gone since. */
  #left = new Set<string>();
  #emptySince = new Map<string, number>();
  /** When we last wrote a route, and to which target, if that is remembered. */
  #made = new Map<string, { readonly at: number; readonly to: string }>();

  constructor(pace: () => Pace) {
    this.#pace = pace;
  }

  copy(): PossibleArrivals {
    const copy = new PossibleArrivals(this.#pace);
    copy.#glimpses = this.#glimpses;
    copy.#since = new Map(this.#since);
    copy.#may = new Set(this.#may);
    copy.#mayNot = new Set(this.#mayNot);
    copy.#left = new Set(this.#left);
    copy.#emptySince = new Map(this.#emptySince);
    copy.#made = new Map(this.#made);
    return copy;
  }

  has(destination: string): boolean {
    return this.#may.has(destination);
  }

  /** The state is lost. */
  forget(): void {
    this.unmanaged();
    this.#made.clear();
  }

  /** The item is deleted. Only our own writes are remembered. */
  unmanaged(): void {
    this.#since.clear();
    this.#may.clear();
    this.#mayNot.clear();
    this.#left.clear();
    this.#emptySince.clear();
  }

  /** A function read the table, under any rules. */
  glimpsed(at: number, table: Table): void {
    this.#glimpse(at, (destination) => isEmpty(table, destination));
  }

  /** EC2 answered that a route is deleted. This counts like a read of its empty destination. */
  deleted(destination: string, readAt: number): void {
    this.#glimpse(readAt, (other) => other === destination);
    // What comes after our delete of a listed route may appear.
    if (this.#left.has(destination)) this.#mayNot.delete(destination);
  }

  #glimpse(at: number, isEmptyAt: (destination: string) => boolean): void {
    const { sweepEveryMs, skewMs } = this.#pace();
    const fresh = this.#glimpses.filter((one) => one.at >= at - freshIntervals * sweepEveryMs - skewMs);
    this.#glimpses = [...fresh, { at, isEmpty: isEmptyAt }];
  }

  /** A function read the table to reconcile it. */
  saw(read: Arriving): void {
    const { at, table, rules } = read;
    const { sweepEveryMs, skewMs } = this.#pace();
    const since = this.#since.get(rules) ?? at;
    this.#since.set(rules, since);
    const before = this.#glimpses.filter(
      (one) =>
        one.at < at && one.at >= since + settlesMs - skewMs && at - one.at <= freshIntervals * sweepEveryMs + skewMs,
    );
    for (const { destination } of read.spec.routes) this.#leave(destination);
    for (const { slot, isLeft } of madeIn(read)) {
      const { destination } = slot;
      if (isLeft) this.#leave(destination);
      else if (read.isEnforced && !this.#mayNot.has(destination))
        if (before.some((one) => one.at > this.#madeAt(destination) && one.isEmpty(destination)))
          this.#may.add(destination);
    }
    for (const destination of this.#mayNot) {
      if (!isEmpty(table, destination)) continue;
      const emptySince = this.#emptySince.get(destination) ?? at;
      this.#emptySince.set(destination, emptySince);
      if (at - emptySince >= keptMs - skewMs) this.#mayNot.delete(destination);
    }
    this.glimpsed(at, table);
  }

  /** A status remembers that we wrote a listed route. */
  made(destination: string, to: string, at: number): void {
    this.#may.delete(destination);
    this.#made.set(destination, { at, to });
  }

  #madeAt(destination: string): number {
    return this.#made.get(destination)?.at ?? -Infinity;
  }

  /**
   * A state was written that rests only on this read.
   *
   * @param deleted destinations whose routes we deleted after this read
   */
  wrote(read: Arriving, deleted: ReadonlySet<string>): void {
    for (const { slot, isLeft } of madeIn(read)) {
      const { destination } = slot;
      this.#emptySince.delete(destination);
      if (isLeft) this.#may.delete(destination);
      else {
        // What we wrote counts as listed, also after its item was deleted.
        if (names(slot, read.world).includes(this.#made.get(destination)?.to ?? '')) this.#left.add(destination);
        // A route that was there when an edit took it out did not appear, even if a stale read does not show it.
        if (!this.#may.has(destination) && !deleted.has(destination)) this.#mayNot.add(destination);
      }
    }
    for (const destination of this.#left)
      if (isEmpty(read.table, destination) && !wantedAt(read.spec, destination) && !this.#mayNot.has(destination))
        this.#left.delete(destination);
  }

  /** The item lists the destination or leaves it to others. Its arrival is decided again after that ends. */
  #leave(destination: string): void {
    this.#left.add(destination);
    this.#mayNot.delete(destination);
  }

  /** A state was written under these rules, which ends all other rules. */
  ruled(rules: string): void {
    for (const other of this.#since.keys()) if (other !== rules) this.#since.delete(other);
  }
}

/** The arrivals that the reconciler must know, in spite of all faults: they follow from the written states. */
export class SureArrivals {
  readonly #pace: () => Pace;
  /** The rules of the last written state, and the latest time at which they may have begun. */
  #since: { readonly rules: string; readonly at: number } | undefined;
  /** When the read began on which the last written state rests. */
  #readAt = -Infinity;
  /** When the last complete sweep began, if it read the table. */
  #vouchedAt = -Infinity;
  #known = new Map<string, 'appeared' | 'left' | 'unsure'>();
  /** The rules under which a destination was left to others. */
  #leftUnder = new Map<string, string>();
  #emptySince = new Map<string, number>();
  /** Destinations that we wrote, and that no read has shown since. */
  #awaited = new Set<string>();
  /** The number of reads since the last written state that show a route as appeared. */
  #arriving = new Map<string, number>();
  /** The targets that we gave routes last. A read that shows such a route may be older than its end. */
  #made = new Map<string, string>();

  constructor(pace: () => Pace) {
    this.#pace = pace;
  }

  copy(): SureArrivals {
    const copy = new SureArrivals(this.#pace);
    copy.#since = this.#since;
    copy.#readAt = this.#readAt;
    copy.#known = new Map(this.#known);
    copy.#leftUnder = new Map(this.#leftUnder);
    copy.#emptySince = new Map(this.#emptySince);
    copy.#awaited = new Set(this.#awaited);
    copy.#made = new Map(this.#made);
    return copy;
  }

  has(destination: string): boolean {
    return this.#known.get(destination) === 'appeared' || this.#arriving.has(destination);
  }

  forget(): void {
    this.#since = undefined;
    this.#readAt = -Infinity;
    this.#known.clear();
    this.#leftUnder.clear();
    this.#emptySince.clear();
    this.#awaited.clear();
    this.#arriving.clear();
  }

  /** We give a route a target; without one, EC2 confirmed that we deleted the route. */
  makes(destination: string, to: string | undefined): void {
    if (to === undefined) this.#made.delete(destination);
    else this.#made.set(destination, to);
  }

  /** A sweep is complete. It began at this time and read the table; undefined if it did not read the table. */
  vouched(at: number | undefined): void {
    this.#vouchedAt = at ?? -Infinity;
  }

  /** A function reads the state. What other functions saw and did not write is forgotten. */
  begins(): void {
    this.#arriving.clear();
  }

  /**
   * A function read the table to reconcile it.
   *
   * @param knowsSweep whether the function could read the record of the last sweep
   */
  saw(read: Arriving, { knowsSweep }: { readonly knowsSweep: boolean }): void {
    const { at, table, rules } = read;
    const { sweepEveryMs, skewMs } = this.#pace();
    if (this.#since?.rules !== rules) this.#since = undefined;
    const before = Math.max(this.#readAt, knowsSweep ? this.#vouchedAt : -Infinity);
    const freshMs = freshIntervals * (knowsSweep ? sweepEveryMs : Math.min(sweepEveryMs, shortestEveryMs));
    const isWatched =
      read.isEnforced &&
      this.#since !== undefined &&
      before >= this.#since.at + settlesMs + skewMs &&
      at - before <= freshMs - skewMs;
    for (const { destination } of read.spec.routes) this.#leave(destination);
    for (const { slot, isLeft } of madeIn(read)) {
      const { destination } = slot;
      const known = this.#known.get(destination);
      if (known === 'appeared' && !isLeft) continue;
      if (isLeft) this.#leave(destination);
      if (isLeft && !wantedAt(read.spec, destination)) this.#leftUnder.set(destination, rules);
      if (isLeft) continue;
      const isOurs = names(slot, read.world).includes(this.#made.get(destination) ?? '');
      if (known === undefined && isWatched && !isOurs)
        this.#arriving.set(destination, (this.#arriving.get(destination) ?? 0) + 1);
      else this.#known.set(destination, 'unsure');
      if (!isWatched) this.#arriving.delete(destination);
    }
    for (const [destination, known] of this.#known) {
      if (!isEmpty(table, destination) || known !== 'appeared') continue;
      const emptySince = this.#emptySince.get(destination) ?? at;
      this.#emptySince.set(destination, emptySince);
      if (at - emptySince >= keptMs - skewMs) this.#known.set(destination, 'unsure');
    }
  }

  /** The item lists the destination or leaves it to others. A route that comes there meanwhile has not appeared. */
  #leave(destination: string): void {
    const known = this.#known.get(destination) ?? 'left';
    this.#known.set(destination, known === 'left' ? 'left' : 'unsure');
    this.#leftUnder.delete(destination);
    this.#arriving.delete(destination);
  }

  /**
   * A state was written that rests on this read or the previous one.
   *
   * @param first when the first read of this reconcile began
   * @param reads the number of reads of this reconcile
   * @param written destinations that were written after this read, or may have been
   * @param now when the state was written. A sweep may have read the table long before it knew the rules
   */
  wrote(
    read: Arriving,
    {
      first,
      reads,
      written,
      now,
    }: {
      readonly first: number;
      readonly reads: number;
      readonly written: ReadonlySet<string>;
      readonly now: number;
    },
  ): void {
    const { at, spec, table, rules } = read;
    const { skewMs } = this.#pace();
    if (this.#since?.rules !== rules) this.#since = { rules, at: now };
    this.#readAt = first;
    for (const [destination, times] of this.#arriving)
      if (times >= Math.min(reads, 2)) this.#known.set(destination, 'appeared');
    this.#arriving.clear();
    for (const destination of written) this.#awaited.add(destination);
    for (const [destination, known] of this.#known) {
      if (!isEmpty(table, destination)) {
        this.#emptySince.delete(destination);
        if (!written.has(destination)) this.#awaited.delete(destination);
        continue;
      }
      const wasEmpty = this.#emptySince.has(destination);
      const emptySince = this.#emptySince.get(destination) ?? at;
      this.#emptySince.set(destination, emptySince);
      // A later read may show our own route.
      if (this.#awaited.has(destination)) continue;
      // The same ignore entry may leave this destination to others again.
      const isLeft =
        wantedAt(spec, destination) !== undefined ||
        this.#leftUnder.get(destination) === rules ||
        isLeftToOthers({ destination, target: '' }, read);
      const isOver = known === 'left' && !isLeft;
      // If an edit took it out, and its route was there before, only this read shows that it is gone. The read may be stale.
      if (isOver && !wasEmpty && !this.#leftUnder.has(destination)) this.#known.set(destination, 'unsure');
      else if (isOver || at - emptySince >= keptMs + skewMs) this.#known.delete(destination);
    }
  }

  /** A state was written after reads that are not believed. It may still remember other rules. */
  doubted(rules: string): void {
    if (this.#since?.rules !== rules) this.#since = undefined;
  }
}
