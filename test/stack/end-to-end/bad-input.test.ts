import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteRouteTableCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { deleteRoute } from '../support/route-calls.ts';
import { callOn, eventOf } from '../support/cloudtrail-records.ts';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

describe.concurrent('a malformed item', () => {
  it('changes nothing, and the status lists every problem until a valid item is written', async () => {
    const { network } = testbed;
    const rogue = { '192.168.0.0/16': network.transitGateway };
    const table = await testbed.newTable(rogue);
    const since = await testbed.mark();

    await testbed.putItem({
      routeTableId: table,
      routes: [
        { destination: '10.0.0.0/33', target: network.peering },
        { destination: '10.20.0.0/16', target: 'tgw-attach-0123456789abcdef0' },
        { destination: '10.21.0.0/16', target: network.peering, comment: 'no such field' },
      ],
      mode: 'strict',
    });

    const { problems } = await testbed.phase(table, 'Invalid');
    expect(problems?.map(({ path }) => path).sort()).toEqual([
      'mode',
      'routes[0].destination',
      'routes[1].target',
      'routes[2].comment',
    ]);
    // The table may be read with others in the same batch.
    expect((await testbed.callsOn(table, since)).filter(({ call }) => call !== 'DescribeRouteTables')).toEqual([]);

    await testbed.desire(table, { ...rogue, '10.20.0.0/16': network.peering });
    await testbed.has(table, { ...rogue, '10.20.0.0/16': network.peering });
  });
});

describe.concurrent('an event', () => {
  const samples = join(import.meta.dirname, '..', '..', 'fixtures', 'cloudtrail');
  const recorded = readdirSync(samples).map((file): unknown => JSON.parse(readFileSync(join(samples, file), 'utf8')));

  it('of unknown shape, or about something else, is no error, and causes no EC2 call', async () => {
    const { network, unannounced } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering });
    const unmanaged = await testbed.newTable();
    // A reconcile would find drift and repair it.
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const since = await testbed.mark();

    const events: readonly unknown[] = [
      {},
      [],
      'DeleteRoute',
      42,
      eventOf(null),
      eventOf({ ...callOn(table), eventSource: undefined }),
      { ...eventOf(callOn(table)), 'detail-type': 'AWS Service Event via CloudTrail' },
      { ...eventOf(callOn(table)), source: 'route-reconciler' },
      { ...eventOf(callOn(table)), account: '999988887777' },
      { ...eventOf(callOn(table)), region: 'us-east-1' },
      eventOf(callOn(table, { eventSource: 'apigateway.amazonaws.com', eventName: 'CreateRoute' })),
      eventOf(callOn(table, { recipientAccountId: '999988887777' })),
      eventOf(callOn(table, { errorCode: 'Client.RouteAlreadyExists', responseElements: null })),
      eventOf(callOn(table, { requestParameters: null })),
      eventOf(callOn('rtb-0123456789abcdef0; drop')),
      eventOf(callOn(unmanaged)),
      eventOf(callOn('rtb-0123456789abcdef0')),
      ...recorded,
    ];
    for (const event of events) await testbed.functions.invoke('OnRouteChange', event);

    expect(await testbed.callsOn(table, since)).toEqual([]);
    expect(await testbed.callsOn(unmanaged, since)).toEqual([]);

    await testbed.wake(table);
    expect(await testbed.routes(table)).toEqual({ '10.20.0.0/16': network.peering });
  });

  it('about another service, a read, another account or a rejected call wakes no function', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const since = await testbed.mark();

    await testbed.sendRecords(
      {},
      callOn(table, { eventSource: 'apigateway.amazonaws.com', eventName: 'CreateRoute' }),
      callOn(table, { eventName: 'DescribeRouteTables' }),
      callOn(table, { recipientAccountId: '999988887777' }),
      callOn(table, { errorCode: 'Client.InvalidRoute.NotFound' }),
    );
    await testbed.healsAnother();
    expect(await testbed.callsOn(table, since)).toEqual([]);

    // A call that ended in a server fault may have changed something.
    await testbed.sendRecords(callOn(table, { errorCode: 'Server.InternalError', responseElements: null }));
    await testbed.has(table, routes);
  });
});

describe.concurrent('a table', () => {
  it('that somebody deletes is Missing', async () => {
    const { alice, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    await alice.send(new DeleteRouteTableCommand({ RouteTableId: table }));

    expect((await testbed.phase(table, 'Missing')).plan?.findings).toMatchObject([{ code: 'table-not-found' }]);
  });

  it('that cannot be read is not changed, and is repaired when it can be read again', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const since = await testbed.mark();
    await testbed.relay.inject({
      on: { action: 'DescribeRouteTables', naming: [table] },
      times: 10,
      effect: { kind: 'refuse', code: 'InternalError', status: 500 },
    });

    await expect(testbed.wake(table)).rejects.toThrow('InternalError, as injected');

    // Repeats the event while it fails, as Lambda does.
    await eventually(() => testbed.wake(table), { seconds: 40 });
    await testbed.has(table, routes);
    const calls = await testbed.callsOn(table, since);
    const refused = calls.filter(({ error }) => error);
    expect(refused).toHaveLength(10);
    expect(calls.slice(0, 10)).toEqual(refused);
    expect(calls.filter(({ call }) => call.startsWith('CreateRoute'))).toHaveLength(1);
  });
});

describe.concurrent('an item', () => {
  it('that is deleted leaves its table Unmanaged, and no route is changed, then or later', async () => {
    const { alice, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    const since = await testbed.mark();
    await testbed.deleteItem(table);
    await testbed.phase(table, 'Unmanaged');
    await alice.send(deleteRoute(table, '10.20.0.0/16'));
    await testbed.wake(table);

    expect(await testbed.callsOn(table, since)).toEqual([]);
    expect(await testbed.routes(table)).toEqual({ '10.21.0.0/16': network.peering });
  });
});
