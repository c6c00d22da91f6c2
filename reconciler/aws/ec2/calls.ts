/**
 * What an EC2 call does to route tables:
 * - `route` changes what a table contains, and names the table;
 * - `association` changes which subnets and gateways a table serves;
 * - `propagation` adds or removes routes that a gateway propagates;
 * - `prefix-list` changes what a destination means;
 * - `vpc` changes the local routes or the subnets of a VPC, or deletes a VPC with its tables;
 * - `target-up` makes a target available, or changes it;
 * - `target-down` makes a target unavailable;
 * - `tag` may change which routes are ours, and whether we may write.
 */
export type Effect =
  'route' | 'association' | 'propagation' | 'prefix-list' | 'vpc' | 'target-up' | 'target-down' | 'tag';

/** The EC2 calls that affect route tables. docs/events.md says of every other call that changes something why it is not listed. */
export const ec2Calls: Readonly<Record<string, Effect>> = {
  CreateRoute: 'route',
  ReplaceRoute: 'route',
  DeleteRoute: 'route',
  CreateRouteTable: 'route',
  DeleteRouteTable: 'route',

  AssociateRouteTable: 'association',
  DisassociateRouteTable: 'association',
  ReplaceRouteTableAssociation: 'association',

  EnableVgwRoutePropagation: 'propagation',
  DisableVgwRoutePropagation: 'propagation',
  EnableRouteServerPropagation: 'propagation',
  DisableRouteServerPropagation: 'propagation',

  ModifyManagedPrefixList: 'prefix-list',
  RestoreManagedPrefixListVersion: 'prefix-list',
  DeleteManagedPrefixList: 'prefix-list',
  CreateIpamPrefixListResolverTarget: 'prefix-list',
  ModifyIpamPrefixListResolverTarget: 'prefix-list',

  AssociateVpcCidrBlock: 'vpc',
  DisassociateVpcCidrBlock: 'vpc',
  CreateSubnet: 'vpc',
  CreateDefaultSubnet: 'vpc',
  DeleteVpc: 'vpc',

  CreateVpcEndpoint: 'target-up',
  ModifyVpcEndpoint: 'target-up',
  AcceptVpcEndpointConnections: 'target-up',
  CreateNatGateway: 'target-up',
  AttachInternetGateway: 'target-up',
  AttachVpnGateway: 'target-up',
  AcceptVpcPeeringConnection: 'target-up',
  CreateTransitGatewayVpcAttachment: 'target-up',
  AcceptTransitGatewayVpcAttachment: 'target-up',
  ModifyTransitGatewayVpcAttachment: 'target-up',
  CreateLocalGatewayRouteTableVpcAssociation: 'target-up',
  CreateEgressOnlyInternetGateway: 'target-up',
  CreateCarrierGateway: 'target-up',
  AttachNetworkInterface: 'target-up',
  StartInstances: 'target-up',
  RunInstances: 'target-up',

  DeleteVpcEndpoints: 'target-down',
  RejectVpcEndpointConnections: 'target-down',
  DeleteNatGateway: 'target-down',
  DetachInternetGateway: 'target-down',
  DetachVpnGateway: 'target-down',
  DeleteVpcPeeringConnection: 'target-down',
  RejectVpcPeeringConnection: 'target-down',
  DeleteTransitGateway: 'target-down',
  DeleteTransitGatewayVpcAttachment: 'target-down',
  RejectTransitGatewayVpcAttachment: 'target-down',
  DeleteLocalGatewayRouteTableVpcAssociation: 'target-down',
  DeleteEgressOnlyInternetGateway: 'target-down',
  DeleteCarrierGateway: 'target-down',
  DeleteNetworkInterface: 'target-down',
  StopInstances: 'target-down',
  TerminateInstances: 'target-down',

  CreateTags: 'tag',
  DeleteTags: 'tag',
};

/**
 * Whether a call affects a target in only one of the VPCs that it serves, and names that VPC. In other calls, a VPC id
 * proves nothing: it may come from a tag in the answer, for example.
 */
export const isInOneVpc = (eventName: string): boolean =>
  /(TransitGatewayVpcAttachment|LocalGatewayRouteTableVpcAssociation)$/.test(eventName);

export const vpcId = /^vpc-[0-9a-f]+$/;

const target = /^(?:igw|vgw|nat|eni|i|pcx|tgw|eigw|cagw|lgw|vpce)-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

/** The ids in a call that lead to its tables through the index. Tables that the call names itself need no such id. */
export const foundBy: Readonly<Record<Effect, RegExp | undefined>> = {
  route: undefined,
  propagation: undefined,
  tag: undefined,
  association: /^rtbassoc-[0-9a-f]+$/,
  'prefix-list': /^pl-[0-9a-f]+$/,
  vpc: vpcId,
  'target-up': target,
  'target-down': target,
};
