import * as fc from 'fast-check';
import { type DesiredTable, parseDesired } from '../../reconciler/core/desired/desired.ts';
import { underOrders } from '../../reconciler/core/desired/enforcement.ts';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import type { Orders } from '../../reconciler/core/desired/orders.ts';
import {
  type Arrival,
  type Memory,
  type Remembered,
  type Rewritten,
  arrivals,
  withEach,
} from '../../reconciler/core/memory/memory.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Destination,
  type Target,
  destinationText,
  parseDestination,
  parseTarget,
  targetText,
} from '../../reconciler/core/route/route.ts';
import {
  actual,
  lattice,
  local,
  memory,
  minutesAfter,
  now,
  otherOwnerId,
  ownerId,
  route,
  routeTableId,
} from './builders.ts';

// Destinations and ids come from small pools on purpose, so that values that must be distinguished often meet.

// ── destinations ────────────────────────────────────────────────────────────────────────────────────────────────────

const ipv4Cluster = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.0.0.0/17',
  '10.0.128.0/17',
  '10.1.0.0/16',
  '10.1.0.0/24',
  '10.1.0.7/32',
  '100.64.0.0/10',
] as const;

const ipv6Cluster = ['::/0', '64:ff9b::/96', '2001:db8::/32', '2001:db8::/48', '2001:db8:1::/48', '2001:db8::7/128'];
const prefixListCluster = ['pl-aaaaaaaa', 'pl-bbbbbbbb', 'pl-0123456789abcdef0'];

export const ipv4Text: fc.Arbitrary<string> = fc.ipV4();

/** IPv6 addresses in all spellings: long, compressed, upper case, with an IPv4 tail, full of zeros. */
export const ipv6Text: fc.Arbitrary<string> = fc.oneof(
  fc.ipV6(),
  fc
    .array(fc.oneof(fc.constant(0), fc.nat(15), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
    .chain((groups) =>
      fc.constantFrom(
        groups.map((group) => group.toString(16)).join(':'),
        groups.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':'),
      ),
    ),
);

const block = (address: fc.Arbitrary<string>, bits: number): fc.Arbitrary<string> =>
  fc.tuple(address, fc.nat(bits)).map(([address, length]) => `${address}/${length}`);

/** CIDR blocks as people write them, some with host bits set. */
export const cidrText: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...ipv4Cluster, ...ipv6Cluster) },
  { weight: 1, arbitrary: block(ipv4Text, 32) },
  { weight: 1, arbitrary: block(ipv6Text, 128) },
);

export const destination: fc.Arbitrary<Destination> = fc
  .oneof(
    { weight: 6, arbitrary: fc.constantFrom<string>(...ipv4Cluster) },
    { weight: 3, arbitrary: fc.constantFrom(...ipv6Cluster) },
    { weight: 2, arbitrary: fc.constantFrom(...prefixListCluster) },
    { weight: 1, arbitrary: fc.oneof(block(ipv4Text, 32), block(ipv6Text, 128)) },
  )
  .map((text) => parseDestination(text))
  .filter((parsed) => parsed.ok)
  .map(({ value }) => value);

// ── targets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const arn = {
  core: 'arn:aws:networkmanager::111122223333:core-network/core-network-',
  odb: 'arn:aws:odb:eu-west-1:111122223333:odb-network/odbnet_',
};
const everyFamily = ['igw-', 'vgw-', 'nat-', 'eni-', 'i-', 'pcx-', 'tgw-', 'lgw-', arn.core, arn.odb] as const;
const carriers = {
  ipv4: [...everyFamily, 'vpce-', 'cagw-'],
  ipv6: [...everyFamily, 'vpce-', 'eigw-'],
  'prefix-list': [...everyFamily, 'cagw-', 'eigw-'],
} as const satisfies Record<Destination['kind'], readonly string[]>;

const hexId = fc.constantFrom('aaaaaaaa', 'bbbbbbbb', '0123456789abcdef0');

/** Targets of every kind that can carry a destination, except `local`. */
export const targetFor = ({ kind }: Destination): fc.Arbitrary<Target> =>
  fc
    .tuple(fc.constantFrom<string>(...carriers[kind]), hexId)
    .map(([prefix, hex]) => parseTarget(prefix + hex))
    .filter((parsed) => parsed.ok)
    .map(({ value }) => value);

// ── actual tables ───────────────────────────────────────────────────────────────────────────────────────────────────

const state: fc.Arbitrary<ActualRoute['state']> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('active' as const) },
  { weight: 2, arbitrary: fc.constant('blackhole' as const) },
  { weight: 1, arbitrary: fc.constantFrom('filtered' as const, 'unknown' as const) },
);

/** The instance that EC2 shows behind an interface. For the interface of a service EC2 may show only the account. */
const behindInterface = fc.constantFrom<ActualRoute['instance']>(
  undefined,
  { id: 'i-aaaaaaaa', ownerId },
  { id: 'i-bbbbbbbb', ownerId },
  { id: 'i-bbbbbbbb' },
  { id: 'i-aaaaaaaa', ownerId: otherOwnerId },
  { ownerId: 'amazon-aws' },
);

/** A static route with any kind of target, made with CreateRoute. */
const created = (destination: Destination): fc.Arbitrary<ActualRoute> =>
  fc.tuple(targetFor(destination), state, behindInterface).map(([target, state, instance]) =>
    actual(
      // EC2 shows the interface of an instance as the target.
      { destination, target: target.kind === 'instance' ? { kind: 'network-interface', id: 'eni-cccccccc' } : target },
      {
        state,
        ...(target.kind === 'instance' && { instance: { id: target.id, ownerId } }),
        ...(target.kind === 'network-interface' && instance && { instance }),
      },
    ),
  );

/** A static route of a destination: usually one that somebody created, sometimes one that only looks like it. */
const slot = (destination: Destination): fc.Arbitrary<ActualRoute> => {
  const cidr = destinationText(destination);
  const odd: fc.Arbitrary<ActualRoute>[] =
    destination.kind === 'prefix-list'
      ? [
          fc.constant(actual({ destination, target: { kind: 'vpc-endpoint', id: 'vpce-aaaaaaaa' } })),
          fc.constant(lattice(cidr)),
        ]
      : [
          fc.constant(local(cidr)),
          fc
            .constantFrom('nat-aaaaaaaa', 'eni-aaaaaaaa', 'vpce-aaaaaaaa')
            .map((target) => actual(route(cidr, target), { origin: 'with-table' })),
          fc.constant(
            actual(route(cidr, 'eni-aaaaaaaa'), {
              origin: 'with-table',
              instance: { id: 'i-f', ownerId: otherOwnerId },
            }),
          ),
        ];
  return fc.oneof(
    { weight: 8, arbitrary: created(destination) },
    { weight: 3, arbitrary: fc.oneof(...odd) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        actual(route(cidr, 'igw-aaaaaaaa'), { target: { kind: 'unknown', text: 'MoonGatewayId=moon-1' } }),
        actual(route(cidr, 'igw-aaaaaaaa'), { origin: 'unknown' }),
      ),
    },
  );
};

/** Propagated and advertised routes, and a route with a destination of an unknown kind. */
const beside: fc.Arbitrary<ActualRoute> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(destination, fc.constantFrom('vgw-aaaaaaaa', 'vgw-bbbbbbbb'))
      .map(([destination, target]) => actual({ ...route('::/0', target), destination }, { origin: 'propagated' })),
  },
  {
    weight: 2,
    arbitrary: destination.map((destination) =>
      actual({ ...route('::/0', 'eni-aaaaaaaa'), destination }, { origin: 'advertised' }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      actual(route('::/0', 'igw-aaaaaaaa'), { destination: { kind: 'unknown', text: 'moon/1' }, spelling: 'moon/1' }),
    ),
  },
);

const tags = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { AmazonFSx: 'ManagedByAmazonFSx' },
      { 'kubernetes.io/cluster/blue': 'owned' },
      { Name: 'kubernetes.io/cluster/blue' },
    ),
  },
);

/** Tables as EC2 may report them: one static route per destination and other routes, in any order. */
export const actualTable: fc.Arbitrary<ActualTable> = fc
  .record({
    slots: fc.uniqueArray(destination.chain(slot), {
      selector: ({ destination }) => destinationText(destination),
      maxLength: 12,
    }),
    beside: fc.array(beside, { maxLength: 4 }),
    tags,
    ownerId: fc.option(fc.constant(ownerId), { nil: undefined, freq: 8 }),
  })
  .map(({ slots, beside, tags, ownerId }) => ({
    routeTableId,
    routes: [...slots, ...beside],
    tags,
    ...(ownerId !== undefined && { ownerId }),
  }));

// ── desired tables ──────────────────────────────────────────────────────────────────────────────────────────────────

interface ListedRoute {
  readonly destination: string;
  readonly target: string;
  readonly alternates?: readonly string[];
  readonly overrideLocal?: boolean;
}

const listedAt = (destination: Destination): fc.Arbitrary<ListedRoute> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 12, arbitrary: targetFor(destination) },
        { weight: 1, arbitrary: fc.constant<Target>({ kind: 'local' }) },
      ),
      alternatesFor(destination),
      fc.boolean(),
    )
    .map(([target, alternates, overrideLocal]) => ({
      destination: destinationText(destination),
      target: targetText(target),
      ...(target.kind !== 'local' && without(alternates, targetText(target))),
      ...(overrideLocal && { overrideLocal }),
    }));

const alternatesFor = (destination: Destination): fc.Arbitrary<string[]> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.uniqueArray(targetFor(destination).map(targetText), { maxLength: 5 }) },
  );

const without = (alternates: readonly string[], target: string): Pick<ListedRoute, 'alternates'> => ({
  alternates: alternates.filter((id) => id !== target),
});

const instant = fc.constantFrom(-60, -1, 1, 60).map((minutes) => minutesAfter(minutes).toISOString());
const until = fc.option(instant, { nil: undefined });

const ignoreEntry = fc
  .record(
    {
      destination: destination.map(destinationText),
      target: fc.constantFrom('eni-*', 'nat-aaaaaaaa', '*-bbbbbbbb', 'pcx-????????', 'i-*'),
      until,
    },
    { requiredKeys: ['until'] },
  )
  .filter(({ destination, target }) => destination !== undefined || target !== undefined)
  .map(({ until, ...entry }) => ({ ...entry, reason: 'somebody else', ...(until !== undefined && { until }) }));

const policy = fc
  .record({
    mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'observe'),
    unlisted: fc.constantFrom('delete', 'delete', 'keep'),
    scope: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.array(destination.map(destinationText), { minLength: 1, maxLength: 3 }) },
    ),
    ignore: fc.array(ignoreEntry, { maxLength: 2 }),
    maxDeletes: fc.option(fc.nat(12), { nil: undefined }),
    paused: fc.option(
      until.map((until) => ({ reason: 'maintenance', ...(until !== undefined && { until }) })),
      {
        nil: undefined,
        freq: 5,
      },
    ),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

/** Makes a valid table from a draft: removes routes that the rest of the item rules out, by scope for example. */
function valid(routes: readonly ListedRoute[], policy: Readonly<Record<string, unknown>>): DesiredTable {
  const parsed = parseDesired({ routeTableId, routes, ...policy }, now);
  if (parsed.ok) return parsed.table;
  const wrong = new Set(parsed.problems.map(({ path }) => /^routes\[(\d+)\]/.exec(path)?.[1]));
  const right = routes.filter((_, index) => !wrong.has(String(index)));
  if (right.length === routes.length) throw new TypeError(`not valid: ${JSON.stringify(parsed.problems)}`);
  return valid(right, policy);
}

const uniqueRoutes = fc.uniqueArray(destination.chain(listedAt), {
  selector: ({ destination }) => destination,
  maxLength: 12,
});

export const desiredTable: fc.Arbitrary<DesiredTable> = fc
  .tuple(uniqueRoutes, policy)
  .map(([routes, policy]) => valid(routes, policy));

// ── both tables and the memory ────────────────────────────────────────────────────────────────────────────────────

/**
 * A desired and an actual table with common routes, some of them retargeted, and a memory that matches them in part.
 */
export interface Situation {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly memory: Memory;
}

/** Some list the actual target as an alternate. */
const listedLike = ({ destination, target, instance }: ActualRoute, asAlternate: boolean): ListedRoute[] => {
  const text = target.kind === 'network-interface' && instance?.id ? instance.id : targetText(target);
  if (destination.kind === 'unknown' || !parseTarget(text).ok) return [];
  const isAlternate = asAlternate && text !== 'local' && text !== 'tgw-dddddddd';
  return [
    {
      destination: destinationText(destination),
      ...(isAlternate ? { target: 'tgw-dddddddd', alternates: [text] } : { target: text }),
    },
  ];
};

export const situation: fc.Arbitrary<Situation> = fc
  .record({
    actual: actualTable,
    kept: fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }),
    asAlternate: fc.array(fc.constantFrom(false, false, true), { minLength: 16, maxLength: 16 }),
    more: uniqueRoutes,
    policy,
    remembered: fc.record({
      arrivals: fc.array(fc.constantFrom(undefined, 'appeared', 'appeared', ...arrivals), {
        minLength: 16,
        maxLength: 16,
      }),
      listed: fc.array(destination.map(destinationText), { maxLength: 6 }),
      owned: fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }),
      overrode: fc.constantFrom(false, false, false, true),
      seenAsListed: fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }),
      wasLocal: fc.constantFrom(false, false, true),
    }),
    ordered: fc.record({
      approved: fc.constantFrom('nothing', 'nothing', 'everything', 'a part', 'another item'),
      held: fc.array(fc.constantFrom(false, false, false, true), { minLength: 16, maxLength: 16 }),
    }),
  })
  .map(({ actual, kept, asAlternate, more, policy, remembered, ordered }) => {
    const likeActual = actual.routes.flatMap((route, index) =>
      kept[index] ? listedLike(route, asAlternate[index] === true) : [],
    );
    const routes = [...new Map([...more, ...likeActual].map((route) => [route.destination, route])).values()];
    const desired = underOrders(valid(routes, policy), ordersIn(valid(routes, policy), actual, ordered));
    return { desired, actual, memory: memoryOf(desired, actual, remembered) };
  });

function memoryOf(
  desired: DesiredTable,
  { routes }: ActualTable,
  remembered: {
    readonly arrivals: readonly (Arrival | undefined)[];
    readonly listed: readonly string[];
    readonly owned: readonly boolean[];
    readonly overrode: boolean;
    readonly seenAsListed: readonly boolean[];
    readonly wasLocal: boolean;
  },
): Memory {
  const ours = new Map(
    routes
      .filter((_, index) => remembered.owned[index])
      .map(({ destination, target }) => [destinationText(destination), targetText(target)]),
  );
  const { overrode, listed } = remembered;
  const wanted = new Set(desired.routes.map(({ destination }) => destinationText(destination)));
  const there = new Map(routes.map((route, index) => [destinationText(route.destination), { route, index }]));
  const slot = (_: Remembered, destination: string): Rewritten => ({
    ours: ours.get(destination),
    overrodeLocal: (overrode && ours.has(destination)) || undefined,
    listed: listed.includes(destination) || undefined,
    arrival: wanted.has(destination) ? 'listed' : remembered.arrivals[there.get(destination)?.index ?? 0],
    seenAsListed: (wanted.has(destination) && remembered.seenAsListed[there.get(destination)?.index ?? 0]) || undefined,
    wasLocal: (remembered.wasLocal && !overrode && there.get(destination)?.route.origin === 'with-table') || undefined,
  });
  return withEach(memory(), slot, [...there.keys(), ...listed]);
}

/** Holds and approvals of the existing routes. */
function ordersIn(
  desired: DesiredTable,
  actual: ActualTable,
  { approved, held }: { readonly approved: string; readonly held: readonly boolean[] },
): Orders {
  const routes = actual.routes.map((route) => ({
    destination: destinationText(route.destination),
    target: targetText(route.target),
  }));
  return {
    pauses: [],
    holds: routes
      .filter((_, index) => held[index])
      .map(({ destination }) => ({ destination, reason: 'x', until: minutesAfter(60) })),
    ...(approved !== 'nothing' && {
      approval: {
        routes: approved === 'a part' ? routes.slice(1) : routes,
        by: 'alice',
        at: now.toISOString(),
        until: minutesAfter(60),
        desiredHash: approved === 'another item' ? '000000000000' : desiredHash(desired),
      },
    }),
  };
}

/** The same values in any order. */
export const shuffled = <T>(values: readonly T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray([...values], { minLength: values.length });
