import type { DesiredItem } from './schema.ts';
import { type StaticRoute, canonicalText, destinationText, targetText } from '../route/route.ts';

type Listed = DesiredItem['routes'][number];

/** The routes of an item before and after somebody accepts what EC2 has at one destination. */
export interface Accepted {
  /** The listed route of this destination. Undefined if none is listed. */
  readonly before?: Listed;
  /** Undefined if EC2 has no route there, so none is listed any more. */
  readonly after?: Listed;
  readonly routes: readonly Listed[];
}

/**
 * Lists what EC2 has at one destination. Everything else that the item says of this route stays. If the route has one of
 * its alternates as target, the two change places.
 *
 * @param destination in canonical form
 * @param route the static route that EC2 has there, if there is one
 * @returns undefined if the item lists just that
 */
export function accepted(
  routes: readonly Listed[],
  destination: string,
  route: StaticRoute | undefined,
): Accepted | undefined {
  const before = routes.find((listed) => canonicalText(listed.destination) === destination);
  if (!route) return before && { before, routes: routes.filter((listed) => listed !== before) };
  const target = targetText(route.target);
  if (before?.target === target) return undefined;
  const after = listing(before ?? { destination: destinationText(route.destination), target }, target, route);
  return before
    ? { before, after, routes: routes.map((listed) => (listed === before ? after : listed)) }
    : { after, routes: [...routes, after] };
}

function listing({ alternates, overrideLocal, ...before }: Listed, target: string, { origin }: StaticRoute): Listed {
  const others = alternates?.map((one) => (one === target ? before.target : one)).filter((one) => one !== 'local');
  const isOverride = origin === 'with-table' && target !== 'local';
  return {
    ...before,
    target,
    ...(others && others.length > 0 && { alternates: others }),
    ...((isOverride || overrideLocal !== undefined) && { overrideLocal: isOverride || overrideLocal }),
  };
}
