import { describe, expect, it } from 'vitest';
import { checkpoint } from '../../../reconciler/aws/checkpoint.ts';
import { desiredItems } from '../../../reconciler/aws/desired-table.ts';
import { tableOrders } from '../../../reconciler/aws/orders-table.ts';
import { tableStates } from '../../../reconciler/aws/state-table.ts';
import { routeTableId } from '../../support/builders.ts';
import { collect } from '../../support/collect.ts';
import { dynamoDbThatAnswers } from '../../support/dynamodb.ts';

// What is asked of DynamoDB; what an emulator can show as well is in the contract suite of the stores.

const tables = { desiredTable: 'Desired', ordersTable: 'Orders', stateTable: 'States' };

const inputs = ({ requests }: ReturnType<typeof dynamoDbThatAnswers>) => requests.map(({ input }) => input);

describe('what decisions rest on is read consistently:', () => {
  it('the status', async () => {
    const dynamoDb = dynamoDbThatAnswers(() => ({}));
    expect(await tableStates(dynamoDb.documents, 'States').read(routeTableId)).toBeUndefined();
    expect(inputs(dynamoDb)).toMatchObject([{ TableName: 'States', ConsistentRead: true }]);
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
            ],
          },
        },
      },
    ]);
  });
});

describe('an answer in part', () => {
  const key = { routeTableId: { S: routeTableId }, item: { S: 'lease' } };

  it('to whether to go on throws: it must not look like no item or no holder', async () => {
    const unprocessed = { UnprocessedKeys: { States: { Keys: [key] } }, Responses: { Desired: [] } };
    const { documents } = dynamoDbThatAnswers(() => unprocessed);
    const look = checkpoint(documents, tables);
    await expect(look(routeTableId)).rejects.toThrow('did not answer for every item');
  });

  it('to a read of statuses is followed by requests for the rest', async () => {
    let left = 2;
    const dynamoDb = dynamoDbThatAnswers(({ input }) => ({
      Responses: { States: [] },
      UnprocessedKeys: left-- > 0 ? input['RequestItems'] : {},
    }));
    await tableStates(dynamoDb.documents, 'States').readMany([routeTableId]);
    expect(dynamoDb.requests).toHaveLength(3);
  });

  it('to the scan of orders is followed to its end', async () => {
    const stop = { routeTableId: { S: '*' }, order: { S: 'stop' } };
    const pages = [{ Items: [], LastEvaluatedKey: stop }, { Items: [stop] }];
    const { documents } = dynamoDbThatAnswers(() => pages.shift() ?? {});
    const ordersOf = await tableOrders(documents, 'Orders').all();
    expect(ordersOf(routeTableId).pauses).toEqual([{ of: 'fleet', reason: 'no reason given' }]);
  });

  it('to a listing of items is followed to its end, however empty its pages are', async () => {
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
  ])('expires after %s days; after 90 if nobody says how many', async (days, expiresAt) => {
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
    await tableStates(dynamoDb.documents, 'States', days).recordRun(run);
    expect(inputs(dynamoDb)).toMatchObject([
      { Item: { item: { S: `run#${run.id}` }, expiresAt: { N: String(Date.parse(expiresAt) / 1_000) } } },
    ]);
  });
});

describe('the record of the last sweep', () => {
  it('counts as none when nobody can read it: then a sweep starts over', async () => {
    const Item = { startedAt: { S: '2026-11-23T12:00:00.000Z' }, checked: { N: '3' }, cursor: { S: 'rtb-aaaaaaaa' } };
    const dynamoDb = dynamoDbThatAnswers(() => ({ Item }));
    expect(await tableStates(dynamoDb.documents, 'States').readSweep()).toBeUndefined();
  });
});
