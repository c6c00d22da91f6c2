import {
  AttachNetworkInterfaceCommand,
  CreateTagsCommand,
  DeleteNetworkInterfaceCommand,
  DescribeRouteTablesCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import pMap from 'p-map';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId } from '../../../local/emulators.ts';
import type { MetricName } from '../../../reconciler/core/announce/metrics.ts';
import { OnCall } from '../alarms/support/on-call.ts';
import { DomainEvents } from '../support/domain-events.ts';
import { eventually } from '../support/eventually.ts';
import { metricsOf } from '../support/metric-lines.ts';
import { createRoute, replaceRoute } from '../support/route-calls.ts';
import { arnOf } from '../support/cloudtrail-records.ts';
import { type Routes, Testbed } from '../support/testbed.ts';

// Whatever others do to a managed table is repaired or waits for a person, and is announced: as a domain event, and as
// a message on the topic of the alarms. Nothing waits in silence, and nothing is repaired in silence.

let testbed: Testbed;
let events: DomainEvents;
let onCall: OnCall;
let listed: Routes;

beforeAll(async () => {
  testbed = await Testbed.open();
  [events, onCall] = await Promise.all([DomainEvents.open(), OnCall.open()]);
  listed = { '10.20.0.0/16': testbed.network.peering };
});
afterAll(() => Promise.all([events.close(), onCall.close()]));

const otherAccount = '444455556666';
const byBob = { actor: { arn: arnOf('bob') } };

/** Bob tags a table as the Kubernetes cloud provider does. Returns once a reconcile has ended that knows it. */
async function tagForKubernetes(table: string): Promise<void> {
  const callsSeen = async () => (await testbed.state(table))?.memory.callsSeen;
  const before = await callsSeen();
  const Tags = [{ Key: 'kubernetes.io/cluster/x', Value: 'owned' }];
  await testbed.bob.send(new CreateTagsCommand({ Resources: [table], Tags }));
  await eventually(async () => expect(await callsSeen()).not.toEqual(before));
}

/** A watched table that was adopted with routes that nobody lists: their deletes wait. */
async function adoptedWith(unlisted: Routes): Promise<string> {
  const table = await testbed.newTable({ ...listed, ...unlisted });
  await testbed.desire(table, listed);
  await testbed.phase(table, 'Blocked');
  await testbed.letPolicySettle(table);
  return table;
}

/** Waits until just these deletes of a table wait, by destination. */
const waiting = (table: string, codes: Readonly<Record<string, string>>): Promise<void> =>
  eventually(async () => {
    const { phase, plan } = (await testbed.status(table)) ?? {};
    const deletes = plan?.blocked?.deletes ?? [];
    const found = Object.fromEntries(deletes.map(({ destination, code }) => [destination, code]));
    expect({ phase, found }).toEqual({ phase: 'Blocked', found: codes });
  });

/** Which destinations all announcements of drift about a table name. */
const driftAnnounced = async (table: string): Promise<readonly string[]> => {
  const drifts = (await events.about(table)).filter((one) => one['detail-type'] === 'Route Drift Detected');
  return drifts.flatMap(({ detail }) => changesIn(detail).map(({ destination }) => destination));
};

/** Waits until the functions have counted just this for a table. How long a repair took is another question. */
const counted = (table: string, metrics: Partial<Record<MetricName, number>>): Promise<void> =>
  eventually(async () => {
    const { HealLatency: _, ...counts } = await metricsOf(table);
    expect(counts).toEqual(metrics);
  });

const changesIn = (detail: Readonly<Record<string, unknown>>): readonly { readonly destination: string }[] =>
  Array.isArray(detail['changes']) ? detail['changes'] : [];

describe.concurrent('is repaired and announced with its actor:', () => {
  it('a local route that bob leads to his interface', async () => {
    const { bob } = testbed;
    const [table, eni] = await Promise.all([testbed.tableInSync(listed), testbed.newInterface(accountId)]);
    const since = await testbed.mark();

    await bob.send(replaceRoute(table, '10.0.0.0/16', eni));

    const detected = await events.event(table, 'Route Drift Detected');
    expect(detected['changes']).toMatchObject([
      { action: 'replace', destination: '10.0.0.0/16', from: eni, to: 'local', ...byBob },
    ]);
    const lines = await onCall.message(table, /others changed 1 route/);
    expect(lines[1]).toContain(`10.0.0.0/16 leads to ${eni} (listed with local)`);
    expect(lines[2]).toContain(arnOf('bob'));
    await testbed.phase(table, 'InSync');
    expect(await localRoute(table)).toMatchObject({ GatewayId: 'local', State: 'active' });
    const writes = (await testbed.callsOn(table, since)).filter(({ call }) => call.startsWith('ReplaceRoute'));
    expect(writes).toMatchObject([{ call: 'ReplaceRoute 10.0.0.0/16 true' }]);
    expect(await testbed.outcomes(table, 1)).toMatchObject([{ result: 'done', to: 'local', ...byBob }]);
    await counted(table, { DriftDetected: 1, RoutesReplaced: 1 });
  });

  it('half the internet each through his interface, in a table that he tagged as one of Kubernetes', async () => {
    const { bob } = testbed;
    const [table, eni] = await Promise.all([testbed.tableInSync(listed), testbed.newInterface(accountId)]);
    const halves = ['0.0.0.0/1', '128.0.0.0/1'];

    await tagForKubernetes(table);
    for (const half of halves) await bob.send(createRoute(table, half, eni));

    // The function may see the second route before its event arrives, and names bob once it does.
    await eventually(async () => {
      const outcomes = await testbed.outcomes(table, 2);
      expect(outcomes.toSorted((one, other) => (one.destination < other.destination ? -1 : 1))).toMatchObject(
        halves.map((destination) => ({ action: 'delete', destination, from: eni, result: 'done', ...byBob })),
      );
    });
    await testbed.has(table, listed);
    await eventually(async () => expect((await driftAnnounced(table)).toSorted()).toEqual(halves));
    await eventually(async () => expect((await onCall.messagesAbout(table)).join()).toContain(arnOf('bob')));
    expect((await events.about(table)).map((one) => one['detail-type'])).not.toContain('Route Plan Blocked');
    await counted(table, { DriftDetected: 2, RoutesDeleted: 2 });
  });

  it('a listed default route that bob leads to an interface of another account', async () => {
    const { bob, network } = testbed;
    const routes = { ...listed, '0.0.0.0/0': network.natGateway };
    const [table, eni] = await Promise.all([testbed.tableInSync(routes), testbed.newInterface(otherAccount)]);

    await bob.send(replaceRoute(table, '0.0.0.0/0', eni));

    expect(await testbed.outcomes(table, 1)).toMatchObject([
      { action: 'replace', destination: '0.0.0.0/0', from: eni, to: network.natGateway, result: 'done', ...byBob },
    ]);
    await testbed.has(table, routes);
    expect((await events.event(table, 'Route Drift Detected'))['changes']).toMatchObject([byBob]);
    expect((await onCall.message(table, /others changed 1 route/))[1]).toContain(`0.0.0.0/0 leads to ${eni}`);
    await counted(table, { DriftDetected: 1, RoutesReplaced: 1 });
  });

  it('a new rogue route, although an old route waits for a person', async () => {
    const { bob, network } = testbed;
    const old = { '10.98.0.0/16': network.transitGateway };
    const table = await adoptedWith(old);

    await bob.send(createRoute(table, '10.99.0.0/16', network.transitGateway));

    expect(await testbed.outcomes(table, 1)).toMatchObject([
      { action: 'delete', destination: '10.99.0.0/16', result: 'done', ...byBob },
    ]);
    await waiting(table, { '10.98.0.0/16': 'first-deletes' });
    await testbed.has(table, { ...listed, ...old });
    expect((await onCall.message(table, /others changed 1 route/))[1]).toContain('10.99.0.0/16');
    expect(await driftAnnounced(table)).toEqual(['10.99.0.0/16']);
    await counted(table, { PlansBlocked: 1, DriftDetected: 1, RoutesDeleted: 1 });
  });
});

describe.concurrent('waits for a person and is announced at once:', () => {
  it('a private route through his interface, in a table that bob tagged as one of Kubernetes', async () => {
    const { bob } = testbed;
    const [table, eni] = await Promise.all([testbed.tableInSync(listed), testbed.newInterface(accountId)]);

    await tagForKubernetes(table);
    await bob.send(createRoute(table, '10.200.7.0/24', eni));

    await waiting(table, { '10.200.7.0/24': 'maybe-not-ours' });
    expect(await events.event(table, 'Route Plan Blocked', 'entered')).toMatchObject({
      code: 'maybe-not-ours',
      deletes: ['10.200.7.0/24'],
      changes: [{ action: 'delete', destination: '10.200.7.0/24', ...byBob }],
    });
    const lines = await onCall.message(table, /1 delete waits for a person/);
    expect(lines[1]).toContain('leads to an interface in a table tagged kubernetes.io/cluster/x');
    expect(lines[2]).toContain(arnOf('bob'));
    await testbed.has(table, { ...listed, '10.200.7.0/24': eni });
    await counted(table, { PlansBlocked: 1, DriftDetected: 1 });
  });

  it('a route to a detached interface, which goes as earned once the interface is in use here', async () => {
    const { bob, alice } = testbed;
    const [table, eni] = await Promise.all([testbed.tableInSync(listed), testbed.newInterface()]);

    await bob.send(createRoute(table, '10.77.0.0/16', eni));

    await waiting(table, { '10.77.0.0/16': 'maybe-not-ours' });
    await events.event(table, 'Route Plan Blocked', 'entered');
    const lines = await onCall.message(table, /1 delete waits for a person/);
    expect(lines[1]).toContain('leads to a detached interface');

    const { Instances } = await alice.send(
      new RunInstancesCommand({
        ImageId: 'ami-12c6146b',
        MinCount: 1,
        MaxCount: 1,
        SubnetId: await testbed.subnet,
      }),
    );
    const InstanceId = Instances?.[0]?.InstanceId;
    await alice.send(new AttachNetworkInterfaceCommand({ NetworkInterfaceId: eni, InstanceId, DeviceIndex: 1 }));

    await testbed.has(table, listed);
    expect(await testbed.outcomes(table, 1)).toMatchObject([{ action: 'delete', from: eni, result: 'done', ...byBob }]);
    await events.event(table, 'Route Plan Blocked', 'left');
    await testbed.phase(table, 'InSync');
    await counted(table, { PlansBlocked: 1, DriftDetected: 1, RoutesDeleted: 1 });
  });

  it('a route to an interface of another account, which goes as earned once bob leads it to the internet', async () => {
    const { bob, network } = testbed;
    const [table, eni] = await Promise.all([testbed.tableInSync(listed), testbed.newInterface(otherAccount)]);

    await bob.send(createRoute(table, '10.77.0.0/16', eni));

    await waiting(table, { '10.77.0.0/16': 'maybe-not-ours' });
    await events.event(table, 'Route Plan Blocked', 'entered');
    const lines = await onCall.message(table, /1 delete waits for a person/);
    expect(lines[1]).toContain(`leads to an interface of account ${otherAccount}`);

    await bob.send(replaceRoute(table, '10.77.0.0/16', network.internetGateway));

    await testbed.has(table, listed);
    await events.event(table, 'Route Plan Blocked', 'left');
    await testbed.phase(table, 'InSync');
    await counted(table, { PlansBlocked: 1, DriftDetected: 2, RoutesDeleted: 1 });
  });

  it('what terminated nodes left behind, once for all reads, until one approval removes it', async () => {
    const { alice } = testbed;
    const nodes = await Promise.all([1, 2].map(() => testbed.newInterface(accountId)));
    const pods = Object.fromEntries(nodes.map((eni, n) => [`10.200.${n}.0/24`, eni]));
    const table = await testbed.newTable({ ...listed, ...pods });
    for (const NetworkInterfaceId of nodes) await alice.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId }));
    await testbed.desire(table, listed);

    const codes = { '10.200.0.0/24': 'maybe-not-ours', '10.200.1.0/24': 'maybe-not-ours' };
    await waiting(table, codes);
    for (let reads = 0; reads < 3; reads++) await testbed.wake(table);
    await waiting(table, codes);
    await onCall.message(table, /2 deletes wait for a person/);

    await testbed.order(table, 'approval', {
      routes: Object.entries(pods).map(([destination, target]) => ({ destination, target })),
      by: 'alice',
      at: new Date().toISOString(),
      until: new Date(Date.now() + 3_600_000).toISOString(),
      desiredHash: (await testbed.state(table))?.memory.desiredHash,
    });

    await testbed.has(table, listed);
    await events.event(table, 'Route Plan Blocked', 'left');
    const subjects = (await onCall.messagesAbout(table)).filter((text) => /for a person/.test(text));
    expect(subjects).toHaveLength(1);
    await counted(table, { PlansBlocked: 1, RoutesDeleted: 2 });
  });

  it('an old route, also after the failover of its owner leads it elsewhere', async () => {
    const { bob, network } = testbed;
    const table = await adoptedWith({ '10.98.0.0/16': network.transitGateway });
    await onCall.message(table, /1 delete waits for a person/);

    await bob.send(replaceRoute(table, '10.98.0.0/16', network.otherPeering));

    const lines = await onCall.message(table, /others changed 1 route/);
    expect(lines[1]).toContain(`10.98.0.0/16 leads to ${network.otherPeering}`);
    expect(lines[2]).toContain(arnOf('bob'));
    await waiting(table, { '10.98.0.0/16': 'first-deletes' });
    await testbed.has(table, { ...listed, '10.98.0.0/16': network.otherPeering });
    expect(await testbed.runs(table)).toEqual([]);
    await counted(table, { PlansBlocked: 1, DriftDetected: 1 });
  });
});

describe.concurrent('an edit that gives up protection is announced:', () => {
  it('an ignore entry for every interface, and the deletion of the item', async () => {
    const table = await testbed.tableInSync(listed);

    await testbed.edit(table, listed, { ignore: [{ target: 'eni-*', reason: 'x' }] });

    expect(await events.event(table, 'Route Policy Changed')).toMatchObject({
      weakened: [{ field: 'ignore', old: [], new: ['target eni-*'] }],
    });
    const lines = await onCall.message(table, /an edit of the item weakens its protection/);
    expect(lines[1]).toContain('ignore: nothing → target eni-*');

    await testbed.deleteItem(table);

    await onCall.message(table, /its item was deleted/);
    const changes = (await events.about(table)).filter((one) => one['detail-type'] === 'Route Policy Changed');
    expect(changes).toMatchObject([{}, { detail: { weakened: [{ field: 'item' }] } }]);
  });
});

/** The local route of a table. */
async function localRoute(table: string) {
  const { RouteTables: [found] = [] } = await testbed.alice.send(
    new DescribeRouteTablesCommand({ RouteTableIds: [table] }),
  );
  return found?.Routes?.find(({ Origin }) => Origin === 'CreateRouteTable');
}

// These run one after the other, because what they break would affect other tests.
describe('is repaired and announced:', { timeout: 300_000 }, () => {
  it('a flood of 40 rogue routes, although EC2 throttles and a function is killed', async () => {
    const { bob, network, relay } = testbed;
    await testbed.refillBuckets();
    const table = await testbed.tableInSync(listed);
    const flood = Array.from({ length: 40 }, (_, n) => `10.99.${n}.0/24`);
    const on = { action: 'DeleteRoute', naming: [table] };
    await relay.inject({ on, effect: { kind: 'delay', ms: 2_000 } });
    await relay.inject({
      on,
      after: 34,
      times: 2,
      effect: { kind: 'refuse', code: 'RequestLimitExceeded', status: 503 },
    });
    const mark = await testbed.mark();
    const deletes = async () => (await testbed.callsOn(table, mark)).filter(({ call }) => call.startsWith('Delete'));

    await pMap(flood, (one) => bob.send(createRoute(table, one, network.transitGateway)), { concurrency: 8 });
    await eventually(async () => expect((await deletes()).length).toBeGreaterThan(0), { seconds: 60 });
    await testbed.functions.killWorkers('OnRouteChange');
    await testbed.letLeaseExpire(table);
    // The emulator needs a moment until the killed function can be invoked again, and the reconcile takes some seconds.
    await eventually(() => testbed.wake(table), { seconds: 60 });

    await testbed.has(table, listed, { seconds: 60 });
    expect((await deletes()).filter(({ error }) => error === 'RequestLimitExceeded')).not.toEqual([]);
    await testbed.phase(table, 'InSync', { seconds: 40 });
    await eventually(async () => expect((await driftAnnounced(table)).toSorted()).toEqual(flood.toSorted()));
    // EC2's answers to the killed function are lost, so not every delete counts as confirmed.
    await eventually(async () => expect(await metricsOf(table)).toMatchObject({ DriftDetected: flood.length }));
    expect((await onCall.message(table, /others changed/))[2]).toContain(arnOf('bob'));
  });

  it('a hijack while EventBridge takes no events, as soon as it takes them again', async () => {
    const { bob, network } = testbed;
    const table = await testbed.tableInSync(listed);
    const giveBack = await Promise.all(
      (['OnRouteChange', 'OnRequeue'] as const).map((name) => testbed.functions.denyOn(name, 'events:PutEvents', '*')),
    );
    try {
      await bob.send(replaceRoute(table, '10.20.0.0/16', network.transitGateway));
      await testbed.has(table, listed);
      await eventually(async () => expect((await testbed.state(table))?.unsent?.events).not.toEqual([]));
      expect(await events.about(table)).toEqual([]);
    } finally {
      await Promise.all(giveBack.map((give) => give()));
    }

    await testbed.functions.invoke('Sweep', {});

    expect((await events.event(table, 'Route Drift Detected'))['changes']).toMatchObject([byBob]);
    expect((await onCall.message(table, /others changed 1 route/))[2]).toContain(arnOf('bob'));
    await counted(table, { DriftDetected: 1, RoutesReplaced: 1, EventsNotTold: 1 });
  });
});
