import { expect, it } from 'vitest';
import { routeTableId } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { hijack, minute, sweepNow, two } from './given.ts';

// Events that EventBridge rejects are kept and sent again.

it('an outage of EventBridge stops no repair and is logged, and its events are sent later', async () => {
  const world = await inSync(two);
  world.announcer.faults = () => {
    throw new Error('the bus is away');
  };
  await world.event(hijack(world));
  expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  expect(world.status().phase).toBe('Verifying');
  const message = 'EventBridge rejected events: they are sent again';
  expect(world.lines).toContainEqual(expect.objectContaining({ level: 'error', message }));
  expect(world.announcer.events).toEqual([]);
  const rejected = world.states.stored(routeTableId).unsent?.events;
  expect(rejected).toMatchObject([{ type: 'Route Drift Detected' }]);
  world.announcer.faults = () => {};
  world.clock.advance(5 * minute);
  await sweepNow(world);
  expect(world.announcer.news.flatMap(({ events }) => events)[0]).toEqual(rejected?.[0]);
  expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Drift Healed']);
  expect(world.announcer.values('DriftDetected')).toEqual([1]);
  expect(world.states.stored(routeTableId)).not.toHaveProperty('unsent');
});

it('a hijack that is repaired during an outage of EventBridge is announced afterwards, even if the item was deleted meanwhile', async () => {
  const world = await inSync(two);
  world.announcer.faults = () => {
    throw new Error('the bus is away');
  };
  await world.event(hijack(world));
  world.desired.delete(routeTableId);
  await world.reconcile({ kind: 'desired' });
  expect(world.announcer.events).toEqual([]);
  world.announcer.faults = () => {};
  world.clock.advance(5 * minute);
  await sweepNow(world);
  expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Policy Changed']);
});

it('events that EventBridge rejects are never dropped silently', async () => {
  const world = await inSync(two);
  world.announcer.faults = () => {
    throw new Error('the bus is away');
  };
  for (let round = 0; round < 210; round++) {
    world.orders.put(routeTableId, 'pause', { reason: `round ${round}` });
    await world.reconcile({ kind: 'person' });
  }
  expect(world.states.stored(routeTableId).unsent?.events).toHaveLength(200);
  world.announcer.faults = () => {};
  await sweepNow(world);
  const dropped = world.announcer.values('EventsDropped').reduce((sum, value) => sum + value, 0);
  expect(world.announcer.events.length + dropped).toBe(210);
  expect(world.announcer.news.flatMap(({ events }) => events)[0]?.detail).toMatchObject({
    order: { reason: 'round 0' },
  });
});
