import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';
import { minute, rogue, second, two } from './news/given.ts';

// A delete that waits says why, and that is true.

const comes = ({ ec2 }: InMemoryWorld): void => ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');

const later = async (world: InMemoryWorld, ms: number): Promise<void> => {
  world.clock.advance(ms);
  await world.reconcile();
};

const edit = async (world: InMemoryWorld, ...item: Parameters<InMemoryWorld['desire']>): Promise<void> => {
  world.desire(...item);
  await world.reconcile({ kind: 'desired' });
};

const halt = { reason: 'maintenance', by: 'alice', at: '2026-11-23T12:00:00Z' };

/** What happens to a table that was in sync, and why the delete then waits. */
const histories: readonly (readonly [string, (world: InMemoryWorld) => Promise<void>, string])[] = [
  [
    'during a pause',
    async (world) => {
      world.orders.put(routeTableId, 'pause', halt);
      await later(world, minute);
      comes(world);
      await later(world, minute);
      world.orders.put(routeTableId, 'pause');
      await world.reconcile({ kind: 'person' });
    },
    'was first seen while the table was paused or stopped, or soon after',
  ],
  [
    'a second after resume --all',
    async (world) => {
      world.orders.put('*', 'stop', halt);
      await later(world, minute);
      world.orders.put('*', 'stop');
      await world.reconcile({ kind: 'person' });
      comes(world);
      await later(world, second);
    },
    'was first seen while the table was paused or stopped, or soon after',
  ],
  [
    'in mode observe',
    async (world) => {
      await edit(world, two, { mode: 'observe' });
      comes(world);
      await later(world, minute);
      await edit(world, two);
    },
    'was first seen while the item was in mode observe, or soon after',
  ],
  [
    'under an ignore entry that expired',
    async (world) => {
      const until = new Date(world.now().getTime() + 5 * minute).toISOString();
      await edit(world, two, { ignore: [{ destination: rogue, reason: 'a test', until }] });
      comes(world);
      await later(world, minute);
      await later(world, 10 * minute);
    },
    'was under an ignore entry that expired',
  ],
  [
    'before the ignore entry that an edit removed',
    async (world) => {
      await edit(world, two, { ignore: [{ destination: rogue, reason: 'a test' }] });
      comes(world);
      await later(world, minute);
      await edit(world, two);
    },
    'was under an ignore entry until the item was edited',
  ],
  [
    'out of scope',
    async (world) => {
      await edit(world, two, { scope: ['10.20.0.0/15'] });
      comes(world);
      await later(world, minute);
      await edit(world, two);
    },
    'was out of scope until the item was edited',
  ],
  [
    'under unlisted: keep',
    async (world) => {
      await edit(world, two, { unlisted: 'keep' });
      comes(world);
      await later(world, minute);
      await edit(world, two);
    },
    'was kept by unlisted: keep until the item was edited',
  ],
  [
    'a second after an edit of the policy',
    async (world) => {
      await edit(world, two, { ignore: [{ destination: '10.77.0.0/16', reason: 'a test' }] });
      comes(world);
      await later(world, second);
    },
    'came soon after the policy changed, or while the table was not read often enough',
  ],
  [
    'while nobody read the table',
    async (world) => {
      comes(world);
      await later(world, 60 * minute);
    },
    'came soon after the policy changed, or while the table was not read often enough',
  ],
  [
    'to a destination that was listed with another target',
    async (world) => {
      await edit(world, { ...two, [rogue]: 'pcx-bbbbbbbb' });
      world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InvalidParameterValue' } });
      comes(world);
      await later(world, minute);
      await edit(world, two);
    },
    'was at a listed destination, perhaps with another target than the item listed',
  ],
];

describe('a delete waits because the route', () => {
  it.each(histories)('came %s, and says so', async (_, happens, because) => {
    const world = await inSync(two);
    await happens(world);
    expect(world.status()).toMatchObject({ phase: 'Blocked', plan: { blocked: { code: 'first-deletes' } } });
    expect(world.status().reason).toContain(`needs approval, because the route ${because}: approve it`);
  });

  it.each([0, 10])('came %s s after the first read, and says so', async (seconds) => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: two });
    world.desire(two);
    if (seconds === 0) comes(world);
    await world.reconcile({ kind: 'desired' });
    comes(world);
    await later(world, seconds * second);
    expect(world.status().reason).toContain(
      'because the route was there when this table was adopted, or came soon after',
    );
  });
});
