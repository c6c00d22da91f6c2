import { describe, expect, it } from 'vitest';
import { type Scope, orderWriter } from '../../../../reconciler/aws/dynamodb/order-writer.ts';
import { minutesAfter, now, routeTableId } from '../../../support/builders.ts';
import { type DynamoDbRequest, dynamoDbThatAnswers } from '../../../support/dynamodb.ts';

// The tests of the adapters on the local stack cover what an emulator can show.

const until = (minutes: number) => ({ reason: { S: 'x' }, until: { S: minutesAfter(minutes).toISOString() } });
const isRead = ({ operation }: DynamoDbRequest) => operation === 'BatchGetItem' || operation === 'GetItem';
const month = 30 * 24 * 60 * 60;

describe('the end of a pause', () => {
  /** Ends a pause that has these rows; returns the writes and the result. */
  async function resumed(scope: Scope, rows: Record<string, object>) {
    const id = { S: scope === 'fleet' ? '*' : scope.routeTableId };
    const Orders = Object.entries(rows).map(([order, row]) => ({ ...row, routeTableId: id, order: { S: order } }));
    const dynamoDb = dynamoDbThatAnswers((request) => (isRead(request) ? { Responses: { Orders } } : {}));
    const result = await orderWriter(dynamoDb.documents, 'Orders').resume(scope, now);
    return { result, writes: dynamoDb.requests.filter((request) => !isRead(request)) };
  }

  it.each([
    ['a pause without an end', { routeTableId }, { pause: { reason: { S: 'x' } } }],
    ['a pause that lasts', { routeTableId }, { pause: until(5) }],
    ['a stop of all', 'fleet', { stop: until(5) }],
    ['a stop under the other name', 'fleet', { pause: until(5), stop: until(-60) }],
    ['a pause with an unreadable end', { routeTableId }, { pause: { until: { S: 'soon' } } }],
  ] as const)('of %s is written, and the row expires 30 days later', async (_, scope, rows) => {
    const { result, writes } = await resumed(scope, rows);
    expect(result).toBe('ended');
    expect(writes).toMatchObject([
      {
        input: {
          ExpressionAttributeValues: {
            ':at': { S: now.toISOString() },
            ':expiresAt': { N: String(now.getTime() / 1_000 + month) },
          },
        },
      },
    ]);
  });

  it.each([[{ routeTableId }], ['fleet' as const]])('of %o is written under both names', async (scope) => {
    const { result, writes } = await resumed(scope, { pause: until(5), stop: until(5) });
    expect(result).toBe('ended');
    expect(writes.map(({ input }) => input['Key'])).toMatchObject([
      { order: { S: 'pause' } },
      { order: { S: 'stop' } },
    ]);
  });

  it.each([
    ['there is no order', { routeTableId }, {}, 'none'],
    ['it ended long ago', { routeTableId }, { pause: until(-60) }, 'over'],
    ['it ended in another time zone', 'fleet', { stop: { until: { S: '2026-11-23T13:30:00+02:00' } } }, 'over'],
  ] as const)('writes nothing if %s', async (_, scope, rows, expected) => {
    expect(await resumed(scope, rows)).toEqual({ result: expected, writes: [] });
  });
});

it('approves an edit besides those that were approved before', async () => {
  const { documents, requests } = dynamoDbThatAnswers(() => ({}));
  await orderWriter(documents, 'Orders').approveEdit('edit-aaaaaaaaaaaa', {
    by: 'alice',
    at: now,
    until: minutesAfter(5),
  });
  expect(requests[0]?.input).toMatchObject({
    Key: { routeTableId: { S: '*' }, order: { S: 'approval' } },
    UpdateExpression: expect.stringContaining('ADD #edits :edits'),
    ExpressionAttributeValues: { ':edits': { SS: ['edit-aaaaaaaaaaaa'] }, ':at': { S: now.toISOString() } },
  });
});

it.each([
  ['one that is still active', { reason: { S: 'incident' } }, { of: 'table', reason: 'incident' }],
  ['nothing where it had ended', { until: { S: minutesAfter(-1).toISOString() } }, undefined],
])('a pause returns what it replaced: %s', async (_, row, was) => {
  const Attributes = { ...row, routeTableId: { S: routeTableId }, order: { S: 'pause' } };
  const { documents } = dynamoDbThatAnswers(() => ({ Attributes }));
  const order = { reason: 'failover test', by: 'alice', at: now };
  expect(await orderWriter(documents, 'Orders').pause({ routeTableId }, order)).toEqual(was);
});

it.each([
  ['with an end goes 30 days after it', minutesAfter(60), { N: String(minutesAfter(60).getTime() / 1_000 + month) }],
  ['without an end stays', undefined, undefined],
])('a pause %s', async (_, end, expiresAt) => {
  const { documents, requests } = dynamoDbThatAnswers(() => ({}));
  const order = { reason: 'x', by: 'alice', at: now, ...(end && { until: end }) };
  expect(await orderWriter(documents, 'Orders').pause('fleet', order)).toBeUndefined();
  expect(requests[0]?.input['Item']).toEqual({
    routeTableId: { S: '*' },
    order: { S: 'stop' },
    reason: { S: 'x' },
    by: { S: 'alice' },
    at: { S: now.toISOString() },
    ...(end && { until: { S: end.toISOString() }, expiresAt }),
  });
});
