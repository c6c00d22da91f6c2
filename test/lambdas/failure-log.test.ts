import { beforeEach, describe, expect, it, vi } from 'vitest';
import { handler as onDesiredChange } from '../../lambdas/on-desired-change.ts';
import { handler as onRequeue } from '../../lambdas/on-requeue.ts';
import { handler as onRouteChange } from '../../lambdas/on-route-change.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';
import { contextOf, queueEvent, streamEvent } from '../support/lambda.ts';

let world: InMemoryWorld;

vi.mock(import('../../lambdas/runtime.ts'), async (original) => ({
  ...(await original()),
  runtime: () => ({
    world,
    accountId: '111122223333',
    region: 'eu-west-1',
    eventSources: ['aws.ec2'],
    sweepEveryMs: 300_000,
  }),
}));

const [a, b] = ['rtb-aaaaaaaa', 'rtb-bbbbbbbb'] as const;

beforeEach(() => {
  world = new InMemoryWorld();
  world.desired.put({ routeTableId: a, routes: [] });
  world.desired.faults = (call, id) => {
    if (call === 'read' && id === a) throw new Error('no answer');
  };
});

const logged = {
  level: 'error',
  message: 'could not reconcile a table',
  fields: { routeTableId: a, error: new Error('no answer') },
};
const errors = () => world.lines.filter(({ level }) => level === 'error');

describe('a failure is logged with its table and its cause', () => {
  it('by on-desired-change, once for all edits of the table', async () => {
    await onDesiredChange(streamEvent(a, b, a), contextOf());
    expect(errors()).toMatchObject([logged]);
  });

  it('by on-requeue', async () => {
    await onRequeue(queueEvent(JSON.stringify({ routeTableId: a, hop: 1 })), contextOf());
    expect(errors()).toMatchObject([logged]);
  });

  it('by on-route-change, whose error says it again for the dead-letter queue', async () => {
    const detail = {
      eventSource: 'ec2.amazonaws.com',
      eventName: 'CreateVpcEndpoint',
      eventID: 'event-1',
      eventTime: '2026-11-23T12:00:00Z',
      recipientAccountId: '111122223333',
      requestParameters: { routeTableIds: [a, b] },
    };
    const envelope = {
      source: 'aws.ec2',
      account: '111122223333',
      region: 'eu-west-1',
      'detail-type': 'AWS API Call via CloudTrail',
    };
    const waking = onRouteChange({ ...envelope, detail }, contextOf());
    await expect(waking).rejects.toThrow('Error: no answer');
    expect(errors()).toMatchObject([logged]);
  });
});
