import type { Table, World } from '../support/ec2/world.ts';
import { slotAt } from '../support/ec2/world.ts';
import type { Shown } from './drifts.ts';
import { type Look, askedBy, isRescue } from './facts.ts';
import { isHalted } from './halts.ts';
import type { Sight } from './memory.ts';
import { type Known, type Spec, allowedIn, deviations, isEnforced, isToldOf, rulesOf, wantedAt } from './oracle.ts';

/** What a function saw in a read, with its item and rules. */
export function sightOf(
  read: Look['read'],
  { version, halts, by, routeTableId }: Pick<Look, 'version' | 'halts' | 'by' | 'routeTableId'>,
): Sight | undefined {
  const { spec, isStandIn = false } = version ?? {};
  const table = read?.shown?.world.tables.get(routeTableId);
  if (!read?.shown || !spec || !table) return undefined;
  const now = read.startedAt + by.skewMs;
  return {
    at: read.startedAt,
    now,
    spec,
    table,
    world: read.shown.world,
    rules: rulesOf(spec, halts, now),
    isEnforced: isEnforced(spec, now) && !isHalted(halts, now),
    isStandIn,
  };
}

/** The item and the rules at the end of a round, as a text that changes when they do. */
export function rulesAtEnd({ version, halts, by }: Look): string | undefined {
  const { spec } = version ?? {};
  return spec && `${askedBy(spec)} ${rulesOf(spec, halts, by.now().getTime())}`;
}

/** What the state of a round rests on, if all its reads were made under one version of the item and the same rules. */
export function shownTo(look: Look): Shown | undefined {
  const { round, version, halts, by, routeTableId } = look;
  const { spec } = version ?? {};
  const rules = rulesAtEnd(look);
  if (!spec || rules === undefined || round.versions.length !== 1 || round.reads.length === 0) return undefined;
  const [only] = round.reads.length === 1 && round.mutations.length === 0 ? round.reads : [];
  // What others made is compared only between reads that show the present.
  const isFresh = only?.shown !== undefined && only.shown.asOf >= only.startedAt;
  const sight = isFresh ? sightOf(only, look) : undefined;
  const odd = new Set(round.mutations.map(({ destination }) => destination));
  const times: number[] = [];
  for (const { shown, startedAt } of round.reads) {
    const table = shown?.world.tables.get(routeTableId);
    const rulesThen = `${askedBy(spec)} ${rulesOf(spec, halts, startedAt + by.skewMs)}`;
    if (!shown || !table || rulesThen !== rules) return undefined;
    times.push(shown.asOf);
    for (const destination of oddIn(spec, table, shown.world)) odd.add(destination);
  }
  const policy = rulesOf(spec, halts, by.now().getTime());
  const listed = new Map(spec.routes.map((route) => [route.destination, JSON.stringify(route)]));
  return { rules, policy, listed, asOf: Math.min(...times), odd, ...(sight && { routes: routesIn(sight) }) };
}

/** The routes that people and services make, by destination. */
const routesIn = (sight: Sight): NonNullable<Shown['routes']> =>
  new Map(
    sight.table.routes
      .filter((slot) => slot.origin === 'CreateRoute' && slotAt(sight.table, slot.destination) === slot)
      .map((slot) => [slot.destination, { target: slot.target, isToldOf: isToldOf(slot, sight) }]),
  );

/**
 * Destinations that certainly deviated in a round: in its only read, or in a read on which a call rested. None if
 * nothing may be changed.
 */
export function deviatingIn({ round, version, halts, by, routeTableId }: Look, known: Known): Set<string> {
  const [read] = round.reads;
  const table = read?.shown?.world.tables.get(routeTableId);
  const now = by.now().getTime();
  if (!version?.spec || !isEnforced(version.spec, now) || isHalted(halts, now)) return new Set();
  const tried = new Set(
    round.mutations.filter((mutation) => !isRescue(mutation)).map(({ destination }) => destination),
  );
  if (!read?.shown || !table || round.reads.length > 1) return tried;
  const wrong = deviations(version.spec, table, read.shown.world, now, known).filter(({ isOurs }) => isOurs);
  return tried.union(new Set(wrong.map(({ destination }) => destination)));
}

/** Every destination that is not as desired, whether we may repair it or not. */
const oddIn = (spec: Spec, table: Table, world: World): readonly string[] => [
  ...spec.routes
    .filter((route) => !allowedIn(slotAt(table, route.destination), route, world))
    .map(({ destination }) => destination),
  ...table.routes.map(({ destination }) => destination).filter((destination) => !wantedAt(spec, destination)),
];
