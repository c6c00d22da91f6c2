import type { CreateRouteCommandInput, DeleteRouteCommandInput, ReplaceRouteCommandInput } from '@aws-sdk/client-ec2';
import { canonicalBlock, familyOf, isInside } from './blocks.ts';
import { Ec2Error } from './error.ts';
import { type StoredRoute, type Table, type World, isStatic, prefixOf, slotAt, withTable } from './world.ts';

// The rules of the three route calls. Each function takes a world and returns the next one, or the same one if nothing
// changes. It throws EC2's error if EC2 rejects the call.

/** Non-propagated routes per table and address family (quota L-93826ACB). */
export interface Quota {
  readonly routesPerFamily: number;
}

export function createRoute(world: World, input: CreateRouteCommandInput, quota: Quota): World {
  const table = tableOf(world, input);
  const destination = destinationOf(world, input, 'canonical');
  const target = targetOf(world, table, input, destination);
  mustFit(world, table, destination, target);
  const slot = slotAt(table, destination);
  // Creating the same route again is neither an error nor a change.
  if (slot?.target === target) return world;
  if (slot) throw new Ec2Error('RouteAlreadyExists', `The route identified by ${destination} already exists.`);
  const family = quotaFamily(world, destination);
  const used = table.routes
    .filter((route) => route.origin === 'CreateRoute' && quotaFamily(world, route.destination) === family)
    .reduce((sum, route) => sum + weightOf(world, route.destination), 0);
  if (used + weightOf(world, destination) > quota.routesPerFamily)
    throw new Ec2Error('RouteLimitExceeded', 'The maximum number of routes has been reached.');
  return withRoute(world, table, { destination, target, origin: 'CreateRoute' });
}

export function replaceRoute(world: World, input: ReplaceRouteCommandInput): World {
  const table = tableOf(world, input);
  const destination = destinationOf(world, input, 'literal');
  const target = input.LocalTarget ? onlyLocal(input) : targetOf(world, table, input, destination);
  const slot = slotAt(table, destination);
  if (!slot) {
    const message = `There is no route defined for '${destination}' in the route table. Use CreateRoute instead.`;
    throw new Ec2Error('InvalidParameterValue', message);
  }
  mustNotBeAService(slot, table);
  if (target === 'local' && slot.origin !== 'CreateRouteTable')
    throw new Ec2Error('InvalidParameterValue', `${destination} is not the destination of a local route`);
  if (slot.origin !== 'CreateRouteTable') mustFit(world, table, destination, target);
  else if (target !== 'local' && !insideVpcTargets.has(prefixOf(target))) throw unsupportedTarget();
  return withRoute(world, table, { ...slot, target });
}

export function deleteRoute(world: World, input: DeleteRouteCommandInput): World {
  const table = tableOf(world, input);
  const destination = destinationOf(world, input, 'literal');
  const slot = slotAt(table, destination);
  if (!slot) {
    const message = `no route with destination-cidr-block ${destination} in route table ${table.id}`;
    throw new Ec2Error('InvalidRoute.NotFound', message);
  }
  if (slot.origin === 'CreateRouteTable') {
    const message = `cannot remove local route ${destination} in route table ${table.id}`;
    throw new Ec2Error('InvalidParameterValue', message);
  }
  mustNotBeAService(slot, table);
  return withTable(world, { ...table, routes: table.routes.filter((route) => route !== slot) });
}

/** The world with this route in its slot of the table; the same world if the route is already there. */
export function withRoute(world: World, table: Table, route: StoredRoute): World {
  const changed = tableWith(table, route);
  return changed === table ? world : withTable(world, changed);
}

/** The table with a route. It is the same table if the route is already there. */
export function tableWith(table: Table, route: StoredRoute): Table {
  const slot = isStatic(route) ? slotAt(table, route.destination) : undefined;
  if (slot?.target === route.target) return table;
  const routes = slot ? table.routes.map((other) => (other === slot ? route : other)) : [...table.routes, route];
  return { ...table, routes };
}

// ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────

function tableOf(world: World, { RouteTableId: id }: DeleteRouteCommandInput): Table {
  if (!id) throw new Ec2Error('MissingParameter', 'The request must contain the parameter routeTableId');
  if (!/^rtb-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
    throw new Ec2Error('InvalidRouteTableId.Malformed', `Invalid id: "${id}" (expecting "rtb-...")`);
  const table = world.tables.get(id);
  if (!table) throw new Ec2Error('InvalidRouteTableID.NotFound', `The routeTable ID '${id}' does not exist`);
  return table;
}

/**
 * The destination of a call. CreateRoute clears host bits; ReplaceRoute and DeleteRoute require the stored spelling.
 */
function destinationOf(world: World, input: DeleteRouteCommandInput, spelling: 'canonical' | 'literal'): string {
  const { DestinationCidrBlock: ipv4, DestinationIpv6CidrBlock: ipv6, DestinationPrefixListId: prefixList } = input;
  const given = [ipv4, ipv6, prefixList].filter((text) => text !== undefined);
  const [text] = given;
  if (text === undefined)
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter destinationCidrBlock');
  if (given.length > 1)
    throw new Ec2Error('InvalidParameterCombination', 'The request must contain exactly one destination');
  if (prefixList !== undefined) {
    if (!world.prefixLists.has(prefixList))
      throw new Ec2Error('InvalidPrefixListID.NotFound', `The prefix list ID '${prefixList}' does not exist`);
    return prefixList;
  }
  const block = canonicalBlock(text, ipv6 === undefined ? 'ipv4' : 'ipv6');
  if (block === undefined) {
    const field = ipv6 === undefined ? 'destinationCidrBlock' : 'destinationIpv6CidrBlock';
    const message = `Value (${text}) for parameter ${field} is invalid. This is not a valid CIDR block.`;
    throw new Ec2Error('InvalidParameterValue', message);
  }
  return spelling === 'canonical' ? block : text;
}

/** For each request field: the ids it accepts, and the error code and noun for an id that does not exist. */
const targetFields = {
  GatewayId: [['igw', 'vgw', 'nat', 'eigw', 'vpce'], 'InvalidGatewayID.NotFound', 'gateway'],
  NatGatewayId: [['nat'], 'InvalidNatGatewayID.NotFound', 'natGateway'],
  NetworkInterfaceId: [['eni'], 'InvalidNetworkInterfaceID.NotFound', 'networkInterface'],
  InstanceId: [['i'], 'InvalidInstanceID.NotFound', 'instance'],
  VpcPeeringConnectionId: [['pcx'], 'InvalidVpcPeeringConnectionID.NotFound', 'vpcPeeringConnection'],
  TransitGatewayId: [['tgw'], 'InvalidTransitGatewayID.NotFound', 'transitGateway'],
  EgressOnlyInternetGatewayId: [['eigw'], 'InvalidEgressOnlyInternetGatewayId.NotFound', 'egressOnlyInternetGateway'],
  CarrierGatewayId: [['cagw'], 'InvalidCarrierGatewayID.NotFound', 'carrierGateway'],
  LocalGatewayId: [['lgw'], 'InvalidLocalGatewayID.NotFound', 'localGateway'],
  VpcEndpointId: [['vpce'], 'InvalidVpcEndpointId.NotFound', 'vpcEndpoint'],
  CoreNetworkArn: [['core-network'], 'InvalidCoreNetworkArn.NotFound', 'coreNetwork'],
  OdbNetworkArn: [['odb'], 'InvalidOdbNetworkArn.NotFound', 'odbNetwork'],
} as const satisfies Partial<Record<keyof CreateRouteCommandInput, readonly [readonly string[], string, string]>>;

type TargetField = keyof typeof targetFields;
const fieldNames = Object.keys(targetFields).filter((name): name is TargetField => name in targetFields);

function targetOf(world: World, table: Table, input: CreateRouteCommandInput, destination: string): string {
  const given = fieldNames.flatMap((name) => (input[name] === undefined ? [] : [{ name, id: input[name] }]));
  const [only] = given;
  if (!only) throw new Ec2Error('MissingParameter', 'The request must contain the parameter gatewayId');
  if (given.length > 1)
    throw new Ec2Error('InvalidParameterCombination', 'The request must contain exactly one target');
  const { name, id } = only;
  const [prefixes, notFound, noun] = targetFields[name];
  const target = world.targets.get(id);
  const there = target !== undefined && prefixes.some((prefix) => prefix === prefixOf(id));
  // EC2 answers as if a transit gateway or core network did not exist when the VPC is not attached to it.
  const attachedOnly = name === 'TransitGatewayId' || name === 'CoreNetworkArn';
  if (!there || (attachedOnly && !target.vpcs.includes(table.vpcId)))
    throw new Ec2Error(notFound, `The ${noun} ID '${id}' does not exist`);
  if (target.vpcs.length === 0 && prefixOf(id) !== 'igw')
    throw new Ec2Error('Gateway.NotAttached', `resource ${id} is not attached to network ${table.vpcId}`);
  if (!target.vpcs.includes(table.vpcId)) {
    const message = `route table ${table.id} and network gateway ${id} belong to different networks`;
    throw new Ec2Error('InvalidParameterValue', message);
  }
  if (prefixOf(id) === 'vpce') mustCarry(destination, target.loadBalancer === true);
  if (prefixOf(id) !== 'i') return id;
  const [network, ...more] = target.interfaces ?? [];
  if (network !== undefined && more.length === 0) return network;
  const message = network
    ? `There are multiple interfaces attached to instance '${id}'. Please specify an interface ID for the operation instead.`
    : `There are no interfaces attached to instance '${id}'.`;
  throw new Ec2Error('InvalidInstanceID', message);
}

function mustCarry(destination: string, loadBalancer: boolean): void {
  if (destination.startsWith('pl-')) {
    const message = 'Cannot create or replace a prefix list route targeting a VPC Endpoint.';
    throw new Ec2Error('InvalidParameterValue', message);
  }
  if (!loadBalancer)
    throw new Ec2Error('RouteNotSupported', 'VPC Endpoints of this type cannot be used as route targets.');
}

function onlyLocal(input: ReplaceRouteCommandInput): string {
  if (fieldNames.some((name) => input[name] !== undefined))
    throw new Ec2Error('InvalidParameterCombination', 'The request must contain exactly one target');
  return 'local';
}

// ── allowed targets ─────────────────────────────────────────────────────────────────────────────────────────────────

const reserved = ['169.254.168.0/22', 'fd00:ec2::/32'];
const insideVpcTargets = new Set(['nat', 'eni', 'vpce', 'lgw']);

/** Throws if EC2 does not allow such a route in this table, whatever the table contains. */
function mustFit(world: World, table: Table, destination: string, target: string): void {
  const prefixList = destination.startsWith('pl-');
  const family = prefixList ? world.prefixLists.get(destination)?.family : familyOf(destination);
  if (prefixOf(target) === 'eigw' && family === 'ipv4') refuse(`${target} carries IPv6 traffic only`);
  if (prefixOf(target) === 'cagw' && family === 'ipv6') refuse(`${target} carries IPv4 traffic only`);
  if (prefixList) {
    if (table.edgeOf) refuse('A gateway route table cannot hold prefix lists.');
    return;
  }
  if (reserved.some((block) => isInside(destination, block)))
    refuse(`Value (${destination}) for parameter destinationCidrBlock is invalid. The block is reserved.`);
  const { blocks = [], subnets = [] } = world.vpcs.get(table.vpcId) ?? {};
  const inVpc = blocks.some((block) => isInside(destination, block));
  // The block of the VPC itself is the slot of the local route, so EC2 answers that the slot is taken.
  if (blocks.includes(destination)) return;
  if (!inVpc && table.edgeOf) refuse('A gateway route table cannot hold destinations outside the VPC.');
  if (!inVpc) return;
  if (!subnets.includes(destination)) refuse("Route destination doesn't match any subnet CIDR blocks.");
  if (!insideVpcTargets.has(prefixOf(target))) throw unsupportedTarget();
}

function refuse(message: string): never {
  throw new Ec2Error('InvalidParameterValue', message);
}

const unsupportedTarget = (): Ec2Error =>
  new Ec2Error(
    'InvalidParameterValue',
    'Route target is not supported. This route only supports interface and instance targets.',
  );

/** The route API cannot change routes of gateway endpoints and VPC Lattice, although their origin is CreateRoute. */
function mustNotBeAService({ destination, target }: StoredRoute, table: Table): void {
  if (target === 'VpcLattice')
    throw new Ec2Error('OperationNotPermitted', `${destination} is managed by VPC Lattice in route table ${table.id}`);
  if (destination.startsWith('pl-') && prefixOf(target) === 'vpce') {
    const message = `cannot remove VPC endpoint route ${destination} in route table ${table.id}`;
    throw new Ec2Error('InvalidParameterValue', message);
  }
}

const quotaFamily = (world: World, destination: string): string | undefined =>
  destination.startsWith('pl-') ? world.prefixLists.get(destination)?.family : familyOf(destination);

const weightOf = (world: World, destination: string): number => world.prefixLists.get(destination)?.maxEntries ?? 1;
