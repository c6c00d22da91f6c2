import { expect } from 'vitest';
import { type Case, cidr, ipv6, promise } from './stage.ts';

/** The effects of the calls. */
export const changes: readonly Case[] = [
  promise('keeps two routes through one peering connection separate', async ({ calls, table, pcx, routes }) => {
    await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx });
    await calls.createRoute({ RouteTableId: table, [cidr]: '10.21.0.0/16', VpcPeeringConnectionId: pcx });
    await calls.deleteRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16' });
    expect(await routes()).toMatchObject([{ [cidr]: '10.21.0.0/16', VpcPeeringConnectionId: pcx }]);
  }),
  promise('replaces the target of one route only', async ({ calls, table, pcx, otherPcx, routes }) => {
    await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx });
    await calls.createRoute({ RouteTableId: table, [cidr]: '10.21.0.0/16', VpcPeeringConnectionId: pcx });
    await calls.replaceRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: otherPcx });
    expect(await routes()).toMatchObject([
      { [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: otherPcx },
      { [cidr]: '10.21.0.0/16', VpcPeeringConnectionId: pcx },
    ]);
  }),
  promise('replaces a target of one kind by one of another', async ({ calls, table, pcx, nat, routes }) => {
    await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx });
    await calls.replaceRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', NatGatewayId: nat });
    expect(await routes()).toEqual([
      { [cidr]: '10.20.0.0/16', NatGatewayId: nat, Origin: 'CreateRoute', State: 'active' },
    ]);
  }),
  promise(
    'clears host bits',
    async ({ calls, table, pcx, routes }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '100.68.0.18/18', VpcPeeringConnectionId: pcx });
      expect(await routes()).toMatchObject([{ [cidr]: '100.68.0.0/18' }]);
    },
    'destinations are stored as they were sent',
  ),
  promise(
    'spells IPv6 blocks compressed and in lower case',
    async ({ calls, table, eigw, routes }) => {
      const long = '2001:DB8:0:0::/32';
      await calls.createRoute({ RouteTableId: table, [ipv6]: long, EgressOnlyInternetGatewayId: eigw });
      expect(await routes()).toMatchObject([{ [ipv6]: '2001:db8::/32' }]);
    },
    'destinations are stored as they were sent',
  ),
];
