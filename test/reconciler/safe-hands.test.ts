import { describe, expect, it } from 'vitest';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import { desired as desiredTable, minutesAfter, routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// What people fear most: that the tool deletes what it should not, fights, or cannot be stopped.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const withDefault = { ...two, '0.0.0.0/0': 'nat-aaaaaaaa' };
const rogue = '10.99.0.0/16';
const minute = 60_000;
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };

/** Routes of so many rogues: `10.90.0.0/16`, `10.91.0.0/16`, … */
const rogues = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`10.${n + 90}.0.0/16`, 'tgw-aaaaaaaa']));

const approve = (world: InMemoryWorld, routes: Record<string, string>, deletes: Record<string, string>) =>
  world.orders.put(routeTableId, 'approval', {
    routes: Object.entries(deletes).map(([destination, target]) => ({ destination, target })),
    by: alice.arn,
    at: world.now().toISOString(),
    until: minutesAfter(24 * 60, world.now()).toISOString(),
    desiredHash: desiredHash(desiredTable(routes)),
  });

it('adopting a table with local, endpoint, service and user routes deletes none of them', async () => {
  const { ec2, states, desire, reconcile, status } = new InMemoryWorld();
  const users = { '10.20.0.0/16': 'tgw-aaaaaaaa', [rogue]: 'tgw-aaaaaaaa', '0.0.0.0/0': 'nat-aaaaaaaa' };
  ec2.scenery.table(routeTableId, { routes: users });
  ec2.scenery.target('pcx-aaaaaaaa');
  ec2.scenery.gatewayEndpoint(routeTableId);
  ec2.scenery.foreignInterface('eni-ffffffff');
  ec2.scenery.route(routeTableId, '10.50.0.0/16', 'eni-ffffffff');
  ec2.scenery.lattice(routeTableId);
  desire(two);
  await reconcile({ kind: 'desired' });
  expect(ec2.journal.lines).toEqual([
    'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
    'CreateRoute 10.21.0.0/16 pcx-aaaaaaaa',
  ]);
  const { phase, plan } = status();
  expect(phase).toBe('Blocked');
  expect(plan?.blocked?.deletes).toEqual([
    { destination: '0.0.0.0/0', target: 'nat-aaaaaaaa', code: 'first-deletes' },
    { destination: '10.50.0.0/16', target: 'eni-ffffffff', code: 'maybe-not-ours' },
    { destination: rogue, target: 'tgw-aaaaaaaa', code: 'first-deletes' },
  ]);
  expect(plan?.leftAlone.map(({ reason }) => reason).toSorted()).toEqual(['gateway-endpoint', 'lattice', 'local']);
  expect(states.runs(routeTableId)).toHaveLength(1);
});

describe('an item that forgot 0.0.0.0/0', () => {
  const forgot = async (): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: withDefault });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    return world;
  };

  it('keeps the default route, and tells', async () => {
    const { ec2, status } = await forgot();
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(withDefault);
    expect(status()).toMatchObject({
      phase: 'Blocked',
      plan: { blocked: { deletes: [{ destination: '0.0.0.0/0' }] } },
    });
  });

  it('keeps it for as long as nobody approves, whatever is edited besides', async () => {
    const { ec2, desire, reconcile, clock, status } = await forgot();
    for (const more of ['10.22.0.0/16', '10.23.0.0/16']) {
      desire({ ...two, [more]: 'pcx-aaaaaaaa' });
      await reconcile({ kind: 'desired' });
      clock.advance(minute);
      await reconcile();
      expect(ec2.scenery.routesOf(routeTableId)).toHaveProperty(['0.0.0.0/0']);
      expect(status().phase).toBe('Blocked');
    }
  });
});

it('a default route dropped by an edit stays, and another edit after it does not lift the block', async () => {
  const { ec2, desire, reconcile, clock, status } = await inSync(withDefault);
  desire(two, { maxDeletes: 5 });
  await reconcile({ kind: 'desired' });
  expect(status().plan?.blocked).toMatchObject({ code: 'default-route', deletes: [{ destination: '0.0.0.0/0' }] });
  clock.advance(minute);
  desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 5 });
  await reconcile({ kind: 'desired' });
  expect(ec2.scenery.routesOf(routeTableId)).toEqual({ '10.20.0.0/16': 'pcx-aaaaaaaa', '0.0.0.0/0': 'nat-aaaaaaaa' });
  expect(status().plan?.blocked).toMatchObject({ code: 'default-route', deletes: [{ destination: '0.0.0.0/0' }] });
});

it('from observe to enforce, a backlog of rogue routes waits, and replaces and creates are done', async () => {
  const { event, ec2, desire, reconcile, status } = await inSync(two);
  desire(two, { mode: 'observe' });
  await reconcile({ kind: 'desired' });
  ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
  await event();
  desire(two);
  await reconcile({ kind: 'desired' });
  expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [rogue]: 'tgw-aaaaaaaa' });
  expect(status()).toMatchObject({
    phase: 'Blocked',
    plan: { blocked: { code: 'first-deletes', deletes: [{ destination: rogue }] } },
  });
});

it('an ignore entry that expires deletes nothing of what it covered', async () => {
  const { ec2, desire, reconcile, clock, status } = await inSync(two);
  desire(two, { ignore: [{ destination: rogue, reason: 'a test', until: minutesAfter(30).toISOString() }] });
  ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  await reconcile({ kind: 'desired' });
  expect(status().phase).toBe('InSync');
  clock.advance(31 * minute);
  await reconcile();
  expect(ec2.journal.mutations).toEqual([]);
  expect(status()).toMatchObject({ phase: 'Blocked', plan: { blocked: { deletes: [{ destination: rogue }] } } });
});

it('a route left to its owner by its target is not deleted for being moved to another', async () => {
  const { event, ec2, desire, reconcile, clock, status } = await inSync(two);
  desire(two, { ignore: [{ target: 'eni-*', reason: 'firewall failover' }] });
  ec2.scenery.route(routeTableId, rogue, 'eni-aaaaaaaa');
  await reconcile({ kind: 'desired' });
  clock.advance(minute);
  await reconcile();
  ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  await event();
  expect(ec2.journal.mutations).toEqual([]);
  expect(status()).toMatchObject({
    phase: 'Blocked',
    plan: { blocked: { code: 'first-deletes', deletes: [{ destination: rogue }] } },
  });
});

it('11 rogue routes and a hijacked default route are all repaired: a flood does not stop its own repair', async () => {
  const { ec2, event, status } = await inSync(withDefault);
  for (const [destination, target] of Object.entries(rogues(11))) ec2.scenery.route(routeTableId, destination, target);
  ec2.scenery.route(routeTableId, '0.0.0.0/0', 'tgw-aaaaaaaa');
  await event();
  expect(ec2.scenery.routesOf(routeTableId)).toEqual(withDefault);
  expect(status().plan?.blocked).toBeUndefined();
});

describe('an approval', () => {
  const blocked = async (routes = rogues(3)): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: { ...two, ...routes } });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    return world;
  };

  it('lets just its deletes go, and is spent with them', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    // What comes back while a delete waits for a person was not approved again.
    world.clock.advance(minute);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, '10.90.0.0/16', 'tgw-aaaaaaaa');
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: '10.90.0.0/16' }]);
  });

  it('is spent by deletes that no read has shown yet: the same route made anew at once waits', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    await world.reconcile({ kind: 'person' });
    const time = world.now().toISOString();
    world.ec2.scenery.route(routeTableId, '10.90.0.0/16', 'tgw-aaaaaaaa');
    await world.event({ name: 'CreateRoute', time });
    expect(world.ec2.scenery.routesOf(routeTableId)).toHaveProperty(['10.90.0.0/16']);
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: '10.90.0.0/16' }]);
  });

  it('outlives throttling half-way: the rest goes without asking again', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.faults.strike({ action: 'DeleteRoute', after: 1 }, { refused: { code: 'RequestLimitExceeded' } });
    await world.reconcile({ kind: 'person' });
    expect(Object.keys(world.ec2.scenery.routesOf(routeTableId))).toHaveLength(4);
    world.faults.clear();
    world.clock.advance(5 * minute);
    await world.reconcile();
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('lets each of its routes go, whatever else waits by then', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [rogue]: 'tgw-aaaaaaaa' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: rogue }]);
  });

  it('lets more routes go than maxDeletes says', async () => {
    const world = await blocked(rogues(12));
    approve(world, two, rogues(12));
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('is spent for a route that a read did not show: made anew it waits, and the others go', async () => {
    const world = await blocked();
    world.orders.put('*', 'stop', { reason: 'incident' });
    approve(world, two, rogues(3));
    world.ec2.scenery.removeRoute(routeTableId, '10.90.0.0/16');
    await world.reconcile({ kind: 'person' });
    world.ec2.scenery.route(routeTableId, '10.90.0.0/16', 'tgw-aaaaaaaa');
    world.clock.advance(minute);
    world.orders.put('*', 'stop');
    await world.reconcile();
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, '10.90.0.0/16': 'tgw-aaaaaaaa' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: '10.90.0.0/16' }]);
  });

  it('that is taken back approves nothing', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.orders.put(routeTableId, 'approval');
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('counts as spent where the memory of the table was lost; a new one holds', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.states.lose(routeTableId);
    for (const _ of [1, 2]) await world.reconcile();
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().plan?.blocked?.deletes).toHaveLength(3);
    world.clock.advance(minute);
    approve(world, two, rogues(3));
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('does not come back with an item that was invalid in between', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.desired.put({ routeTableId, routes: 'none' });
    await world.reconcile({ kind: 'desired' });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('does not cover the same destination through another target', async () => {
    const world = await blocked();
    approve(world, two, { ...rogues(3), '10.90.0.0/16': 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'person' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: '10.90.0.0/16' }]);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, '10.90.0.0/16': 'tgw-aaaaaaaa' });
  });

  it('ends with an edit of the item, and after 24 hours', async () => {
    const edited = await blocked();
    approve(edited, two, rogues(3));
    edited.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await edited.reconcile({ kind: 'desired' });
    expect(edited.ec2.journal.lines).toEqual(['CreateRoute 10.22.0.0/16 pcx-aaaaaaaa']);
    const late = await blocked();
    approve(late, two, rogues(3));
    late.clock.advance(24 * 60 * minute);
    await late.reconcile();
    expect(late.ec2.journal.mutations).toEqual([]);
  });

  it('does not come back with an item that was deleted and written again', async () => {
    const world = await blocked();
    world.desired.delete(routeTableId);
    approve(world, two, rogues(3));
    await world.reconcile({ kind: 'desired' });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().phase).toBe('Blocked');
  });
});

describe('a pause by order', () => {
  it('outlives what a pipeline writes', async () => {
    const { ec2, orders, desire, reconcile, status } = await inSync(two);
    orders.put(routeTableId, 'pause', { reason: 'failover test', by: alice.arn });
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await reconcile({ kind: 'desired' });
    expect(ec2.journal.mutations).toEqual([]);
    expect(status()).toMatchObject({
      phase: 'Drifted',
      reason: expect.stringContaining('failover test'),
      pause: { of: 'table', reason: 'failover test', by: alice.arn },
    });
  });

  it('stays visible in the status of a table in sync', async () => {
    const { orders, reconcile, status } = await inSync(two);
    orders.put('*', 'stop', { reason: 'incident' });
    await reconcile();
    expect(status()).toMatchObject({ phase: 'InSync', pause: { of: 'fleet', reason: 'incident' } });
  });

  it('ended: what drifted is healed, what came meanwhile is not deleted without asking', async () => {
    const { ec2, orders, reconcile, status, now, clock } = await inSync(two);
    const pause = { reason: 'maintenance', at: now().toISOString() };
    orders.put(routeTableId, 'pause', pause);
    // Nobody looks while it holds.
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    clock.advance(10 * minute);
    orders.put(routeTableId, 'pause', { ...pause, until: now().toISOString() });
    await reconcile();
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [rogue]: 'tgw-aaaaaaaa' });
    expect(status()).toMatchObject({ phase: 'Blocked', plan: { blocked: { deletes: [{ destination: rogue }] } } });
    expect(status()).not.toHaveProperty('pause');
  });
});

describe('a stop that came and went between two looks', () => {
  const endedNow = (world: InMemoryWorld) => ({ reason: 'incident', until: world.now().toISOString() });

  it('put by hand like one before it, has what came meanwhile wait', async () => {
    const world = await inSync(two);
    world.orders.put('*', 'stop', endedNow(world));
    for (const _ of [1, 2]) {
      await world.reconcile();
      world.clock.advance(minute);
    }
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.orders.put('*', 'stop', endedNow(world));
    world.clock.advance(1_000);
    await world.reconcile();
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status()).toMatchObject({
      phase: 'Blocked',
      plan: { blocked: { deletes: [{ destination: rogue }] } },
    });
  });

  it('as a pause in the item that only a look saw whose read was in doubt', async () => {
    const { ec2, desire, reconcile, clock, faults, status } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    clock.advance(5_000);
    await reconcile();
    clock.advance(2_000);
    desire(two, { paused: { reason: 'maintenance' } });
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 4_000 });
    await reconcile({ kind: 'desired' });
    expect(status().phase).toBe('Verifying');
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    desire(two);
    clock.advance(minute);
    await reconcile({ kind: 'desired' });
    expect(ec2.scenery.routesOf(routeTableId)).toHaveProperty([rogue]);
    expect(status().phase).toBe('Blocked');
  });

  it('as a pause in the item, too', async () => {
    const world = await inSync(two);
    world.desire(two, { paused: endedNow(world) });
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.clock.advance(minute);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().phase).toBe('Blocked');
  });
});

describe('a hold', () => {
  const hold = (world: InMemoryWorld, destination: string, fields: object = {}) =>
    world.orders.put(routeTableId, 'holds', { holds: { [destination]: { reason: 'failover test', ...fields } } });

  it('leaves a listed destination as it is, and the others are repaired', async () => {
    const world = await inSync(two);
    hold(world, '10.20.0.7/16');
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.journal.lines).toEqual(['CreateRoute 10.21.0.0/16 pcx-aaaaaaaa']);
    world.clock.advance(minute);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await world.reconcile();
    expect(world.ec2.journal.mutations).toHaveLength(1);
    expect(world.status()).toMatchObject({
      phase: 'InSync',
      plan: { findings: [{ code: 'ignored-until', message: '10.20.0.0/16 is held: failover test' }] },
    });
  });

  it('ended: what is listed is repaired, what came meanwhile is not deleted without asking', async () => {
    const world = await inSync(two);
    const until = minutesAfter(10, world.now()).toISOString();
    world.orders.put(routeTableId, 'holds', { holds: { [rogue]: { until }, '10.20.0.0/16': { until } } });
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    // Nobody looks while it is active.
    world.clock.advance(10 * minute);
    await world.reconcile();
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [rogue]: 'tgw-aaaaaaaa' });
    expect(world.status()).toMatchObject({
      phase: 'Blocked',
      plan: { blocked: { deletes: [{ destination: rogue }] } },
    });
  });

  it('holds back a delete that was approved', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: { ...two, [rogue]: 'tgw-aaaaaaaa' } });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    approve(world, two, { [rogue]: 'tgw-aaaaaaaa' });
    hold(world, rogue);
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().plan?.leftAlone).toContainEqual({
      destination: rogue,
      target: 'tgw-aaaaaaaa',
      reason: 'held',
    });
  });

  it('takes effect in the middle of an apply', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    const justBefore = () => hold(world, '10.21.0.0/16');
    world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { justBefore });
    await world.event();
    expect(world.ec2.journal.lines).toEqual(['ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa']);
  });

  it('does not end that a route was ours: an edit under it has the route deleted afterwards', async () => {
    const world = await inSync({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    hold(world, '10.22.0.0/16', { until: minutesAfter(10, world.now()).toISOString() });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.mutations).toEqual([]);
    world.clock.advance(10 * minute);
    await world.reconcile();
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });
});

it('a stop during an apply: no further phase begins, and nothing waits to be resumed by accident', async () => {
  const { event, ec2, orders, reconcile, status, faults, clock } = await inSync(two);
  ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
  ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  faults.strike(
    { action: 'ReplaceRoute', times: 1 },
    { justBefore: () => orders.put('*', 'stop', { reason: 'incident' }) },
  );
  await event();
  expect(ec2.journal.lines).toEqual(['ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa']);
  clock.advance(minute);
  await reconcile();
  expect(ec2.journal.lines).toHaveLength(1);
  expect(status()).toMatchObject({ phase: 'Drifted', reason: expect.stringContaining('all tables are stopped') });
});

it('an item deleted and written again deletes nothing that it did not make', async () => {
  const { ec2, desired, desire, reconcile, status } = await inSync(two);
  desired.delete(routeTableId);
  await reconcile({ kind: 'desired' });
  ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
  await reconcile({ kind: 'desired' });
  expect(ec2.journal.mutations).toEqual([]);
  expect(status()).toMatchObject({
    phase: 'Blocked',
    plan: { blocked: { deletes: [{ destination: '10.21.0.0/16' }, { destination: rogue }] } },
  });
});

it('a route that a service moves between its interfaces is never changed: its delete waits', async () => {
  const { ec2, event, status, clock } = await inSync(two);
  for (const eni of ['eni-eeeeeeee', 'eni-ffffffff', 'eni-eeeeeeee']) {
    ec2.scenery.foreignInterface(eni);
    ec2.scenery.route(routeTableId, '10.50.0.0/16', eni);
    await event();
    ec2.scenery.detach(eni);
    clock.advance(minute);
    await event();
  }
  expect(ec2.journal.mutations).toEqual([]);
  expect(status()).toMatchObject({ phase: 'Blocked', plan: { blocked: { code: 'maybe-not-ours' } } });
});

describe('others who undo what we heal', () => {
  const fight = async (world: InMemoryWorld, rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
      const time = world.now().toISOString();
      await world.event({ name: 'ReplaceRoute', actor: alice, destination: '10.20.0.0/16', time });
      world.clock.advance(minute / 2);
      await world.reconcile();
    }
  };

  it('are told by name once a destination was healed more than 5 times in half an hour', async () => {
    const world = await inSync(two);
    await fight(world, 5);
    expect(world.status().phase).not.toBe('Contested');
    await fight(world, 1);
    expect(world.status()).toMatchObject({
      phase: 'Contested',
      reason: expect.stringContaining(alice.arn),
      contested: [{ destination: '10.20.0.0/16', by: [alice] }],
    });
  });

  it('are given way to ever longer, and no event shortens that; other routes are healed as usual', async () => {
    const world = await inSync(two);
    await fight(world, 6);
    world.forget();
    // Two minutes of waiting are due after the next heal: four more attempts of theirs are left as they are.
    await fight(world, 6);
    expect(world.ec2.journal.lines.length).toBeLessThanOrEqual(2);
    world.forget();
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    await world.event();
    expect(world.ec2.journal.lines).toEqual(['CreateRoute 10.21.0.0/16 pcx-aaaaaaaa']);
    expect(world.status().phase).toBe('Contested');
  });

  it('are not looked at again before there is something to do, when the heal itself was refused', async () => {
    const world = await inSync(two);
    await fight(world, 6);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'IncorrectState' } });
    world.clock.advance(2 * minute);
    await world.reconcile();
    const { nextRetry, failures } = world.status();
    expect(failures).toHaveLength(1);
    expect(nextRetry).toBe(failures[0]?.nextRetry);
  });

  it('are given way to on every route, be it one of hundreds', async () => {
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, n) => [`10.${n + 1}.0.0/16`, 'pcx-aaaaaaaa']));
    const world = await inSync(many);
    const undo = async (): Promise<void> => {
      for (const destination of Object.keys(many)) world.ec2.scenery.route(routeTableId, destination, 'tgw-aaaaaaaa');
      await world.event({ name: 'ReplaceRoute', time: world.now().toISOString() });
      world.clock.advance(minute / 2);
    };
    for (let round = 0; round < 6; round++) await undo();
    world.forget();
    await undo();
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('are forgotten once it was quiet for an hour', async () => {
    const world = await inSync(two);
    await fight(world, 6);
    world.clock.advance(59 * minute);
    await world.reconcile();
    expect(world.status().phase).toBe('Contested');
    world.clock.advance(2 * minute);
    await world.reconcile();
    expect(world.status().phase).toBe('InSync');
    expect(world.status()).not.toHaveProperty('contested');
  });

  it('are forgotten when the route is edited', async () => {
    const world = await inSync(two);
    await fight(world, 6);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.status().phase).toBe('InSync');
  });

  it('are not seen in edits, however many', async () => {
    const world = await inSync(two);
    for (let edit = 0; edit < 12; edit++) {
      world.desire({ ...two, '10.20.0.0/16': edit % 2 ? 'tgw-aaaaaaaa' : 'pcx-bbbbbbbb' });
      await world.reconcile({ kind: 'desired' });
      world.clock.advance(minute / 2);
    }
    await world.reconcile();
    expect(world.status().phase).toBe('InSync');
  });
});

describe('EC2 answering nothing but faults of its own', () => {
  /** A route was changed once, and the calls that put it right end in faults for so long. */
  const outage = async (minutes: number): Promise<{ world: InMemoryWorld; phases: string[] }> => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.faults.strike({ action: 'ReplaceRoute' }, { serverFault: 'not-done' });
    const time = world.now().toISOString();
    const phases: string[] = [];
    await world.event({ name: 'ReplaceRoute', actor: alice, destination: '10.20.0.0/16', time });
    for (const end = minutesAfter(minutes, world.now()); world.now() < end;) {
      phases.push(world.status().phase);
      world.clock.advance(Math.max(1_000, Date.parse(world.status().nextRetry ?? '') - world.now().getTime()));
      await world.reconcile({ kind: 'requeue' });
    }
    world.faults.clear();
    return { world, phases };
  };

  it('makes no contest of one change by others, and is told as one failure', async () => {
    const { world, phases } = await outage(15);
    expect(world.status()).not.toHaveProperty('contested');
    expect(new Set(phases)).toEqual(new Set(['Failed']));
    expect(world.announcer.values('Contested')).toEqual([]);
  });

  it('does not put off the heal once it is well again', async () => {
    const { world } = await outage(8);
    world.clock.advance(31_000);
    await world.event();
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('hides no fight: what a read shows to be healed counts', async () => {
    const world = await inSync(two);
    world.faults.strike({ action: 'ReplaceRoute' }, { serverFault: 'done' });
    for (let round = 0; round < 6; round++) {
      world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
      await world.event({ name: 'ReplaceRoute', time: world.now().toISOString() });
      world.clock.advance(minute / 2);
      await world.reconcile();
    }
    expect(world.status().phase).toBe('Contested');
  });
});

describe('a write whose answer was lost, and that a stale read does not show', () => {
  const lost = async (): Promise<InMemoryWorld> => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'pcx-bbbbbbbb' });
    world.faults.strike({ action: 'ReplaceRoute' }, { serverFault: 'done' });
    world.faults.strike({ action: 'DescribeRouteTables' }, { staleMs: minute / 2 });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(5_000);
    return world;
  };

  it('is not taken for InSync when the item went back meanwhile', async () => {
    const world = await lost();
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Verifying');
    world.faults.clear();
    world.clock.advance(10_000);
    await world.reconcile({ kind: 'requeue' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });
});

it('a NAT gateway replaced by another tool within a minute: told, and healed as soon as it is there', async () => {
  const { event, ec2, desire, reconcile, status, clock } = await inSync(withDefault);
  ec2.scenery.vanish('nat-aaaaaaaa');
  await event({ name: 'DeleteNatGateway', via: 'nat-aaaaaaaa' });
  expect(status().plan?.findings).toMatchObject([{ code: 'blackhole', destination: '0.0.0.0/0' }]);
  clock.advance(minute / 2);
  // The item names the new gateway before EC2 has it ready.
  desire({ ...two, '0.0.0.0/0': 'nat-bbbbbbbb' });
  await reconcile({ kind: 'desired' });
  expect(status()).toMatchObject({ phase: 'Failed', failures: [{ destination: '0.0.0.0/0', action: 'replace' }] });
  ec2.scenery.target('nat-bbbbbbbb');
  clock.advance(1_000);
  await event({ name: 'CreateNatGateway', via: 'nat-bbbbbbbb' });
  expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, '0.0.0.0/0': 'nat-bbbbbbbb' });
});
