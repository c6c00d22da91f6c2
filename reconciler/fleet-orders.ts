import { fleetOrderEvents } from './core/announce/events.ts';
import { joined } from './core/announce/news.ts';
import { givenOrders, orderChanges } from './core/desired/orders.ts';
import type { ShownTrigger } from './core/memory/trigger.ts';
import type { World } from './ports.ts';

/**
 * Announces the orders for all tables: each one once for the fleet, not once for each table. A stop of 1,000 tables is
 * one decision of one person, and 1,000 messages would bury everything else.
 *
 * As for a table, events are stored before they are sent. What EventBridge rejects is sent again by the next stream
 * record of such an order, and by every sweep. This holds for an order that has ended meanwhile, too.
 */
export async function announceFleetOrders(
  { states, orders, announcer, now, log }: Pick<World, 'states' | 'orders' | 'announcer' | 'now' | 'log'>,
  trigger: ShownTrigger,
): Promise<void> {
  const [known, given] = await Promise.all([states.readFleetOrders(), orders.ofAll()]);
  const at = now();
  // Without a row, the number must not repeat one of a row that was lost.
  const before = known ?? { revision: Math.floor(at.getTime() / 1_000), orders: [], unsent: [] };
  const inForce = givenOrders(given, 'fleet', at);
  const revision = before.revision + 1;
  const events = fleetOrderEvents(orderChanges(before.orders, inForce), revision, at, trigger);
  const news = joined({ metrics: [], events: before.unsent }, { metrics: [], events });
  if (news.events.length === 0) return;
  const after = events.length > 0 ? { revision, orders: inForce, unsent: news.events } : before;
  // If another function has written meanwhile, it announces.
  if (after !== before && !(await states.writeFleetOrders(after, known?.revision))) return;
  const unsent = await announcer.announce(news);
  if (unsent.length > 0)
    log.error('EventBridge rejected events about orders for all tables: they are sent again', {
      events: unsent.length,
    });
  if (unsent.length < news.events.length) await states.writeFleetOrders({ ...after, unsent }, after.revision);
}
