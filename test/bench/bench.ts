import Table from 'cli-table3';
import { rowOf } from '../../reconciler/aws/dynamodb/state-row.ts';
import { managed } from '../../reconciler/core/desired/names.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { item } from '../support/builders.ts';
import { itemSize } from '../support/dynamodb.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';
import { startUp } from './start-up.ts';
import { type Cost, type Counted, costBesides, monthlyCost } from './cost.ts';
import { worseThan } from './baseline.ts';
import { bundleFigures } from './bundles.ts';
import { figures } from './figures.ts';
import { scaleFigures } from './scale.ts';
import { timelineOf } from './timeline.ts';
import { throttledFigures } from './throttled.ts';

// Measures speed and cost as ratios and counts. Absolute times depend on the machine; only their growth matters.
//
//   npm run bench             prints everything, and exits with 1 if something is worse than before
//   npm run bench -- --json   prints only the figures: {"figures": [{"name", "value", "unit", "reach", "ok"}]}

const everyMs = 5 * 60_000;
const sweepsPerHour = 12;

const tableIdOf = (n: number): string => `rtb-${n.toString(16).padStart(8, '0')}`;
const destinationOf = (n: number): string => `10.${64 + (n >> 8)}.${n & 255}.0/24`;

/** A fleet of tables with ten routes each, in sync and verified. */
async function idleFleet(tables: number): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  const routes = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [destinationOf(n), 'pcx-aaaaaaaa']));
  for (let n = 0; n < tables; n++) {
    world.ec2.scenery.table(tableIdOf(n), { routes });
    world.desired.put({ ...item(routes), routeTableId: tableIdOf(n) });
  }
  for (const _ of [1, 2, 3]) await oneSweep(world);
  return world;
}

async function oneSweep(world: InMemoryWorld): Promise<void> {
  world.clock.advance(everyMs);
  await sweep(world, world.invocation(50 * 60), everyMs);
}

/** Calls to EC2 and to each store, by name. */
function counted(world: InMemoryWorld): () => Record<string, number> {
  const calls: Record<string, number> = {};
  const note = (call: string): void => void (calls[call] = (calls[call] ?? 0) + 1);
  world.desired.faults = (call) => note(`desired ${call}`);
  world.states.faults = (call) => note(`states ${call}`);
  world.orders.faults = (call) => note(`orders ${call}`);
  world.index.faults = (call) => note(`index ${call}`);
  world.leases.faults = (call) => note(`leases ${call}`);
  world.requeue.faults = () => note('requeue send');
  world.forget();
  return () => ({ ...world.ec2.journal.counts, ...calls });
}

const print = (title: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): void => {
  const shown = new Table({
    head: [...head],
    colAligns: head.map((_, n) => (n === 0 ? 'left' : 'right')),
    // The table's own styles would also colour a file.
    style: { head: [], border: [] },
  });
  shown.push(...rows.map((row) => [...row]));
  console.log(`\n${title}\n${shown.toString()}`);
};

const { figures: ofBundles, parts } = await bundleFigures();
const { figures: ofStarts, builtBytes, rows: starts } = startUp();
let timeline: ReturnType<typeof timelineOf> = [];
const measured = [
  ...(await figures((rollout) => (timeline = timelineOf(rollout)))),
  ...(await throttledFigures()),
  ...(await scaleFigures()),
  ...ofBundles,
  ...ofStarts,
];
const worse = await worseThan(measured);
for (const line of worse) console.error(`worse than before: ${line}`);
if (worse.length > 0) process.exitCode = 1;
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ figures: measured }));
  process.exit();
}
print(
  'Calls, time and chains, as counts and ratios; smaller is better',
  ['figure', 'value', 'reach', 'unit', ''],
  measured.map(({ name, value, reach, unit, ok }) => [name, value, reach, unit, ok ? 'ok' : 'MISSED']),
);

print(
  'The fleet edit of 100 tables × 50 routes: calls per second in slices of 5 minutes',
  [
    'minute',
    'DescribeRouteTables',
    'DescribeTargets',
    'ReplaceRoute',
    'CreateRoute',
    'ReplaceRoute by another program',
    'throttled',
  ],
  timeline,
);
print(
  'The bundle of on-route-change by npm package and by folder of ours, in KiB',
  ['part', 'KiB'],
  parts.filter(([, kib]) => kib >= 1).map(([name, kib]) => [name, kib.toFixed(1)]),
);

const rows: (string | number)[][] = [];
for (const tables of [50, 100, 500, 1_000]) {
  const world = await idleFleet(tables);
  const idle = counted(world);
  await oneSweep(world);
  const reads = idle()['DescribeRouteTables'] ?? 0;
  world.ec2.scenery.removeRoute(tableIdOf(7), destinationOf(3));
  const drifted = counted(world);
  await oneSweep(world);
  const { DescribeRouteTables = 0, CreateRoute = 0 } = drifted();
  rows.push([tables, reads, DescribeRouteTables - reads, CreateRoute]);
}
print(
  'One sweep: calls to EC2',
  ['tables', 'idle: DescribeRouteTables', 'one drifted: additional DescribeRouteTables', 'one drifted: changes'],
  rows,
);

const fleet = await idleFleet(1_000);
const hour = counted(fleet);
for (let n = 0; n < sweepsPerHour; n++) await oneSweep(fleet);
const idleHour = hour();
print(
  'An idle fleet of 1,000 tables, a sweep every 5 minutes: calls by name',
  ['call', 'per hour'],
  Object.keys(idleHour)
    .sort()
    .map((call) => [call, idleHour[call] ?? 0]),
);

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const oneItem = await fleet.desired.read(tableIdOf(0));
const statusBytes = itemSize(rowOf(fleet.states.stored(tableIdOf(0))));
const told = new Set(fleet.announcer.news.flatMap(({ metrics }) => metrics.map(({ name }) => name)));
const idle: Counted = {
  tables: 1_000,
  sweepsPerHour,
  itemBytes: bytesOf(oneItem),
  indexBytes: bytesOf({ routeTableId: `#${managed}`, item: tableIdOf(0) }),
  statusBytes,
  metrics: told.size,
  alarms: 29,
  sweepSeconds: 5,
  memoryGb: 0.5,
  logBytesPerSweep: 3_000,
};
const month = monthlyCost(idle);
const shown = ({ thing, amount, dollars }: Cost): string[] => [
  thing,
  amount.toLocaleString('en-US', { maximumFractionDigits: 2 }),
  dollars.toFixed(2),
];
print(
  `The same fleet per month: ${told.size} metrics (${[...told].sort().join(', ')}), items of ${bytesOf(oneItem)} bytes, statuses of ${statusBytes}`,
  ['thing', 'amount', 'US dollars'],
  [...month.map(shown), ['total', '', month.reduce((sum, { dollars }) => sum + dollars, 0).toFixed(2)]],
);
print('Additional costs, where they occur', ['thing', 'amount', 'US dollars'], costBesides(idle).map(shown));

print(
  `The start of routectl, relative to an empty script (${(builtBytes / 1e6).toFixed(1)} MB of built files)`,
  ['call', 'package', 'checkout'],
  starts,
);
