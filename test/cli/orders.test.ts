import { describe, expect, it } from 'vitest';
import { fileWith, routectl } from '../support/routectl.ts';

const table = 'rtb-0a1b2c3d4e5f60718';
const file = fileWith(`routeTableId: ${table}\nroutes: []\n`);

describe('an order that makes no sense is rejected before any call:', () => {
  it.each([
    ['no table', ['pause', '--reason', 'x'], 'give the ids of route tables, or --all'],
    ['tables and all of them', ['pause', table, '--all', '--reason', 'x'], 'not both'],
    ['no id of a table', ['resume', 'vpc-0a1b2c3d'], '"vpc-0a1b2c3d" is not a route table id'],
    ['no reason', ['pause', table], "'--reason <text>' not specified"],
    ['an empty reason', ['pause', table, '--reason', ' '], 'give a --reason'],
    ['an end without a time zone', ['pause', table, '--reason', 'x', '--until', '2027-01-31'], 'with its time zone'],
    ['an end that is over', ['pause', table, '--reason', 'x', '--until', '2020-01-31T00:00:00Z'], 'is in the past'],
    ['two ends', ['pause', table, '--reason', 'x', '--for', '1h', '--until', '2099-01-31T00:00:00Z'], 'not both'],
    ['a time nobody knows', ['pause', table, '--reason', 'x', '--for', 'a while'], 'such as 30m, 2h or 1d'],
    ['a hold of no table', ['hold', 'vpc-0a1b2c3d', '10.20.0.0/16', '--for', '2h'], 'is not a route table id'],
    ['a hold of no destination', ['hold', table, '10.20.0.0', '--for', '2h'], '"10.20.0.0" is not a destination'],
    ['a hold without an end', ['hold', table, '10.20.0.0/16'], 'give an end: --for 2h'],
    ['an end of a hold with a time', ['hold', table, '10.20.0.0/16', '--end', '--for', '2h'], 'not both'],
    [
      'a watch that never rests',
      ['watch', '--every', '0s'],
      '--every 0s: expected a time such as 5s or 1m, at least 1s',
    ],
    [
      'an apply of some and of all',
      ['apply', '-f', file, '--only', table, '--prune'],
      'give --only or --prune, not both',
    ],
    [
      'an apply of a table in no file',
      ['apply', '-f', file, '--only', 'rtb-0b1b2c3d4e5f60719'],
      'no file has such a table',
    ],
    ['an apply that waits for a while', ['apply', '-f', file, '--timeout', 'a while'], 'expected a time such as 90s'],
    [
      'an approval for no id',
      ['approve', 'everything'],
      'is not a route table id (rtb- and 17 or 8 hex digits) and not a plan',
    ],
    ['an accept of no destination', ['accept', table, 'everything'], '"everything" is not a destination'],
  ])('%s', async (_, args, sentence) => {
    const { code, stdout, stderr } = await routectl(args, { offline: true });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(sentence);
  });
});

it('an unreachable deployment is reported in one sentence that says what was tried', async () => {
  const env = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_MAX_ATTEMPTS: '1' };
  const { code, stderr } = await routectl(['status', '--state-table', 'Elsewhere'], {
    env: { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /\nroutectl: could not read the fleet \(tables DesiredRouteTables, RouteTableOrders, Elsewhere; .*\n$/,
  );
});
