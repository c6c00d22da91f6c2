import type {
  CreateRouteCommandInput,
  DeleteRouteCommandInput,
  ReplaceRouteCommandInput,
  Route as Ec2Route,
  RouteTable as Ec2RouteTable,
} from '@aws-sdk/client-ec2';
import type { Change } from '../../core/route/change.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Destination,
  type Target,
  type TargetKind,
  type Unknown,
  destinationText,
  parseDestination,
  parseTarget,
} from '../../core/route/route.ts';

// ── from our types to EC2's ─────────────────────────────────────────────────────────────────────────────────────────

/** The request field that names a target of each kind. */
const targetField = {
  'internet-gateway': 'GatewayId',
  'virtual-private-gateway': 'GatewayId',
  'nat-gateway': 'NatGatewayId',
  'network-interface': 'NetworkInterfaceId',
  instance: 'InstanceId',
  'vpc-peering-connection': 'VpcPeeringConnectionId',
  'transit-gateway': 'TransitGatewayId',
  'egress-only-internet-gateway': 'EgressOnlyInternetGatewayId',
  'carrier-gateway': 'CarrierGatewayId',
  'local-gateway': 'LocalGatewayId',
  'vpc-endpoint': 'VpcEndpointId',
  'core-network': 'CoreNetworkArn',
  'odb-network': 'OdbNetworkArn',
} as const satisfies Record<TargetKind, keyof CreateRouteCommandInput>;

const destinationField = {
  ipv4: 'DestinationCidrBlock',
  ipv6: 'DestinationIpv6CidrBlock',
  'prefix-list': 'DestinationPrefixListId',
} as const satisfies Record<Destination['kind'], keyof DeleteRouteCommandInput>;

/** The request for one change. `action` says which of the three calls it is for. */
export type ChangeRequest =
  | { readonly action: 'create'; readonly input: CreateRouteCommandInput }
  | { readonly action: 'replace'; readonly input: ReplaceRouteCommandInput }
  | { readonly action: 'delete'; readonly input: DeleteRouteCommandInput };

/** Encodes a change as an EC2 request. A replace or delete names the destination exactly as EC2 reported it. */
export function changeRequest(routeTableId: string, change: Change): ChangeRequest {
  const { action, destination } = change;
  const spelling = action === 'create' ? destinationText(destination) : change.from.spelling;
  const slot = { RouteTableId: routeTableId, [destinationField[destination.kind]]: spelling };
  switch (action) {
    case 'create':
      return { action, input: { ...slot, ...targetFields(change.to) } };
    case 'replace':
      return { action, input: { ...slot, ...targetFields(change.to) } };
    case 'delete':
      return { action, input: slot };
    default:
      return action satisfies never;
  }
}

const targetFields = (target: Target): Partial<ReplaceRouteCommandInput> =>
  target.kind === 'local' ? { LocalTarget: true } : { [targetField[target.kind]]: target.id };

// ── from EC2's types to ours ────────────────────────────────────────────────────────────────────────────────────────

/** Decodes a route table as DescribeRouteTables returns it, or as `aws ec2 describe-route-tables` prints it. */
export function actualTable(table: Ec2RouteTable): ActualTable {
  const { RouteTableId: routeTableId, VpcId: vpcId, OwnerId: ownerId } = table;
  if (!routeTableId) throw new TypeError('EC2 described a route table without a RouteTableId');
  const associations = (table.Associations ?? []).flatMap(({ RouteTableAssociationId: id }) => id ?? []);
  return {
    routeTableId,
    ...(vpcId && { vpcId }),
    ...(ownerId && { ownerId }),
    ...(associations.length > 0 && { associations }),
    tags: Object.fromEntries((table.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? ''])),
    routes: (table.Routes ?? []).map(actualRoute),
  };
}

function actualRoute(route: Ec2Route): ActualRoute {
  const spelling = route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId;
  const { InstanceId: id, InstanceOwnerId: ownerId } = route;
  return {
    destination: actualDestination(spelling, route),
    target: actualTarget(route),
    // For the interface of an AWS service, EC2 may show only the account that owns it.
    ...((id || ownerId) && { instance: { ...(id && { id }), ...(ownerId && { ownerId }) } }),
    origin: origins[route.Origin ?? ''] ?? 'unknown',
    // EC2 always reports a state. Only hand-written input has none.
    state: route.State === undefined ? 'active' : (states[route.State] ?? 'unknown'),
    spelling: spelling ?? '',
  };
}

const origins: Readonly<Record<string, ActualRoute['origin']>> = {
  CreateRoute: 'created',
  CreateRouteTable: 'with-table',
  EnableVgwRoutePropagation: 'propagated',
  Advertisement: 'advertised',
};

const states: Readonly<Record<string, ActualRoute['state']>> = {
  active: 'active',
  blackhole: 'blackhole',
  filtered: 'filtered',
};

function actualDestination(spelling: string | undefined, route: Ec2Route): Destination | Unknown {
  if (spelling === undefined) return { kind: 'unknown', text: unnamed(route) };
  const parsed = parseDestination(spelling);
  return parsed.ok ? parsed.value : { kind: 'unknown', text: spelling };
}

/**
 * The fields that can hold a target. The first one that has a value determines the kind, so the order matters: a route
 * through an instance also shows its interface, and a route through a NAT gateway may. `GatewayId` holds gateways,
 * endpoints, `local` and VPC Lattice.
 */
const observedTarget = [
  'OdbNetworkArn',
  'CoreNetworkArn',
  'NatGatewayId',
  'TransitGatewayId',
  'VpcPeeringConnectionId',
  'EgressOnlyInternetGatewayId',
  'LocalGatewayId',
  'CarrierGatewayId',
  'GatewayId',
  'NetworkInterfaceId',
  'InstanceId',
] as const satisfies readonly (keyof Ec2Route)[];

function actualTarget(route: Ec2Route): ActualRoute['target'] {
  const text = observedTarget.map((field) => route[field]).find((value) => value);
  if (text === undefined) return { kind: 'unknown', text: unnamed(route) };
  if (text === 'VpcLattice') return { kind: 'lattice' };
  const parsed = parseTarget(text);
  return parsed.ok ? parsed.value : { kind: 'unknown', text };
}

const described = new Set<string>(['InstanceOwnerId', 'Origin', 'State', 'IpAddress']);

/** The fields of a route of an unknown kind, as text of at most 200 characters. */
function unnamed(route: Ec2Route): string {
  const fields = Object.entries(route).filter(([key, value]) => !described.has(key) && typeof value === 'string');
  return (
    fields
      .map(([key, value]) => `${key}=${value}`)
      .join(' ')
      .slice(0, 200) || 'unknown'
  );
}
