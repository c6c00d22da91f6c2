import { describe, expect, it } from 'vitest';
import { ec2TargetHealth } from '../../../../reconciler/aws/ec2/target-health.ts';
import { type Target, parseTarget } from '../../../../reconciler/core/route/route.ts';
import { type Ec2Server, type Reply, refusal, serveEc2 } from '../../../support/ec2-server.ts';

const vpcId = 'vpc-aaaaaaaa';
const otherVpcId = 'vpc-bbbbbbbb';

const healthAt = ({ endpoint }: Ec2Server) =>
  ec2TargetHealth({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });

function target(text: string): Target {
  const parsed = parseTarget(text);
  if (!parsed.ok) throw new Error(`"${text}" is not a target`);
  return parsed.value;
}

const answer = (set: string, ...items: readonly string[]): Reply => ({
  status: 200,
  body: `<Response><requestId>1</requestId><${set}>${items.map((item) => `<item>${item}</item>`).join('')}</${set}></Response>`,
});

/** The parameters of a request, without those that every request has. */
const parameters = (request: URLSearchParams | undefined) =>
  Object.fromEntries([...(request ?? [])].filter(([name]) => name !== 'Version' && name !== 'MaxResults'));

const byId = (name: string, id: string) => ({
  'Filter.1.Name': name,
  'Filter.1.Value.1': id,
});

const inVpc = { 'Filter.2.Name': 'vpc-id', 'Filter.2.Value.1': vpcId };

const attachedTo = (vpc: string, state: string) =>
  `<attachmentSet><item><vpcId>${vpc}</vpcId><state>${state}</state></item></attachmentSet>`;
const vpnAttachedTo = (vpc: string, state: string) =>
  `<attachments><item><vpcId>${vpc}</vpcId><state>${state}</state></item></attachments>`;
const instance = (state: string) =>
  `<instancesSet><item><instanceId>i-aaaaaaaa</instanceId><instanceState><name>${state}</name></instanceState></item></instancesSet>`;

interface Example {
  readonly id: string;
  readonly request: Record<string, string>;
  readonly set: string;
  /** What EC2 shows of a target that is alive. */
  readonly alive: readonly string[];
  /** What EC2 shows of targets that are dead, one by one. */
  readonly dead: readonly string[];
}

const examples: readonly Example[] = [
  {
    id: 'igw-aaaaaaaa',
    request: { Action: 'DescribeInternetGateways', ...byId('internet-gateway-id', 'igw-aaaaaaaa') },
    set: 'internetGatewaySet',
    alive: [attachedTo(vpcId, 'available')],
    dead: ['<attachmentSet/>', attachedTo(otherVpcId, 'available'), attachedTo(vpcId, 'detaching')].map(
      (attachments) => `<internetGatewayId>igw-aaaaaaaa</internetGatewayId>${attachments}`,
    ),
  },
  {
    id: 'vgw-aaaaaaaa',
    request: { Action: 'DescribeVpnGateways', ...byId('vpn-gateway-id', 'vgw-aaaaaaaa') },
    set: 'vpnGatewaySet',
    alive: [vpnAttachedTo(vpcId, 'attached')],
    dead: ['<attachments/>', vpnAttachedTo(otherVpcId, 'attached'), vpnAttachedTo(vpcId, 'detached')].map(
      (attachments) => `<vpnGatewayId>vgw-aaaaaaaa</vpnGatewayId>${attachments}`,
    ),
  },
  {
    id: 'nat-aaaaaaaa',
    request: { Action: 'DescribeNatGateways', ...byId('nat-gateway-id', 'nat-aaaaaaaa') },
    set: 'natGatewaySet',
    alive: ['<state>available</state>'],
    dead: ['pending', 'failed', 'deleting', 'deleted'].map(
      (state) => `<natGatewayId>nat-aaaaaaaa</natGatewayId><state>${state}</state>`,
    ),
  },
  {
    id: 'cagw-aaaaaaaa',
    request: { Action: 'DescribeCarrierGateways', ...byId('carrier-gateway-id', 'cagw-aaaaaaaa') },
    set: 'carrierGatewaySet',
    alive: ['<state>available</state>'],
    dead: ['pending', 'deleting'].map(
      (state) => `<carrierGatewayId>cagw-aaaaaaaa</carrierGatewayId><state>${state}</state>`,
    ),
  },
  {
    id: 'vpce-aaaaaaaa',
    request: { Action: 'DescribeVpcEndpoints', ...byId('vpc-endpoint-id', 'vpce-aaaaaaaa') },
    set: 'vpcEndpointSet',
    alive: ['<state>available</state>', '<state>Available</state>'],
    dead: ['pendingAcceptance', 'Pending', 'rejected', 'failed', 'deleting'].map(
      (state) => `<vpcEndpointId>vpce-aaaaaaaa</vpcEndpointId><state>${state}</state>`,
    ),
  },
  {
    id: 'i-aaaaaaaa',
    request: { Action: 'DescribeInstances', ...byId('instance-id', 'i-aaaaaaaa') },
    set: 'reservationSet',
    alive: [instance('running')],
    dead: ['pending', 'stopping', 'stopped', 'shutting-down', 'terminated'].map(instance),
  },
  {
    id: 'pcx-aaaaaaaa',
    request: { Action: 'DescribeVpcPeeringConnections', ...byId('vpc-peering-connection-id', 'pcx-aaaaaaaa') },
    set: 'vpcPeeringConnectionSet',
    alive: ['<status><code>active</code></status>'],
    dead: ['pending-acceptance', 'provisioning', 'rejected', 'expired', 'deleted'].map(
      (code) => `<vpcPeeringConnectionId>pcx-aaaaaaaa</vpcPeeringConnectionId><status><code>${code}</code></status>`,
    ),
  },
  {
    id: 'tgw-aaaaaaaa',
    request: {
      Action: 'DescribeTransitGatewayVpcAttachments',
      ...byId('transit-gateway-id', 'tgw-aaaaaaaa'),
      ...inVpc,
    },
    set: 'transitGatewayVpcAttachments',
    alive: [`<vpcId>${vpcId}</vpcId><state>available</state>`],
    dead: [
      `<vpcId>${otherVpcId}</vpcId><state>available</state>`,
      ...['pendingAcceptance', 'pending', 'deleting', 'deleted', 'rejected'].map(
        (state) => `<vpcId>${vpcId}</vpcId><state>${state}</state>`,
      ),
    ].map((rest) => `<transitGatewayId>tgw-aaaaaaaa</transitGatewayId>${rest}`),
  },
  {
    id: 'eigw-aaaaaaaa',
    request: { Action: 'DescribeEgressOnlyInternetGateways' },
    set: 'egressOnlyInternetGatewaySet',
    alive: [attachedTo(vpcId, 'attached')],
    dead: ['<attachmentSet/>', attachedTo(otherVpcId, 'attached'), attachedTo(vpcId, 'detached')].map(
      (attachments) => `<egressOnlyInternetGatewayId>eigw-aaaaaaaa</egressOnlyInternetGatewayId>${attachments}`,
    ),
  },
  {
    id: 'lgw-aaaaaaaa',
    request: {
      Action: 'DescribeLocalGatewayRouteTableVpcAssociations',
      ...byId('local-gateway-id', 'lgw-aaaaaaaa'),
      ...inVpc,
    },
    set: 'localGatewayRouteTableVpcAssociationSet',
    alive: [`<vpcId>${vpcId}</vpcId><state>associated</state>`],
    dead: [
      `<vpcId>${otherVpcId}</vpcId><state>associated</state>`,
      `<vpcId>${vpcId}</vpcId><state>disassociating</state>`,
    ].map((rest) => `<localGatewayId>lgw-aaaaaaaa</localGatewayId>${rest}`),
  },
];

/** The member of an answer that names a target, by the start of its id. */
const idMembers: Readonly<Record<string, string>> = {
  igw: 'internetGatewayId',
  vgw: 'vpnGatewayId',
  nat: 'natGatewayId',
  cagw: 'carrierGatewayId',
  vpce: 'vpcEndpointId',
  pcx: 'vpcPeeringConnectionId',
  tgw: 'transitGatewayId',
  eigw: 'egressOnlyInternetGatewayId',
  lgw: 'localGatewayId',
};

const named = (id: string, item: string): string => {
  const member = idMembers[id.split('-')[0] ?? ''];
  return member === undefined ? item : `<${member}>${id}</${member}>${item}`;
};

describe.each(examples)('$id', ({ id, request, set, alive, dead }) => {
  const ask = async (reply: Reply) => {
    await using server = await serveEc2(reply);
    const { health, failures } = await healthAt(server)(vpcId, [target(id)]);
    return { health: health.get(id), failures, requests: server.requests.map(parameters) };
  };

  it.each(alive)('is alive when EC2 shows %s', async (item) => {
    expect(await ask(answer(set, named(id, item)))).toMatchObject({ health: 'alive', failures: [] });
  });

  it.each(dead)('is dead when EC2 shows %s', async (item) => {
    expect(await ask(answer(set, item))).toMatchObject({ health: 'dead', failures: [] });
  });

  it('is dead when EC2 does not show it', async () => {
    expect(await ask(answer(set))).toMatchObject({ health: 'dead', failures: [] });
  });

  it('takes one call, which names it where EC2 can filter by id', async () => {
    expect((await ask(answer(set))).requests).toEqual([request]);
  });

  it('is neither alive nor dead when the call is refused', async () => {
    const { health, failures } = await ask(refusal('UnauthorizedOperation', 403));
    expect(health).toBeUndefined();
    expect(failures).toMatchObject([{ name: 'UnauthorizedOperation' }]);
  });

  it('is neither alive nor dead when the answer has no list', async () => {
    const { health, failures } = await ask({ status: 200, body: '<Response><requestId>1</requestId></Response>' });
    expect(health).toBeUndefined();
    expect(failures).toHaveLength(1);
  });
});

describe('an interface', () => {
  const eni = (attachment: string) =>
    answer(
      'networkInterfaceSet',
      `<networkInterfaceId>eni-aaaaaaaa</networkInterfaceId><ownerId>111111111111</ownerId>${attachment}`,
    );
  const attachment = (status: string, rest = '') => `<attachment><status>${status}</status>${rest}</attachment>`;
  const ownInstance = '<instanceId>i-aaaaaaaa</instanceId><instanceOwnerId>111111111111</instanceOwnerId>';

  const ask = async (...replies: readonly [Reply, ...Reply[]]) => {
    await using server = await serveEc2(...replies);
    const { health } = await healthAt(server)(vpcId, [target('eni-aaaaaaaa')]);
    return { health: health.get('eni-aaaaaaaa'), requests: server.requests.map(parameters) };
  };

  it('is alive when its instance runs, which takes two calls', async () => {
    expect(await ask(eni(attachment('attached', ownInstance)), answer('reservationSet', instance('running')))).toEqual({
      health: 'alive',
      requests: [
        { Action: 'DescribeNetworkInterfaces', ...byId('network-interface-id', 'eni-aaaaaaaa') },
        { Action: 'DescribeInstances', ...byId('instance-id', 'i-aaaaaaaa') },
      ],
    });
  });

  it('is dead when its instance is stopped', async () => {
    const replies = [eni(attachment('attached', ownInstance)), answer('reservationSet', instance('stopped'))] as const;
    expect(await ask(...replies)).toMatchObject({ health: 'dead' });
  });

  it.each(['attaching', 'detaching', 'detached'])('is dead while it is %s', async (status) => {
    expect(await ask(eni(attachment(status, ownInstance)))).toMatchObject({ health: 'dead', requests: [{}] });
  });

  it('is dead when it is not attached, or does not exist', async () => {
    expect(await ask(eni(''))).toMatchObject({ health: 'dead' });
    expect(await ask(answer('networkInterfaceSet'))).toMatchObject({ health: 'dead' });
  });

  it('of an AWS service is alive while it is attached, although no instance shows', async () => {
    const service = attachment('attached', '<instanceOwnerId>amazon-aws</instanceOwnerId>');
    expect(await ask(eni(service))).toMatchObject({ health: 'alive', requests: [{}] });
  });

  it('on an instance of another account is judged by its attachment, because EC2 hides that instance', async () => {
    const foreign = attachment(
      'attached',
      '<instanceId>i-aaaaaaaa</instanceId><instanceOwnerId>222222222222</instanceOwnerId>',
    );
    expect(await ask(eni(foreign))).toMatchObject({ health: 'alive', requests: [{}] });
  });

  it('is neither alive nor dead when EC2 does not answer for its instance', async () => {
    const replies = [eni(attachment('attached', ownInstance)), refusal('UnauthorizedOperation', 403)] as const;
    expect((await ask(...replies)).health).toBeUndefined();
  });
});

describe('a question about many targets', () => {
  it('takes no call for kinds that EC2 does not know, and none for local', async () => {
    const coreNetwork = 'arn:aws:networkmanager::111111111111:core-network/core-network-0aaaaaaaaaaaaaaaa';
    const odbNetwork = 'arn:aws:odb:eu-west-1:111111111111:odb-network/odbnet_a';
    await using server = await serveEc2(refusal('UnauthorizedOperation', 403));
    const asked = await healthAt(server)(vpcId, ['local', coreNetwork, odbNetwork].map(target));
    expect([...asked.health]).toEqual([
      [coreNetwork, 'unaskable'],
      [odbNetwork, 'unaskable'],
    ]);
    expect(server.requests).toHaveLength(0);
  });

  it('takes one call for each kind, and names a target once', async () => {
    await using server = await serveEc2(
      answer('natGatewaySet', '<natGatewayId>nat-bbbbbbbb</natGatewayId><state>available</state>'),
    );
    const asked = await healthAt(server)(vpcId, ['nat-aaaaaaaa', 'nat-bbbbbbbb', 'nat-aaaaaaaa'].map(target));
    expect(Object.fromEntries(asked.health)).toEqual({ 'nat-aaaaaaaa': 'dead', 'nat-bbbbbbbb': 'alive' });
    expect(server.requests.map(parameters)).toEqual([
      {
        Action: 'DescribeNatGateways',
        ...byId('nat-gateway-id', 'nat-aaaaaaaa'),
        'Filter.1.Value.2': 'nat-bbbbbbbb',
      },
    ]);
  });

  it('asks about at most 200 targets in one call', async () => {
    await using server = await serveEc2(answer('natGatewaySet'));
    const ids = Array.from({ length: 201 }, (_, n) => `nat-${n.toString(16).padStart(8, '0')}`);
    const asked = await healthAt(server)(vpcId, ids.map(target));
    expect(asked.health.size).toBe(201);
    expect(
      server.requests
        .map((request) => [...request.keys()].filter((key) => key.includes('Value')).length)
        .toSorted((a, b) => a - b),
    ).toEqual([1, 200]);
  });

  it('keeps the answers for other kinds when the call for one kind fails', async () => {
    // The answer lists NAT gateways only, so the call for peering connections gets an answer without its list.
    await using server = await serveEc2(
      answer('natGatewaySet', '<natGatewayId>nat-aaaaaaaa</natGatewayId><state>available</state>'),
    );
    const asked = await healthAt(server)(vpcId, ['pcx-aaaaaaaa', 'nat-aaaaaaaa'].map(target));
    expect([...asked.health]).toEqual([['nat-aaaaaaaa', 'alive']]);
    expect(asked.failures).toHaveLength(1);
  });
});
