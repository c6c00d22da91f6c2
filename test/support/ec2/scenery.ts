import { canonicalBlock, familyOf } from './blocks.ts';
import { withRoute } from './rules.ts';
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
  /** The gateway it is associated with: an edge table. */
  readonly edgeOf?: string;
  /** Routes that somebody made: `{ '10.20.0.0/16': 'pcx-aaaaaaaa' }`. Their targets come to be, too. */
  readonly routes?: Readonly<Record<string, string>>;
}

/**
 * Sets the stage, and changes it as the world does behind everybody's back: at once, without a call, without a rule.
 *
 * Ids are given, so that a test reads as what it means. Everything is in VPC `vpc-aaaaaaaa` unless told otherwise.
 */
export class Scenery {
  readonly #world: () => World;
  readonly #become: (world: World) => void;

  constructor(world: () => World, become: (world: World) => void) {
    this.#world = world;
    this.#become = become;
  }

  /** A VPC with its address blocks and those of its subnets. */
  vpc(
    id = defaultVpc,
    { blocks = ['10.0.0.0/16'], subnets = [] }: { blocks?: readonly string[]; subnets?: readonly string[] } = {},
  ): void {
    const world = this.#world();
    this.#become({ ...world, vpcs: withValue(world.vpcs, { id, blocks, subnets }) });
  }

  /** A route table, with its local routes. Its VPC comes to be if there is none. */
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
    this.#become(withTable(this.#world(), table));
    for (const [destination, target] of Object.entries(routes)) this.route(id, destination, target);
  }

  deleteTable(id: string): void {
    const world = this.#world();
    this.#become({ ...world, tables: withoutKey(world.tables, id) });
  }

  /** Something a route can go through, ready for use by the VPC unless told otherwise. */
  target(id: string, more: Partial<Omit<Target, 'id'>> = {}): void {
    const world = this.#world();
    const ready: Partial<Target> =
      { i: { running: true, interfaces: [`eni-${id.slice(2)}`] }, vpce: { loadBalancer: true } }[prefixOf(id)] ?? {};
    const target: Target = { id, vpcs: [defaultVpc], ...ready, ...more };
    this.#become({ ...world, targets: withValue(world.targets, target) });
    if (prefixOf(id) === 'i') for (const eni of target.interfaces ?? []) this.interface(eni, { instanceId: id });
  }

  /** A network interface; without an attachment, routes through it are blackholes. */
  interface(id: string, attachment?: { readonly instanceId?: string; readonly ownerId?: string }): void {
    this.target(id, attachment ? { attachment: { ownerId: defaultOwner, ...attachment } } : {});
  }

  /** It is gone: deleted, terminated. Routes through it stay, as blackholes. */
  vanish(id: string): void {
    const world = this.#world();
    this.#become({ ...world, targets: withoutKey(world.targets, id) });
  }

  /** It is there and attached to no VPC. Routes through it are blackholes meanwhile. */
  detach(id: string): void {
    this.target(id, { vpcs: [] });
  }

  prefixList(id: string, { family = 'ipv4', maxEntries = 10 }: Partial<PrefixList> = {}): void {
    const world = this.#world();
    this.#become({ ...world, prefixLists: withValue(world.prefixLists, { id, family, maxEntries }) });
  }

  /** A route that is simply there from now on. Target and prefix list come to be if there are none. */
  route(
    tableId: string,
    destination: string,
    target: string,
    { origin = 'CreateRoute', ...more }: Partial<StoredRoute> = {},
  ): void {
    const spelled = destination.startsWith('pl-') ? destination : canonicalBlock(destination, familyOf(destination));
    if (spelled === undefined) throw new TypeError(`${destination} is no CIDR block`);
    if (destination.startsWith('pl-') && !this.#world().prefixLists.has(destination)) this.prefixList(destination);
    if (target.includes('-') && !this.#world().targets.has(target)) this.target(target, attachedIfInterface(target));
    this.#become(withRoute(this.#world(), this.#table(tableId), { destination: spelled, target, origin, ...more }));
  }

  /** The static route of a destination is simply gone. */
  removeRoute(tableId: string, destination: string, origin: StoredRoute['origin'] = 'CreateRoute'): void {
    const table = this.#table(tableId);
    const routes = table.routes.filter((route) => route.destination !== destination || route.origin !== origin);
    this.#become(withTable(this.#world(), { ...table, routes }));
  }

  /** A virtual private gateway tells of a route; its gateway propagates to the table. */
  propagate(tableId: string, destination: string, gateway = 'vgw-aaaaaaaa'): void {
    this.route(tableId, destination, gateway, { origin: 'EnableVgwRoutePropagation' });
  }

  stopPropagating(tableId: string, destination: string): void {
    this.removeRoute(tableId, destination, 'EnableVgwRoutePropagation');
  }

  /** VPC Route Server installs a route. */
  advertise(tableId: string, destination: string, eni: string, ipAddress = '10.0.0.7'): void {
    this.route(tableId, destination, eni, { origin: 'Advertisement', ipAddress });
  }

  /** A gateway endpoint (S3, DynamoDB) adds its route, with the origin of any other. */
  gatewayEndpoint(tableId: string, prefixList = 'pl-cccccccc', endpoint = 'vpce-cccccccc'): void {
    this.target(endpoint, { loadBalancer: false });
    this.route(tableId, prefixList, endpoint);
  }

  /** VPC Lattice adds its route, with the origin of any other. */
  lattice(tableId: string, prefixList = 'pl-dddddddd'): void {
    this.route(tableId, prefixList, 'VpcLattice');
  }

  /** A service's interface, in the hands of the service's account. */
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

  /** The routes of a table that somebody made: `{ '10.20.0.0/16': 'pcx-aaaaaaaa' }`. */
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
