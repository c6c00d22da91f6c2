import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildRelease } from '../../infra/release.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'route-reconciler-release-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const folder = path.join(scratch, 'release');
const content = (name: string): Buffer => readFileSync(path.join(folder, name));
const json = (name: string): unknown => JSON.parse(content(name).toString());
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const template = z.object({
  Parameters: z.record(z.string(), z.object({ Default: z.unknown().optional() })),
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z.record(z.string(), z.unknown()),
      Condition: z.string().optional(),
    }),
  ),
});
const functions = () =>
  Object.values(template.parse(json('template.json')).Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');

describe('a release', { timeout: 120_000 }, () => {
  beforeAll(() => buildRelease(folder), 120_000);

  it('has the sum of each of its files', () => {
    const sums = content('SHA256SUMS').toString().trimEnd().split('\n');
    const others = readdirSync(folder).filter((name) => name !== 'SHA256SUMS');
    expect(sums).toEqual(others.sort().map((name) => `${sha256(content(name))}  ${name}`));
  });

  it('is the same, byte for byte, when it is built again at another time and place', async () => {
    const before = content('SHA256SUMS').toString();
    const again = path.join(scratch, 'again');
    const zone = process.env['TZ'];
    process.env['TZ'] = 'Pacific/Auckland';
    try {
      await buildRelease(again);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
    expect(readFileSync(path.join(again, 'SHA256SUMS'), 'utf8')).toBe(before);
  });

  it('has a template that needs no bootstrap, and takes every function from the zip file', () => {
    const { Parameters } = template.parse(json('template.json'));
    expect(Object.keys(Parameters)).toEqual([
      'CodeBucket',
      'CodeKey',
      'HistoryDays',
      'LogRetentionDays',
      'AlarmEmail',
      'ObserveOnly',
      'CreateTrail',
      'PermissionsBoundaryArn',
      'RolePath',
    ]);
    const inZip = Object.keys(unzipSync(content('functions.zip')));
    expect(functions()).toHaveLength(5);
    for (const { Properties } of functions()) {
      expect(Properties['Code']).toEqual({ S3Bucket: { Ref: 'CodeBucket' }, S3Key: { Ref: 'CodeKey' } });
      expect(inZip).toContain(`${String(Properties['Handler']).replace(/\.handler$/, '')}.mjs`);
      expect(Properties['Environment']).toMatchObject({ Variables: { HISTORY_DAYS: { Ref: 'HistoryDays' } } });
    }
  });

  it('creates what is optional under a condition', () => {
    const { Resources } = template.parse(json('template.json'));
    const conditions = Object.values(Resources).flatMap(({ Type, Condition }): string[] =>
      Condition ? [`${Type} ${Condition}`] : [],
    );
    expect(conditions.toSorted()).toEqual([
      'AWS::CloudTrail::Trail CreatesTrail',
      'AWS::IAM::Policy MayChangeRoutes',
      'AWS::S3::Bucket CreatesTrail',
      'AWS::S3::BucketPolicy CreatesTrail',
      'AWS::SNS::Subscription HasAlarmEmail',
    ]);
    const writes = Object.values(Resources).filter((one) => JSON.stringify(one).includes('ec2:ReplaceRoute'));
    expect(writes.map(({ Condition }) => Condition)).toEqual(['MayChangeRoutes']);
  });

  it('names its tables literally, so that a later deployment finds them', () => {
    const { Resources } = template.parse(json('template.json'));
    const tables = Object.values(Resources).filter(({ Type }) => Type === 'AWS::DynamoDB::Table');
    const names = new Set(tables.map(({ Properties }) => Properties['TableName']));
    expect(names).toEqual(new Set(['DesiredRouteTables', 'RouteTableOrders', 'RouteTableStates']));
  });

  it('names new code by another key, so that an update replaces it', () => {
    const { Parameters } = template.parse(json('template.json'));
    const key = `route-reconciler/functions-${sha256(content('functions.zip')).slice(0, 16)}.zip`;
    expect(Parameters['CodeKey']?.Default).toBe(key);
    expect(content('INSTALL.md').toString()).toContain(key);
  });

  it('lists each package in the functions, with its licence', () => {
    const { components } = z
      .object({ components: z.array(z.object({ name: z.string(), version: z.string() })) })
      .parse(json('sbom.json'));
    const names = components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['@aws-sdk/client-ec2', '@aws-lambda-powertools/logger', 'zod']));
    expect(names).not.toContain('aws-cdk-lib');
    // Code that could sign in as somebody else than the function's role.
    expect(names.filter((name) => /credential-provider-(?!env)|token-providers|nested-clients/.test(name))).toEqual([]);
    const licences = content('LICENSES.txt').toString();
    for (const { name, version } of components)
      expect(licences).toMatch(new RegExp(`^${RegExp.escape(`${name} ${version}`)}$`, 'm'));
  });
});
