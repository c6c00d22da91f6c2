/**
 * What an EC2 call does to route tables: `route` changes what a table contains, and names it; `association` decides whom
 * it serves; `propagation` lets a gateway's routes come or go; `prefix-list` changes what a destination means; `vpc`
 * changes the local routes, or ends a VPC with its tables; `target-up` lets a target come up, or makes another of it;
 * `target-down` lets it die; `tag` may change which routes are ours, and whether we may write.
 */
export type Effect =
  'route' | 'association' | 'propagation' | 'prefix-list' | 'vpc' | 'target-up' | 'target-down' | 'tag';

/**
 * The EC2 calls that bear on route tables. Those that do so and tell neither a table nor an id that a table is known by
 * (`DetachNetworkInterface` tells an attachment only) are left to the sweep; so are those whose tables nobody can know yet
 * (`CreateVpc`, `CreateDefaultVpc`).
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

  ModifyManagedPrefixList: 'prefix-list',
  RestoreManagedPrefixListVersion: 'prefix-list',
  DeleteManagedPrefixList: 'prefix-list',

  AssociateVpcCidrBlock: 'vpc',
  DisassociateVpcCidrBlock: 'vpc',
  DeleteVpc: 'vpc',

  CreateVpcEndpoint: 'target-up',
  ModifyVpcEndpoint: 'target-up',
  CreateNatGateway: 'target-up',
  AttachInternetGateway: 'target-up',
  AttachVpnGateway: 'target-up',
  AcceptVpcPeeringConnection: 'target-up',
  CreateTransitGatewayVpcAttachment: 'target-up',
  AcceptTransitGatewayVpcAttachment: 'target-up',
  CreateEgressOnlyInternetGateway: 'target-up',
  CreateCarrierGateway: 'target-up',
  AttachNetworkInterface: 'target-up',
  StartInstances: 'target-up',

  DeleteVpcEndpoints: 'target-down',
  DeleteNatGateway: 'target-down',
  DetachInternetGateway: 'target-down',
  DetachVpnGateway: 'target-down',
  DeleteVpcPeeringConnection: 'target-down',
  DeleteTransitGateway: 'target-down',
  DeleteTransitGatewayVpcAttachment: 'target-down',
  DeleteEgressOnlyInternetGateway: 'target-down',
  DeleteCarrierGateway: 'target-down',
  DeleteNetworkInterface: 'target-down',
  StopInstances: 'target-down',
  TerminateInstances: 'target-down',

  CreateTags: 'tag',
  DeleteTags: 'tag',
};

/**
 * The calls that let a target come up or die in one VPC of those it serves, and name that VPC. Elsewhere an id of a VPC may
 * be anybody's word, such as a tag in the answer.
 */
export const isInOneVpc = (eventName: string): boolean => eventName.endsWith('TransitGatewayVpcAttachment');

export const vpcId = /^vpc-[0-9a-f]+$/;

const target = /^(?:igw|vgw|nat|eni|i|pcx|tgw|eigw|cagw|lgw|vpce)-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

/** The ids by which tables are found for a call of each kind, besides those of the tables it names itself. */
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
