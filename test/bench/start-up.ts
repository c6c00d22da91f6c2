import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const root = join(import.meta.dirname, '..', '..');
const fixture = (name: string): string => join(root, 'test', 'fixtures', name);

/** Calls that need no network. Most of their time goes into the start. */
const calls = {
  '--help': ['--help'],
  'validate, 1 file': ['validate', '-f', fixture('routes.yaml')],
  'plan, offline': ['plan', '-f', fixture('routes.yaml'), '--actual', fixture('describe-route-tables.json')],
};

const rounds = 30;

/** The start of the CLI, in times of what Node itself takes to run an empty script: as a package, and in a checkout. */
export function startUp(): { readonly packageBytes: number; readonly rows: readonly (readonly string[])[] } {
  const folder = mkdtempSync(join(tmpdir(), 'routectl-bench-'));
  try {
    spawnSync(process.execPath, [join(root, 'bin', 'build.ts')], { stdio: 'inherit' });
    for (const part of ['package.json', 'bin', 'dist/cli', 'dist/schema'])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'empty.js'), '');
    const empty = [join(folder, 'empty.js')];
    const starts = Object.entries(calls).map(([name, args]) => ({
      name,
      packed: [join(folder, 'bin', 'routectl.js'), ...args],
      checkout: [join(root, 'bin', 'routectl.js'), ...args],
    }));
    const took = bestOf([empty, ...starts.flatMap(({ packed, checkout }) => [packed, checkout])]);
    const ratio = (args: readonly string[]): string => ((took.get(args) ?? 0) / (took.get(empty) ?? 1)).toFixed(2);
    return {
      packageBytes: sizeOf(join(folder, 'dist')),
      rows: starts.map(({ name, packed, checkout }) => [name, ratio(packed), ratio(checkout)]),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The best time of each, in milliseconds. They take turns, so that a busy machine slows all of them. */
function bestOf(all: readonly (readonly string[])[]): ReadonlyMap<readonly string[], number> {
  const best = new Map<readonly string[], number>();
  for (let round = 0; round < rounds; round++) {
    for (const args of all) {
      const begun = performance.now();
      spawnSync(process.execPath, args, { stdio: 'ignore' });
      best.set(args, Math.min(best.get(args) ?? Infinity, performance.now() - begun));
    }
  }
  return best;
}

const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
