import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
let clone = '';

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'setup-test-'));
  cpSync(join(root, 'setup.mjs'), join(clone, 'setup.mjs'));
});
afterEach(() => rmSync(clone, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), content);
}

function program(name: string, script: string): void {
  write(`bin/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(join(clone, 'bin', name), 0o755);
}

const packages = {
  '': { name: 'clone' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/a-here': { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] },
  'node_modules/a-elsewhere': { version: '1.0.0', optional: true, os: ['plan9'], cpu: ['pdp11'] },
};

/** The packages that npm installs on this platform. */
function installedPackages(installed: object): void {
  write('package-lock.json', JSON.stringify({ packages }));
  write('node_modules/.package-lock.json', JSON.stringify({ packages: installed }));
}

function installedEmulators(requirements = 'ministack==1'): void {
  write('local/requirements.txt', 'ministack==1');
  write('.venv/bin/python', '');
  const hash = createHash('sha256').update(requirements).digest('hex');
  write('.venv/stamp', `${hash} ${process.platform}-${process.arch}\n`);
}

function setup(...nodeOptions: string[]): { status: number | null; said: string } {
  const { status, stderr } = spawnSync(process.execPath, [...nodeOptions, 'setup.mjs'], {
    cwd: clone,
    encoding: 'utf8',
    env: { PATH: join(clone, 'bin') },
  });
  return { status, said: stderr };
}

const complete = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/a-here': { version: '1.0.0' } };

describe('setup', () => {
  it('prints and does nothing if everything is in place', () => {
    installedPackages(complete);
    installedEmulators();
    expect(setup()).toEqual({ status: 0, said: '' });
  });

  it.each([
    ['are missing', undefined],
    ['have another version', { ...complete, 'node_modules/a': { version: '0.9.0' } }],
    ['are for another platform', { 'node_modules/a': { version: '1.0.0' } }],
  ])('installs npm packages when they %s', (_why, installed) => {
    installedPackages(installed ?? {});
    if (!installed) rmSync(join(clone, 'node_modules'), { recursive: true });
    installedEmulators();
    program('npm', 'echo "$@" > npm-was-called');
    const { status, said } = setup();
    expect(said).toContain('npm packages');
    expect(readFileSync(join(clone, 'npm-was-called'), 'utf8')).toBe('ci --ignore-scripts\n');
    expect(said).not.toContain('emulators');
    expect(status).toBe(0);
  });

  it('reinstalls the emulators when their requirements change', () => {
    installedPackages(complete);
    installedEmulators('ministack==0');
    // A Python whose virtual environments contain a Python that does nothing.
    program(
      'python3',
      'if [ "$2" = venv ]; then /bin/mkdir -p .venv/bin; /bin/ln -s /bin/true .venv/bin/python; else echo 3.12; fi',
    );
    expect(setup()).toMatchObject({ status: 0, said: expect.stringContaining('emulators (python3, 3.12)') });
    expect(setup()).toEqual({ status: 0, said: '' });
  });

  it('fails with the end of the output of the failing step', () => {
    installedPackages({});
    installedEmulators();
    program('npm', 'echo the registry is away >&2; exit 1');
    expect(setup()).toMatchObject({ status: 1, said: expect.stringMatching(/npm ci.*the registry is away/s) });
  });

  it.each([
    ['but found none', undefined],
    ['but found only 3.9', '3.9'],
  ])('asks for Python 3.10 in one sentence (%s)', (finding, version) => {
    installedPackages(complete);
    write('local/requirements.txt', '');
    if (version) for (const name of ['python', 'python3']) program(name, `echo ${version}`);
    const { status, said } = setup();
    expect(said).toBe(
      `setup: needs Python 3.10 or newer for the local stack's emulators, ${finding} (https://www.python.org).\n`,
    );
    expect(status).toBe(1);
  });

  it('asks for a newer Node in one sentence', () => {
    const old = 'Object.defineProperty(process, "versions", { value: { node: "18.20.0" } })';
    const { status, said } = setup('--import', `data:text/javascript,${encodeURIComponent(old)}`);
    expect(said).toMatch(
      /^setup: needs Node \d+\.\d+ or newer, but this is Node 18\.20\.0 \(https:\/\/nodejs\.org\)\.\n$/,
    );
    expect(status).toBe(1);
  });
});
