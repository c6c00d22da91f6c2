import { expect } from 'vitest';
import { type Case, cidr, ipv6, promise, refusal } from './stage.ts';

/** Targets that do not exist, and the error codes for them. */
const missing = [
  ['GatewayId', 'igw-00000000', /^Invalid(Internet)?GatewayID\.NotFound$/i],
  ['GatewayId', 'local', /^InvalidGatewayID\.NotFound$/i, 'it stores a route with no target'],
  ['NetworkInterfaceId', 'eni-00000000', /^InvalidNetworkInterfaceID\.NotFound$/i],
  ['InstanceId', 'i-00000000', /^InvalidInstanceID\.NotFound$/i],
  ['VpcPeeringConnectionId', 'pcx-00000000', /^InvalidVpcPeeringConnectionID\.NotFound$/i],
  ['NatGatewayId', 'nat-00000000', /^InvalidNatGatewayID\.NotFound$/i, 'it stores a route with no target'],
  ['TransitGatewayId', 'tgw-00000000', /^InvalidTransitGatewayID\.NotFound$/i, 'it stores a route with no target'],
] as const;

/** What EC2 rejects, and with which errors. */
export const refusals: readonly Case[] = [
  promise('rejects a second route for a destination', async ({ calls, table, pcx, otherPcx }) => {
    await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx });
    await expect(
      calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: otherPcx }),
    ).rejects.toEqual(refusal('RouteAlreadyExists', 'already exists'));
  }),
  promise(
    'rejects a second route for an IPv6 destination or a prefix list',
    async ({ calls, table, eigw, igw, tgw, pcx, prefixList }) => {
      await calls.createRoute({ RouteTableId: table, [ipv6]: '::/0', EgressOnlyInternetGatewayId: eigw });
      await calls.createRoute({ RouteTableId: table, DestinationPrefixListId: prefixList, TransitGatewayId: tgw });
      const second = [
        calls.createRoute({ RouteTableId: table, [ipv6]: '::/0', GatewayId: igw }),
        calls.createRoute({ RouteTableId: table, DestinationPrefixListId: prefixList, VpcPeeringConnectionId: pcx }),
      ];
      expect(await Promise.allSettled(second)).toEqual([
        { status: 'rejected', reason: refusal('RouteAlreadyExists') },
        { status: 'rejected', reason: refusal('RouteAlreadyExists') },
      ]);
    },
    'the second overwrites the first',
  ),
  promise(
    'accepts the same route again',
    async ({ calls, table, pcx, routes }) => {
      const route = { RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx };
      await calls.createRoute(route);
      expect(await calls.createRoute(route)).toMatchObject({ Return: true });
      expect(await routes()).toHaveLength(1);
    },
    'it answers RouteAlreadyExists',
  ),
  promise(
    'rejects a new route for the block of the VPC',
    async ({ calls, table, nat }) => {
      await expect(
        calls.createRoute({ RouteTableId: table, [cidr]: '10.0.0.0/16', NatGatewayId: nat }),
      ).rejects.toEqual(refusal('RouteAlreadyExists'));
    },
    'it overwrites the local route',
  ),
  promise('rejects replacing a route that does not exist', async ({ calls, table, pcx }) => {
    const message = "There is no route defined for '10.20.0.0/16' in the route table. Use CreateRoute instead.";
    await expect(
      calls.replaceRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx }),
    ).rejects.toEqual(refusal('InvalidParameterValue', message));
  }),
  promise('rejects deleting a route that does not exist', async ({ calls, table }) => {
    await expect(calls.deleteRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16' })).rejects.toEqual(
      refusal('InvalidRoute.NotFound'),
    );
  }),
  promise(
    'rejects deleting the local route',
    async ({ calls, table }) => {
      await expect(calls.deleteRoute({ RouteTableId: table, [cidr]: '10.0.0.0/16' })).rejects.toEqual(
        refusal('InvalidParameterValue', 'cannot remove local route 10.0.0.0/16'),
      );
    },
    'it deletes it',
  ),
  promise('rejects calls for a table that does not exist', async ({ calls, pcx }) => {
    const slot = { RouteTableId: 'rtb-00000000', [cidr]: '10.20.0.0/16' };
    const all = [
      calls.createRoute({ ...slot, VpcPeeringConnectionId: pcx }),
      calls.replaceRoute({ ...slot, VpcPeeringConnectionId: pcx }),
      calls.deleteRoute(slot),
    ];
    for (const { status, ...answer } of await Promise.allSettled(all)) {
      expect({ status, ...answer }).toEqual({
        status: 'rejected',
        reason: expect.objectContaining({ name: expect.stringMatching(/^InvalidRouteTableID\.NotFound$/i) }),
      });
    }
  }),
  ...missing.map(([field, id, name, motoDeviates]) =>
    promise(
      `rejects ${id}, which does not exist`,
      async ({ calls, table, routes }) => {
        await expect(calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', [field]: id })).rejects.toEqual(
          expect.objectContaining({ name: expect.stringMatching(name) }),
        );
        expect(await routes()).toEqual([]);
      },
      motoDeviates,
    ),
  ),
  promise('rejects a destination that is not a CIDR block', async ({ calls, table, pcx }) => {
    await expect(
      calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/33', VpcPeeringConnectionId: pcx }),
    ).rejects.toEqual(refusal('InvalidParameterValue', 'not a valid CIDR block'));
  }),
  promise(
    'rejects a part of the VPC that is not the block of a subnet',
    async ({ calls, table, nat, routes }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.0.1.0/24', NatGatewayId: nat });
      await expect(
        calls.createRoute({ RouteTableId: table, [cidr]: '10.0.1.0/25', NatGatewayId: nat }),
      ).rejects.toEqual(refusal('InvalidParameterValue', "doesn't match any subnet CIDR"));
      expect(await routes()).toMatchObject([{ [cidr]: '10.0.1.0/24' }]);
    },
    'it accepts any destination',
  ),
  promise(
    'rejects an instance with several interfaces',
    async ({ calls, table, instanceWithTwoInterfaces: instance }) => {
      await expect(
        calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', InstanceId: instance }),
      ).rejects.toEqual(refusal('InvalidInstanceID', 'multiple interfaces'));
    },
    'it accepts any instance',
  ),
  promise('rejects an endpoint that is not of a Gateway Load Balancer', async ({ calls, table, gatewayEndpoint }) => {
    await expect(
      calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcEndpointId: gatewayEndpoint }),
    ).rejects.toEqual(refusal('RouteNotSupported'));
  }),
  promise(
    'replaces the target of the local route, and resets it',
    async ({ calls, table, nat, describe }) => {
      await calls.replaceRoute({ RouteTableId: table, [cidr]: '10.0.0.0/16', NatGatewayId: nat });
      expect((await describe()).Routes).toEqual([expect.not.objectContaining({ GatewayId: 'local' })]);
      await calls.replaceRoute({ RouteTableId: table, [cidr]: '10.0.0.0/16', LocalTarget: true });
      expect((await describe()).Routes).toMatchObject([{ GatewayId: 'local' }]);
    },
    'it does not support LocalTarget',
  ),
];
