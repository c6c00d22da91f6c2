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
  const last = round.reads.at(-1);
  // What others made is compared only between reads that show the present.
  const isFresh = last?.shown !== undefined && last.shown.asOf >= last.startedAt;
  const sight = isFresh ? sightOf(last, look) : undefined;
  const odd = new Set(round.mutations.map(({ destination }) => destination));
  const times: number[] = [];
  for (const { shown, startedAt } of round.reads) {
    const table = shown?.world.tables.get(routeTableId);
    const rulesThen = `${askedBy(spec)} ${rulesOf(spec, halts, startedAt + by.skewMs)}`;
    if (!shown || !table || rulesThen !== rules) return undefined;
    times.push(shown.asOf);
    for (const destination of oddIn(spec, table, shown.world)) odd.add(destination);
  }
  const unsure = new Set([...round.mutations.map(({ destination }) => destination), ...unlikeIn(look)]);
  const listed = new Map(spec.routes.map((route) => [route.destination, JSON.stringify(route)]));
  return {
    rules,
    listed,
    asOf: Math.min(...times),
    odd,
    ...(sight && { routes: routesIn(sight, unsure), unsure }),
  };
}

/** Destinations that the reads of a round show differently. It is not known which of them its state rests on. */
function unlikeIn({ round, routeTableId }: Look): readonly string[] {
  const tables = round.reads.map(({ shown }) => shown?.world.tables.get(routeTableId));
  const all = new Set(tables.flatMap((table) => table?.routes.map(({ destination }) => destination) ?? []));
  const targetIn = (destination: string) => (table: Table | undefined) => table && slotAt(table, destination)?.target;
  return [...all].filter((destination) => new Set(tables.map(targetIn(destination))).size > 1);
}

/** The routes that people and services make, by destination. */
const routesIn = (sight: Sight, unsure: ReadonlySet<string>): NonNullable<Shown['routes']> =>
  new Map(
    sight.table.routes
      .filter(({ destination }) => !unsure.has(destination))
      .filter((slot) => slot.origin === 'CreateRoute' && slotAt(sight.table, slot.destination) === slot)
      .map((slot) => [slot.destination, { target: slot.target, isToldOf: isToldOf(slot, sight) }]),
  );

/**
 * Destinations that certainly deviated in a round: in each of its reads, or in a read on which a call rested. Also if
 * nothing may be changed: what others change is announced then, too.
 */
export function deviatingIn({ round, version, by, routeTableId }: Look, known: Known): Set<string> {
  const { spec } = version ?? {};
  if (!spec) return new Set();
  const tried = round.mutations.filter((mutation) => !isRescue(mutation)).map(({ destination }) => destination);
  const now = by.now().getTime();
  const inEach = round.reads.map(({ shown }) => {
    const table = shown?.world.tables.get(routeTableId);
    const wrong = shown && table ? deviations(spec, table, shown.world, now, known).filter(({ isOurs }) => isOurs) : [];
    return new Set(wrong.map(({ destination }) => destination));
  });
  const [first = new Set<string>(), ...others] = inEach;
  return new Set(tried).union(others.reduce((all, one) => all.intersection(one), first));
}

/** Every destination that is not as desired, whether we may repair it or not. */
const oddIn = (spec: Spec, table: Table, world: World): readonly string[] => [
  ...spec.routes
    .filter((route) => !allowedIn(slotAt(table, route.destination), route, world))
    .map(({ destination }) => destination),
  ...table.routes.map(({ destination }) => destination).filter((destination) => !wantedAt(spec, destination)),
];
