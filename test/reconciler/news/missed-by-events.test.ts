import { describe, expect, it } from 'vitest';
import { now, routeTableId } from '../../support/builders.ts';
import { type InMemoryWorld, inSync } from '../../support/in-memory-world.ts';
import { alice, hijack, minute, rogue, second, sweepNow, two } from './given.ts';

// Drift that only a sweep finds counts as missed if its event does not arrive within 15 minutes.

describe('drift that a sweep found', () => {
  const found = async (): Promise<InMemoryWorld> => {
    const world = await inSync(two);
    hijack(world);
    await sweepNow(world);
    world.clock.advance(minute);
    await sweepNow(world);
    return world;
  };

  it('is counted once as missed by events if no event arrives within 15 minutes', async () => {
    const world = await found();
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([1]);
  });

  it('is not counted if its event arrives late', async () => {
    const world = await found();
    const time = now.toISOString();
    await world.event({
      id: 'late',
      name: 'ReplaceRoute',
      time,
      actor: alice,
      destination: '10.20.0.0/16',
    });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
    expect(world.status().lastDrift).toMatchObject({ actor: alice, calledAt: time });
  });

  it('is counted, and names nobody, if the late event is about another call', async () => {
    const world = await found();
    const about = { destination: '10.20.0.0/16', target: 'pcx-bbbbbbbb', actor: alice, time: now.toISOString() };
    await world.event({ id: 'late', name: 'ReplaceRoute', ...about });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([1]);
    expect(world.status().lastDrift).not.toHaveProperty('actor');
  });

  it('does not include what a stop of all tables reveals but did not cause', async () => {
    const world = await inSync(two);
    world.desire(two, { unlisted: 'keep' });
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('Blocked');
    world.orders.put('*', 'stop', { reason: 'incident' });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      await sweepNow(world);
      world.clock.advance(5 * minute);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });

  it('is counted once even if a doubtful read comes in between', async () => {
    const world = await found();
    world.clock.advance(13.8 * minute);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(20 * second);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 30 * second });
    await world.reconcile({ kind: 'requeue' });
    world.clock.advance(minute);
    await world.reconcile({ kind: 'requeue' });
    expect(world.announcer.values('MissedByEvents')).toEqual([1]);
  });

  it('does not include the routes of an expired ignore entry: no call was made', async () => {
    const world = await inSync(two);
    const until = new Date(world.now().getTime() + 3 * minute).toISOString();
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.desire(two, { ignore: [{ destination: rogue, reason: 'migration', until }] });
    await world.reconcile({ kind: 'desired' });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      world.clock.advance(5 * minute);
      await sweepNow(world);
    }
    expect(world.announcer.events).toEqual(['Route Policy Changed', 'Route Plan Blocked (entered)']);
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });

  it('does not include an edit that the stream did not report', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    for (let sweeps = 0; sweeps < 6; sweeps++) {
      await sweepNow(world);
      world.clock.advance(5 * minute);
    }
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });
});
