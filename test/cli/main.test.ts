import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ended, binary, fileWith, routectl } from '../support/routectl.ts';

describe('routectl', () => {
  it('can be started as a program', () => {
    expect(statSync(binary).mode & 0o111).toBe(0o111);
  });

  it('lists its commands in groups, each in one line of a narrow terminal', async () => {
    const { code, stdout, stderr } = await routectl(['--help'], { offline: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const listed = stdout.slice(stdout.indexOf('Without a'), stdout.indexOf('Exit codes:')).trim();
    expect(listed.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const groups = listed.split('\n\n').map((group) =>
      group
        .replace(/^ +([a-z]+) .*/gm, '$1')
        .split('\n')
        .join(' '),
    );
    expect(groups).toEqual([
      'Without a deployed reconciler: import validate plan reconcile',
      'Give orders to a deployed reconciler: apply pause resume hold accept approve',
      'See what it does: status history watch trace doctor report',
      'For your shell: completion',
    ]);
  });

  it.each([
    [['stauts'], 'Did you mean status?'],
    [['plan', '-f', 'routes.yaml', '--imapct'], 'Did you mean --impact?'],
  ])('names the word that was meant: %s', async (args, question) => {
    expect(await routectl(args, { offline: true })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(question),
    });
  });

  it.each([
    ['an unknown command', ['plna', '-f', 'routes.yaml'], "'plna'", 'Usage: routectl [options] [command]'],
    ['an unknown option', ['plan', '--josn', '-f', 'routes.yaml'], "'--josn'", 'Usage: routectl plan'],
    ['a missing option', ['validate'], "'-f, --file", 'Usage: routectl validate'],
    ['a stray argument', ['validate', 'routes.yaml', '-f', 'a.yaml'], 'routes.yaml', 'Usage: routectl validate'],
    ['no command at all', [], '', 'Usage: routectl [options] [command]'],
  ])('answers %s with the word that was wrong and the usage', async (_, args, word, usage) => {
    const { code, stdout, stderr } = await routectl(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(word);
    expect(stderr).toContain(usage);
  });

  it('says in one sentence that Node is too old', async () => {
    const folder = copyWithout('cli');
    expect(await run(['--no-experimental-strip-types', join(folder, 'bin', 'routectl.js')])).toEqual({
      code: 1,
      stdout: '',
      stderr: `routectl: needs Node 22.18 or newer, but this is Node ${process.versions.node} (https://nodejs.org).\n`,
    });
  });

  it('says in one sentence that it was packed without its built files', async () => {
    const folder = copyWithout('cli');
    expect(await run([join(folder, 'bin', 'routectl.js'), '--help'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'routectl: this package lacks its built files: pack it again, with "npm pack --ignore-scripts=false".\n',
    });
  });

  it('says in one sentence that its packages are not installed', async () => {
    const folder = copyWithout('node_modules');
    const { code, stdout, stderr } = await run([join(folder, 'bin', 'routectl.js'), '--help']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^routectl: its packages are not installed: run "npm ci" in .*\n$/);
  });
});

const table = 'routeTableId: rtb-0a1b2c3d4e5f60718\nroutes: []\n';
const region = { AWS_REGION: 'eu-west-1' };
const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

describe('one sentence reports', () => {
  it.each([
    ['no Region', {}, 'no Region is set'],
    ['no credentials', region, 'no AWS credentials were found'],
    ['an unknown profile', { ...region, AWS_PROFILE: 'nobody' }, 'no AWS credentials were found'],
    [
      'an endpoint where nothing listens',
      { ...region, ...credentials, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_MAX_ATTEMPTS: '1' },
      'could not read route tables from EC2: AWS cannot be reached',
    ],
  ])('%s', async (_, env, sentence) => {
    for (const command of ['plan', 'reconcile'])
      expectSentence(await routectl([command, '--json', '-f', fileWith(table)], { env }), sentence);
  });
});

function expectSentence({ code, stdout, stderr }: Ended, sentence: string): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(sentence);
  expect(stderr).toMatch(/(^|\n)routectl: [^\n]{1,400}\n$/);
}

/** A copy of the command line without one of its folders. */
function copyWithout(lacking: 'cli' | 'node_modules'): string {
  const folder = mkdtempSync(join(tmpdir(), 'routectl-'));
  mkdirSync(join(folder, 'bin'));
  copyFileSync(binary, join(folder, 'bin', 'routectl.js'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  if (lacking !== 'cli') cpSync(join(dirname(binary), '..', 'cli'), join(folder, 'cli'), { recursive: true });
  return folder;
}

function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env: {} }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}
