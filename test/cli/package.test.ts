import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { addCdk, installPackage } from '../support/package.ts';
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
    await installPackage(folder, { ...process.env, PATH, HOME: folder });
  });

  it('depends on no other package', () => {
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'route-reconciler',
    ]);
    expect(readdirSync(join(folder, 'node_modules', '.bin'))).toEqual(['routectl']);
  });

  it('contains the built CLI, the construct with its types and functions, the schema and the licenses', () => {
    const others = files().filter((name) => !/^dist\/(cli\/[\w-]+\.cjs|infra\/[\w-]+\.d\.cts)$/.test(name));
    const functions = ['desired-item', 'on-desired-change', 'on-requeue', 'on-route-change', 'sweep', 'widget'];
    expect(others.toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'bin/routectl.js',
      'dist/cli/licenses.txt',
      'dist/infra/index.cjs',
      'dist/infra/licenses.txt',
      ...functions.flatMap((name) => [`dist/lambdas/${name}/index.mjs`, `dist/lambdas/${name}/index.mjs.map`]),
      'dist/schema/desired-route-table.schema.json',
      'package.json',
    ]);
    const licenses = readFileSync(join(installed, 'dist', 'cli', 'licenses.txt'), 'utf8');
    expect(licenses).toMatch(/^commander \d/m);
    expect(licenses).toMatch(/^@aws-sdk\/client-ec2 \d/m);
    expect(readFileSync(join(installed, 'dist', 'infra', 'licenses.txt'), 'utf8')).toMatch(/^zod \d/m);
  });

  it('is smaller than 10 MB: 1.6 MB for routectl, and source maps are half of the rest', () => {
    const bytes = (folder: string): number =>
      files()
        .filter((name) => name.startsWith(folder))
        .reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
    expect(bytes('dist/cli/')).toBeLessThan(1_600_000);
    expect(bytes('')).toBeLessThan(10_000_000);
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

  describe('in a CDK app', () => {
    // The example, and a line that must not compile: the types are there, and are not `any`.
    const app = `${readFileSync(join(root, 'examples', 'cdk-app', 'app.ts'), 'utf8')}
// @ts-expect-error: a route has a target
new DesiredRouteTable(stack, 'Wrong', { reconciler, routeTableId: 'rtb-aaaaaaaa', routes: [{ destination: '0.0.0.0/0' }] });
`;
    beforeAll(() => {
      addCdk(folder);
      writeFileSync(join(folder, 'app.cts'), app);
      writeFileSync(join(folder, 'app.mts'), app);
      cpSync(join(root, 'examples', 'cdk-app', 'app.ts'), join(folder, 'example.mts'));
    });

    it('has types, for CommonJS and for ES modules', async () => {
      const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', 'node'];
      const check = run(join(root, 'node_modules', '.bin', 'tsc'), [...options, 'app.cts', 'app.mts'], { cwd: folder });
      await expect(check).resolves.toBeDefined();
    });

    it('has no types that name what the package does not contain', () => {
      const types = files().filter((name) => name.endsWith('.d.cts'));
      const imported = types.flatMap((name) =>
        [...readFileSync(join(installed, name), 'utf8').matchAll(/(?:from |import\()'([^']+)'/g)].map(
          ([, from = '']) => from,
        ),
      );
      const elsewhere = imported.filter(
        (from) => !types.includes(from.replace(/^\.\/(.+)\.cjs$/, 'dist/infra/$1.d.cts')),
      );
      expect(new Set(elsewhere.map((from) => from.replace(/\/.*/, '')))).toEqual(
        new Set(['aws-cdk-lib', 'constructs']),
      );
    });

    it('is required and imported, and synthesized with its functions', async () => {
      const same = `import './example.mts';
import { createRequire } from 'node:module';
import { RouteReconciler } from 'route-reconciler';
process.exitCode = createRequire(import.meta.url)('route-reconciler').RouteReconciler === RouteReconciler ? 0 : 1;
`;
      writeFileSync(join(folder, 'run.mts'), same);
      const context = { routeTableId: 'rtb-aaaaaaaa', internetGatewayId: 'igw-aaaaaaaa' };
      const env = { ...process.env, CDK_OUTDIR: join(folder, 'cdk.out'), CDK_CONTEXT_JSON: JSON.stringify(context) };
      await run(process.execPath, ['run.mts'], { cwd: folder, env });
      const assets = readdirSync(join(folder, 'cdk.out'), { withFileTypes: true }).filter((one) => one.isDirectory());
      expect(assets).toHaveLength(6);
      for (const { name } of assets) expect(existsSync(join(folder, 'cdk.out', name, 'index.mjs'))).toBe(true);
    });
  });
});
