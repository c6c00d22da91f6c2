import { CreateRouteCommand, DeleteRouteCommand, type Route, ReplaceRouteCommand } from '@aws-sdk/client-ec2';

// Independent of the product's own translation, so that the same mistake is not made twice.

/** A call with the texts that a person writes. */
export const createRoute = (RouteTableId: string, destination: string, target: string): CreateRouteCommand =>
  new CreateRouteCommand({ RouteTableId, ...destinationField(destination), ...targetField(target) });

export const replaceRoute = (RouteTableId: string, destination: string, target: string): ReplaceRouteCommand =>
  new ReplaceRouteCommand({ RouteTableId, ...destinationField(destination), ...targetField(target) });

export const deleteRoute = (RouteTableId: string, destination: string): DeleteRouteCommand =>
  new DeleteRouteCommand({ RouteTableId, ...destinationField(destination) });

/** A route that EC2 reports, as destination and target. */
export const asWritten = (route: Route): readonly [destination: string, target: string] => [
  route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId ?? '?',
  route.VpcPeeringConnectionId ??
    route.TransitGatewayId ??
    route.NatGatewayId ??
    route.EgressOnlyInternetGatewayId ??
    route.NetworkInterfaceId ??
    route.GatewayId ??
    '?',
];

function destinationField(destination: string) {
  if (destination.startsWith('pl-')) return { DestinationPrefixListId: destination };
  return destination.includes(':') ? { DestinationIpv6CidrBlock: destination } : { DestinationCidrBlock: destination };
}

function targetField(target: string) {
  // EC2 creates the route of a gateway endpoint itself.
  if (target.startsWith('igw-') || target.startsWith('vpce-')) return { GatewayId: target };
  if (target.startsWith('eni-')) return { NetworkInterfaceId: target };
  if (target.startsWith('nat-')) return { NatGatewayId: target };
  if (target.startsWith('pcx-')) return { VpcPeeringConnectionId: target };
  if (target.startsWith('tgw-')) return { TransitGatewayId: target };
  if (target.startsWith('eigw-')) return { EgressOnlyInternetGatewayId: target };
  throw new Error(`no test needs a route to ${target} yet`);
}
