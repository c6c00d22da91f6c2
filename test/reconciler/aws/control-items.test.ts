import { describe, expect, it } from 'vitest';
import { type Scope, controlItems } from '../../../reconciler/aws/control-items.ts';
import { minutesAfter, now, routeTableId } from '../../support/builders.ts';
import { dynamoDbThatAnswers } from '../../support/dynamodb.ts';

describe('the end of a pause', () => {
  /** What is asked of DynamoDB to end a pause that stands there so, and what is told. */
  async function resumed(scope: Scope, control?: object) {
    const dynamoDb = dynamoDbThatAnswers(({ operation }) =>
      operation === 'GetItem' && control ? { Item: control } : {},
    );
    const told = await controlItems(dynamoDb.documents, 'States').resume(scope, now);
    return { told, writes: dynamoDb.requests.filter(({ operation }) => operation !== 'GetItem') };
  }

  const until = (minutes: number) => ({ M: { reason: { S: 'x' }, until: { S: minutesAfter(minutes).toISOString() } } });

  it.each([
    ['a pause without an end', { routeTableId }, { pause: { M: { reason: { S: 'x' } } } }],
    ['a pause that lasts', { routeTableId }, { pause: until(5) }],
    ['a stop of all', 'fleet', { stopped: until(5) }],
    ['a stop that was put under the other name', 'fleet', { pause: until(5), stopped: until(-60) }],
    ['whatever somebody put by hand', { routeTableId }, { pause: { S: 'yes, please' } }],
    ['an end that nobody can read', { routeTableId }, { pause: { M: { until: { S: 'soon' } } } }],
  ] as const)('of %s is written and told', async (_, scope, control) => {
    const { told, writes } = await resumed(scope, control);
    expect(told).toBe('ended');
    expect(writes).toHaveLength(1);
  });

  it.each([
    ['none was ever ordered', { routeTableId }, undefined, 'none'],
    ['all that stands there is a no', { routeTableId }, { pause: { BOOL: false } }, 'none'],
    ['it ended long ago', { routeTableId }, { pause: until(-60) }, 'over'],
    [
      'it ended in another time zone',
      'fleet',
      { stopped: { M: { until: { S: '2026-11-23T13:30:00+02:00' } } } },
      'over',
    ],
  ] as const)('is left as it is when %s', async (_, scope, control, expected) => {
    expect(await resumed(scope, control)).toEqual({ told: expected, writes: [] });
  });
});

it.each([
  ['one that still holds', { pause: { M: { reason: { S: 'incident' } } } }, { of: 'table', reason: 'incident' }],
  ['nothing where there was none', {}, undefined],
  ['nothing where it had ended', { pause: { M: { until: { S: minutesAfter(-1).toISOString() } } } }, undefined],
])('a pause tells what it took the place of: %s', async (_, Attributes, was) => {
  const { documents } = dynamoDbThatAnswers(() => ({ Attributes }));
  const order = { reason: 'failover test', by: 'alice', at: now };
  expect(await controlItems(documents, 'States').pause({ routeTableId }, order)).toEqual(was);
});
