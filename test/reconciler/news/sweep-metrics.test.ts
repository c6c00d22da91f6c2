import { expect, it } from 'vitest';
import { item, minutesAfter, now } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { minute, sweepNow, two } from './given.ts';

// A sweep publishes what it counted.

it('a sweep publishes that it completed, how long it took, and how many tables are out of sync, observed or unknown', async () => {
  const world = await inSync(two);
  world.desired.put({ ...item(two), routeTableId: 'rtb-0000dead' });
  world.ec2.scenery.table('rtb-0000beef', { routes: {} });
  world.desired.put({ ...item(two, { mode: 'observe' }), routeTableId: 'rtb-0000beef' });
  await sweepNow(world);
  const { values } = world.announcer;
  expect(values('SweepCompleted')).toEqual([1]);
  expect(values('SweepDuration')).toHaveLength(1);
  expect([
    values('TablesManaged'),
    values('TablesOutOfSync'),
    values('TablesObserved'),
    values('TablesUnknown'),
  ]).toEqual([[3], [1], [1], [0]]);
});

it('a sweep publishes how many routes of enforced tables are blackholes, as long as they last', async () => {
  const world = await inSync(two);
  const observed = 'rtb-0000beef';
  world.ec2.scenery.table(observed, { routes: two });
  world.desired.put({ ...item(two, { mode: 'observe' }), routeTableId: observed });
  world.ec2.scenery.vanish('pcx-aaaaaaaa');
  for (let sweeps = 0; sweeps < 3; sweeps++) {
    world.clock.advance(5 * minute);
    await sweepNow(world);
  }
  world.ec2.scenery.target('pcx-aaaaaaaa');
  await sweepNow(world);
  expect(world.announcer.values('BlackholesKnown')).toEqual([2, 2, 2, 0]);
});

it('an unchanged table has no news', async () => {
  const world = await inSync(two);
  for (let looks = 0; looks < 3; looks++) {
    world.clock.advance(minutesAfter(30 * 60).getTime() - now.getTime());
    await world.reconcile();
  }
  expect(world.announcer.news).toEqual([]);
});
