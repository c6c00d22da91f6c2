import { type StoredRoute, type Table, type World, slotAt } from '../support/ec2/world.ts';
import { type Spec, isLeftToOthers, wantedAt } from './oracle.ts';

// How routes came to be where they are: whether a read showed one that an earlier read, made under the same rules and
// not long before, did not show. One class knows the most that anybody may conclude, the other the least.

/** One read of a table, as far as arrivals are concerned. */
export interface Arriving {
  /** When it began, by the true time. */
  readonly at: number;
  readonly spec: Spec;
  readonly table: Table;
  readonly world: World;
  /** By the function's clock. */
  readonly now: number;
  /** The rules it was made under, pauses included. */
  readonly rules: string;
  /** Under these rules, routes may be changed. */
  readonly isEnforced: boolean;
}

export interface Pace {
  readonly sweepEveryMs: number;
  /** How far two clocks differ at most. */
  readonly skewMs: number;
}

/** A read vouches for the next one for so many sweep intervals. */
const freshIntervals = 3;
/** Sweeps come at most so often. */
const shortestEveryMs = 60_000;
/** Rules count from this long after they began. */
const settlesMs = 30_000;
/** What is known of a route that is gone is kept for so long. */
const keptMs = 24 * 3_600_000;

/** Static routes that others can have made, and whether the item lists them or leaves them to others. */
function madeIn({ spec, table, world, now }: Arriving): { readonly slot: StoredRoute; readonly isLeft: boolean }[] {
  return table.routes
    .filter((slot) => slot.origin === 'CreateRoute' && slotAt(table, slot.destination) === slot)
    .map((slot) => ({
      slot,
      isLeft: wantedAt(spec, slot.destination) !== undefined || isLeftToOthers(slot, { spec, table, world, now }),
    }));
}

const isEmpty = (table: Table, destination: string): boolean => slotAt(table, destination) === undefined;

/** Every arrival that anybody may take for one: by any two reads, remembered or not. */
export class PossibleArrivals {
  readonly #pace: () => Pace;
  #glimpses: readonly { readonly at: number; readonly isEmpty: (destination: string) => boolean }[] = [];
  /** Since when at the earliest each set of rules may be in force, no other having been remembered since. */
  #since = new Map<string, number>();
  #may = new Set<string>();
  /** Remembered for sure to have come otherwise. */
  #mayNot = new Set<string>();
  /** Listed or left to others by an item since the slot was last seen empty. */
  #left = new Set<string>();
  #emptySince = new Map<string, number>();
  /** When we last wrote a route, as far as that is remembered. */
  #made = new Map<string, number>();

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

  forget(): void {
    this.#since.clear();
    this.#may.clear();
    this.#mayNot.clear();
    this.#left.clear();
    this.#emptySince.clear();
    this.#made.clear();
  }

  /** Somebody saw the table, under whatever rules. */
  glimpsed(at: number, table: Table): void {
    this.#glimpse(at, (destination) => isEmpty(table, destination));
  }

  /** EC2 answered that a route is gone: whoever knows that needs no read. */
  deleted(destination: string, readAt: number): void {
    this.#glimpse(readAt, (other) => other === destination);
  }

  #glimpse(at: number, isEmptyAt: (destination: string) => boolean): void {
    const { sweepEveryMs, skewMs } = this.#pace();
    const fresh = this.#glimpses.filter((one) => one.at >= at - freshIntervals * sweepEveryMs - skewMs);
    this.#glimpses = [...fresh, { at, isEmpty: isEmptyAt }];
  }

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

  /** It is remembered that we wrote a route, as the item listed it. */
  made(destination: string, at: number): void {
    this.#may.delete(destination);
    this.#made.set(destination, at);
  }

  #madeAt(destination: string): number {
    return this.#made.get(destination) ?? -Infinity;
  }

  /** A state was written that rests on this read alone. */
  wrote(read: Arriving): void {
    for (const { slot, isLeft } of madeIn(read)) {
      const { destination } = slot;
      this.#emptySince.delete(destination);
      if (isLeft) this.#may.delete(destination);
      else if (!this.#may.has(destination) && !this.#left.has(destination)) this.#mayNot.add(destination);
    }
    for (const destination of this.#left)
      if (isEmpty(read.table, destination) && !wantedAt(read.spec, destination)) this.#left.delete(destination);
  }

  /** The item lists it or leaves it to others: how it came is decided anew once it is gone, or the item asks otherwise. */
  #leave(destination: string): void {
    this.#left.add(destination);
    this.#mayNot.delete(destination);
  }

  /** A state was written under these rules, and so every other set of rules has an end. */
  ruled(rules: string): void {
    for (const other of this.#since.keys()) if (other !== rules) this.#since.delete(other);
  }
}

/** The arrivals that the reconciler must know of, whatever went wrong: by the states that were written. */
export class SureArrivals {
  readonly #pace: () => Pace;
  /** Since when at the latest the rules are in force that the last written state was made under. */
  #since: { readonly rules: string; readonly at: number } | undefined;
  /** When the read was made on which the last written state rests. */
  #readAt = -Infinity;
  /** When the last sweep that reached its end began, if it read the table. */
  #vouchedAt = -Infinity;
  #known = new Map<string, 'appeared' | 'left' | 'unsure'>();
  /** Under which rules a destination was left to others. */
  #leftUnder = new Map<string, string>();
  #emptySince = new Map<string, number>();
  /** How many reads since the last written state showed a route that must count as having appeared. */
  #arriving = new Map<string, number>();

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
    this.#arriving.clear();
  }

  /** The last sweep that reached its end began then, and read the table; or did not. */
  vouched(at: number | undefined): void {
    this.#vouchedAt = at ?? -Infinity;
  }

  /** A function reads the state: what another saw and did not write is forgotten. */
  begins(): void {
    this.#arriving.clear();
  }

  /** @param knowsSweep whether the function knows what the last sweep wrote: whom it vouches for, and how often it comes */
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
      if (known === undefined && isWatched) this.#arriving.set(destination, (this.#arriving.get(destination) ?? 0) + 1);
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

  /** The item lists it or leaves it to others: what comes there meanwhile is no arrival. */
  #leave(destination: string): void {
    const known = this.#known.get(destination) ?? 'left';
    this.#known.set(destination, known === 'left' ? 'left' : 'unsure');
    this.#leftUnder.delete(destination);
    this.#arriving.delete(destination);
  }

  /**
   * A state was written that rests on this read, or on the one before it.
   *
   * @param first the first of the reads since the state was read
   */
  wrote(read: Arriving, { first, reads }: { readonly first: number; readonly reads: number }): void {
    const { at, spec, table, rules } = read;
    const { skewMs } = this.#pace();
    if (this.#since?.rules !== rules) this.#since = { rules, at };
    this.#readAt = first;
    for (const [destination, times] of this.#arriving)
      if (times >= Math.min(reads, 2)) this.#known.set(destination, 'appeared');
    this.#arriving.clear();
    for (const [destination, known] of this.#known) {
      if (!isEmpty(table, destination)) {
        this.#emptySince.delete(destination);
        continue;
      }
      const emptySince = this.#emptySince.get(destination) ?? at;
      this.#emptySince.set(destination, emptySince);
      // As long as the same entry stands, it may leave this destination to others again.
      const isLeft =
        wantedAt(spec, destination) !== undefined ||
        this.#leftUnder.get(destination) === rules ||
        isLeftToOthers({ destination, target: '' }, read);
      if ((known === 'left' && !isLeft) || at - emptySince >= keptMs + skewMs) this.#known.delete(destination);
    }
  }

  /** A state was written that believes no read: it may know of other rules all the same. */
  doubted(rules: string): void {
    if (this.#since?.rules !== rules) this.#since = undefined;
  }
}
