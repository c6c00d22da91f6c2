import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type Campaign, anySeed, campaign, commandFor, tellViolation } from './campaign.ts';
import { faultKinds } from './faults.ts';
import { simulate } from './simulate.ts';

const usage = `npm run simulate -- [--seeds 20000] [--from N] [--workers N]   runs many seeds, by default from one that nobody chose;
                                                               exit code 1 on a violation
npm run simulate -- --seed N                                   replays one seed and prints its history`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '20000' },
    from: { type: 'string', default: String(anySeed()) },
    workers: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(usage);
else if (values.seed !== undefined) await replay(whole(values.seed));
else await run({ from: whole(values.from), seeds: whole(values.seeds), workers: whole(values.workers) });

async function replay(seed: number): Promise<void> {
  const { history, hash, violation } = await simulate(seed);
  console.log(history().join('\n'));
  console.log(`seed ${seed}, history ${hash()}`);
  if (violation) fail(`seed ${seed}: ${violation.invariant}: ${violation.message}`);
}

async function run(options: { from: number; seeds: number; workers: number }): Promise<void> {
  console.log(`these seeds again: ${commandFor(options)}`);
  let toldAt = performance.now();
  const result = await campaign(options, {
    progress: (done, violations) => {
      if (performance.now() - toldAt < 5_000) return;
      toldAt = performance.now();
      console.error(`${done} of ${options.seeds} seeds, ${violations} violations`);
    },
    // Printed at once, so that an interrupted run has reported what it found.
    violation: (violated) => fail(tellViolation(violated)),
  });
  console.log(faultTable(result));
  const { seeds, steps, mutations, violations, seconds } = result;
  console.log(
    `${seeds} seeds, ${violations.length} violations, ${steps} steps, ${mutations} mutations, ${(seeds / seconds).toFixed(0)} seeds/s`,
  );
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
