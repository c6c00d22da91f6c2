import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateManagedPrefixListCommand,
  CreateRouteTableCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../local/stack.ts';
import { nothingLeft } from '../../reconciler/core/memory/trigger.ts';
import { type TableNames, checkpoint } from '../../reconciler/aws/dynamodb/checkpoint.ts';
import { documentClient } from '../../reconciler/aws/dynamodb/document-client.ts';
import { orderWriter } from '../../reconciler/aws/dynamodb/order-writer.ts';
import { tableOrders } from '../../reconciler/aws/dynamodb/orders-table.ts';
import { noOrders } from '../../reconciler/core/desired/orders.ts';
import { desiredWriter } from '../../reconciler/aws/dynamodb/desired-writer.ts';
import { situationReader } from '../../reconciler/aws/dynamodb/situation-reader.ts';
import { desiredItems } from '../../reconciler/aws/dynamodb/desired-table.ts';
import { tableEvidence } from '../../reconciler/aws/dynamodb/evidence-table.ts';
import { ec2RouteTables } from '../../reconciler/aws/ec2/route-tables.ts';
import { tableLeases } from '../../reconciler/aws/dynamodb/lease-table.ts';
import { paceRows } from '../../reconciler/aws/dynamodb/pace-table.ts';
import { tableIndex } from '../../reconciler/aws/dynamodb/table-index.ts';
import { lastValidItems } from '../../reconciler/aws/dynamodb/last-valid-table.ts';
import { tableStates } from '../../reconciler/aws/dynamodb/state-table.ts';
import { type Change, changeAsJson } from '../../reconciler/core/route/change.ts';
import type { RouteTables } from '../../reconciler/ports.ts';
import { item, local, minutesAfter, now, route, routeTableId } from '../support/builders.ts';
import { collect } from '../support/collect.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';
import { describeStores, state } from '../support/store-contract.ts';
import { localStack } from './support/local-stack.ts';

const { aws, ec2: ec2As, relay } = connect(localStack());
const as = ec2As({ kind: 'user', name: 'alice' });
const fiveSeconds = { sendWithinMs: 5_000, withinMs: 5_000 };

// The deployed functions must not react to these tables.
beforeAll(() => relay.events('drop'));
afterAll(() => relay.reset());

describe('ec2RouteTables, on an emulated EC2,', () => {
  const ec2 = new EC2Client(as);
  const tables: RouteTables = ec2RouteTables(as);
  let vpc: string;
  let table: string;
  let pcx: string;
  let prefixList: string;

  beforeAll(async () => {
    vpc = await createVpc();
    const peering = new CreateVpcPeeringConnectionCommand({ VpcId: vpc, PeerVpcId: await createVpc() });
    pcx = there((await ec2.send(peering)).VpcPeeringConnection?.VpcPeeringConnectionId);
    const list = new CreateManagedPrefixListCommand({ PrefixListName: 'p', MaxEntries: 5, AddressFamily: 'IPv4' });
    prefixList = there((await ec2.send(list)).PrefixList?.PrefixListId);
  });
  beforeEach(async () => {
    table = await createTable();
  });

  it('reads a table', async () => {
    expect(await tables.read(table)).toEqual({
      routeTableId: table,
      vpcId: vpc,
      ownerId: '000000000000',
      tags: {},
      routes: [local('10.0.0.0/16')],
    });
  });

  it('returns undefined for a table that does not exist', async () => {
    expect(await tables.read('rtb-00000000')).toBeUndefined();
  });

  it('reads more tables than fit into one request, and skips those that do not exist', async () => {
    const ids = await Promise.all(Array.from({ length: 120 }, createTable));
    const absent = Array.from({ length: 100 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
    await relay.forgetCalls();
    const found = await collect(tables.readMany([...ids, ...absent]));
    expect(new Set(found.map(({ routeTableId }) => routeTableId))).toEqual(new Set(ids));
    expect((await relay.calls()).map(({ action }) => action)).toEqual(['DescribeRouteTables', 'DescribeRouteTables']);
  });

  it.each(['10.20.0.0/16', '2001:db8::/32', 'a prefix list'])(
    'creates, replaces and deletes a route to %s',
    async (to) => {
      const text = to === 'a prefix list' ? prefixList : to;
      const { destination, target } = route(text, pcx);
      const other = route(
        text,
        pcx.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      ).target;
      const made = async () => (await tables.read(table))?.routes.find(({ spelling }) => spelling === text);
      const apply = (change: Change) => tables.apply(table, change, fiveSeconds);

      await apply({ action: 'create', destination, to: target });
      const from = there(await made());
      expect(from).toMatchObject({ destination, target, origin: 'created', state: 'active' });

      await apply({ action: 'replace', destination, from, to: target });
      expect(await made()).toMatchObject({ target });
      const missing: Change = { action: 'replace', destination, from, to: other };
      await expect(apply(missing), JSON.stringify(changeAsJson(missing))).rejects.toMatchObject({
        failure: { kind: 'not-ready', outcomeUnknown: false },
      });

      await apply({ action: 'delete', destination, from });
      expect(await made()).toBeUndefined();
      await expect(apply({ action: 'delete', destination, from })).rejects.toMatchObject({
        failure: { kind: 'stale' },
      });
    },
  );

  it('does not resend a mutation whose answer is lost', async () => {
    const { destination, target } = route('10.20.0.0/16', pcx);
    const create: Change = { action: 'create', destination, to: target };
    const on = { action: 'CreateRoute', naming: [table] };
    const calls = async () => (await relay.calls()).filter(({ action }) => action === 'CreateRoute').length;

    await relay.forgetCalls();
    await relay.inject({ on, effect: { kind: 'lose-answer' } });
    await expect(tables.apply(table, create, fiveSeconds)).rejects.toMatchObject({ failure: { outcomeUnknown: true } });
    expect([await calls(), (await tables.read(table))?.routes.length]).toEqual([1, 2]);
  });

  async function createVpc(): Promise<string> {
    return there((await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc?.VpcId);
  }

  async function createTable(): Promise<string> {
    return there((await ec2.send(new CreateRouteTableCommand({ VpcId: vpc }))).RouteTable?.RouteTableId);
  }
});

const dynamoDb = new DynamoDBClient(aws);
const documents = documentClient(dynamoDb);

describeStores('stores in an emulated DynamoDB', async () => {
  const { desiredTable, ordersTable, stateTable } = await createTables();
  return {
    desired: desiredItems(documents, desiredTable),
    put: async (Item) => void (await documents.send(new PutCommand({ TableName: desiredTable, Item }))),
    orders: tableOrders(documents, ordersTable),
    order: (routeTableId, order, fields) => writeOrder(ordersTable, routeTableId, order, fields),
    lastValid: lastValidItems(documents, stateTable),
    states: tableStates(documents, stateTable, { now: () => now }),
    index: tableIndex(documents, stateTable),
    evidence: tableEvidence(documents, stateTable, new InMemoryWorld().log),
    leases: tableLeases(documents, stateTable),
    pace: paceRows(documents, stateTable),
    putPace: async (row, tat) => {
      const Item = { routeTableId: '*', item: `pace#${row}`, tat };
      await documents.send(new PutCommand({ TableName: stateTable, Item }));
    },
  };
});

describe('in an emulated DynamoDB', () => {
  it.each([
    ['an end in the year 9999', { expiresAt: '9999-12-31T23:59:59.999Z' }],
    ['an end that is a number', { expiresAt: 253_402_300_799 }],
    ['an end that is no time', { expiresAt: 'tomorrow' }],
    ['no end', {}],
  ])('a lease with %s is taken at once, whatever else is in its row', async (_, row) => {
    const { stateTable } = await createTables();
    const leases = tableLeases(documents, stateTable);
    const Item = { routeTableId, item: 'lease', holder: 7, dirty: 'event', deletions: [1], firstBy: 7, ...row };
    await documents.send(new PutCommand({ TableName: stateTable, Item }));
    const claim = {
      holder: 'one',
      now,
      expiresAt: minutesAfter(1),
      latestEnd: minutesAfter(2),
      retakeBefore: now,
    };
    expect(await leases.take(routeTableId, claim)).toEqual({ taken: true, left: nothingLeft, wasInvalid: true });
    expect(await leases.take(routeTableId, { ...claim, holder: 'two' })).toMatchObject({ taken: false });
  });

  it('a checkpoint shows the item, the orders, and the holder of the lease', async () => {
    const { desiredTable, ordersTable, stateTable } = await createTables();
    const look = checkpoint(documents, { desiredTable, ordersTable, stateTable });
    expect(await look(routeTableId)).toEqual({ item: undefined, orders: noOrders, holder: undefined });
    const item = { routeTableId, routes: [] };
    await documents.send(new PutCommand({ TableName: desiredTable, Item: item }));
    await tableLeases(documents, stateTable).take(routeTableId, {
      holder: 'one',
      now,
      expiresAt: minutesAfter(1),
      latestEnd: minutesAfter(2),
      retakeBefore: now,
    });
    await writeOrder(ordersTable, routeTableId, 'pause', { reason: 'maintenance' });
    await writeOrder(ordersTable, '*', 'stop', { reason: 'incident', by: 'alice' });
    const pauses = [
      { of: 'table', reason: 'maintenance' },
      { of: 'fleet', reason: 'incident', by: 'alice' },
    ];
    expect(await look(routeTableId)).toEqual({ item, orders: { ...noOrders, pauses }, holder: 'one' });
  });

  it('an item is written only over the version that was read, whatever field of it changed', async () => {
    const { desiredTable } = await createTables();
    const writer = desiredWriter(documents, desiredTable);
    const stored = async (): Promise<unknown> =>
      (await documents.send(new GetCommand({ TableName: desiredTable, Key: { routeTableId } }))).Item;
    const first = { ...item({ '10.20.0.0/16': ['pcx-aaaaaaaa', 'pcx-bbbbbbbb'] }), maxDeletes: 3, note: null };
    expect(await writer.put(first, undefined)).toBe(true);
    expect(await writer.put(first, undefined)).toBe(false);
    for (const other of [
      { ...first, maxDeletes: 4 },
      { ...first, routes: [] },
      { ...first, paused: { reason: 'test' } },
      item({ '10.20.0.0/16': ['pcx-aaaaaaaa', 'pcx-bbbbbbbb'] }),
    ]) {
      await documents.send(new PutCommand({ TableName: desiredTable, Item: other }));
      expect(await writer.put(item(), first)).toBe(false);
      expect(await writer.remove(routeTableId, first)).toBe(false);
      expect(await stored()).toEqual(other);
    }
    await documents.send(new PutCommand({ TableName: desiredTable, Item: first }));
    expect(await writer.put(item({}, { mode: 'observe' }), await stored())).toBe(true);
    expect(await writer.remove(routeTableId, item({}, { mode: 'observe' }))).toBe(true);
    expect(await stored()).toBeUndefined();
    expect(await writer.put(item(), first)).toBe(false);
  });

  it('a situation reader shows what reconciles read, for many tables in few calls', async () => {
    const { desiredTable, ordersTable, stateTable } = await createTables();
    const reader = situationReader(documents, { desiredTable, ordersTable, stateTable });
    const other = 'rtb-0b1b2c3d4e5f60719';
    await documents.send(new PutCommand({ TableName: desiredTable, Item: item() }));
    await documents.send(new PutCommand({ TableName: stateTable, Item: { routeTableId, item: 'status', memory: 1 } }));
    await writeOrder(ordersTable, other, 'pause', { reason: 'maintenance' });
    expect([...(await reader.of([routeTableId, other]))]).toEqual([
      [routeTableId, { item: item(), orders: noOrders, known: { isLost: true } }],
      [
        other,
        { item: undefined, orders: { ...noOrders, pauses: [{ of: 'table', reason: 'maintenance' }] }, known: {} },
      ],
    ]);
    expect(await reader.managed()).toEqual([routeTableId]);
    expect(await reader.sweep()).toBeUndefined();
  });

  describe('an order', () => {
    const order = (minutes?: number) => ({
      reason: 'failover test',
      by: 'alice',
      at: now,
      ...(minutes !== undefined && { until: minutesAfter(minutes) }),
    });
    const desk = async () => {
      const { ordersTable } = await createTables();
      const orders = async () => (await tableOrders(documents, ordersTable).all()).of(routeTableId);
      return { writer: orderWriter(documents, ordersTable), orders, ordersTable };
    };

    it('to pause is written, replaced, and ended, and its row keeps the end', async () => {
      const { writer, orders } = await desk();
      expect(await writer.pause({ routeTableId }, order())).toBeUndefined();
      expect(await writer.pause({ routeTableId }, { ...order(5), reason: 'another' })).toMatchObject({
        reason: 'failover test',
      });
      expect(await writer.pause('fleet', order())).toBeUndefined();
      expect((await orders()).pauses).toMatchObject([
        { of: 'table', reason: 'another', until: minutesAfter(5) },
        { of: 'fleet', by: 'alice' },
      ]);
      expect(await writer.resume({ routeTableId }, minutesAfter(1))).toBe('ended');
      expect(await writer.resume({ routeTableId }, minutesAfter(2))).toBe('over');
      expect(await writer.resume('fleet', minutesAfter(2))).toBe('ended');
      expect((await orders()).pauses).toMatchObject([{ until: minutesAfter(1) }, { until: minutesAfter(2) }]);
    });

    it('to stop that was written by hand can be ended', async () => {
      const { writer, orders, ordersTable } = await desk();
      await writeOrder(ordersTable, '*', 'stop', { until: ['soon'] });
      expect(await writer.resume('fleet', now)).toBe('ended');
      expect((await orders()).pauses).toMatchObject([{ of: 'fleet', until: now }]);
    });

    it('to hold a destination keeps all other holds, however many are written at once', async () => {
      const { writer, orders } = await desk();
      const destinations = Array.from({ length: 8 }, (_, n) => `10.${n}.0.0/16`);
      await Promise.all(destinations.map((destination) => writer.hold(routeTableId, destination, order(60))));
      expect((await orders()).holds.map(({ destination }) => destination)).toEqual(destinations);
      await writer.hold(routeTableId, '10.0.0.0/16', order(120));
      expect((await orders()).holds[0]).toMatchObject({ until: minutesAfter(120) });
      expect(await writer.release(routeTableId, '10.0.0.0/16', now)).toBe('ended');
      expect(await writer.release(routeTableId, '10.0.0.0/16', now)).toBe('over');
      expect(await writer.release(routeTableId, '10.99.0.0/16', now)).toBe('none');
      expect((await orders()).holds.slice(0, 2)).toMatchObject([
        { until: now, reason: 'failover test' },
        { until: minutesAfter(60) },
      ]);
    });

    it('to hold that was written by hand can be ended, whatever its fields and the spelling of its destination', async () => {
      const { writer, orders, ordersTable } = await desk();
      await writeOrder(ordersTable, routeTableId, 'holds', { holds: { '10.20.0.7/16': 'please' } });
      expect(await writer.release(routeTableId, '10.20.0.0/16', now)).toBe('ended');
      expect((await orders()).holds).toMatchObject([{ destination: '10.20.0.0/16', until: now }]);
      await writeOrder(ordersTable, routeTableId, 'holds', { holds: 'please' });
      await writer.hold(routeTableId, '10.20.0.0/16', order(5));
      expect((await orders()).holds).toMatchObject([{ destination: '10.20.0.0/16', until: minutesAfter(5) }]);
    });

    it('to approve is read as it was written', async () => {
      const { writer, orders } = await desk();
      const approval = {
        routes: [{ destination: '10.99.0.0/16', target: 'igw-aaaaaaaa' }],
        by: 'alice',
        at: now.toISOString(),
        until: minutesAfter(60),
        desiredHash: 'aaaaaaaaaaaa',
      };
      await writer.approve(routeTableId, approval);
      expect((await orders()).approval).toEqual(approval);
    });
  });

  it.each([
    ['of an unknown shape', { phase: 'Splendid', revision: 41 }],
    ['without what permits deletes', { ...state.status, revision: 41 }],
    ['with a memory that was not packed', { ...state.status, revision: 41, memory: new Uint8Array([1, 2, 3]) }],
  ])('a row %s counts as lost', async (_, broken) => {
    const { stateTable } = await createTables();
    const states = tableStates(documents, stateTable, { now: () => now });
    const Item = { ...broken, routeTableId, item: 'status' };
    await documents.send(new PutCommand({ TableName: stateTable, Item }));
    expect(await states.read(routeTableId)).toEqual({ isLost: true });
    // It does not block the next state, and a copy is kept for a person to inspect.
    expect(await states.write(state)).toBe(true);
    expect(await states.read(routeTableId)).toEqual({ state });
    const Key = { routeTableId, item: 'unreadable-status' };
    const aside = await documents.send(new GetCommand({ TableName: stateTable, Key }));
    expect(aside.Item).toEqual({ ...Item, item: 'unreadable-status' });
    expect(await states.write(state)).toBe(false);
  });

  it('a bulk read skips a row of an unknown shape, but not a row with only an unreadable memory', async () => {
    const { stateTable } = await createTables();
    const states = tableStates(documents, stateTable, { now: () => now });
    const { status, revision } = state;
    const rows = [
      { ...status, revision, routeTableId: 'rtb-aaaaaaaa', phase: 'Splendid' },
      { ...status, revision, routeTableId: 'rtb-bbbbbbbb' },
    ];
    for (const row of rows)
      await documents.send(new PutCommand({ TableName: stateTable, Item: { ...row, item: 'status' } }));
    const found = await states.glance(['rtb-aaaaaaaa', 'rtb-bbbbbbbb']);
    expect([...found.keys()]).toEqual(['rtb-bbbbbbbb']);
  });
});

/** Writes one row of orders as a person would; without fields, removes it. */
async function writeOrder(TableName: string, routeTableId: string, order: string, fields?: object): Promise<void> {
  const Key = { routeTableId, order };
  if (fields) await documents.send(new PutCommand({ TableName, Item: { ...fields, ...Key } }));
  else await documents.send(new DeleteCommand({ TableName, Key }));
}

let tablesMade = 0;

/** Creates tables like those of the stack, separate from it. */
async function createTables(): Promise<TableNames> {
  tablesMade += 1;
  const desiredTable = `adapters-desired-${tablesMade}`;
  const ordersTable = `adapters-orders-${tablesMade}`;
  const stateTable = `adapters-states-${tablesMade}`;
  const create = (TableName: string, keys: readonly string[]) =>
    dynamoDb.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: keys.map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? 'HASH' : 'RANGE' })),
      }),
    );
  await Promise.all([
    create(desiredTable, ['routeTableId']),
    create(ordersTable, ['routeTableId', 'order']),
    create(stateTable, ['routeTableId', 'item']),
  ]);
  return { desiredTable, ordersTable, stateTable };
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the answer lacks a value');
  return value;
}
