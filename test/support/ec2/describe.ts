import type {
  DescribeRouteTablesCommandInput,
  DescribeRouteTablesCommandOutput,
  Filter,
  Route,
  RouteTable,
} from '@aws-sdk/client-ec2';
import { Ec2Error } from './error.ts';
import { type StoredRoute, type Table, type World, isUsable, prefixOf } from './world.ts';

const valuesPerFilter = 200;

/** The answer of DescribeRouteTables. A page starts after the last table of the previous page, in the current world. */
export function describeRouteTables(
  world: World,
  input: DescribeRouteTablesCommandInput,
): Omit<DescribeRouteTablesCommandOutput, '$metadata'> {
  const { MaxResults: most, NextToken: token, RouteTableIds: ids, Filters: filters = [] } = input;
  if (most !== undefined && (most < 5 || most > 100)) {
    const message = `Value ( ${most} ) for parameter maxResults is invalid. Expecting a value between 5 and 100.`;
    throw new Ec2Error('InvalidParameterValue', message);
  }
  const unknown = ids?.find((id) => !world.tables.has(id));
  if (unknown !== undefined)
    throw new Ec2Error('InvalidRouteTableID.NotFound', `The routeTable ID '${unknown}' does not exist`);
  const meets = filters.map((filter) => meetsFilter(filter, world));
  const found = tablesNamed(world, filters)
    .filter((table) => (ids === undefined || ids.includes(table.id)) && meets.every((isMet) => isMet(table)))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ id }) => token === undefined || id > token);
  const page = found.slice(0, most);
  const last = page.at(-1);
  return {
    RouteTables: page.map((table) => rendered(table, world)),
    ...(page.length < found.length && last && { NextToken: last.id }),
  };
}

function rendered(table: Table, world: World): RouteTable {
  const { id, vpcId, ownerId, tags, routes, edgeOf, main } = table;
  const association = { RouteTableAssociationId: id.replace('rtb-', 'rtbassoc-'), RouteTableId: id, Main: main };
  const propagating = new Set(
    routes.flatMap(({ origin, target }) => (origin === 'EnableVgwRoutePropagation' ? [target] : [])),
  );
  return {
    RouteTableId: id,
    VpcId: vpcId,
    OwnerId: ownerId,
    Routes: routes.map((route) => renderedRoute(route, table, world)),
    Associations: edgeOf ? [{ ...association, GatewayId: edgeOf }] : main ? [association] : [],
    PropagatingVgws: [...propagating].map((GatewayId) => ({ GatewayId })),
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

/** The field in which Describe shows a target. `GatewayId` holds endpoints, gateways and `local`. */
const shownIn: Readonly<Record<string, keyof Route>> = {
  nat: 'NatGatewayId',
  eni: 'NetworkInterfaceId',
  pcx: 'VpcPeeringConnectionId',
  tgw: 'TransitGatewayId',
  eigw: 'EgressOnlyInternetGatewayId',
  cagw: 'CarrierGatewayId',
  lgw: 'LocalGatewayId',
  'core-network': 'CoreNetworkArn',
  odb: 'OdbNetworkArn',
};

function renderedRoute(route: StoredRoute, table: Table, world: World): Route {
  const { destination, target, origin, ipAddress } = route;
  const { instanceId, ownerId } = (prefixOf(target) === 'eni' && world.targets.get(target)?.attachment) || {};
  return {
    [destinationField(destination)]: destination,
    [shownIn[prefixOf(target)] ?? 'GatewayId']: target,
    ...(instanceId !== undefined && { InstanceId: instanceId }),
    ...(ownerId !== undefined && { InstanceOwnerId: ownerId }),
    ...(ipAddress !== undefined && { IpAddress: ipAddress }),
    Origin: origin,
    State: isUsable(route, table, world) ? 'active' : 'blackhole',
  };
}

function destinationField(destination: string): keyof Route {
  if (destination.startsWith('pl-')) return 'DestinationPrefixListId';
  return destination.includes(':') ? 'DestinationIpv6CidrBlock' : 'DestinationCidrBlock';
}

// ── filters ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const routeFilters: Readonly<Record<string, keyof Route>> = {
  'route.destination-cidr-block': 'DestinationCidrBlock',
  'route.destination-ipv6-cidr-block': 'DestinationIpv6CidrBlock',
  'route.destination-prefix-list-id': 'DestinationPrefixListId',
  'route.egress-only-internet-gateway-id': 'EgressOnlyInternetGatewayId',
  'route.gateway-id': 'GatewayId',
  'route.instance-id': 'InstanceId',
  'route.nat-gateway-id': 'NatGatewayId',
  'route.transit-gateway-id': 'TransitGatewayId',
  'route.vpc-peering-connection-id': 'VpcPeeringConnectionId',
  'route.origin': 'Origin',
  'route.state': 'State',
};

const isPattern = (value: string): boolean => /[*?]/.test(value);

/** The tables that a filter names by their ids, or else all. Of 10,000 tables, a read usually names 100. */
function tablesNamed({ tables }: World, filters: readonly Filter[]): Table[] {
  const ids = filters.find(({ Name }) => Name === 'route-table-id')?.Values;
  if (!ids || ids.some(isPattern)) return [...tables.values()];
  return [...new Set(ids)].flatMap((id) => tables.get(id) ?? []);
}

function meetsFilter({ Name: name = '', Values: values = [] }: Filter, world: World): (table: Table) => boolean {
  if (values.length > valuesPerFilter)
    throw new Ec2Error('FilterLimitExceeded', 'The maximum number of filter values specified on a single call is 200');
  const exact = new Set(values);
  const patterns = values.filter(isPattern).map(patternOf);
  const accepts = (value: string): boolean => exact.has(value) || patterns.some((pattern) => pattern.test(value));
  return (table) => valuesOf(table, world, name).some(accepts);
}

/** The values of a table under a filter's name. The table matches if the filter accepts any of them. */
function valuesOf(table: Table, world: World, name: string): readonly string[] {
  if (name === 'route-table-id') return [table.id];
  if (name === 'vpc-id') return [table.vpcId];
  if (name === 'owner-id') return [table.ownerId];
  if (name === 'tag-key') return Object.keys(table.tags);
  if (name.startsWith('tag:')) return [table.tags[name.slice('tag:'.length)]].filter((value) => value !== undefined);
  if (name === 'association.main') return [String(table.main)];
  if (name === 'association.gateway-id') return table.edgeOf ? [table.edgeOf] : [];
  const field = routeFilters[name];
  if (!field) throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  return table.routes.flatMap((route) => renderedRoute(route, table, world)[field] ?? []);
}

/** In a filter's value, `*` matches any text and `?` any character. */
const patternOf = (value: string): RegExp =>
  new RegExp(
    `^${value
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
