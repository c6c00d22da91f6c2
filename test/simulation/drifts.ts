import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import { isMoved, isTargetDown } from './announcements.ts';
import { type Table, isStatic } from '../support/ec2/world.ts';

/** How long before a read a call may be made that the read does not show, including the difference of clocks. */
const readsLagMs = 35_000;

/** The role of our functions, as their calls name it. */
export const ourRole = 'route-reconciler';

/** What a written state rests on, as far as drift depends on it. */
export interface Shown {
  /** The item and the rules, as a text. */
  readonly rules: string;
  /** What the item lists, by destination, as a text. */
  readonly listed: ReadonlyMap<string, string>;
  /** The time of the world that its oldest read shows. */
  readonly asOf: number;
  /** Destinations that one of its reads showed as not desired, or that were written. */
  readonly odd: ReadonlySet<string>;
  /**
   * The routes that its last read showed, but for those that are unsure. `isToldOf`: such a route must be announced if
   * others make it. Absent if that read does not show the present.
   */
  readonly routes?: ReadonlyMap<string, { readonly target: string; readonly isToldOf: boolean }>;
  /** Destinations that the function wrote, or that its reads showed differently. */
  readonly unsure?: ReadonlySet<string>;
}

/** Drift that must be announced. */
export interface Owed {
  readonly destination: string;
  /** The `checkedAt` of the state that found it. */
  readonly foundAt: string;
}

/**
 * The changes of others to the routes of one table: those that the reconciler must announce, and those that it may
 * announce.
 */
export class Drifts {
  owed: readonly Owed[] = [];
  /** Routes that others made or moved, whatever comes of them. */
  owedRoutes: readonly Owed[] = [];
  /** Calls that changed a route, with the target that it had then. */
  readonly #makers: { readonly destination: string; readonly who: string; readonly target: string | undefined }[] = [];
  readonly #changes: { readonly destination: string; readonly at: number }[] = [];
  /** When others changed a destination, or a service changed its own route. */
  readonly #touches: { readonly destination: string; readonly at: number }[] = [];
  /** When something changed that decides whether a route is ours. */
  readonly #remarked: number[] = [];
  /** The states whose reads were believed, since drift was last forgotten. */
  #shown: Shown[] = [];
  /** Whether the next state has no predecessor to compare with. */
  #isFirst = true;
  /** Destinations whose drift was announced, with the rules and the time of the oldest read since then. */
  readonly #found = new Map<string, number>();

  /**
   * Somebody's call changed a route. Who asks for what is there already is none of them.
   *
   * @param target where the route leads now
   */
  made(destination: string, who: string, target: string | undefined): void {
    this.#makers.push({ destination, who, target });
  }

  touched(destination: string, at: number): void {
    this.#touches.push({ destination, at });
  }

  /** Somebody changed the table in EC2. */
  changed(before: Table | undefined, after: Table, at: number): void {
    const [was, is] = [slotsOf(before), slotsOf(after)];
    for (const destination of new Set([...was.keys(), ...is.keys()]))
      if (was.get(destination) !== is.get(destination)) this.#changes.push({ destination, at });
    if (before && before.tags !== after.tags) this.#remarked.push(at);
  }

  /** Something changed that decides whether a route is ours. */
  remarked(at: number): void {
    this.#remarked.push(at);
  }

  /**
   * A state was written after a read that is believed. It must announce each destination that deviates now, did not
   * deviate when the previous state was written, and was not edited in between: an edit elsewhere in the table hides
   * nothing.
   *
   * @param isOurs whether a call of ours may have made this route since the previous state
   * @param isLost whether no state remembers a call of ours here since the previous one
   */
  wrote(
    shown: Shown,
    deviating: Iterable<string>,
    foundAt: string,
    isOurs: (destination: string, target: string) => boolean,
    isLost: (destination: string) => boolean,
  ): void {
    const before = this.#isFirst ? undefined : this.#shown.at(-1);
    this.#shown.push(shown);
    if (before?.rules !== shown.rules) this.#found.clear();
    for (const [destination, asOf] of this.#found) this.#found.set(destination, Math.min(asOf, shown.asOf));
    this.#isFirst = false;
    if (!before) return;
    const isEdited = (destination: string): boolean =>
      before.rules !== shown.rules &&
      (before.listed.get(destination) !== shown.listed.get(destination) || isLost(destination));
    const fresh = [...deviating].filter((destination) => !before.odd.has(destination) && !isEdited(destination));
    this.owed = [...this.owed, ...fresh.map((destination) => ({ destination, foundAt }))];
    const moved = movedIn(shown, before)
      .filter(([, { isToldOf }]) => isToldOf)
      .filter(([destination, { target }]) => !isOurs(destination, target) && !isEdited(destination));
    this.owedRoutes = [...this.owedRoutes, ...moved.map(([destination]) => ({ destination, foundAt }))];
  }

  /** Whether the last two reads that can be compared show the same route here. */
  isSameRoute(destination: string, shown: Shown): boolean {
    const before = this.#isFirst ? undefined : this.#shown.at(-1);
    if (!before?.routes?.has(destination) || !shown.routes?.has(destination)) return false;
    return !movedIn(shown, before).some(([moved]) => moved === destination);
  }

  /** A state was written after reads that are not believed. Its writes are no longer known to be as desired. */
  doubted(written: Iterable<string>): void {
    const last = this.#shown.at(-1);
    if (last) this.#shown.splice(-1, 1, { ...last, odd: new Set([...last.odd, ...written]) });
  }

  /** A state was written with which the next one cannot be compared. */
  startsAnew(): void {
    this.#isFirst = true;
  }

  /** The state is lost, with its unsent news. Drift whose event EventBridge accepted need not be announced again. */
  lost(taken: readonly DomainEvent[]): void {
    this.owed = this.owed.filter((owed) => taken.some((event) => announces(event, owed)));
    this.owedRoutes = [];
    this.forget();
  }

  /** The drift that was found is forgotten. */
  forget(): void {
    this.#isFirst = true;
    this.#shown = [];
    this.#found.clear();
  }

  /** The time of the world in the last state whose reads were believed. */
  get lastSeenAt(): number {
    return this.#shown.at(-1)?.asOf ?? -Infinity;
  }

  /** The callers who made a route what it is now: whoever gave it this target, or deleted it. */
  makersOf(destination: string, target: string | undefined): ReadonlySet<string> {
    const made = this.#makers.filter((one) => one.destination === destination && one.target === target);
    return new Set(made.map(({ who }) => who));
  }

  /**
   * Whether nobody else can have changed a destination since the last state knew it as desired.
   *
   * @param rules if given, the answer is yes only under these rules
   * @param asOf the time of the world that the oldest read shows
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

  /** The last written state announces drift at a destination. */
  announces(destination: string): void {
    const asOf = this.#isFirst ? undefined : this.#shown.at(-1)?.asOf;
    if (asOf !== undefined) this.#found.set(destination, asOf);
  }

  /** A working route is kept because its listed target is down. Its drift may be announced when it moves back. */
  kept(destinations: readonly string[]): void {
    for (const destination of destinations) this.#found.delete(destination);
  }

  /** Whether drift was announced here before, and neither the route nor the item changed since. */
  isKnown(destination: string, shown: Shown): boolean {
    const asOf = this.#found.get(destination);
    if (asOf === undefined || this.#isFirst || this.#shown.at(-1)?.rules !== shown.rules) return false;
    const since = Math.min(asOf, shown.asOf);
    return (
      !this.#remarked.some((at) => at > since) &&
      // A read in the same millisecond may show the world before a change.
      !this.#changes.some((change) => change.destination === destination && change.at >= since)
    );
  }
}

/** Whether an event announces this drift. */
export const announces = (event: DomainEvent, { destination, foundAt }: Owed): boolean =>
  event.type === 'Route Drift Detected' &&
  event.detail.at === foundAt &&
  event.detail.changes.some((change) => change.destination === destination);

/**
 * Whether an event announces this route: as drift, as a route that waits, as left alone, or as moved by a function that
 * died.
 */
export function tellsOf(event: DomainEvent, { destination, foundAt }: Owed): boolean {
  if (event.detail.at !== foundAt) return false;
  if (event.type === 'Route Plan Blocked')
    return [...event.detail.deletes, ...(event.detail.replaces ?? [])].includes(destination);
  const named =
    event.type === 'Route Left Alone'
      ? event.detail.routes
      : event.type === 'Route Drift Detected'
        ? event.detail.changes
        : isTargetDown(event)
          ? event.detail.failures
          : isMoved(event)
            ? event.detail.routes
            : [];
  return named.some((one) => one.destination === destination);
}

/** The routes of a read that the one before showed otherwise, or not at all. Nothing, where either is unknown. */
const movedIn = ({ routes }: Shown, { routes: before, unsure }: Shown): readonly (readonly [string, Route])[] =>
  routes && before
    ? [...routes].filter(
        ([destination, { target }]) => before.get(destination)?.target !== target && !unsure?.has(destination),
      )
    : [];

type Route = NonNullable<ReturnType<NonNullable<Shown['routes']>['get']>>;

/** The target of the static route of each destination. */
const slotsOf = (table: Table | undefined): ReadonlyMap<string, string> =>
  new Map((table?.routes ?? []).filter(isStatic).map(({ destination, target }) => [destination, target]));
