import { describe, expect, it } from 'vitest';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { desired as desiredTable, minutesAfter, routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// The tool deletes nothing that it should not, gives way in a fight, and can always be stopped.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const withDefault = { ...two, '0.0.0.0/0': 'nat-aaaaaaaa' };
const rogue = '10.99.0.0/16';
const minute = 60_000;
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };

/** `count` rogue routes: `10.90.0.0/16`, `10.91.0.0/16`, … */
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

it('the adoption of a table deletes none of its local, endpoint, service and user routes', async () => {
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

describe('an item that does not list the existing default route', () => {
  const forgot = async (): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: withDefault });
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    return world;
  };

  it('keeps the default route, and reports it', async () => {
    const { ec2, status } = await forgot();
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(withDefault);
    expect(status()).toMatchObject({
      phase: 'Blocked',
      plan: { blocked: { deletes: [{ destination: '0.0.0.0/0' }] } },
    });
  });

  it('keeps it until a person approves the delete, whatever else is edited', async () => {
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

it('a default route that an edit removes stays, and a second edit does not lift the block', async () => {
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

it('when an observed table becomes enforced, deletes of rogue routes wait, and replaces and creates are made', async () => {
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

it('routes under an ignore entry are not deleted when it expires', async () => {
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

it('a route that is ignored by its target is not deleted after it moves to another target', async () => {
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

it('a flood does not stop its own repair: 11 rogue routes and a hijacked default route are all repaired', async () => {
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

  it('permits only its deletes, and is spent with them', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    // The route returns, and the approval does not cover it a second time.
    world.clock.advance(minute);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, '10.90.0.0/16', 'tgw-aaaaaaaa');
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: '10.90.0.0/16' }]);
  });

  it('is spent by deletes that no read has shown yet: if the route returns at once, its delete waits', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    await world.reconcile({ kind: 'person' });
    world.clock.advance(1_000);
    world.ec2.scenery.route(routeTableId, '10.90.0.0/16', 'tgw-aaaaaaaa');
    await world.event({ name: 'CreateRoute', destination: '10.90.0.0/16', target: 'tgw-aaaaaaaa' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toHaveProperty(['10.90.0.0/16']);
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: '10.90.0.0/16' }]);
  });

  it('outlives throttling: the remaining deletes are made later without a new approval', async () => {
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

  it('permits each of its deletes, even if another delete waits now', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [rogue]: 'tgw-aaaaaaaa' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: rogue }]);
  });

  it('permits more deletes than maxDeletes', async () => {
    const world = await blocked(rogues(12));
    approve(world, two, rogues(12));
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('is spent for a route that a read did not show: if the route returns, its delete waits, and the others are made', async () => {
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

  it('that is withdrawn permits nothing', async () => {
    const world = await blocked();
    approve(world, two, rogues(3));
    world.orders.put(routeTableId, 'approval');
    await world.reconcile({ kind: 'person' });
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('counts as spent if the memory of the table was lost, and a new one is valid', async () => {
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

  it('does not return after the item was invalid', async () => {
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

  it('ends with an edit of the item, or after 24 hours', async () => {
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

  it('does not return after the item was deleted and written again', async () => {
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
  it('outlives an edit by a pipeline', async () => {
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

  it('lets drift be repaired when it ends, but deletes of routes that came meanwhile wait', async () => {
    const { ec2, orders, reconcile, status, now, clock } = await inSync(two);
    const pause = { reason: 'maintenance', at: now().toISOString() };
    orders.put(routeTableId, 'pause', pause);
    // No reconcile comes while it is active.
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

describe('a stop or pause that starts and ends between two reconciles', () => {
  const endedNow = (world: InMemoryWorld) => ({ reason: 'incident', until: world.now().toISOString() });

  it('makes deletes of routes that came meanwhile wait, even if its order equals an earlier one', async () => {
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

  it('makes them wait if a doubtful read came in between', async () => {
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

  it('makes them wait if it is a pause in the item', async () => {
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

  it('leaves its destination as it is, and others are repaired', async () => {
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

  it('lets a listed route be repaired when it ends, but deletes of routes that came meanwhile wait', async () => {
    const world = await inSync(two);
    const until = minutesAfter(10, world.now()).toISOString();
    world.orders.put(routeTableId, 'holds', { holds: { [rogue]: { until }, '10.20.0.0/16': { until } } });
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    // No reconcile comes while it is active.
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

  it('keeps a route ours: if an edit removes it meanwhile, it is deleted when the hold ends', async () => {
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

it('a stop during an apply lets no further phase begin, and the apply does not resume by itself', async () => {
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

it('an item that is deleted and written again deletes no route that others made meanwhile', async () => {
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

it('a route that a service moves between its interfaces is never changed, and its delete waits', async () => {
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

describe('a destination whose repairs others undo', () => {
  const fight = async (world: InMemoryWorld, rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
      const time = world.now().toISOString();
      await world.event({ name: 'ReplaceRoute', actor: alice, destination: '10.20.0.0/16', time });
      world.clock.advance(minute / 2);
      await world.reconcile();
    }
  };

  it('is Contested after more than 5 repairs in half an hour, and the status names the actors', async () => {
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

  it('is repaired after longer and longer waits, which no event shortens, and other routes are repaired as usual', async () => {
    const world = await inSync(two);
    await fight(world, 6);
    world.forget();
    // After the next repair, 2 minutes must pass: the next four changes by others stay.
    await fight(world, 6);
    expect(world.ec2.journal.lines.length).toBeLessThanOrEqual(2);
    world.forget();
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    await world.event();
    expect(world.ec2.journal.lines).toEqual(['CreateRoute 10.21.0.0/16 pcx-aaaaaaaa']);
    expect(world.status().phase).toBe('Contested');
  });

  it('is not read again before the retry of a rejected repair is due', async () => {
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

  it('is left alone while it waits, even if hundreds are contested', async () => {
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

  it('is no longer Contested after a quiet hour', async () => {
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

  it('is no longer Contested when an edit changes its target', async () => {
    const world = await inSync(two);
    await fight(world, 6);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.status().phase).toBe('InSync');
  });

  it('is not Contested because of edits, however many', async () => {
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

describe('server faults of EC2', () => {
  /** Somebody changes a route once, and its repairs end in server faults for some minutes. */
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

  it('do not turn one change by others into a contest: the table is Failed', async () => {
    const { world, phases } = await outage(15);
    expect(world.status()).not.toHaveProperty('contested');
    expect(new Set(phases)).toEqual(new Set(['Failed']));
    expect(world.announcer.values('Contested')).toEqual([]);
  });

  it('do not delay the repair beyond the next sweep after EC2 works again', async () => {
    const { world } = await outage(8);
    world.clock.advance(1_000);
    await sweep(world, world.invocation());
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('do not hide a fight: a repair counts if a read shows it', async () => {
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

describe('a write whose answer was lost and that a stale read does not show', () => {
  const lost = async (): Promise<InMemoryWorld> => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'pcx-bbbbbbbb' });
    world.faults.strike({ action: 'ReplaceRoute' }, { serverFault: 'done' });
    world.faults.strike({ action: 'DescribeRouteTables' }, { staleMs: minute / 2 });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(5_000);
    return world;
  };

  it('does not lead to InSync if the item was edited back meanwhile', async () => {
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

it('a NAT gateway that another tool replaces is reported as a blackhole, and used as soon as EC2 accepts the new one', async () => {
  const { event, ec2, desire, reconcile, status, clock } = await inSync(withDefault);
  ec2.scenery.vanish('nat-aaaaaaaa');
  await event({ name: 'DeleteNatGateway', via: 'nat-aaaaaaaa' });
  expect(status().plan?.findings).toMatchObject([{ code: 'blackhole', destination: '0.0.0.0/0' }]);
  clock.advance(minute / 2);
  // The item lists the new gateway before EC2 accepts it.
  desire({ ...two, '0.0.0.0/0': 'nat-bbbbbbbb' });
  await reconcile({ kind: 'desired' });
  expect(status()).toMatchObject({ phase: 'Failed', failures: [{ destination: '0.0.0.0/0', action: 'replace' }] });
  ec2.scenery.target('nat-bbbbbbbb');
  clock.advance(1_000);
  await event({ name: 'CreateNatGateway', via: 'nat-bbbbbbbb', cameUp: ['nat-bbbbbbbb'] });
  expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, '0.0.0.0/0': 'nat-bbbbbbbb' });
});
