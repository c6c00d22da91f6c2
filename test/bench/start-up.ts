import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { destinationOf, tableIdOf } from '../support/rollout.ts';
import { type Figure, figure } from './figure.ts';

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
export function startUp(): {
  readonly builtBytes: number;
  readonly rows: readonly (readonly string[])[];
  readonly figures: readonly Figure[];
} {
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
    const fleet = ['plan', '-f', ...fleetFiles(folder)];
    const seconds = [1, 2, 3, 4, 5].map(() => timeOf([join(folder, 'bin', 'routectl.js'), ...fleet]) / 1_000);
    return {
      figures: [figure('offline plan of 500 tables × 50 routes', Math.min(...seconds), 'seconds', 0.8, 'timed')],
      builtBytes: sizeOf(join(folder, 'dist')),
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
      best.set(args, Math.min(best.get(args) ?? Infinity, timeOf(args)));
    }
  }
  return best;
}

function timeOf(args: readonly string[]): number {
  const begun = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  // A plan with changes or waiting deletes ends with 2 or 3.
  if (status === null || status === 1) throw new Error(`${args.join(' ')} ended with ${status}`);
  return performance.now() - begun;
}

/** Writes the items of a fleet and what EC2 answers about it. @returns the arguments that name them */
function fleetFiles(folder: string): readonly string[] {
  const [items, answer] = [join(folder, 'fleet.json'), join(folder, 'fleet-answer.json')];
  const ids = Array.from({ length: 500 }, (_, n) => tableIdOf(n));
  const [VpcPeeringConnectionId, VpcId, OwnerId] = ['pcx-aaaaaaaa', 'vpc-aaaaaaaa', '111122223333'];
  const destinations = Array.from({ length: 50 }, (_, n) => destinationOf(n));
  const routes = destinations.map((destination) => ({ destination, target: VpcPeeringConnectionId }));
  writeFileSync(items, JSON.stringify(ids.map((routeTableId) => ({ routeTableId, routes }))));
  const Routes = destinations.map((DestinationCidrBlock) => ({
    DestinationCidrBlock,
    VpcPeeringConnectionId,
    Origin: 'CreateRoute',
    State: 'active',
  }));
  const RouteTables = ids.map((RouteTableId) => ({ RouteTableId, VpcId, OwnerId, Routes, Associations: [], Tags: [] }));
  writeFileSync(answer, JSON.stringify({ RouteTables }));
  return [items, '--actual', answer];
}

const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
