import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { rowOf } from '../../reconciler/aws/dynamodb/state-row.ts';
import { itemLimit as limit, itemSize as size } from '../support/dynamodb.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// The runs of a table: what was changed, when, and who caused it.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const bob = { arn: 'arn:aws:iam::111122223333:user/bob' };

describe('a run', () => {
  it('of a function that died is completed by the next one, and its repairs are announced once, with their actor', async () => {
    const { ec2, deadlyEvent, states, announcer, clock, reconcile } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await deadlyEvent({ name: 'DeleteRoute', actor: alice, destination: '10.20.0.0/16' });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(announcer.events).toEqual([]);
    for (let reads = 0; reads < 3; reads++) {
      clock.advance(2 * 60_000);
      await reconcile();
    }
    const change = { action: 'create', destination: '10.20.0.0/16', actor: alice };
    expect(announcer.events).toEqual(['Route Drift Detected', 'Route Drift Healed']);
    expect(announcer.news[0]?.events[0]?.detail.changes).toMatchObject([change]);
    expect(states.runs(routeTableId)).toMatchObject([
      { outcome: [{ ...change, result: 'already' }], verifiedAt: expect.any(String) },
    ]);
    expect(ec2.journal.mutations).toHaveLength(1);
  });

  it('of a function that died after an edit is announced as drift by nobody, also if the table is paused by now', async () => {
    const world = await inSync(two);
    const edited = { ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' };
    world.desire(edited);
    await world.deadlyEvent({ name: 'AssociateRouteTable' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(edited);
    world.desire(two, { paused: { reason: 'maintenance' } });
    world.clock.advance(2 * 60_000);
    await world.reconcile();
    const drift = world.announcer.news
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === 'Route Drift Detected');
    expect(drift.flatMap(({ detail }) => detail.changes)).toMatchObject([{ action: 'replace', to: 'pcx-aaaaaaaa' }]);
  });

  it.each([{}, { paused: { reason: 'maintenance' } }])(
    'of a function that died after an edit is neither drift nor a repair, under %o',
    async (fields) => {
      const world = await inSync(two);
      const edited = { ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' };
      world.desire(edited);
      await world.deadlyEvent({ name: 'AssociateRouteTable' });
      world.desire(edited, fields);
      world.clock.advance(2 * 60_000);
      await world.reconcile();
      expect(world.announcer.events.filter((event) => event !== 'Route Policy Changed')).toEqual([]);
      expect(world.remembered('10.20.0.0/16')).not.toHaveProperty('repairs');
    },
  );

  it('of an edit is not taken for one of a function that died, although that edit was made by a fast clock', async () => {
    const world = await inSync(two);
    world.skewMs = 4_000;
    world.desire({ ...two, '10.22.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.skewMs = 0;
    await world.reconcile();
    world.ec2.scenery.removeRoute(routeTableId, '10.22.0.0/16');
    for (const seconds of [20, 40]) {
      world.clock.advance(seconds * 1_000);
      await world.reconcile();
    }
    expect(world.announcer.events).toContain('Route Drift Detected');
  });

  it('keeps plan, outcome, trigger, actor and times', async () => {
    const { ec2, event, states, faults, clock } = await inSync(two);
    const before = states.stored(routeTableId);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    faults.strike({ action: 'CreateRoute' }, { answersAfterMs: 40 });
    const detectedAt = clock.now().toISOString();
    await event({ id: 'event-1', name: 'DeleteRoute', actor: alice, destination: '10.20.0.0/16' });
    expect(states.runs(routeTableId)).toEqual([
      {
        routeTableId,
        id: expect.stringContaining(detectedAt),
        state: `${before.status.checkedAt}#${before.revision}`,
        trigger: { kind: 'event', id: 'event-1', name: 'DeleteRoute', time: detectedAt },
        actor: alice,
        plan: expect.objectContaining({
          changes: [{ action: 'create', destination: '10.20.0.0/16', to: 'pcx-aaaaaaaa' }],
        }),
        outcome: [
          {
            action: 'create',
            destination: '10.20.0.0/16',
            to: 'pcx-aaaaaaaa',
            result: 'done',
            ms: 40,
            at: clock.now().toISOString(),
            actor: alice,
          },
        ],
        detectedAt,
        appliedAt: clock.now().toISOString(),
      },
    ]);
  });

  it('is stored before its first change', async () => {
    const { ec2, reconcile, states } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    let mutationsThen = -1;
    states.faults = (call) => {
      if (call === 'recordRun' && mutationsThen < 0) mutationsThen = ec2.journal.mutations.length;
    };
    await reconcile();
    expect(mutationsThen).toBe(0);
    expect(states.writes.get('recordRun')).toBe(2);
  });

  it('names an actor only for the destination of their call', async () => {
    const { ec2, event, states } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    await event({ id: 'event-1', name: 'DeleteRoute', actor: alice, destination: '10.20.0.0/16' });
    expect(states.runs(routeTableId)[0]?.outcome).toMatchObject([
      { destination: '10.20.0.0/16', actor: alice },
      { destination: '10.21.0.0/16', actor: 'unattributed' },
    ]);
  });

  it('names nobody if no actor is known', async () => {
    const { ec2, reconcile, states } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile({ kind: 'sweep' });
    const [outcome] = states.runs(routeTableId)[0]?.outcome ?? [];
    expect(outcome).toMatchObject({ actor: 'unattributed' });
  });

  it('distinguishes the changes of two people at the same time', async () => {
    const { ec2, event, states, faults } = await inSync(two);
    // Bob's event arrives while the reconcile for Alice's change runs.
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { answersAfterMs: 100 });
    const first = event({ id: 'event-1', name: 'DeleteRoute', actor: alice, destination: '10.20.0.0/16' });
    await new Promise((resolve) => setImmediate(resolve));
    ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    const second = event({ id: 'event-2', name: 'DeleteRoute', actor: bob, destination: '10.21.0.0/16' });
    expect(await second).toMatchObject({ routeTableId, phase: 'Held' });
    await first;
    const outcomes = states.runs(routeTableId).flatMap(({ outcome }) => outcome);
    expect(outcomes.map(({ destination, actor }) => [destination, actor])).toEqual([
      ['10.20.0.0/16', alice],
      ['10.21.0.0/16', bob],
    ]);
  });

  it('is not stored if there is nothing to do', async () => {
    const { states, event } = await inSync(two);
    await event();
    expect(states.runs(routeTableId)).toEqual([]);
  });
});

describe('history', () => {
  const deletion = (clock: { now: () => Date }) =>
    ({
      name: 'DeleteRoute',
      actor: alice,
      destination: '10.20.0.0/16',
      time: clock.now().toISOString(),
    }) as const;

  it.each([
    ['observed', { mode: 'observe' }, 'Drifted'],
    ['paused', { paused: { reason: 'maintenance' } }, 'Drifted'],
  ])('has one run for drift in a table that is %s', async (_, fields, phase) => {
    const { event, ec2, desire, reconcile, states, clock } = await inSync(two);
    desire(two, fields);
    await reconcile({ kind: 'desired' });
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await event(deletion(clock));
    for (const _ of [1, 2, 3]) {
      clock.advance(5 * 60_000);
      await reconcile();
    }
    expect(states.runs(routeTableId)).toMatchObject([
      {
        phase,
        actor: alice,
        outcome: [{ action: 'create', destination: '10.20.0.0/16', result: 'skipped', actor: alice }],
        plan: { changes: [{ action: 'create', destination: '10.20.0.0/16' }] },
      },
    ]);
  });

  it.each([
    ['wait for a person', {}],
    ['are only reported', { mode: 'observe' }],
  ])('tells in each run of a burst what is new in it, if the routes %s', async (_, fields) => {
    const world = await inSync(two);
    world.desire(two, fields);
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    const burst = Array.from({ length: 130 }, (__, index) => `10.99.${index}.0/24`);
    for (const destination of burst) {
      world.ec2.scenery.route(routeTableId, destination, 'eni-ffffffff');
      world.clock.advance(1_000);
      await world.event({ name: 'CreateRoute', destination, target: 'eni-ffffffff', actor: alice });
    }
    const runs = world.states.runs(routeTableId).filter(({ phase }) => phase !== undefined);
    for (const key of ['changes', 'outcome'] as const)
      expect(
        runs.map((run) => (key === 'changes' ? run.plan.changes : run.outcome).map((one) => one.destination)),
      ).toEqual(burst.map((destination) => [destination]));
    expect(runs.every(({ plan }) => (plan.blocked?.deletes.length ?? 1) === 1)).toBe(true);
    expect(world.status().plan?.changes).toHaveLength(100);
  });

  it('tells in a run that repairs nothing of what waits as before', async () => {
    const world = await inSync(two);
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    for (const index of [0, 1, 2]) world.ec2.scenery.route(routeTableId, `10.99.${index}.0/24`, 'eni-ffffffff');
    await world.reconcile();
    world.clock.advance(60_000);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await world.event(deletion(world.clock));
    expect(world.states.runs(routeTableId).map(({ plan }) => plan.changes.length)).toEqual([3, 1]);
  });

  it('has a run when the table becomes Blocked, Invalid or Missing', async () => {
    const { ec2, desire, desired, reconcile, states, clock } = await inSync(two);
    desire({});
    await reconcile({ kind: 'desired' });
    clock.advance(1_000);
    desired.put({ routeTableId, routes: 'none' });
    await reconcile({ kind: 'desired' });
    clock.advance(1_000);
    desire(two);
    ec2.scenery.deleteTable(routeTableId);
    await reconcile({ kind: 'desired' });
    expect(states.runs(routeTableId).map(({ phase }) => phase)).toEqual(['Blocked', 'Invalid', 'Missing']);
    expect(states.runs(routeTableId)[1]?.plan.findings).toMatchObject([{ code: 'invalid-desired' }]);
  });

  it('has the time of the first read that shows the change', async () => {
    const { event, ec2, reconcile, states, clock } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await event(deletion(clock));
    expect(states.runs(routeTableId)[0]).not.toHaveProperty('verifiedAt');
    clock.advance(60_000);
    await reconcile({ kind: 'requeue' });
    const verifiedAt = clock.now().toISOString();
    clock.advance(60_000);
    await reconcile();
    expect(states.runs(routeTableId)).toMatchObject([{ verifiedAt }]);
  });

  it('is completed by an event that arrives after the repair', async () => {
    const { event, ec2, reconcile, states, clock } = await inSync(two);
    const call = deletion(clock);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    clock.advance(60_000);
    await reconcile({ kind: 'sweep' });
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ actor: 'unattributed' }] }]);
    clock.advance(60_000);
    await event(call);
    expect(states.runs(routeTableId)).toMatchObject([{ actor: alice, outcome: [{ result: 'done', actor: alice }] }]);
  });

  it('is not completed by a call that was made after the repair', async () => {
    const { event, ec2, reconcile, states, clock } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile({ kind: 'sweep' });
    clock.advance(60_000);
    await event(deletion(clock));
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ actor: 'unattributed' }] }]);
  });

  it('is completed in the run that found the drift and in the run that repaired it', async () => {
    const { event, ec2, reconcile, states, clock, faults } = await inSync(two);
    const call = deletion(clock);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    clock.advance(60_000);
    faults.strike({ action: 'CreateRoute', times: 1 }, { refused: { code: 'InvalidVpcPeeringConnectionID.NotFound' } });
    await reconcile({ kind: 'sweep' });
    clock.advance(5 * 60_000);
    await reconcile({ kind: 'sweep' });
    await event(call);
    expect(states.runs(routeTableId).map(({ outcome }) => outcome[0])).toMatchObject([
      { result: 'refused', actor: alice },
      { result: 'done', actor: alice },
    ]);
  });

  it('is not completed by a call that does not explain the drift', async () => {
    const { event, ec2, reconcile, states, clock } = await inSync(two);
    const call = { ...deletion(clock), name: 'ReplaceRoute', target: 'pcx-bbbbbbbb' };
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    clock.advance(60_000);
    await reconcile({ kind: 'sweep' });
    clock.advance(60_000);
    await event(call);
    const [run] = states.runs(routeTableId);
    expect(run).toMatchObject({ outcome: [{ actor: 'unattributed' }] });
    expect(run).not.toHaveProperty('actor');
  });

  it('has the time when a repair was verified, even if the table has another problem', async () => {
    const { event, ec2, desire, reconcile, states, clock } = await inSync(two);
    desire({ ...two, '10.22.0.0/16': 'pcx-cccccccc' });
    await reconcile({ kind: 'desired' });
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await event(deletion(clock));
    clock.advance(60_000);
    await reconcile({ kind: 'requeue' });
    const repair = states.runs(routeTableId).find(({ outcome }) => outcome.some(({ result }) => result === 'done'));
    expect(repair).toMatchObject({ verifiedAt: clock.now().toISOString() });
  });

  it('names nobody for observed drift if the event was about another destination', async () => {
    const { event, ec2, desire, reconcile, states, clock } = await inSync(two);
    desire(two, { mode: 'observe' });
    await reconcile({ kind: 'desired' });
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await event({ ...deletion(clock), destination: '10.77.0.0/16' });
    expect(states.runs(routeTableId)).toMatchObject([
      { outcome: [{ destination: '10.20.0.0/16', result: 'skipped', actor: 'unattributed' }] },
    ]);
  });

  it('names the actor for a repair that needed a second try, too', async () => {
    const { event, ec2, reconcile, states, clock, faults } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    faults.strike({ action: 'CreateRoute', times: 1 }, { refused: { code: 'RequestLimitExceeded' } });
    await event(deletion(clock));
    clock.advance(20_000);
    await reconcile({ kind: 'requeue' });
    expect(states.runs(routeTableId).map(({ outcome }) => outcome[0])).toMatchObject([
      { result: 'refused', actor: alice },
      { result: 'done', actor: alice },
    ]);
  });

  it.each(['twice', 'late'])(
    'does not name the actor of repaired drift for later drift, even if the event arrives %s',
    async (how) => {
      const { event, ec2, reconcile, states, clock } = await inSync(two);
      const call = { ...deletion(clock), id: 'event-1' };
      ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
      clock.advance(2_000);
      await (how === 'twice' ? event(call) : reconcile({ kind: 'sweep' }));
      clock.advance(60_000);
      await reconcile({ kind: 'requeue' });
      await event(call);
      clock.advance(5 * 60_000);
      ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
      await reconcile({ kind: 'sweep' });
      expect(states.runs(routeTableId).map(({ outcome }) => outcome[0]?.actor)).toEqual([alice, 'unattributed']);
    },
  );

  it('names the actor for drift that a sweep finds, if the event arrived before EC2 showed the change', async () => {
    const { event, ec2, reconcile, states, clock } = await inSync(two);
    await event(deletion(clock));
    clock.advance(3 * 60_000);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile({ kind: 'sweep' });
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ actor: alice }] }]);
    // The call is spent, and no event reports the next deletion.
    clock.advance(3 * 60_000);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile({ kind: 'sweep' });
    expect(states.runs(routeTableId)[1]).toMatchObject({ outcome: [{ actor: 'unattributed' }] });
  });
});

it('a run of a hundred changes with twenty possible actors fits in a DynamoDB item', async () => {
  const destinations = Array.from({ length: 100 }, (_, n) => `10.20.${n}.0/24`);
  const world = await inSync(Object.fromEntries(destinations.map((destination) => [destination, 'pcx-aaaaaaaa'])));
  for (const destination of destinations) world.ec2.scenery.route(routeTableId, destination, 'tgw-aaaaaaaa');
  const calls = Array.from({ length: 20 }, (_, n) =>
    world.callOf({
      name: 'ReplaceRoute',
      destination: `10.77.${n}.0/24`,
      actor: { arn: `arn:aws:sts::111122223333:assumed-role/${'r'.repeat(64)}/${n}`, userAgent: 'a'.repeat(1_024) },
    }),
  );
  await world.evidence.keep(calls.map((call) => ({ routeTableId, call })));
  await world.reconcile({ kind: 'sweep' });
  expect(world.states.runs(routeTableId)[0]?.outcome).toHaveLength(100);
  expect(Math.max(...world.states.runs(routeTableId).map(size))).toBeLessThan(limit);
});

describe('the stored state of a table with a thousand routes', () => {
  const coreNetwork = 'arn:aws:networkmanager::111122223333:core-network/core-network-0123456789abcdef0';
  const ipv4 = Array.from({ length: 1_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
  const ipv6 = Array.from(
    { length: 1_000 },
    (_, n) => `2001:db8:abcd:ef01:2345:6789:abcd:${(n + 4096).toString(16)}/128`,
  );

  it.each([
    ['IPv4 routes', ipv4, 'pcx-0123456789abcdef0'],
    ['IPv4 and IPv6 routes through a core network', [...ipv4, ...ipv6], coreNetwork],
  ])('fits in a DynamoDB item: %s', async (_, destinations, target) => {
    const { ec2, desire, reconcile, states, faults, clock } = new InMemoryWorld({ routesPerFamily: 1_000 });
    ec2.scenery.vpc('vpc-aaaaaaaa', { blocks: ['172.31.0.0/16'] });
    ec2.scenery.table(routeTableId);
    ec2.scenery.target(target);
    desire(Object.fromEntries(destinations.map((destination) => [destination, target])));
    // Every second call is rejected with a long message.
    const message = 'A long story about why this route cannot be. '.repeat(10);
    for (const destination of destinations.filter((_, n) => n % 2))
      faults.strike({ naming: destination }, { refused: { code: 'InvalidParameterValue', message } });
    await reconcile();
    expect(ec2.journal.counts['CreateRoute']).toBe(destinations.length);
    expect(size(rowOf(states.stored(routeTableId)))).toBeLessThan(limit);
    expect(Math.max(...states.runs(routeTableId).map(size))).toBeLessThan(limit);
    faults.clear();
    clock.advance(60_000);
    await reconcile({ kind: 'desired' });
    expect(size(rowOf(states.stored(routeTableId)))).toBeLessThan(limit);
  });
});
