import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatches, isActive, meets } from '../../../../reconciler/core/desired/ignore.ts';
import { minutesAfter, now, route } from '../../../support/builders.ts';

const symbols = (...all: string[]) => fc.array(fc.constantFrom(...all), { maxLength: 8 }).map((s) => s.join(''));

const meetsAt = (entry: { destination?: string; target?: string }, destination: string, ...names: string[]): boolean =>
  meets(
    {
      ...(entry.destination !== undefined && { destination: route(entry.destination, 'local').destination }),
      ...(entry.target !== undefined && { target: entry.target }),
      reason: 'somebody else',
    },
    route(destination, 'local').destination,
    names,
  );

describe('globMatches', () => {
  it.each([
    ['eni-*', 'eni-aaaaaaaa', true],
    ['eni-*', 'eni-', true],
    ['eni-*', 'nat-aaaaaaaa', false],
    ['eni-*', 'xeni-aaaaaaaa', false],
    ['*', 'anything', true],
    ['*', '', true],
    ['', '', true],
    ['', 'x', false],
    ['?', '', false],
    ['pcx-????????', 'pcx-aaaaaaaa', true],
    ['pcx-????????', 'pcx-aaaaaaaaa', false],
    ['*-a*b', 'eni-ab-ab', true],
    ['a*b*c', 'abxbxc', true],
    ['a*b*c', 'abxbx', false],
    ['eni.aaaaaaaa', 'eni-aaaaaaaa', false],
    ['ENI-*', 'eni-aaaaaaaa', false],
    ['arn:aws:odb:*:odb-network/*', 'arn:aws:odb:eu-west-1:111122223333:odb-network/odbnet_a', true],
  ])('says whether %s matches %s: %s', (glob, text, expected) => {
    expect(globMatches(glob, text)).toBe(expected);
  });

  it('agrees with a regular expression', () => {
    fc.assert(
      fc.property(symbols('a', 'b', '-', '.', '*', '*', '?'), symbols('a', 'b', '-', '.', '*'), (glob, text) => {
        const pattern = glob.replaceAll(/[.-]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
        expect(globMatches(glob, text)).toBe(new RegExp(`^${pattern}$`).test(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('stays quick on a hostile glob', () => {
    expect(globMatches('*a'.repeat(128), 'a'.repeat(127) + 'b'.repeat(127))).toBe(false);
  });
});

describe('isActive', () => {
  it.each([
    ['without an end', undefined, true],
    ['before its end', minutesAfter(1), true],
    ['at its end', now, false],
    ['after its end', minutesAfter(-1), false],
  ])('of an entry %s is %3$s', (_, until, expected) => {
    expect(isActive(until ? { until } : {}, now)).toBe(expected);
  });
});

describe('meets', () => {
  it.each([
    ['the same block', '10.0.0.0/16', '10.0.0.0/16', true],
    ['a block inside', '10.0.0.0/16', '10.0.3.0/24', true],
    ['a block around', '10.0.0.0/16', '10.0.0.0/8', false],
    ['a block beside', '10.0.0.0/16', '10.1.0.0/16', false],
    ['the same prefix list', 'pl-aaaaaaaa', 'pl-aaaaaaaa', true],
    ['another prefix list', 'pl-aaaaaaaa', 'pl-bbbbbbbb', false],
    ['the default route, for an entry of the default route', '0.0.0.0/0', '0.0.0.0/0', true],
    ['any other route, for an entry of the default route', '0.0.0.0/0', '10.0.0.0/16', false],
    ['a /1 block, for an entry of the default route', '0.0.0.0/0', '0.0.0.0/1', false],
    ['the IPv6 default route, for an entry of it', '::/0', '::/0', true],
    ['any other IPv6 route, for an entry of the default route', '::/0', '2001:db8::/32', false],
    ['the default route of the other family', '0.0.0.0/0', '::/0', false],
    ['a block inside a /1 block', '0.0.0.0/1', '10.0.0.0/16', true],
  ])('by destination, %s: %s, %s', (_, entry, destination, expected) => {
    expect(meetsAt({ destination: entry }, destination, 'eni-aaaaaaaa')).toBe(expected);
  });

  it('by target, under any of its names', () => {
    expect(meetsAt({ target: 'eni-*' }, '10.0.0.0/16', 'eni-aaaaaaaa', 'i-aaaaaaaa')).toBe(true);
    expect(meetsAt({ target: 'i-aaaaaaaa' }, '10.0.0.0/16', 'eni-aaaaaaaa', 'i-aaaaaaaa')).toBe(true);
    expect(meetsAt({ target: 'i-bbbbbbbb' }, '10.0.0.0/16', 'eni-aaaaaaaa', 'i-aaaaaaaa')).toBe(false);
  });

  it('by destination and target, only if both match', () => {
    const entry = { destination: '10.0.0.0/16', target: 'eni-*' };
    expect(meetsAt(entry, '10.0.1.0/24', 'eni-aaaaaaaa')).toBe(true);
    expect(meetsAt(entry, '10.0.1.0/24', 'nat-aaaaaaaa')).toBe(false);
    expect(meetsAt(entry, '10.1.0.0/24', 'eni-aaaaaaaa')).toBe(false);
  });
});
