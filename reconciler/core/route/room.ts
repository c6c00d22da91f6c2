import { type ActualRoute, destinationText, isStatic } from './route.ts';

/** The size of a prefix list as a quota counts it: the maximum number of entries, however many there are. */
export interface ListSize {
  readonly family: 'ipv4' | 'ipv6';
  readonly routes: number;
}

/** How much of a table's two quotas its routes take. */
export interface Occupied {
  readonly ipv4: number;
  readonly ipv6: number;
  /** Prefix lists whose size is unknown. They are not counted. */
  readonly unknown: readonly string[];
}

/**
 * Counts the routes of a table as EC2's quota does: propagated routes have a quota of their own. AWS does not document
 * whether local routes count, so they do here.
 */
export function occupiedBy(routes: readonly ActualRoute[], sizes: ReadonlyMap<string, ListSize>): Occupied {
  const count = { ipv4: 0, ipv6: 0 };
  const unknown: string[] = [];
  for (const { destination } of routes.filter(isStatic)) {
    if (destination.kind === 'ipv4' || destination.kind === 'ipv6') count[destination.kind] += 1;
    else {
      const size = destination.kind === 'prefix-list' ? sizes.get(destination.id) : undefined;
      if (size) count[size.family] += size.routes;
      else unknown.push(destinationText(destination));
    }
  }
  return { ...count, unknown };
}
