import { describe, expect, it } from 'vitest';
import { checkpoint } from '../../../../reconciler/aws/dynamodb/checkpoint.ts';
import { desiredItems } from '../../../../reconciler/aws/dynamodb/desired-table.ts';
import { tableOrders } from '../../../../reconciler/aws/dynamodb/orders-table.ts';
import { tableStates } from '../../../../reconciler/aws/dynamodb/state-table.ts';
import { routeTableId } from '../../../support/builders.ts';
import { collect } from '../../../support/collect.ts';
import { dynamoDbThatAnswers } from '../../../support/dynamodb.ts';

// One row that makes no sense hides no other row.

const tables = { desiredTable: 'Desired', ordersTable: 'Orders', stateTable: 'States' };

/** Numbers that DynamoDB stores and JavaScript cannot represent. */
const numbers = ['12345678901234567890.5', '1E+40', '9.9999999999999999999999999999999999999E+125'];

describe.each(numbers)('the number %s', (N) => {
  const other = { routeTableId: { S: 'rtb-bbbbbbbb' } };
  const poisoned = { routeTableId: { S: routeTableId }, order: { S: 'pause' }, maxDeletes: { N } };

  it('in one item hides no other item of its page', async () => {
    const { documents } = dynamoDbThatAnswers(() => ({ Items: [poisoned, other] }));
    const [page] = await collect(desiredItems(documents, 'Desired').pages());
    expect(page?.items.map((item) => item.routeTableId)).toEqual([routeTableId, 'rtb-bbbbbbbb']);
  });

  it('in one order hides no other order', async () => {
    const stop = { routeTableId: { S: '*' }, order: { S: 'stop' } };
    const { documents } = dynamoDbThatAnswers(() => ({ Items: [poisoned, stop] }));
    const { of: ordersOf } = await tableOrders(documents, 'Orders').all();
    expect(ordersOf('rtb-bbbbbbbb').pauses).toHaveLength(1);
  });

  it('in an item does not hide its orders and its lease', async () => {
    const answer = { Responses: { Desired: [poisoned], Orders: [poisoned], States: [] }, UnprocessedKeys: {} };
    const { documents } = dynamoDbThatAnswers(() => answer);
    expect((await checkpoint(documents, tables)(routeTableId)).orders.pauses).toHaveLength(1);
  });

  it('in one status makes that status lost, and no other', async () => {
    const { documents } = dynamoDbThatAnswers(() => ({ Responses: { States: [poisoned, other] } }));
    expect((await tableStates(documents, 'States').glance([routeTableId, 'rtb-bbbbbbbb'])).size).toBe(0);
  });
});
