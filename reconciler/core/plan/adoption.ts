import type { DesiredTable } from '../desired/desired.ts';
import { type IgnoreEntry, meets } from '../desired/ignore.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Destination,
  type StaticRoute,
  destinationOrder,
  destinationText,
  isStatic,
  sortedBy,
  targetNames,
  targetText,
} from '../route/route.ts';
import { type Doubt, doubtAbout, isPrivate, rangeAround } from './doubt.ts';
import { plan } from './plan.ts';
import type { LeftAlone } from './slots.ts';

/** What the item of a table contains that is adopted as it is. */
export interface Adoption {
  readonly routes: readonly AdoptedRoute[];
  /** The routes that may belong to somebody else. */
  readonly ignore: readonly AdoptedIgnore[];
  /** The routes that no item names: EC2 or a service maintains them, or they are of an unknown kind. */
  readonly leftAlone: readonly LeftAlone[];
}

export interface AdoptedRoute {
  readonly destination: string;
  readonly target: string;
  readonly overrideLocal?: true;
  readonly isBlackhole: boolean;
}

export interface AdoptedIgnore {
  readonly destination: string;
  readonly target: string;
  readonly reason: string;
}

/**
 * The item that asks for a table as it is: its plan changes no route. What may belong to somebody else is ignored, with
 * its siblings where no other route is among them. All lists are in the order of destinations.
 *
 * Pure, total and deterministic.
 *
 * @param item the item that the table already has: what it covers is not adopted again
 */
export function adoptionOf(
  actual: ActualTable,
  now: Date,
  item: DesiredTable = {
    routeTableId: actual.routeTableId,
    routes: [],
    mode: 'observe',
    unlisted: 'delete',
    ignore: [],
    findings: [],
  },
): Adoption {
  const { changes, leftAlone } = plan(item, actual, { now });
  const unlisted = changes.flatMap((change) =>
    change.action === 'delete' ? [{ ...change.from, destination: change.destination }] : [],
  );
  const doubts = unlisted.flatMap((slot): Doubtful[] => {
    const doubt = isPrivate(slot.destination, actual) ? doubtAbout(slot, actual) : undefined;
    return doubt ? [{ slot, doubt }] : [];
  });
  const overrides = leftAlone.flatMap(({ route, reason }) =>
    reason === 'local-overridden' && isPlaced(route) ? [route] : [],
  );
  const sure = new Set(unlisted).difference(new Set(doubts.map(({ slot }) => slot)));
  const listed = item.routes.map(({ destination, target }) => ({ destination, names: [targetText(target)] }));
  const { ours, theirs } = divided([...sure, ...overrides], doubts, listed);
  const entries = theirs.map((one) => ignoring(one, [...ours.map(placeOf), ...listed]));
  return {
    routes: sortedBy(ours, ({ destination }) => destinationOrder(destination)).map(adopted),
    ignore: [...new Map(entries.map((entry) => [`${entry.destination} ${entry.target}`, entry])).values()],
    leftAlone: leftAlone.filter(({ reason }) => reason !== 'local-overridden'),
  };
}

/** A destination and all names of its target, as ignore entries see a route. */
interface Place {
  readonly destination: Destination;
  readonly names: readonly string[];
}

interface Doubtful {
  readonly slot: StaticRoute;
  readonly doubt: Doubt;
}

const placeOf = (slot: StaticRoute): Place => ({ destination: slot.destination, names: targetNames(slot) });

/**
 * Divides routes into those to list and those to ignore. An item that ignores a route that it lists is invalid, so a
 * route that contains one of ours, through the same interface, is ours as well.
 */
function divided(
  ours: readonly StaticRoute[],
  doubts: readonly Doubtful[],
  listed: readonly Place[],
): { readonly ours: readonly StaticRoute[]; readonly theirs: readonly Doubtful[] } {
  const places = [...ours.map(placeOf), ...listed];
  const also = doubts.filter((one) => isShared(exactly(one), places));
  if (also.length === 0) return { ours, theirs: doubts };
  const rest = doubts.filter((one) => !also.includes(one));
  return divided([...ours, ...also.map(({ slot }) => slot)], rest, listed);
}

const isShared = (entry: IgnoreEntry, places: readonly Place[]): boolean =>
  places.some(({ destination, names }) => meets(entry, destination, names));

const reasonFor = ({ because }: Doubt): string => `may belong to somebody else: ${because}`;

const exactly = ({ slot, doubt }: Doubtful): Entry => ({
  destination: slot.destination,
  target: targetText(slot.target),
  reason: reasonFor(doubt),
});

/** An entry for the route and its siblings, or for the route alone if one of ours is among them. */
function ignoring(one: Doubtful, places: readonly Place[]): AdoptedIgnore {
  const { slot, doubt } = one;
  const wide = { destination: rangeAround(slot.destination), target: doubt.pattern, reason: reasonFor(doubt) };
  const { destination, ...entry } = isShared(wide, places) ? exactly(one) : wide;
  return { destination: destinationText(destination), ...entry };
}

type Entry = Required<Omit<IgnoreEntry, 'until'>>;

const isPlaced = (route: ActualRoute): route is StaticRoute => isStatic(route) && route.destination.kind !== 'unknown';

const adopted = ({ destination, target, origin, state }: StaticRoute): AdoptedRoute => ({
  destination: destinationText(destination),
  target: targetText(target),
  ...(origin === 'with-table' && { overrideLocal: true }),
  isBlackhole: state === 'blackhole',
});
