import { describe, expect, it } from 'vitest';
import type { Cidr } from '../../../../reconciler/core/route/cidr.ts';
import { parseAddress, parseCidr } from '../../../../reconciler/core/route/cidr.ts';
import { type Path, claimsOf, isKnown, pathOf } from '../../../../reconciler/core/route/path.ts';
import { type ActualRoute, destinationText, targetText } from '../../../../reconciler/core/route/route.ts';
import { actual, local, propagated, route } from '../../../support/builders.ts';

const to = (destination: string, target: string, more: Partial<ActualRoute> = {}): ActualRoute =>
  actual(route(destination, target), more);

const blockOf = (text: string): Cidr => {
  const parsed = text.includes('/') ? parseCidr(text) : parseAddress(text);
  if (!parsed.ok) throw new TypeError(parsed.expected);
  return parsed.block;
};

const [list, other] = ['pl-aaaaaaaa', 'pl-bbbbbbbb'] as const;

function path(
  address: string,
  routes: readonly ActualRoute[],
  lists: Readonly<Record<string, readonly string[]>> = {},
) {
  const entries = new Map(Object.entries(lists).map(([id, blocks]) => [id, blocks.map(blockOf)]));
  return pathOf(blockOf(address), claimsOf(routes, entries));
}

const targets = ({ winners }: Path): string[] => winners.map(({ route }) => targetText(route.target));
const doubts = (found: Path): string[] => found.doubts.map(({ destination }) => destinationText(destination));

describe('the path of an address', () => {
  it('is the route with the longest prefix', () => {
    const routes = [
      to('0.0.0.0/0', 'igw-aaaaaaaa'),
      to('10.0.0.0/8', 'tgw-aaaaaaaa'),
      to('10.1.0.0/16', 'pcx-aaaaaaaa'),
    ];
    expect(targets(path('10.1.2.3', routes))).toEqual(['pcx-aaaaaaaa']);
    expect(targets(path('10.2.2.3', routes.toReversed()))).toEqual(['tgw-aaaaaaaa']);
    expect(targets(path('11.2.2.3', routes))).toEqual(['igw-aaaaaaaa']);
  });

  it('is a prefix list or a propagated route that is longer than a static route', () => {
    const routes = [to('10.0.0.0/8', 'tgw-aaaaaaaa'), to(list, 'pcx-aaaaaaaa'), propagated('10.1.2.0/24')];
    expect(targets(path('10.1.1.1', routes, { [list]: ['10.1.0.0/16'] }))).toEqual(['pcx-aaaaaaaa']);
    expect(targets(path('10.1.2.1', routes, { [list]: ['10.1.0.0/16'] }))).toEqual(['vgw-aaaaaaaa']);
  });

  it('is, of equal blocks, the static route, then the prefix list, then the propagated route', () => {
    const routes = [propagated('10.1.0.0/16'), to(list, 'pcx-aaaaaaaa'), to('10.1.0.0/16', 'tgw-aaaaaaaa')];
    const entries = { [list]: ['10.1.0.0/16'] };
    expect(targets(path('10.1.1.1', routes, entries))).toEqual(['tgw-aaaaaaaa']);
    expect(targets(path('10.1.1.1', routes.slice(0, 2), entries))).toEqual(['pcx-aaaaaaaa']);
    expect(targets(path('10.1.1.1', routes.slice(0, 1), entries))).toEqual(['vgw-aaaaaaaa']);
  });

  it('is the local route even if a gateway propagates a longer one', () => {
    expect(targets(path('10.0.1.1', [local('10.0.0.0/16'), propagated('10.0.1.0/24')]))).toEqual(['local']);
    expect(targets(path('10.0.1.1', [local('10.0.0.0/16'), to('10.0.1.0/24', 'nat-aaaaaaaa')]))).toEqual([
      'nat-aaaaaaaa',
    ]);
  });

  it('is a blackhole, if that is the longest prefix', () => {
    const routes = [to('0.0.0.0/0', 'igw-aaaaaaaa'), to('10.0.0.0/8', 'tgw-aaaaaaaa', { state: 'blackhole' })];
    expect(path('10.1.1.1', routes).winners).toMatchObject([{ route: { state: 'blackhole' } }]);
  });

  it('keeps IPv4 and IPv6 apart', () => {
    const routes = [to('0.0.0.0/0', 'igw-aaaaaaaa'), to('2001:db8::/32', 'eigw-aaaaaaaa')];
    expect(targets(path('2001:db8::7', routes))).toEqual(['eigw-aaaaaaaa']);
    expect(path('2001:db9::7', routes)).toEqual({ winners: [], doubts: [] });
    expect(targets(path('::ffff:10.0.0.1', [...routes, to('::/0', 'igw-bbbbbbbb')]))).toEqual(['igw-bbbbbbbb']);
  });

  it('is unknown if two prefix lists contain the same block and lead to different targets', () => {
    const routes = [to(list, 'pcx-aaaaaaaa'), to(other, 'tgw-aaaaaaaa')];
    const found = path('10.1.1.1', routes, { [list]: ['10.1.0.0/16'], [other]: ['10.1.0.0/16'] });
    expect([targets(found), isKnown(found)]).toEqual([['pcx-aaaaaaaa', 'tgw-aaaaaaaa'], false]);
    const same = [to(list, 'pcx-aaaaaaaa'), to(other, 'pcx-aaaaaaaa')];
    expect(isKnown(path('10.1.1.1', same, { [list]: ['10.1.0.0/16'], [other]: ['10.1.0.0/16'] }))).toBe(true);
  });
});

describe('a prefix list that could not be read', () => {
  it('makes the path unknown, and what stands otherwise is still named', () => {
    const found = path('10.1.1.1', [to('10.0.0.0/8', 'tgw-aaaaaaaa'), to(list, 'pcx-aaaaaaaa')]);
    expect([targets(found), doubts(found), isKnown(found)]).toEqual([['tgw-aaaaaaaa'], [list], false]);
  });

  it('makes it unknown whether there is a path at all', () => {
    expect(isKnown(path('10.1.1.1', [to(list, 'pcx-aaaaaaaa')]))).toBe(false);
  });

  it('is beyond doubt where a static route names the very address', () => {
    const [static32, unread] = [to('10.1.1.1/32', 'tgw-aaaaaaaa'), to(list, 'pcx-aaaaaaaa')];
    expect(isKnown(path('10.1.1.1', [static32, unread]))).toBe(true);
    expect(isKnown(path('10.1.1.1', [propagated('10.1.1.1/32'), unread]))).toBe(false);
  });

  it('does not matter if it leads to the same target', () => {
    expect(isKnown(path('10.1.1.1', [to('10.0.0.0/8', 'tgw-aaaaaaaa'), to(list, 'tgw-aaaaaaaa')]))).toBe(true);
    const dropping = to(list, 'tgw-aaaaaaaa', { state: 'blackhole' });
    expect(isKnown(path('10.1.1.1', [to('10.0.0.0/8', 'tgw-aaaaaaaa'), dropping]))).toBe(false);
  });

  it('is no empty list: an empty one claims nothing', () => {
    expect(
      isKnown(path('10.1.1.1', [to('10.0.0.0/8', 'tgw-aaaaaaaa'), to(list, 'pcx-aaaaaaaa')], { [list]: [] })),
    ).toBe(true);
  });
});

describe('parseAddress', () => {
  it.each([
    ['10.0.0.7', '10.0.0.7/32'],
    ['2001:DB8:0::7', '2001:db8::7/128'],
  ])('reads %s', (text, cidr) => {
    expect(parseAddress(text)).toMatchObject({ ok: true, block: { cidr } });
  });

  it.each(['10.0.0.0/8', '10.0.0', '010.0.0.1', 'fe80::1%eth0', 'example.com', ''])('refuses "%s"', (text) => {
    expect(parseAddress(text)).toEqual({
      ok: false,
      expected: 'one IPv4 or IPv6 address, such as 10.0.0.7 or 2001:db8::7',
    });
  });
});
