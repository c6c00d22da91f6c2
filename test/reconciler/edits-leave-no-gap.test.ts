import { describe, expect, it } from 'vitest';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import { desired, minutesAfter, routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

const block = '192.168.0.0/16';
const [first, second] = ['192.168.0.0/17', '192.168.128.0/17'] as const;
const whole = { [block]: 'pcx-aaaaaaaa' };
const halves = { [first]: 'pcx-bbbbbbbb', [second]: 'pcx-bbbbbbbb' };
const notAttached = { code: 'InvalidTransitGatewayID.NotFound', message: 'not attached' };

/** A table in sync with one block, whose item now lists its two halves. */
async function split(options?: Parameters<typeof inSync>[1], beside = {}): Promise<InMemoryWorld> {
  const world = await inSync({ ...whole, ...beside }, options);
  world.desire({ ...halves, ...beside });
  return world;
}

const routesOf = ({ ec2 }: InMemoryWorld) => ec2.scenery.routesOf(routeTableId);

/** The destinations of the last run, with the result of each. */
const lastRun = ({ states }: InMemoryWorld) =>
  states
    .runs(routeTableId)
    .at(-1)
    ?.outcome.map(({ action, destination, result, code }) =>
      [action, destination, result, ...(code === undefined ? [] : [code])].join(' '),
    );

describe('an edit that splits a block', () => {
  it('deletes the block after a read has shown both halves, in one reconcile', async () => {
    const world = await split();
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.calls.map(({ action }) => action)).toEqual([
      'DescribeRouteTables',
      'DescribeTargets',
      'CreateRoute',
      'CreateRoute',
      'DescribeRouteTables',
      'DeleteRoute',
    ]);
    expect(routesOf(world)).toEqual(halves);
    expect(world.states.runs(routeTableId)).toHaveLength(1);
    expect(lastRun(world)?.toSorted()).toEqual([
      `create ${first} done`,
      `create ${second} done`,
      `delete ${block} done`,
    ]);
    world.clock.advance(10_000);
    await world.reconcile({ kind: 'requeue' });
    expect(world.status().phase).toBe('InSync');
  });

  it('keeps the block while EC2 rejects one of the halves, and reports it', async () => {
    const world = await split();
    world.faults.strike({ naming: second }, { refused: notAttached });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual({ ...whole, [first]: 'pcx-bbbbbbbb' });
    expect(world.status()).toMatchObject({
      phase: 'Failed',
      reason: expect.stringMatching(
        /^could not create 192\.168\.128\.0\/17: .*; the delete of 192\.168\.0\.0\/16 waits until a read shows 192\.168\.0\.0\/17$/,
      ),
      plan: { waiting: [{ destination: block, creates: [first, second] }] },
      failures: [{ destination: second }],
    });
    expect(lastRun(world)).toContain(`delete ${block} skipped waits-for-create`);
    expect(world.status().drift).toBeUndefined();
    expect(world.status().plan?.blocked).toBeUndefined();
  });

  it('deletes the block once EC2 accepts the other half', async () => {
    const world = await split();
    world.faults.strike({ naming: second }, { refused: notAttached });
    await world.reconcile({ kind: 'desired' });
    world.faults.clear();
    world.clock.advance(10 * 60_000);
    await world.reconcile({ kind: 'sweep' });
    expect(routesOf(world)).toEqual(halves);
  });

  it('does not read the table again if both halves are rejected', async () => {
    const world = await split();
    world.faults.strike({ action: 'CreateRoute' }, { refused: notAttached });
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DescribeTargets: 1, CreateRoute: 2 });
  });

  it('keeps the block while reads do not show the halves yet', async () => {
    const world = await split();
    world.faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { staleMs: 60_000 });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual({ ...whole, ...halves });
    expect(world.status()).toMatchObject({ phase: 'Verifying', nextRetry: expect.any(String) });
    world.clock.advance(5_000);
    await world.reconcile({ kind: 'requeue' });
    expect(routesOf(world)).toEqual(halves);
  });

  it('deletes the block first if the table is full, and creates the halves in the same reconcile', async () => {
    const beside = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
    const world = await split({ routesPerFamily: 4 }, beside);
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual({ ...beside, ...halves });
    const lines = world.ec2.journal.lines;
    expect(lines.filter((line) => line.startsWith('DeleteRoute'))).toHaveLength(1);
    expect(lines.at(-2)).toBe(`DeleteRoute ${block}`);
    expect(lines.at(-1)).toMatch(/^CreateRoute 192\.168\./);
  });

  it('deletes the block later if that delete failed, and retries the rejected half with it', async () => {
    const world = await split({ routesPerFamily: 2 });
    world.faults.strike({ action: 'DeleteRoute', times: 1 }, { refused: { code: 'RequestLimitExceeded' } });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toMatchObject(whole);
    world.clock.advance(60_000);
    await world.reconcile({ kind: 'requeue' });
    expect(routesOf(world)).toEqual(halves);
  });

  it('makes an approved delete even if a half is rejected', async () => {
    const world = await split();
    world.faults.strike({ action: 'CreateRoute' }, { refused: notAttached });
    await world.reconcile({ kind: 'desired' });
    const [at, until] = [world.now().toISOString(), minutesAfter(60, world.now()).toISOString()];
    const routes = [{ destination: block, target: 'pcx-aaaaaaaa' }];
    world.orders.put(routeTableId, 'approval', {
      routes,
      by: 'alice',
      at,
      until,
      desiredHash: desiredHash(desired(halves)),
    });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual({});
  });

  it('does not delay the delete of a route that appeared', async () => {
    const world = await inSync({});
    world.desire(halves);
    await world.ec2.as('mallory').createRoute({
      RouteTableId: routeTableId,
      DestinationCidrBlock: block,
      VpcPeeringConnectionId: 'pcx-aaaaaaaa',
    });
    world.ec2.scenery.vanish('pcx-bbbbbbbb');
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual({});
    expect(world.status()).toMatchObject({ phase: 'Failed' });
    expect(world.status().plan?.waiting).toBeUndefined();
  });
});

describe('an edit that merges two halves', () => {
  it('keeps the halves until a read shows the block', async () => {
    const world = await inSync(halves);
    world.desire(whole, { maxDeletes: 2 });
    world.faults.strike({ action: 'CreateRoute', times: 1 }, { refused: notAttached });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(halves);
    expect(world.status().reason).toMatch(/; the deletes of 192\.168\.0\.0\/17 and 1 more wait, the first until/);
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(whole);
  });
});
