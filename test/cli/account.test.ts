import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identity, page, serveEc2 } from '../support/ec2-server.ts';
import { fileWith, routectl } from '../support/routectl.ts';

const table = 'rtb-0a1b2c3d4e5f60718';
const item = fileWith(`routeTableId: ${table}\nroutes: []\n`);

/** The environment of a user for whom one server plays all of AWS. */
const environment = (endpoint: string) => ({
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'a',
  AWS_SECRET_ACCESS_KEY: 'b',
  AWS_MAX_ATTEMPTS: '1',
  AWS_ENDPOINT_URL: endpoint,
});

const line = 'AWS account 123456789012, Region eu-west-1, as arn:aws:iam::123456789012:user/alice\n';

describe('a command that touches AWS', () => {
  it('prints account and Region first, on standard error', async () => {
    await using aws = await serveEc2(identity, page([table]));
    const { code, stdout, stderr } = await routectl(['plan', '--json', '-f', item], { env: environment(aws.endpoint) });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\{[^\n]*\}\n$/) });
    expect(stderr.startsWith(line)).toBe(true);
  });

  it.each([
    ['import', table],
    ['plan', '-f', item],
    ['reconcile', '-f', item],
    ['apply', '-f', item, '--yes'],
    ['pause', table, '--reason', 'x'],
    ['resume', table],
    ['hold', table, '10.0.0.0/8', '--for', '2h'],
    ['accept', table, '10.0.0.0/8', '--yes'],
    ['approve', table, '--yes'],
    ['status'],
    ['history', table],
    ['watch'],
    ['trace', table, '10.0.0.1'],
    ['trace', table, '10.0.0.1', '-f', item],
    ['doctor'],
    ['report', '--json'],
  ])('refuses to work in another account, and calls nothing there: %s', async (...args) => {
    await using aws = await serveEc2(identity);
    const ended = await routectl([...args, '--account', '210987654321'], { env: environment(aws.endpoint) });
    expect(ended).toEqual({
      code: 1,
      stdout: '',
      stderr: `${line}routectl: --account 210987654321: these credentials are of account 123456789012; nothing was done\n`,
    });
    expect(aws.requests.map((parameters) => parameters.get('Action'))).toEqual(['GetCallerIdentity']);
  });

  it('refuses to work if an account is asked for and STS does not answer', async () => {
    await using aws = await serveEc2('broken');
    const ended = await routectl(['status', '--account', '123456789012'], { env: environment(aws.endpoint) });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^routectl: could not find out which account this is: [^\n]*\n$/);
  });

  it('goes on without a name if STS does not answer', async () => {
    await using aws = await serveEc2('broken', 'broken', page([table]));
    const { code, stderr } = await routectl(['plan', '-f', item], { env: environment(aws.endpoint) });
    expect(code).toBe(0);
    expect(stderr).toContain('AWS account unknown, Region eu-west-1, as unknown caller\n');
  });

  it('refuses what is no account id', async () => {
    const ended = await routectl(['status', '--account', '12345'], { offline: true });
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected the 12 digits of an account id'),
    });
  });
});

describe('.routectl.yaml', () => {
  /** A folder with these settings, and a folder in it. */
  function folderWith(settings: string): { readonly outer: string; readonly inner: string } {
    const outer = mkdtempSync(join(tmpdir(), 'routectl-'));
    const inner = join(outer, 'network');
    mkdirSync(inner);
    writeFileSync(join(outer, '.routectl.yaml'), settings);
    return { outer, inner };
  }
  const settings = 'account: "210987654321"\nregion: eu-central-1\ndesiredTable: Wanted\n';

  it('holds for its folder and the folders in it: account, Region and table names', async () => {
    await using aws = await serveEc2(identity);
    const { AWS_REGION: _, ...env } = environment(aws.endpoint);
    for (const cwd of Object.values(folderWith(settings)))
      expect(await routectl(['status'], { env, cwd })).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/Region eu-central-1.*--account 210987654321: these credentials/s),
      });
    const { stderr } = await routectl(['status', '--account', '123456789012'], {
      env,
      cwd: folderWith(settings).outer,
    });
    expect(stderr).toContain('(tables Wanted, RouteTableOrders, RouteTableStates');
  });

  it('comes after options and the environment', async () => {
    await using aws = await serveEc2(identity);
    const env = { ...environment(aws.endpoint), DESIRED_TABLE: 'FromEnvironment' };
    const args = ['status', '--account', '123456789012', '--state-table', 'FromOption'];
    const { stderr } = await routectl(args, {
      env,
      cwd: folderWith(`${settings}stateTable: Stored\nordersTable: Ordered\n`).outer,
    });
    expect(stderr).toContain('Region eu-west-1');
    expect(stderr).toContain('(tables FromEnvironment, Ordered, FromOption');
  });

  it('is not read by commands that need no AWS', async () => {
    const { code } = await routectl(['validate', '-f', item], { cwd: folderWith('nonsense').outer, offline: true });
    expect(code).toBe(0);
  });

  it.each([
    ['desirdTable: Wanted', ':1:14: unknown setting "desirdTable": did you mean desiredTable?'],
    ['account: 210987654321', ':1:10: account: expected the 12 digits of an account id, in quotes'],
    ['- a list', ':1:3: expected a map of settings'],
    ['# nothing', 'the file contains no setting'],
  ])('is refused with its place: %s', async (text, sentence) => {
    const ended = await routectl(['status'], { cwd: folderWith(`${text}\n`).outer, offline: true });
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(sentence) });
  });
});
