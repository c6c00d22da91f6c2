import { afterEach, describe, expect, it, vi } from 'vitest';
import { ec2RouteTables } from '../../../../reconciler/aws/ec2/route-tables.ts';
import type { Change } from '../../../../reconciler/core/route/change.ts';
import type { RouteTables } from '../../../../reconciler/ports.ts';
import { otherOwnerId, ownerId, route, routeTableId } from '../../../support/builders.ts';
import { collect } from '../../../support/collect.ts';
import { type Ec2Server, type Reply, done, page, refusal, serveEc2 } from '../../../support/ec2-server.ts';

// These tests check how the SDK client behaves: which requests it sends, and how often for each answer.

const tablesAt = ({ endpoint }: Ec2Server, accountId?: string, throttled?: (action: Change['action']) => unknown) =>
  ec2RouteTables(
    { endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } },
    accountId,
    throttled,
  );

const { destination, target } = route('10.20.0.0/16', 'pcx-aaaaaaaa');
const create: Change = { action: 'create', destination, to: target };

const fiveSeconds = { sendWithinMs: 5_000, withinMs: 5_000 };

const failed = (failure: object) =>
  expect.objectContaining({ name: 'ChangeFailed', failure: expect.objectContaining(failure) });

describe('a mutation', () => {
  afterEach(() => vi.useRealTimers());

  it('is sent once', async () => {
    await using server = await serveEc2(done);
    await tablesAt(server).apply(routeTableId, create, fiveSeconds);
    expect(server.requests.map((sent) => Object.fromEntries(sent))).toEqual([
      {
        Action: 'CreateRoute',
        Version: '2016-11-15',
        RouteTableId: routeTableId,
        DestinationCidrBlock: '10.20.0.0/16',
        VpcPeeringConnectionId: 'pcx-aaaaaaaa',
      },
    ]);
  });

  it('is retried when EC2 throttles it', async () => {
    await using server = await serveEc2(refusal('RequestLimitExceeded', 503), done);
    await tablesAt(server).apply(routeTableId, create, fiveSeconds);
    expect(server.requests).toHaveLength(2);
  });

  it('is not retried after its time is over, and counts as not made', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const throttled = (): Reply => {
      vi.advanceTimersByTime(1_000);
      return refusal('RequestLimitExceeded', 503);
    };
    await using server = await serveEc2(throttled);
    await expect(
      tablesAt(server).apply(routeTableId, create, { sendWithinMs: 2_500, withinMs: 60_000 }),
    ).rejects.toEqual(failed({ kind: 'transient', code: 'RequestLimitExceeded', outcomeUnknown: false }));
    expect(server.requests).toHaveLength(3);
  });

  it('is not sent if its time is over before the first request', async () => {
    await using server = await serveEc2(done);
    await expect(tablesAt(server).apply(routeTableId, create, { sendWithinMs: 0, withinMs: 5_000 })).rejects.toEqual(
      failed({ kind: 'transient', outcomeUnknown: false }),
    );
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    ['a fault of EC2', refusal('InternalError', 500), 'InternalError'],
    ['an unavailable service', refusal('Unavailable', 503), 'Unavailable'],
    ['a broken connection', 'broken', expect.any(String)],
  ] as const)('is not retried after %s, because its outcome is unknown', async (_, reply, code) => {
    await using server = await serveEc2(reply);
    await expect(tablesAt(server).apply(routeTableId, create, fiveSeconds)).rejects.toEqual(
      failed({ kind: 'transient', code, outcomeUnknown: true }),
    );
    expect(server.requests).toHaveLength(1);
  });

  it('is aborted when its time is over, and not retried', async () => {
    await using server = await serveEc2('silent');
    await expect(tablesAt(server).apply(routeTableId, create, { sendWithinMs: 200, withinMs: 200 })).rejects.toEqual(
      failed({ kind: 'transient', outcomeUnknown: true }),
    );
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['RouteAlreadyExists', 'stale'],
    ['InvalidGatewayID.NotFound', 'not-ready'],
    ['InvalidInstanceID', 'rejected'],
    ['UnauthorizedOperation', 'denied'],
    ['AuthFailure', 'denied'],
    ['RequestExpired', 'transient'],
  ])('that fails with %s is not retried', async (code, kind) => {
    await using server = await serveEc2(refusal(code, 400));
    await expect(tablesAt(server).apply(routeTableId, create, fiveSeconds)).rejects.toEqual(
      failed({ kind, code, message: `${code}, says EC2`, outcomeUnknown: false }),
    );
    expect(server.requests).toHaveLength(1);
  });

  it('reports each throttled answer, also if the call is sent again', async () => {
    await using server = await serveEc2(
      refusal('RequestLimitExceeded', 503),
      refusal('RequestLimitExceeded', 503),
      done,
    );
    const throttled: string[] = [];
    const tables = tablesAt(server, ownerId, (action) => throttled.push(action));
    await tables.apply(routeTableId, create, fiveSeconds);
    expect(throttled).toEqual(['create', 'create']);
  });
});

describe('a read', () => {
  const idOf = (n: number) => `rtb-${n.toString(16).padStart(8, '0')}`;

  it('of one table filters by its id', async () => {
    await using server = await serveEc2(page([routeTableId]));
    expect(await tablesAt(server).read(routeTableId)).toEqual({ routeTableId, tags: {}, routes: [] });
    expect(Object.fromEntries(server.requests[0] ?? [])).toMatchObject({
      Action: 'DescribeRouteTables',
      'Filter.1.Name': 'route-table-id',
      'Filter.1.Value.1': routeTableId,
    });
  });

  it('of a table that does not exist returns undefined', async () => {
    await using server = await serveEc2(page([]));
    expect(await tablesAt(server).read(routeTableId)).toBeUndefined();
  });

  it.each([
    ['faults of EC2', refusal('InternalError', 500)],
    ['throttling', refusal('RequestLimitExceeded', 503)],
    ['broken connections', 'broken'],
  ] as const)('survives %s', async (_, reply) => {
    await using server = await serveEc2(reply, page([routeTableId]));
    expect(await tablesAt(server).read(routeTableId)).toMatchObject({ routeTableId });
  });

  it.each([
    ['is refused', refusal('UnauthorizedOperation', 403)],
    ['gets an answer without tables', { status: 200, body: '<DescribeRouteTablesResponse/>' }],
    ['gets an unreadable answer', { status: 200, body: 'moon' }],
  ] as const)('that %s throws and never looks like an empty answer', async (_, reply) => {
    await using server = await serveEc2(reply);
    await expect(tablesAt(server).read(routeTableId)).rejects.toThrow();
  });

  it('of many tables follows the pages to the last', async () => {
    await using server = await serveEc2(page([idOf(1), idOf(2)], 'more'), page([], 'and more'), page([idOf(3)]));
    const found = await collect(tablesAt(server).readMany([1, 2, 3].map(idOf)));
    expect(found.map(({ routeTableId }) => routeTableId)).toEqual([1, 2, 3].map(idOf));
    expect(server.requests.map((sent) => [sent.get('MaxResults'), sent.get('NextToken')])).toEqual([
      ['100', null],
      ['100', 'more'],
      ['100', 'and more'],
    ]);
  });

  it('of more tables than one filter accepts makes several calls', async () => {
    await using server = await serveEc2(page([]));
    await collect(tablesAt(server).readMany(Array.from({ length: 450 }, (_, n) => idOf(n))));
    const asked = server.requests.map(
      (sent) => [...sent.keys()].filter((key) => key.startsWith('Filter.1.Value')).length,
    );
    expect(asked).toEqual([200, 200, 50]);
  });

  it("of another account's table in a shared VPC says that it is foreign, unless no account id is given", async () => {
    const shared = page([
      [idOf(1), otherOwnerId],
      [idOf(2), ownerId],
    ]);
    await using server = await serveEc2(shared);
    const ids = [idOf(1), idOf(2)];
    const seenBy = async (tables: RouteTables) => ({
      alone: await Promise.all(ids.map(async (id) => (await tables.read(id))?.isForeign)),
      together: (await collect(tables.readMany(ids))).map(({ routeTableId }) => routeTableId),
    });
    expect(await seenBy(tablesAt(server, ownerId))).toEqual({ alone: [true, undefined], together: [idOf(2)] });
    expect(await seenBy(tablesAt(server))).toEqual({ alone: [undefined, undefined], together: ids });
  });

  it('of no tables makes no call', async () => {
    await using server = await serveEc2(page([]));
    expect(await collect(tablesAt(server).readMany([]))).toEqual([]);
    expect(server.requests).toEqual([]);
  });

  it('of many tables that fails on a later page throws', async () => {
    await using server = await serveEc2(page([idOf(1)], 'more'), refusal('UnauthorizedOperation', 403));
    await expect(collect(tablesAt(server).readMany([idOf(1), idOf(2)]))).rejects.toThrow('UnauthorizedOperation');
  });
});
