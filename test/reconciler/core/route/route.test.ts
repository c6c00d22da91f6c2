import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ActualRoute,
  type TargetKind,
  covers,
  destinationOrder,
  destinationText,
  isDefaultRoute,
  parseDestination,
  parseTarget,
  routeTableIdPattern,
  sameTarget,
  sortedBy,
  targetNames,
  targetText,
} from '../../../../reconciler/core/route/route.ts';
import { destination, targetFor } from '../../../support/arbitraries.ts';
import { actual, lattice, otherOwnerId, ownerId, route, throughInstance } from '../../../support/builders.ts';

const coreNetwork = 'arn:aws:networkmanager::111122223333:core-network/core-network-0123456789abcdef0';
const odbNetwork = 'arn:aws:odb:eu-west-1:111122223333:odb-network/odbnet_a1b2c3';

// A record: a new target kind does not compile until it is added here.
const oneOfEachKind: Record<TargetKind, string> = {
  'internet-gateway': 'igw-0123456789abcdef0',
  'virtual-private-gateway': 'vgw-0123456789abcdef0',
  'nat-gateway': 'nat-0123456789abcdef0',
  'network-interface': 'eni-0123456789abcdef0',
  instance: 'i-0123456789abcdef0',
  'vpc-peering-connection': 'pcx-0123456789abcdef0',
  'transit-gateway': 'tgw-0123456789abcdef0',
  'egress-only-internet-gateway': 'eigw-0123456789abcdef0',
  'carrier-gateway': 'cagw-0123456789abcdef0',
  'local-gateway': 'lgw-0123456789abcdef0',
  'vpc-endpoint': 'vpce-0123456789abcdef0',
  'core-network': coreNetwork,
  'odb-network': odbNetwork,
};

const names = (target: string, route: ActualRoute): boolean => {
  const parsed = parseTarget(target);
  return parsed.ok && sameTarget(parsed.value, route);
};

const order = (text: string): string => destinationOrder(route(text, 'local').destination);

describe('parseTarget', () => {
  it.each(Object.entries(oneOfEachKind))('recognizes the target kind %s by its id or ARN', (kind, id) => {
    expect(parseTarget(id)).toEqual({ ok: true, value: { kind, id } });
  });

  it('recognizes local, which has no id', () => {
    expect(parseTarget('local')).toEqual({ ok: true, value: { kind: 'local' } });
  });

  it.each([
    ['i-0a1b2c3d', 'instance'],
    ['arn:aws-cn:networkmanager::111122223333:core-network/core-network-0a1b', 'core-network'],
    ['arn:aws-us-gov:odb:us-gov-west-1:111122223333:odb-network/odbnet_x', 'odb-network'],
  ])('accepts the older or other form %s', (id, kind) => {
    expect(parseTarget(id)).toEqual({ ok: true, value: { kind, id } });
  });

  it.each([
    ['an attachment', 'tgw-attach-0123456789abcdef0', 'the transit gateway (tgw-…), not its attachment'],
    ['a transit gateway route table', 'tgw-rtb-0123456789abcdef0', 'the gateway (tgw-… or lgw-…), not its route table'],
    ['a local gateway route table', 'lgw-rtb-0123456789abcdef0', 'the gateway (tgw-… or lgw-…), not its route table'],
    ['the id of a core network', 'core-network-0123456789abcdef0', 'the ARN of the core network'],
    ['the id of an ODB network', 'odbnet_a1b2c3', 'the ARN of the ODB network'],
    ['a VPN connection', 'vpn-0123456789abcdef0', 'not a VPN connection'],
    ['a subnet', 'subnet-0123456789abcdef0', 'not a subnet'],
    ['a VPC', 'vpc-0123456789abcdef0', 'not a VPC'],
    ['an Elastic IP', 'eipalloc-0123456789abcdef0', 'not an Elastic IP allocation'],
    ['a prefix list', 'pl-0123456789abcdef0', 'can only be a destination'],
    ['VPC Lattice', 'VpcLattice', 'only VPC Lattice can create its routes'],
    ['upper case', 'NAT-0123456789ABCDEF0', 'lower case: nat-0123456789abcdef0'],
    ['upper-case local', 'Local', 'lower case: local'],
    ['16 digits', 'nat-0123456789abcdef', 'nat- followed by 17'],
    ['18 digits', 'igw-0123456789abcdef01', 'igw- followed by 17'],
    ['9 digits', 'i-0a1b2c3d4', 'i- followed by 17'],
    ['digits that are not hexadecimal', 'pcx-0123456789abcdefg', 'pcx- followed by 17'],
    ['no digits', 'vpce-', 'vpce- followed by 17'],
    ['something before the id', 'xigw-0123456789abcdef0', 'the id of a gateway'],
    ['a line break after the id', 'igw-0123456789abcdef0\n', 'igw- followed by 17'],
    ['space around local', ' local ', 'the id of a gateway'],
    [
      'the ARN of another resource',
      'arn:aws:ec2:eu-west-1:111122223333:natgateway/nat-aaaaaaaa',
      'the id of a gateway',
    ],
    ['a core network ARN with a Region', coreNetwork.replace('::', ':eu-west-1:'), 'the id of a gateway'],
    ['an ODB network ARN without a Region', odbNetwork.replace('eu-west-1', ''), 'the id of a gateway'],
    ['an address', '10.0.0.1', 'the id of a gateway'],
    ['nothing', '', 'the id of a gateway'],
  ])('rejects %s and says what was expected: %j', (_, text, expected) => {
    expect(parseTarget(text)).toEqual({ ok: false, expected: expect.stringContaining(expected) });
  });

  it('is total: it returns a result for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void parseTarget(text)));
  });

  it('parses its own output back to the same value', () => {
    fc.assert(
      fc.property(destination.chain(targetFor), (target) => {
        expect(parseTarget(targetText(target))).toEqual({ ok: true, value: target });
      }),
    );
  });
});

describe('parseDestination', () => {
  it.each([
    ['10.0.0.0/16', { kind: 'ipv4', cidr: '10.0.0.0/16' }],
    ['2001:DB8::/32', { kind: 'ipv6', cidr: '2001:db8::/32' }],
  ])('recognizes the CIDR block %s', (text, value) => {
    expect(parseDestination(text)).toEqual({ ok: true, value, hostBits: false });
  });

  it.each(['pl-0123456789abcdef0', 'pl-0a1b2c3d'])('recognizes the prefix list %s', (id) => {
    expect(parseDestination(id)).toEqual({ ok: true, value: { kind: 'prefix-list', id } });
  });

  it('reports that it cleared host bits', () => {
    expect(parseDestination('10.0.0.7/16')).toMatchObject({ value: { cidr: '10.0.0.0/16' }, hostBits: true });
  });

  it.each([
    ['pl-0123', 'pl- followed by 17'],
    ['pl-0123456789ABCDEF0', 'pl- followed by 17'],
    ['10.0.0.0', 'a prefix length after the address'],
    ['igw-0123456789abcdef0', 'an IPv4 or IPv6 CIDR block'],
  ])('rejects %s and says what was expected', (text, expected) => {
    expect(parseDestination(text)).toEqual({ ok: false, expected: expect.stringContaining(expected) });
  });

  it('parses its own output back to the same value', () => {
    fc.assert(
      fc.property(destination, (destination) => {
        expect(parseDestination(destinationText(destination))).toMatchObject({ ok: true, value: destination });
      }),
    );
  });
});

describe('routeTableIdPattern', () => {
  it('matches the ids of VPC route tables and no other ids', () => {
    const given = ['rtb-0123456789abcdef0', 'rtb-0a1b2c3d', 'tgw-rtb-0123456789abcdef0', 'rtb-1', 'RTB-0a1b2c3d', ''];
    expect(given.filter((id) => routeTableIdPattern.test(id))).toEqual(['rtb-0123456789abcdef0', 'rtb-0a1b2c3d']);
  });
});

describe('sameTarget', () => {
  it('distinguishes every two kinds of target', () => {
    fc.assert(
      fc.property(
        destination.chain((at) => fc.tuple(fc.constant(at), targetFor(at), targetFor(at))),
        ([at, a, b]) => {
          expect(sameTarget(a, actual({ destination: at, target: b }))).toBe(targetText(a) === targetText(b));
        },
      ),
    );
  });

  it('treats an instance and its interface as one target, whichever one the item names', () => {
    const shown = throughInstance('10.0.0.0/16', { eni: 'eni-aaaaaaaa', instance: 'i-aaaaaaaa' });
    expect(names('i-aaaaaaaa', shown)).toBe(true);
    expect(names('eni-aaaaaaaa', shown)).toBe(true);
    expect(names('i-bbbbbbbb', shown)).toBe(false);
    expect(names('eni-bbbbbbbb', shown)).toBe(false);
    expect(names('nat-aaaaaaaa', shown)).toBe(false);
  });

  it('matches an instance that EC2 shows without an interface', () => {
    expect(names('i-aaaaaaaa', actual(route('10.0.0.0/16', 'i-aaaaaaaa')))).toBe(true);
    expect(names('i-bbbbbbbb', actual(route('10.0.0.0/16', 'i-aaaaaaaa')))).toBe(false);
  });

  it('does not mistake a NAT gateway for the instance that EC2 may show with it', () => {
    const noise = actual(route('0.0.0.0/0', 'nat-aaaaaaaa'), { instance: { id: 'i-aaaaaaaa', ownerId } });
    expect(names('nat-aaaaaaaa', noise)).toBe(true);
    expect(names('i-aaaaaaaa', noise)).toBe(false);
  });

  it('never matches VPC Lattice or a target of an unknown kind', () => {
    expect(names('local', lattice('pl-aaaaaaaa'))).toBe(false);
    const moon = actual(route('10.0.0.0/16', 'local'), { target: { kind: 'unknown', text: 'igw-aaaaaaaa' } });
    expect(names('igw-aaaaaaaa', moon)).toBe(false);
  });
});

describe('targetNames', () => {
  it('returns both names of an interface with an instance behind it', () => {
    expect(targetNames(throughInstance('10.0.0.0/16'))).toEqual(['eni-aaaaaaaa', 'i-aaaaaaaa']);
  });

  it('returns one name when there is no instance, or only its account is known', () => {
    expect(targetNames(actual(route('10.0.0.0/16', 'eni-aaaaaaaa')))).toEqual(['eni-aaaaaaaa']);
    const noise = actual(route('0.0.0.0/0', 'nat-aaaaaaaa'), { instance: { id: 'i-aaaaaaaa', ownerId } });
    expect(targetNames(noise)).toEqual(['nat-aaaaaaaa']);
    expect(targetNames(actual(route('10.0.0.0/16', 'eni-aaaaaaaa'), { instance: { ownerId: otherOwnerId } }))).toEqual([
      'eni-aaaaaaaa',
    ]);
  });
});

describe('covers', () => {
  it.each([
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['10.1.0.0/16', '10.0.0.0/8', false],
    ['pl-aaaaaaaa', 'pl-aaaaaaaa', true],
    ['pl-aaaaaaaa', 'pl-bbbbbbbb', false],
    ['pl-aaaaaaaa', '10.0.0.0/8', false],
    ['0.0.0.0/0', 'pl-aaaaaaaa', false],
    ['0.0.0.0/0', '2001:db8::/32', false],
  ])('says whether %s covers %s: %s', (outer, inner, expected) => {
    expect(covers(route(outer, 'local').destination, route(inner, 'local').destination)).toBe(expected);
  });
});

describe('isDefaultRoute', () => {
  it.each([
    ['0.0.0.0/0', true],
    ['::/0', true],
    ['0.0.0.0/1', false],
    ['::/1', false],
    ['pl-aaaaaaaa', false],
  ])('of %s is %s', (text, expected) => {
    expect(isDefaultRoute(route(text, 'local').destination)).toBe(expected);
  });
});

describe('destinationOrder', () => {
  it('sorts IPv4, then IPv6, then prefix lists; by numeric address, then by length', () => {
    const sorted = [
      '0.0.0.0/0',
      '2.0.0.0/8',
      '10.0.0.0/8',
      '10.0.0.0/16',
      '100.0.0.0/8',
      '::/0',
      '2001:db8::/32',
      'fd00::/8',
      'pl-aaaaaaaa',
      'pl-bbbbbbbb',
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (given) => {
        expect(sortedBy(given, order)).toEqual(sorted);
      }),
    );
    expect(destinationOrder({ kind: 'unknown', text: '0' }) > order('pl-bbbbbbbb')).toBe(true);
  });
});

describe('sortedBy', () => {
  it('does not change its input', () => {
    const given = ['b', 'a'];
    expect(sortedBy(given, String)).toEqual(['a', 'b']);
    expect(given).toEqual(['b', 'a']);
  });
});
