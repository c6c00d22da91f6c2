import { describe, expect, it } from 'vitest';
import { parseCidr } from '../../../../reconciler/core/route/cidr.ts';
import { type Impact, impactOf } from '../../../../reconciler/core/route/impact.ts';
import { claimsOf } from '../../../../reconciler/core/route/path.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { actual, local, route } from '../../../support/builders.ts';

const to = (destination: string, target: string, more: Partial<ActualRoute> = {}): ActualRoute =>
  actual(route(destination, target), more);

const blockOf = (text: string) => {
  const parsed = parseCidr(text);
  if (!parsed.ok) throw new TypeError(parsed.expected);
  return parsed.block;
};

function impact(
  before: readonly ActualRoute[],
  after: readonly ActualRoute[],
  lists: Readonly<Record<string, readonly string[]>> = {},
): Impact {
  const entries = new Map(Object.entries(lists).map(([id, blocks]) => [id, blocks.map(blockOf)]));
  const [from, until] = [claimsOf(before, entries), claimsOf(after, entries)];
  return impactOf(from, until, until);
}

const lines = ({ changes }: Impact): string[] =>
  changes.map(({ block, except, before, after }) => {
    const [was, will] = [before, after].map((hops) => hops.map(({ target }) => target).join(' or ') || 'no route');
    const without = except.length > 0 ? ` except ${except.map(({ cidr }) => cidr).join(', ')}` : '';
    return `${block.cidr}${without}: ${was} → ${will}`;
  });

const vpc = local('10.0.0.0/16');
const egress = to('0.0.0.0/0', 'igw-aaaaaaaa');

describe('the impact of a plan', () => {
  it('of a new default route leaves out what longer prefixes carry', () => {
    const after = to('0.0.0.0/0', 'nat-aaaaaaaa');
    expect(lines(impact([vpc, egress], [vpc, after]))).toEqual([
      '0.0.0.0/0 except 10.0.0.0/16: igw-aaaaaaaa → nat-aaaaaaaa',
    ]);
  });

  it('names an area inside an exception where that is shorter', () => {
    const inside = (target: string) => to('10.1.0.0/16', target);
    const before = [to('10.0.0.0/8', 'tgw-aaaaaaaa'), egress, inside('igw-aaaaaaaa')];
    const after = [to('10.0.0.0/8', 'tgw-aaaaaaaa'), to('0.0.0.0/0', 'nat-aaaaaaaa'), inside('nat-aaaaaaaa')];
    expect(lines(impact(before, after))).toEqual([
      '0.0.0.0/0 except 10.0.0.0/8: igw-aaaaaaaa → nat-aaaaaaaa',
      '10.1.0.0/16: igw-aaaaaaaa → nat-aaaaaaaa',
    ]);
  });

  it('names what ends up without a path, and what falls back to a shorter prefix', () => {
    const peer = to('10.20.0.0/16', 'pcx-aaaaaaaa');
    expect(lines(impact([vpc, peer], [vpc]))).toEqual(['10.20.0.0/16: pcx-aaaaaaaa → no route']);
    expect(lines(impact([vpc, egress, peer], [vpc, egress]))).toEqual(['10.20.0.0/16: pcx-aaaaaaaa → igw-aaaaaaaa']);
  });

  it('is nothing if a block is split into routes with the same target', () => {
    const split = [to('10.20.0.0/17', 'pcx-aaaaaaaa'), to('10.20.128.0/17', 'pcx-aaaaaaaa')];
    expect(lines(impact([to('10.20.0.0/16', 'pcx-aaaaaaaa')], split))).toEqual([]);
  });

  it('merges neighbours whose paths change alike', () => {
    const halves = (target: string) => [to('10.20.0.0/17', target), to('10.20.128.0/17', target)];
    expect(lines(impact(halves('pcx-aaaaaaaa'), halves('tgw-aaaaaaaa')))).toEqual([
      '10.20.0.0/16: pcx-aaaaaaaa → tgw-aaaaaaaa',
    ]);
  });

  it('names the blocks of a prefix list', () => {
    const lists = { 'pl-aaaaaaaa': ['10.30.0.0/16', '2001:db8::/32'] };
    expect(lines(impact([egress], [egress, to('pl-aaaaaaaa', 'tgw-aaaaaaaa')], lists))).toEqual([
      '10.30.0.0/16: igw-aaaaaaaa → tgw-aaaaaaaa',
      '2001:db8::/32: no route → tgw-aaaaaaaa',
    ]);
  });

  it('names a prefix list that could not be read, and guesses none of its blocks', () => {
    const before = [egress, to('pl-aaaaaaaa', 'tgw-aaaaaaaa')];
    const after = [egress, to('pl-aaaaaaaa', 'tgw-bbbbbbbb')];
    expect(impact(before, after)).toEqual({
      changes: [],
      unread: [
        {
          destination: 'pl-aaaaaaaa',
          before: { target: 'tgw-aaaaaaaa', state: 'active' },
          after: { target: 'tgw-bbbbbbbb', state: 'active' },
        },
      ],
    });
  });

  it('is known for 2,000 routes and prefix lists of 10,000 entries', () => {
    const nth = (index: number) => `10.${index >> 8}.${index & 255}.0/24`;
    const routes = (target: (index: number) => string) =>
      Array.from({ length: 2_000 }, (_, index) => to(nth(index), target(index)));
    const lists = {
      'pl-aaaaaaaa': Array.from({ length: 10_000 }, (_, index) => `100.64.${index >> 6}.${(index & 63) * 4}/31`),
    };
    const before = [egress, to('pl-aaaaaaaa', 'tgw-aaaaaaaa'), ...routes(() => 'pcx-aaaaaaaa')];
    const after = [egress, ...routes((index) => (index % 2 ? 'pcx-aaaaaaaa' : 'pcx-bbbbbbbb'))];
    expect(impact(before, after, lists).changes).toHaveLength(11_000);
  });
});
