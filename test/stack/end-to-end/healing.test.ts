import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createRoute, deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { arnOf } from '../support/cloudtrail-records.ts';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

describe.concurrent('a route that somebody changes', () => {
  it('is created again after alice deletes it, and the history names her, her call, address and tool', async () => {
    const { alice, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    await alice.send(deleteRoute(table, '10.21.0.0/16'));

    await testbed.has(table, routes);
    const [outcome] = await testbed.outcomes(table, 1);
    const actor = { arn: arnOf('alice'), sourceIp: '127.0.0.1', userAgent: expect.stringContaining('aws-sdk-js') };
    expect(outcome).toMatchObject({
      action: 'create',
      destination: '10.21.0.0/16',
      to: network.peering,
      result: 'done',
      actor,
    });
    const [run] = await testbed.runs(table);
    expect(run).toMatchObject({ trigger: { kind: 'event', name: 'DeleteRoute', id: expect.any(String) }, actor });
    expect((await testbed.phase(table, 'InSync')).plan?.changes).toEqual([]);
  });

  it('is replaced after bob retargets it, and the history names bob, not alice', async () => {
    const { bob, network } = testbed;
    const routes = { '0.0.0.0/0': network.natGateway, '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    await bob.send(replaceRoute(table, '0.0.0.0/0', network.internetGateway));

    await testbed.has(table, routes);
    expect(await testbed.outcomes(table, 1)).toMatchObject([
      {
        action: 'replace',
        destination: '0.0.0.0/0',
        from: network.internetGateway,
        to: network.natGateway,
        actor: { arn: arnOf('bob') },
      },
    ]);
  });

  it('is deleted if it is a rogue route', async () => {
    const { alice, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    await alice.send(createRoute(table, '192.168.0.0/16', network.transitGateway));

    await testbed.has(table, routes);
    expect(await testbed.outcomes(table, 1)).toMatchObject([
      {
        action: 'delete',
        destination: '192.168.0.0/16',
        from: network.transitGateway,
        actor: { arn: arnOf('alice') },
      },
    ]);
  });

  it('gets its own target back after two targets were swapped', async () => {
    const { bob, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.30.0.0/16': network.otherPeering };
    const table = await testbed.tableInSync(routes);

    await bob.send(replaceRoute(table, '10.20.0.0/16', network.otherPeering));
    await bob.send(replaceRoute(table, '10.30.0.0/16', network.peering));

    const outcomes = await testbed.outcomes(table, 2);
    expect(outcomes.map(({ action, to }) => `${action} ${to}`).sort()).toEqual(
      [`replace ${network.peering}`, `replace ${network.otherPeering}`].sort(),
    );
    expect(await testbed.routes(table)).toEqual(routes);
  });

  it('is repaired for IPv6: deleted, retargeted and rogue', async () => {
    const { alice, network } = testbed;
    const routes = { '::/0': network.egressOnlyGateway, '2001:db8:20::/48': network.peering };
    const table = await testbed.tableInSync(routes);

    await alice.send(deleteRoute(table, '::/0'));
    await alice.send(replaceRoute(table, '2001:db8:20::/48', network.transitGateway));
    await alice.send(createRoute(table, '2001:db8:99::/48', network.peering));

    const outcomes = await testbed.outcomes(table, 3);
    expect(outcomes.map(({ action, destination }) => `${action} ${destination}`).sort()).toEqual([
      'create ::/0',
      'delete 2001:db8:99::/48',
      'replace 2001:db8:20::/48',
    ]);
    expect(await testbed.routes(table)).toEqual(routes);
  });

  it('is repaired for a prefix list: deleted and retargeted', async () => {
    const { alice, network } = testbed;
    const routes = { [network.prefixList]: network.transitGateway, '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    await alice.send(deleteRoute(table, network.prefixList));
    await testbed.outcomes(table, 1);
    await testbed.has(table, routes);
    await alice.send(replaceRoute(table, network.prefixList, network.peering));

    await testbed.outcomes(table, 2);
    await testbed.has(table, routes);
  });
});

describe.concurrent('the actor of drift', () => {
  it('is named only if a call named exactly that destination', async () => {
    const { unannounced, bob, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);

    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    await bob.send(createRoute(table, '192.168.0.0/16', network.transitGateway));

    const outcomes = await testbed.outcomes(table, 2);
    expect(outcomes).toMatchObject([
      { action: 'delete', destination: '192.168.0.0/16', actor: { arn: arnOf('bob') } },
      { action: 'create', destination: '10.20.0.0/16', actor: 'unattributed' },
    ]);
    expect(await testbed.routes(table)).toEqual(routes);
  });
});

describe.concurrent('a tag that changes', () => {
  it('causes a read of the table, and changes nothing', async () => {
    const { alice, network } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering });
    const since = await testbed.mark();

    await alice.send(new CreateTagsCommand({ Resources: [table], Tags: [{ Key: 'team', Value: 'network' }] }));
    await eventually(async () =>
      expect((await testbed.callsOn(table, since)).map(({ call }) => call)).toEqual(['DescribeRouteTables']),
    );
    await testbed.healsAnother();

    expect(await testbed.callsOn(table, since)).toHaveLength(1);
  });
});
