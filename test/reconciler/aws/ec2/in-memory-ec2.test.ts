import { describe, expect, it } from 'vitest';
import { now } from '../../../support/builders.ts';
import { VirtualClock } from '../../../support/ec2/clock.ts';
import { ScriptedFaults } from '../../../support/ec2/faults.ts';
import { type Ec2Options, InMemoryEc2, ec2Buckets } from '../../../support/ec2/in-memory-ec2.ts';

// Behaviour that moto cannot show. The contract suite covers the rules that both obey.

const table = 'rtb-aaaaaaaa';
const slot = { RouteTableId: table, DestinationCidrBlock: '10.20.0.0/16' };
const toPcx = { ...slot, VpcPeeringConnectionId: 'pcx-aaaaaaaa' };

function setUp(options: Partial<Ec2Options> = {}) {
  const clock = new VirtualClock(now);
  const faults = new ScriptedFaults();
  const ec2 = new InMemoryEc2({ clock, faults: faults.decide, ...options });
  ec2.scenery.vpc('vpc-aaaaaaaa', { blocks: ['10.0.0.0/16', '2001:db8::/56'], subnets: ['10.0.1.0/24'] });
  ec2.scenery.table(table);
  for (const id of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb', 'nat-aaaaaaaa', 'vpce-aaaaaaaa', 'i-aaaaaaaa', 'igw-aaaaaaaa'])
    ec2.scenery.target(id);
  const shown = async () => (await ec2.as('alice').describeRouteTables({})).RouteTables?.[0]?.Routes ?? [];
  return { clock, faults, ec2, scenery: ec2.scenery, alice: ec2.as('alice'), shown };
}

const refusal = (name: string, message = '') =>
  expect.objectContaining({ name, message: expect.stringContaining(message) });

describe('the in-memory EC2, beyond its contract,', () => {
  it('lists a propagated route and the static route that overrides it', async () => {
    const { scenery, alice, shown } = setUp();
    scenery.propagate(table, '10.20.0.0/16');
    await alice.createRoute(toPcx);
    expect(await shown()).toMatchObject([
      { GatewayId: 'local' },
      { GatewayId: 'local' },
      { GatewayId: 'vgw-aaaaaaaa', Origin: 'EnableVgwRoutePropagation' },
      { VpcPeeringConnectionId: 'pcx-aaaaaaaa', Origin: 'CreateRoute' },
    ]);
  });

  it('does not replace or delete propagated routes', async () => {
    const { scenery, alice } = setUp();
    scenery.propagate(table, '10.20.0.0/16');
    scenery.advertise(table, '10.21.0.0/16', 'eni-eeeeeeee');
    await expect(alice.replaceRoute(toPcx)).rejects.toEqual(refusal('InvalidParameterValue', 'no route defined for'));
    await expect(alice.deleteRoute({ ...slot, DestinationCidrBlock: '10.21.0.0/16' })).rejects.toEqual(
      refusal('InvalidRoute.NotFound'),
    );
  });

  it('shows CreateRoute as the origin of gateway endpoint and Lattice routes, and rejects changes to them', async () => {
    const { scenery, alice, shown } = setUp();
    scenery.gatewayEndpoint(table);
    scenery.lattice(table);
    expect((await shown()).slice(2)).toEqual([
      {
        DestinationPrefixListId: 'pl-cccccccc',
        GatewayId: 'vpce-cccccccc',
        Origin: 'CreateRoute',
        State: 'active',
      },
      { DestinationPrefixListId: 'pl-dddddddd', GatewayId: 'VpcLattice', Origin: 'CreateRoute', State: 'active' },
    ]);
    const at = (list: string) => ({ RouteTableId: table, DestinationPrefixListId: list });
    await expect(alice.deleteRoute(at('pl-cccccccc'))).rejects.toEqual(refusal('InvalidParameterValue', 'endpoint'));
    await expect(alice.replaceRoute({ ...at('pl-dddddddd'), VpcPeeringConnectionId: 'pcx-aaaaaaaa' })).rejects.toEqual(
      refusal('OperationNotPermitted'),
    );
  });

  it.each([
    ['a prefix list to an endpoint', { DestinationPrefixListId: 'pl-aaaaaaaa', VpcEndpointId: 'vpce-aaaaaaaa' }],
    ['a reserved block', { DestinationCidrBlock: '169.254.169.0/24', VpcPeeringConnectionId: 'pcx-aaaaaaaa' }],
    ['a subnet through a gateway', { DestinationCidrBlock: '10.0.1.0/24', GatewayId: 'igw-aaaaaaaa' }],
  ])('rejects %s', async (_, input) => {
    const { scenery, alice } = setUp();
    scenery.prefixList('pl-aaaaaaaa');
    await expect(alice.createRoute({ RouteTableId: table, ...input })).rejects.toEqual(
      refusal('InvalidParameterValue'),
    );
  });

  it.each([
    ['no destination', { VpcPeeringConnectionId: 'pcx-aaaaaaaa' }, 'MissingParameter'],
    ['no target', { DestinationCidrBlock: '10.20.0.0/16' }, 'MissingParameter'],
    ['two targets', { ...toPcx, NatGatewayId: 'nat-aaaaaaaa' }, 'InvalidParameterCombination'],
    [
      'a transit gateway that is not attached',
      { ...slot, TransitGatewayId: 'tgw-bbbbbbbb' },
      'InvalidTransitGatewayID.NotFound',
    ],
    ['a gateway that is not attached', { ...slot, GatewayId: 'vgw-bbbbbbbb' }, 'Gateway.NotAttached'],
    ['an internet gateway that is not attached', { ...slot, GatewayId: 'igw-bbbbbbbb' }, 'InvalidParameterValue'],
    ['an interface of another VPC', { ...slot, NetworkInterfaceId: 'eni-bbbbbbbb' }, 'InvalidParameterValue'],
  ])('rejects a call with %s', async (_, input, code) => {
    const { scenery, alice } = setUp();
    scenery.target('tgw-bbbbbbbb', { vpcs: ['vpc-bbbbbbbb'] });
    for (const gateway of ['igw-bbbbbbbb', 'vgw-bbbbbbbb']) scenery.target(gateway, { vpcs: [] });
    scenery.target('eni-bbbbbbbb', { vpcs: ['vpc-bbbbbbbb'] });
    await expect(alice.createRoute({ RouteTableId: table, ...input })).rejects.toEqual(refusal(code));
  });

  it('counts routes by family, and counts a prefix list as its maximum number of entries', async () => {
    const { scenery, alice } = setUp({ routesPerFamily: 3 });
    scenery.prefixList('pl-aaaaaaaa', { maxEntries: 3 });
    await alice.createRoute(toPcx);
    await expect(
      alice.createRoute({ RouteTableId: table, DestinationPrefixListId: 'pl-aaaaaaaa', NatGatewayId: 'nat-aaaaaaaa' }),
    ).rejects.toEqual(refusal('RouteLimitExceeded'));
    await alice.createRoute({ RouteTableId: table, DestinationIpv6CidrBlock: '::/0', GatewayId: 'igw-aaaaaaaa' });
  });

  it('shows a route to a stopped or terminated instance as blackhole, and as active after a restart', async () => {
    const { scenery, alice, shown } = setUp();
    await alice.createRoute({ ...slot, InstanceId: 'i-aaaaaaaa' });
    const state = async () => (await shown()).at(-1)?.State;
    scenery.target('i-aaaaaaaa', { running: false });
    expect(await state()).toBe('blackhole');
    scenery.target('i-aaaaaaaa');
    expect(await state()).toBe('active');
    scenery.vanish('eni-aaaaaaaa');
    expect((await shown()).at(-1)).toEqual({
      DestinationCidrBlock: '10.20.0.0/16',
      NetworkInterfaceId: 'eni-aaaaaaaa',
      Origin: 'CreateRoute',
      State: 'blackhole',
    });
  });

  it('deletes and replaces a route only if the destination is spelled as stored', async () => {
    const { alice } = setUp();
    await alice.createRoute(toPcx);
    await expect(alice.deleteRoute({ ...slot, DestinationCidrBlock: '10.20.0.1/16' })).rejects.toEqual(
      refusal('InvalidRoute.NotFound'),
    );
  });

  it('answers a stale read with an earlier state', async () => {
    const { clock, faults, alice, shown } = setUp();
    await alice.createRoute(toPcx);
    clock.advance(3_000);
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 4_000 });
    expect(await shown()).toHaveLength(2);
    expect(await shown()).toHaveLength(3);
  });

  it('carries out a call even if its answer is lost or is a fault', async () => {
    const { faults, alice, scenery } = setUp();
    faults.strike({ naming: '10.20.0.0/16' }, { lost: 'answer' });
    faults.strike({ naming: '10.21.0.0/16' }, { serverFault: 'done' });
    await expect(alice.createRoute(toPcx)).rejects.toEqual(refusal('TimeoutError'));
    await expect(alice.createRoute({ ...toPcx, DestinationCidrBlock: '10.21.0.0/16' })).rejects.toEqual(
      refusal('InternalError'),
    );
    expect(scenery.routesOf(table)).toEqual({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('finishes a call after its caller has stopped waiting', async () => {
    const { clock, faults, ec2 } = setUp();
    faults.strike({ action: 'CreateRoute' }, { reachesAfterMs: 5_000 });
    await expect(ec2.as('alice', 2_000).createRoute(toPcx)).rejects.toEqual(refusal('TimeoutError'));
    expect([clock.now().getTime() - now.getTime(), ec2.scenery.routesOf(table)]).toEqual([2_000, {}]);
    await clock.sleep(3_001);
    expect(ec2.scenery.routesOf(table)).toEqual({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('throttles each action separately, for all callers together', async () => {
    const { clock, ec2 } = setUp({ buckets: ec2Buckets });
    const deletes = Array.from({ length: 60 }, (_, index) => ec2.as(index % 2 ? 'alice' : 'bob').deleteRoute(slot));
    const answers = await Promise.allSettled(deletes);
    const codes = answers.map((answer) => (answer.status === 'rejected' ? answer.reason.name : 'done'));
    expect(codes.filter((code) => code === 'RequestLimitExceeded')).toHaveLength(10);
    await ec2.as('alice').createRoute(toPcx);
    clock.advance(1_000);
    await expect(ec2.as('alice').deleteRoute(slot)).resolves.toEqual({});
  });

  it('keeps a journal of who called what, when, and with which result', async () => {
    const { faults, ec2, alice } = setUp();
    faults.strike({ action: 'CreateRoute' }, { reachesAfterMs: 10, answersAfterMs: 5 });
    await alice.createRoute(toPcx);
    await expect(ec2.as('bob').deleteRoute({ ...slot, DestinationCidrBlock: '10.9.0.0/16' })).rejects.toThrow();
    expect(ec2.journal.calls).toMatchObject([
      { action: 'CreateRoute', caller: 'alice', input: toPcx, changed: true, calledAt: now },
      { action: 'DeleteRoute', caller: 'bob', changed: false, error: 'InvalidRoute.NotFound' },
    ]);
    const [first] = ec2.journal.calls;
    expect([first?.reachedAt?.getTime(), first?.endedAt?.getTime()]).toEqual([now.getTime() + 10, now.getTime() + 15]);
  });
});
