import type { CreateRouteCommand, DeleteRouteCommand, ReplaceRouteCommand } from '@aws-sdk/client-ec2';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Scenery } from '../../../local/scenery.ts';
import { createRoute, deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { type OwnCall, type Routes, Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const read = 'DescribeRouteTables';
const actionOf = (call: string): string => call.replace(/ .*/, '');
const isMutation = ({ call }: OwnCall): boolean => call !== read;

interface Scenario {
  readonly drift: string;
  readonly happens: (
    table: string,
    to: Scenery,
  ) => readonly (CreateRouteCommand | ReplaceRouteCommand | DeleteRouteCommand)[];
  /** The mutations that repair it, in order. */
  readonly mended: (to: Scenery) => readonly string[];
}

const scenarios: readonly Scenario[] = [
  { drift: 'no drift', happens: () => [], mended: () => [] },
  {
    drift: 'a route deleted',
    happens: (table) => [deleteRoute(table, '10.21.0.0/16')],
    mended: (to) => [`CreateRoute 10.21.0.0/16 ${to.peering}`],
  },
  {
    drift: 'a route retargeted',
    happens: (table, to) => [replaceRoute(table, '0.0.0.0/0', to.internetGateway)],
    mended: (to) => [`ReplaceRoute 0.0.0.0/0 ${to.natGateway}`],
  },
  {
    drift: 'a rogue route added',
    happens: (table, to) => [createRoute(table, '192.168.0.0/16', to.transitGateway)],
    mended: () => ['DeleteRoute 192.168.0.0/16'],
  },
  {
    drift: 'two targets swapped',
    happens: (table, to) => [
      replaceRoute(table, '10.20.0.0/16', to.otherPeering),
      replaceRoute(table, '10.30.0.0/16', to.peering),
    ],
    mended: (to) => [`ReplaceRoute 10.20.0.0/16 ${to.peering}`, `ReplaceRoute 10.30.0.0/16 ${to.otherPeering}`],
  },
  {
    drift: 'an IPv6 route retargeted',
    happens: (table, to) => [replaceRoute(table, '::/0', to.peering)],
    mended: (to) => [`ReplaceRoute ::/0 ${to.egressOnlyGateway}`],
  },
  {
    drift: 'a prefix list retargeted',
    happens: (table, to) => [replaceRoute(table, to.prefixList, to.peering)],
    mended: (to) => [`ReplaceRoute ${to.prefixList} ${to.transitGateway}`],
  },
  {
    drift: 'drift of every kind',
    happens: (table, to) => [
      deleteRoute(table, '10.20.0.0/16'),
      replaceRoute(table, '10.30.0.0/16', to.peering),
      createRoute(table, '192.168.0.0/16', to.transitGateway),
    ],
    mended: (to) => [
      `ReplaceRoute 10.30.0.0/16 ${to.otherPeering}`,
      'DeleteRoute 192.168.0.0/16',
      `CreateRoute 10.20.0.0/16 ${to.peering}`,
    ],
  },
];

describe.concurrent('a reconcile of one table makes only the calls it needs', () => {
  it.each(scenarios)('$drift', async ({ happens, mended }) => {
    const { network: to, unannounced } = testbed;
    const routes = {
      '0.0.0.0/0': to.natGateway,
      '10.20.0.0/16': to.peering,
      '10.21.0.0/16': to.peering,
      '10.30.0.0/16': to.otherPeering,
      '::/0': to.egressOnlyGateway,
      [to.prefixList]: to.transitGateway,
    };
    const table = await testbed.tableInSync(routes);
    for (const call of happens(table, to)) await send(call);
    const mutations = mended(to);

    const since = await testbed.mark();
    const calls = await testbed.callsDuring(table, 'OnRouteChange', () => testbed.wake(table));
    const second = await testbed.callsDuring(table, 'OnRouteChange', () => testbed.wake(table));

    expect(calls.map(actionOf)).toEqual([read, ...mutations.map(actionOf)]);
    // Calls of one phase are made in parallel.
    expect(calls.toSorted()).toEqual([read, ...mutations].toSorted());
    expect(second).toEqual([read]);
    expect(await testbed.routes(table)).toEqual(routes);
    expect((await testbed.callsOn(table, since)).filter(isMutation)).toHaveLength(mutations.length);

    async function send(call: ReturnType<Scenario['happens']>[number]): Promise<void> {
      await unannounced.send(call);
    }
  });

  it('and after a change one more read, which verifies it', async () => {
    const { network: to, unannounced } = testbed;
    const routes = { '10.20.0.0/16': to.peering };
    const table = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(table, '10.20.0.0/16'));
    const since = await testbed.mark();

    await testbed.wake(table);
    await testbed.phase(table, 'InSync');

    expect(await testbed.callsOn(table, since)).toEqual([
      { by: 'OnRouteChange', call: read },
      { by: 'OnRouteChange', call: `CreateRoute 10.20.0.0/16 ${to.peering}` },
      { by: 'OnRequeue', call: read },
    ]);
  });
});

describe.concurrent('fifty routes through one peering connection', () => {
  it('are never mistaken for one another: each edit makes the one call it needs, and none fails', async () => {
    const { network: to, alice } = testbed;
    const fifty: Routes = Object.fromEntries(
      Array.from({ length: 50 }, (_, block) => [`10.100.${block}.0/24`, to.peering]),
    );
    const table = await testbed.newTable(fifty);
    const since = await testbed.mark();
    const edit = (routes: Routes): Promise<string[]> =>
      testbed.callsDuring(table, 'OnDesiredChange', () => testbed.edit(table, routes));

    expect(await edit(fifty)).toEqual([read]);

    const added = { ...fifty, '10.101.0.0/24': to.peering };
    expect(await edit(added)).toEqual([read, `CreateRoute 10.101.0.0/24 ${to.peering}`]);

    const { '10.100.7.0/24': _, ...removed }: Routes = added;
    expect(await edit(removed)).toEqual([read, 'DeleteRoute 10.100.7.0/24']);

    const retargeted = { ...removed, '10.100.23.0/24': to.otherPeering };
    expect(await edit(retargeted)).toEqual([read, `ReplaceRoute 10.100.23.0/24 ${to.otherPeering}`]);

    await testbed.phase(table, 'InSync');
    const inSync = await testbed.mark();
    await alice.send(new CreateTagsCommand({ Resources: [table], Tags: [{ Key: 'team', Value: 'network' }] }));
    await testbed.healsAnother();
    expect(await testbed.callsOn(table, inSync)).toEqual([{ by: 'OnRouteChange', call: read }]);

    const calls = await testbed.callsOn(table, since);
    expect(calls.filter(isMutation)).toHaveLength(3);
    expect(calls.filter(({ error }) => error)).toEqual([]);
    expect(await testbed.routes(table)).toEqual(retargeted);
  });
});
