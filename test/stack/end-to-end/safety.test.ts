import { beforeAll, describe, expect, it } from 'vitest';
import { callOn, eventOf } from '../support/cloudtrail-records.ts';
import { deleteRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

describe.concurrent('drift is reported and left as it is', () => {
  it.each([
    { while: 'the item only observes', policy: { mode: 'observe' } },
    { while: 'the item is paused', policy: { paused: { reason: 'maintenance' } } },
  ])('while $while', async ({ policy }) => {
    const { alice, network } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering }, policy);
    const since = await testbed.mark();

    await alice.send(deleteRoute(table, '10.20.0.0/16'));

    const { plan } = await testbed.phase(table, 'Drifted');
    expect(plan?.changes).toEqual([{ action: 'create', destination: '10.20.0.0/16', to: network.peering }]);
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual(['DescribeRouteTables']);
    expect(await testbed.routes(table)).toEqual({});
  });
});

describe.concurrent('a table that is adopted', () => {
  it('keeps its unlisted routes until a person approves their deletes, and gets its listed routes at once', async () => {
    const { network } = testbed;
    const desired = { '10.20.0.0/16': network.peering, '10.30.0.0/16': network.otherPeering };
    const rogue = { '192.168.0.0/16': network.transitGateway, '172.16.0.0/12': network.peering };
    const table = await testbed.newTable({ '10.30.0.0/16': network.peering, ...rogue });

    await testbed.desire(table, desired, { maxDeletes: 2 });

    const blocked = await testbed.phase(table, 'Blocked');
    expect(blocked.plan?.blocked).toMatchObject({
      code: 'first-deletes',
      deletes: [{ destination: '172.16.0.0/12' }, { destination: '192.168.0.0/16' }],
    });
    expect(await testbed.routes(table)).toEqual({ ...desired, ...rogue });

    await testbed.order(table, 'approval', {
      routes: Object.entries(rogue).map(([destination, target]) => ({ destination, target })),
      by: 'alice',
      at: new Date().toISOString(),
      until: new Date(Date.now() + 3_600_000).toISOString(),
      desiredHash: (await testbed.state(table))?.memory.desiredHash,
    });

    await testbed.has(table, desired);
    await testbed.phase(table, 'InSync');
  });
});

describe.concurrent('a role that may not write one table', () => {
  it('is reported with the remedy, does not affect other tables, and repairs the table once it may', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const [forbidden, allowed] = await Promise.all([testbed.tableInSync(routes), testbed.tableInSync(routes)]);
    for (const table of [forbidden, allowed]) await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const allow = await testbed.functions.deny('OnRouteChange', 'ec2:*Route', forbidden);
    const since = await testbed.mark();

    await Promise.all([testbed.wake(forbidden), testbed.wake(allowed)]);

    expect(await testbed.routes(allowed)).toEqual(routes);
    const status = await testbed.phase(forbidden, 'Failed');
    expect(status.reason).toContain("the reconciler's role may not write this table");
    expect(status.failures).toMatchObject([
      { action: 'create', destination: '10.20.0.0/16', code: 'UnauthorizedOperation', kind: 'denied', attempts: 1 },
    ]);
    const tries = (await testbed.callsOn(forbidden, since)).filter(({ call }) => call.startsWith('CreateRoute'));
    expect(tries).toMatchObject([{ error: 'UnauthorizedOperation' }]);

    await allow();
    // Other calls about the table do not end its wait for the next sweep: this one may have changed what the role may do.
    await testbed.functions.invoke('OnRouteChange', eventOf(callOn(forbidden, { eventName: 'CreateTags' })));
    expect(await testbed.routes(forbidden)).toEqual(routes);
  });
});
