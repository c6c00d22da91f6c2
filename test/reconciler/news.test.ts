import { describe, expect, it } from 'vitest';
import { sweep } from '../../reconciler/sweep.ts';
import { item, minutesAfter, now, routeTableId } from '../support/builders.ts';
import { type CallGiven, type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// What is told to whoever listens: metrics and domain events, by transitions only.

const second = 1_000;
const minute = 60 * second;
const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const rogue = '10.99.0.0/16';
const alice = { arn: 'arn:aws:iam::111122223333:user/alice', sourceIp: '192.0.2.1' };

const hijack = (world: InMemoryWorld, id = 'event-1'): CallGiven & { readonly time: string } => {
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  return {
    id,
    name: 'ReplaceRoute',
    time: world.now().toISOString(),
    actor: alice,
    destination: '10.20.0.0/16',
    target: 'tgw-aaaaaaaa',
  };
};

const sweepNow = (world: InMemoryWorld) => sweep(world, world.invocation());

/** So many routes through another account's interface. Their deletes wait for a person. */
const othersRoutes = ({ ec2: { scenery } }: InMemoryWorld, count: number): void => {
  scenery.foreignInterface('eni-ffffffff');
  for (let index = 0; index < count; index++) scenery.route(routeTableId, `10.99.${index}.0/24`, 'eni-ffffffff');
};

describe('drift in an enforced table', () => {
  it('is told when it is found, with its actor, and once more when it is seen healed', async () => {
    const world = await inSync(two);
    await world.event(hijack(world));
    expect(world.announcer.events).toEqual(['Route Drift Detected']);
    expect(world.announcer.told[0]?.events[0]?.detail).toMatchObject({
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
    expect(world.announcer.told[1]?.events[0]?.detail).toMatchObject({
      since,
      phase: 'InSync',
      changes: [{ action: 'replace', destination: '10.20.0.0/16', actor: alice }],
    });
  });

  it('is counted by routes, with what healed it and how long that took from the call on', async () => {
    const world = await inSync(two);
    const call = hijack(world);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.clock.advance(3 * second);
    await world.event(call);
    const { values } = world.announcer;
    expect([values('DriftDetected'), values('RoutesReplaced'), values('RoutesDeleted')]).toEqual([[2], [1], [1]]);
    expect(values('RoutesCreated')).toEqual([]);
    // The rogue route came without a call: nobody knows since when it was there.
    expect(values('HealLatency')).toEqual([3 * second]);
  });

  it('is measured to the answer to the call that healed it, at the second try as well', async () => {
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

  it('is found once, however often EC2 fails to heal it', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InternalError' } });
    await world.event(hijack(world));
    for (let tries = 0; tries < 4; tries++) {
      world.clock.advance(minute);
      await world.reconcile({ kind: 'requeue' });
    }
    expect(world.announcer.values('DriftDetected')).toEqual([1]);
  });

  it('is told also when nobody can be asked to look again', async () => {
    const world = await inSync(two);
    world.requeue.faults = () => {
      throw new Error('the queue is away');
    };
    await expect(world.event(hijack(world))).rejects.toThrow('the queue is away');
    expect(world.announcer.events).toEqual(['Route Drift Detected']);
  });

  it('is told again when it is healed and comes back', async () => {
    const world = await inSync(two);
    await world.event(hijack(world));
    world.clock.advance(minute);
    await world.event(hijack(world, 'event-2'));
    expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Drift Detected']);
    expect(world.announcer.values('DriftDetected')).toEqual([1, 1]);
  });

  it('is told once, however often it is looked at until somebody approves', async () => {
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

  it('is not what an edit asks for', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.announcer.events).toEqual([]);
    expect(world.announcer.values('RoutesReplaced')).toEqual([1]);
    expect(world.announcer.values('HealLatency')).toEqual([]);
  });

  it('is not what a read shows that is not believed', async () => {
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

describe('drift in a table where something else stays wrong', () => {
  it('is told with its end, each time, and is the latest drift by itself', async () => {
    const world = await inSync(two);
    othersRoutes(world, 12);
    await sweepNow(world);
    world.announcer.told.length = 0;
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

  it('does not make that be told again', async () => {
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

describe('a table that was only watched and is enforced from now on', () => {
  it('tells that its deletes wait for a person, from now on', async () => {
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

  it('tells of its blackholes, which no alarm has told of', async () => {
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

it('drift in a table that is only watched is told apart, and its end as well', async () => {
  const world = await inSync(two);
  world.desire(two, { mode: 'observe' });
  await world.reconcile({ kind: 'desired' });
  world.forget();
  const call = hijack(world);
  for (let looks = 0; looks < 3; looks++) await world.event(call);
  expect(world.announcer.told.flatMap(({ events }) => events)).toMatchObject([
    { type: 'Route Drift Detected', detail: { enforced: false } },
  ]);
  expect([world.announcer.values('DriftObserved'), world.announcer.values('DriftDetected')]).toEqual([[1], []]);
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
  await world.reconcile();
  expect(world.announcer.events.at(-1)).toBe('Route Drift Healed');
});

describe('the latest drift of a table', () => {
  it('is in its status: who, when, and how long until it was put right and seen so', async () => {
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

  it('names nobody for more than what events told of', async () => {
    const world = await inSync(two);
    const call = hijack(world);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    await world.event(call);
    expect(world.status().lastDrift).toMatchObject({ routes: 2, actor: alice, others: true });
    await world.event({ ...call, id: 'event-2', name: 'CreateRoute', destination: rogue });
    expect(world.status().lastDrift).toMatchObject({ routes: 2, actor: alice });
    expect(world.status().lastDrift).not.toHaveProperty('others');
  });

  it('that was healed is told from one that comes later, and ends with the item', async () => {
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

describe('a failure', () => {
  const wanted = { ...two, '10.22.0.0/16': 'pcx-cccccccc' };

  it('is told when it begins and when it ends', async () => {
    const world = await inSync(two);
    world.desire(wanted);
    await world.reconcile({ kind: 'desired' });
    await world.event();
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
    expect(world.announcer.told.flatMap(({ events }) => events)[0]?.detail).toMatchObject({
      failures: [{ action: 'create', destination: '10.22.0.0/16', to: 'pcx-cccccccc', remedy: expect.any(String) }],
    });
    world.ec2.scenery.target('pcx-cccccccc');
    await world.event();
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)', 'Route Reconcile Failed (left)']);
  });

  it('is counted when it does not pass by itself, and a second one is not hidden by the first', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteLimitExceeded' } });
    world.desire({ ...two, '10.22.0.0/16': 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('ChangesFailed')).toEqual([1]);
    world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'UnauthorizedOperation' } });
    await world.event(hijack(world));
    expect(world.announcer.values('ChangesFailed')).toEqual([1, 1]);
  });

  it('that passes is no alarm', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RequestLimitExceeded' } });
    world.desire({ ...two, '10.22.0.0/16': 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Failed');
    expect(world.announcer.values('ChangesFailed')).toEqual([]);
  });

  it('of an item that is refused is counted once, and again when it is refused for something else', async () => {
    const world = await inSync(two);
    world.desired.put({ routeTableId, routes: 'none' });
    for (let looks = 0; looks < 2; looks++) await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('InvalidDesired')).toEqual([1]);
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
    world.desired.put({ routeTableId, routes: [], unknown: true });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('InvalidDesired')).toEqual([1, 1]);
  });

  it('of a table that is gone is told', async () => {
    const world = await inSync(two);
    world.ec2.scenery.deleteTable(routeTableId);
    await world.reconcile();
    expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
    expect(world.announcer.values('ChangesFailed')).toEqual([1]);
  });

  it('of a table that is gone and was only watched is no alarm', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.deleteTable(routeTableId);
    await world.reconcile();
    expect(world.status().phase).toBe('Missing');
    expect(world.announcer.values('ChangesFailed')).toEqual([]);
  });
});

it('a contest is told when it begins, with who is at it, and when it is over', async () => {
  const world = await inSync(two);
  for (let round = 0; round < 7; round++) {
    await world.event(hijack(world));
    world.clock.advance(minute);
  }
  expect(world.announcer.values('Contested')).toEqual([1]);
  const contest = world.announcer.told
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

it('deletes that go on waiting are not told again, however many there are and whatever becomes of one', async () => {
  const world = await inSync(two);
  othersRoutes(world, 150);
  await world.reconcile();
  world.ec2.scenery.removeRoute(routeTableId, '10.99.3.0/24');
  await world.reconcile();
  expect(world.announcer.values('PlansBlocked')).toEqual([1]);
});

it('what waits is not told as over while the item is refused, nor while a read after that is in doubt', async () => {
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

it('drift that an edit has put right in another way is told as what was done in the end', async () => {
  const world = await inSync(two);
  world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InternalError' } });
  await world.event(hijack(world));
  world.faults.clear();
  world.clock.advance(minute);
  world.desire({ ...two, '10.20.0.0/16': 'pcx-bbbbbbbb' });
  await world.reconcile({ kind: 'desired' });
  world.clock.advance(minute);
  await world.reconcile({ kind: 'requeue' });
  const healed = world.announcer.told.flatMap(({ events }) => events).at(-1);
  expect(healed).toMatchObject({ type: 'Route Drift Healed' });
  expect(healed?.detail.changes).toEqual([
    { action: 'replace', destination: '10.20.0.0/16', from: 'tgw-aaaaaaaa', to: 'pcx-bbbbbbbb', actor: alice },
  ]);
  expect(world.states.runs(routeTableId).at(-1)?.outcome).toMatchObject([{ action: 'replace', actor: alice }]);
});

describe('a blackhole', () => {
  it('is counted when a target dies, and one that is long known does not hide another', async () => {
    const world = await inSync({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    for (let looks = 0; looks < 3; looks++) await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([1]);
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([1, 2]);
  });

  it('is not told again after its item was refused for a while', async () => {
    const world = await inSync({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    await world.reconcile();
    world.desired.put({ routeTableId, routes: 'none' });
    await world.reconcile({ kind: 'desired' });
    world.desire({ ...two, '10.30.0.0/16': 'nat-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('Blackholes')).toEqual([1]);
  });

  it('is none where a route that works is kept from a target that dropped its traffic', async () => {
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

  it('in a table that is only watched is no alarm either when its item is refused', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await world.reconcile();
    world.desire(two, { mode: 'observe', nonsense: 1 });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.values('Blackholes')).toEqual([]);
  });

  it('in a table that is only watched is counted apart', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await world.reconcile();
    expect(world.announcer.values('Blackholes')).toEqual([]);
    expect(world.announcer.values('BlackholesObserved')).toEqual([2]);
  });
});

describe('drift that a sweep found', () => {
  const found = async (): Promise<InMemoryWorld> => {
    const world = await inSync(two);
    hijack(world);
    await sweepNow(world);
    world.clock.advance(minute);
    await sweepNow(world);
    return world;
  };

  it('is counted as missed by events when none came within 15 minutes, and once', async () => {
    const world = await found();
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([1]);
  });

  it('is not counted when the event came late', async () => {
    const world = await found();
    const time = now.toISOString();
    await world.event({
      id: 'late',
      name: 'ReplaceRoute',
      time,
      actor: alice,
      destination: '10.20.0.0/16',
    });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
    expect(world.status().lastDrift).toMatchObject({ actor: alice, calledAt: time });
  });

  it('is counted when the event of some other call came late, and nobody is named', async () => {
    const world = await found();
    const about = { destination: '10.20.0.0/16', target: 'pcx-bbbbbbbb', actor: alice, time: now.toISOString() };
    await world.event({ id: 'late', name: 'ReplaceRoute', ...about });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([1]);
    expect(world.status().lastDrift).not.toHaveProperty('actor');
  });

  it('is not what a stop of everything shows that was there before it', async () => {
    const world = await inSync(two);
    world.desire(two, { unlisted: 'keep' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Blocked');
    world.orders.put('*', 'stop', { reason: 'incident' });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      await sweepNow(world);
      world.clock.advance(5 * minute);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });

  it('is counted once, though a read in doubt comes in between', async () => {
    const world = await found();
    world.clock.advance(13.8 * minute);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(20 * second);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 30 * second });
    await world.reconcile({ kind: 'requeue' });
    world.clock.advance(minute);
    await world.reconcile({ kind: 'requeue' });
    expect(world.announcer.values('MissedByEvents')).toEqual([1]);
  });

  it('is no drift where an entry of ignore has ended by itself: nobody has called', async () => {
    const world = await inSync(two);
    const until = new Date(world.now().getTime() + 3 * minute).toISOString();
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.desire(two, { ignore: [{ destination: rogue, reason: 'migration', until }] });
    await world.reconcile({ kind: 'desired' });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.events).toEqual(['Route Policy Changed', 'Route Plan Blocked (entered)']);
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });

  it('after an edit that the stream did not tell of is not what an event should have told', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      await sweepNow(world);
      world.clock.advance(5 * minute);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });
});

it('what somebody changed around a table is told with its actor, though nothing is healed', async () => {
  const world = await inSync(two);
  const { now } = world;
  const time = now().toISOString();
  const call = { id: 'event-9', time, actor: alice, notice: 'subnet-aaaaaaaa left the table' };
  await world.event(call);
  // Events come twice.
  await world.event(call);
  expect(world.announcer.told.flatMap(({ events }) => events)).toMatchObject([
    { type: 'Route Table Changed', detail: { notice: 'subnet-aaaaaaaa left the table', actor: alice } },
  ]);
});

it('a sweep tells that it completed, how long it took, and how many tables are not as they should be', async () => {
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

it('a sweep tells how many routes of enforced tables lead nowhere, for as long as they do', async () => {
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

it('tables that stay as they are have no news', async () => {
  const world = await inSync(two);
  for (let looks = 0; looks < 3; looks++) {
    world.clock.advance(minutesAfter(30 * 60).getTime() - now.getTime());
    await world.reconcile();
  }
  expect(world.announcer.told).toEqual([]);
});

it('that EventBridge is away stops no repair, is logged, and is made up for', async () => {
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
  expect(world.announcer.told.flatMap(({ events }) => events)[0]).toEqual(rejected?.[0]);
  expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Drift Healed']);
  expect(world.announcer.values('DriftDetected')).toEqual([1]);
  expect(world.states.stored(routeTableId)).not.toHaveProperty('unsent');
});

describe('an edit that weakens the protection of a table', () => {
  it('is announced once, with old and new, and with a message', async () => {
    const world = await inSync(two);
    world.desire(two, { ignore: [{ target: 'eni-*', reason: 'x' }] });
    await world.reconcile({ kind: 'desired' });
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Policy Changed']);
    expect(world.announcer.told[0]?.events[0]?.detail).toMatchObject({
      weakened: [{ field: 'ignore', old: [], new: ['target eni-*'] }],
      message: { subject: expect.stringContaining(routeTableId), what: 'ignore: nothing → target eni-*' },
    });
  });

  it('is announced when a sweep is the first to see it, and when an invalid item came in between', async () => {
    const world = await inSync(two);
    world.desire(two, { nonsense: 1 });
    await world.reconcile({ kind: 'desired' });
    world.forget();
    world.desire(two, { mode: 'observe' });
    await sweepNow(world);
    expect(world.announcer.events).toContain('Route Policy Changed');
  });

  it('is announced when the item is deleted', async () => {
    const world = await inSync(two);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.told[0]?.events[0]?.detail).toMatchObject({ weakened: [{ field: 'item' }] });
  });
});

describe('an order for one table', () => {
  it('is announced once when it is given, and once when it is removed', async () => {
    const world = await inSync(two);
    world.orders.put(routeTableId, 'pause', { reason: 'maintenance', by: 'alice' });
    await world.reconcile({ kind: 'person' });
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)']);
    expect(world.announcer.told[0]?.events[0]?.detail).toMatchObject({
      order: { kind: 'pause', reason: 'maintenance', by: 'alice' },
      message: { who: 'alice (a claim: the order itself says so)' },
    });
    world.orders.put(routeTableId, 'pause');
    await world.reconcile({ kind: 'person' });
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)', 'Route Order Given (left)']);
  });

  it('is announced when it ends by itself, by the next sweep', async () => {
    const world = await inSync(two);
    const until = new Date(world.now().getTime() + 3 * minute).toISOString();
    world.orders.put(routeTableId, 'holds', { holds: { '10.20.0.0/16': { reason: 'x', until } } });
    await sweepNow(world);
    world.clock.advance(5 * minute);
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)', 'Route Order Given (left)']);
  });

  it('is announced although the item is invalid', async () => {
    const world = await inSync(two);
    world.desire(two, { nonsense: 1 });
    await world.reconcile({ kind: 'desired' });
    world.forget();
    world.orders.put(routeTableId, 'pause', { reason: 'maintenance' });
    await world.reconcile({ kind: 'person' });
    expect(world.announcer.events).toEqual(['Route Order Given (entered)']);
  });

  it('that an approval gives names the routes', async () => {
    const world = await inSync(two);
    const at = world.now().toISOString();
    const until = new Date(world.now().getTime() + 60 * minute).toISOString();
    const routes = [{ destination: rogue, target: 'tgw-aaaaaaaa' }];
    world.orders.put(routeTableId, 'approval', { routes, by: 'alice', at, until, desiredHash: 'a' });
    await world.reconcile({ kind: 'person' });
    expect(world.announcer.told[0]?.events[0]?.detail).toMatchObject({ order: { kind: 'approval', routes } });
  });
});

it('a blackhole is announced with who took the target down, and its end', async () => {
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
  expect(world.announcer.told[0]?.events[0]?.detail).toMatchObject({
    routes: [{ destination: '10.30.0.0/16', target: 'nat-aaaaaaaa', actor: alice }],
  });
});

it('a hijack that is repaired while EventBridge is away is announced when it is back, although the item was deleted meanwhile', async () => {
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

it('events that EventBridge does not take are never dropped silently', async () => {
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
  expect(world.announcer.told.flatMap(({ events }) => events)[0]?.detail).toMatchObject({
    order: { reason: 'round 0' },
  });
});
