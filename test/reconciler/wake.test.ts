import { describe, expect, it } from 'vitest';
import type { ReportedCall } from '../../reconciler/core/memory/call.ts';
import { routeTableId } from '../support/builders.ts';
import { type Call, reconcileConcerned } from '../../reconciler/wake.ts';
import { type CallGiven, InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Some calls name a target, an association or a prefix list instead of the tables that they concern.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };

type TargetCall = Extract<ReportedCall, { about: 'target-up' | 'target-down' }>;

const about = (id: string, given: Partial<TargetCall> = {}) => {
  const call: ReportedCall = {
    id: 'event-1',
    name: 'DeleteVpcPeeringConnection',
    time: '2026-11-23T12:00:00Z',
    actor: alice,
    about: 'target-down',
    ids: [id],
    ...given,
  };
  return { routeTableIds: [], call, others: [{ id, call: { ...call, via: id } }] };
};

/** A call that names its table. */
const named = (...routeTableIds: readonly string[]) => {
  const call = { id: 'event-1', name: 'DeleteRoute', time: '2026-11-23T12:00:00Z', about: 'route' } as const;
  return { routeTableIds, call, others: [] };
};

const concerned = (world: InMemoryWorld, call: Call): Promise<void> =>
  reconcileConcerned(call, world, world.invocation());

const evidenceOf = (world: InMemoryWorld, id = routeTableId) => world.evidence.of(id, new Date(0));

describe('a call about a target', () => {
  it('reconciles a table that has a route to the target: the status shows the blackhole after one event', async () => {
    const world = await inSync(two);
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await concerned(world, about('pcx-aaaaaaaa'));
    expect(world.status().plan?.findings).toMatchObject([{ code: 'blackhole' }, { code: 'blackhole' }]);
    expect(world.status()).toMatchObject({ trigger: { via: 'pcx-aaaaaaaa' }, actor: alice });
  });

  it('reconciles a table that lists the target, and retries the rejected change', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.22.0.0/16': 'tgw-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Failed');
    world.ec2.scenery.target('tgw-bbbbbbbb');
    world.clock.advance(1_000);
    const call = { id: 'event-2', name: 'CreateTransitGatewayVpcAttachment', about: 'target-up' } as const;
    await concerned(world, about('tgw-bbbbbbbb', call));
    expect(world.ec2.scenery.routesOf(routeTableId)).toHaveProperty(['10.22.0.0/16']);
  });

  it('reconciles only tables in the VPC that it names', async () => {
    const world = await inSync(two);
    for (const [id, names] of [
      ['rtb-11111111', ['tgw-aaaaaaaa', 'vpc-11111111']],
      ['rtb-22222222', ['tgw-aaaaaaaa', 'vpc-22222222']],
      ['rtb-33333333', ['vpc-11111111']],
    ] as const)
      await world.index.keep(id, { add: names, remove: [] });
    const looked: unknown[] = [];
    world.leases.faults = (_, id) => void looked.push(id);
    const call = about('tgw-aaaaaaaa');
    await concerned(world, { ...call, others: call.others.map((other) => ({ ...other, within: ['vpc-11111111'] })) });
    expect(new Set(looked)).toEqual(new Set(['rtb-11111111']));
  });

  it('makes no EC2 call if it concerns no managed table', async () => {
    const world = await inSync(two);
    await concerned(world, about('pcx-cccccccc'));
    expect(world.ec2.journal.calls).toEqual([]);
    expect(world.states.writes).toEqual(new Map());
  });

  it('does not concern a table that no longer uses the target, nor one that is no longer managed', async () => {
    const world = await inSync(two);
    expect(await world.index.tablesUnder('pcx-aaaaaaaa')).toEqual([routeTableId]);
    world.desire({ '10.20.0.0/16': 'tgw-aaaaaaaa' }, { maxDeletes: 5 });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(60_000);
    await world.reconcile();
    expect(await world.index.tablesUnder('pcx-aaaaaaaa')).toEqual([]);
    expect(await world.index.tablesUnder('tgw-aaaaaaaa')).toEqual([routeTableId]);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    expect(await world.index.tablesUnder('tgw-aaaaaaaa')).toEqual([]);
    expect(await world.index.tablesUnder('vpc-aaaaaaaa')).toEqual([]);
  });

  it('does not confirm a doubtful read, because it does not describe the table', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    world.clock.advance(5_000);
    await world.reconcile({ kind: 'sweep' });
    const time = world.now().toISOString();
    world.clock.advance(2_000);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 3_000 });
    world.ec2.journal.clear();
    await concerned(world, about('pcx-aaaaaaaa', { time }));
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().phase).toBe('Verifying');
  });

  it('sends most tables to the queue if it concerns many, and keeps evidence for each', async () => {
    const world = new InMemoryWorld();
    const ids = Array.from({ length: 45 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
    for (const id of ids) await world.index.keep(id, { add: ['tgw-aaaaaaaa'], remove: [] });
    await concerned(world, about('tgw-aaaaaaaa'));
    expect(world.requeue.sent).toHaveLength(25);
    expect(world.requeue.sent[0]?.message).toEqual({ routeTableId: ids[20], hop: 0, kinds: ['event'] });
    for (const id of ids) expect(await evidenceOf(world, id)).toMatchObject([{ id: 'event-1', via: 'tgw-aaaaaaaa' }]);
    const seconds = world.requeue.sent.map(({ dueAt }) => (dueAt.getTime() - world.now().getTime()) / 1_000);
    expect(Math.max(...seconds)).toBe(3);
  });

  it('costs nothing for tables that nobody manages, however many it names', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const others = Array.from({ length: 3_000 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
    const asked: string[] = [];
    for (const store of ['index', 'desired', 'leases', 'states', 'evidence'] as const)
      world[store].faults = (call: string, id?: string) => void asked.push(`${store}.${call} ${id ?? ''}`);
    await concerned(world, named(...others, routeTableId));
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    // Two questions about all of them, and none about any of them.
    expect(asked.slice(0, 2)).toEqual(['index.thoseUnder ', 'desired.existing ']);
    expect(asked.filter((call) => others.some((id) => call.endsWith(id)))).toEqual([]);
    expect(asked.length).toBeLessThan(20);
    expect(world.ec2.journal.counts['DescribeRouteTables']).toBe(1);
    expect(world.requeue.sent.filter(({ message }) => message.routeTableId !== routeTableId)).toEqual([]);
  });

  it('of the year 9999 counts as made now: its row expires, and later calls come after it', async () => {
    const world = await inSync(two);
    await concerned(world, about('pcx-aaaaaaaa', { time: '9999-12-31T23:59:59Z' }));
    expect(await evidenceOf(world)).toMatchObject([{ id: 'event-1', time: world.now().toISOString() }]);
    expect(world.status().trigger).toMatchObject({ time: world.now().toISOString() });
  });

  it('that names thousands of ids of one table is kept with 100 of them', async () => {
    const world = await inSync(two);
    const ids = Array.from({ length: 5_000 }, (_, n) => `i-${n.toString(16).padStart(8, '0')}`);
    for (const id of ids) await world.index.keep(routeTableId, { add: [id], remove: [] });
    await concerned(world, { ...about(''), others: ids.flatMap((id) => about(id).others) });
    expect(await evidenceOf(world)).toMatchObject([{ ids: { length: 100 } }]);
  });

  it('reconciles a table once if several of its ids concern it, and keeps one row with all of them', async () => {
    const world = await inSync({ ...two, '10.22.0.0/16': 'tgw-aaaaaaaa' });
    const ids = ['pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'tgw-cccccccc'];
    const others = ids.flatMap((id) => about(id).others);
    await concerned(world, { ...about(''), others });
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    expect(await evidenceOf(world)).toMatchObject([{ about: 'target-down', ids: ['pcx-aaaaaaaa', 'tgw-aaaaaaaa'] }]);
  });

  it('reconciles a table once if it names the table and one of its targets', async () => {
    const world = await inSync(two);
    const call = about('pcx-aaaaaaaa');
    await concerned(world, { ...call, routeTableIds: [routeTableId] });
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
  });
});

describe('evidence of a call', () => {
  it('is kept before the lease is taken, so that a current holder can read it', async () => {
    const world = await inSync(two);
    let keptThen: readonly ReportedCall[] = [];
    world.leases.faults = async (call) => {
      if (call === 'take') keptThen = await evidenceOf(world);
    };
    await concerned(world, named(routeTableId));
    expect(keptThen).toEqual([named().call]);
  });

  it('that cannot be kept fails the invocation before anything is done: Lambda retries it', async () => {
    const world = await inSync(two);
    world.evidence.faults = (call) => {
      if (call === 'keep') throw new Error('the store is down');
    };
    await expect(concerned(world, named(routeTableId))).rejects.toThrow('the store is down');
    expect(world.ec2.journal.calls).toEqual([]);
    world.evidence.faults = () => {};
    await concerned(world, named(routeTableId));
    expect(await evidenceOf(world)).toEqual([named().call]);
  });

  it('is one row, however often its event arrives', async () => {
    const world = await inSync(two);
    for (const _ of [1, 2]) await concerned(world, named(routeTableId));
    expect(await evidenceOf(world)).toHaveLength(1);
  });

  it('is not kept for an unmanaged table', async () => {
    const world = await inSync(two);
    await concerned(world, named('rtb-cccccccc'));
    expect(await evidenceOf(world, 'rtb-cccccccc')).toEqual([]);
  });

  it('is kept for a table that has an item but was never reconciled: the first reconcile reads it', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId);
    world.desire({});
    await concerned(world, named(routeTableId, 'rtb-cccccccc'));
    expect(await evidenceOf(world)).toEqual([named().call]);
    expect(await evidenceOf(world, 'rtb-cccccccc')).toEqual([]);
  });

  it('is no longer kept after the item was deleted', async () => {
    const world = await inSync(two);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired', id: '1', deleted: true });
    await concerned(world, named(routeTableId));
    expect(await evidenceOf(world)).toEqual([]);
  });
});

describe('the index', () => {
  const both = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-bbbbbbbb' };
  const moved = { ...both, '10.21.0.0/16': 'tgw-aaaaaaaa' };
  const dies = async (reconciled: Promise<unknown>): Promise<void> => {
    await expect(reconciled).rejects.toThrow('the function died');
  };
  const die = (): never => {
    throw new Error('the function died');
  };

  it('finds the table under every id that it has, also if the function died between index and state', async () => {
    const world = await inSync(both);
    world.desire(moved);
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(60_000);
    // This read shows the table without its former target.
    world.states.faults = (call) => (call === 'write' ? die() : undefined);
    await dies(world.reconcile());
    world.states.faults = () => {};
    world.desire(both);
    world.clock.advance(60_000);
    await world.reconcile({ kind: 'desired' });
    for (const id of Object.values(both)) expect([id, await world.index.tablesUnder(id)]).toEqual([id, [routeTableId]]);
  });

  it('forgets an id only after a state was written that does not count on it', async () => {
    const world = await inSync(both);
    world.desire(moved);
    const listed: (readonly string[])[] = [];
    world.states.faults = async (call) => {
      if (call === 'write') listed.push(await world.index.tablesUnder('pcx-bbbbbbbb'));
    };
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(60_000);
    await world.reconcile({ kind: 'desired' });
    expect(listed).toEqual([[routeTableId], [routeTableId]]);
    expect(await world.index.tablesUnder('pcx-bbbbbbbb')).toEqual([]);
  });

  it('forgets an id later if the removal failed', async () => {
    const world = await inSync(both);
    world.desire(moved);
    await world.reconcile({ kind: 'desired' });
    const keep = (call: string) => (call === 'keep' ? die() : undefined);
    world.states.faults = async (call) => {
      if (call === 'write') world.index.faults = keep;
    };
    world.clock.advance(60_000);
    await world.reconcile();
    world.states.faults = () => {};
    expect(await world.index.tablesUnder('pcx-bbbbbbbb')).toEqual([routeTableId]);
    world.index.faults = () => {};
    world.clock.advance(60_000);
    await world.reconcile({ kind: 'desired' });
    expect(await world.index.tablesUnder('pcx-bbbbbbbb')).toEqual([]);
  });

  it('finds the table under the instance behind a listed interface, even after the route was moved away', async () => {
    const [destination, eni, instance] = ['10.30.0.0/16', 'eni-bbbbbbbb', 'i-bbbbbbbb'] as const;
    const world = await inSync({ ...two, [destination]: eni });
    world.ec2.scenery.target(instance, { running: false });
    world.ec2.scenery.route(routeTableId, destination, 'tgw-aaaaaaaa');
    await world.reconcile();
    expect(world.status().phase).toBe('Degraded');
    expect(await world.index.tablesUnder(instance)).toEqual([routeTableId]);
  });
});

it('a reconcile goes on if the index cannot be written, and the next one writes it', async () => {
  const world = await inSync(two);
  world.index.faults = () => {
    throw new Error('no answer');
  };
  world.desire({ ...two, '10.22.0.0/16': 'tgw-aaaaaaaa' });
  await world.reconcile({ kind: 'desired' });
  expect(world.status().phase).toBe('Verifying');
  world.index.faults = () => {};
  world.clock.advance(60_000);
  await world.reconcile();
  expect(await world.index.tablesUnder('tgw-aaaaaaaa')).toEqual([routeTableId]);
});

describe('a change to the surroundings of a table', () => {
  const moved = (id = 'event-1'): CallGiven => ({
    id,
    name: 'AssociateRouteTable',
    time: '2026-11-23T12:00:00Z',
    actor: alice,
    notice: 'AssociateRouteTable: subnet-aaaaaaaa uses this table from now on',
  });

  it('is in the history with its actor, although no route drifted', async () => {
    const world = await inSync(two);
    await world.event(moved());
    expect(world.states.runs(routeTableId)).toMatchObject([
      { notice: expect.stringContaining('subnet-aaaaaaaa'), actor: alice, outcome: [], plan: { inSync: true } },
    ]);
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('is in the history once, however often its event arrives', async () => {
    const world = await inSync(two);
    await world.event(moved());
    world.clock.advance(1_000);
    await world.event(moved());
    await world.event(moved('event-2'));
    expect(world.states.runs(routeTableId)).toHaveLength(2);
  });
});
