import pMap from 'p-map';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createRoute, deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { callOn, eventOf } from '../support/cloudtrail-records.ts';
import { type OwnCall, type Routes, Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const read = 'DescribeRouteTables';
const isMutation = ({ call }: OwnCall): boolean => call !== read;
const texts = (calls: readonly OwnCall[]): string[] => calls.map(({ call }) => call);

/** `count` routes with one target. */
const blocks = (count: number, target: string, second = 40): Routes =>
  Object.fromEntries(Array.from({ length: count }, (_, block) => [`10.${second}.${block}.0/24`, target]));

describe.concurrent('a create that EC2 always rejects', () => {
  it('does not stop the nine others in the same run, and is reported with its remedy', async () => {
    const { network } = testbed;
    const ten = blocks(10, network.transitGateway);
    const table = await testbed.tableInSync({});
    const [refused = ''] = Object.keys(ten);
    await testbed.relay.inject({
      on: { action: 'CreateRoute', naming: [table, refused] },
      times: 1_000,
      effect: { kind: 'refuse', code: 'InvalidTransitGatewayID.NotFound' },
    });

    await testbed.desire(table, ten);

    const { reason, failures } = await testbed.phase(table, 'Failed');
    const { [refused]: _, ...others } = ten;
    expect(await testbed.routes(table)).toEqual(others);
    expect(reason).toBe(
      `could not create ${refused}: the transit gateway does not exist or this VPC has no available attachment to it: attach the VPC, or list another target`,
    );
    expect(failures).toMatchObject([
      { action: 'create', destination: refused, code: 'InvalidTransitGatewayID.NotFound', attempts: 1 },
    ]);
    const runs = await testbed.runs(table);
    expect(runs).toHaveLength(1);
    expect(runs[0]?.outcome.map(({ result }) => result).sort()).toEqual([
      ...Array.from({ length: 9 }, () => 'done'),
      'refused',
    ]);
  });
});

describe.concurrent('a route that somebody deletes just before the reconciler does', () => {
  it('stops nothing: the table is as desired after that run', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.30.0.0/16': network.otherPeering };
    const table = await testbed.tableInSync(routes);
    for (const call of [replaceRoute(table, '10.30.0.0/16', network.peering), deleteRoute(table, '10.20.0.0/16')])
      await unannounced.send(call);
    await unannounced.send(createRoute(table, '192.168.0.0/16', network.transitGateway));
    const since = await testbed.mark();
    await testbed.relay.inject({
      on: { action: 'DeleteRoute', naming: [table] },
      effect: { kind: 'delay', ms: 1_000 },
    });

    const waking = testbed.wake(table);
    await eventually(async () =>
      expect(texts(await testbed.callsOn(table, since))).toContain('DeleteRoute 192.168.0.0/16'),
    );
    // Either may delete it first. The injected delay was only for the first call.
    await unannounced.send(deleteRoute(table, '192.168.0.0/16'));
    await waking;

    expect(await testbed.routes(table)).toEqual(routes);
    const [run, ...more] = await testbed.runs(table);
    expect(more).toEqual([]);
    expect(run?.outcome).toMatchObject([
      { action: 'replace', result: 'done' },
      { action: 'delete', result: 'already', code: 'InvalidRoute.NotFound' },
      { action: 'create', result: 'done' },
    ]);
    await testbed.phase(table, 'InSync');
  });
});

describe.concurrent('when EC2 throttles every fifth mutation', () => {
  it('the table is as desired after one run, and each change takes effect once', { timeout: 120_000 }, async () => {
    const { network, unannounced } = testbed;
    const kept = blocks(8, network.peering);
    const table = await testbed.tableInSync({ ...kept, ...blocks(6, network.peering, 41) });
    for (const [destination] of Object.entries(kept))
      await unannounced.send(replaceRoute(table, destination, network.otherPeering));
    for (const action of ['ReplaceRoute', 'DeleteRoute', 'CreateRoute']) {
      // A fault does not count the calls that other faults affect.
      for (const before of [4, 8, 12, 16])
        await testbed.relay.inject({
          on: { action, naming: [table] },
          after: before,
          effect: { kind: 'refuse', code: 'RequestLimitExceeded', status: 503 },
        });
    }
    const since = await testbed.mark();
    const desired = { ...kept, ...blocks(10, network.otherPeering, 42) };

    await testbed.desire(table, desired, { maxDeletes: 10 });

    await testbed.has(table, desired, { seconds: 40 });
    const outcomes = await testbed.outcomes(table, 24);
    // On a busy machine an answer may come too late: then the next read shows the change.
    expect(outcomes.filter(({ result }) => result !== 'done' && result !== 'already')).toEqual([]);
    await testbed.phase(table, 'InSync');
    const mutations = (await testbed.callsOn(table, since)).filter(isMutation);
    const throttled = mutations.filter(({ error }) => error === 'RequestLimitExceeded');
    const effective = texts(mutations.filter(({ error }) => !error));
    expect(throttled).toHaveLength(4);
    expect(effective).toHaveLength(24);
    expect(new Set(effective).size).toBe(24);
  });
});

describe.concurrent('a read that does not show our write yet', () => {
  it('twice in a row leads to no needless write', async () => {
    const { network, unannounced } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering });
    await unannounced.send(replaceRoute(table, '10.20.0.0/16', network.otherPeering));
    // The verifying function reads the table before our write, so that the relay has an old answer to repeat.
    await testbed.desire(table, { '10.20.0.0/16': network.peering }, { mode: 'observe' });
    await testbed.phase(table, 'Drifted');
    await testbed.functions.invoke('OnRequeue', requeued(table));
    const since = await testbed.mark();
    await testbed.relay.inject({
      on: { action: read, caller: await testbed.functions.callerOf('OnRequeue'), naming: [table] },
      times: 2,
      effect: { kind: 'stale-answer' },
    });

    await testbed.desire(table, { '10.20.0.0/16': network.peering });

    await testbed.has(table, { '10.20.0.0/16': network.peering });
    await testbed.phase(table, 'InSync', { seconds: 45 });
    const calls = await testbed.callsOn(table, since);
    expect(calls.filter(isMutation)).toEqual([
      { by: 'OnDesiredChange', call: `ReplaceRoute 10.20.0.0/16 ${network.peering}` },
    ]);
    // Before the write, two stale reads, and the read that shows it. The message of another table may cause one more.
    expect(calls.filter((call) => !isMutation(call)).length).toBeGreaterThanOrEqual(4);
  });

  const requeued = (routeTableId: string): object => ({
    Records: [{ messageId: 'message', body: JSON.stringify({ routeTableId, hop: 0 }) }],
  });
});

describe.concurrent('a lost answer', () => {
  it('causes a read instead of a blind second call', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.21.0.0/16'));
    await unannounced.send(createRoute(table, '192.168.0.0/16', network.transitGateway));
    for (const action of ['DeleteRoute', 'CreateRoute'])
      await testbed.relay.inject({ on: { action, naming: [table] }, effect: { kind: 'lose-answer' } });
    const since = await testbed.mark();

    await testbed.wake(table);

    expect(texts(await testbed.callsOn(table, since))).toEqual([
      read,
      'DeleteRoute 192.168.0.0/16',
      `CreateRoute 10.21.0.0/16 ${network.peering}`,
      read,
    ]);
    expect(await testbed.outcomes(table, 2)).toMatchObject([{ result: 'already' }, { result: 'already' }]);
    expect(await testbed.routes(table)).toEqual(routes);
    await testbed.phase(table, 'InSync');
  });

  it('after a server fault that changed nothing causes a read and one more call', async () => {
    const { network, unannounced } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    await testbed.relay.inject({
      on: { action: 'CreateRoute', naming: [table] },
      effect: { kind: 'refuse', code: 'InternalError', status: 500 },
    });
    const since = await testbed.mark();

    await testbed.wake(table);

    const create = `CreateRoute 10.20.0.0/16 ${network.peering}`;
    expect(texts(await testbed.callsOn(table, since))).toEqual([read, create, read, create]);
    expect(await testbed.routes(table)).toEqual(routes);
  });
});

describe.concurrent('two hundred events for one table', () => {
  it('cause few reads by one writer', async () => {
    const { network, unannounced } = testbed;
    const routes = blocks(4, network.peering);
    const table = await testbed.tableInSync(routes);
    for (const destination of Object.keys(routes))
      await unannounced.send(replaceRoute(table, destination, network.otherPeering));
    // The real EC2 also needs time for each call.
    const caller = await testbed.functions.callerOf('OnRouteChange');
    for (const action of [read, 'ReplaceRoute'])
      await testbed.relay.inject({
        on: { action, caller, naming: [table] },
        times: 100,
        effect: { kind: 'delay', ms: 300 },
      });
    const since = await testbed.mark();
    const started = performance.now();

    const events = Array.from({ length: 200 }, (_, n) => eventOf(callOn(table, { eventID: `${table}-${n}` })));
    await pMap(events, (event) => testbed.functions.invoke('OnRouteChange', event), { concurrency: 20 });
    const toldMs = performance.now() - started;

    await testbed.has(table, routes);
    await testbed.phase(table, 'InSync');
    const calls = texts(await testbed.callsOn(table, since));
    const writes = calls.filter((call) => call !== read);
    const reads = calls.length - writes.length;
    console.log(`200 events in ${(toldMs / 1_000).toFixed(1)} s: ${reads} reads, ${writes.length} writes`);
    expect(reads).toBeLessThanOrEqual(12);
    // Two writers at once would repeat a write.
    expect(writes.toSorted()).toEqual(Object.keys(routes).map((each) => `ReplaceRoute ${each} ${network.peering}`));
  });
});
