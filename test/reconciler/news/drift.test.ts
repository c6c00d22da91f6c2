import { describe, expect, it } from 'vitest';
import { routeTableId } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { alice, hijack, minute, othersRoutes, rogue, second, sweepNow, two } from './given.ts';

// Drift is announced when it is found and when it is healed, each once.

describe('drift in an enforced table', () => {
  it('is announced with its actor when it is found, and again when a read shows the repair', async () => {
    const world = await inSync(two);
    await world.event(hijack(world));
    expect(world.announcer.events).toEqual(['Route Drift Detected']);
    expect(world.announcer.news[0]?.events[0]?.detail).toMatchObject({
      routeTableId,
      enforced: true,
      trigger: { kind: 'event', id: 'event-1', name: 'ReplaceRoute' },
      changes: [
        { action: 'replace', destination: '10.20.0.0/16', from: 'tgw-aaaaaaaa', to: 'pcx-aaaaaaaa', actor: alice },
      ],
    });
    const since = world.now().toISOString();
    world.clock.advance(minute);
    await world.reconcile({ kind: 'requeue' });
    expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Drift Healed']);
    expect(world.announcer.news[1]?.events[0]?.detail).toMatchObject({
      since,
      phase: 'InSync',
      changes: [{ action: 'replace', destination: '10.20.0.0/16', actor: alice }],
    });
  });

  it('is counted by routes, with its repairs and the time from the call to the repair', async () => {
    const world = await inSync(two);
    const call = hijack(world);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.clock.advance(3 * second);
    await world.event(call);
    const { values } = world.announcer;
    expect([values('DriftDetected'), values('RoutesReplaced'), values('RoutesDeleted')]).toEqual([[2], [1], [1]]);
    expect(values('RoutesCreated')).toEqual([]);
    // No call reported the rogue route, so its latency is unknown.
    expect(values('HealLatency')).toEqual([3 * second]);
  });

  it.each([
    [903, 0],
    [1_210, 1_000],
    [2_999, 2_000],
  ])('is measured in whole seconds, because CloudTrail reports the second of the call: %i ms', async (ms, latency) => {
    const world = await inSync(two);
    const call = hijack(world);
    world.clock.advance(ms);
    await world.event(call);
    expect(world.announcer.values('HealLatency')).toEqual([latency]);
  });

  it('is measured up to the answer of EC2 to the repair, even if the repair needs two tries', async () => {
    const world = await inSync(two);
    const call = hijack(world);
    world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { refused: { code: 'RequestLimitExceeded' } });
    await world.event(call);
    world.clock.advance(20 * second);
    world.states.faults = (call) => {
      if (call === 'write') world.clock.advance(7 * second);
    };
    await world.reconcile({ kind: 'requeue' });
    expect(world.announcer.values('HealLatency')).toEqual([20 * second]);
  });

  it('is counted once, however often its repair fails', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InternalError' } });
    await world.event(hijack(world));
    for (let tries = 0; tries < 4; tries++) {
      world.clock.advance(minute);
      await world.reconcile({ kind: 'requeue' });
    }
    expect(world.announcer.values('DriftDetected')).toEqual([1]);
  });

  it('is announced even if the requeue queue fails', async () => {
    const world = await inSync(two);
    world.requeue.faults = () => {
      throw new Error('the queue is away');
    };
    await expect(world.event(hijack(world))).rejects.toThrow('the queue is away');
    expect(world.announcer.events).toEqual(['Route Drift Detected']);
  });

  it('is announced again when it returns after a repair', async () => {
    const world = await inSync(two);
    await world.event(hijack(world));
    world.clock.advance(minute);
    await world.event(hijack(world, 'event-2'));
    expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Drift Detected']);
    expect(world.announcer.values('DriftDetected')).toEqual([1, 1]);
  });

  it('is announced once while its deletes wait for approval', async () => {
    const world = await inSync(two);
    othersRoutes(world, 12);
    for (let sweeps = 0; sweeps < 3; sweeps++) {
      await sweepNow(world);
      world.clock.advance(5 * minute);
    }
    expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Plan Blocked (entered)']);
    expect(world.announcer.values('DriftDetected')).toEqual([12]);
    expect(world.announcer.values('PlansBlocked')).toEqual([1]);
    for (let index = 0; index < 12; index++) world.ec2.scenery.removeRoute(routeTableId, `10.99.${index}.0/24`);
    await world.reconcile();
    expect(world.announcer.events.slice(2)).toEqual(['Route Drift Healed', 'Route Plan Blocked (left)']);
  });

  it('does not include changes that an edit asks for', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.announcer.events).toEqual([]);
    expect(world.announcer.values('RoutesReplaced')).toEqual([1]);
    expect(world.announcer.values('HealLatency')).toEqual([]);
  });

  it('is not found by a read that is not believed', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.faults.strike({ action: 'DescribeRouteTables' }, { staleMs: 10 * second });
    world.clock.advance(5 * second);
    await world.reconcile({ kind: 'requeue' });
    expect(world.memory().doubt).toBeDefined();
    expect(world.announcer.events).toEqual([]);
  });
});

describe('drift in a table that has another lasting problem', () => {
  it('is announced each time with its end, and is the latest drift without the other problem', async () => {
    const world = await inSync(two);
    othersRoutes(world, 12);
    await sweepNow(world);
    world.announcer.news.length = 0;
    for (let round = 0; round < 2; round++) {
      world.clock.advance(30 * minute);
      await world.event(hijack(world, `event-${round}`));
      world.clock.advance(minute);
      await world.reconcile({ kind: 'requeue' });
    }
    expect(world.status().phase).toBe('Blocked');
    expect(world.announcer.events).toEqual([
      'Route Drift Detected',
      'Route Drift Healed',
      'Route Drift Detected',
      'Route Drift Healed',
    ]);
    expect(world.status().lastDrift).toMatchObject({ routes: 1, actor: alice, healedAt: world.now().toISOString() });
  });

  it('does not announce the other problem again', async () => {
    const world = await inSync(two);
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    world.ec2.scenery.route(routeTableId, '10.22.0.0/16', 'eni-ffffffff');
    world.desire({ ...two, '10.22.0.0/16': 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    for (let round = 0; round < 2; round++) {
      world.clock.advance(30 * minute);
      await world.event(hijack(world, `event-${round}`));
      expect(world.status().phase).toBe('Verifying');
      world.clock.advance(minute);
      await world.reconcile({ kind: 'requeue' });
    }
    expect(world.announcer.events.filter((event) => event.startsWith('Route Reconcile Failed'))).toEqual([
      'Route Reconcile Failed (entered)',
    ]);
    expect(world.announcer.values('ChangesFailed')).toEqual([1]);
  });
});

it('drift in an observed table is announced as not enforced, and so is its end', async () => {
  const world = await inSync(two);
  world.desire(two, { mode: 'observe' });
  await world.reconcile({ kind: 'desired' });
  world.forget();
  const call = hijack(world);
  for (let looks = 0; looks < 3; looks++) await world.event(call);
  expect(world.announcer.news.flatMap(({ events }) => events)).toMatchObject([
    { type: 'Route Drift Detected', detail: { enforced: false } },
  ]);
  expect([world.announcer.values('DriftObserved'), world.announcer.values('DriftDetected')]).toEqual([[1], []]);
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
  await world.reconcile();
  expect(world.announcer.events.at(-1)).toBe('Route Drift Healed');
});

it.each([
  ['paused', { paused: { reason: 'maintenance' } }],
  ['observed', { mode: 'observe' }],
])(
  'an edit of a table that is %s is no drift: it waits, and is made when the table is enforced again',
  async (_, fields) => {
    const world = await inSync(two);
    world.desire(two, fields);
    await world.reconcile({ kind: 'desired' });
    world.forget();
    const edited = { '10.20.0.0/16': 'pcx-bbbbbbbb', '10.22.0.0/16': 'pcx-bbbbbbbb' };
    world.desire(edited, fields);
    await world.reconcile({ kind: 'desired' });
    for (let sweeps = 0; sweeps < 3; sweeps++) await sweepNow(world);
    expect(world.status().phase).toBe('Drifted');
    expect(world.status().plan?.changes).toHaveLength(3);
    world.desire(edited);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(edited);
    const { values, events } = world.announcer;
    expect([values('DriftObserved'), values('DriftDetected'), values('RoutesReplaced')]).toEqual([[], [], [1]]);
    expect(events.filter((event) => event.startsWith('Route Drift'))).toEqual([]);
  },
);

it('drift that an edit resolves in another way is announced with the change that was made', async () => {
  const world = await inSync(two);
  world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InternalError' } });
  await world.event(hijack(world));
  world.faults.clear();
  world.clock.advance(minute);
  world.desire({ ...two, '10.20.0.0/16': 'pcx-bbbbbbbb' });
  await world.reconcile({ kind: 'desired' });
  world.clock.advance(minute);
  await world.reconcile({ kind: 'requeue' });
  const healed = world.announcer.news.flatMap(({ events }) => events).at(-1);
  expect(healed).toMatchObject({ type: 'Route Drift Healed' });
  expect(healed?.detail.changes).toEqual([
    { action: 'replace', destination: '10.20.0.0/16', from: 'tgw-aaaaaaaa', to: 'pcx-bbbbbbbb', actor: alice },
  ]);
  expect(world.states.runs(routeTableId).at(-1)?.outcome).toMatchObject([{ action: 'replace', actor: alice }]);
});
