import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// When a reconcile reads, and what it does not do if a read fails or is too old.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const rogue = '10.99.0.0/16';

const failing = (name: string) => (call: string) => {
  if (call === name) throw new Error(`${name} failed`);
};

describe('a read that fails', () => {
  it('of the table fails the reconcile, which changes and writes nothing', async () => {
    const { ec2, faults, reconcile, states } = await inSync(two);
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    faults.strike({ action: 'DescribeRouteTables' }, { serverFault: 'not-done' });
    await expect(reconcile()).rejects.toThrow('An internal error has occurred.');
    expect(ec2.journal.mutations).toEqual([]);
    expect([...states.writes]).toEqual([]);
  });

  it('of the desired item fails the reconcile, which makes no EC2 call', async () => {
    const { ec2, desired, reconcile } = await inSync(two);
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    desired.faults = failing('read');
    await expect(reconcile()).rejects.toThrow('read failed');
    expect(ec2.journal.calls).toEqual([]);
  });

  it('of the state fails the reconcile, which changes nothing', async () => {
    const { ec2, states, reconcile } = await inSync(two);
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    states.faults = failing('read');
    await expect(reconcile()).rejects.toThrow('read failed');
    expect(ec2.journal.mutations).toEqual([]);
  });

  it('of a later checkpoint prevents every further change', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    let checkpoints = 0;
    world.checkpointFaults = (call) => {
      if (++checkpoints > 1) failing('checkpoint')(call);
    };
    await world.reconcile();
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().phase).toBe('Verifying');
  });

  it('of a later checkpoint delays the rest of the plan by seconds, even if EC2 rejected its first change', async () => {
    const world = await inSync(two);
    const [destination = ''] = Object.keys(two);
    world.ec2.scenery.route(routeTableId, destination, 'tgw-bbbbbbbb');
    world.ec2.scenery.removeRoute(routeTableId, Object.keys(two)[1] ?? '');
    world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { refused: { code: 'InvalidParameterValue' } });
    let checkpoints = 0;
    world.checkpointFaults = (call) => {
      if (++checkpoints > 2) failing('checkpoint')(call);
    };
    await world.reconcile();
    expect(world.ec2.journal.mutations.map(({ action }) => action)).toEqual(['ReplaceRoute']);
    expect(world.status().phase).toBe('Failed');
    expect(Date.parse(world.status().nextRetry ?? '') - world.clock.now().getTime()).toBeLessThanOrEqual(6_000);
  });

  it('of the first checkpoint fails the reconcile, which changes and writes nothing', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    world.checkpointFaults = failing('checkpoint');
    await expect(world.reconcile()).rejects.toThrow('checkpoint failed');
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.states.writes).toEqual(new Map());
  });

  it('of the table in the middle of an apply keeps the outcomes so far, and the table is read again later', async () => {
    const { ec2, faults, reconcile, status, states, requeue, clock } = await inSync(two);
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    faults.strike({ action: 'DeleteRoute', times: 1 }, { serverFault: 'done' });
    faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { serverFault: 'not-done' });
    await reconcile();
    expect(states.runs(routeTableId).at(-1)?.outcome).toMatchObject([
      { action: 'replace', result: 'done' },
      { action: 'delete', result: 'unknown', code: 'InternalError' },
    ]);
    expect(requeue.sent).toHaveLength(1);
    clock.advance(60_000);
    await reconcile({ kind: 'requeue' });
    expect(status().phase).toBe('InSync');
  });

  it('gives up the lease', async () => {
    const { faults, leases, reconcile } = await inSync(two);
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { serverFault: 'not-done' });
    await expect(reconcile()).rejects.toThrow();
    expect(leases.holder(routeTableId)).toBeUndefined();
  });
});

describe('a write that fails', () => {
  it('of the plan prevents every change', async () => {
    const { ec2, states, reconcile } = await inSync(two);
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    states.faults = failing('recordRun');
    await expect(reconcile()).rejects.toThrow('recordRun failed');
    expect(ec2.journal.mutations).toEqual([]);
  });

  it('of the status fails the reconcile, and the next one makes up for it', async () => {
    const { ec2, states, reconcile, status, clock } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    states.faults = failing('write');
    await expect(reconcile()).rejects.toThrow('write failed');
    states.faults = () => {};
    ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    clock.advance(60_000);
    await reconcile();
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(status().phase).toBe('Verifying');
  });
});

describe('a read that is old', () => {
  const hundred = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`10.1.${n}.0/24`, 'pcx-aaaaaaaa']));

  it('is not used: after 10 s the table is read again', async () => {
    const { ec2, desire, faults, reconcile } = await inSync(two);
    desire({ ...two, ...hundred });
    faults.strike({ action: 'CreateRoute' }, { answersAfterMs: 900 });
    await reconcile();
    const reads = ec2.journal.calls.filter(({ action }) => action === 'DescribeRouteTables');
    for (const { calledAt } of ec2.journal.mutations) {
      const read = reads.findLast((read) => read.calledAt <= calledAt);
      expect(calledAt.getTime() - (read?.calledAt.getTime() ?? 0)).toBeLessThan(10_000);
    }
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, ...hundred });
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 3, DescribeTargets: 3, CreateRoute: 100 });
  });

  it('has the age of its request, not of its answer', async () => {
    const { ec2, faults, reconcile } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { answersAfterMs: 11_000 });
    await reconcile();
    expect(ec2.journal.calls.map(({ action }) => action)).toEqual([
      'DescribeRouteTables',
      'DescribeTargets',
      'DescribeRouteTables',
      'DescribeTargets',
      'CreateRoute',
    ]);
  });

  it('that does not show our last write leads to no change', async () => {
    const { ec2, clock, faults, reconcile, status } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    clock.advance(10_000);
    await reconcile();
    ec2.journal.clear();
    clock.advance(5_000);
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 6_000 });
    await reconcile({ kind: 'requeue' });
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    expect(status()).toMatchObject({ phase: 'Verifying', nextRetry: expect.any(String) });
    clock.advance(11_000);
    await reconcile({ kind: 'requeue' });
    expect(ec2.journal.mutations).toEqual([]);
    expect(status().phase).toBe('InSync');
  });

  it('is not confirmed by a tag call, which says nothing about routes', async () => {
    const { event, ec2, clock, faults, reconcile, now } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    clock.advance(10_000);
    await reconcile();
    ec2.journal.clear();
    clock.advance(5_000);
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 6_000 });
    await event({ name: 'CreateTags', time: now().toISOString() });
    expect(ec2.journal.mutations).toEqual([]);
  });

  it('is believed when 30 s have passed since our write', async () => {
    const { ec2, clock, reconcile, status } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile();
    clock.advance(5_000);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    for (const waitMs of [11_000, 13_000]) {
      await reconcile({ kind: 'requeue' });
      expect(ec2.scenery.routesOf(routeTableId)).not.toEqual(two);
      clock.advance(waitMs);
    }
    clock.advance(1_000);
    await reconcile({ kind: 'requeue' });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(status().phase).toBe('Verifying');
  });
});

describe('an invocation that runs out of time', () => {
  it('stops between two calls, and the next reconcile does the rest', async () => {
    const hundred = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`10.1.${n}.0/24`, 'pcx-aaaaaaaa']));
    const { ec2, desire, faults, reconcile, status, clock, now } = await inSync(two);
    desire({ ...two, ...hundred });
    faults.strike({ action: 'CreateRoute' }, { answersAfterMs: 500 });
    const until = now().getTime() + 5_000;
    await reconcile({ kind: 'desired' }, routeTableId, 5);
    const done = ec2.journal.mutations.length;
    expect(done).toBe(40);
    expect(ec2.journal.calls.filter(({ calledAt }) => calledAt.getTime() >= until)).toEqual([]);
    expect(status()).toMatchObject({ phase: 'Verifying', reason: 'the plan is applied in part: the rest follows' });
    clock.advance(5_000);
    await reconcile({ kind: 'requeue' });
    expect(ec2.journal.mutations).toHaveLength(100);
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, ...hundred });
  });

  it('changes nothing if its time is over before the first call', async () => {
    const { ec2, reconcile, status } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile({ kind: 'sweep' }, routeTableId, 0);
    expect(ec2.journal.mutations).toEqual([]);
    expect(status().phase).toBe('Verifying');
  });
});

it('a doubtful read is not confirmed by a call that says nothing about routes', async () => {
  const world = await inSync(two);
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  world.clock.advance(60_000);
  await world.event({ name: 'ReplaceRoute' });
  world.clock.advance(2_000);
  world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 10_000 });
  await world.event({ name: 'AssociateRouteTable', time: world.now().toISOString() });
  expect(world.ec2.journal.counts['ReplaceRoute']).toBe(1);
  expect(world.memory().doubt).toBeDefined();
});

/** Follows the messages of the queue for this many seconds. */
async function follow(world: InMemoryWorld, seconds: number): Promise<void> {
  const end = world.now().getTime() + seconds * 1_000;
  for (;;) {
    const [next] = world.requeue.sent.splice(0).toSorted((one, other) => one.dueAt.getTime() - other.dueAt.getTime());
    const dueAt = next?.dueAt.getTime() ?? Infinity;
    world.clock.advance(Math.max(0, Math.min(dueAt, end) - world.now().getTime()));
    if (dueAt > end) return;
    await world.reconcile({ kind: 'requeue' });
  }
}

/** Lets all reads show the table as it is now, for ever. */
function freezeReads({ faults, now }: InMemoryWorld): void {
  const frozenAt = now().getTime();
  const fate = {};
  Object.defineProperty(fate, 'staleMs', { enumerable: true, get: () => now().getTime() - frozenAt });
  faults.strike({ action: 'DescribeRouteTables' }, fate);
}

/** The second of a time, as CloudTrail reports it. */
const secondOf = (time: Date): string => new Date(Math.floor(time.getTime() / 1_000) * 1_000).toISOString();

const announced = ({ announcer }: InMemoryWorld): readonly string[] =>
  announcer.news.flatMap(({ events }) => events.map(({ type }) => type));

describe('a reported call', () => {
  const hijack = { name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa' };

  it('whose effect the first read does not show is repaired after 10 s', async () => {
    const world = await inSync(two);
    world.clock.advance(5_000);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 1_000 });
    await world.event(hijack);
    expect(world.ec2.journal.mutations).toEqual([]);
    await follow(world, 10);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('that came while no item was in force is repaired 10 s after the first read, if that does not show it', async () => {
    const world = await inSync(two);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired', id: '1', deleted: true });
    world.clock.advance(5_000);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    await world.event(hijack);
    world.desire(two);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 1_000 });
    await world.reconcile({ kind: 'desired', id: '2' });
    expect(world.status().phase).toBe('InSync');
    await follow(world, 10);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it.each([
    ['that had no effect', hijack],
    ['that asked for what already stands there', { ...hijack, target: 'pcx-aaaaaaaa' }],
    [
      'that took down a target which no route shows as down',
      { name: 'DeleteVpcPeeringConnection', tookDown: ['pcx-aaaaaaaa'] },
    ],
  ])('%s leads to one more read at most', async (_, call) => {
    const world = await inSync(two);
    await world.event(call);
    await follow(world, 240);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.ec2.journal.counts['DescribeRouteTables']).toBeLessThanOrEqual(2);
  });

  it('that undid an edit just before we repaired another route is repaired within 30 s of the repair', async () => {
    const world = await inSync(two);
    const edited = { ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' };
    world.desire(edited);
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(5_000);
    await world.reconcile({ kind: 'requeue' });
    world.clock.advance(5_000);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    const justBefore = (): void => world.ec2.scenery.removeRoute(routeTableId, '10.22.0.0/16');
    world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { justBefore });
    await world.event(hijack);
    const undone = { name: 'DeleteRoute', destination: '10.22.0.0/16', time: secondOf(world.now()) };
    world.clock.advance(1_000);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 3_000 });
    world.requeue.sent.length = 0;
    await world.event(undone);
    expect(world.status().phase).toBe('InSync');
    await follow(world, 29);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(edited);
  });

  it('that is repaired is verified, and read no more', async () => {
    const world = await inSync(two);
    world.clock.advance(5_000);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    await world.event(hijack);
    await follow(world, 240);
    expect(world.ec2.journal.counts).toMatchObject({ DescribeRouteTables: 2, ReplaceRoute: 1 });
  });

  it('that comes twice leads to one more read', async () => {
    const world = await inSync(two);
    const call = { ...hijack, id: 'call-1', time: world.now().toISOString() };
    await world.event(call);
    await world.event(call);
    await follow(world, 240);
    expect(world.ec2.journal.counts['DescribeRouteTables']).toBe(3);
  });

  it('older than 2 minutes leads to no more reads', async () => {
    const world = await inSync(two);
    await world.event({ ...hijack, time: new Date(world.now().getTime() - 120_000).toISOString() });
    await follow(world, 240);
    expect(world.ec2.journal.counts['DescribeRouteTables']).toBe(1);
  });

  it('is no answer to a write that we made knowing it, although our clock was late', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    world.clock.advance(2_000);
    const time = new Date(world.now().getTime() + 3_000).toISOString();
    await world.event({ ...hijack, time });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    world.forget();
    world.clock.advance(5_000);
    world.faults.strike({ action: 'DescribeRouteTables' }, { staleMs: 6_000 });
    await world.reconcile();
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.memory().doubt).toBe(true);
  });

  it('of the second of our write, which undoes it, is repaired at once', async () => {
    const world = await inSync(two);
    const undo = async (): Promise<void> => {
      world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
      await world.event({ ...hijack, time: secondOf(world.now()) });
    };
    await undo();
    world.clock.advance(200);
    await undo();
    expect(world.ec2.journal.counts).toMatchObject({ ReplaceRoute: 2 });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(world.announcer.values('DriftDetected')).toEqual([1, 1]);
  });

  it('of the second of our write, which repaired it before the event came, does not confirm a stale read', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    const time = secondOf(world.now());
    world.clock.advance(200);
    await world.reconcile();
    world.clock.advance(3_000);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 3_100 });
    await world.event({ ...hijack, time });
    expect(world.ec2.journal.counts).toMatchObject({ DescribeRouteTables: 2, ReplaceRoute: 1 });
    expect(world.memory().doubt).toBe(true);
    expect(world.announcer.values('DriftDetected')).toEqual([1]);
  });

  it('that a read in between does not show either is read for all the same', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    world.faults.strike({ action: 'DescribeRouteTables', times: 2 }, { staleMs: 6_000 });
    await world.event(hijack);
    world.clock.advance(5_000);
    // It verifies something else, or another event came.
    await world.reconcile();
    await follow(world, 10);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('that a doubtful read could not show is read for once more when reads are believed again', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    world.clock.advance(3_000);
    await world.reconcile();
    world.clock.advance(5_000);
    world.ec2.scenery.route(routeTableId, hijack.destination, hijack.target);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 6_000 });
    await world.event(hijack);
    expect(world.memory().doubt).toBe(true);
    world.clock.advance(6_000);
    world.faults.clear();
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 8_000 });
    world.requeue.sent.length = 0;
    await world.reconcile({ kind: 'requeue' });
    expect(world.status().phase).toBe('InSync');
    await follow(world, 10);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });
});

describe('while reads lag for 20 minutes', () => {
  const repairs: readonly [string, (world: InMemoryWorld) => void, string][] = [
    ['a create', ({ ec2 }) => ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16'), 'CreateRoute'],
    ['a replace', ({ ec2 }) => ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa'), 'ReplaceRoute'],
    ['a delete', ({ ec2 }) => ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa'), 'DeleteRoute'],
  ];

  it.each(repairs)(
    '%s is repeated 6 times at most, is announced once and contests nothing',
    async (_, drift, action) => {
      const world = await inSync(two);
      drift(world);
      world.clock.advance(60_000);
      world.forget();
      freezeReads(world);
      world.clock.advance(1_000);
      await world.reconcile();
      for (let minute = 0; minute < 20; minute += 5) {
        await follow(world, 300);
        await world.reconcile({ kind: 'sweep' });
        expect(world.status().contested).toBeUndefined();
        expect(world.status().phase).toBe('Verifying');
      }
      expect(world.ec2.journal.mutations.length).toBeGreaterThan(1);
      expect(world.ec2.journal.mutations.length).toBeLessThanOrEqual(6);
      expect(new Set(world.ec2.journal.mutations.map((one) => one.action))).toEqual(new Set([action]));
      expect(announced(world)).toEqual(['Route Drift Detected']);
      expect(world.ec2.journal.counts['DescribeRouteTables']).toBeLessThan(60);
      world.faults.clear();
      await world.reconcile({ kind: 'sweep' });
      expect(world.status().phase).toBe('InSync');
      expect(world.memory().lag).toBeUndefined();
      expect(announced(world)).toEqual(['Route Drift Detected', 'Route Drift Healed']);
    },
  );

  it('the status says what is waited for, and until when', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    freezeReads(world);
    world.clock.advance(1_000);
    await world.reconcile();
    await follow(world, 40);
    const wroteAt = world.memory().lastWriteAt ?? '';
    const until = new Date(Date.parse(wroteAt) + 60_000).toISOString();
    expect(world.status()).toMatchObject({ phase: 'Verifying' });
    expect(world.status().reason).toBe(
      `reads do not show 10.20.0.0/16 via pcx-aaaaaaaa, last written at ${wroteAt}: they decide nothing before ${until}, unless an event reports that others changed it again; reads have lagged since ${world.memory().lag?.since}`,
    );
  });

  it('what others really undo is repaired when the time is over, and at once if an event reports it', async () => {
    const world = await inSync(two);
    const undo = (): void => world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    undo();
    freezeReads(world);
    world.clock.advance(1_000);
    await world.reconcile();
    world.clock.advance(5_000);
    undo();
    await follow(world, 30);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    undo();
    world.clock.advance(5_000);
    await world.event({ name: 'DeleteRoute', destination: '10.20.0.0/16' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('an edit waits for 30 s at most', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    freezeReads(world);
    world.clock.advance(1_000);
    await world.reconcile();
    await follow(world, 100);
    expect(world.memory().lag?.waitMs).toBeGreaterThan(60_000);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    await follow(world, 30);
    expect(world.ec2.scenery.routesOf(routeTableId)).toHaveProperty(['10.22.0.0/16'], 'pcx-aaaaaaaa');
  });

  it('a delete that a person approved is neither repeated nor asked for again', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: { ...two, [rogue]: 'tgw-aaaaaaaa' } });
    for (const id of ['pcx-aaaaaaaa', 'tgw-aaaaaaaa']) world.ec2.scenery.target(id);
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().plan?.blocked?.deletes).toMatchObject([{ destination: rogue }]);
    world.clock.advance(60_000);
    world.orders.put(routeTableId, 'approval', {
      routes: [{ destination: rogue, target: 'tgw-aaaaaaaa' }],
      by: 'alice',
      at: world.now().toISOString(),
      until: new Date(world.now().getTime() + 3_600_000).toISOString(),
      desiredHash: world.memory().desiredHash,
    });
    world.forget();
    freezeReads(world);
    world.clock.advance(1_000);
    await world.reconcile({ kind: 'desired' });
    for (let minute = 0; minute < 14; minute++) {
      await follow(world, 60);
      await world.reconcile({ kind: 'sweep' });
      expect(world.status()).toMatchObject({ phase: 'Verifying' });
    }
    expect(world.ec2.journal.lines).toEqual([`DeleteRoute ${rogue}`]);
    expect(world.announcer.events).not.toContain('Route Plan Blocked (entered)');
  });
});

describe('the writes of a function that died before it wrote its status', () => {
  it('are known from its run: a stale read does not repeat them', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    freezeReads(world);
    world.clock.advance(1_000);
    world.states.faults = failing('write');
    await expect(world.reconcile()).rejects.toThrow('write failed');
    world.states.faults = () => {};
    world.clock.advance(5_000);
    await world.reconcile();
    expect(world.ec2.journal.mutations).toHaveLength(1);
    expect(world.status().phase).toBe('Verifying');
  });

  it('are known to be shown if a read has shown them: undoing them is drift, however late it is seen', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    world.states.faults = failing('write');
    await expect(world.reconcile()).rejects.toThrow('write failed');
    world.states.faults = () => {};
    world.clock.advance(1_000);
    await world.reconcile();
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    world.announcer.news.length = 0;
    world.clock.advance(60_000);
    await world.reconcile();
    expect(world.announcer.values('DriftDetected')).toEqual([1]);
  });

  it('are known from its run after an edit, too', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    freezeReads(world);
    world.clock.advance(1_000);
    world.states.faults = failing('write');
    await expect(world.reconcile({ kind: 'desired' })).rejects.toThrow('write failed');
    world.states.faults = () => {};
    world.clock.advance(5_000);
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.mutations).toHaveLength(1);
  });
});
