import type { Route } from '@aws-sdk/client-ec2';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actualTable, changeRequest } from '../../../../reconciler/aws/ec2/route-codec.ts';
import type { Change } from '../../../../reconciler/core/route/change.ts';
import type { ActualRoute, TargetKind } from '../../../../reconciler/core/route/route.ts';
import { sameTarget } from '../../../../reconciler/core/route/route.ts';
import { destination, targetFor } from '../../../support/arbitraries.ts';
import { actual, local, now, route } from '../../../support/builders.ts';
import { VirtualClock } from '../../../support/ec2/clock.ts';
import { InMemoryEc2 } from '../../../support/ec2/in-memory-ec2.ts';
import { inMemoryRouteTables } from '../../../support/ec2/route-tables.ts';

const rtb = 'rtb-aaaaaaaa';
const coreNetwork = 'arn:aws:networkmanager::111122223333:core-network/core-network-0123456789abcdef0';
const odbNetwork = 'arn:aws:odb:eu-west-1:111122223333:odb-network/odbnet_a1b2c3';

// A record: a new target kind does not compile until it is added here.
const oneOfEachKind: Record<TargetKind, readonly [field: string, id: string]> = {
  'internet-gateway': ['GatewayId', 'igw-aaaaaaaa'],
  'virtual-private-gateway': ['GatewayId', 'vgw-aaaaaaaa'],
  'nat-gateway': ['NatGatewayId', 'nat-aaaaaaaa'],
  'network-interface': ['NetworkInterfaceId', 'eni-aaaaaaaa'],
  instance: ['InstanceId', 'i-aaaaaaaa'],
  'vpc-peering-connection': ['VpcPeeringConnectionId', 'pcx-aaaaaaaa'],
  'transit-gateway': ['TransitGatewayId', 'tgw-aaaaaaaa'],
  'egress-only-internet-gateway': ['EgressOnlyInternetGatewayId', 'eigw-aaaaaaaa'],
  'carrier-gateway': ['CarrierGatewayId', 'cagw-aaaaaaaa'],
  'local-gateway': ['LocalGatewayId', 'lgw-aaaaaaaa'],
  'vpc-endpoint': ['VpcEndpointId', 'vpce-aaaaaaaa'],
  'core-network': ['CoreNetworkArn', coreNetwork],
  'odb-network': ['OdbNetworkArn', odbNetwork],
};

const creates = (text: string, id: string): Change => {
  const { destination, target } = route(text, id);
  return { action: 'create', destination, to: target };
};

describe('changeRequest', () => {
  it.each(Object.values(oneOfEachKind))('names a target in %s: %s', (field, id) => {
    expect(changeRequest(rtb, creates('10.20.0.0/16', id))).toEqual({
      action: 'create',
      input: { RouteTableId: rtb, DestinationCidrBlock: '10.20.0.0/16', [field]: id },
    });
  });

  it.each([
    ['DestinationCidrBlock', '10.20.0.0/16'],
    ['DestinationIpv6CidrBlock', '2001:db8::/32'],
    ['DestinationPrefixListId', 'pl-aaaaaaaa'],
  ])('names a destination in %s', (field, text) => {
    expect(changeRequest(rtb, creates(text, 'tgw-aaaaaaaa')).input).toEqual({
      RouteTableId: rtb,
      [field]: text,
      TransitGatewayId: 'tgw-aaaaaaaa',
    });
  });

  it('resets a local route without naming a target', () => {
    const { destination, target } = route('10.0.0.0/16', 'local');
    const from = actual(route('10.0.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' });
    expect(changeRequest(rtb, { action: 'replace', destination, from, to: target })).toEqual({
      action: 'replace',
      input: { RouteTableId: rtb, DestinationCidrBlock: '10.0.0.0/16', LocalTarget: true },
    });
  });

  it.each(['replace', 'delete'] as const)('of a %s names the destination as EC2 reported it', (action) => {
    const { destination, target } = route('2001:db8::/32', 'eigw-aaaaaaaa');
    const from = actual(route('2001:db8::/32', 'igw-aaaaaaaa'), { spelling: '2001:0db8::/32' });
    const { input } = changeRequest(rtb, { action, destination, from, to: target });
    expect(input).toEqual({
      RouteTableId: rtb,
      DestinationIpv6CidrBlock: '2001:0db8::/32',
      ...(action === 'replace' && { EgressOnlyInternetGatewayId: 'eigw-aaaaaaaa' }),
    });
  });
});

describe('actualTable', () => {
  it('decodes a table from DescribeRouteTables', () => {
    expect(
      actualTable({
        RouteTableId: rtb,
        VpcId: 'vpc-aaaaaaaa',
        OwnerId: '111122223333',
        Tags: [{ Key: 'Name', Value: 'public' }, { Key: 'empty' }],
        Routes: [
          { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
        ],
        Associations: [{ Main: true }],
        PropagatingVgws: [],
      }),
    ).toEqual({
      routeTableId: rtb,
      vpcId: 'vpc-aaaaaaaa',
      ownerId: '111122223333',
      tags: { Name: 'public', empty: '' },
      routes: [local('10.0.0.0/16')],
    });
  });

  it('decodes a table that has only an id', () => {
    expect(actualTable({ RouteTableId: rtb })).toEqual({ routeTableId: rtb, tags: {}, routes: [] });
  });

  it('rejects a table without an id', () => {
    expect(() => actualTable({ VpcId: 'vpc-aaaaaaaa' })).toThrow(/without a RouteTableId/);
  });

  const nat = actual(route('0.0.0.0/0', 'nat-aaaaaaaa'));
  const eni = { kind: 'network-interface', id: 'eni-aaaaaaaa' } as const;

  it.each<[string, Record<string, string>, Partial<ActualRoute>]>([
    [
      'a nat gateway that also shows its interface',
      { NatGatewayId: 'nat-aaaaaaaa', NetworkInterfaceId: 'eni-aaaaaaaa' },
      { target: { kind: 'nat-gateway', id: 'nat-aaaaaaaa' } },
    ],
    [
      'an instance as its interface',
      { NetworkInterfaceId: 'eni-aaaaaaaa', InstanceId: 'i-aaaaaaaa', InstanceOwnerId: '111122223333' },
      { target: eni, instance: { id: 'i-aaaaaaaa', ownerId: '111122223333' } },
    ],
    [
      "a service's interface, which has an owner and no instance",
      { NetworkInterfaceId: 'eni-aaaaaaaa', InstanceOwnerId: 'amazon-aws' },
      { target: eni, instance: { ownerId: 'amazon-aws' } },
    ],
    [
      'an endpoint in GatewayId',
      { GatewayId: 'vpce-aaaaaaaa' },
      { target: { kind: 'vpc-endpoint', id: 'vpce-aaaaaaaa' } },
    ],
    ['a route of VPC Lattice', { GatewayId: 'VpcLattice' }, { target: { kind: 'lattice' } }],
    [
      'a propagated route',
      { NatGatewayId: 'nat-aaaaaaaa', Origin: 'EnableVgwRoutePropagation' },
      { origin: 'propagated' },
    ],
    [
      'an advertised route, with the address of its next hop',
      { NetworkInterfaceId: 'eni-aaaaaaaa', IpAddress: '10.0.0.7', Origin: 'Advertisement' },
      { origin: 'advertised', target: eni },
    ],
    ['a blackhole', { NatGatewayId: 'nat-aaaaaaaa', State: 'blackhole' }, { state: 'blackhole' }],
    ['a filtered route', { NatGatewayId: 'nat-aaaaaaaa', State: 'filtered' }, { state: 'filtered' }],
    ['an unknown origin', { NatGatewayId: 'nat-aaaaaaaa', Origin: 'Divination' }, { origin: 'unknown' }],
    ['an unknown state', { NatGatewayId: 'nat-aaaaaaaa', State: 'sleeping' }, { state: 'unknown' }],
    [
      'an unknown kind of target',
      { MoonGatewayId: 'moon-aaaaaaaa' },
      { target: { kind: 'unknown', text: 'DestinationCidrBlock=0.0.0.0/0 MoonGatewayId=moon-aaaaaaaa' } },
    ],
    ['an unknown kind of id', { GatewayId: 'moon-aaaaaaaa' }, { target: { kind: 'unknown', text: 'moon-aaaaaaaa' } }],
  ])('decodes %s', (_, shown, expected) => {
    const everywhere = { DestinationCidrBlock: '0.0.0.0/0', Origin: 'CreateRoute', State: 'active' };
    const { routes } = actualTable({ RouteTableId: rtb, Routes: [asAnswered({ ...everywhere, ...shown })] });
    expect(routes).toEqual([{ ...nat, ...expected }]);
  });

  it.each([
    [
      'an unknown kind of destination',
      { DestinationMoon: 'mare-1' },
      'DestinationMoon=mare-1 GatewayId=igw-aaaaaaaa',
      '',
    ],
    ['a destination that is not valid', { DestinationCidrBlock: 'everywhere' }, 'everywhere', 'everywhere'],
  ])('decodes %s', (_, shown, text, spelling) => {
    const route = asAnswered({ ...shown, GatewayId: 'igw-aaaaaaaa', Origin: 'CreateRoute', State: 'active' });
    expect(actualTable({ RouteTableId: rtb, Routes: [route] }).routes).toMatchObject([
      { destination: { kind: 'unknown', text }, spelling },
    ]);
  });

  it('keeps both the original and the canonical text of a destination', () => {
    const route = asAnswered({ DestinationIpv6CidrBlock: '2001:0DB8:0::/32', GatewayId: 'igw-aaaaaaaa' });
    expect(actualTable({ RouteTableId: rtb, Routes: [route] }).routes).toMatchObject([
      { destination: { kind: 'ipv6', cidr: '2001:db8::/32' }, spelling: '2001:0DB8:0::/32' },
    ]);
  });

  it('never throws, whatever fields a route has', () => {
    const field = fc.oneof(fc.constantFrom(...fields), fc.string());
    const value = fc.oneof(fc.constantFrom('local', 'VpcLattice', '', 'igw-aaaaaaaa', '10.0.0.0/8'), fc.string());
    fc.assert(
      fc.property(fc.array(fc.dictionary(field, value), { maxLength: 5 }), (routes) => {
        expect(actualTable({ RouteTableId: rtb, Routes: routes.map(asAnswered) }).routes).toHaveLength(routes.length);
      }),
    );
  });
});

const fields = ['DestinationCidrBlock', 'DestinationPrefixListId', 'GatewayId', 'NatGatewayId', 'Origin', 'State'];

/** A route as a future EC2 may return it, regardless of the types of today. */
const asAnswered = (route: Record<string, string>): Route => JSON.parse(JSON.stringify(route));

describe('a route that is created and read', () => {
  const inVpc = (id: string) => id.startsWith('eni-') || id.startsWith('i-');

  it('has the destination and the target it was created with, whatever their kind', async () => {
    const listed = destination.chain((destination) =>
      targetFor(destination).map((target) => ({ destination, target })),
    );
    await fc.assert(
      fc.asyncProperty(listed, async ({ destination, target }) => {
        const ec2 = new InMemoryEc2({ clock: new VirtualClock(now) });
        ec2.scenery.vpc('vpc-aaaaaaaa', { blocks: ['192.168.7.0/24'] });
        ec2.scenery.table(rtb);
        if (destination.kind === 'prefix-list') ec2.scenery.prefixList(destination.id, { family: 'ipv6' });
        if ('id' in target) ec2.scenery.target(target.id, inVpc(target.id) ? {} : { loadBalancer: true });
        const tables = inMemoryRouteTables(ec2);
        const second = { sendWithinMs: 1_000, withinMs: 1_000 };
        const create = { action: 'create', destination, to: target } as const;
        const refused = await tables.apply(rtb, create, second).catch(String);
        fc.pre(refused === undefined);
        const created = (await tables.read(rtb))?.routes.at(-1);
        expect(created?.destination).toEqual(destination);
        expect(created && sameTarget(target, created)).toBe(true);
      }),
    );
  });
});
