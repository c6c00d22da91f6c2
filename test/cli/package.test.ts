import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Ended, fixture, routectl } from '../support/routectl.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'routectl-package-')));
const installed = join(folder, 'node_modules', 'route-reconciler');
const run = promisify(execFile);

/** Runs the installed program, as a shell does. */
const program = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  routectl(args, { program: [join(folder, 'node_modules', '.bin', 'routectl')], cwd: folder, env: { PATH, ...env } });
const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter);

/** The path of every file in the package. */
const files = (): readonly string[] =>
  readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(installed, name)).isFile(),
  );

describe('the package of npm pack', () => {
  beforeAll(async () => {
    const env = { ...process.env, PATH, HOME: folder };
    // What an earlier build left must not help.
    rmSync(join(root, 'dist', 'cli'), { recursive: true, force: true });
    await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env });
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
    await run('npm', ['install', '--offline', '--omit=dev', '--no-audit', '--no-fund', `./${archive}`], {
      cwd: folder,
      env,
    });
  });

  it('depends on no other package', () => {
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'route-reconciler',
    ]);
    expect(readdirSync(join(folder, 'node_modules', '.bin'))).toEqual(['routectl']);
  });

  it('contains the built CLI, the schema and the licenses of what is built in, and is smaller than 2 MB', () => {
    const others = files().filter((name) => !/^dist\/cli\/[\w-]+\.cjs$/.test(name));
    expect(others.toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'bin/routectl.js',
      'dist/cli/licenses.txt',
      'dist/schema/desired-route-table.schema.json',
      'package.json',
    ]);
    const bytes = files().reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
    expect(bytes).toBeLessThan(2_000_000);
    const licenses = readFileSync(join(installed, 'dist', 'cli', 'licenses.txt'), 'utf8');
    expect(licenses).toMatch(/^commander \d/m);
    expect(licenses).toMatch(/^@aws-sdk\/client-ec2 \d/m);
  });

  it('prints the same help and the same version as a checkout', async () => {
    for (const args of [['--help'], ['--version'], ['plan', '--help']])
      expect(await program(args)).toEqual(await routectl(args));
  });

  it('validates, plans and traces as a checkout does', async () => {
    const routes = ['-f', fixture('routes.yaml')];
    const actual = ['--actual', fixture('describe-route-tables.json')];
    for (const args of [
      ['validate', '-f', fixture('wrong.yaml')],
      ['plan', '--impact', ...routes, ...actual],
      ['plan', '--json', ...routes, ...actual],
      ['trace', 'rtb-0c1b2c3d4e5f6071a', '10.32.4.5', ...routes, ...actual],
    ])
      expect(await program(args)).toEqual(await routectl(args));
  });

  it('calls AWS with the SDK that it contains', async () => {
    const nowhere = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_MAX_ATTEMPTS: '1' };
    const env = { ...nowhere, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    for (const args of [['plan', '-f', fixture('in-sync.yaml')], ['status'], ['doctor']])
      expect(await program(args, env)).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
  });

  it('writes the place of its schema into the files of import', async () => {
    const { stdout } = await program(['import', '--all', '--actual', fixture('describe-route-tables.json')]);
    const [, schema = ''] = /^# yaml-language-server: \$schema=(.+)$/m.exec(stdout) ?? [];
    expect(existsSync(join(folder, schema))).toBe(true);
  });
});
