import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { emptyMemory } from '../../reconciler/core/memory/memory.ts';
import { type DesiredTable, parseDesired } from '../../reconciler/core/desired/desired.ts';
import { plan } from '../../reconciler/core/plan/plan.ts';
import { type ActualTable, destinationText, targetText } from '../../reconciler/core/route/route.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { actual, desired, local, now, route, routeTableId, table } from '../support/builders.ts';
import type { InMemoryWorld } from '../support/in-memory-world.ts';
import { slowItems } from '../support/slow-items.ts';
import { type Figure, figure } from './figure.ts';
import { settledFleet, sweepEveryMs } from './fleet.ts';

// How time and memory grow with the size of the fleet and of a table. Times are compared within one run.

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const megabyte = 1_000_000;
const second = 1_000;
const day = 24 * 60 * 60 * second;

/** The best CPU time of some sweeps, in milliseconds: a busy machine makes a clock slower, but not this. */
async function sweepMs(world: InMemoryWorld, tries: number): Promise<number> {
  let best = Infinity;
  for (let n = 0; n < tries; n++) {
    world.clock.advance(sweepEveryMs);
    collectGarbage();
    const before = process.cpuUsage();
    await sweep(world, world.invocation(), sweepEveryMs);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

/** By how much live memory grows during a sweep, in MB: without the fleet itself, and without garbage. */
async function sweepMegabytes(world: InMemoryWorld, tables: number): Promise<number> {
  world.clock.advance(sweepEveryMs);
  const everyPages = tables / 1_000;
  let pages = 0;
  const live = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = live();
  let most = before;
  world.states.faults = (call) => {
    if (call === 'glance' && ++pages % everyPages === 0) most = Math.max(most, live());
  };
  await sweep(world, world.invocation(), sweepEveryMs);
  world.states.faults = () => {};
  return (Math.max(most, live()) - before) / megabyte;
}

/** Sweeps fleets whose statuses are of different ages. Each call to EC2 takes 100 ms, and each call to a store 5 ms. */
async function sweepsAtAges(world: InMemoryWorld): Promise<{ readonly cutShort: number; readonly writes: number }> {
  world.faults.strike({}, { reachesAfterMs: 60, answersAfterMs: 40 });
  const { clock, states, desired } = world;
  let writes = 0;
  states.faults = (call) => {
    if (call === 'write') writes += 1;
    return clock.sleep(5);
  };
  desired.faults = () => clock.sleep(5);
  let cutShort = 0;
  for (const ageMs of [sweepEveryMs, day, 30 * day]) {
    clock.advance(ageMs);
    const { endedAt, checked } = await sweep(world, world.invocation(), sweepEveryMs);
    if (endedAt === undefined || checked !== 10_000) cutShort += 1;
  }
  return { cutShort, writes };
}

async function sweeps(): Promise<readonly Figure[]> {
  const small = await settledFleet(1_000, 50);
  await sweepMs(small, 2);
  const smallMegabytes = await sweepMegabytes(small, 1_000);
  const large = await settledFleet(10_000, 50);
  const largeMegabytes = await sweepMegabytes(large, 10_000);
  const [largeMs, smallMs] = [await sweepMs(large, 2), await sweepMs(small, 5)];
  const { cutShort, writes } = await sweepsAtAges(large);
  return [
    figure('sweep of 10,000 tables × 50 routes: live memory', largeMegabytes, 'MB', 128, 'timed'),
    figure('  in addition to 1,000 tables', largeMegabytes - smallMegabytes, 'MB', 8, 'timed'),
    figure('  time, relative to 1,000 tables', largeMs / smallMs, 'ratio', 11, 'timed'),
    figure('  sweeps that do not complete, statuses 5 minutes to 30 days old', cutShort, 'sweeps', 0),
    figure('  statuses written', writes, 'writes', 0),
  ];
}

const destinations = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${11 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.0/24`);

type Pair = readonly [DesiredTable, ActualTable];

/** A desired table and an actual one that agree. An item has at most 1,000 routes per family; the plan has no limit. */
export function pair(count: number, fields: Readonly<Record<string, unknown>> = {}): Pair {
  const routes = destinations(count).map((to) => route(to, 'pcx-aaaaaaaa'));
  return [
    { ...desired({}, fields), routes: routes.map((one) => ({ ...one, alternates: [], overrideLocal: false })) },
    table([local('10.0.0.0/16'), ...routes.map((one) => actual(one))]),
  ];
}

const planMs = ([wanted, found]: Pair): number => bestMs(() => plan(wanted, found, { now, memory: emptyMemory }));

/** Finds routes by their destination only. */
const singleFieldMs = ([wanted, found]: Pair): number =>
  bestMs(() => {
    const there = new Map(found.routes.map((one) => [destinationText(one.destination), one]));
    return wanted.routes.filter((one) => !there.has(destinationText(one.destination)));
  });

/** Looks for each route in the whole list. */
const quadraticMs = ([wanted, found]: Pair): number =>
  bestMs(() => {
    const texts = found.routes.map((one) => `${destinationText(one.destination)} ${targetText(one.target)}`);
    return wanted.routes.filter(
      ({ destination, target }) => !texts.includes(`${destinationText(destination)} ${targetText(target)}`),
    );
  });

/** The best time of as many tries as fit into 0.3 s, but at least 5, in milliseconds. */
function bestMs(body: () => unknown): number {
  let best = Infinity;
  const until = performance.now() + 0.3 * second;
  for (let tries = 0; tries < 5 || performance.now() < until; tries++) {
    const begun = performance.now();
    body();
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

const elsewhere = Array.from({ length: 198 }, (_, n) => `172.16.${n}.0/24`);
const ignore = elsewhere.map((destination) => ({ destination, reason: 'pods' }));
const scope = [...elsewhere, '11.0.0.0/8', '12.0.0.0/8'];

function planFigures(): readonly Figure[] {
  const perRoute = (count: number, fields?: Readonly<Record<string, unknown>>): number =>
    planMs(pair(count, fields)) / count;
  perRoute(1_000, { ignore, scope });
  const growth = (fields?: Readonly<Record<string, unknown>>): number =>
    perRoute(10_000, fields) / perRoute(1_000, fields);
  const usual = perRoute(1_000);
  const tenThousand = pair(10_000);
  const ours = planMs(tenThousand);
  const [single, quadratic] = [singleFieldMs(tenThousand), quadraticMs(tenThousand)];
  return [
    figure('plan of 1,000 routes in sync: time per route', usual * 1_000, 'µs', 1, 'timed'),
    figure('  100,000 routes: time per route, relative to 1,000', perRoute(100_000) / usual, 'ratio', 20, 'timed'),
    figure('  198 ignore entries: 10,000 routes, relative to 1,000', growth({ ignore }), 'ratio', 6, 'timed'),
    figure('  200 scope entries: 10,000 routes, relative to 1,000', growth({ scope }), 'ratio', 6, 'timed'),
    figure('  10,000 routes, relative to a matcher of one field', ours / single, 'ratio', 15, 'timed'),
    figure('  10,000 routes, relative to a quadratic matcher', ours / quadratic, 'ratio', 0.1, 'timed'),
  ];
}

/** Every sweep checks every item, also those that somebody made to keep it busy. */
function itemFigure(): Figure {
  const seconds = slowItems.map(([, item]) => {
    const before = process.cpuUsage();
    parseDesired({ routeTableId, routes: [], ...item }, now);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000_000;
  });
  return figure('check of an item of 390 KB, the slowest of 7: CPU time', Math.max(...seconds), 'seconds', 1, 'timed');
}

export async function scaleFigures(): Promise<readonly Figure[]> {
  return [...(await sweeps()), ...planFigures(), itemFigure()];
}
