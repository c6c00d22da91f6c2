import { describe, expect, it } from 'vitest';
import { together } from '../../reconciler/bulk-reads.ts';
import { reconcileEach } from '../../reconciler/reconcile.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';

// Several tables are read with one call, and a read is used only while it is good enough to change a table.

const destination = '10.20.0.0/16';
const target = 'pcx-aaaaaaaa';
const wanted = { [destination]: target };
const idOf = (n: number): string => `rtb-${n.toString(16).padStart(8, '0')}`;
const ids = Array.from({ length: 100 }, (_, n) => idOf(n));
const event = { kind: 'event', id: 'event-1', name: 'DeleteRoute', time: '2026-11-23T12:00:00Z' } as const;

/** A fleet in sync, without the routes of these tables. */
async function fleet(missing: readonly string[]): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  for (const id of ids) {
    world.ec2.scenery.table(id, { routes: wanted });
    world.desired.put({ routeTableId: id, routes: [{ destination, target }] });
  }
  await sweep(world, world.invocation());
  world.clock.advance(60_000);
  for (const id of missing) world.ec2.scenery.removeRoute(id, destination);
  world.forget();
  return world;
}

const readsIn = ({ ec2 }: InMemoryWorld): number => ec2.journal.counts['DescribeRouteTables'] ?? 0;

describe('tables that are reconciled together', () => {
  it('are read with one call, and repaired as that read shows', async () => {
    const drifted = ids.slice(0, 50);
    const world = await fleet(drifted);
    await reconcileEach(drifted, event, world, world.invocation());
    expect(world.ec2.journal.counts).toMatchObject({ DescribeRouteTables: 1, CreateRoute: 50 });
    expect(drifted.map((id) => world.ec2.scenery.routesOf(id))).toEqual(drifted.map(() => wanted));
  });

  it('are read together once more when the read is 7.5 s old', async () => {
    const world = await fleet(ids);
    world.faults.strike({ action: 'CreateRoute' }, { answersAfterMs: 1_000 });
    await reconcileEach(ids, event, world, world.invocation(60));
    // Four at a time take 25 s. The calls near the end of a read are made after a read of that table alone.
    expect(readsIn(world)).toBeLessThanOrEqual(3 + 2 * 4);
    expect(ids.map((id) => world.ec2.scenery.routesOf(id))).toEqual(ids.map(() => wanted));
  });

  it('are read alone when we have written since', async () => {
    const [first = '', second = ''] = ids;
    const world = await fleet([first]);
    const shared = together(world, [first, second]);
    // The read of both.
    await shared.shared?.(second);
    world.clock.advance(1_000);
    await reconcileEach([first], event, world, world.invocation());
    world.clock.advance(1_000);
    world.forget();
    await reconcileEach([first], event, shared, world.invocation());
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(readsIn(world)).toBe(1);
  });

  it('are not read together for a table that was written by a function with a later clock', async () => {
    const world = await fleet([]);
    world.faults.strike({ action: 'DescribeRouteTables' }, { serverFault: 'not-done' });
    const later = new Date(world.now().getTime() + 3_000);
    expect(await world.tables.together(ids)(idOf(0), later)).toBeUndefined();
    expect(readsIn(world)).toBe(0);
  });

  it('are read without keys that are no ids: in a filter, such a key would match every table', async () => {
    const world = await fleet([]);
    const { shared } = together(world, [idOf(0), '*', 'rtb-*', idOf(1)]);
    await shared?.(idOf(0));
    expect(world.ec2.journal.calls.map(({ input }) => input)).toMatchObject([
      { Filters: [{ Name: 'route-table-id', Values: [idOf(0), idOf(1)] }] },
    ]);
    expect(together(world, [idOf(0), '*'])).not.toHaveProperty('shared');
  });

  it('and are missing or foreign are read alone: only that says why', async () => {
    const world = await fleet([]);
    const [there, missing] = [idOf(0), idOf(999)];
    world.desired.put({ routeTableId: missing, routes: [{ destination, target }] });
    await reconcileEach([there, missing], event, world, world.invocation());
    expect(world.states.status(missing).phase).toBe('Missing');
    expect(readsIn(world)).toBe(2);
  });

  it('fail together when they cannot be read, and nothing is changed', async () => {
    const world = await fleet([idOf(0)]);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { serverFault: 'not-done' });
    await expect(reconcileEach([idOf(0), idOf(1)], event, world, world.invocation())).rejects.toThrow('internal error');
    expect(world.ec2.journal.mutations).toEqual([]);
  });
});
