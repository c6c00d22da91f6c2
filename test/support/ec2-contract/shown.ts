import { expect } from 'vitest';
import { type Case, cidr, ipv6, promise } from './stage.ts';

/** The field that names a target, in a request and in an answer. */
const carriers = [
  ['igw', 'GatewayId'],
  ['vgw', 'GatewayId'],
  ['nat', 'NatGatewayId'],
  ['pcx', 'VpcPeeringConnectionId'],
  ['tgw', 'TransitGatewayId'],
] as const;

/** How a table shows its routes. */
export const shown: readonly Case[] = [
  promise('shows the local route of the VPC in every new table', async ({ describe }) => {
    expect((await describe()).Routes).toEqual([
      { [cidr]: '10.0.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
    ]);
  }),
  ...carriers.map(([target, field]) =>
    promise(`shows a route through ${target} in ${field}`, async (scene) => {
      const { calls, table, routes } = scene;
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', [field]: scene[target] });
      expect(await routes()).toEqual([
        { [cidr]: '10.20.0.0/16', [field]: scene[target], Origin: 'CreateRoute', State: 'active' },
      ]);
    }),
  ),
  promise('shows an IPv6 route through an egress-only internet gateway', async ({ calls, table, eigw, routes }) => {
    await calls.createRoute({ RouteTableId: table, [ipv6]: '::/0', EgressOnlyInternetGatewayId: eigw });
    expect(await routes()).toEqual([
      { [ipv6]: '::/0', EgressOnlyInternetGatewayId: eigw, Origin: 'CreateRoute', State: 'active' },
    ]);
  }),
  promise('shows a route to a prefix list', async ({ calls, table, prefixList, tgw, routes }) => {
    await calls.createRoute({ RouteTableId: table, DestinationPrefixListId: prefixList, TransitGatewayId: tgw });
    expect(await routes()).toEqual([
      { DestinationPrefixListId: prefixList, TransitGatewayId: tgw, Origin: 'CreateRoute', State: 'active' },
    ]);
  }),
  promise(
    'shows instance and interface of a route, whichever was given',
    async ({ calls, table, eni, instance, routes }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', InstanceId: instance });
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.21.0.0/16', NetworkInterfaceId: eni });
      const both = { InstanceId: instance, NetworkInterfaceId: eni };
      expect(await routes()).toEqual([expect.objectContaining(both), expect.objectContaining(both)]);
    },
    'it shows only the one that was given',
  ),
  promise(
    'shows a route through an unattached interface as a blackhole',
    async ({ calls, table, loneEni, routes }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', NetworkInterfaceId: loneEni });
      expect(await routes()).toMatchObject([{ NetworkInterfaceId: loneEni, State: 'blackhole' }]);
    },
    'every route is active',
  ),
  promise(
    'shows a route as a blackhole when its target is gone',
    async ({ calls, table, nat, deleteNat, routes }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', NatGatewayId: nat });
      await deleteNat();
      expect(await routes()).toMatchObject([{ NatGatewayId: nat, State: 'blackhole' }]);
    },
    'every route is active',
  ),
  promise(
    'stores a NAT gateway given as GatewayId in NatGatewayId',
    async ({ calls, table, nat, routes }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', GatewayId: nat });
      expect(await routes()).toMatchObject([{ NatGatewayId: nat }]);
    },
    'it does not know such a gateway',
  ),
];
