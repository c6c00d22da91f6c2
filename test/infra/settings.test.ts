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
