import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createRoute, deleteRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const read = 'DescribeRouteTables';

// One after the other: a sweep looks at every table, and would mend what another test is about to show.
describe('a sweep', () => {
  it('heals drift that no event told, and reads no other table by itself', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const [drifted, calm] = await Promise.all([testbed.tableInSync(routes), testbed.tableInSync(routes)]);
    await unannounced.send(deleteRoute(drifted, '10.21.0.0/16'));
    const since = await testbed.mark();

    await testbed.invoke('Sweep', {});

    expect(await testbed.routes(drifted)).toEqual(routes);
    expect(await testbed.callsOn(drifted, since)).toEqual([
      { by: 'Sweep', call: read },
      { by: 'Sweep', call: `CreateRoute 10.21.0.0/16 ${network.peering}` },
    ]);
    expect(await testbed.callsOn(calm, since)).toEqual([]);
    const [run] = await testbed.runs(drifted);
    expect(run).toMatchObject({ trigger: { kind: 'sweep' }, outcome: [{ result: 'done', actor: 'unattributed' }] });
    expect(run).not.toHaveProperty('actor.arn');
  });

  it('that cannot read the tables changes none, and says that it did not check them', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const since = await testbed.mark();
    await testbed.relay.inject({
      on: { action: read, caller: await testbed.callerOf('Sweep') },
      // The first try and every retry of the one page.
      times: 4,
      effect: { kind: 'refuse', code: 'InternalError', status: 500 },
    });

    await testbed.invoke('Sweep', {});

    const { checked, unknown } = (await testbed.lastSweep()) ?? {};
    expect(checked).toBe(0);
    // Only the first are named, and the other tests have tables, too.
    expect(unknown?.count).toBeGreaterThanOrEqual(unknown?.first.length ?? 1);
    expect(unknown?.first).toContainEqual({
      routeTableId: expect.any(String),
      reason: expect.stringContaining('InternalError'),
    });
    expect(await testbed.callsOn(table, since)).toEqual([]);

    await testbed.invoke('Sweep', {});
    expect(await testbed.routes(table)).toEqual(routes);
  });

  it('heals a table whose function was killed between delete and create, once its lease has expired', async () => {
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
    await testbed.killWorkers('OnRouteChange');
    await waking;

    await testbed.has(table, { '10.20.0.0/16': network.peering });
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual([read, remove]);

    // As long as the lease holds, everybody else takes its dead holder for alive.
    await testbed.invoke('Sweep', {});
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual([read, remove]);

    await testbed.letLeaseExpire(table);
    await testbed.invoke('Sweep', {});

    expect(await testbed.routes(table)).toEqual(routes);
    expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual([read, remove, read, create]);
  });

  it('comes by itself, on schedule, and heals a table whose event was lost', async () => {
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
