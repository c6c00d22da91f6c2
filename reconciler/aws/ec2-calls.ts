/**
 * What an EC2 call does to route tables: `route` changes what a table contains, and names it; `association` decides whom
 * it serves; `propagation` lets a gateway's routes come or go; `endpoint` adds or takes the routes of an endpoint;
 * `prefix-list` changes what a destination means; `vpc-cidr` changes the local routes; `target` lets a target die or
 * come up.
 */
export type Effect = 'route' | 'association' | 'propagation' | 'endpoint' | 'prefix-list' | 'vpc-cidr' | 'target';

/**
 * The EC2 calls that bear on route tables. Those that do so and tell neither a table nor an id that a table is known by
 * (`DetachNetworkInterface` tells an attachment only) are left to the sweep.
 */
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

  CreateVpcEndpoint: 'endpoint',
  ModifyVpcEndpoint: 'endpoint',
  DeleteVpcEndpoints: 'endpoint',

  ModifyManagedPrefixList: 'prefix-list',
  RestoreManagedPrefixListVersion: 'prefix-list',
  DeleteManagedPrefixList: 'prefix-list',

  AssociateVpcCidrBlock: 'vpc-cidr',
  DisassociateVpcCidrBlock: 'vpc-cidr',

  CreateNatGateway: 'target',
  DeleteNatGateway: 'target',
  AttachInternetGateway: 'target',
  DetachInternetGateway: 'target',
  AttachVpnGateway: 'target',
  DetachVpnGateway: 'target',
  AcceptVpcPeeringConnection: 'target',
  DeleteVpcPeeringConnection: 'target',
  DeleteTransitGateway: 'target',
  CreateTransitGatewayVpcAttachment: 'target',
  AcceptTransitGatewayVpcAttachment: 'target',
  DeleteTransitGatewayVpcAttachment: 'target',
  CreateEgressOnlyInternetGateway: 'target',
  DeleteEgressOnlyInternetGateway: 'target',
  CreateCarrierGateway: 'target',
  DeleteCarrierGateway: 'target',
  AttachNetworkInterface: 'target',
  DeleteNetworkInterface: 'target',
  StartInstances: 'target',
  StopInstances: 'target',
  TerminateInstances: 'target',
};

const target = /^(?:igw|vgw|nat|eni|i|pcx|tgw|eigw|cagw|lgw|vpce)-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

/** The ids by which tables are found for a call of each kind, besides those of the tables it names itself. */
export const foundBy: Readonly<Record<Effect, RegExp | undefined>> = {
  route: undefined,
  propagation: undefined,
  association: /^rtbassoc-[0-9a-f]+$/,
  endpoint: /^vpce-[0-9a-f]+$/,
  'prefix-list': /^pl-[0-9a-f]+$/,
  'vpc-cidr': /^vpc-[0-9a-f]+$/,
  target,
};
