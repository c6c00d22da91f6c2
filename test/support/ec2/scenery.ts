import { canonicalBlock, familyOf } from './blocks.ts';
import { tableWith, withRoute } from './rules.ts';
import {
  type PrefixList,
  type StoredRoute,
  type Table,
  type Target,
  type World,
  prefixOf,
  withTable,
  withValue,
  withoutKey,
} from './world.ts';

const defaultVpc = 'vpc-aaaaaaaa';
const defaultOwner = '111122223333';

export interface TableOptions {
  readonly vpc?: string;
  readonly ownerId?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly main?: boolean;
  /** The gateway that the table is associated with, which makes it an edge table. */
  readonly edgeOf?: string;
  /** Routes created by somebody: `{ '10.20.0.0/16': 'pcx-aaaaaaaa' }`. Missing targets are created as well. */
  readonly routes?: Readonly<Record<string, string>>;
}

/**
 * Builds the world and changes it directly, as outside events do: at once, without calls and without rules.
 *
 * Tests choose the ids, so that they are easy to read. Everything is in VPC `vpc-aaaaaaaa` by default.
 */
export class Scenery {
  readonly #world: () => World;
  readonly #become: (world: World) => void;

  constructor(world: () => World, become: (world: World) => void) {
    this.#world = world;
    this.#become = become;
  }

  /** Adds a VPC with its address blocks and those of its subnets. */
  vpc(
    id = defaultVpc,
    { blocks = ['10.0.0.0/16'], subnets = [] }: { blocks?: readonly string[]; subnets?: readonly string[] } = {},
  ): void {
    const world = this.#world();
    this.#become({ ...world, vpcs: withValue(world.vpcs, { id, blocks, subnets }) });
  }

  /** Adds a route table with its local routes, and its VPC if that does not exist. */
  table(id: string, options: TableOptions = {}): void {
    const { vpc = defaultVpc, ownerId = defaultOwner, tags = {}, main = false, edgeOf, routes = {} } = options;
    if (!this.#world().vpcs.has(vpc)) this.vpc(vpc);
    const blocks = this.#world().vpcs.get(vpc)?.blocks ?? [];
    const local = blocks.map((destination): StoredRoute => ({
      destination,
      target: 'local',
      origin: 'CreateRouteTable',
    }));
    const table: Table = { id, vpcId: vpc, ownerId, tags, main, routes: local, ...(edgeOf && { edgeOf }) };
    // All routes at once: every change of the world copies the list of tables.
    const full = Object.entries(routes).reduce((made, [to, by]) => tableWith(made, this.#stored(to, by)), table);
    this.#become(withTable(this.#world(), full));
  }

  deleteTable(id: string): void {
    const world = this.#world();
    this.#become({ ...world, tables: withoutKey(world.tables, id) });
  }

  /** Adds a target for routes. By default the VPC can use it at once. */
  target(id: string, more: Partial<Omit<Target, 'id'>> = {}): void {
    const world = this.#world();
    const ready: Partial<Target> =
      { i: { running: true, interfaces: [`eni-${id.slice(2)}`] }, vpce: { loadBalancer: true } }[prefixOf(id)] ?? {};
    const target: Target = { id, vpcs: [defaultVpc], ...ready, ...more };
    this.#become({ ...world, targets: withValue(world.targets, target) });
    if (prefixOf(id) === 'i') for (const eni of target.interfaces ?? []) this.interface(eni, { instanceId: id });
  }

  /** Adds a network interface. Without an attachment, routes through it are blackholes. */
  interface(id: string, attachment?: { readonly instanceId?: string; readonly ownerId?: string }): void {
    this.target(id, attachment ? { attachment: { ownerId: defaultOwner, ...attachment } } : {});
  }

  /** Removes a target, as a delete or terminate does. Routes through it stay, as blackholes. */
  vanish(id: string): void {
    const world = this.#world();
    this.#become({ ...world, targets: withoutKey(world.targets, id) });
  }

  /** Detaches a target from every VPC. Until it is attached again, routes through it are blackholes. */
  detach(id: string): void {
    this.target(id, { vpcs: [] });
  }

  prefixList(id: string, { family = 'ipv4', maxEntries = 10 }: Partial<PrefixList> = {}): void {
    const world = this.#world();
    this.#become({ ...world, prefixLists: withValue(world.prefixLists, { id, family, maxEntries }) });
  }

  /** Adds a route directly, and its target and prefix list if they do not exist. */
  route(tableId: string, destination: string, target: string, more: Partial<StoredRoute> = {}): void {
    const route = this.#stored(destination, target, more);
    this.#become(withRoute(this.#world(), this.#table(tableId), route));
  }

  /** A route as EC2 stores it. Adds its target and prefix list if they do not exist. */
  #stored(
    destination: string,
    target: string,
    { origin = 'CreateRoute', ...more }: Partial<StoredRoute> = {},
  ): StoredRoute {
    const spelled = destination.startsWith('pl-') ? destination : canonicalBlock(destination, familyOf(destination));
    if (spelled === undefined) throw new TypeError(`${destination} is not a CIDR block`);
    if (destination.startsWith('pl-') && !this.#world().prefixLists.has(destination)) this.prefixList(destination);
    if (target.includes('-') && !this.#world().targets.has(target)) this.target(target, attachedIfInterface(target));
    return { destination: spelled, target, origin, ...more };
  }

  /** Removes the static route of a destination directly. */
  removeRoute(tableId: string, destination: string, origin: StoredRoute['origin'] = 'CreateRoute'): void {
    const table = this.#table(tableId);
    const routes = table.routes.filter((route) => route.destination !== destination || route.origin !== origin);
    this.#become(withTable(this.#world(), { ...table, routes }));
  }

  /** Adds a route that a virtual private gateway propagates to the table. */
  propagate(tableId: string, destination: string, gateway = 'vgw-aaaaaaaa'): void {
    this.route(tableId, destination, gateway, { origin: 'EnableVgwRoutePropagation' });
  }

  stopPropagating(tableId: string, destination: string): void {
    this.removeRoute(tableId, destination, 'EnableVgwRoutePropagation');
  }

  /** Adds a route installed by VPC Route Server. */
  advertise(tableId: string, destination: string, eni: string, ipAddress = '10.0.0.7'): void {
    this.route(tableId, destination, eni, { origin: 'Advertisement', ipAddress });
  }

  /** Adds the route of a gateway endpoint (S3, DynamoDB). Its origin is CreateRoute. */
  gatewayEndpoint(tableId: string, prefixList = 'pl-cccccccc', endpoint = 'vpce-cccccccc'): void {
    this.target(endpoint, { loadBalancer: false });
    this.route(tableId, prefixList, endpoint);
  }

  /** Adds a route of VPC Lattice. Its origin is CreateRoute. */
  lattice(tableId: string, prefixList = 'pl-dddddddd'): void {
    this.route(tableId, prefixList, 'VpcLattice');
  }

  /** Adds a service's interface, attached to an instance of the service's account. */
  foreignInterface(id: string, ownerId = 'amazon-aws'): void {
    this.interface(id, { ownerId });
  }

  tag(tableId: string, tags: Readonly<Record<string, string>>): void {
    const table = this.#table(tableId);
    this.#become(withTable(this.#world(), { ...table, tags: { ...table.tags, ...tags } }));
  }

  untag(tableId: string, key: string): void {
    const table = this.#table(tableId);
    const { [key]: _, ...tags } = table.tags;
    this.#become(withTable(this.#world(), { ...table, tags }));
  }

  /** The routes of a table with origin CreateRoute: `{ '10.20.0.0/16': 'pcx-aaaaaaaa' }`. */
  routesOf(tableId: string): Record<string, string> {
    const made = this.#table(tableId).routes.filter(({ origin }) => origin === 'CreateRoute');
    return Object.fromEntries(made.map(({ destination, target }) => [destination, target]));
  }

  #table(id: string): Table {
    const table = this.#world().tables.get(id);
    if (!table) throw new TypeError(`there is no table ${id}`);
    return table;
  }
}

const attachedIfInterface = (target: string): Partial<Target> =>
  prefixOf(target) === 'eni' ? { attachment: { ownerId: defaultOwner, instanceId: `i-${target.slice(4)}` } } : {};
