import { type Cidr, contains, isOneAddress, sortKey, supernets } from './cidr.ts';
import { type ActualRoute, targetText } from './route.ts';

// Which route carries an address: https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html

/** A block of addresses, and a route of the table that carries it unless a better one does. */
export interface Claim {
  readonly block: Cidr;
  readonly route: ActualRoute;
}

/** What the routes of a table say about addresses. */
export interface Claims {
  readonly claims: readonly Claim[];
  /** Routes whose addresses are unknown: the entries of their prefix lists could not be read. */
  readonly unread: readonly ActualRoute[];
}

/** The entries of prefix lists, by id. A list that could not be read is absent. */
export type PrefixListEntries = ReadonlyMap<string, readonly Cidr[]>;

/** Where a packet goes next. Traffic to a `blackhole` is dropped. */
export interface Hop {
  readonly target: string;
  readonly state: ActualRoute['state'];
}

/** What happens to a packet. */
export interface Path {
  /**
   * The route that wins, and its block. None: no readable route carries the packet. Several: EC2 chose one of them and
   * does not report which, because two prefix lists contain the same block.
   */
  readonly winners: readonly Claim[];
  /** Routes of unread prefix lists that may win instead, and that lead elsewhere. */
  readonly doubts: readonly ActualRoute[];
}

/** The blocks that routes claim. */
export function claimsOf(routes: readonly ActualRoute[], lists: PrefixListEntries): Claims {
  const claims: Claim[] = [];
  const unread: ActualRoute[] = [];
  for (const route of routes) {
    const { destination } = route;
    if (destination.kind === 'ipv4' || destination.kind === 'ipv6') claims.push({ block: destination, route });
    else {
      const entries = destination.kind === 'prefix-list' ? lists.get(destination.id) : undefined;
      if (entries) claims.push(...entries.map((block) => ({ block, route })));
      else unread.push(route);
    }
  }
  return { claims: withoutShadowed(claims), unread };
}

/**
 * A local route beats the routes that a virtual private gateway propagates inside it, although they are longer:
 * https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html
 */
function withoutShadowed(claims: readonly Claim[]): readonly Claim[] {
  const local = new Set(claims.flatMap(({ block, route }) => (route.target.kind === 'local' ? block.cidr : [])));
  return claims.filter(
    ({ block, route }) => route.origin !== 'propagated' || ![...supernets(block)].some((outer) => local.has(outer)),
  );
}

/** Of equal blocks, a static route wins over a prefix list, and a prefix list wins over a propagated route. */
const precedence = ({ route }: Claim): number => {
  if (route.origin === 'propagated' || route.origin === 'advertised') return 2;
  return route.destination.kind === 'prefix-list' ? 1 : 0;
};

/** The claims that win, for each block that is claimed. */
export function strongest(claims: readonly Claim[]): readonly (readonly [Claim, ...Claim[]])[] {
  const won = new Map<string, [Claim, ...Claim[]]>();
  for (const claim of claims) {
    const others = won.get(claim.block.cidr);
    const lead = others ? precedence(claim) - precedence(others[0]) : -1;
    if (others && lead === 0) others.push(claim);
    else if (lead < 0) won.set(claim.block.cidr, [claim]);
  }
  return [...won.values()];
}

/** The path of one address, given as the block that contains only it. */
export function pathOf(address: Cidr, { claims, unread }: Claims): Path {
  const candidates = strongest(claims.filter(({ block }) => contains(block, address)));
  // All of them contain the address, so the longest prefix comes last.
  const winners = candidates.toSorted((a, b) => (sortKey(a[0].block) < sortKey(b[0].block) ? -1 : 1)).at(-1) ?? [];
  const [winner] = winners;
  // An entry of an unread list can be as long as a prefix can be. Only a static route of that length beats it.
  const isBeyondDoubt = winner !== undefined && isOneAddress(winner.block) && precedence(winner) === 0;
  const isElsewhere = (route: ActualRoute): boolean =>
    hopsOf([route, ...winners.map((one) => one.route)]).length > 1 || winners.length === 0;
  return { winners, doubts: isBeyondDoubt ? [] : unread.filter(isElsewhere) };
}

/** Whether it is known where the packet goes, or that no route carries it. */
export const isKnown = ({ winners, doubts }: Path): boolean => doubts.length === 0 && leadingTo(winners).length <= 1;

/** Where routes lead, each place once, in a fixed order. */
export function hopsOf(routes: readonly ActualRoute[]): readonly Hop[] {
  const hops = new Map(routes.map((route) => [`${targetText(route.target)} ${route.state}`, hopOf(route)]));
  return [...hops].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, hop]) => hop);
}

/** Where the routes that win lead. Empty: no readable route carries the packet. */
export const leadingTo = (winners: Path['winners']): readonly Hop[] => hopsOf(winners.map(({ route }) => route));

export const hopOf = ({ target, state }: ActualRoute): Hop => ({ target: targetText(target), state });
