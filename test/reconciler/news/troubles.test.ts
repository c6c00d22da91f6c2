import { describe, expect, it } from 'vitest';
import { routeTableId } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { alice, hijack, minute, othersRoutes, rogue, second, sweepNow, two } from './given.ts';

// Trouble that a person may have to end is announced when it begins and when it ends.

describe('a failure', () => {
  const wanted = { ...two, '10.22.0.0/16': 'pcx-cccccccc' };

  it('is announced when it begins and when it ends', async () => {
    const world = await inSync(two);
    world.desire(wanted);
    await world.reconcile({ kind: 'desired' });
    for (let sweeps = 0; sweeps < 2; sweeps++) {
      // Somebody may just be creating the target.
      expect(world.announcer.events).toEqual([]);
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
    expect(world.announcer.values('ChangesFailed')).toEqual([1]);
    expect(world.announcer.news.flatMap(({ events }) => events)[0]?.detail).toMatchObject({
      failures: [{ action: 'create', destination: '10.22.0.0/16', to: 'pcx-cccccccc', remedy: expect.any(String) }],
    });
    world.ec2.scenery.target('pcx-cccccccc');
    await sweepNow(world);
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)', 'Route Reconcile Failed (left)']);
  });

  it('is counted if it does not pass by itself, and the first does not hide a second', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteLimitExceeded' } });
    world.desire({ ...two, '10.22.0.0/16': 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('ChangesFailed')).toEqual([1]);
    world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'UnauthorizedOperation' } });
    await world.event(hijack(world));
    expect(world.announcer.values('ChangesFailed')).toEqual([1, 1]);
  });

  it('that passes by itself raises no alarm', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RequestLimitExceeded' } });
    world.desire({ ...two, '10.22.0.0/16': 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Failed');
    expect(world.announcer.values('ChangesFailed')).toEqual([]);
  });

  it('of an invalid item is counted once for each reason', async () => {
    const world = await inSync(two);
    world.desired.put({ routeTableId, routes: 'none' });
    for (let looks = 0; looks < 2; looks++) await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('InvalidDesired')).toEqual([1]);
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
    world.desired.put({ routeTableId, routes: [], unknown: true });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('InvalidDesired')).toEqual([1, 1]);
  });

  it('of a missing table is announced once, after 10 minutes', async () => {
    const world = await inSync(two);
    world.ec2.scenery.deleteTable(routeTableId);
    await sweepNow(world);
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      world.clock.advance(5 * minute);
      if (sweeps < 2) expect(world.announcer.events).toEqual([]);
      await sweepNow(world);
    }
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
    expect(world.announcer.values('ChangesFailed')).toEqual([1]);
  });

  it('of a missing table raises no alarm if the table was only observed', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.deleteTable(routeTableId);
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      await sweepNow(world);
      world.clock.advance(5 * minute);
    }
    expect(world.status().phase).toBe('Missing');
    expect(world.announcer.values('ChangesFailed')).toEqual([]);
  });
});

it('a contest is announced with its actors when it begins, and again when it ends', async () => {
  const world = await inSync(two);
  for (let round = 0; round < 7; round++) {
    await world.event(hijack(world, `event-${round}`));
    world.clock.advance(minute);
  }
  expect(world.announcer.values('Contested')).toEqual([1]);
  const contest = world.announcer.news
    .flatMap(({ events }) => events)
    .find(({ type }) => type === 'Route Table Contested');
  expect(contest?.detail).toMatchObject({
    state: 'entered',
    contests: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa', by: [alice] }],
  });
  for (let looks = 0; looks < 4; looks++) {
    world.clock.advance(61 * minute);
    await world.reconcile();
  }
  expect(world.announcer.events).toContain('Route Table Contested (left)');
});

it('deletes that keep waiting are not announced again, however many there are, even if one is no longer needed', async () => {
  const world = await inSync(two);
  othersRoutes(world, 150);
  await world.reconcile();
  world.ec2.scenery.removeRoute(routeTableId, '10.99.3.0/24');
  await world.reconcile();
  expect(world.announcer.values('PlansBlocked')).toEqual([1]);
});

it('a wait is not announced as over while the item is invalid, nor while the next read is in doubt', async () => {
  const world = await inSync(two);
  othersRoutes(world, 12);
  await world.reconcile();
  const call = hijack(world);
  world.clock.advance(minute);
  await world.event(call);
  world.desire(two, { nonsense: 1 });
  await world.reconcile({ kind: 'desired' });
  world.desire(two);
  world.clock.advance(2 * second);
  world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 10 * second });
  await world.reconcile({ kind: 'desired' });
  expect(world.status().phase).toBe('Verifying');
  expect(world.memory().doubt).toBeDefined();
  expect(world.status()).not.toHaveProperty('problems');
  world.clock.advance(minute);
  await world.reconcile({ kind: 'requeue' });
  expect(world.announcer.events.filter((event) => event.startsWith('Route Plan Blocked'))).toEqual([
    'Route Plan Blocked (entered)',
  ]);
});

describe('an observed or paused table that becomes enforced', () => {
  it('announces the deletes that now wait for a person', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    await world.reconcile();
    expect(world.announcer.values('PlansBlocked')).toEqual([]);
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Blocked');
    expect(world.announcer.values('PlansBlocked')).toEqual([1]);
    expect(world.announcer.events.at(-1)).toBe('Route Plan Blocked (entered)');
  });

  it('counts its blackholes, for which no alarm has rung', async () => {
    const world = await inSync({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    world.orders.put(routeTableId, 'pause', { reason: 'maintenance' });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    await world.reconcile({ kind: 'person' });
    expect(world.announcer.values('BlackholesObserved')).toEqual([1]);
    world.orders.put(routeTableId, 'pause');
    await world.reconcile({ kind: 'person' });
    expect(world.announcer.values('Blackholes')).toEqual([1]);
  });
});
