import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import Table from 'cli-table3';
import pMap from 'p-map';
import type { Told } from '../campaign.ts';
import { simulate } from '../simulate.ts';
import { type Mutant, mutants } from './mutants.ts';

/** So many seeds may pass before a mutant counts as having survived. */
const mostSeeds = '20000';

const root = join(import.meta.dirname, '../../..');

const { values } = parseArgs({
  options: { only: { type: 'string' }, seeds: { type: 'string', default: mostSeeds } },
});
const most = Number(values.seeds);
const chosen = mutants.filter(({ name }) => values.only === undefined || name.includes(values.only));

const results = await pMap(chosen, survey, { concurrency: availableParallelism() });
const table = new Table({
  head: ['mutant', 'caught by', 'seed', 'after seeds'],
  colWidths: [52, 52, 8, 13],
  style: { head: [], border: [] },
});
for (const { name, caught } of results)
  table.push(caught ? [name, caught.invariant, caught.seed, caught.seed] : [name, 'SURVIVED', '', values.seeds]);
console.log(table.toString());
const survivors = results.filter(({ caught }) => !caught);
console.log(`${results.length} mutants, ${results.length - survivors.length} caught, ${survivors.length} survived`);
if (survivors.length > 0 || results.length === 0) process.exitCode = 1;

interface Result {
  readonly name: string;
  readonly caught?: { readonly seed: number; readonly invariant: string };
}

/** Runs the simulation on a copy of the product with one bug in it, until the first violation. */
async function survey({ name, edits }: Mutant): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'mutant-'));
  try {
    for (const part of ['package.json', 'reconciler', 'test/simulation', 'test/support'])
      await cp(join(root, part), join(folder, part), { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const { file, find, replace } of edits) {
      const path = join(folder, 'reconciler', file);
      const text = await readFile(path, 'utf8');
      if (text.split(find).length !== 2)
        throw new Error(`mutant "${name}": expected this text exactly once in reconciler/${file}: ${find}`);
      await writeFile(
        path,
        text.replace(find, () => replace),
      );
    }
    const caught = await firstViolation(folder);
    const { violation } = caught ? await simulate(caught.seed) : {};
    if (violation) throw new Error(`seed ${caught?.seed} is violated without any mutant: ${violation.invariant}`);
    console.error(`${caught ? `caught by seed ${caught.seed}` : 'SURVIVED'}: ${name}`);
    return { name, ...(caught && { caught }) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs seeds on a thread of the copy, from 1 on, until one is violated. */
function firstViolation(folder: string): Promise<Result['caught']> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(join(folder, 'test/simulation/worker.ts'), {
      workerData: { first: 1, end: most + 1, step: 1 },
    });
    worker.on('message', ({ seed, violation }: Told) => {
      if (!violation) return;
      resolve({ seed, invariant: violation.invariant });
      void worker.terminate();
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(undefined));
  });
}
