import { parseCidr, supernets } from '../route/cidr.ts';
import {
  type ActualTable,
  type Destination,
  type StaticRoute,
  covers,
  destinationText,
  isThroughMachine,
  targetText,
} from '../route/route.ts';

/** A reason to think that a route belongs to somebody else, and what its target looks like in an ignore entry. */
export interface Doubt {
  /** A predicate, such as `leads to an interface of account 444455556666`. */
  readonly because: string;
  /** A pattern that covers the other routes of the same owner as well. */
  readonly pattern: string;
}

/**
 * Why a route may belong to somebody else. The route itself carries no owner: EC2 reports who owns an interface, and
 * services tag the tables in which they keep routes.
 */
export function doubtAbout(slot: StaticRoute, { ownerId, tags }: ActualTable): Doubt | undefined {
  const target = targetText(slot.target);
  if (slot.target.kind === 'odb-network') return { because: 'leads to an ODB network', pattern: target };
  if (!isThroughMachine(slot)) return undefined;
  const pattern = slot.target.kind === 'instance' ? 'i-*' : 'eni-*';
  const owner = slot.instance?.ownerId;
  // If EC2 does not say who owns the table, nobody knows that the interface is ours.
  if (owner !== undefined && owner !== ownerId)
    return { because: `leads to an interface of account ${owner}`, pattern };
  // While a service moves its interface, EC2 shows a blackhole without an owner.
  if (owner === undefined && slot.state === 'blackhole') return { because: 'leads to a detached interface', pattern };
  const tag = Object.keys(tags).find(isServiceTag);
  return tag === undefined ? undefined : { because: `leads to an interface in a table tagged ${tag}`, pattern };
}

/** FSx and Kubernetes tag the tables in which they maintain routes. */
const isServiceTag = (key: string): boolean =>
  key === 'AmazonFSx' || key === 'KubernetesCluster' || key.startsWith('kubernetes.io/cluster/');

/** RFC 1918, RFC 6598, RFC 2544 and RFC 4193. */
const privateBlocks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15', 'fc00::/7']
  .map(parseCidr)
  .flatMap((parsed) => (parsed.ok ? [parsed.block] : []));

/**
 * Whether a destination is private: a private range, a block of the VPC, or a prefix list, which may hold anything. No
 * service keeps routes to public destinations, so doubt protects only private ones.
 */
export const isPrivate = (destination: Destination, { routes }: Pick<ActualTable, 'routes'>): boolean =>
  destination.kind === 'prefix-list' ||
  privateBlocks.some((block) => covers(block, destination)) ||
  routes.some(
    ({ destination: block, origin, target }) =>
      (origin === 'with-table' || target.kind === 'local') && block.kind !== 'unknown' && covers(block, destination),
  );

/** An ignore entry that covers a route and its siblings: the range around it, and any interface or instance. */
export const ignoreEntryFor = (destination: Destination, { pattern }: Doubt): string =>
  JSON.stringify({ destination: destinationText(rangeAround(destination)), target: pattern, reason: '…' });

/** Services hand out small blocks from ranges of about this size. */
const rangeLengths = { ipv4: 16, ipv6: 56 } as const;

/** The range of siblings around a destination of a service. */
export function rangeAround(destination: Destination): Destination {
  if (destination.kind === 'prefix-list') return destination;
  const suffix = `/${rangeLengths[destination.kind]}`;
  const range = [...supernets(destination)].find((block) => block.endsWith(suffix));
  const parsed = range === undefined ? undefined : parseCidr(range);
  return parsed?.ok ? parsed.block : destination;
}
