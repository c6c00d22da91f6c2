import { describe, expect, it } from 'vitest';
import { plan } from '../../reconciler/core/plan/plan.ts';
import { summaryOf } from '../../reconciler/core/status/status.ts';
import { leaseMs } from '../../reconciler/lease.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { desired, minutesAfter, now, routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Defects that the simulation found. Each test is the shortest history that shows one.

const one = { '10.20.0.0/16': 'pcx-aaaaaaaa' };

describe('a plan', () => {
  it('of a second read is recorded beside the first plan, before its first call', async () => {
    const { ec2, faults, reconcile, states } = await inSync(one);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const somebodyIsFaster = (): void => ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    faults.strike({ action: 'CreateRoute' }, { justBefore: somebodyIsFaster });
    const recorded: string[][] = [];
    faults.strike(
      { action: 'ReplaceRoute' },
      {
        justBefore: () =>
          recorded.push(states.runs(routeTableId).flatMap((run) => run.plan.changes.map(({ action }) => action))),
      },
    );
    await reconcile();
    expect(recorded).toEqual([['create', 'replace']]);
  });

  it('that permits a delete only after a second read is recorded with it, before its call', async () => {
    const { ec2, faults, reconcile, states } = await inSync(one);
    ec2.scenery.route(routeTableId, '100.64.3.0/24', 'eni-bbbbbbbb');
    ec2.scenery.interface('eni-bbbbbbbb');
    await reconcile();
    // The delete waits, because the detached interface may belong to somebody else.
    expect(ec2.journal.lines).toEqual([]);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const attach = (): void => ec2.scenery.interface('eni-bbbbbbbb', { instanceId: 'i-bbbbbbbb' });
    faults.strike({ action: 'CreateRoute', times: 1 }, { lost: 'call' });
    faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { justBefore: attach });
    const recorded: unknown[] = [];
    const note = (): unknown => recorded.push(states.runs(routeTableId).at(-1)?.plan.changes);
    faults.strike({ action: 'DeleteRoute' }, { justBefore: note });
    await reconcile();
    expect(recorded).toEqual([
      [
        { action: 'create', destination: '10.20.0.0/16', to: 'pcx-aaaaaaaa' },
        { action: 'delete', destination: '100.64.3.0/24', from: 'eni-bbbbbbbb' },
      ],
    ]);
  });
});

describe('a write', () => {
  it('is remembered if the item becomes invalid soon after', async () => {
    const { ec2, reconcile, desire, status, remembered } = await inSync(one);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile();
    desire({}, { routes: 'none' });
    await reconcile({ kind: 'desired' });
    expect(status().phase).toBe('Invalid');
    expect(remembered('10.20.0.0/16').written).toMatchObject({ target: 'pcx-aaaaaaaa' });
  });

  it('is not repeated if the next read shows a state from before it', async () => {
    const { ec2, faults, reconcile, desire, clock } = await inSync({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' });
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    clock.advance(5_000);
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'nat-aaaaaaaa');
    desire({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-bbbbbbbb' });
    faults.strike({ action: 'ReplaceRoute', naming: '10.21.0.0/16', times: 1 }, { lost: 'call' });
    faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { staleMs: 12_000 });
    await reconcile({ kind: 'desired' });
    expect(ec2.journal.lines).toEqual([
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
      'ReplaceRoute 10.21.0.0/16 pcx-bbbbbbbb',
    ]);
  });

  it('without an answer stays in doubt if an edit stops its repeat', async () => {
    const { ec2, faults, reconcile, desire, status, remembered } = await inSync(one);
    desire({ '10.20.0.0/16': 'pcx-bbbbbbbb' });
    faults.strike({ action: 'ReplaceRoute', times: 1 }, { lost: 'answer' });
    // Both later reads lag behind that call. The edit comes between the first of them and the repeat.
    const edit = (): void => desire({ '10.20.0.0/16': 'tgw-aaaaaaaa' });
    faults.strike({ action: 'DescribeRouteTables', after: 1, times: 2 }, { staleMs: 12_000, justBefore: edit });
    await reconcile({ kind: 'desired' });
    expect(ec2.journal.lines).toEqual(['ReplaceRoute 10.20.0.0/16 pcx-bbbbbbbb']);
    expect(status().phase).toBe('Verifying');
    expect(remembered('10.20.0.0/16').written).toMatchObject({ target: 'pcx-bbbbbbbb', isUncertain: true });
  });

  it.each(['pcx-bbbbbbbb', 'i-bbbbbbbb'])(
    'without an answer does not count as made when a read may be older than the write of %s before it',
    async (edited) => {
      const { ec2, faults, reconcile, desire, status, clock } = await inSync(one);
      ec2.scenery.target('i-bbbbbbbb');
      clock.advance(60_000);
      desire({ '10.20.0.0/16': edited });
      await reconcile({ kind: 'desired' });
      clock.advance(3_000);
      // The edit is undone. EC2 does not carry out that call, and the next two reads lag behind the call before it.
      desire(one);
      faults.strike({ action: 'ReplaceRoute', times: 1 }, { serverFault: 'not-done' });
      faults.strike({ action: 'DescribeRouteTables', after: 1, times: 2 }, { staleMs: 12_000 });
      await reconcile({ kind: 'desired' });
      clock.advance(5_000);
      await reconcile({ kind: 'requeue' });
      expect(status().phase).toBe('Verifying');
      clock.advance(15_000);
      await reconcile({ kind: 'requeue' });
      expect(ec2.scenery.routesOf(routeTableId)).toEqual(one);
    },
  );

  it('beside a rejected change is verified soon', async () => {
    const { ec2, reconcile, requeue, desire, clock } = await inSync(one);
    ec2.scenery.vanish('tgw-aaaaaaaa');
    desire({ ...one, '10.21.0.0/16': 'tgw-aaaaaaaa', '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await reconcile({ kind: 'desired' });
    expect(requeue.sent.map(({ dueAt }) => dueAt.getTime() - clock.now().getTime())).toEqual([5_000]);
  });
});

describe('a dead target', () => {
  it('is remembered as dead even if the read that shows it is in doubt about another route', async () => {
    const { ec2, event, evidence, callOf, reconcile, desire, memory, clock, now } = await inSync({
      ...one,
      '10.21.0.0/16': 'pcx-aaaaaaaa',
    });
    // The interface is attached to nothing: EC2 accepts it, and the route becomes a blackhole.
    ec2.scenery.interface('eni-bbbbbbbb');
    desire({ '10.20.0.0/16': 'eni-bbbbbbbb', '10.21.0.0/16': 'pcx-bbbbbbbb' });
    await reconcile({ kind: 'desired' });
    ec2.scenery.route(routeTableId, '10.21.0.0/16', 'tgw-aaaaaaaa');
    clock.advance(5_000);
    await reconcile({ kind: 'requeue' });
    expect(memory().doubt).toBeDefined();
    clock.advance(5_000);
    // Somebody restores the working target. The events of both calls end the doubt.
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
    ec2.journal.clear();
    const call = { name: 'ReplaceRoute', time: now().toISOString() };
    await evidence.keep([
      { routeTableId, call: callOf({ ...call, destination: '10.21.0.0/16', target: 'tgw-aaaaaaaa' }) },
    ]);
    await event({ ...call, destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' });
    expect(ec2.journal.lines).toEqual(['ReplaceRoute 10.21.0.0/16 pcx-bbbbbbbb']);
    expect(ec2.scenery.routesOf(routeTableId)).toMatchObject(one);
  });
});

describe('a route whose target we replaced', () => {
  it('is no longer ours with its old target: others restored it', async () => {
    const four = Object.fromEntries([20, 21, 22, 23].map((second) => [`10.${second}.0.0/16`, 'pcx-aaaaaaaa']));
    const { ec2, reconcile, desire, status, clock } = await inSync(four);
    desire({ ...four, '10.20.0.0/16': 'pcx-bbbbbbbb' });
    await reconcile({ kind: 'desired' });
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
    clock.advance(60_000);
    // One route stays listed. Of the other three, two are ours, which is more than maxDeletes. Others restored the third.
    desire({ '10.23.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 1 });
    await reconcile({ kind: 'desired' });
    expect(status().plan?.blocked).toMatchObject({ code: 'too-many-deletes' });
    ec2.scenery.removeRoute(routeTableId, '10.22.0.0/16');
    ec2.journal.clear();
    await reconcile();
    expect(ec2.journal.lines).toEqual(['DeleteRoute 10.21.0.0/16']);
    expect(status().plan?.blocked).toMatchObject({ code: 'first-deletes', deletes: [{ destination: '10.20.0.0/16' }] });
  });
});

describe('deletes held back by the plan of a stale read', () => {
  it('are made after the next read that is believed', async () => {
    const four = Object.fromEntries([20, 21, 22, 23].map((second) => [`10.${second}.0.0/16`, 'pcx-aaaaaaaa']));
    const { ec2, faults, reconcile, desire, status, clock } = await inSync(four);
    const { '10.20.0.0/16': _, ...three } = four;
    desire(three);
    await reconcile({ kind: 'desired' });
    expect(ec2.journal.lines).toEqual(['DeleteRoute 10.20.0.0/16']);
    // The item now lists two routes, both exist, and two of four routes may be deleted. The first read does not show
    // that 10.20.0.0/16 is back, so two of three are too many. The second read shows it, against our own delete.
    desire({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' });
    clock.advance(20_000);
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 11_000 });
    faults.strike({ action: 'CreateRoute', times: 1 }, { serverFault: 'not-done' });
    await reconcile({ kind: 'desired' });
    expect(status().plan?.blocked).toMatchObject({ code: 'too-many-deletes' });
    clock.advance(30_000);
    await reconcile({ kind: 'requeue' });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({
      '10.20.0.0/16': 'pcx-aaaaaaaa',
      '10.21.0.0/16': 'pcx-aaaaaaaa',
    });
  });
});

describe('a contest', () => {
  it('outlasts a reconcile that does not find the table', async () => {
    const { ec2, event, faults, reconcile, clock, status } = await inSync(one);
    const undo = async (): Promise<void> => {
      ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
      await event({ name: 'ReplaceRoute' });
    };
    for (let round = 0; round < 6; round++) {
      await undo();
      clock.advance(5_000);
      await reconcile({ kind: 'requeue' });
      clock.advance(30_000);
    }
    await undo();
    const { contested } = status();
    expect(contested).toMatchObject([{ destination: '10.20.0.0/16', repairs: 6 }]);
    ec2.journal.clear();
    clock.advance(1_000);
    ec2.scenery.deleteTable(routeTableId);
    await reconcile();
    expect(status()).toMatchObject({ phase: 'Missing', contested });
    // A stale read shows the table with the change that others made again.
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 1_000 });
    await event({ name: 'ReplaceRoute' });
    expect(status().phase).toBe('Contested');
    expect(ec2.journal.mutations).toEqual([]);
  });
});

describe('triggers that were left with a dead holder', () => {
  it('are sent to the queue if the next holder fails as well', async () => {
    const world = await inSync(one);
    const { leases, requeue, states, clock, event } = world;
    await leases.take(routeTableId, {
      holder: 'dead',
      now: clock.now(),
      expiresAt: new Date(clock.now().getTime() + leaseMs),
      retakeBefore: new Date(0),
      latestEnd: minutesAfter(10, world.now()),
    });
    await event();
    requeue.sent.length = 0;
    clock.advance(leaseMs);
    states.faults = (call) => {
      if (call === 'read') throw new Error('the store is down');
    };
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await sweep(world, world.invocation());
    expect(requeue.sent).toEqual([{ message: { routeTableId, hop: 1, kinds: ['event'] }, dueAt: clock.now() }]);
  });
});

describe('a sweep', () => {
  it('reconciles a table whose status lists changes that were not tried', async () => {
    const world = await inSync(one);
    const { ec2, states, tables } = world;
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const actual = await tables.read(routeTableId);
    const stored = states.stored(routeTableId);
    const status = actual && { ...stored.status, plan: summaryOf(plan(desired(one), actual, { now })) };
    if (status) await states.write({ ...stored, status, revision: stored.revision + 1 });
    await sweep(world, world.invocation());
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(one);
  });
});

it('a sweep that does not read a table, because its item is invalid, does not vouch for what came meanwhile', async () => {
  const world = await inSync(one);
  const { ec2, clock, lastValid, status } = world;
  world.desire({}, { routes: 'none' });
  // A restore of the table of states may lose the last valid version.
  await lastValid.remove(routeTableId);
  await world.reconcile({ kind: 'desired' });
  ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
  for (let minute = 0; minute < 20; minute += 5) {
    clock.advance(5 * 60_000);
    await sweep(world, world.invocation(), 5 * 60_000);
  }
  expect(status().phase).toBe('Invalid');
  world.desire(one);
  await world.reconcile({ kind: 'desired' });
  expect(ec2.journal.lines).toEqual([]);
  expect(status().plan?.blocked).toMatchObject({ code: 'first-deletes', deletes: [{ destination: '10.99.0.0/16' }] });
});

const found = ({ announcer }: InMemoryWorld): readonly string[] =>
  announcer.news
    .flatMap(({ events }) => events)
    .filter(({ type }) => type === 'Route Drift Detected')
    .flatMap(({ detail }) => detail.changes.map(({ destination }) => destination));

describe('drift', () => {
  it('does not include the changes of an edit that is undone in the middle of its apply', async () => {
    const world = await inSync(one);
    world.desire({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' });
    let asked = 0;
    world.checkpointFaults = () => {
      asked += 1;
      if (asked === 2) world.desire(one);
    };
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.lines).toEqual([]);
    expect(world.status().phase).toBe('InSync');
    expect(found(world)).toEqual([]);
  });

  it('does not include the changes that an edit made before it was undone', async () => {
    const world = await inSync(one);
    world.desire({ '10.20.0.0/16': 'pcx-bbbbbbbb', '10.21.0.0/16': 'pcx-aaaaaaaa' });
    world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { justBefore: () => world.desire(one) });
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.lines).toEqual([
      'ReplaceRoute 10.20.0.0/16 pcx-bbbbbbbb',
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(found(world)).toEqual([]);
  });
});

describe("the drift of a route that looks like a service's whenever its instance runs", () => {
  it('is announced once, and is not over while the route is left alone', async () => {
    const world = await inSync(one);
    const { ec2, clock } = world;
    const listed = { ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' };
    ec2.scenery.tag(routeTableId, { AmazonFSx: 'ManagedByAmazonFSx' });
    ec2.scenery.target('i-cccccccc', { running: false });
    world.desire(listed, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    ec2.scenery.route(routeTableId, '10.21.0.0/16', 'eni-cccccccc');
    await world.event({ name: 'CreateRoute', destination: '10.21.0.0/16', target: 'eni-cccccccc' });
    world.forget();
    for (const running of [true, false, true, false]) {
      clock.advance(60_000);
      ec2.scenery.target('i-cccccccc', { running });
      await world.reconcile();
      expect(world.status().plan?.leftAlone.map(({ reason }) => reason)).toEqual([
        'local',
        ...(running ? ['maybe-not-ours'] : []),
      ]);
    }
    expect(world.announcer.events).not.toContainEqual(expect.stringContaining('Drift'));
    world.desire({ ...one, '10.21.0.0/16': 'eni-cccccccc' }, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.events).toContainEqual(expect.stringContaining('Route Drift Healed'));
  });
});

describe('an edit that removes a route whose repair no read has shown yet', () => {
  it('is no drift, blames nobody, and ends the drift with the delete', async () => {
    const world = await inSync({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' });
    world.ec2.scenery.route(routeTableId, '10.21.0.0/16', 'tgw-aaaaaaaa');
    await world.event();
    expect(found(world)).toEqual(['10.21.0.0/16']);
    world.desire(one);
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(6_000);
    await world.reconcile({ kind: 'requeue' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(one);
    expect(found(world)).toEqual(['10.21.0.0/16']);
    const healed = world.announcer.news
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === 'Route Drift Healed');
    expect(healed.flatMap(({ detail }) => detail.changes)).toMatchObject([
      { action: 'replace', destination: '10.21.0.0/16', from: 'tgw-aaaaaaaa' },
    ]);
  });
});

describe('the last events of a table whose item was deleted', () => {
  it('are sent by the next sweep when EventBridge rejects them', async () => {
    const world = await inSync(one);
    const { ec2, announcer, desired, states, index, reconcile } = world;
    ec2.scenery.foreignInterface('eni-ffffffff');
    ec2.scenery.route(routeTableId, '192.168.7.0/24', 'eni-ffffffff');
    await reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Blocked');
    announcer.faults = () => {
      throw new Error('EventBridge is down');
    };
    desired.delete(routeTableId);
    await reconcile({ kind: 'desired' });
    expect(states.stored(routeTableId).unsent?.events).toMatchObject([
      { type: 'Route Plan Blocked' },
      { type: 'Route Policy Changed' },
    ]);
    announcer.faults = () => {};
    await sweep(world, world.invocation());
    expect(states.stored(routeTableId)).not.toHaveProperty('unsent');
    expect(announcer.events.slice(-2)).toEqual(['Route Plan Blocked (left)', 'Route Policy Changed']);
    await sweep(world, world.invocation());
    expect(await index.tablesUnder('managed')).toEqual([]);
  });
});

it('a repair counts although an edit interrupts it and the next read is in doubt', async () => {
  const world = await inSync({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' });
  const { ec2, clock, faults } = world;
  ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
  clock.advance(60_000);
  const edit = (): void => world.desire({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 3 });
  faults.strike({ action: 'ReplaceRoute', times: 1 }, { justBefore: edit });
  faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { staleMs: 5_000 });
  await world.reconcile({ kind: 'sweep' });
  expect(world.memory().doubt).toBeDefined();
  expect(world.memory().destinations.get('10.20.0.0/16')?.repairs?.at).toHaveLength(1);
});

it('drift that is repaired before an edit stops the apply is announced if a call explains it', async () => {
  const { ec2, event, faults, desire, announcer } = await inSync({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' });
  ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  const justBefore = (): void => desire({ ...one, '10.21.0.0/16': 'pcx-aaaaaaaa', '10.22.0.0/16': 'pcx-aaaaaaaa' });
  ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
  faults.strike({ action: 'ReplaceRoute', times: 1 }, { justBefore });
  const actor = { arn: 'arn:aws:iam::111122223333:user/bob' };
  await event({ name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa', actor });
  const changes = announcer.news.flatMap(({ events }) => events).flatMap(({ detail }) => detail.changes);
  expect(changes).toContainEqual(expect.objectContaining({ destination: '10.20.0.0/16', actor }));
});

const leftAlone = ({ announcer }: InMemoryWorld) =>
  announcer.news
    .flatMap(({ events }) => events)
    .flatMap((event) => (event.type === 'Route Left Alone' ? event.detail.routes : []));

const bob = { arn: 'arn:aws:iam::111122223333:user/bob' };

describe('an edit in the middle of an apply, followed by a read that does not show what was written', () => {
  const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
  const edited = { ...two, '10.21.0.0/16': 'pcx-bbbbbbbb' };

  async function interrupted(): Promise<InMemoryWorld> {
    const world = await inSync(two);
    const { ec2, clock, desire, faults } = world;
    clock.advance(60_000);
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
    clock.advance(10_000);
    desire(edited);
    // The replaces of this item are made. Its delete is not, because the item is edited again.
    faults.strike({ action: 'ReplaceRoute', times: 1 }, { justBefore: () => desire(edited, { unlisted: 'keep' }) });
    faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { staleMs: 5_000 });
    await world.event({
      name: 'ReplaceRoute',
      time: new Date(clock.now().getTime() - 10_000).toISOString(),
      destination: '10.20.0.0/16',
      target: 'tgw-aaaaaaaa',
      actor: bob,
    });
    expect(world.memory().doubt).toBeDefined();
    clock.advance(6_000);
    await world.reconcile({ kind: 'requeue' });
    expect(world.status().phase).toBe('InSync');
    return world;
  }

  it('hides no route that others made and the new item leaves alone', async () => {
    expect(leftAlone(await interrupted())).toMatchObject([
      { destination: '10.99.0.0/16', target: 'tgw-aaaaaaaa', reason: 'unlisted-kept' },
    ]);
  });

  it('hides no drift that was repaired before it, if a call explains that drift', async () => {
    const world = await interrupted();
    expect(found(world)).toEqual(['10.20.0.0/16']);
    expect(world.announcer.events).toContain('Route Drift Healed');
  });
});

describe('others give a route the target of earlier drift again', () => {
  it('and it is announced again, although the route was left alone in between', async () => {
    const world = new InMemoryWorld();
    const { ec2 } = world;
    ec2.scenery.table(routeTableId, { routes: { '10.20.0.0/16': 'tgw-aaaaaaaa' } });
    for (const id of ['pcx-aaaaaaaa', 'tgw-aaaaaaaa']) ec2.scenery.target(id);
    ec2.scenery.foreignInterface('eni-ffffffff');
    world.desire(one, { mode: 'observe' });
    for (const target of ['tgw-aaaaaaaa', 'eni-ffffffff', 'tgw-aaaaaaaa']) {
      ec2.scenery.route(routeTableId, '10.20.0.0/16', target);
      await world.reconcile();
      world.clock.advance(60_000);
    }
    expect(found(world)).toEqual(['10.20.0.0/16', '10.20.0.0/16']);
  });
});

describe('others move a route to the alternate to which our own call may have moved it', () => {
  it('and it is announced if an event reports their call', async () => {
    const world = await inSync(one);
    const { ec2, clock, faults, desire } = world;
    desire({ '10.20.0.0/16': ['pcx-aaaaaaaa', 'tgw-aaaaaaaa'] });
    await world.reconcile({ kind: 'desired' });
    ec2.scenery.vanish('pcx-aaaaaaaa');
    faults.strike({ action: 'ReplaceRoute' }, { serverFault: 'not-done' });
    await world.reconcile();
    expect(world.remembered('10.20.0.0/16').written).toMatchObject({ target: 'tgw-aaaaaaaa', isUncertain: true });
    ec2.scenery.target('pcx-aaaaaaaa');
    await world.reconcile();
    clock.advance(5_000);
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await world.event({ name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa', actor: bob });
    expect(leftAlone(world)).toMatchObject([{ destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa', actor: bob }]);
  });
});

it('a route that others make again after our delete is drift, although its next delete waits for a person', async () => {
  const world = await inSync(one);
  const { ec2, clock } = world;
  ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
  await world.deadlyEvent({ name: 'CreateRoute', destination: '10.99.0.0/16', target: 'tgw-aaaaaaaa' });
  expect(ec2.scenery.routesOf(routeTableId)).toEqual(one);
  ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
  clock.advance(10 * 60_000);
  await world.reconcile();
  expect(world.memory().doubt).toBeDefined();
  clock.advance(6 * 60_000);
  await world.reconcile();
  expect(world.status().plan?.blocked).toMatchObject({ code: 'first-deletes' });
  expect(found(world)).toEqual(['10.99.0.0/16']);
});

describe('a route that was listed, and that a read from before its creation does not show, still waits for approval', () => {
  const both = { ...one, '10.21.0.0/16': 'pcx-aaaaaaaa' };
  const asked = { code: 'first-deletes', deletes: [{ destination: '10.21.0.0/16' }] };

  /** A minute after a stale read, one that shows the present. */
  async function readStaleThenFresh({ clock, faults, reconcile }: InMemoryWorld): Promise<void> {
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 10 * 60_000 });
    await reconcile({ kind: 'desired' });
    clock.advance(60_000);
    await reconcile();
  }

  async function withBoth(): Promise<InMemoryWorld> {
    const world = await inSync(one);
    world.clock.advance(10 * 60_000);
    world.desire(both);
    await world.reconcile({ kind: 'desired' });
    return world;
  }

  it('after its item was deleted and written again without it', async () => {
    const world = await withBoth();
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    world.desire(one);
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(60_000);
    await readStaleThenFresh(world);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(both);
    expect(world.status().plan?.blocked).toMatchObject(asked);
  });

  it('after an edit took it out, although the first read after the edit is the stale one', async () => {
    const world = await withBoth();
    world.clock.advance(60_000);
    await world.reconcile();
    world.clock.advance(60_000);
    world.desire(one, { maxDeletes: 0 });
    await readStaleThenFresh(world);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(both);
    expect(world.status().plan?.blocked).toMatchObject(asked);
  });
});

it('deletes of an edit that are too many still wait after somebody makes another route, which is deleted', async () => {
  const three = { ...one, '10.21.0.0/16': 'pcx-aaaaaaaa', '10.22.0.0/16': 'pcx-aaaaaaaa' };
  const { ec2, event, reconcile, desire, status } = await inSync(three);
  desire(one);
  await reconcile({ kind: 'desired' });
  expect(status().plan?.blocked).toMatchObject({ code: 'too-many-deletes' });
  ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
  await event({ name: 'CreateRoute' });
  expect(ec2.journal.lines).toEqual(['DeleteRoute 10.99.0.0/16']);
  expect(status().plan?.blocked).toMatchObject({ code: 'too-many-deletes' });
});

describe('an edit hides nothing that others changed before the first reconcile that knows it:', () => {
  it.each([
    ['a listed route that leads elsewhere', { '10.20.0.0/16': 'tgw-aaaaaaaa' }],
    ['a new route', { '203.0.113.0/24': 'tgw-aaaaaaaa' }],
  ])('%s is announced, although no event reports it', async (_, made) => {
    const world = await inSync(one);
    world.clock.advance(60_000);
    for (const [destination, target] of Object.entries(made))
      world.ec2.scenery.route(routeTableId, destination, target);
    const edited = { ...one, '10.30.0.0/16': 'tgw-aaaaaaaa' };
    world.desire(edited);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(edited);
    expect(found(world)).toEqual(Object.keys(made));
  });
});

it('a route that appeared is deleted, although the last read becomes 3 minutes old while the reconcile begins', async () => {
  const world = await inSync(one);
  const { ec2, clock } = world;
  await sweep(world, world.invocation(), 5 * 60_000);
  const ageMs = clock.now().getTime() - Date.parse(world.memory().readAt ?? '');
  clock.advance(3 * 60_000 - 10 - ageMs);
  ec2.scenery.route(routeTableId, '203.0.113.0/24', 'tgw-aaaaaaaa');
  world.checkpointFaults = () => clock.advance(20);
  await world.reconcile();
  expect(ec2.scenery.routesOf(routeTableId)).toEqual(one);
});
