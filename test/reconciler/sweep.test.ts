import { describe, expect, it } from 'vitest';
import { shownPhase } from '../../reconciler/core/status/freshness.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Every managed table, in pages.

const routes = [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }];
const wanted = { '10.20.0.0/16': 'pcx-aaaaaaaa' };

const idOf = (n: number): string => `rtb-${n.toString(16).padStart(8, '0')}`;

/** `count` managed tables, all in sync and watched. */
async function fleet(count: number): Promise<{ readonly world: InMemoryWorld; readonly ids: readonly string[] }> {
  const world = new InMemoryWorld();
  const ids = Array.from({ length: count }, (_, n) => idOf(n));
  for (const id of ids) {
    world.ec2.scenery.table(id, { routes: wanted });
    world.desired.put({ routeTableId: id, routes });
  }
  // New routes count as appeared only after the second read.
  for (const ms of [60_000, 5 * 60_000]) {
    await sweep(world, world.invocation());
    world.clock.advance(ms);
  }
  world.forget();
  return { world, ids };
}

const reads = ({ ec2 }: InMemoryWorld) =>
  ec2.journal.calls.filter(({ action }) => action === 'DescribeRouteTables').length;

describe('a sweep', () => {
  it.each([
    [0, 0],
    [1, 1],
    [100, 1],
    [101, 2],
    [250, 3],
  ])('of %d tables in sync makes %d reads, and writes only its own record', async (tables, pages) => {
    const { world } = await fleet(tables);
    const record = await sweep(world, world.invocation());
    expect(world.ec2.journal.counts).toEqual(pages > 0 ? { DescribeRouteTables: pages } : {});
    expect([...world.states.writes]).toEqual([['writeSweep', 1]]);
    expect(record).toMatchObject({ checked: tables, outOfSync: 0, unknown: { count: 0 }, endedAt: expect.any(String) });
  });

  it('reconciles only the tables that drifted, and does not read them again', async () => {
    const { world, ids } = await fleet(250);
    const drifted = [ids[3], ids[120], ids[249]].filter((id) => id !== undefined);
    for (const id of drifted) world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
    await sweep(world, world.invocation());
    expect(world.ec2.journal.counts).toEqual({
      DescribeRouteTables: 3,
      DescribeTargets: 3,
      CreateRoute: 3,
    });
    expect(world.ec2.journal.mutations.map(({ input }) => input['RouteTableId'])).toEqual(drifted);
  });

  it('verifies its repairs in the next sweep', async () => {
    const { world, ids } = await fleet(3);
    world.ec2.scenery.removeRoute(idOf(1), '10.20.0.0/16');
    await sweep(world, world.invocation());
    expect(world.states.status(idOf(1)).phase).toBe('Verifying');
    world.clock.advance(5 * 60_000);
    await sweep(world, world.invocation());
    expect(ids.map((id) => world.states.status(id).phase)).toEqual(['InSync', 'InSync', 'InSync']);
    world.forget();
    world.clock.advance(5 * 60_000);
    await sweep(world, world.invocation());
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
  });

  it('applies an edit that the stream did not report', async () => {
    const { world } = await fleet(2);
    world.desired.put({ routeTableId: idOf(1), routes: [{ destination: '10.21.0.0/16', target: 'pcx-aaaaaaaa' }] });
    await sweep(world, world.invocation());
    expect(world.ec2.scenery.routesOf(idOf(1))).toEqual({ '10.21.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('remembers an edit that changes no route', async () => {
    const { world } = await fleet(2);
    const { desiredHash } = world.states.stored(idOf(1)).memory;
    world.desired.put({ routeTableId: idOf(1), routes, maxDeletes: 3 });
    await sweep(world, world.invocation());
    expect(world.states.stored(idOf(1)).memory.desiredHash).not.toBe(desiredHash);
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('goes on if one table fails, and counts it as unknown', async () => {
    const { world, ids } = await fleet(3);
    for (const id of ids) world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
    world.desired.faults = (call, id) => {
      if (call === 'read' && id === idOf(1)) throw new Error('the item cannot be read');
    };
    const record = await sweep(world, world.invocation());
    expect(record).toMatchObject({
      checked: 2,
      unknown: { count: 1, first: [{ routeTableId: idOf(1), reason: 'Error: the item cannot be read' }] },
    });
    expect(ids.map((id) => world.ec2.scenery.routesOf(id))).toEqual([wanted, {}, wanted]);
  });

  it.each([
    ['whose tables cannot be read', { action: 'DescribeRouteTables', naming: idOf(100) }],
    ['whose statuses cannot be read', undefined],
  ] as const)('goes on after a page %s, and counts its tables as unknown', async (_, on) => {
    const { world } = await fleet(250);
    world.ec2.scenery.removeRoute(idOf(0), '10.20.0.0/16');
    world.ec2.scenery.removeRoute(idOf(249), '10.20.0.0/16');
    // The second page.
    if (on) world.faults.strike({ action: on.action, after: 1, times: 1 }, { serverFault: 'not-done' });
    let calls = 0;
    world.states.faults = (call) => {
      if (call === 'glance' && !on && ++calls === 2) throw new Error('no answer');
    };
    const record = await sweep(world, world.invocation());
    expect(record).toMatchObject({ checked: 150, unknown: { count: 100, first: { length: 100 } } });
    expect(world.ec2.journal.mutations.map(({ input }) => input['RouteTableId'])).toEqual([idOf(0), idOf(249)]);
  });

  it.each([50, 250])('leads to phase Unknown for each of %d tables that it cannot read', async (tables) => {
    const { world, ids } = await fleet(tables);
    const glances = await world.states.glance(ids);
    world.states.faults = (call) => {
      if (call === 'glance') throw new Error('no answer');
    };
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      const record = await sweep(world, world.invocation(), 5 * 60_000);
      const shown = ids.map((id) => shownPhase(id, glances.get(id)?.status, record, world.now()).phase);
      expect(new Set(shown)).toEqual(new Set(['Unknown']));
      world.clock.advance(5 * 60_000);
    }
  });

  it('in several parts reports an order without effect once', async () => {
    const { world } = await fleet(250);
    world.orders.put(idOf(0), 'stopp', { reason: 'incident' });
    world.faults.strike({ action: 'DescribeRouteTables' }, { answersAfterMs: 3_000 });
    expect(await sweep(world, world.invocation(5))).toMatchObject({ cursor: idOf(99), unusable: { count: 1 } });
    expect(await sweep(world, world.invocation())).toMatchObject({ checked: 250, unusable: { count: 1 } });
    expect(world.announcer.values('InvalidDesired')).toEqual([1]);
  });

  it('cuts the list of unreadable tables and their reasons, so that its record can be stored', async () => {
    const { world } = await fleet(250);
    world.states.faults = (call) => {
      if (call !== 'glance') return;
      world.clock.advance(3_000);
      throw new Error('You are not authorized to perform this operation. '.repeat(100));
    };
    const unread = await sweep(world, world.invocation());
    await sweep(world, world.invocation(2));
    const record = await world.states.readSweep();
    expect(record).toMatchObject({ unknown: { count: 100 }, lastCompleted: { unknown: unread.unknown } });
    expect(JSON.stringify(record).length).toBeLessThan(100_000);
  });

  it('changes nothing in the tables of a page that it cannot read', async () => {
    const { world, ids } = await fleet(3);
    for (const id of ids) world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { serverFault: 'not-done' });
    await sweep(world, world.invocation());
    expect(world.ec2.journal.mutations).toEqual([]);
  });

  it('ends when its time is over, and the next one continues from there', async () => {
    const { world } = await fleet(250);
    world.faults.strike({ action: 'DescribeRouteTables' }, { answersAfterMs: 3_000 });
    const first = await sweep(world, world.invocation(5));
    expect(first).toMatchObject({ checked: 100, cursor: idOf(99) });
    expect(first).not.toHaveProperty('endedAt');
    const second = await sweep(world, world.invocation(7));
    expect(second).toMatchObject({ checked: 250, endedAt: expect.any(String) });
    expect(second).not.toHaveProperty('cursor');
    // The second page was read twice, because its first read came too late. The first page was read once.
    expect(reads(world)).toBe(4);
    expect(await sweep(world, world.invocation())).toMatchObject({ checked: 250 });
  });

  it('in several parts publishes the sums of all parts once, at its end', async () => {
    const { world } = await fleet(250);
    world.ec2.scenery.deleteTable(idOf(3));
    world.faults.strike({ action: 'DescribeRouteTables' }, { answersAfterMs: 3_000 });
    // The first page of the second part cannot be read.
    world.states.faults = (call) => {
      if (call === 'glance' && reads(world) === 2) throw new Error('no answer');
    };
    const startedAt = world.now();
    await sweep(world, world.invocation(5));
    expect(world.announcer.values('SweepCompleted')).toEqual([]);
    world.clock.advance(5 * 60_000);
    const record = await sweep(world, world.invocation());
    expect(record).toMatchObject({ startedAt: startedAt.toISOString(), checked: 150, unknown: { count: 100 } });
    const { values } = world.announcer;
    expect(values('SweepCompleted')).toEqual([1]);
    expect(values('TablesManaged')).toEqual([250]);
    expect(values('TablesOutOfSync')).toEqual([1]);
    expect(values('TablesUnknown')).toEqual([100]);
    expect(values('SweepDuration')).toEqual([world.now().getTime() - startedAt.getTime()]);
  });

  it('counts the event source mappings that are disabled, until they are enabled again', async () => {
    const { world } = await fleet(1);
    world.mappings.idle.add('orders');
    expect(await sweep(world, world.invocation())).toMatchObject({ mappingsDisabled: 1 });
    world.mappings.idle.clear();
    expect(await sweep(world, world.invocation())).toMatchObject({ mappingsDisabled: 0 });
    expect(world.announcer.values('MappingsDisabled')).toEqual([1, 0]);
    expect(world.lines.filter(({ level }) => level === 'warn')).toEqual([
      { level: 'warn', message: 'event source mappings are disabled', fields: { mappings: ['orders'] } },
    ]);
  });

  it('completes although the event source mappings cannot be read, logs it, and counts none as enabled', async () => {
    const { world } = await fleet(1);
    const error = new Error('not allowed');
    world.mappings.faults = () => {
      throw error;
    };
    const { endedAt, mappingsDisabled } = await sweep(world, world.invocation());
    expect({ endedAt, mappingsDisabled }).toEqual({ endedAt: world.now().toISOString(), mappingsDisabled: undefined });
    expect(world.announcer.values('SweepCompleted')).toEqual([1]);
    expect(world.announcer.values('MappingsDisabled')).toEqual([]);
    expect(world.lines).toContainEqual({
      level: 'error',
      message: 'could not read the event source mappings: the next sweep tries again',
      fields: { error },
    });
  });

  it('that was cut keeps the record of the last complete sweep until it completes itself', async () => {
    const { world } = await fleet(101);
    const { startedAt, endedAt, unknown } = await sweep(world, world.invocation());
    for (const seconds of [5, 2, 2]) {
      world.clock.advance(60_000);
      world.faults.strike({ action: 'DescribeRouteTables' }, { answersAfterMs: 3_000 });
      const cut = await sweep(world, world.invocation(seconds));
      expect(cut).toMatchObject({ lastCompleted: { startedAt, endedAt, unknown } });
    }
    expect(await sweep(world, world.invocation())).not.toHaveProperty('lastCompleted');
  });

  it('ends in the middle of a page when its time is over, and the next one continues from there', async () => {
    const { world, ids } = await fleet(100);
    for (const id of ids) world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
    for (const action of ['DescribeRouteTables', 'CreateRoute'] as const)
      world.faults.strike({ action }, { answersAfterMs: 1_000 });
    const until = world.now().getTime() + 10_000;
    const first = await sweep(world, world.invocation(10));
    expect(world.ec2.journal.calls.filter(({ calledAt }) => calledAt.getTime() >= until)).toEqual([]);
    expect(first).toMatchObject({ checked: 32, unknown: { count: 0 }, cursor: idOf(31) });
    expect(await sweep(world, world.invocation(1_000))).toMatchObject({ checked: 100, endedAt: expect.any(String) });
    // The tables in progress when the time was over had only been read.
    world.clock.advance(5 * 60_000);
    await sweep(world, world.invocation(1_000));
    expect(ids.map((id) => world.ec2.scenery.routesOf(id))).toEqual(ids.map(() => wanted));
  });

  it('that had no time starts over', async () => {
    const { world } = await fleet(1);
    const record = await sweep(world, world.invocation(0));
    expect(record).toEqual({
      lastCompleted: expect.any(Object),
      startedAt: expect.any(String),
      checked: 0,
      observed: 0,
      waiting: 0,
      stopped: 0,
      blackholes: 0,
      outOfSync: 0,
      unknown: { count: 0, first: [] },
    });
    expect(await sweep(world, world.invocation())).toMatchObject({ checked: 1, endedAt: expect.any(String) });
  });

  it('counts tables that only wait for a person apart from those that are out of sync', async () => {
    const { world } = await fleet(3);
    for (const n of [0, 1]) world.ec2.scenery.route(idOf(n), '10.99.0.0/16', 'pcx-aaaaaaaa');
    for (const n of [0, 1])
      world.desired.put({
        routeTableId: idOf(n),
        routes: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }],
        maxDeletes: 0,
      });
    world.ec2.scenery.deleteTable(idOf(2));
    expect(await sweep(world, world.invocation())).toMatchObject({ waiting: 2, outOfSync: 1 });
  });

  it('counts the tables under a pause or a stop, in sync or not', async () => {
    const { world } = await fleet(3);
    world.orders.put(idOf(1), 'pause', { reason: 'x' });
    expect(await sweep(world, world.invocation())).toMatchObject({ stopped: 1 });
    world.orders.put('*', 'stop', { reason: 'x' });
    expect(await sweep(world, world.invocation())).toMatchObject({ stopped: 3 });
    world.orders.put('*', 'stop');
    world.orders.put(idOf(1), 'pause');
    expect(await sweep(world, world.invocation())).toMatchObject({ stopped: 0 });
  });

  it('reports how many items are missing if it finds less than 90 % of the items of the last sweep', async () => {
    const { world } = await fleet(20);
    await sweep(world, world.invocation());
    const without = async (...gone: readonly number[]) => {
      for (const n of gone) world.desired.delete(idOf(n));
      return (await sweep(world, world.invocation())).missing;
    };
    expect(await without(0, 1)).toBe(0);
    expect(await without(2, 3)).toBe(2);
    // The count is compared with the last sweep, which found fewer items.
    expect(await without()).toBe(0);
    expect(world.announcer.values('ItemsMissing').slice(-3)).toEqual([0, 2, 0]);
  });

  it('reports an invalid item, and repairs its table under the last valid version', async () => {
    const { world } = await fleet(2);
    world.desired.put({ routeTableId: idOf(1), routes: 'everything' });
    world.ec2.scenery.removeRoute(idOf(1), '10.20.0.0/16');
    const record = await sweep(world, world.invocation());
    expect(record).toMatchObject({ checked: 2, outOfSync: 1 });
    expect(world.states.status(idOf(1)).phase).toBe('Invalid');
    expect(world.ec2.scenery.routesOf(idOf(1))).toHaveProperty(['10.20.0.0/16']);
    world.clock.advance(60_000);
    await sweep(world, world.invocation());
    world.forget();
    world.clock.advance(60_000);
    await sweep(world, world.invocation());
    expect([...world.states.writes]).toEqual([['writeSweep', 1]]);
  });

  it.each(['rtb-*', '*', '#managed', 'rtb-', ' ', 'vpc-aaaaaaaa', `rtb-${'a'.repeat(2_000)}`])(
    'reports an item with the key %j as unusable, stores nothing under it, and repairs every other table',
    async (key) => {
      const { world, ids } = await fleet(2);
      for (let n = 1_000; n < 1_300; n++) world.ec2.scenery.table(idOf(n));
      for (const id of ids) world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
      world.desired.put({ routeTableId: key, routes });
      const record = await sweep(world, world.invocation());
      const reason = 'its key is not a route table id: expected rtb- and 17 (or 8) lower-case hex digits';
      expect(record).toMatchObject({
        checked: 2,
        unknown: { count: 0 },
        unusable: { count: 1, first: [{ routeTableId: key.slice(0, 100), reason }] },
      });
      expect(ids.map((id) => world.ec2.scenery.routesOf(id))).toEqual([wanted, wanted]);
      expect(await world.states.read(key)).toEqual({});
      expect(world.leases.holder(key)).toBeUndefined();
      expect(shownPhase(key, undefined, record, world.now())).toEqual({ phase: 'Invalid', reason });
    },
  );

  it('reports orders without effect, and counts each unusable row when a sweep first finds it', async () => {
    const { world } = await fleet(1);
    world.orders.put(idOf(0), 'stopp', { reason: 'incident' });
    world.desired.put({ routeTableId: 'rtb-*', routes });
    await sweep(world, world.invocation());
    world.orders.put('everything', 'pause', { reason: 'incident' });
    const record = await sweep(world, world.invocation());
    await sweep(world, world.invocation());
    expect(record.unusable?.first.map(({ routeTableId }) => routeTableId)).toEqual([idOf(0), 'everything', 'rtb-*']);
    expect(world.announcer.values('InvalidDesired')).toEqual([2, 1]);
    expect(world.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'some items and orders have no effect', fields: { unusable: { count: 2 } } },
      { message: 'some items and orders have no effect', fields: { unusable: record.unusable } },
      { message: 'some items and orders have no effect', fields: { unusable: record.unusable } },
    ]);
  });

  it('reports a missing table once, and does not reconcile it again', async () => {
    const { world } = await fleet(2);
    world.ec2.scenery.deleteTable(idOf(1));
    expect(await sweep(world, world.invocation())).toMatchObject({ checked: 2, outOfSync: 1 });
    expect(world.states.status(idOf(1)).phase).toBe('Missing');
    world.forget();
    world.clock.advance(5 * 60_000);
    await sweep(world, world.invocation());
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
  });

  it('repairs a table that exists again', async () => {
    const { world } = await fleet(2);
    world.ec2.scenery.deleteTable(idOf(1));
    await sweep(world, world.invocation());
    world.ec2.scenery.table(idOf(1));
    await sweep(world, world.invocation());
    expect(world.ec2.scenery.routesOf(idOf(1))).toEqual(wanted);
  });

  it('repairs a table whose pause ended while its drift was written down', async () => {
    const { world, ids } = await fleet(1);
    const [id = ''] = ids;
    world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
    const until = new Date(world.now().getTime() + 500).toISOString();
    world.orders.put(id, 'pause', { reason: 'x', until });
    world.states.faults = (call) => void (call === 'recordRun' && world.clock.advance(1_000));
    await world.reconcile({ kind: 'person' }, id);
    expect(world.states.status(id).phase).toBe('Drifted');
    await sweep(world, world.invocation());
    expect(world.ec2.scenery.routesOf(id)).toEqual(wanted);
  });

  it('retries a rejected change three times in a row, and then more and more rarely, within an hour', async () => {
    const { world } = await fleet(2);
    world.ec2.scenery.removeRoute(idOf(1), '10.20.0.0/16');
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'InvalidInstanceID' } });
    const triedAt: number[] = [];
    for (let minutes = 0; minutes <= 210; minutes += 5) {
      world.ec2.journal.clear();
      await sweep(world, world.invocation());
      expect(world.states.status(idOf(1)).phase).toBe('Failed');
      if (world.ec2.journal.counts['CreateRoute'] === 1) triedAt.push(minutes);
      world.clock.advance(5 * 60_000);
    }
    expect(triedAt.slice(0, 4)).toEqual([0, 5, 10, 15]);
    const waits = triedAt.slice(1).map((at, index) => at - (triedAt[index] ?? 0));
    expect(waits).toEqual(waits.toSorted((one, other) => one - other));
    // A sweep comes up to 5 minutes after the time of a retry.
    expect(waits.at(-1)).toBeGreaterThanOrEqual(50);
    expect(waits.at(-1)).toBeLessThanOrEqual(60);
  });
});

describe('a table whose item is gone', () => {
  it('is looked up without a checkpoint for each table, even by a sweep in parts', async () => {
    const world = await inSync(wanted);
    const ids = Array.from({ length: 350 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
    for (const id of ids) {
      world.ec2.scenery.table(id);
      world.desired.put({ routeTableId: id, routes: [] });
    }
    await sweep(world, world.invocation(1_000));
    world.faults.strike({ action: 'DescribeRouteTables' }, { answersAfterMs: 3_000 });
    let checkpoints = 0;
    world.checkpointFaults = () => void (checkpoints += 1);
    const first = await sweep(world, world.invocation(8));
    const last = await sweep(world, world.invocation(60));
    expect([first.endedAt, last.endedAt !== undefined, last.checked]).toEqual([undefined, true, 351]);
    expect(checkpoints).toBe(0);
  });

  it('leaves the index at the next sweep, even if its status is lost', async () => {
    const world = await inSync(wanted);
    world.states.lose(routeTableId);
    world.desired.delete(routeTableId);
    await sweep(world, world.invocation());
    expect(await world.index.tablesUnder('managed')).toEqual([]);
  });
});

it('an observed table is not reconciled again for an earlier failure', async () => {
  const world = await inSync(wanted);
  world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { refused: { code: 'UnauthorizedOperation' } });
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  await world.reconcile();
  world.desire(wanted, { mode: 'observe' });
  await world.reconcile({ kind: 'desired' });
  world.clock.advance(120 * 60_000);
  await sweep(world, world.invocation());
  world.forget();
  await sweep(world, world.invocation());
  expect(world.lines.filter(({ message }) => message === 'reconciled')).toEqual([]);
});
