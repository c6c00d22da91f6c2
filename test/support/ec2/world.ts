/** The state of EC2 at one instant. It is replaced, never changed, so that stale reads can return past states. */
export interface World {
  readonly vpcs: ReadonlyMap<string, Vpc>;
  readonly tables: ReadonlyMap<string, Table>;
  readonly targets: ReadonlyMap<string, Target>;
  readonly prefixLists: ReadonlyMap<string, PrefixList>;
}

interface Vpc {
  readonly id: string;
  /** IPv4 and IPv6 blocks. Each has a local route in every table. */
  readonly blocks: readonly string[];
  /** The IPv4 and IPv6 blocks of its subnets. */
  readonly subnets: readonly string[];
}

export interface Table {
  readonly id: string;
  readonly vpcId: string;
  readonly ownerId: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Whether the table is associated with an internet or virtual private gateway instead of subnets. */
  readonly edgeOf?: string;
  readonly main: boolean;
  readonly routes: readonly StoredRoute[];
}

export interface StoredRoute {
  /** In EC2's spelling. */
  readonly destination: string;
  /** An id or ARN, `local` or `VpcLattice`. A route created with an instance is stored with its interface. */
  readonly target: string;
  readonly origin: 'CreateRouteTable' | 'CreateRoute' | 'EnableVgwRoutePropagation' | 'Advertisement';
  /** The next hop of an advertised route. */
  readonly ipAddress?: string;
}

/** A target of routes, such as a gateway, an interface or a connection. */
export interface Target {
  readonly id: string;
  /** The VPCs that contain it, that it is attached to, or that it peers. */
  readonly vpcs: readonly string[];
  /** For an interface: its attachment. The id of a service's instance is not visible to us. */
  readonly attachment?: { readonly instanceId?: string; readonly ownerId: string };
  /** For an instance: its interfaces. */
  readonly interfaces?: readonly string[];
  /** For an instance: whether it is not stopped. */
  readonly running?: boolean;
  /** For an endpoint: whether it is of a Gateway Load Balancer. Routes can name no other kind. */
  readonly loadBalancer?: boolean;
}

export interface PrefixList {
  readonly id: string;
  readonly family: 'ipv4' | 'ipv6';
  /** Its weight in the quota of routes: the maximum number of entries, not the current number. */
  readonly maxEntries: number;
}

export const emptyWorld: World = { vpcs: new Map(), tables: new Map(), targets: new Map(), prefixLists: new Map() };

/** A copy of a map with one value added or replaced. */
export const withValue = <T extends { readonly id: string }>(map: ReadonlyMap<string, T>, value: T): Map<string, T> =>
  new Map(map).set(value.id, value);

export const withoutKey = <T>(map: ReadonlyMap<string, T>, key: string): Map<string, T> =>
  new Map([...map].filter(([id]) => id !== key));

export const withTable = (world: World, table: Table): World => ({ ...world, tables: withValue(world.tables, table) });

/**
 * The only route of a destination that the route API can change. Propagated and advertised routes are listed beside it.
 */
export const slotAt = ({ routes }: Table, destination: string): StoredRoute | undefined =>
  routes.find((route) => route.destination === destination && isStatic(route));

export const isStatic = ({ origin }: StoredRoute): boolean => origin === 'CreateRoute' || origin === 'CreateRouteTable';

/** `igw` for `igw-0123…`; for an ARN, the service. */
export function prefixOf(id: string): string {
  if (id.startsWith('arn:')) return id.includes(':odb:') ? 'odb' : 'core-network';
  return id.slice(0, Math.max(0, id.indexOf('-')));
}

/** Whether EC2 considers a route's target usable. Traffic may still fail. */
export const isUsable = ({ target }: Pick<StoredRoute, 'target'>, { vpcId }: Pick<Table, 'vpcId'>, world: World) =>
  target === 'local' || target === 'VpcLattice' || isAlive(target, vpcId, world);

/** Whether EC2 shows a target in a state in which it can carry traffic of a VPC. */
export function isAlive(id: string, vpcId: string, world: World): boolean {
  const target = world.targets.get(id);
  if (!target?.vpcs.includes(vpcId)) return false;
  if (prefixOf(id) === 'i') return target.running !== false;
  if (prefixOf(id) !== 'eni') return true;
  const instanceId = target.attachment?.instanceId;
  const instance = instanceId === undefined ? undefined : world.targets.get(instanceId);
  return target.attachment !== undefined && instance?.running !== false;
}
