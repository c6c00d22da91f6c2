import { describe, expect, it } from 'vitest';
import { routeTableId } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { alice, minute, sweepNow, two } from './given.ts';

// A route that leads to a dead target is announced when it begins to drop traffic and when it recovers.

describe('a blackhole', () => {
  it('is counted when a target dies, and a known one does not hide another', async () => {
    const world = await inSync({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    for (let looks = 0; looks < 3; looks++) await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([1]);
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([1, 2]);
  });

  it('is not counted again after the item was invalid for a while', async () => {
    const world = await inSync({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    await world.reconcile();
    world.desired.put({ routeTableId, routes: 'none' });
    await world.reconcile({ kind: 'desired' });
    world.desire({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('Blackholes')).toEqual([1]);
  });

  it('does not count where a working route is kept instead of a dead target', async () => {
    const world = await inSync(two);
    world.ec2.scenery.target('nat-aaaaaaaa');
    world.desire({ ...two, '10.20.0.0/16': 'nat-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([1]);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
    await world.event();
    await sweepNow(world);
    expect(world.status().phase).toBe('Degraded');
    expect(world.announcer.values('BlackholesKnown')).toEqual([0]);
  });

  it('in an observed table raises no alarm, even when the item becomes invalid', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await world.reconcile();
    world.desire(two, { mode: 'observe', nonsense: 1 });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('Blackholes')).toEqual([]);
  });

  it('in an observed table is counted in a metric of its own', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([]);
    expect(world.announcer.values('BlackholesObserved')).toEqual([2]);
  });
});

it('a blackhole is announced with whoever took the target down, and so is its end', async () => {
  const world = await inSync({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
  world.ec2.scenery.vanish('nat-aaaaaaaa');
  const call = {
    id: 'event-1',
    name: 'DeleteNatGateway',
    time: world.now().toISOString(),
    actor: alice,
    about: 'target-down',
    ids: ['nat-aaaaaaaa'],
  } as const;
  await world.evidence.keep([{ routeTableId, call }]);
  await world.reconcile({ kind: 'event', ...call });
  await sweepNow(world);
  world.ec2.scenery.target('nat-aaaaaaaa');
  await world.reconcile();
  expect(world.announcer.events).toEqual(['Route Blackholed (entered)', 'Route Blackholed (left)']);
  expect(world.announcer.news[0]?.events[0]?.detail).toMatchObject({
    routes: [{ destination: '10.30.0.0/16', target: 'nat-aaaaaaaa', actor: alice }],
  });
});
