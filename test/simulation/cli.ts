import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type Campaign, campaign } from './campaign.ts';
import { faultKinds } from './faults.ts';
import { simulate } from './simulate.ts';

const usage = `npm run simulate -- [--seeds 20000] [--start 1] [--workers N]   runs many seeds; exit code 1 on a violation
npm run simulate -- --seed N                                     replays one seed and prints its history`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '20000' },
    start: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(usage);
else if (values.seed !== undefined) await replay(whole(values.seed));
else await run({ start: whole(values.start), seeds: whole(values.seeds), workers: whole(values.workers) });

async function replay(seed: number): Promise<void> {
  const { history, hash, violation } = await simulate(seed);
  console.log(history().join('\n'));
  console.log(`seed ${seed}, history ${hash()}`);
  if (violation) fail(`seed ${seed}: ${violation.invariant}: ${violation.message}`);
}

async function run(options: { start: number; seeds: number; workers: number }): Promise<void> {
  let toldAt = 0;
  const result = await campaign(options, (done, violations) => {
    if (performance.now() - toldAt < 5_000) return;
    toldAt = performance.now();
    console.error(`${done} of ${options.seeds} seeds, ${violations} violations`);
  });
  for (const { seed, violation } of result.violations.slice(0, 20))
    console.log(`seed ${seed}: ${violation.invariant}: ${violation.message}`);
  const [first] = result.violations;
  if (first) {
    console.log(`\nthe history of seed ${first.seed}:`);
    console.log((await simulate(first.seed)).history().join('\n'));
  }
  console.log(faultTable(result));
  const { seeds, steps, mutations, violations, seconds } = result;
  console.log(
    `${seeds} seeds, ${violations.length} violations, ${steps} steps, ${mutations} mutations, ${(seeds / seconds).toFixed(0)} seeds/s`,
  );
  if (first) fail(`replay with: npm run simulate -- --seed ${first.seed}`);
}

function faultTable({ faults }: Campaign): string {
  const table = new Table({ head: ['fault', 'struck'], colAligns: ['left', 'right'], style: { head: [], border: [] } });
  for (const kind of faultKinds) table.push([kind, faults[kind] ?? 0]);
  return table.toString();
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`expected a whole number, got ${text}\n${usage}`);
  return Number(text);
}
