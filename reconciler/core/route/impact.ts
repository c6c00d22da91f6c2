import { type Area, areasOf } from './blocks.ts';
import { type AddressRange, type Cidr, everyAddress, rangeOf, sortKey } from './cidr.ts';
import { type Claims, type Hop, hopOf, leadingTo, strongest } from './path.ts';
import { type ActualRoute, destinationOrder, destinationText, sortedBy } from './route.ts';

/** Addresses whose path changes. Without hops, no route carries them. With several, EC2 does not report which one does. */
export interface PathChange extends Area {
  readonly before: readonly Hop[];
  readonly after: readonly Hop[];
  /** The path until the deletes that wait are approved, if that differs from the path after. */
  readonly meanwhile?: readonly Hop[];
}

/** A prefix list whose entries are unknown, and where a route to it leads. Absent: there is no such route. */
export interface UnreadPath {
  readonly destination: string;
  readonly before?: Hop;
  readonly after?: Hop;
}

/** What changes for traffic. */
export interface Impact {
  /** In the order of addresses, IPv4 first. Together with their exceptions they do not overlap. */
  readonly changes: readonly PathChange[];
  /** Their addresses may be among `changes` as well, or not: a longer prefix wins. */
  readonly unread: readonly UnreadPath[];
}

/**
 * The addresses whose path differs between two states of a table. Changes of the state of a target count, changes of the
 * route alone do not. Exact for all addresses that no unread prefix list contains.
 *
 * Time is linear in the number of blocks, but for sorting.
 *
 * @param meanwhile the table after those changes that need not wait
 */
export function impactOf(before: Claims, meanwhile: Claims, after: Claims): Impact {
  return {
    changes: (['ipv4', 'ipv6'] as const).flatMap((kind) => changesOf(kind, before, meanwhile, after)),
    unread: unreadPaths(before, after),
  };
}

function changesOf(kind: Cidr['kind'], ...states: readonly [Claims, Claims, Claims]): readonly PathChange[] {
  const groups = new Map<string, Omit<PathChange, keyof Area> & { readonly ranges: AddressRange[] }>();
  for (const [range, [before = [], meanwhile = [], after = []]] of together(
    states.map((one) => stretchesOf(kind, one)),
  )) {
    const [was, soon, will] = [before, meanwhile, after].map((hops) => JSON.stringify(hops));
    if (was === soon && soon === will) continue;
    const key = [was, soon, will].join(' ');
    const group = groups.get(key) ?? { before, after, ...(soon !== will && { meanwhile }), ranges: [] };
    groups.set(key, group);
    group.ranges.push(range);
  }
  const changes = [...groups.values()].flatMap(({ ranges, ...change }) =>
    areasOf(kind, ranges).map((area): PathChange => ({ ...area, ...change })),
  );
  return sortedBy(changes, ({ block }) => sortKey(block));
}

/** Consecutive addresses with the same path. */
interface Stretch extends AddressRange {
  readonly hops: readonly Hop[];
}

/** The paths of all addresses of a family: stretches in order, without gaps. Blocks contain each other or are apart. */
function stretchesOf(kind: Cidr['kind'], { claims }: Claims): readonly Stretch[] {
  const blocks = strongest(claims.filter(({ block }) => block.kind === kind));
  const inOrder = sortedBy(blocks, ([{ block }]) => sortKey(block)).map((winners) => ({
    ...rangeOf(winners[0].block),
    hops: leadingTo(winners),
  }));
  const stretches: Stretch[] = [];
  // The blocks around the current address, the smallest one last.
  const around: Stretch[] = [{ ...rangeOf(everyAddress(kind)), hops: [] }];
  let first = 0n;
  const upTo = (last: bigint, hops: readonly Hop[]): void => {
    if (first <= last) stretches.push({ first, last, hops });
    first = last + 1n;
  };
  const leave = (until: bigint): void => {
    for (let inner = around.at(-1); inner && inner.last < until; inner = around.at(-1)) {
      upTo(inner.last, inner.hops);
      around.pop();
    }
  };
  for (const block of inOrder) {
    leave(block.first);
    upTo(block.first - 1n, around.at(-1)?.hops ?? []);
    around.push(block);
  }
  leave(rangeOf(everyAddress(kind)).last + 1n);
  return stretches;
}

/** Several partitions of the same addresses as one: its ranges, and the hops of each partition there. */
function* together(
  partitions: readonly (readonly Stretch[])[],
): Generator<readonly [AddressRange, readonly (readonly Hop[])[]], undefined> {
  const at = partitions.map(() => 0);
  for (let first = 0n; ;) {
    const here = partitions.flatMap((stretches, index) => stretches.slice(at[index], (at[index] ?? 0) + 1));
    const [one, ...others] = here;
    if (!one) return undefined;
    const last = others.reduce((end, stretch) => (stretch.last < end ? stretch.last : end), one.last);
    yield [{ first, last }, here.map(({ hops }) => hops)];
    for (const [index, stretch] of here.entries()) if (stretch.last === last) at[index] = (at[index] ?? 0) + 1;
    first = last + 1n;
  }
}

function unreadPaths(before: Claims, after: Claims): readonly UnreadPath[] {
  const byDestination = ({ unread }: Claims): ReadonlyMap<string, ActualRoute> =>
    new Map(unread.map((route) => [destinationText(route.destination), route]));
  const [was, will] = [byDestination(before), byDestination(after)];
  const all = sortedBy([...new Map([...was, ...will]).values()], ({ destination }) => destinationOrder(destination));
  return all.map((route) => {
    const destination = destinationText(route.destination);
    const [from, to] = [was.get(destination), will.get(destination)];
    return { destination, ...(from && { before: hopOf(from) }), ...(to && { after: hopOf(to) }) };
  });
}
