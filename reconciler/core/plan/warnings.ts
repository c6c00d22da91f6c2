import { supernets } from '../route/cidr.ts';
import type { Change } from '../route/change.ts';
import type { DesiredRoute, DesiredTable } from '../desired/desired.ts';
import type { Finding } from '../desired/finding.ts';
import { isActive } from '../desired/ignore.ts';
import { type Destination, destinationText, sameTarget, targetText } from '../route/route.ts';
import type { LeftAlone } from './slots.ts';

/** Ignore entries that have expired. The routes that they covered are managed again. */
export function expiredIgnores({ ignore }: DesiredTable, now: Date): Finding[] {
  return ignore
    .filter((entry) => !isActive(entry, now))
    .map(({ destination, target, reason, until }) => ({
      code: 'ignore-expired',
      ...(destination && { destination: destinationText(destination) }),
      ...(target !== undefined && { target }),
      message: `an ignore entry (${reason}) expired at ${until?.toISOString()}: the routes that it covered are managed again; extend or remove the entry`,
    }));
}

/** Listed routes that win over a propagated or advertised route of the same destination. */
export function shadowedRoutes({ routes }: DesiredTable, leftAlone: readonly LeftAlone[]): Finding[] {
  const dynamic = leftAlone.filter(({ reason }) => reason === 'propagated' || reason === 'advertised');
  if (dynamic.length === 0) return [];
  const listed = byDestination(routes);
  return dynamic.flatMap(({ route, reason }) => {
    const destination = destinationText(route.destination);
    const wanted = listed.get(destination);
    if (!wanted) return [];
    const message = `${destination} is also ${reason} by ${targetText(route.target)}: the listed static route wins over it`;
    return [{ code: 'shadows-propagated' as const, destination, target: targetText(wanted.target), message }];
  });
}

/**
 * Left-alone routes that take part of the traffic of a listed destination to another target. Local routes always do, so
 * they are not reported.
 */
export function overlaps({ routes }: DesiredTable, leftAlone: readonly LeftAlone[]): Finding[] {
  const others = leftAlone.filter(({ reason }) => reason !== 'local');
  if (others.length === 0) return [];
  const listed = byDestination(routes);
  return others.flatMap(({ route, reason }) => {
    if (route.destination.kind === 'unknown') return [];
    const destination = destinationText(route.destination);
    // A listed route of the same destination wins over a propagated or advertised route.
    if (listed.has(destination) && (reason === 'propagated' || reason === 'advertised')) return [];
    const [wanted] = enclosing(route.destination, listed);
    if (!wanted || sameTarget(wanted.target, route)) return [];
    const target = targetText(route.target);
    const message = `${destination} goes to ${target} (${reason}) but lies inside the listed ${destinationText(wanted.destination)} to ${targetText(wanted.target)}: the longer prefix wins`;
    return [{ code: 'overlaps-desired' as const, destination, target, message }];
  });
}

/** Values by their destination. */
export const byDestination = <T extends DesiredRoute | Change>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [destinationText(item.destination), item]));

/** The values whose destination strictly contains this one, smallest destination first. At most 128 look-ups. */
export function enclosing<T>(destination: Destination, values: ReadonlyMap<string, T>): T[] {
  if (destination.kind === 'prefix-list' || values.size === 0) return [];
  const found: T[] = [];
  for (const outer of supernets(destination)) {
    const value = values.get(outer);
    if (value !== undefined) found.push(value);
  }
  return found;
}
