import type { LeftAloneReason, StaticRoute } from './ours.ts';
import { type ActualRoute, destinationText, sortedBy, targetText } from './route.ts';

/** An actual route that is neither changed nor listed and right, and why. */
export interface LeftAlone {
  readonly route: ActualRoute;
  readonly reason: LeftAloneReason;
}

/** A table's routes by destination: at most one static route each, beside any number that others maintain there. */
export interface Slots {
  readonly static: ReadonlyMap<string, StaticRoute>;
  readonly leftAlone: readonly LeftAlone[];
}

/** Every attribute has a say, so that the order of the input has none. */
const rank = ({ origin, target, state, instance, spelling }: ActualRoute): string =>
  [precedence[origin], targetText(target), state, instance?.id, instance?.ownerId, spelling].join(' ');

const precedence = { 'with-table': 0, created: 1, unknown: 2, propagated: 3, advertised: 3 } as const;

/**
 * Sorts routes into slots. A destination is not unique in what EC2 reports: a propagated route and the static one that
 * overrides it are both listed, and only the static one holds the slot.
 */
export function slotsOf(routes: readonly ActualRoute[]): Slots {
  const slots = new Map<string, StaticRoute>();
  const leftAlone: LeftAlone[] = [];
  for (const route of sortedBy(routes, rank)) {
    const { destination, origin } = route;
    if (origin === 'propagated' || origin === 'advertised') leftAlone.push({ route, reason: origin });
    else if (destination.kind === 'unknown') leftAlone.push({ route, reason: 'unknown' });
    // EC2 keeps one static route per destination; a second one is nothing we understand.
    else if (slots.has(destinationText(destination))) leftAlone.push({ route, reason: 'unknown' });
    else slots.set(destinationText(destination), { ...route, destination });
  }
  return { static: slots, leftAlone };
}
