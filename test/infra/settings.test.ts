import { RootConstruct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../infra/settings.ts';

function read(context: Record<string, unknown>, environment = {}) {
  const { node } = new RootConstruct();
  for (const [key, value] of Object.entries(context)) node.setContext(key, value);
  return readSettings(node, environment);
}

describe('settings from the CDK context', () => {
  it('need none', () => {
    expect(read({})).toEqual({ local: false });
  });

  it('are the same after -c and in cdk.json', () => {
    const settings = {
      local: true,
      ec2Endpoint: 'http://127.0.0.1:5000',
      sweepEveryMinutes: 1,
      historyDays: 30,
      managedTag: { key: 'team', value: 'net=core' },
    };
    const text = { ec2Endpoint: 'http://127.0.0.1:5000/', managedTag: 'team=net=core' };
    expect(read({ ...text, local: 'true', sweepEveryMinutes: '1', historyDays: '30' })).toEqual(settings);
    expect(read({ ...text, local: true, sweepEveryMinutes: 1, historyDays: 30 })).toEqual(settings);
  });

  it('are rejected with all problems together: the key, what was expected, what was found', () => {
    const all = { local: 'perhaps', ec2Endpoint: 'ftp://x', sweepEveryMinutes: '1.5', managedTag: 'managed' };
    expect(() => read(all)).toThrow(
      [
        'CDK context:',
        '  local: expected true or false, got "perhaps"',
        '  ec2Endpoint: expected an http or https URL, got "ftp://x"',
        '  sweepEveryMinutes: expected a whole number of minutes, got "1.5"',
        '  managedTag: expected key=value, got "managed"',
      ].join('\n'),
    );
  });

  it.each([
    [0, 'expected at least 1 minute'],
    [1441, 'expected at most 1440 minutes (a day)'],
    ['', 'expected a whole number of minutes'],
    ['often', 'expected a whole number of minutes'],
    [null, 'expected a whole number of minutes'],
    [true, 'expected a whole number of minutes'],
  ])('reject a sweep every %j minutes', (sweepEveryMinutes, message) => {
    expect(() => read({ sweepEveryMinutes })).toThrow(
      `sweepEveryMinutes: ${message}, got ${JSON.stringify(sweepEveryMinutes)}`,
    );
  });

  it.each([
    [0, 'expected at least 1 day'],
    [3651, 'expected at most 3650 days'],
    ['1y', 'expected a whole number of days'],
  ])('reject a history of %j days', (historyDays, message) => {
    expect(() => read({ historyDays })).toThrow(`historyDays: ${message}, got ${JSON.stringify(historyDays)}`);
  });

  it('name tables, roles, keys and topics, and what may be written', () => {
    const text = {
      observeOnly: 'true',
      createTrail: 'true',
      managedVpcIds: 'vpc-0123456789abcdef0, vpc-0fedcba9876543210',
      logRetentionDays: '365',
      reservedConcurrency: '5',
      stateTableName: 'NetworkStates',
      alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:alarms',
      encryptionKeyArn: 'arn:aws:kms:eu-west-1:111122223333:key/1',
      permissionsBoundaryArn: 'arn:aws:iam::111122223333:policy/boundary',
      rolePath: '/network/routes/',
      roleNamePrefix: 'routes-eu-west-1-',
      removalPolicy: 'retain-on-update-or-delete',
    };
    expect(read(text)).toEqual({
      ...text,
      local: false,
      observeOnly: true,
      createTrail: true,
      managedVpcIds: ['vpc-0123456789abcdef0', 'vpc-0fedcba9876543210'],
      logRetentionDays: 365,
      reservedConcurrency: 5,
    });
  });

  it.each([
    ['managedVpcIds', 'vpc-1', 'expected VPC ids, separated by commas'],
    ['managedVpcIds', [], 'expected VPC ids, separated by commas'],
    ['logRetentionDays', 100, 'expected one of 1, 3, 5, 7, 14, 30, 60, 90,'],
    ['alarmTopicArn', 'alarms', 'expected an ARN such as arn:aws:sns:eu-west-1:111122223333:alarms'],
    ['rolePath', 'network', 'expected a path that begins and ends with /'],
    ['removalPolicy', 'keep', 'expected one of retain, retain-on-update-or-delete, destroy'],
    ['desiredTableName', 'a b', 'expected the name of a DynamoDB table'],
  ])('reject %s=%j', (key, value, message) => {
    expect(() => read({ [key]: value })).toThrow(`${key}: ${message}`);
  });

  it('reject another EC2 endpoint in a real account', () => {
    expect(() => read({ ec2Endpoint: 'http://127.0.0.1:5000' })).toThrow(
      'ec2Endpoint: allowed only for the local stack',
    );
  });

  it('reject a local deployment with the credentials of a real account', () => {
    expect(() => read({ local: 'true' }, { account: '111122223333' })).toThrow(
      'local: the local stack uses account 000000000000',
    );
    expect(read({ local: 'true' }, { account: '000000000000' })).toEqual({ local: true });
  });
});
