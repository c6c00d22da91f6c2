import { type Cidr, contains, parseCidr, sortKey } from './cidr.ts';

/** Where traffic goes. CIDR blocks are canonical, so equal destinations have equal text. */
export type Destination = Cidr | { readonly kind: 'prefix-list'; readonly id: string };

const targetKinds = [
  'internet-gateway',
  'virtual-private-gateway',
  'nat-gateway',
  'network-interface',
  'instance',
  'vpc-peering-connection',
  'transit-gateway',
  'egress-only-internet-gateway',
  'carrier-gateway',
  'local-gateway',
  'vpc-endpoint',
  'core-network',
  'odb-network',
] as const;

/** A kind of target that has an id or an ARN. */
export type TargetKind = (typeof targetKinds)[number];

/** What carries traffic to a destination. `local` is built into the VPC and has no id. */
export type Target = { readonly kind: 'local' } | { readonly kind: TargetKind; readonly id: string };

export interface Route {
  readonly destination: Destination;
  readonly target: Target;
}

/** A destination or target that EC2 reports and this version does not know. It is shown and left alone. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly text: string;
}

/** A route as EC2 reports it. */
export interface ActualRoute {
  readonly destination: Destination | Unknown;
  /** VPC Lattice creates `lattice` routes; the route API cannot. */
  readonly target: Target | { readonly kind: 'lattice' } | Unknown;
  /**
   * The instance behind a network interface (a second name for the same target) and the account that owns it. For the
   * interface of an AWS service, EC2 may show only the account.
   */
  readonly instance?: { readonly id?: string; readonly ownerId?: string };
  /** The mechanism that created the route. EC2 does not report who created it. */
  readonly origin: 'created' | 'with-table' | 'propagated' | 'advertised' | 'unknown';
  readonly state: 'active' | 'blackhole' | 'filtered' | 'unknown';
  /** The destination exactly as EC2 reported it. ReplaceRoute and DeleteRoute must send this text. */
  readonly spelling: string;
}

/** The one static route that a destination can have in a table. */
export type StaticRoute = ActualRoute & { readonly destination: Destination };

/** Whether a route is the one static route of its destination. Propagated and advertised routes exist beside it. */
export const isStatic = ({ origin }: ActualRoute): boolean => origin !== 'propagated' && origin !== 'advertised';

/** A route table as EC2 reports it. */
export interface ActualTable {
  readonly routeTableId: string;
  readonly vpcId?: string;
  readonly ownerId?: string;
  /** It belongs to another account, in a VPC that is shared with ours. Only its owner can change it. */
  readonly isForeign?: true;
  readonly tags: Readonly<Record<string, string>>;
  /** Ids of its associations with subnets and gateways. */
  readonly associations?: readonly string[];
  readonly routes: readonly ActualRoute[];
}

// EC2 ids end in 17 lower-case hex digits; resources created before 2018 have 8.
const hex = '(?:[0-9a-f]{8}|[0-9a-f]{17})';

export const routeTableIdPattern = new RegExp(`^rtb-${hex}$`);

export const subnetIdPattern = new RegExp(`^subnet-${hex}$`);

/** What is wrong with an item that has another key. */
export const notATableId = 'its key is not a route table id: expected rtb- and 17 (or 8) lower-case hex digits';

const prefixListIdPattern = new RegExp(`^pl-${hex}$`);

const targetPatterns: Readonly<Record<TargetKind, RegExp>> = {
  'internet-gateway': new RegExp(`^igw-${hex}$`),
  'virtual-private-gateway': new RegExp(`^vgw-${hex}$`),
  'nat-gateway': new RegExp(`^nat-${hex}$`),
  'network-interface': new RegExp(`^eni-${hex}$`),
  instance: new RegExp(`^i-${hex}$`),
  'vpc-peering-connection': new RegExp(`^pcx-${hex}$`),
  'transit-gateway': new RegExp(`^tgw-${hex}$`),
  'egress-only-internet-gateway': new RegExp(`^eigw-${hex}$`),
  'carrier-gateway': new RegExp(`^cagw-${hex}$`),
  'local-gateway': new RegExp(`^lgw-${hex}$`),
  'vpc-endpoint': new RegExp(`^vpce-${hex}$`),
  'core-network': /^arn:aws[a-z-]*:networkmanager::\d{12}:core-network\/core-network-[0-9a-f]{1,64}$/,
  'odb-network': /^arn:aws[a-z-]*:odb:[a-z0-9-]+:\d{12}:odb-network\/[A-Za-z0-9_./-]{1,200}$/,
};

/** Ids that people enter as a target by mistake, and what to enter instead. */
const nearMisses: readonly (readonly [RegExp, string])[] = [
  [/^tgw-attach-/, 'the transit gateway (tgw-…), not its attachment'],
  [/^(tgw|lgw)-rtb-/, 'the gateway (tgw-… or lgw-…), not its route table'],
  [/^core-network-/, 'the ARN of the core network (arn:aws:networkmanager::…:core-network/…), not its id'],
  [/^odbnet[-_]/, 'the ARN of the ODB network (arn:aws:odb:…:odb-network/…), not its id'],
  [/^vpn-/, 'a virtual private gateway (vgw-…) or transit gateway (tgw-…), not a VPN connection'],
  [/^subnet-/, 'a target that carries traffic, such as a network interface (eni-…), not a subnet'],
  [/^vpc-/, 'a target that carries traffic, such as a peering connection (pcx-…), not a VPC'],
  [/^eipalloc-/, 'a NAT gateway (nat-…) or network interface (eni-…), not an Elastic IP allocation'],
  [/^pl-/, 'a target; a prefix list can only be a destination'],
  [/^VpcLattice$/i, 'another target: only VPC Lattice can create its routes'],
];

/** A parsed value, or a description of what was expected. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly expected: string };

/** Parses a target: an id, an ARN, or the word `local`. The text alone determines the kind. */
export function parseTarget(text: string): Parsed<Target> {
  if (text === 'local') return { ok: true, value: { kind: 'local' } };
  const kind = targetKinds.find((kind) => targetPatterns[kind].test(text));
  if (kind) return { ok: true, value: { kind, id: text } };
  const lowered = text.toLowerCase();
  if (lowered !== text && parseTarget(lowered).ok) return { ok: false, expected: `lower case: ${lowered}` };
  const hint = nearMisses.find(([pattern]) => pattern.test(text))?.[1];
  if (hint) return { ok: false, expected: hint };
  const sibling = /^[a-z]+-/.exec(text)?.[0];
  return {
    ok: false,
    expected:
      sibling && targetKinds.some((kind) => targetPatterns[kind].source.startsWith(`^${sibling}`))
        ? `${sibling} followed by 17 (or, for old resources, 8) lower-case hex digits`
        : 'the id of a gateway, endpoint, interface, instance or peering connection (igw-, vgw-, nat-, eni-, i-, pcx-, tgw-, eigw-, cagw-, lgw-, vpce-), the ARN of a core or ODB network, or local',
  };
}

/** Parses a CIDR block or a prefix list id. `hostBits` says whether host bits were set; the value has them cleared. */
export function parseDestination(text: string): Parsed<Destination> & { readonly hostBits?: boolean } {
  if (text.startsWith('pl-')) {
    return prefixListIdPattern.test(text)
      ? { ok: true, value: { kind: 'prefix-list', id: text } }
      : { ok: false, expected: 'pl- followed by 17 (or, for old resources, 8) lower-case hex digits' };
  }
  const parsed = parseCidr(text);
  return parsed.ok ? { ok: true, value: parsed.block, hostBits: parsed.hostBits } : parsed;
}

/** A destination as a person writes it. */
export function destinationText(destination: Destination | Unknown): string {
  switch (destination.kind) {
    case 'ipv4':
    case 'ipv6':
      return destination.cidr;
    case 'prefix-list':
      return destination.id;
    case 'unknown':
      return destination.text;
    default:
      return destination satisfies never;
  }
}

/** A destination in canonical form, as text. Any other text stays as it is, and is the destination of no route. */
export function canonicalText(text: string): string {
  const parsed = parseDestination(text);
  return parsed.ok ? destinationText(parsed.value) : text;
}

/** A target as a person writes it. */
export function targetText(target: ActualRoute['target']): string {
  if ('id' in target) return target.id;
  switch (target.kind) {
    case 'local':
      return 'local';
    case 'lattice':
      return 'VpcLattice';
    case 'unknown':
      return target.text;
    default:
      return target satisfies never;
  }
}

/**
 * Every id that names the target of an actual route: the target itself and, for an interface, the instance behind it.
 */
export function targetNames(route: ActualRoute): readonly string[] {
  const name = targetText(route.target);
  const instance = isThroughMachine(route) ? route.instance?.id : undefined;
  return instance === undefined || instance === name ? [name] : [name, instance];
}

/**
 * Whether the target is an interface or an instance. For other targets EC2 may show an interface as well; ignore it.
 */
export const isThroughMachine = ({ target }: ActualRoute): boolean =>
  target.kind === 'network-interface' || target.kind === 'instance';

/**
 * Whether an actual route has this target: same kind and same id. A desired instance also matches a route through its
 * interface, because EC2 reports both, whichever one the request named.
 */
export function sameTarget(desired: Target, actual: ActualRoute): boolean {
  if (desired.kind === 'instance') return isThroughMachine(actual) && targetNames(actual).includes(desired.id);
  return desired.kind === actual.target.kind && targetText(desired) === targetText(actual.target);
}

/** Whether `inner` is equal to `outer` or lies inside it. A prefix list covers only itself. */
export function covers(outer: Destination, inner: Destination): boolean {
  if (outer.kind === 'prefix-list' || inner.kind === 'prefix-list') {
    return destinationText(outer) === destinationText(inner);
  }
  return contains(outer, inner);
}

/** Whether this is a default route: `0.0.0.0/0` or `::/0`. */
export const isDefaultRoute = (destination: Destination): boolean =>
  ['0.0.0.0/0', '::/0'].includes(destinationText(destination));

const families = { ipv4: 0, ipv6: 1, 'prefix-list': 2, unknown: 3 } as const;

/** A sort key that orders destinations by family (IPv4, IPv6, prefix list), then by numeric address, then by length. */
export function destinationOrder(destination: Destination | Unknown): string {
  const within =
    destination.kind === 'ipv4' || destination.kind === 'ipv6' ? sortKey(destination) : destinationText(destination);
  return `${families[destination.kind]} ${within}`;
}

/** Sorts by a key that is computed once per element. Keys compare by code unit: every machine gives the same order. */
export function sortedBy<T>(items: readonly T[], order: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, key: order(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item);
}
