import type { LeftAloneReason } from '../memory/memory.ts';
import { type ActualRoute, type StaticRoute, destinationText, sortedBy, targetText } from '../route/route.ts';

/** An actual route that the plan neither changes nor counts as unchanged, and the reason. */
export interface LeftAlone {
  readonly route: ActualRoute;
  readonly reason: LeftAloneReason;
}

/**
 * A table's routes by destination. Each destination has at most one static route; propagated and advertised routes may
 * exist beside it.
 */
export interface Slots {
  readonly static: ReadonlyMap<string, StaticRoute>;
  readonly leftAlone: readonly LeftAlone[];
}

/** The rank covers every attribute, so that the order of the input does not matter. */
const rank = ({ origin, target, state, instance, spelling }: ActualRoute): string =>
  [precedence[origin], targetText(target), state, instance?.id, instance?.ownerId, spelling].join(' ');

const precedence = { 'with-table': 0, created: 1, unknown: 2, propagated: 3, advertised: 3 } as const;

/**
 * Assigns static routes to their destinations. EC2 can report two routes for one destination: a propagated route and
 * the static route that overrides it. Only the static route gets the slot.
 */
export function slotsOf(routes: readonly ActualRoute[]): Slots {
  const slots = new Map<string, StaticRoute>();
  const leftAlone: LeftAlone[] = [];
  for (const route of sortedBy(routes, rank)) {
    const { destination, origin } = route;
    if (origin === 'propagated' || origin === 'advertised') leftAlone.push({ route, reason: origin });
    else if (destination.kind === 'unknown') leftAlone.push({ route, reason: 'unknown' });
    // EC2 keeps one static route per destination, so we cannot interpret a second one.
    else if (slots.has(destinationText(destination))) leftAlone.push({ route, reason: 'unknown' });
    else slots.set(destinationText(destination), { ...route, destination });
  }
  return { static: slots, leftAlone };
}
