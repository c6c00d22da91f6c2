import type { CreateRouteCommandInput, ReplaceRouteCommandInput } from '@aws-sdk/client-ec2';
import { familyOf } from '../support/ec2/blocks.ts';
import { prefixOf } from '../support/ec2/world.ts';

const targetFields: Readonly<Record<string, keyof CreateRouteCommandInput>> = {
  nat: 'NatGatewayId',
  eni: 'NetworkInterfaceId',
  i: 'InstanceId',
  pcx: 'VpcPeeringConnectionId',
  tgw: 'TransitGatewayId',
  eigw: 'EgressOnlyInternetGatewayId',
  vpce: 'VpcEndpointId',
};

/** The input of a route call as a person or another tool would make it; without a target, of DeleteRoute. */
export function callOf(
  RouteTableId: string,
  destination: string,
  target?: string,
): ReplaceRouteCommandInput & { RouteTableId: string } {
  return {
    RouteTableId,
    ...(destination.startsWith('pl-')
      ? { DestinationPrefixListId: destination }
      : familyOf(destination) === 'ipv6'
        ? { DestinationIpv6CidrBlock: destination }
        : { DestinationCidrBlock: destination }),
    ...(target === 'local'
      ? { LocalTarget: true }
      : target !== undefined && { [targetFields[prefixOf(target)] ?? 'GatewayId']: target }),
  };
}

/** The same input as CloudTrail records it. */
export const asInCloudTrail = (input: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(input).map(([key, value]) => [`${key[0]?.toLowerCase()}${key.slice(1)}`, value]));
