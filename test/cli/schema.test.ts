import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDesired } from '../../reconciler/core/desired/desired.ts';
import { parseTarget } from '../../reconciler/core/route/route.ts';
import { jsonSchema, schemaFile } from '../../schema/generate.ts';
import { cidrText } from '../support/arbitraries.ts';
import { item, now } from '../support/builders.ts';

const committed: unknown = JSON.parse(readFileSync(schemaFile, 'utf8'));
// Formats are not checked: each has a pattern beside it.
const accepts = new Ajv({ validateFormats: false }).compile(jsonSchema());

describe('the JSON Schema of a desired item', () => {
  it('equals the committed file (otherwise run: npm run schema)', () => {
    expect(committed).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
  });

  const until = '2027-01-31T00:00:00Z';
  it.each([
    ['no routes', item()],
    [
      'routes of every family',
      item({ '10.0.0.0/16': 'pcx-aaaaaaaa', '::/0': 'eigw-aaaaaaaa', 'pl-aaaaaaaa': 'tgw-aaaaaaaa' }),
    ],
    [
      'a route with a description',
      { ...item(), routes: [{ destination: '0.0.0.0/0', target: 'nat-aaaaaaaa', description: 'egress' }] },
    ],
    ['a route with alternates', item({ '10.0.0.0/16': ['nat-aaaaaaaa', 'nat-bbbbbbbb', 'eni-aaaaaaaa'] })],
    [
      'an overridden local route',
      { ...item(), routes: [{ destination: '10.0.0.0/16', target: 'eni-aaaaaaaa', overrideLocal: true }] },
    ],
    ['every other field', item({}, { mode: 'observe', unlisted: 'keep', maxDeletes: 3, scope: ['10.0.0.0/8'] })],
    [
      'ignore entries',
      item(
        {},
        {
          ignore: [
            { destination: '10.200.0.0/16', reason: 'pods' },
            { target: 'eni-*', reason: 'failover', until },
          ],
        },
      ),
    ],
    ['a pause', item({}, { paused: { reason: 'maintenance', until } })],
  ])('accepts %s, as the reconciler does', (_, given) => {
    expect(parseDesired(given, now).ok).toBe(true);
    expect(accepts(given), JSON.stringify(accepts.errors)).toBe(true);
  });

  it.each([
    ['a text', 'hello'],
    ['a list', []],
    ['no table', { routes: [] }],
    ['no routes', { routeTableId: 'rtb-aaaaaaaa' }],
    ['the id of something else', item({}, { routeTableId: 'vpc-aaaaaaaa' })],
    ['an unknown field', item({}, { modes: 'observe' })],
    [
      'an unknown field of a route',
      { ...item(), routes: [{ destination: '0.0.0.0/0', target: 'nat-aaaaaaaa', metric: 5 }] },
    ],
    ['an unknown mode', item({}, { mode: 'enforced' })],
    ['a route without a target', { ...item(), routes: [{ destination: '0.0.0.0/0' }] }],
    ['an address without a length', item({ '10.0.0.0': 'pcx-aaaaaaaa' })],
    ['a length out of range', item({ '10.0.0.0/33': 'pcx-aaaaaaaa' })],
    ['an attachment for a target', item({ '10.0.0.0/8': 'tgw-attach-0123456789abcdef0' })],
    ['the local route for an alternate', item({ '10.0.0.0/8': ['nat-aaaaaaaa', 'local'] })],
    ['six alternates', item({ '10.0.0.0/8': ['nat-aaaaaaaa', ...[1, 2, 3, 4, 5, 6].map((n) => `tgw-0000000${n}`)] })],
    ['upper case in an id', item({ '10.0.0.0/8': 'pcx-AAAAAAAA' })],
    ['an empty scope', item({}, { scope: [] })],
    ['an ignore entry without a reason', item({}, { ignore: [{ target: 'eni-*' }] })],
    ['an ignore entry that matches everything', item({}, { ignore: [{ reason: 'why' }] })],
    ['a date without a time', item({}, { paused: { reason: 'why', until: '2027-01-31' } })],
    ['half a delete', item({}, { maxDeletes: 0.5 })],
  ])('rejects %s, as the reconciler does', (_, given) => {
    expect(parseDesired(given, now).ok).toBe(false);
    expect(accepts(given)).toBe(false);
  });

  it('accepts every valid CIDR block', () => {
    fc.assert(fc.property(cidrText, (text) => accepts(item({ [text]: 'pcx-aaaaaaaa' }))));
  });

  it.each([
    ...['igw', 'vgw', 'nat', 'eni', 'i', 'pcx', 'tgw', 'eigw', 'cagw', 'lgw', 'vpce'].map((kind) => `${kind}-aaaaaaaa`),
    'local',
    'arn:aws:networkmanager::111122223333:core-network/core-network-0a1b2c3d4e5f60718',
    'arn:aws-us-gov:odb:us-gov-west-1:111122223333:odb-network/odbnet_abc',
  ])('accepts the target %s', (target) => {
    expect(parseTarget(target).ok).toBe(true);
    expect(accepts(item({ '10.0.0.0/8': target })), JSON.stringify(accepts.errors)).toBe(true);
  });
});
