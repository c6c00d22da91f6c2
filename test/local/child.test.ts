import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run, startChild, tail } from '../../local/child.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'child-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const env = { PATH: process.env['PATH'] ?? '' };
const log = () => join(folder, 'log');
const pulse = () => join(folder, 'pulse');
/** A program that starts another program, which keeps writing to a file. */
const withGrandchild = () => ['sh', '-c', `(while :; do echo x >> ${pulse()}; sleep 0.02; done) & wait`];
const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

async function expectNoPulse() {
  await vi.waitFor(async () => {
    const before = size(pulse());
    await sleep(150);
    expect(size(pulse())).toBe(before);
  }, 5000);
}

describe('a child', () => {
  it('is killed together with everything it started', async () => {
    const child = startChild('test', withGrandchild(), { log: log(), env });
    await vi.waitFor(() => expect(size(pulse())).toBeGreaterThan(0), 5000);
    child.kill();
    expect(await child.exited).toBeNull();
    await expectNoPulse();
  });

  it('leaves nothing running when it ends by itself', async () => {
    const command = [
      'sh',
      '-c',
      `(while :; do echo x >> ${pulse()}; sleep 0.02; done) & until [ -s ${pulse()} ]; do sleep 0.02; done; exit 3`,
    ];
    expect(await startChild('test', command, { log: log(), env }).exited).toBe(3);
    expect(size(pulse())).toBeGreaterThan(0);
    await expectNoPulse();
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('does not outlive a parent that dies by %s', async (signal) => {
    const module = join(import.meta.dirname, '..', '..', 'local', 'child.ts');
    const source = `
      import { startChild } from ${JSON.stringify(module)};
      startChild('test', ${JSON.stringify(withGrandchild())}, { log: ${JSON.stringify(log())}, env: process.env });
    `;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], { stdio: 'inherit' });
    await vi.waitFor(() => expect(size(pulse())).toBeGreaterThan(0), 5000);
    parent.kill(signal);
    await expectNoPulse();
  });

  it('gets exactly the given environment', async () => {
    await run('test', ['sh', '-c', 'env'], { log: log(), env: { ...env, GIVEN: 'yes' } });
    const names = tail(log())
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).toContain('GIVEN');
    expect(names).not.toContain('HOME');
  });

  it('is reported with its name and the end of its log if it fails', async () => {
    const failing = run('the thing', ['sh', '-c', 'echo out; echo because >&2; exit 7'], { log: log(), env });
    await expect(failing).rejects.toThrow('the thing failed (exit code 7):\nout\nbecause');
  });
});
