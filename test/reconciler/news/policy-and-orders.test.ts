import { describe, expect, it } from 'vitest';
import { routeTableId } from '../../support/builders.ts';
import { inSync } from '../../support/in-memory-world.ts';
import { alice, minute, rogue, sweepNow, two } from './given.ts';

// What people change about a table, apart from its routes, is announced.

describe('an edit that weakens the protection of a table', () => {
  it('is announced once, with the old and the new value and a message', async () => {
    const world = await inSync(two);
    world.desire(two, { ignore: [{ target: 'eni-*', reason: 'x' }] });
    await world.reconcile({ kind: 'desired' });
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Policy Changed']);
    expect(world.announcer.news[0]?.events[0]?.detail).toMatchObject({
      weakened: [{ field: 'ignore', old: [], new: ['target eni-*'] }],
      message: { subject: expect.stringContaining(routeTableId), what: 'ignore: nothing → target eni-*' },
    });
  });

  it('is announced even if a sweep is the first to see it, after an invalid item', async () => {
    const world = await inSync(two);
    world.desire(two, { nonsense: 1 });
    await world.reconcile({ kind: 'desired' });
    world.forget();
    world.desire(two, { mode: 'observe' });
    await sweepNow(world);
    expect(world.announcer.events).toContain('Route Policy Changed');
  });

  it('is announced when the item is deleted', async () => {
    const world = await inSync(two);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    expect(world.announcer.news[0]?.events[0]?.detail).toMatchObject({ weakened: [{ field: 'item' }] });
  });
});

describe('an order for one table', () => {
  it('is announced once when it is given, and once when it is removed', async () => {
    const world = await inSync(two);
    world.orders.put(routeTableId, 'pause', { reason: 'maintenance', by: 'alice' });
    await world.reconcile({ kind: 'person' });
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)']);
    expect(world.announcer.news[0]?.events[0]?.detail).toMatchObject({
      order: { kind: 'pause', reason: 'maintenance', by: 'alice' },
      message: { who: 'alice (a claim: the order itself says so)' },
    });
    world.orders.put(routeTableId, 'pause');
    await world.reconcile({ kind: 'person' });
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)', 'Route Order Given (left)']);
  });

  it('is announced by the next sweep when it expires', async () => {
    const world = await inSync(two);
    const until = new Date(world.now().getTime() + 3 * minute).toISOString();
    world.orders.put(routeTableId, 'holds', { holds: { '10.20.0.0/16': { reason: 'x', until } } });
    await sweepNow(world);
    world.clock.advance(5 * minute);
    await sweepNow(world);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)', 'Route Order Given (left)']);
  });

  it('is announced even if the item is invalid', async () => {
    const world = await inSync(two);
    world.desire(two, { nonsense: 1 });
    await world.reconcile({ kind: 'desired' });
    world.forget();
    world.orders.put(routeTableId, 'pause', { reason: 'maintenance' });
    await world.reconcile({ kind: 'person' });
    expect(world.announcer.events).toEqual(['Route Order Given (entered)']);
  });

  it('to approve is announced with its routes', async () => {
    const world = await inSync(two);
    const at = world.now().toISOString();
    const until = new Date(world.now().getTime() + 60 * minute).toISOString();
    const routes = [{ destination: rogue, target: 'tgw-aaaaaaaa' }];
    world.orders.put(routeTableId, 'approval', { routes, by: 'alice', at, until, desiredHash: 'a' });
    await world.reconcile({ kind: 'person' });
    expect(world.announcer.news[0]?.events[0]?.detail).toMatchObject({ order: { kind: 'approval', routes } });
  });
});

it('a change to the surroundings of a table is announced once with its actor, although nothing is repaired', async () => {
  const world = await inSync(two);
  const { now } = world;
  const time = now().toISOString();
  const call = { id: 'event-9', time, actor: alice, notice: 'subnet-aaaaaaaa left the table' };
  await world.event(call);
  // Events may arrive twice.
  await world.event(call);
  expect(world.announcer.news.flatMap(({ events }) => events)).toMatchObject([
    { type: 'Route Table Changed', detail: { notice: 'subnet-aaaaaaaa left the table', actor: alice } },
  ]);
});
