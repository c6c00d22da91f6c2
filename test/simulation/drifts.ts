import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import { type Table, isStatic } from '../support/ec2/world.ts';

/** How much earlier than a read a call may have been made that the read does not show; clocks differ as well. */
const readsLagMs = 35_000;

/** The role of our functions, as their calls name it. */
export const ourRole = 'route-reconciler';

/** What a state that was written rests on, as far as drift is concerned. */
export interface Shown {
  /** What was asked for, and under which rules. */
  readonly rules: string;
  /** What the oldest of its reads shows was true at this time. */
  readonly asOf: number;
  /** Destinations that one of its reads showed otherwise than desired, or that were written. */
  readonly odd: ReadonlySet<string>;
  /**
   * What its one read showed, and whether somebody has to be told when others make such a route. Absent if it wrote, or
   * read more than once.
   */
  readonly routes?: ReadonlyMap<string, { readonly target: string; readonly isToldOf: boolean }>;
}

/** Drift that has to be announced. */
export interface Owed {
  readonly destination: string;
  /** The `checkedAt` of the state that found it. */
  readonly foundAt: string;
}

/**
 * What others did to the routes of one table, and which of it the reconciler must have noticed: the least that it has to
 * announce, and the most that it may.
 */
export class Drifts {
  owed: readonly Owed[] = [];
  /** Routes that others made or moved, whatever comes of them. */
  owedRoutes: readonly Owed[] = [];
  readonly #calls: { readonly destination: string; readonly who: string }[] = [];
  readonly #changes: { readonly destination: string; readonly at: number }[] = [];
  /** When others changed a destination, or a service what is its own. */
  readonly #touches: { readonly destination: string; readonly at: number }[] = [];
  /** When something changed that may make a route ours or not. */
  readonly #remarked: number[] = [];
  /** What the states rest on that believed their reads, since drift was last forgotten. */
  #shown: Shown[] = [];
  /** Whether the next state has nothing to be compared with. */
  #isFirst = true;
  /** Where drift was announced under these rules, and of what time the oldest read was since then. */
  readonly #found = new Map<string, number>();

  called(destination: string, who: string): void {
    this.#calls.push({ destination, who });
  }

  touched(destination: string, at: number): void {
    this.#touches.push({ destination, at });
  }

  /** EC2 holds another version of the table, whoever made it. */
  changed(before: Table | undefined, after: Table, at: number): void {
    const [was, is] = [slotsOf(before), slotsOf(after)];
    for (const destination of new Set([...was.keys(), ...is.keys()]))
      if (was.get(destination) !== is.get(destination)) this.#changes.push({ destination, at });
    if (before && before.tags !== after.tags) this.#remarked.push(at);
  }

  /** Something changed that may make a route ours or not. */
  remarked(at: number): void {
    this.#remarked.push(at);
  }

  /**
   * A state was written that rests on a read which was believed. It owes whatever deviates now, did not when the state
   * before was written, and was not asked for by an edit in between.
   */
  wrote(shown: Shown, deviating: Iterable<string>, foundAt: string): void {
    const before = this.#isFirst ? undefined : this.#shown.at(-1);
    this.#shown.push(shown);
    if (before?.rules !== shown.rules) this.#found.clear();
    for (const [destination, asOf] of this.#found) this.#found.set(destination, Math.min(asOf, shown.asOf));
    this.#isFirst = false;
    if (before?.rules !== shown.rules) return;
    const fresh = [...deviating].filter((destination) => !before.odd.has(destination));
    this.owed = [...this.owed, ...fresh.map((destination) => ({ destination, foundAt }))];
    const moved = movedIn(shown, before).filter(([, { isToldOf }]) => isToldOf);
    this.owedRoutes = [...this.owedRoutes, ...moved.map(([destination]) => ({ destination, foundAt }))];
  }

  /** Whether the last two reads that can be compared show the same route here. */
  isSameRoute(destination: string, shown: Shown): boolean {
    const before = this.#isFirst ? undefined : this.#shown.at(-1);
    if (!before?.routes?.has(destination) || !shown.routes?.has(destination)) return false;
    return !movedIn(shown, before).some(([moved]) => moved === destination);
  }

  /** A state was written that believes no read. What it wrote is no longer known to be as desired. */
  doubted(written: Iterable<string>): void {
    const last = this.#shown.at(-1);
    if (last) this.#shown.splice(-1, 1, { ...last, odd: new Set([...last.odd, ...written]) });
  }

  /** A state was written with which the next one cannot be compared. */
  startsAnew(): void {
    this.#isFirst = true;
  }

  /** The state is lost, and what it had to announce. What EventBridge took is not owed any more. */
  lost(taken: readonly DomainEvent[]): void {
    this.owed = this.owed.filter((owed) => taken.some((event) => announces(event, owed)));
    this.owedRoutes = [];
    this.forget();
  }

  /** Nobody remembers the drift that was found. */
  forget(): void {
    this.#isFirst = true;
    this.#shown = [];
    this.#found.clear();
  }

  /** What was true when the last state was written that believed its reads. */
  get lastSeenAt(): number {
    return this.#shown.at(-1)?.asOf ?? -Infinity;
  }

  /** Who made a call about a destination that an event may report. */
  callersAt(destination: string): ReadonlySet<string> {
    return new Set(this.#calls.filter((call) => call.destination === destination).map(({ who }) => who));
  }

  /**
   * Whether nobody else can have changed a destination since the last state knew it as desired.
   *
   * @param rules asked only if that was under these rules
   * @param asOf what the oldest read shows was true at this time
   */
  isUntouched(destination: string, rules: string | undefined, asOf: number): boolean {
    const last = this.#shown.at(-1);
    if (!last || this.#isFirst || last.odd.has(destination) || asOf < last.asOf) return false;
    if (rules !== undefined && last.rules !== rules) return false;
    const since = last.asOf - readsLagMs;
    return (
      !this.#remarked.some((at) => at > since) &&
      !this.#touches.some((touch) => touch.destination === destination && touch.at > since)
    );
  }

  /** The last state that was written announces drift here. */
  announces(destination: string): void {
    const asOf = this.#isFirst ? undefined : this.#shown.at(-1)?.asOf;
    if (asOf !== undefined) this.#found.set(destination, asOf);
  }

  /** Whether drift was announced here before, and neither the route nor what is asked for changed since. */
  isKnown(destination: string, shown: Shown): boolean {
    const asOf = this.#found.get(destination);
    if (asOf === undefined || this.#isFirst || this.#shown.at(-1)?.rules !== shown.rules) return false;
    const since = Math.min(asOf, shown.asOf);
    return (
      !this.#remarked.some((at) => at > since) &&
      // In the same millisecond, a read may show the time before a change.
      !this.#changes.some((change) => change.destination === destination && change.at >= since)
    );
  }
}

/** Whether an event announces this drift. */
export const announces = (event: DomainEvent, { destination, foundAt }: Owed): boolean =>
  event.type === 'Route Drift Detected' &&
  event.detail.at === foundAt &&
  event.detail.changes.some((change) => change.destination === destination);

/** Whether an event tells of this route: it is mended, waits for somebody, or is left as it is. */
export function tellsOf(event: DomainEvent, { destination, foundAt }: Owed): boolean {
  if (event.detail.at !== foundAt) return false;
  if (event.type === 'Route Plan Blocked') return event.detail.deletes.includes(destination);
  const named =
    event.type === 'Route Left Alone'
      ? event.detail.routes
      : event.type === 'Route Drift Detected'
        ? event.detail.changes
        : [];
  return named.some((one) => one.destination === destination);
}

/** The routes of a read that the one before showed otherwise, or not at all. Nothing, where either is unknown. */
const movedIn = ({ routes }: Shown, { routes: before }: Shown): readonly (readonly [string, Route])[] =>
  routes && before ? [...routes].filter(([destination, { target }]) => before.get(destination)?.target !== target) : [];

type Route = NonNullable<ReturnType<NonNullable<Shown['routes']>['get']>>;

/** What each destination leads to, as far as static routes go. */
const slotsOf = (table: Table | undefined): ReadonlyMap<string, string> =>
  new Map((table?.routes ?? []).filter(isStatic).map(({ destination, target }) => [destination, target]));
