import { describe, expect, it } from 'vitest';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { minutesAfter, routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// When an item is deleted, its table loses every earned delete, however the deletion is reported.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const rogue = '10.99.0.0/16';
const deleted = { kind: 'desired', id: '1', deleted: true } as const;
const minute = 60_000;

/** A table whose item was deleted, and to which somebody then added a route. */
async function routeWhileUnmanaged(): Promise<InMemoryWorld> {
  const world = await inSync(two);
  world.desired.delete(routeTableId);
  world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  return world;
}

const asksFirst = (world: InMemoryWorld): void => {
  expect(world.ec2.journal.mutations).toEqual([]);
  expect(world.status()).toMatchObject({ phase: 'Blocked', plan: { blocked: { deletes: [{ destination: rogue }] } } });
};

it('a late, repeated report of a deletion does not affect the next item', async () => {
  const world = await inSync(two);
  world.desired.delete(routeTableId);
  await world.event();
  await world.reconcile(deleted);
  world.desire(two);
  await world.reconcile({ kind: 'desired', id: '2' });
  world.clock.advance(minute);
  await world.reconcile();
  world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
  await world.reconcile(deleted);
  expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
});

/** Somebody else holds the lease of the table for a minute. */
const heldBySomebody = ({ leases, now }: InMemoryWorld): Promise<unknown> =>
  leases.take(routeTableId, {
    holder: 'somebody',
    now: now(),
    retakeBefore: now(),
    latestEnd: minutesAfter(10, now()),
    expiresAt: minutesAfter(1, now()),
  });

describe('an item that is deleted and written again', () => {
  it('needs approval for every delete, even if no reconcile came in between', async () => {
    const world = await routeWhileUnmanaged();
    world.desire(two);
    await world.reconcile(deleted);
    asksFirst(world);
  });

  it('needs approval for every delete, even if the deletion was reported while another function held the lease', async () => {
    const world = await routeWhileUnmanaged();
    const holder = { ...world.invocation(), until: world.now() };
    const lease = {
      holder: holder.requestId,
      now: world.now(),
      retakeBefore: world.now(),
      latestEnd: minutesAfter(10, world.now()),
    };
    await world.leases.take(routeTableId, { ...lease, expiresAt: new Date(world.now().getTime() + minute) });
    expect(await world.reconcile(deleted)).toMatchObject({ phase: 'Held' });
    world.desire(two);
    world.clock.advance(2 * minute);
    await world.reconcile({ kind: 'desired' });
    asksFirst(world);
  });

  it('needs approval for every delete, even if that holder died', async () => {
    const world = await routeWhileUnmanaged();
    await heldBySomebody(world);
    await world.reconcile(deleted);
    world.desire(two);
    const [sent] = world.requeue.sent;
    expect(sent?.message).toEqual({ routeTableId, hop: 1 });
    world.clock.advance(2 * minute);
    await reconcileAgain({ routeTableId, hop: 0 }, 'message-1', world, world.invocation());
    asksFirst(world);
  });

  it('needs approval for every delete, even if the next holder died or failed as well', async () => {
    const world = await routeWhileUnmanaged();
    await heldBySomebody(world);
    await world.reconcile(deleted);
    world.desire(two);
    world.clock.advance(2 * minute);
    // A fault that no code catches, then an error.
    for (const fault of [() => new Promise<void>(() => {}), () => Promise.reject(new Error('no answer'))]) {
      world.states.faults = (call) => (call === 'read' ? fault() : undefined);
      const failed = world.reconcile().catch(() => 'failed');
      await Promise.race([failed, new Promise((resolve) => setImmediate(resolve))]);
      world.clock.advance(2 * minute);
    }
    world.states.faults = () => {};
    await world.reconcile();
    asksFirst(world);
  });

  it('keeps the history, and is in sync at once if nothing changed', async () => {
    const world = await inSync(two);
    const runs = world.states.runs(routeTableId);
    await world.reconcile(deleted);
    expect(world.status()).toMatchObject({ phase: 'InSync', trigger: { kind: 'desired', name: 'REMOVE' } });
    expect(await world.index.tablesUnder('pcx-aaaaaaaa')).toEqual([routeTableId]);
    expect(world.states.runs(routeTableId)).toEqual(runs);
  });

  it('does not restore an earlier approval', async () => {
    const world = await routeWhileUnmanaged();
    world.desire(two);
    await world.reconcile(deleted);
    const { plan } = world.status();
    const { desiredHash } = world.memory();
    const routes = plan?.changes.map(({ destination, from: target }) => ({ destination, target }));
    const until = new Date(world.now().getTime() + 60 * minute).toISOString();
    const at = world.now().toISOString();
    world.orders.put(routeTableId, 'approval', { routes, by: 'alice', at, until, desiredHash });
    world.desired.delete(routeTableId);
    world.desire(two);
    await world.reconcile({ ...deleted, id: '2' });
    asksFirst(world);
  });
});

describe('a deletion that the stream did not report', () => {
  it('is found by the next sweep', async () => {
    const world = await routeWhileUnmanaged();
    await sweep(world, world.invocation());
    expect(world.status().phase).toBe('Unmanaged');
    expect(world.memory().destinations).toEqual(new Map());
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    asksFirst(world);
  });

  it.each([
    ['an invalid item', { mode: 'enforced' }],
    ['the item of a table that EC2 does not know', {}],
  ] as const)('is also found for %s', async (_, more) => {
    const world = await inSync(two);
    world.desired.put({ routeTableId: 'rtb-bbbbbbbb', routes: [], ...more });
    await sweep(world, world.invocation());
    world.desired.delete('rtb-bbbbbbbb');
    await sweep(world, world.invocation());
    expect(world.states.status('rtb-bbbbbbbb').phase).toBe('Unmanaged');
  });

  it('is found once, and costs nothing after it was announced', async () => {
    const world = await routeWhileUnmanaged();
    await sweep(world, world.invocation());
    expect(world.announcer.events).toContain('Route Policy Changed');
    // The next sweep takes the table out of the index.
    await sweep(world, world.invocation());
    world.forget();
    await sweep(world, world.invocation());
    expect([...world.states.writes]).toEqual([['writeSweep', 1]]);
    expect(world.ec2.journal.calls).toEqual([]);
  });

  it('is found by a sweep in several parts, which does not check again what earlier parts read', async () => {
    const world = await inSync({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    const ids = Array.from({ length: 150 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
    for (const id of ids) {
      world.ec2.scenery.table(id);
      world.desired.put({ routeTableId: id, routes: [] });
    }
    await sweep(world, world.invocation(1_000));
    world.desired.delete(routeTableId);
    world.forget();
    world.faults.strike({ action: 'DescribeRouteTables' }, { answersAfterMs: 3_000 });
    expect(await sweep(world, world.invocation(5))).toHaveProperty('cursor');
    expect(world.status().phase).toBe('InSync');
    expect(await sweep(world, world.invocation(1_000))).toHaveProperty('endedAt');
    expect(world.status().phase).toBe('Unmanaged');
    expect([...world.states.writes]).toEqual([
      ['writeSweep', 2],
      ['write', 1],
      // The second write removes the events that were announced.
      ['writeUnsent', 1],
    ]);
  });

  it('that cannot be looked for fails the sweep only at its end', async () => {
    const world = await routeWhileUnmanaged();
    world.index.faults = () => {
      throw new Error('no answer');
    };
    await expect(sweep(world, world.invocation())).rejects.toThrow('no answer');
    expect(await world.states.readSweep()).toHaveProperty('endedAt');
  });
});
