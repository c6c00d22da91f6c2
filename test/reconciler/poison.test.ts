import { describe, expect, it } from 'vitest';
import { rowOf, stateOf } from '../../reconciler/aws/dynamodb/state-row.ts';
import { ec2Call } from '../../reconciler/aws/ec2/cloudtrail.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { reconcileConcerned } from '../../reconciler/wake.ts';
import { routeTableId } from '../support/builders.ts';
import { itemLimit, itemSize } from '../support/dynamodb.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// One bad thing harms nothing else: it is reported, and every other table is repaired in the same sweep.

const [poisoned, ...others] = ['rtb-aaaaaaaa', 'rtb-bbbbbbbb', 'rtb-cccccccc'] as const;
const wanted = { '10.20.0.0/16': 'pcx-aaaaaaaa' };
const routes = [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }];

/** Three tables in sync. Then somebody deletes their routes. */
async function drifted(): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  for (const id of [poisoned, ...others]) {
    world.ec2.scenery.table(id, { routes: wanted });
    world.desired.put({ routeTableId: id, routes });
    await world.settle(id);
    world.ec2.scenery.removeRoute(id, '10.20.0.0/16');
  }
  world.forget();
  return world;
}

const expectOthersRepaired = (world: InMemoryWorld): void =>
  expect(others.map((id) => world.ec2.scenery.routesOf(id))).toEqual([wanted, wanted]);

describe('every other table is repaired in the same sweep', () => {
  it.each(['leases', 'states', 'evidence', 'desired', 'lastValid'] as const)(
    'if a store of %s fails for one table, which is Unknown',
    async (store) => {
      const world = await drifted();
      if (store === 'lastValid') world.desired.put({ routeTableId: poisoned, routes: 'none' });
      const reading = { leases: 'take', states: 'read', evidence: 'of', desired: 'read', lastValid: 'lastValid.read' };
      world[store].faults = (call: string, id?: string) => {
        if (id === poisoned && call === reading[store]) throw new TypeError('poison');
      };
      const record = await sweep(world, world.invocation());
      expect(record.unknown).toEqual({ count: 1, first: [{ routeTableId: poisoned, reason: 'TypeError: poison' }] });
      expectOthersRepaired(world);
    },
  );

  it.each<[string, Record<string, unknown>]>([
    ['text', { routes: 'none' }],
    [
      'too many scope entries',
      { routes, scope: Array.from({ length: 13_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`) },
    ],
    ['a set', { routes: new Set(['10.20.0.0/16']) }],
    ['binary data', { routes: new Uint8Array(390_000) }],
    [
      'a target of 390 KB',
      { routes: [{ ...routes[0], target: `arn:aws:odb:eu-west-1:111122223333:odb-network/${'a'.repeat(390_000)}` }] },
    ],
    ['a number of 125 digits', { routes, maxDeletes: 1e125 }],
    ['an end in the year 10000', { routes, paused: { reason: 'x', until: '9999-12-31T23:59:59-01:00' } }],
  ])('if one item has %s, and its table is Invalid', async (_, item) => {
    const world = await drifted();
    world.desired.put({ ...item, routeTableId: poisoned });
    await sweep(world, world.invocation());
    expect(world.states.status(poisoned).phase).toBe('Invalid');
    const row = rowOf(world.states.stored(poisoned));
    expect(itemSize(row)).toBeLessThan(itemLimit);
    expect(stateOf(row, world.now())).toBeDefined();
    expectOthersRepaired(world);
  });

  it.each<[string, string, string, object]>([
    ['an unknown name', poisoned, 'stopp', { reason: 'x' }],
    ['wrong types', poisoned, 'approval', { routes: 7, by: [], at: {}, until: null }],
    ['an end in the year 10000', poisoned, 'pause', { until: '9999-12-31T23:59:59-01:00' }],
    ['a reason of 390 KB', poisoned, 'pause', { reason: 'x'.repeat(390_000) }],
    [
      '5,000 holds',
      poisoned,
      'holds',
      { holds: Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`10.${n >> 8}.${n & 255}.0/24`, 'x'])) },
    ],
    ['a key that is no table', 'rtb-*', 'pause', { reason: 'x' }],
  ])('if an order has %s', async (_, id, order, fields) => {
    const world = await drifted();
    world.orders.put(id, order, fields);
    const record = await sweep(world, world.invocation());
    expect(record).toMatchObject({ checked: 3, unknown: { count: 0 } });
    const row = rowOf(world.states.stored(poisoned));
    expect(itemSize(row)).toBeLessThan(itemLimit);
    expect(stateOf(row, world.now())).toBeDefined();
    expectOthersRepaired(world);
  });
});

it('400 routes that 400 callers with user agents of 1 KB changed fit in the status and in the run', async () => {
  const accountId = '111122223333';
  const blocks = Array.from({ length: 400 }, (_, n) => `10.${100 + (n >> 8)}.${n & 255}.0/24`);
  const world = await inSync(Object.fromEntries(blocks.map((block) => [block, 'pcx-aaaaaaaa'])));
  const noise = (n: number): string =>
    Array.from({ length: 100 }, (_, k) => Math.sin(n * 100 + k).toString(36))
      .join('')
      .slice(0, 1_000);
  for (const [n, block] of blocks.entries()) {
    world.ec2.scenery.removeRoute(routeTableId, block);
    world.ec2.scenery.route(routeTableId, block, 'tgw-aaaaaaaa');
    const detail = {
      eventSource: 'ec2.amazonaws.com',
      eventName: 'ReplaceRoute',
      eventTime: world.now().toISOString(),
      eventID: `event-${n}`,
      recipientAccountId: accountId,
      userAgent: noise(n),
      userIdentity: { arn: `arn:aws:sts::${accountId}:assumed-role/deployer/${noise(1_000 + n)}` },
      requestParameters: { routeTableId, destinationCidrBlock: block, transitGatewayId: 'tgw-aaaaaaaa' },
    };
    const call = ec2Call({ 'detail-type': 'AWS API Call via CloudTrail', detail }, accountId);
    if (call) await world.evidence.keep([{ routeTableId, call: call.call }]);
  }
  await reconcileConcerned(
    { routeTableIds: [routeTableId], call: world.callOf(), others: [] },
    world,
    world.invocation(),
  );
  const row = rowOf(world.states.stored(routeTableId));
  expect(world.status().drift).toHaveLength(100);
  expect(itemSize(row)).toBeLessThan(itemLimit);
  expect(stateOf(row, world.now())).toBeDefined();
  for (const run of world.states.runs(routeTableId)) expect(itemSize(run)).toBeLessThan(itemLimit);
});
