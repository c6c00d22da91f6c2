import { describe, expect, it } from 'vitest';
import { detailSchemas } from '../../reconciler/core/announce/domain-event.ts';
import type { Announcer } from '../../reconciler/ports.ts';
import { announceFleetOrders } from '../../reconciler/fleet-orders.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { inSync } from '../support/in-memory-world.ts';

const minute = 60_000;
const person = { kind: 'person', id: '7' } as const;

const stopped = async (fields: object = { reason: 'incident', by: 'alice' }) => {
  const world = await inSync({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
  world.orders.put('*', 'stop', fields);
  return world;
};
const events = ({ announcer }: Awaited<ReturnType<typeof stopped>>) => announcer.news.flatMap(({ events }) => events);

describe('an order for all tables', () => {
  it('is announced once for the fleet, not by each table, with who claims to have given it', async () => {
    const world = await stopped();
    await announceFleetOrders(world, person);
    for (let sweeps = 0; sweeps < 2; sweeps++) await sweep(world, world.invocation());
    expect(events(world)).toMatchObject([
      {
        type: 'Route Order Given',
        detail: {
          routeTableId: '*',
          state: 'entered',
          trigger: person,
          order: { kind: 'stop', reason: 'incident', by: 'alice' },
          message: { subject: 'all tables: stop ordered', who: 'alice (a claim: the order itself says so)' },
        },
      },
    ]);
    expect(detailSchemas['Route Order Given'].safeParse(events(world)[0]?.detail).error).toBeUndefined();
  });

  it('is announced once by two functions that read it at the same time', async () => {
    const world = await stopped();
    await Promise.all([announceFleetOrders(world, person), announceFleetOrders(world, { kind: 'sweep' })]);
    expect(events(world)).toHaveLength(1);
  });

  it('is announced by the sweep if its stream record is lost, and so is its end', async () => {
    const world = await stopped();
    const until = new Date(world.now().getTime() + 3 * minute).toISOString();
    world.orders.put('*', 'stop', { reason: 'incident', until });
    await sweep(world, world.invocation());
    world.clock.advance(5 * minute);
    await sweep(world, world.invocation());
    expect(world.announcer.events).toEqual(['Route Order Given (entered)', 'Route Order Given (left)']);
    expect(new Set(events(world).map(({ detail }) => detail.id)).size).toBe(2);
  });

  it('is sent again with the same id until EventBridge takes it', async () => {
    const world = await stopped();
    const sent: string[] = [];
    world.announcer.faults = () => {
      throw new Error('the bus is away');
    };
    const announcer: Announcer = {
      announce: async (news) => {
        sent.push(...news.events.map(({ detail }) => detail.id));
        return world.announcer.announce(news);
      },
    };
    const { states, orders, now, log } = world;
    const listened = { states, orders, now, log, announcer };
    await announceFleetOrders(listened, person);
    world.announcer.faults = () => {};
    await announceFleetOrders(listened, person);
    await announceFleetOrders(listened, person);
    expect(sent).toHaveLength(2);
    expect(new Set(sent).size).toBe(1);
    expect(world.announcer.events).toEqual(['Route Order Given (entered)']);
  });

  it('that starts and ends during an outage of EventBridge is announced afterwards, and so is its end', async () => {
    const world = await stopped();
    world.announcer.faults = () => {
      throw new Error('the bus is away');
    };
    await announceFleetOrders(world, person);
    world.orders.put('*', 'stop');
    await announceFleetOrders(world, person);
    expect(world.announcer.events).toEqual([]);
    world.announcer.faults = () => {};
    await sweep(world, world.invocation());
    await sweep(world, world.invocation());
    expect(world.announcer.events).toEqual(['Route Order Given (entered)', 'Route Order Given (left)']);
  });

  it('is announced with the same event id by two functions that find it at the same time', async () => {
    const world = await stopped();
    await Promise.all([announceFleetOrders(world, person), announceFleetOrders(world, { kind: 'sweep' })]);
    expect(new Set(events(world).map(({ detail }) => detail.id)).size).toBe(1);
  });

  it('stops no sweep if it cannot be announced', async () => {
    const world = await stopped();
    world.orders.faults = (call) => {
      if (call === 'ofAll') throw new Error('no answer');
    };
    expect(await sweep(world, world.invocation())).toHaveProperty('endedAt');
    expect(world.lines.map(({ message }) => message)).toContain(
      'could not announce the orders for all tables: the next sweep tries again',
    );
  });
});
