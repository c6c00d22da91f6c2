import type { DesiredTable } from './desired.ts';
import { isActive } from './ignore.ts';
import type { Hold, Orders, Pause } from './orders.ts';
import { type Destination, destinationText } from '../route/route.ts';

/** An item together with its orders. */
export const underOrders = (desired: DesiredTable, orders: Orders): DesiredTable => ({ ...desired, orders });

/** Every pause and stop that concerns a table, including ended ones. The widest is last. */
export const pausesOf = ({ paused, orders }: DesiredTable): readonly Pause[] => [
  ...(paused ? [paused] : []),
  ...(orders?.pauses ?? []),
];

/** The widest pause or stop that is active now, if there is one. */
export const activePause = (desired: DesiredTable, now: Date): Pause | undefined =>
  pausesOf(desired).findLast((pause) => isActive(pause, now));

/** Whether the item is enforced now: its mode is `enforce`, and no pause or stop is active. */
export const isEnforced = (desired: DesiredTable, now: Date): boolean =>
  desired.mode === 'enforce' && !activePause(desired, now);

/** The hold that keeps a destination as it is now, if there is one. */
export function activeHold({ orders }: DesiredTable, destination: Destination, now: Date): Hold | undefined {
  if (!orders || orders.holds.length === 0) return undefined;
  const key = destinationText(destination);
  return orders.holds.find((hold) => hold.destination === key && isActive(hold, now));
}
