import { describe, expect, it } from 'vitest';
import { reconcileConcerned } from '../../reconciler/concerned.ts';
import type { Trigger } from '../../reconciler/core/trigger.ts';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Calls that name a target, an association or a prefix list, and not the tables they concern.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };

const about = (id: string, more: Partial<Trigger> = {}) => {
  const trigger = { kind: 'event', id: 'event-1', name: 'DeleteVpcPeeringConnection', actor: alice, ...more } as const;
  return { routeTableIds: [], trigger, others: [{ id, trigger: { ...trigger, via: id } }] };
};

const concerned = (world: InMemoryWorld, call: Parameters<typeof reconcileConcerned>[0]): Promise<void> =>
  reconcileConcerned(call, world, world.invocation());

describe('a call about a target', () => {
  it('has a table that leads to it looked at: a blackhole is told within one event', async () => {
    const world = await inSync(two);
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await concerned(world, about('pcx-aaaaaaaa'));
    expect(world.status().plan?.findings).toMatchObject([{ code: 'blackhole' }, { code: 'blackhole' }]);
    expect(world.status()).toMatchObject({ trigger: { via: 'pcx-aaaaaaaa' }, actor: alice });
  });

  it('has a table looked at that should lead to it: what was refused is tried again', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.22.0.0/16': 'tgw-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Failed');
    world.ec2.scenery.target('tgw-bbbbbbbb');
    world.clock.advance(1_000);
    await concerned(world, about('tgw-bbbbbbbb'));
    expect(world.ec2.scenery.routesOf(routeTableId)).toHaveProperty(['10.22.0.0/16']);
  });

  it('that names a VPC as well has only the tables of that VPC looked at', async () => {
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

  it('asks nothing of EC2 when it concerns no managed table', async () => {
    const world = await inSync(two);
    await concerned(world, about('pcx-cccccccc'));
    expect(world.ec2.journal.calls).toEqual([]);
    expect(world.states.writes).toEqual(new Map());
  });

  it('no longer concerns a table that let go of it, nor one that is not managed any more', async () => {
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

  it('does not make a read believed that may be stale, as it says nothing of the table', async () => {
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

  it('that concerns very many tables leaves most of them to the queue, and says why they are looked at', async () => {
    const world = new InMemoryWorld();
    const ids = Array.from({ length: 45 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
    for (const id of ids) await world.index.keep(id, { add: ['tgw-aaaaaaaa'], remove: [] });
    await concerned(world, about('tgw-aaaaaaaa'));
    expect(world.requeue.sent).toHaveLength(25);
    expect(world.requeue.sent[0]?.message.triggers).toMatchObject([{ kind: 'event', via: 'tgw-aaaaaaaa' }]);
    const seconds = world.requeue.sent.map(({ dueAt }) => (dueAt.getTime() - world.now().getTime()) / 1_000);
    expect(Math.max(...seconds)).toBe(3);
  });

  it('looks once at a table that is known by several of its ids, and tells which of them came up', async () => {
    const world = await inSync({ ...two, '10.22.0.0/16': 'tgw-aaaaaaaa' });
    const ids = ['pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'tgw-cccccccc'];
    const others = ids.flatMap((id) => about(id, { cameUp: [id] }).others);
    await concerned(world, { ...about(''), others });
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await concerned(world, { ...about(''), others });
    expect(world.status().trigger.cameUp).toEqual(['pcx-aaaaaaaa', 'tgw-aaaaaaaa']);
  });

  it('looks once at a table that it names and that is known by its id as well', async () => {
    const world = await inSync(two);
    const call = about('pcx-aaaaaaaa');
    await concerned(world, { ...call, routeTableIds: [routeTableId] });
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
  });
});

it('an index that cannot be kept loses nothing, and is kept the next time', async () => {
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

describe('what is changed around a table and not healed', () => {
  const moved = (id = 'event-1'): Trigger => ({
    kind: 'event',
    id,
    name: 'AssociateRouteTable',
    time: '2026-11-23T12:30:00Z',
    actor: alice,
    notice: 'AssociateRouteTable: subnet-aaaaaaaa uses this table from now on',
  });

  it('is in its history with who did it, though nothing has drifted', async () => {
    const world = await inSync(two);
    await world.reconcile(moved());
    expect(world.states.runs(routeTableId)).toMatchObject([
      { notice: expect.stringContaining('subnet-aaaaaaaa'), actor: alice, outcome: [], plan: { inSync: true } },
    ]);
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('is there once, however often it is told', async () => {
    const world = await inSync(two);
    await world.reconcile(moved());
    world.clock.advance(1_000);
    await world.reconcile(moved());
    await world.reconcile(moved('event-2'));
    expect(world.states.runs(routeTableId)).toHaveLength(2);
  });
});
