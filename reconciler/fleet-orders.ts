import { fleetOrderEvents } from './core/announce/events.ts';
import { givenOrders, orderChanges } from './core/desired/orders.ts';
import type { ShownTrigger } from './core/memory/trigger.ts';
import type { World } from './ports.ts';

/**
 * Announces the orders for all tables: each one once for the fleet, not once for each table. A stop of 1,000 tables is
 * one decision of one person, and 1,000 messages would bury everything else.
 *
 * What is announced is remembered only after EventBridge took it. So an event is sent again, with the same id, until
 * EventBridge takes it: by the stream record of the order if that is retried, and by every sweep.
 */
export async function announceFleetOrders(
  { states, orders, announcer, now, log }: Pick<World, 'states' | 'orders' | 'announcer' | 'now' | 'log'>,
  trigger: ShownTrigger,
): Promise<void> {
  const [announced, given] = await Promise.all([states.readFleetOrders(), orders.ofAll()]);
  const at = now();
  const inForce = givenOrders(given, 'fleet', at);
  // Without a row, the number must not repeat one of a row that was lost.
  const revision = (announced?.revision ?? Math.floor(at.getTime() / 1_000)) + 1;
  const events = fleetOrderEvents(orderChanges(announced?.orders ?? [], inForce), revision, at, trigger);
  if (events.length === 0) return;
  const rejected = await announcer.announce({ metrics: [], events });
  if (rejected.length === 0) await states.writeFleetOrders({ revision, orders: inForce });
  else
    log.error('EventBridge rejected events about orders for all tables: they are sent again', {
      rejected: rejected.length,
    });
}
