import { describe, expect, it } from 'vitest';
import { nothingLeft } from '../../reconciler/core/memory/trigger.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { minutesAfter, routeTableId } from '../support/builders.ts';
import { type CallGiven, type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Each reported call is kept in a row of its table. The next reconcile of the table uses it.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const second = 1_000;
const minute = 60 * second;

/** Keeps a reported call, as an invocation does that dies before it takes the lease. */
const keptOnly = (world: InMemoryWorld, given: CallGiven) =>
  world.evidence.keep([{ routeTableId, call: world.callOf(given) }]);

const notice = 'AssociateRouteTable: subnet-aaaaaaaa uses this table from now on';
const moved: CallGiven = { id: 'event-1', name: 'AssociateRouteTable', actor: alice, notice };

const deletion: CallGiven = { name: 'DeleteRoute', actor: alice, destination: '10.20.0.0/16' };

describe('a call whose own invocation died', () => {
  it('is used by the next reconcile, whatever starts it', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await keptOnly(world, { ...deletion, id: 'event-1' });
    await world.reconcile({ kind: 'sweep' });
    expect(world.states.runs(routeTableId)).toMatchObject([
      { trigger: { kind: 'event', id: 'event-1', name: 'DeleteRoute' }, actor: alice, outcome: [{ actor: alice }] },
    ]);
  });

  it('is announced once, by the next reconcile, if it changed the surroundings of the table', async () => {
    const world = await inSync(two);
    const time = world.now().toISOString();
    await keptOnly(world, { ...moved, time });
    await world.reconcile({ kind: 'sweep' });
    await world.event({ ...moved, time });
    await world.reconcile({ kind: 'sweep' });
    expect(world.announcer.events).toEqual(['Route Table Changed']);
    expect(world.states.runs(routeTableId)).toMatchObject([{ notice, actor: alice }]);
  });

  it('is read by the requeue, whose message does not contain it', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await keptOnly(world, deletion);
    const message = { routeTableId, hop: 0, kinds: ['event'] } as const;
    await reconcileAgain(message, 'message-1', world, world.invocation());
    expect(world.status()).toMatchObject({ trigger: { kind: 'event', name: 'DeleteRoute' }, actor: alice });
  });
});

it.each([
  ['an edit and retries rejected changes', { kinds: ['desired'] as const }, 'InSync'],
  ['a due time alone and does not', {}, 'Failed'],
])('a message says that it was sent because of %s', async (_, left, phase) => {
  const world = await inSync(two);
  world.desire({ ...two, '10.22.0.0/16': 'tgw-bbbbbbbb' });
  await world.reconcile({ kind: 'desired' });
  world.ec2.scenery.target('tgw-bbbbbbbb');
  const message = { routeTableId, hop: 0, ...left };
  for (const id of ['message-1', 'message-2']) {
    world.clock.advance(6 * second);
    await reconcileAgain(message, id, world, world.invocation());
  }
  expect(world.status().phase).toBe(phase);
});

describe('a call is new', () => {
  it('until a status that includes it is written: if that write fails, the next reconcile announces it', async () => {
    const world = await inSync(two);
    const time = world.now().toISOString();
    world.states.faults = (call) => {
      if (call === 'write') throw new Error('the store is down');
    };
    await expect(world.event({ ...moved, time })).rejects.toThrow('the store is down');
    expect(world.announcer.events).toEqual([]);
    world.states.faults = () => {};
    await world.event({ ...moved, time });
    expect(world.announcer.events).toEqual(['Route Table Changed']);
  });

  it('even if it was made before the known ones', async () => {
    const world = await inSync(two);
    const earlier = new Date(world.now().getTime() - 60 * minute).toISOString();
    await world.event(moved);
    await world.event({ ...moved, id: 'event-2', time: earlier });
    expect(world.announcer.events).toEqual(['Route Table Changed', 'Route Table Changed']);
  });

  it('once, even for the reconcile of a deleted item', async () => {
    const world = await inSync(two);
    await keptOnly(world, moved);
    await world.reconcile({ kind: 'desired', id: '1', deleted: true });
    const changes = () => world.announcer.events.filter((event) => event === 'Route Table Changed');
    expect(changes()).toHaveLength(1);
    await world.reconcile();
    expect(changes()).toHaveLength(1);
  });

  it('for at most a day, after which it is forgotten without a write', async () => {
    const world = await inSync(two);
    await world.event(moved);
    const [first] = world.memory().callsSeen ?? [];
    world.clock.advance(12 * 60 * minute);
    await world.event();
    expect(world.memory().callsSeen).toEqual([expect.any(String), first]);
    world.clock.advance(13 * 60 * minute);
    const { revision } = world.states.stored(routeTableId);
    await world.reconcile();
    expect(world.states.stored(routeTableId).revision).toBe(revision);
    await world.event();
    expect(world.memory().callsSeen).not.toContain(first);
    expect(world.announcer.events).toEqual(['Route Table Changed']);
  });
});

it('a new route call confirms one doubtful read, not two', async () => {
  const world = await inSync(two);
  world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
  await world.reconcile();
  world.clock.advance(second);
  const call = { ...deletion, id: 'event-1', time: world.now().toISOString() };
  world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
  await world.event(call);
  expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
  await world.event(call);
  expect(world.memory().doubt).toBeDefined();
  await world.event({ ...call, id: 'event-2', via: 'pcx-aaaaaaaa' });
  expect(world.memory().doubt).toBeDefined();
  world.clock.advance(second);
  await world.event({ ...call, id: 'event-3', time: world.now().toISOString() });
  expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
});

it('drift for which the status has no room is found once, however long its calls are kept', async () => {
  const destinations = Array.from({ length: 150 }, (_, n) => `10.20.${n}.0/24`);
  const world = await inSync(Object.fromEntries(destinations.map((destination) => [destination, 'pcx-aaaaaaaa'])));
  for (const destination of destinations) world.ec2.scenery.route(routeTableId, destination, 'tgw-aaaaaaaa');
  world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InvalidParameterValue' } });
  const calls = destinations.map((destination) =>
    world.callOf({ name: 'ReplaceRoute', destination, target: 'tgw-aaaaaaaa', actor: alice }),
  );
  await world.evidence.keep(calls.map((call) => ({ routeTableId, call })));
  for (let looks = 0; looks < 3; looks++) {
    await world.reconcile({ kind: 'requeue' });
    world.clock.advance(minute);
  }
  expect(world.announcer.values('DriftDetected')).toEqual([150]);
});

it('a reconcile fails if it cannot read the evidence: it must not miss a call', async () => {
  const world = await inSync(two);
  world.evidence.faults = (call) => {
    if (call === 'of') throw new Error('no answer');
  };
  await expect(world.event()).rejects.toThrow('no answer');
  expect(world.ec2.journal.calls).toEqual([]);
});

it('a sweep does not reconcile a table only for its new calls', async () => {
  const world = await inSync(two);
  await keptOnly(world, moved);
  world.forget();
  await sweep(world, world.invocation());
  expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
  expect(world.announcer.events).toEqual([]);
});

it('an invocation leaves kinds of triggers and deletions with the holder of a lease, but no calls', async () => {
  const world = await inSync(two);
  const claim = {
    holder: 'one',
    now: world.now(),
    retakeBefore: world.now(),
    latestEnd: minutesAfter(10, world.now()),
  };
  await world.leases.take(routeTableId, { ...claim, expiresAt: new Date(world.now().getTime() + minute) });
  await world.event(deletion);
  await world.reconcile({ kind: 'desired', id: '7', deleted: true });
  expect(await world.leases.drop(routeTableId, 'one', [])).toEqual({
    kinds: ['event', 'desired'],
    deletions: ['7'],
    hop: 0,
  });
  expect(await world.leases.drop(routeTableId, 'one', [])).toEqual(nothingLeft);
});
