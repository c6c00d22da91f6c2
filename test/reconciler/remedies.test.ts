import { describe, expect, it } from 'vitest';
import { sweep } from '../../reconciler/sweep.ts';
import { otherOwnerId, routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';
import { minute, othersRoutes, two } from './news/given.ts';

// The advice that a status gives solves the problem.

const eventsOf = ({ announcer }: InMemoryWorld) => announcer.news.flatMap(({ events }) => events);

describe('a full table', () => {
  /** EC2 allows this many routes, and `others` have taken some of them. Their deletes wait. */
  const full = async (routesPerFamily: number, others: number): Promise<InMemoryWorld> => {
    const world = await inSync(two, { routesPerFamily });
    othersRoutes(world, others);
    await world.reconcile();
    world.clock.advance(minute);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    return world;
  };

  it('has room once the deletes that wait are approved, and the remedy says so', async () => {
    const world = await full(5, 3);
    const remedy = `the table is full, and 3 deletes that wait for approval would make room: npx routectl approve ${routeTableId}`;
    expect(world.status()).toMatchObject({ phase: 'Failed', failures: [{ code: 'RouteLimitExceeded', remedy }] });
    expect(world.status().reason).toContain(remedy);
    const failed = eventsOf(world).find(({ type }) => type === 'Route Reconcile Failed');
    expect(failed?.detail.message?.what).toContain(remedy);
  });

  it('needs another remedy if no delete of the same address family waits', async () => {
    const world = await inSync(two, { routesPerFamily: 2 });
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    world.ec2.scenery.route(routeTableId, 'fd00:1::/48', 'eni-ffffffff');
    await world.reconcile();
    world.clock.advance(minute);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().plan?.blocked?.deletes).toHaveLength(1);
    expect(world.status().failures).toMatchObject([{ remedy: expect.stringContaining('raise the quota') }]);
  });
});

describe('a table of another account in a shared VPC', () => {
  const shared = async (): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { ownerId: otherOwnerId, routes: two });
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    return world;
  };

  it('is not called missing: its owner is named, and nothing is changed', async () => {
    const world = await shared();
    const { phase, reason, plan } = world.status();
    expect(phase).toBe('Missing');
    expect(reason).toBe(`the route table belongs to account ${otherOwnerId}: only its owner can change it`);
    expect(plan?.findings).toEqual([
      { code: 'table-not-ours', message: expect.stringContaining(`belongs to account ${otherOwnerId}`) },
    ]);
    expect(world.ec2.journal.mutations).toEqual([]);
    world.clock.advance(10 * minute);
    await sweep(world, world.invocation());
    const failed = eventsOf(world).find(({ type }) => type === 'Route Reconcile Failed');
    expect(failed?.detail.message).toMatchObject({
      what: reason,
      subject: expect.stringContaining('this account has no'),
    });
  });

  it('stays so in the next sweep', async () => {
    const world = await shared();
    world.clock.advance(5 * minute);
    expect(await sweep(world, world.invocation(), 5 * minute)).toMatchObject({ outOfSync: 1 });
    expect(world.status().plan?.findings).toMatchObject([{ code: 'table-not-ours' }]);
  });
});

it('whoever may not write a table learns that only its owner can, if the VPC is shared', async () => {
  const world = await inSync(two);
  world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'UnauthorizedOperation' } });
  world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
  await world.reconcile({ kind: 'desired' });
  expect(world.status().reason).toContain('in a shared VPC, only the owner of a table can change it');
});
