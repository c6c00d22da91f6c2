import { isIpv4Mapped } from '../route/cidr.ts';
import { ignoreEntryOf, ignoreSchema } from './schema.ts';
import { type IgnoreEntry, isActive, meets } from './ignore.ts';
import { entriesAtMost } from './limits.ts';
import { type Problem, foundText } from './problem.ts';
import {
  type Destination,
  type Target,
  covers,
  destinationText,
  parseDestination,
  parseTarget,
  targetText,
} from '../route/route.ts';

interface ReadRoute {
  readonly index: number;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly destination: Destination;
  readonly target?: Target;
  /** The alternates that could be read, by their index. */
  readonly alternates: ReadonlyMap<number, Target>;
}

/** Lists with too many entries. Nothing else of such an item is checked: the time of all checks must have a limit. */
export function tooLong(item: unknown): Problem[] {
  const fields = isRecord(item) ? item : {};
  return Object.entries(entriesAtMost).flatMap(([path, most]) => {
    const { length } = listOf(fields[path]);
    const message = `expected at most ${most} entries; nothing else is checked until this is so`;
    return length > most ? [{ path, found: `${length} entries`, message }] : [];
  });
}

/**
 * Problems in an item beyond the shape of its fields. Checks every well-formed part even if other parts are invalid, so
 * that one run reports all problems. If there are too many routes, checks nothing else.
 */
export function crossChecks(item: unknown, now: Date): Problem[] {
  const fields = isRecord(item) ? item : {};
  const routes = listOf(fields['routes']).flatMap((raw, index): ReadRoute[] => {
    if (!isRecord(raw) || typeof raw['destination'] !== 'string') return [];
    const destination = parseDestination(raw['destination']);
    const target = readTarget(raw['target']);
    if (!destination.ok) return [];
    const alternates = new Map(
      listOf(raw['alternates']).flatMap((text, at): [number, Target][] => {
        const alternate = readTarget(text);
        return alternate ? [[at, alternate]] : [];
      }),
    );
    return [{ index, raw, destination: destination.value, alternates, ...(target && { target }) }];
  });
  const scope = listOf(fields['scope']).flatMap((text) => {
    const parsed = typeof text === 'string' ? parseDestination(text) : undefined;
    return parsed?.ok ? [parsed.value] : [];
  });
  const ignore = listOf(fields['ignore']).map((raw) => {
    const entry = ignoreSchema.safeParse(raw);
    return entry.success ? ignoreEntryOf(entry.data) : undefined;
  });
  const many = tooMany(routes);
  if (many.length > 0) return many;
  const isInScope = scopeCheck(scope);
  return [
    ...duplicates(routes),
    ...routes.flatMap((route) => [
      ...unroutable(route),
      ...(route.target ? mismatched(route, route.target, 'target') : []),
      ...alternatesOf(route),
      ...isInScope(route),
      ...underIgnore(route, ignore, now),
    ]),
  ];
}

type Field = 'destination' | 'target' | 'alternates' | 'overrideLocal';

const problemAt = (
  { index, raw }: ReadRoute,
  field: Field | AlternateField,
  message: string,
  found: unknown = raw[field],
): Problem => ({ path: `routes[${index}].${field}`, found: foundText(found), message });

type AlternateField = `alternates[${number}]`;

function duplicates(routes: readonly ReadRoute[]): Problem[] {
  const first = new Map<string, number>();
  return routes.flatMap((route) => {
    const key = destinationText(route.destination);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, route.index);
    return earlier === undefined
      ? []
      : [problemAt(route, 'destination', `expected each destination once: routes[${earlier}] already lists ${key}`)];
  });
}

const maxRoutesPerFamily = 1_000; // The highest value to which the quota can be raised (Amazon VPC quotas).

function tooMany(routes: readonly ReadRoute[]): Problem[] {
  const families = Map.groupBy(routes, ({ destination }) => destination.kind);
  return [...families]
    .filter(([, members]) => members.length > maxRoutesPerFamily)
    .map(([family, members]) => ({
      path: 'routes',
      found: `${members.length} ${family} routes`,
      message: `expected at most ${maxRoutesPerFamily} routes of one family: EC2 allows no more in one table`,
    }));
}

const reserved: readonly Destination[] = [
  { kind: 'ipv4', cidr: '169.254.168.0/22' },
  { kind: 'ipv6', cidr: 'fd00:ec2::/32' },
];

function unroutable(route: ReadRoute): Problem[] {
  const { destination } = route;
  const inside = reserved.find((block) => covers(block, destination));
  if (inside) {
    const message = `expected a destination outside ${destinationText(inside)}, which AWS reserves for its own services`;
    return [problemAt(route, 'destination', message)];
  }
  return destination.kind === 'ipv6' && isIpv4Mapped(destination)
    ? [problemAt(route, 'destination', 'expected a plain IPv4 CIDR block, not an IPv4-mapped IPv6 block')]
    : [];
}

/** Each alternate must be another target that can carry the destination. */
function alternatesOf(route: ReadRoute): Problem[] {
  const { target, alternates } = route;
  const [first] = alternates.values();
  if (!first) return [];
  if (target?.kind === 'local')
    return [problemAt(route, 'alternates', 'expected no alternates: the local route always works')];
  const places = new Map<string, string>(target ? [[targetText(target), 'target']] : []);
  return [...alternates].flatMap(([at, alternate]) => {
    const field: AlternateField = `alternates[${at}]`;
    const id = targetText(alternate);
    const place = places.get(id);
    if (place !== undefined)
      return [problemAt(route, field, `expected each target once: ${place} is already ${id}`, id)];
    places.set(id, field);
    return mismatched(route, alternate, field);
  });
}

/** Pairs of destination and target that EC2 never accepts (Amazon VPC User Guide, route table options). */
function mismatched(route: ReadRoute, target: Target, field: 'target' | AlternateField): Problem[] {
  const { destination, raw } = route;
  const problem = (message: string): Problem => problemAt(route, field, message, targetText(target));
  const notOverridable =
    'expected a NAT gateway, network interface or Gateway Load Balancer endpoint as the target of a local route';
  const overridable = ['local', 'nat-gateway', 'network-interface', 'vpc-endpoint'];
  return [
    ...(target.kind === 'egress-only-internet-gateway' && destination.kind === 'ipv4'
      ? [problem('expected a target for IPv4: an egress-only internet gateway carries IPv6 only')]
      : []),
    ...(target.kind === 'carrier-gateway' && destination.kind === 'ipv6'
      ? [problem('expected a target for IPv6: a carrier gateway carries IPv4 only')]
      : []),
    ...(target.kind === 'vpc-endpoint' && destination.kind === 'prefix-list'
      ? [
          problem(
            'expected another target: EC2 rejects a prefix list route to a VPC endpoint. A gateway endpoint creates its own routes (ModifyVpcEndpoint)',
          ),
        ]
      : []),
    ...(target.kind === 'local' && destination.kind === 'prefix-list'
      ? [problem('expected a gateway or interface: a prefix list route cannot have the target local')]
      : []),
    ...(raw['overrideLocal'] === true && !overridable.includes(target.kind)
      ? [field === 'target' ? problemAt(route, 'overrideLocal', notOverridable) : problem(notOverridable)]
      : []),
  ];
}

function scopeCheck(scope: readonly Destination[]): (route: ReadRoute) => Problem[] {
  const message = `expected a destination inside scope (${foundText(scope.map(destinationText).join(', '))})`;
  return (route) =>
    scope.length === 0 || scope.some((block) => covers(block, route.destination))
      ? []
      : [problemAt(route, 'destination', message)];
}

function underIgnore(route: ReadRoute, ignore: readonly (IgnoreEntry | undefined)[], now: Date): Problem[] {
  const { destination, target, alternates } = route;
  const names = [...(target ? [target] : []), ...alternates.values()].map(targetText);
  const index = ignore.findIndex(
    (entry) => entry && !entry.until && isActive(entry, now) && meets(entry, destination, names),
  );
  return index < 0
    ? []
    : [
        problemAt(
          route,
          'destination',
          `expected a route that is not ignored: ignore[${index}] (${ignore[index]?.reason}) covers it and has no end. Remove the route or the entry, or add until to the entry`,
        ),
      ];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readTarget(value: unknown): Target | undefined {
  const parsed = typeof value === 'string' ? parseTarget(value) : undefined;
  return parsed?.ok ? parsed.value : undefined;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
