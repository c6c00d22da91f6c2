import { describe, expect, it } from 'vitest';
import { routeTableId } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { alice, hijack, minute, rogue, second, two } from './given.ts';

// The status keeps the latest drift of a table.

describe('the latest drift of a table', () => {
  it('is in its status, with the actor and the times of call, repair and verification', async () => {
    const world = await inSync(two);
    const call = hijack(world);
    world.clock.advance(3 * second);
    await world.event(call);
    const foundAt = world.now().toISOString();
    expect(world.status().lastDrift).toEqual({
      foundAt,
      routes: 1,
      actor: alice,
      calledAt: call.time,
      appliedAt: foundAt,
    });
    world.clock.advance(minute);
    await world.reconcile({ kind: 'requeue' });
    expect(world.status().lastDrift).toMatchObject({ foundAt, healedAt: world.now().toISOString() });
  });

  it('names an actor only for routes that an event reported', async () => {
    const world = await inSync(two);
    const call = hijack(world);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    await world.event(call);
    expect(world.status().lastDrift).toMatchObject({ routes: 2, actor: alice, others: true });
    await world.event({ ...call, id: 'event-2', name: 'CreateRoute', destination: rogue });
    expect(world.status().lastDrift).toMatchObject({ routes: 2, actor: alice });
    expect(world.status().lastDrift).not.toHaveProperty('others');
  });

  it('is replaced by later drift, and is removed with the item', async () => {
    const world = await inSync(two);
    await world.event(hijack(world));
    world.clock.advance(minute);
    await world.reconcile();
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    await world.reconcile();
    expect(world.status().lastDrift).toEqual({
      foundAt: world.now().toISOString(),
      routes: 1,
      appliedAt: world.now().toISOString(),
    });
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    expect(world.status()).not.toHaveProperty('lastDrift');
  });
});
