import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Packs this checkout as `npm pack` does, and installs the package alone into an empty folder. */
export async function installPackage(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  await oneAtATime(() => run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env }));
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const quietly = ['--no-audit', '--no-fund', '--no-save', '--no-package-lock'];
  await run('npm', ['install', '--offline', '--omit=dev', ...quietly, `./${archive}`], { cwd: folder, env });
}

/** Adds what a CDK app has besides: the CDK of this checkout. */
export function addCdk(folder: string): void {
  for (const name of ['aws-cdk-lib', 'constructs', '@types'])
    symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
}

/** `npm pack` builds into `dist`, and tests of other processes pack as well. */
async function oneAtATime(work: () => Promise<unknown>): Promise<void> {
  const lock = path.join(root, 'node_modules', '.packing');
  const isTaken = (): boolean => {
    try {
      mkdirSync(lock);
      return false;
    } catch {
      // A process that was killed leaves its lock.
      if ((statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) < Date.now() - 120_000) rmdirSync(lock);
      return true;
    }
  };
  while (isTaken()) await sleep(100);
  try {
    await work();
  } finally {
    rmdirSync(lock);
  }
}
