import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkpoint } from '../../../../reconciler/aws/dynamodb/checkpoint.ts';
import { tableEvidence } from '../../../../reconciler/aws/dynamodb/evidence-table.ts';
import { desiredItems } from '../../../../reconciler/aws/dynamodb/desired-table.ts';
import { tableOrders } from '../../../../reconciler/aws/dynamodb/orders-table.ts';
import { lastValidItems } from '../../../../reconciler/aws/dynamodb/last-valid-table.ts';
import { pack } from '../../../../reconciler/aws/dynamodb/pack.ts';
import { tableStates } from '../../../../reconciler/aws/dynamodb/state-table.ts';
import { now, routeTableId } from '../../../support/builders.ts';
import { collect } from '../../../support/collect.ts';
import { dynamoDbThatAnswers, itemLimit, itemSize } from '../../../support/dynamodb.ts';
import { InMemoryWorld } from '../../../support/in-memory-world.ts';

// These tests check the requests to DynamoDB. The contract suite of the stores covers what an emulator can show.

const tables = { desiredTable: 'Desired', ordersTable: 'Orders', stateTable: 'States' };

const inputs = ({ requests }: ReturnType<typeof dynamoDbThatAnswers>) => requests.map(({ input }) => input);

describe('a consistent read returns the data that decisions depend on:', () => {
  it('the state', async () => {
    const dynamoDb = dynamoDbThatAnswers(() => ({}));
    expect(await tableStates(dynamoDb.documents, 'States').read(routeTableId)).toEqual({});
    expect(inputs(dynamoDb)).toMatchObject([{ TableName: 'States', ConsistentRead: true }]);
  });

  it('the last valid item', async () => {
    const dynamoDb = dynamoDbThatAnswers(() => ({}));
    expect(await lastValidItems(dynamoDb.documents, 'States').read(routeTableId)).toBeUndefined();
    const Key = { routeTableId: { S: routeTableId }, item: { S: 'last-valid' } };
    expect(inputs(dynamoDb)).toEqual([{ TableName: 'States', ConsistentRead: true, Key }]);
  });

  it('the desired item, the lease and all orders, in one request', async () => {
    const dynamoDb = dynamoDbThatAnswers(() => ({ Responses: {}, UnprocessedKeys: {} }));
    await checkpoint(dynamoDb.documents, tables)(routeTableId);
    expect(inputs(dynamoDb)).toMatchObject([
      {
        RequestItems: {
          Desired: { ConsistentRead: true, Keys: [{ routeTableId: { S: routeTableId } }] },
          States: {
            ConsistentRead: true,
            Keys: [{ routeTableId: { S: routeTableId }, item: { S: 'lease' } }],
          },
          Orders: {
            ConsistentRead: true,
            Keys: [
              { routeTableId: { S: routeTableId }, order: { S: 'pause' } },
              { routeTableId: { S: routeTableId }, order: { S: 'stop' } },
              { routeTableId: { S: routeTableId }, order: { S: 'approval' } },
              { routeTableId: { S: routeTableId }, order: { S: 'holds' } },
              { routeTableId: { S: '*' }, order: { S: 'pause' } },
              { routeTableId: { S: '*' }, order: { S: 'stop' } },
              { routeTableId: { S: '*' }, order: { S: 'approval' } },
            ],
          },
        },
      },
    ]);
  });
});

describe('the last valid item', () => {
  const since = now.toISOString();

  it('fits in its row, however large and random the item is', async () => {
    const random = () => randomBytes(96).toString('base64').padEnd(256, 'x');
    const item = {
      routeTableId,
      routes: Array.from({ length: 1_200 }, (_, n) => ({
        destination: `10.${n >> 8}.${n & 255}.0/24`,
        target: `pcx-${randomBytes(9).toString('hex').slice(0, 17)}`,
        description: random(),
      })),
    };
    expect(itemSize(item)).toBeGreaterThan(380_000);
    const dynamoDb = dynamoDbThatAnswers(() => ({}));
    await lastValidItems(dynamoDb.documents, 'States').write(routeTableId, { item, since });
    const { Item } = z.object({ Item: z.object({ version: z.object({ B: z.string() }) }) }).parse(inputs(dynamoDb)[0]);
    expect(Buffer.from(Item.version.B, 'base64').byteLength).toBeLessThan(itemLimit - 1_000);
  });

  it.each<[string, object]>([
    ['without a version', { since: { S: since } }],
    ['with a version that cannot be unpacked', { since: { S: since }, version: { B: 'AAAA' } }],
    ['with a version of another type', { since: { S: since }, version: { S: '{}' } }],
    ['without a time', { version: { B: Buffer.from(pack({ routeTableId })).toString('base64') } }],
  ])('is undefined %s', async (_, row) => {
    const { documents } = dynamoDbThatAnswers(() => ({ Item: row }));
    expect(await lastValidItems(documents, 'States').read(routeTableId)).toBeUndefined();
  });
});

describe('a partial answer', () => {
  const key = { routeTableId: { S: routeTableId }, item: { S: 'lease' } };

  it('to the checkpoint throws: it must not look like a missing item or lease holder', async () => {
    const unprocessed = { UnprocessedKeys: { States: { Keys: [key] } }, Responses: { Desired: [] } };
    const { documents } = dynamoDbThatAnswers(() => unprocessed);
    const look = checkpoint(documents, tables);
    await expect(look(routeTableId)).rejects.toThrow('did not answer for every item');
  });

  it('to a bulk read of states leads to requests for the rest', async () => {
    let left = 2;
    const dynamoDb = dynamoDbThatAnswers(({ input }) => ({
      Responses: { States: [] },
      UnprocessedKeys: left-- > 0 ? input['RequestItems'] : {},
    }));
    await tableStates(dynamoDb.documents, 'States').glance([routeTableId]);
    expect(dynamoDb.requests).toHaveLength(3);
  });

  it('to the scan of orders is followed to the last page', async () => {
    const stop = { routeTableId: { S: '*' }, order: { S: 'stop' } };
    const pages = [{ Items: [], LastEvaluatedKey: stop }, { Items: [stop] }];
    const { documents } = dynamoDbThatAnswers(() => pages.shift() ?? {});
    const { of: ordersOf } = await tableOrders(documents, 'Orders').all();
    expect(ordersOf(routeTableId).pauses).toEqual([{ of: 'fleet', reason: 'no reason given' }]);
  });

  it('to a listing of items is followed to the last page, even if pages are empty', async () => {
    const pages = [
      { Items: [], LastEvaluatedKey: { routeTableId: { S: 'rtb-aaaaaaaa' } } },
      { Items: [{ routeTableId: { S: 'rtb-bbbbbbbb' } }] },
    ];
    const { documents } = dynamoDbThatAnswers(() => pages.shift() ?? {});
    expect(await collect(desiredItems(documents, 'Desired').pages())).toEqual([
      { items: [], next: 'rtb-aaaaaaaa' },
      { items: [{ routeTableId: 'rtb-bbbbbbbb', item: { routeTableId: 'rtb-bbbbbbbb' } }] },
    ]);
  });
});

describe('a run', () => {
  it.each([
    [undefined, '2027-02-21T12:00:00Z'],
    [1, '2026-11-24T12:00:00Z'],
  ])('expires after %s days, or after 90 by default', async (days, expiresAt) => {
    const dynamoDb = dynamoDbThatAnswers(() => ({}));
    const detectedAt = '2026-11-23T12:00:00.000Z';
    const plan = { routeTableId, inSync: true, planId: '', changes: [], unchanged: 0, leftAlone: [], findings: [] };
    const run = {
      routeTableId,
      id: `${detectedAt}#1`,
      trigger: { kind: 'sweep' },
      plan,
      outcome: [],
      detectedAt,
    } as const;
    await tableStates(dynamoDb.documents, 'States', days === undefined ? {} : { historyDays: days }).recordRun(run);
    expect(inputs(dynamoDb)).toMatchObject([
      { Item: { item: { S: `run#${run.id}` }, expiresAt: { N: String(Date.parse(expiresAt) / 1_000) } } },
    ]);
  });
});

describe('the record of the last sweep', () => {
  it('is ignored when it is unreadable: the sweep then starts over', async () => {
    const Item = { startedAt: { S: '2026-11-23T12:00:00.000Z' }, checked: { N: '3' }, cursor: { S: 'rtb-aaaaaaaa' } };
    const dynamoDb = dynamoDbThatAnswers(() => ({ Item }));
    expect(await tableStates(dynamoDb.documents, 'States').readSweep()).toBeUndefined();
  });
});

describe('a reported call', () => {
  const call = { id: 'event-1', name: 'DeleteRoute', time: '2026-11-23T12:00:00Z', about: 'route' } as const;
  const { log, lines } = new InMemoryWorld();

  it('expires a day after it was made', async () => {
    const dynamoDb = dynamoDbThatAnswers(() => ({}));
    await tableEvidence(dynamoDb.documents, 'States', log).keep([{ routeTableId, call }]);
    expect(inputs(dynamoDb)).toMatchObject([
      {
        RequestItems: {
          States: [
            {
              PutRequest: {
                Item: {
                  item: { S: 'call#2026-11-23T12:00:00Z#event-1' },
                  expiresAt: { N: String(Date.parse('2026-11-24T12:00:00Z') / 1_000) },
                },
              },
            },
          ],
        },
      },
    ]);
  });

  it('that cannot be parsed is skipped and logged, and the others are read consistently', async () => {
    const row = (item: string, about: string) => ({
      routeTableId: { S: routeTableId },
      item: { S: item },
      id: { S: 'event-1' },
      name: { S: 'DeleteRoute' },
      time: { S: '2026-11-23T12:00:00Z' },
      about: { S: about },
    });
    const actor = { M: { arn: { S: 'user/alice' }, userAgent: { N: '7' } } };
    const Items = [
      row('call#9#strange', 'moon'),
      { ...row('call#8#actor', 'route'), actor },
      row('call#2#known', 'route'),
      { item: { S: 'call#1#empty' } },
    ];
    const dynamoDb = dynamoDbThatAnswers(() => ({ Items }));
    expect(await tableEvidence(dynamoDb.documents, 'States', log).of(routeTableId, now)).toEqual([call]);
    expect(inputs(dynamoDb)).toMatchObject([{ ConsistentRead: true, ScanIndexForward: false, Limit: 300 }]);
    const skipped = lines.filter(({ message }) => message === 'skipped a reported call that cannot be read');
    expect(skipped).toMatchObject([
      { level: 'warn', fields: { routeTableId, item: 'call#9#strange' } },
      { level: 'warn', fields: { routeTableId, item: 'call#8#actor' } },
      { level: 'warn', fields: { routeTableId, item: 'call#1#empty' } },
    ]);
  });
});
