// Runs all checks and all tests side by side, once everything is set up and the functions are bundled. Tests of a local
// stack mostly wait: for the end of periods, for messages, for reads. So there are three local stacks and one installation,
// while the other tests keep the CPU busy.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCli } from '../bin/build.ts';
import { type Summary, summarySchema, summaryText } from './support/plain-summary.ts';

// With `CI`, vitest prints whole lines only: the lines of several processes can stand between each other.
const builtCli = path.resolve(import.meta.dirname, '..', '.routectl');
const env = {
  ...process.env,
  CI: '1',
  FORCE_COLOR: process.stdout.isTTY ? '1' : '0',
  FUNCTIONS_ARE_BUILT: 'yes',
  LOCAL_STACKS: '2',
  ROUTECTL_BUILT: path.join(builtCli, 'main.cjs'),
};
const nothing: Summary = { passed: 0, failed: 0, skipped: 0 };

/** The processes that run now. They end with this one. */
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    for (const child of running) child.kill();
    process.exit(130);
  });

/** Waits for the end of a process. A process that fails without a failed test counts as one failure. */
async function ended(child: ChildProcess): Promise<Summary> {
  let summary = nothing;
  child.on('message', (message) => (summary = summarySchema.parse(message)));
  running.add(child);
  const [code] = await once(child, 'exit');
  running.delete(child);
  return code !== 0 && summary.failed === 0 ? { ...summary, failed: 1 } : summary;
}

const vitest = fileURLToPath(new URL('../vitest.mjs', import.meta.resolve('vitest')));
const tests = (projects: readonly string[], options: readonly string[] = []): Promise<Summary> =>
  ended(fork(vitest, ['run', ...projects.flatMap((name) => ['--project', name]), ...options], { env }));

const checks = async (): Promise<Summary> => {
  const summary = await ended(spawn('npm', ['run', '--silent', 'check:static'], { env, stdio: 'inherit' }));
  if (summary.failed > 0) console.error('a static check failed: see above, or npm run check:static');
  return summary;
};

await buildCli(builtCli);
const summaries = await Promise.all([
  tests(['alarms']),
  tests(['stack']),
  tests(['installations']),
  // By default, vitest leaves one core to others.
  tests(['unit', 'unit-alone', 'browser'], ['--maxWorkers', '2']),
  checks(),
]);
console.log(summaryText(summaries));
process.exitCode = summaries.every(({ failed }) => failed === 0) ? 0 : 1;
