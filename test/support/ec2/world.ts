/** Everything EC2 knows at one instant. Never changed, only replaced, so that a stale read can be answered. */
export interface World {
  readonly vpcs: ReadonlyMap<string, Vpc>;
  readonly tables: ReadonlyMap<string, Table>;
  readonly targets: ReadonlyMap<string, Target>;
  readonly prefixLists: ReadonlyMap<string, PrefixList>;
}

interface Vpc {
  readonly id: string;
  /** IPv4 and IPv6; each has its local route in every table. */
  readonly blocks: readonly string[];
  /** Blocks of its subnets, IPv4 and IPv6. */
  readonly subnets: readonly string[];
}

export interface Table {
  readonly id: string;
  readonly vpcId: string;
  readonly ownerId: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Associated with an internet or virtual private gateway instead of subnets. */
  readonly edgeOf?: string;
  readonly main: boolean;
  readonly routes: readonly StoredRoute[];
}

export interface StoredRoute {
  /** In EC2's spelling. */
  readonly destination: string;
  /** An id or ARN, `local` or `VpcLattice`. A route made through an instance is one through its interface. */
  readonly target: string;
  readonly origin: 'CreateRouteTable' | 'CreateRoute' | 'EnableVgwRoutePropagation' | 'Advertisement';
  /** The next hop of an advertised route. */
  readonly ipAddress?: string;
}

/** A gateway, interface, connection … that routes can go through. */
export interface Target {
  readonly id: string;
  /** The VPCs it is in, attached to, or peers. */
  readonly vpcs: readonly string[];
  /** An interface: what it is attached to. A service's instance has no id that we may see. */
  readonly attachment?: { readonly instanceId?: string; readonly ownerId: string };
  /** An instance: its interfaces. */
  readonly interfaces?: readonly string[];
  /** An instance: not stopped. */
  readonly running?: boolean;
  /** An endpoint: of a Gateway Load Balancer, the only kind a route can name. */
  readonly loadBalancer?: boolean;
}

export interface PrefixList {
  readonly id: string;
  readonly family: 'ipv4' | 'ipv6';
  /** What it counts against the quota of routes: the most entries it may have, not those it has. */
  readonly maxEntries: number;
}

export const emptyWorld: World = { vpcs: new Map(), tables: new Map(), targets: new Map(), prefixLists: new Map() };

/** A copy of a map with one more or other value. */
export const withValue = <T extends { readonly id: string }>(map: ReadonlyMap<string, T>, value: T): Map<string, T> =>
  new Map(map).set(value.id, value);

export const withoutKey = <T>(map: ReadonlyMap<string, T>, key: string): Map<string, T> =>
  new Map([...map].filter(([id]) => id !== key));

export const withTable = (world: World, table: Table): World => ({ ...world, tables: withValue(world.tables, table) });

/** The one route of a destination that the route API knows: propagated and advertised ones are only listed beside it. */
export const slotAt = ({ routes }: Table, destination: string): StoredRoute | undefined =>
  routes.find((route) => route.destination === destination && isStatic(route));

export const isStatic = ({ origin }: StoredRoute): boolean => origin === 'CreateRoute' || origin === 'CreateRouteTable';

/** `igw` for `igw-0123…`; ARNs go by their service. */
export function prefixOf(id: string): string {
  if (id.startsWith('arn:')) return id.includes(':odb:') ? 'odb' : 'core-network';
  return id.slice(0, Math.max(0, id.indexOf('-')));
}

/** Whether EC2 takes a route's target to be usable. It says nothing of traffic really getting through. */
export function isUsable(route: StoredRoute, table: Table, world: World): boolean {
  if (route.target === 'local' || route.target === 'VpcLattice') return true;
  const target = world.targets.get(route.target);
  if (!target?.vpcs.includes(table.vpcId)) return false;
  if (prefixOf(route.target) !== 'eni') return true;
  const instanceId = target.attachment?.instanceId;
  const instance = instanceId === undefined ? undefined : world.targets.get(instanceId);
  return target.attachment !== undefined && instance?.running !== false;
}
