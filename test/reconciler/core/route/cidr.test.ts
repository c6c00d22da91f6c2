import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { describe, expect, it } from 'vitest';
import {
  type Cidr,
  contains,
  isIpv4Mapped,
  parseCidr,
  sortKey,
  supernets,
} from '../../../../reconciler/core/route/cidr.ts';
import { cidrText, ipv4Text, ipv6Text } from '../../../support/arbitraries.ts';

const canonical = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed.ok) throw new TypeError(parsed.expected);
  return parsed.block;
};

const inSubnet = (outer: string, inner: string): boolean =>
  outer.includes(':') === inner.includes(':') &&
  (inner.includes(':')
    ? new Address6(inner).isInSubnet(new Address6(outer))
    : new Address4(inner).isInSubnet(new Address4(outer)));

describe('parseCidr', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/32', '255.255.255.255/32'],
    ['::/0', '::/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:0db8:0000:0000:0000:0000:0000:0000/32', '2001:db8::/32'],
    ['2001:db8:0::/32', '2001:db8::/32'],
    ['2001:db8:0:0:1:0:0:0/80', '2001:db8:0:0:1::/80'],
    ['1:0:2:3:4:5:6:7/128', '1:0:2:3:4:5:6:7/128'],
    ['1:0:0:2:3:0:0:7/128', '1::2:3:0:0:7/128'],
    ['64:ff9b::0.0.0.0/96', '64:ff9b::/96'],
    ['::ffff:10.0.0.0/104', '::ffff:10.0.0.0/104'],
    ['::ffff:a00:0/104', '::ffff:10.0.0.0/104'],
  ])('spells %s as %s', (text, cidr) => {
    expect(parseCidr(text)).toMatchObject({ ok: true, block: { cidr }, hostBits: false });
  });

  it.each([
    ['10.0.0.7/8', '10.0.0.0/8'],
    ['100.68.0.18/18', '100.68.0.0/18'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['10.0.0.1/0', '0.0.0.0/0'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['::1/0', '::/0'],
  ])('clears the host bits of %s and reports it', (text, cidr) => {
    expect(parseCidr(text)).toMatchObject({ ok: true, block: { cidr }, hostBits: true });
  });

  it.each([
    ['leading zeros', '010.0.0.0/8', 'without leading zeros'],
    ['a leading zero further right', '10.0.00.0/8', 'without leading zeros'],
    ['a leading zero in the length', '10.0.0.0/08', 'an IPv4 or IPv6 CIDR block'],
    ['no length', '10.0.0.0', 'such as 10.0.0.0/32'],
    ['no length (IPv6)', '2001:db8::', 'such as 2001:db8::/128'],
    ['an empty length', '10.0.0.0/', 'an IPv4 or IPv6 CIDR block'],
    ['a length out of range', '10.0.0.0/33', 'a prefix length of at most 32'],
    ['a length out of range (IPv6)', '::/129', 'a prefix length of at most 128'],
    ['a negative length', '10.0.0.0/-1', 'an IPv4 or IPv6 CIDR block'],
    ['two lengths', '10.0.0.0/8/8', 'an IPv4 or IPv6 CIDR block'],
    ['a netmask', '10.0.0.0/255.0.0.0', 'an IPv4 or IPv6 CIDR block'],
    ['a zone id', 'fe80::1%eth0/64', 'without a zone id'],
    ['a zone id and no length', 'fe80::1%eth0', 'without a zone id'],
    ['too few octets', '10.0/8', 'an IPv4 or IPv6 CIDR block'],
    ['an octet out of range', '10.0.0.256/8', 'an IPv4 or IPv6 CIDR block'],
    ['an integer', '167772160/8', 'an IPv4 or IPv6 CIDR block'],
    ['hexadecimal octets', '0x0a.0.0.0/8', 'an IPv4 or IPv6 CIDR block'],
    ['two ellipses', '1::2::3/64', 'an IPv4 or IPv6 CIDR block'],
    ['space before', ' 10.0.0.0/8', 'an IPv4 or IPv6 CIDR block'],
    ['space after', '10.0.0.0/8 ', 'an IPv4 or IPv6 CIDR block'],
    ['a line break after', '10.0.0.0/8\n', 'an IPv4 or IPv6 CIDR block'],
    ['digits of another script', '١٠.0.0.0/8', 'an IPv4 or IPv6 CIDR block'],
    ['nothing', '', 'an IPv4 or IPv6 CIDR block'],
    ['a name', 'localhost/8', 'an IPv4 or IPv6 CIDR block'],
  ])('rejects %s: %j', (_, text, expected) => {
    expect(parseCidr(text)).toEqual({ ok: false, expected: expect.stringContaining(expected) });
  });

  it.each(['1'.repeat(1_000_000), `fe80::1%${'a'.repeat(1_000_000)}`, `10.0.0.0/${'0'.repeat(1_000_000)}`])(
    'rejects giant input with one short sentence (%#)',
    (text) => {
      const parsed = parseCidr(text);
      expect(parsed.ok ? Infinity : parsed.expected.length).toBeLessThan(200);
    },
  );

  it('is total: it returns a result for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void parseCidr(text)));
  });

  it('agrees with another library on every IPv4 block', () => {
    fc.assert(
      fc.property(ipv4Text, fc.nat(32), (address, length) => {
        const start = new Address4(`${address}/${length}`).startAddress().correctForm();
        expect(parseCidr(`${address}/${length}`)).toEqual({
          ok: true,
          block: { kind: 'ipv4', cidr: `${start}/${length}` },
          hostBits: start !== address,
        });
      }),
      { numRuns: 1_000 },
    );
  });

  it('agrees with another library on every IPv6 block, except IPv4-mapped ones', () => {
    fc.assert(
      fc.property(ipv6Text, fc.nat(128), (address, length) => {
        const given = new Address6(`${address}/${length}`);
        const start = given.startAddress();
        fc.pre(start.bigInt() >> 32n !== 0xffffn);
        expect(parseCidr(`${address}/${length}`)).toEqual({
          ok: true,
          block: { kind: 'ipv6', cidr: `${start.correctForm()}/${length}` },
          hostBits: start.bigInt() !== given.bigInt(),
        });
      }),
      { numRuns: 1_000 },
    );
  });

  it('returns its own canonical text unchanged', () => {
    fc.assert(
      fc.property(cidrText, (text) => {
        const block = canonical(text);
        expect(parseCidr(block.cidr)).toEqual({ ok: true, block, hostBits: false });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('isIpv4Mapped', () => {
  it.each([
    ['::ffff:10.0.0.0/104', true],
    ['::ffff:0.0.0.0/96', true],
    ['::fffe:0:0/95', false],
    ['::/0', false],
    ['::/96', false],
    ['64:ff9b::/96', false],
    ['10.0.0.0/8', false],
  ])('of %s is %s', (text, mapped) => {
    expect(isIpv4Mapped(canonical(text))).toBe(mapped);
  });
});

describe('contains', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8', true],
    ['10.0.0.0/8', '10.255.0.0/16', true],
    ['10.0.0.0/8', '11.0.0.0/16', false],
    ['10.1.0.0/16', '10.0.0.0/8', false],
    ['0.0.0.0/0', '255.255.255.255/32', true],
    ['0.0.0.0/0', '::/0', false],
    ['::/0', '0.0.0.0/0', false],
    ['::/0', '2001:db8::/32', true],
    ['2001:db8::/32', '2001:db8:ffff::/48', true],
    ['2001:db8::/32', '2001:db9::/48', false],
    ['::/96', '0.0.0.0/8', false],
  ])('says whether %s contains %s: %s', (outer, inner, expected) => {
    expect(contains(canonical(outer), canonical(inner))).toBe(expected);
  });

  it('agrees with another library', () => {
    fc.assert(
      fc.property(cidrText, cidrText, (a, b) => {
        const [outer, inner] = [canonical(a), canonical(b)];
        expect(contains(outer, inner)).toBe(inSubnet(outer.cidr, inner.cidr));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('supernets', () => {
  it('lists every larger block that contains the block, smallest first', () => {
    expect([...supernets(canonical('192.0.0.0/3'))]).toEqual(['192.0.0.0/2', '128.0.0.0/1', '0.0.0.0/0']);
    expect([...supernets(canonical('2001:db8::/32'))].slice(0, 2)).toEqual(['2001:db8::/31', '2001:db8::/30']);
    expect([...supernets(canonical('::/0'))]).toEqual([]);
  });

  it('lists one block per bit of the prefix, and each contains the block', () => {
    fc.assert(
      fc.property(cidrText, (text) => {
        const block = canonical(text);
        const outer = [...supernets(block)];
        expect(outer).toHaveLength(Number(block.cidr.split('/')[1]));
        expect(outer.filter((cidr) => !contains(canonical(cidr), block))).toEqual([]);
      }),
    );
  });
});

describe('sortKey', () => {
  it('sorts by numeric address, then by length', () => {
    const sorted = ['2.0.0.0/8', '10.0.0.0/8', '10.0.0.0/9', '10.0.0.0/16', '100.0.0.0/8'];
    const sorted6 = ['::/0', '::/1', '::1:0:0/96', '2001:db8::/32', '2001:db8::/48', 'fd00::/8'];
    for (const order of [sorted, sorted6]) {
      expect(order.map((text) => sortKey(canonical(text))).toSorted()).toEqual(
        order.map((text) => sortKey(canonical(text))),
      );
    }
  });
});
