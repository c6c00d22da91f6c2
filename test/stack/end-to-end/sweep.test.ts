import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createRoute, deleteRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const read = 'DescribeRouteTables';

// One after the other: a sweep reconciles every table, and would repair the drift of another test.
describe('a sweep', () => {
  it('repairs drift that no event reported, and reads no other table on its own', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const [drifted, calm] = await Promise.all([testbed.tableInSync(routes), testbed.tableInSync(routes)]);
    await unannounced.send(deleteRoute(drifted, '10.21.0.0/16'));
    const since = await testbed.mark();

    await testbed.functions.invoke('Sweep', {});

    expect(await testbed.routes(drifted)).toEqual(routes);
    // The read of the whole page is not made again for one table.
    expect(await testbed.callsOn(drifted, since)).toEqual([
      { by: 'Sweep', call: `CreateRoute 10.21.0.0/16 ${network.peering}` },
    ]);
    expect(await testbed.callsOn(calm, since)).toEqual([]);
    const [run] = await testbed.runs(drifted);
    expect(run).toMatchObject({ trigger: { kind: 'sweep' }, outcome: [{ result: 'done', actor: 'unattributed' }] });
    expect(run).not.toHaveProperty('actor.arn');
  });

  it('that cannot read the tables changes none, and records them as unknown', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const since = await testbed.mark();
    await testbed.relay.inject({
      on: { action: read, caller: await testbed.functions.callerOf('Sweep') },
      // The first try and every retry of the only page.
      times: 4,
      effect: { kind: 'refuse', code: 'InternalError', status: 500 },
    });

    await testbed.functions.invoke('Sweep', {});

    const { checked, unknown } = (await testbed.lastSweep()) ?? {};
    expect(checked).toBe(0);
    // The record names only the first tables, and other tests have tables, too.
    expect(unknown?.count).toBeGreaterThanOrEqual(unknown?.first.length ?? 1);
    expect(unknown?.first).toContainEqual({
      routeTableId: expect.any(String),
      reason: expect.stringContaining('InternalError'),
    });
    expect(await testbed.callsOn(table, since)).toEqual([]);

    await testbed.functions.invoke('Sweep', {});
    expect(await testbed.routes(table)).toEqual(routes);
  });

  it('repairs a table whose function was killed between delete and create, after its lease expired', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.21.0.0/16'));
    await unannounced.send(createRoute(table, '192.168.0.0/16', network.transitGateway));
    const remove = 'DeleteRoute 192.168.0.0/16';
    const create = `CreateRoute 10.21.0.0/16 ${network.peering}`;
    await testbed.relay.inject({
      on: { action: 'DeleteRoute', naming: [table] },
      effect: { kind: 'delay', ms: 2_000 },
    });
    const since = await testbed.mark();

    const waking = expect(testbed.wake(table)).rejects.toThrow('OnRouteChange failed');
    await eventually(async () =>
      expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toContain(remove),
    );
    await testbed.functions.killWorkers('OnRouteChange');
    await waking;

    await testbed.has(table, { '10.20.0.0/16': network.peering });
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual([read, remove]);

    // Until the lease expires, others assume that its dead holder is alive.
    await testbed.functions.invoke('Sweep', {});
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual([read, remove]);

    await testbed.letLeaseExpire(table);
    await testbed.functions.invoke('Sweep', {});

    expect(await testbed.routes(table)).toEqual(routes);
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual([read, remove, create]);
  });

  it('starts on schedule, and repairs a table whose event was lost', async () => {
    const { network, bob, relay } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await relay.events('drop');
    await bob.send(deleteRoute(table, '10.20.0.0/16'));
    await relay.events('send');

    await testbed.schedule('ENABLED');

    await testbed.has(table, routes, { seconds: 75 });
    await testbed.schedule('DISABLED');
    expect(await testbed.outcomes(table, 1)).toMatchObject([{ result: 'done', actor: 'unattributed' }]);
    expect((await testbed.runs(table))[0]?.trigger).toEqual({ kind: 'sweep' });
  }, 90_000);
});
