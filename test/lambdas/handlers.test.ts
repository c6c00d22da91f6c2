import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { handler as onDesiredChange } from '../../lambdas/on-desired-change.ts';
import { handler as onRequeue } from '../../lambdas/on-requeue.ts';
import { handler as onRouteChange } from '../../lambdas/on-route-change.ts';
import { handler as onSchedule } from '../../lambdas/sweep.ts';
import { now } from '../support/builders.ts';
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
  mappings: () => world.mappings,
}));

const [a, b, c] = ['rtb-aaaaaaaa', 'rtb-bbbbbbbb', 'rtb-cccccccc'] as const;
const wanted = { '10.20.0.0/16': 'pcx-aaaaaaaa' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now });
  world = new InMemoryWorld();
  world.ec2.scenery.target('pcx-aaaaaaaa');
  for (const routeTableId of [a, b, c]) {
    world.ec2.scenery.table(routeTableId);
    world.desired.put({ routeTableId, routes: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }] });
  }
});
afterEach(() => vi.useRealTimers());

const routes = () => [a, b, c].map((id) => world.ec2.scenery.routesOf(id));

/** Reads of one table's item fail. */
const unreadable = (routeTableId: string) => (call: string, id?: string) => {
  if (call === 'read' && id === routeTableId) throw new Error('no answer');
};

describe('on-route-change', () => {
  const file = path.join(import.meta.dirname, '../fixtures/cloudtrail/06-delete-route-v4-iam-user-cli.json');
  const recorded = (...routeTableIds: readonly string[]): unknown => {
    const event = JSON.parse(readFileSync(file, 'utf8'));
    const eventTime = new Date(now).toISOString();
    return { ...event, detail: { ...event.detail, eventTime, requestParameters: { routeTableIds } } };
  };

  it('reconciles the table that a call names', async () => {
    await onRouteChange(recorded(b), contextOf());
    expect(routes()).toEqual([{}, wanted, {}]);
    expect(world.states.status(b)).toMatchObject({
      trigger: { kind: 'event', name: 'DeleteRoute' },
      actor: { arn: 'arn:aws:iam::111122223333:user/alice' },
    });
  });

  it('reads the table whose route leads to an instance that stopped, and names nobody', async () => {
    const [destination, eni, instance] = ['10.30.0.0/16', 'eni-bbbbbbbb', 'i-bbbbbbbb'] as const;
    world.ec2.scenery.target(instance);
    world.ec2.scenery.route(a, destination, eni);
    world.desired.put({ routeTableId: a, routes: [{ destination, target: eni }] });
    await world.settle(a);
    world.ec2.scenery.target(instance, { running: false });
    vi.setSystemTime(world.now());
    const envelope = { source: 'aws.ec2', account: '111122223333', region: 'eu-west-1', id: 'event-1' };
    const detail = { 'instance-id': instance, state: 'stopped' };
    const time = `${world.now().toISOString().slice(0, 19)}Z`;
    const event = { ...envelope, 'detail-type': 'EC2 Instance State-change Notification', time, detail };
    await onRouteChange({ ...event, account: '999999999999' }, contextOf());
    await onRouteChange({ ...event, region: 'us-east-1' }, contextOf());
    expect(world.states.status(a).phase).toBe('InSync');
    await onRouteChange(event, contextOf());
    expect(world.states.status(a)).toMatchObject({ phase: 'Degraded', trigger: { via: instance } });
    expect(world.states.status(a).actor).toBeUndefined();
    expect(world.states.status(a).reason).toContain(`the instance of ${eni} went down at ${time}, and no event names`);
    const told = world.announcer.news.flatMap(({ events }) => events).at(-1);
    expect(told).toMatchObject({ type: 'Route Blackholed', detail: { routes: [{ destination, target: eni }] } });
    expect(JSON.stringify(told)).not.toContain('arn:');
  });

  it('retries denied changes when the table is tagged, because the tag may have been missing', async () => {
    const event = JSON.parse(readFileSync(file, 'utf8'));
    const requestParameters = { resourcesSet: { items: ['i-aaaaaaaa', a, b].map((resourceId) => ({ resourceId })) } };
    const eventTime = world.now().toISOString();
    const tagged = { ...event, detail: { ...event.detail, eventName: 'CreateTags', eventTime, requestParameters } };
    world.faults.strike({ action: 'CreateRoute', times: 1 }, { refused: { code: 'UnauthorizedOperation' } });
    await onDesiredChange(streamEvent(a), contextOf());
    expect(world.states.status(a)).toMatchObject({ phase: 'Failed', failures: [{ kind: 'denied' }] });
    await onRouteChange(tagged, contextOf('request-2'));
    expect(routes()).toEqual([wanted, wanted, {}]);
  });

  it.each([
    ['a call for a table that nobody manages', recorded('rtb-dddddddd')],
    ['a call that names no table', recorded()],
    ['an event of another kind', { 'detail-type': 'Scheduled Event', detail: {} }],
    ['no event at all', undefined],
  ])('makes no EC2 call for %s', async (_, event) => {
    await onRouteChange(event, contextOf());
    expect(world.ec2.journal.calls).toEqual([]);
  });

  it.each([
    ['another source', { source: 'route-reconciler' }],
    ['a source like ours', { source: 'aws.ec2.evil' }],
    ['no source', { source: undefined }],
    ['another account', { account: '999999999999' }],
    ['no account', { account: undefined }],
    ['another Region', { region: 'us-east-1' }],
    ['no Region', { region: undefined }],
  ])('ignores and logs an event from %s, whatever its detail claims', async (_, envelope) => {
    await onRouteChange({ ...JSON.parse(JSON.stringify(recorded(a))), ...envelope }, contextOf());
    expect(routes()).toEqual([{}, {}, {}]);
    expect(await world.evidence.of(a, new Date(0))).toEqual([]);
    expect(world.lines).toMatchObject([
      { level: 'error', message: 'ignored an event that EC2 did not send in this account and Region' },
    ]);
  });

  it('goes on with the other tables if one fails, and then fails, so that Lambda retries it', async () => {
    world.desired.faults = unreadable(a);
    await expect(onRouteChange(recorded(a, b, c), contextOf())).rejects.toThrow(AggregateError);
    expect(routes()).toEqual([{}, wanted, wanted]);
  });

  it('starts nothing in its last ten seconds', async () => {
    await onRouteChange(recorded(a), contextOf('request-1', 9_000));
    expect(world.ec2.journal.mutations).toEqual([]);
  });
});

describe('on-desired-change', () => {
  it('reconciles the tables of a batch', async () => {
    expect(await onDesiredChange(streamEvent(a, c), contextOf())).toEqual({ batchItemFailures: [] });
    expect(routes()).toEqual([wanted, {}, wanted]);
    expect(world.states.status(c)).toMatchObject({ trigger: { kind: 'desired', id: '1' } });
  });

  it('reconciles a table once, however many of its edits are in a batch', async () => {
    await onDesiredChange(streamEvent(a, a, a, b, a), contextOf());
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DescribeTargets: 1, CreateRoute: 2 });
  });

  it('reconciles the table of an order, and announces an order for all tables once', async () => {
    const keys = (routeTableId: string, order: string) => ({
      eventSource: 'aws:dynamodb',
      dynamodb: { Keys: { routeTableId: { S: routeTableId }, order: { S: order } }, SequenceNumber: '7' },
    });
    const Records = [keys(a, 'approval'), keys(b, 'pause'), keys('*', 'stop'), keys('*', 'stop')];
    expect(await onDesiredChange({ Records }, contextOf())).toEqual({ batchItemFailures: [] });
    expect(world.announcer.events).toEqual([]);
    world.orders.put('*', 'stop', { reason: 'incident', by: 'alice' });
    expect(await onDesiredChange({ Records }, contextOf())).toEqual({ batchItemFailures: [] });
    expect(world.announcer.events).toEqual(['Route Order Given (entered)']);
    expect(routes()).toEqual([wanted, wanted, {}]);
    expect(world.states.status(a)).toMatchObject({ trigger: { kind: 'person', id: '7' } });
  });

  it('does not mistake the removal of an order for a deletion of the item', async () => {
    world.ec2.scenery.route(a, '10.20.0.0/16', 'pcx-aaaaaaaa');
    await world.settle(a);
    vi.setSystemTime(world.now());
    const Keys = { routeTableId: { S: a }, order: { S: 'pause' } };
    const removed = {
      eventSource: 'aws:dynamodb',
      eventName: 'REMOVE',
      dynamodb: { Keys, SequenceNumber: '7' },
    } as const;
    await onDesiredChange({ Records: [removed] }, contextOf());
    const { destinations, deletions } = world.states.stored(a).memory;
    expect(destinations.get('10.20.0.0/16')).toMatchObject({ listed: true, ours: 'pcx-aaaaaaaa' });
    expect(deletions).toBeUndefined();
  });

  it('forgets earned deletes when an item was deleted, even if it was written again', async () => {
    world.ec2.scenery.route(a, '10.20.0.0/16', 'pcx-aaaaaaaa');
    await world.settle(a);
    vi.setSystemTime(world.now());
    world.ec2.scenery.route(a, '10.99.0.0/16', 'pcx-aaaaaaaa');
    await onDesiredChange(streamEvent(a, [a, 'REMOVE'], [a, 'INSERT'], b), contextOf());
    expect(world.states.status(a)).toMatchObject({ phase: 'Blocked', plan: { blocked: { code: 'first-deletes' } } });
    expect(routes()).toEqual([{ ...wanted, '10.99.0.0/16': 'pcx-aaaaaaaa' }, wanted, {}]);
  });

  it('reports only the records that failed', async () => {
    world.desired.faults = unreadable(b);
    const answer = await onDesiredChange(streamEvent(a, b, c, b), contextOf());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }, { itemIdentifier: '3' }] });
    expect(routes()).toEqual([wanted, {}, wanted]);
  });

  it('reports every record when all of them failed', async () => {
    world.desired.faults = (call) => {
      if (call === 'read') throw new Error('no answer');
    };
    expect(await onDesiredChange(streamEvent(a, b), contextOf())).toEqual({
      batchItemFailures: [{ itemIdentifier: '0' }, { itemIdentifier: '1' }],
    });
  });

  it('never lets a poison record block the shard', async () => {
    const { Records: records } = streamEvent(a);
    const poison = [{}, { dynamodb: {} }, { dynamodb: { Keys: {}, SequenceNumber: '7' } }];
    expect(await onDesiredChange({ Records: [...poison, ...records] }, contextOf())).toEqual({ batchItemFailures: [] });
    expect(routes()).toEqual([wanted, {}, {}]);
  });

  it('ignores items whose key is not a route table id, and logs them', async () => {
    const keys = ['*', 'rtb-*', '#managed'];
    expect(await onDesiredChange(streamEvent(...keys, a), contextOf())).toEqual({ batchItemFailures: [] });
    expect(routes()).toEqual([wanted, {}, {}]);
    expect(world.lines.filter(({ level }) => level === 'error')).toMatchObject(
      keys.map((routeTableId) => ({ message: 'ignored a key that is not a route table id', fields: { routeTableId } })),
    );
  });

  it('treats an unreadable item as invalid, not as a failure', async () => {
    world.desired.put({ routeTableId: a, routes: 'everything' });
    expect(await onDesiredChange(streamEvent(a), contextOf())).toEqual({ batchItemFailures: [] });
    expect(world.states.status(a).phase).toBe('Invalid');
  });
});

describe('on-requeue', () => {
  const message = (routeTableId: string, more = {}) => JSON.stringify({ routeTableId, hop: 1, ...more });

  it('reconciles the tables of a batch', async () => {
    expect(await onRequeue(queueEvent(message(a), message(b)), contextOf())).toEqual({ batchItemFailures: [] });
    expect(routes()).toEqual([wanted, wanted, {}]);
  });

  it('believes no message that the item was deleted', async () => {
    await onDesiredChange(streamEvent(a), contextOf('request-1'));
    const before = world.states.stored(a).memory.policySince;
    await onRequeue(queueEvent(message(a, { kinds: ['desired'], deletions: ['forged'] })), contextOf('request-2'));
    expect(world.states.stored(a).memory.policySince).toEqual(before);
    expect(world.announcer.events.filter((type) => type.includes('Policy'))).toEqual([]);
  });

  it('reports only the messages that failed', async () => {
    world.desired.faults = unreadable(a);
    expect(await onRequeue(queueEvent(message(a), message(b)), contextOf())).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-0' }],
    });
    expect(routes()).toEqual([{}, wanted, {}]);
  });

  it.each([
    '',
    'moon',
    '{}',
    '[]',
    '{"routeTableId":7,"hop":0}',
    message('rtb-*'),
    message('#managed'),
    message(a, { hop: -1 }),
    message(a, { nextRetry: 'x' }),
  ])('drops an unknown message: %s', async (body) => {
    expect(await onRequeue(queueEvent(body), contextOf())).toEqual({ batchItemFailures: [] });
    expect(world.ec2.journal.calls).toEqual([]);
    expect(world.lines).toMatchObject([{ level: 'error', message: 'dropped a message that is not one of ours' }]);
  });
});

describe('sweep', () => {
  it('reconciles every managed table', async () => {
    // A person who invokes the sweep gets its record.
    expect(await onSchedule({}, contextOf())).toEqual({ completed: true, checked: 3, outOfSync: 0, unknown: 0 });
    expect(routes()).toEqual([wanted, wanted, wanted]);
    expect(await world.states.readSweep()).toMatchObject({ checked: 3, endedAt: expect.any(String) });
  });
});
