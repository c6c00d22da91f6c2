import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ec2Call } from '../../../../reconciler/aws/ec2/cloudtrail.ts';

const folder = path.join(import.meta.dirname, '../../../fixtures/cloudtrail');
const account = '111122223333';
const rtb = 'rtb-0a1b2c3d4e5f60718';
const otherRtb = 'rtb-0f1e2d3c4b5a69788';

const eventShape = z.looseObject({ 'detail-type': z.string(), detail: z.record(z.string(), z.unknown()) });

/** An event as it was recorded. */
const fixture = (name: string) => eventShape.parse(JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')));

/** The same event with other fields in its CloudTrail record. Undefined removes a field. */
const altered = (name: string, detail: Record<string, unknown>) => {
  const event = fixture(name);
  return { ...event, detail: { ...event.detail, ...detail } };
};

const create = '01-create-route-v4-igw-iam-user-console';
const alice = { arn: 'arn:aws:iam::111122223333:user/alice', sourceIp: '203.0.113.24', userAgent: expect.any(String) };

describe('ec2Call', () => {
  it('returns the table, actor, time and destination of a route call', () => {
    expect(ec2Call(fixture(create), account)).toEqual({
      routeTableIds: [rtb],
      call: {
        id: 'fc57fad0-4b07-4c0c-851a-f529234cc4b8',
        name: 'CreateRoute',
        time: '2026-08-20T08:14:09Z',
        actor: alice,
        about: 'route',
        destination: '0.0.0.0/0',
        target: 'igw-0aa11bb22cc33dd44',
      },
      others: [],
    });
  });

  const sts = 'arn:aws:sts::111122223333:assumed-role';
  it.each([
    [
      '02-create-route-v6-eigw-assumed-role-sso',
      rtb,
      `${sts}/AWSReservedSSO_NetworkAdmin_0123456789abcdef/bob@example.com`,
      '::/0',
    ],
    [
      '03-create-route-prefix-list-tgw-self-lambda',
      otherRtb,
      `${sts}/route-reconciler-writer/route-reconciler-apply`,
      'pl-0ff66aa77bb88cc99',
    ],
    [
      '04-create-route-v4-natgw-cloudformation',
      otherRtb,
      `${sts}/cfn-network-deploy/AWSCloudFormation`,
      '100.68.0.0/18',
    ],
    ['05-replace-route-v4-eni-terraform', rtb, `${sts}/terraform-apply/gha-run-8812345678`, '10.20.0.0/16'],
    ['06-delete-route-v4-iam-user-cli', rtb, alice.arn, '10.112.0.0/16'],
  ])('reads %s', (name, routeTableId, arn, destination) => {
    expect(ec2Call(fixture(name), account)).toMatchObject({
      routeTableIds: [routeTableId],
      call: { about: 'route', actor: { arn }, destination },
    });
  });

  it.each([
    ['a refused create', '07-create-route-failed-already-exists'],
    ['a refused replace', '08-replace-route-failed-no-such-route'],
    ['an event of a service of its own accord', '12-aws-service-event-via-cloudtrail'],
  ])('finds nothing in %s', (_, name) => {
    expect(ec2Call(fixture(name), account)).toBeUndefined();
  });

  it.each([
    [
      '09-disassociate-route-table',
      /^rtbassoc-/,
      { about: 'surroundings', notice: expect.stringContaining('no longer uses this table') },
    ],
    ['10-delete-nat-gateway-wrapped', /^nat-/, { about: 'target-down', ids: [expect.stringMatching(/^nat-/)] }],
    [
      '11-modify-managed-prefix-list-wrapped',
      /^pl-/,
      { about: 'surroundings', notice: expect.stringContaining('may have changed') },
    ],
  ])('finds in %s the id under which the index has its tables', (name, id, subject) => {
    const { detail } = fixture(name);
    expect(ec2Call(fixture(name), account)).toMatchObject({
      routeTableIds: [],
      others: [
        {
          id: expect.stringMatching(id),
          call: { name: detail['eventName'], via: expect.stringMatching(id), ...subject },
        },
      ],
    });
  });

  it.each<[string, Record<string, unknown>, readonly string[]]>([
    [
      'TerminateInstances',
      { instancesSet: { items: [{ instanceId: 'i-aaaaaaaa' }, { instanceId: 'i-bbbbbbbb' }] } },
      ['i-aaaaaaaa', 'i-bbbbbbbb'],
    ],
    [
      'DeleteVpcEndpoints',
      { DeleteVpcEndpointsRequest: { VpcEndpointId: { tag: 1, content: 'vpce-aaaaaaaa' } } },
      ['vpce-aaaaaaaa'],
    ],
    ['DetachInternetGateway', { internetGatewayId: 'igw-aaaaaaaa', vpcId: 'vpc-aaaaaaaa' }, ['igw-aaaaaaaa']],
    ['AssociateVpcCidrBlock', { vpcId: 'vpc-aaaaaaaa' }, ['vpc-aaaaaaaa']],
    ['DeleteVpc', { vpcId: 'vpc-aaaaaaaa' }, ['vpc-aaaaaaaa']],
    ['DetachNetworkInterface', { attachmentId: 'eni-attach-0a1b2c3d4e5f60718' }, []],
    ['RunInstances', { instancesSet: { items: [{ imageId: 'ami-aaaaaaaa', subnetId: 'subnet-aaaaaaaa' }] } }, []],
    [
      'RunInstances',
      {
        instancesSet: { items: [{ imageId: 'ami-aaaaaaaa' }] },
        networkInterfaceSet: { items: [{ deviceIndex: 0, networkInterfaceId: 'eni-aaaaaaaa' }] },
      },
      ['eni-aaaaaaaa'],
    ],
    [
      'AcceptVpcEndpointConnections',
      {
        AcceptVpcEndpointConnectionsRequest: {
          ServiceId: 'vpce-svc-0a1b2c3d4e5f60718',
          VpcEndpointId: { tag: 1, content: 'vpce-aaaaaaaa' },
        },
      },
      ['vpce-aaaaaaaa'],
    ],
    ['RejectVpcPeeringConnection', { vpcPeeringConnectionId: 'pcx-aaaaaaaa' }, ['pcx-aaaaaaaa']],
    ['CreateSubnet', { vpcId: 'vpc-aaaaaaaa', cidrBlock: '10.0.1.0/24' }, ['vpc-aaaaaaaa']],
    [
      'CreateIpamPrefixListResolverTarget',
      { CreateIpamPrefixListResolverTargetRequest: { PrefixListId: 'pl-aaaaaaaa', PrefixListRegion: 'eu-west-1' } },
      ['pl-aaaaaaaa'],
    ],
    ['constructor', { natGatewayId: 'nat-aaaaaaaa' }, []],
  ])('%s: concerns tables under these ids, and no others', (eventName, requestParameters, ids) => {
    const call = ec2Call(altered(create, { eventName, requestParameters, responseElements: null }), account);
    expect(call?.others.map(({ id }) => id) ?? []).toEqual(ids);
  });

  it('returns the targets that a call brings up or takes down', () => {
    const instancesSet = { items: [{ instanceId: 'i-aaaaaaaa' }, { instanceId: 'i-bbbbbbbb' }] };
    const callNamed = (eventName: string) =>
      ec2Call(altered(create, { eventName, requestParameters: { instancesSet }, responseElements: null }), account);
    for (const [name, about] of [
      ['StartInstances', 'target-up'],
      ['StopInstances', 'target-down'],
    ] as const)
      expect(callNamed(name)).toMatchObject({
        call: { about, ids: ['i-aaaaaaaa', 'i-bbbbbbbb'] },
        others: [{ call: { about, ids: ['i-aaaaaaaa'] } }, { call: { about, ids: ['i-bbbbbbbb'] } }],
      });
  });

  it('returns both tables of a subnet that moves, and does not use the id of the new association', () => {
    const call = ec2Call(
      altered(create, {
        eventName: 'ReplaceRouteTableAssociation',
        requestParameters: { associationId: 'rtbassoc-aaaaaaaa', routeTableId: rtb },
        responseElements: { newAssociationId: 'rtbassoc-bbbbbbbb' },
      }),
      account,
    );
    expect(call).toMatchObject({
      routeTableIds: [rtb],
      call: { notice: 'ReplaceRouteTableAssociation: rtbassoc-aaaaaaaa uses this table from now on' },
      others: [{ id: 'rtbassoc-aaaaaaaa' }],
    });
  });

  it('has an expected result for every recorded event', () => {
    expect(readdirSync(folder)).toHaveLength(12);
  });

  it.each([
    ['another account', { recipientAccountId: '999988887777' }],
    ['no account', { recipientAccountId: undefined }],
    ['API Gateway, which has a CreateRoute of its own', { eventSource: 'apigateway.amazonaws.com' }],
    ['a call that was refused', { errorCode: 'Client.UnauthorizedOperation' }],
    ['a dry run', { errorCode: 'Client.DryRunOperation' }],
    ['a malformed table id', { requestParameters: { routeTableId: 'rtb-nonsense' } }],
    [
      'a transit gateway route table',
      { requestParameters: { transitGatewayRouteTableId: 'tgw-rtb-0a1b2c3d4e5f60718' } },
    ],
  ])('returns no call for %s', (_, detail) => {
    expect(ec2Call(altered(create, detail), account)).toBeUndefined();
  });

  it('wakes a table after a server fault of EC2, which may have changed something', () => {
    const event = altered(create, { errorCode: 'Server.InternalError', responseElements: null });
    expect(ec2Call(event, account)?.routeTableIds).toEqual([rtb]);
  });

  it.each([
    [
      'in the answer only',
      { requestParameters: { vpcId: 'vpc-aaaaaaaa' }, responseElements: { routeTable: { routeTableId: rtb } } },
      [rtb],
    ],
    [
      'in a wrapped request',
      { requestParameters: { EnableRouteServerPropagationRequest: { RouteTableId: rtb } } },
      [rtb],
    ],
    [
      'in a list of one that is an object',
      { requestParameters: { R: { AddRouteTableId: { tag: 1, content: rtb } } } },
      [rtb],
    ],
    [
      'in lists of several',
      {
        requestParameters: {
          R: { AddRouteTableId: [{ tag: 1, content: rtb }], RemoveRouteTableId: [{ tag: 1, content: otherRtb }] },
        },
      },
      [rtb, otherRtb],
    ],
    ['twice', { requestParameters: { routeTableId: rtb }, responseElements: { newRouteTableId: rtb } }, [rtb]],
    ['as a tagged resource', { requestParameters: { resourcesSet: { items: [{ resourceId: rtb }] } } }, [rtb]],
    ['with 8 hex digits', { requestParameters: { routeTableId: 'rtb-0a1b2c3d' } }, ['rtb-0a1b2c3d']],
    ['without an answer', { requestParameters: { routeTableId: rtb }, responseElements: undefined }, [rtb]],
  ])('finds tables that are named %s', (_, detail, ids) => {
    expect(ec2Call(altered(create, detail), account)?.routeTableIds).toEqual(ids);
  });

  it.each([
    ['destinationCidrBlock', '100.68.0.18/18', '100.68.0.0/18'],
    ['destinationIpv6CidrBlock', '2001:DB8:0:0::7/32', '2001:db8::/32'],
    ['DestinationPrefixListId', 'pl-aaaaaaaa', 'pl-aaaaaaaa'],
  ])('gives the destination in %s its canonical form', (field, sent, destination) => {
    const requestParameters = { routeTableId: rtb, [field]: sent };
    expect(ec2Call(altered(create, { requestParameters }), account)?.call).toMatchObject({ destination });
  });

  it('reads the destination and the target of a wrapped call', () => {
    const requestParameters = {
      CreateRouteRequest: { RouteTableId: rtb, DestinationCidrBlock: '100.68.0.18/18', GatewayId: 'igw-aaaaaaaa' },
    };
    expect(ec2Call(altered(create, { requestParameters }), account)).toMatchObject({
      routeTableIds: [rtb],
      call: { destination: '100.68.0.0/18', target: 'igw-aaaaaaaa', actor: alice },
    });
  });

  it.each([
    { routeTableId: rtb, destinationCidrBlock: '10.0.0.0/16', localTarget: true },
    { ReplaceRouteRequest: { RouteTableId: rtb, DestinationCidrBlock: '10.0.0.0/16', LocalTarget: true } },
  ])('reads that a call leads a route back to the VPC: %j', (requestParameters) => {
    const call = ec2Call(altered(create, { eventName: 'ReplaceRoute', requestParameters }), account)?.call;
    expect(call).toMatchObject({ destination: '10.0.0.0/16', target: 'local' });
  });

  it.each(['CreateTags', 'DeleteTags'])(
    'finds in %s every route table that is tagged, and nothing else',
    (eventName) => {
      const items = [rtb, 'subnet-aaaaaaaa', otherRtb, 'nat-aaaaaaaa'].map((resourceId) => ({ resourceId }));
      const requestParameters = { resourcesSet: { items }, tagSet: { items: [{ key: 'AmazonFSx', value: '' }] } };
      const call = ec2Call(altered(create, { eventName, requestParameters }), account);
      expect(call).toMatchObject({
        routeTableIds: [rtb, otherRtb],
        call: { name: eventName, actor: alice, about: 'table' },
        others: [],
      });
    },
  );

  it('returns the VPC to which a transit gateway is attached', () => {
    const request = {
      TransitGatewayId: 'tgw-aaaaaaaa',
      VpcId: 'vpc-aaaaaaaa',
      SubnetIds: { tag: 1, content: 'subnet-a' },
    };
    const call = ec2Call(
      altered(create, {
        eventName: 'CreateTransitGatewayVpcAttachment',
        requestParameters: { CreateTransitGatewayVpcAttachmentRequest: request },
      }),
      account,
    );
    expect(call?.others).toMatchObject([{ id: 'tgw-aaaaaaaa', within: ['vpc-aaaaaaaa'] }]);
  });

  it.each([
    [
      'ModifyTransitGatewayVpcAttachment',
      { transitGatewayVpcAttachment: { transitGatewayId: 'tgw-aaaaaaaa', vpcId: 'vpc-aaaaaaaa' } },
      'tgw-aaaaaaaa',
    ],
    [
      'RejectTransitGatewayVpcAttachment',
      { transitGatewayVpcAttachment: { transitGatewayId: 'tgw-aaaaaaaa', vpcId: 'vpc-aaaaaaaa' } },
      'tgw-aaaaaaaa',
    ],
    [
      'DeleteLocalGatewayRouteTableVpcAssociation',
      {
        localGatewayRouteTableVpcAssociation: {
          localGatewayRouteTableVpcAssociationId: 'lgw-vpc-assoc-0a1b2c3d4e5f60718',
          localGatewayRouteTableId: 'lgw-rtb-0a1b2c3d4e5f60718',
          localGatewayId: 'lgw-0a1b2c3d4e5f60718',
          vpcId: 'vpc-aaaaaaaa',
        },
      },
      'lgw-0a1b2c3d4e5f60718',
    ],
  ])(
    'finds the target and the VPC of %s in the answer: the request names only an attachment',
    (eventName, answer, id) => {
      const requestParameters = { [`${eventName}Request`]: { AttachmentId: 'x-attach-0a1b2c3d4e5f60718' } };
      const responseElements = { [`${eventName}Response`]: answer };
      const call = ec2Call(altered(create, { eventName, requestParameters, responseElements }), account);
      expect(call?.others).toMatchObject([{ id, within: ['vpc-aaaaaaaa'] }]);
    },
  );

  it('returns no destination if it cannot be parsed', () => {
    const requestParameters = { routeTableId: rtb, destinationCidrBlock: 'everywhere' };
    expect(ec2Call(altered(create, { requestParameters }), account)?.call).not.toHaveProperty('destination');
  });

  it.each([
    [
      'root',
      { userIdentity: { type: 'Root', arn: 'arn:aws:iam::111122223333:root' } },
      'arn:aws:iam::111122223333:root',
    ],
    ['a service', { userIdentity: { type: 'AWSService', invokedBy: 'fsx.amazonaws.com' } }, 'fsx.amazonaws.com'],
  ])('names %s as the actor', (_, detail, arn) => {
    expect(ec2Call(altered(create, detail), account)?.call.actor).toMatchObject({ arn });
  });

  it.each([
    ['nobody', { userIdentity: undefined }],
    ['an account without an ARN', { userIdentity: { type: 'AWSAccount', accountId: '999988887777' } }],
    ['nonsense', { userIdentity: 'alice' }],
  ])('names no actor when the caller is %s', (_, detail) => {
    expect(ec2Call(altered(create, detail), account)?.call).not.toHaveProperty('actor');
  });

  it.each(['constructor', 'CreateLocalGatewayRoute'])(
    'takes %s, which it does not know, for no route call',
    (eventName) => {
      expect(ec2Call(altered(create, { eventName }), account)?.call).toMatchObject({ about: 'table', name: eventName });
    },
  );

  it.each([
    ['EnableVgwRoutePropagation', { routeTableId: rtb, gatewayId: 'vgw-aaaaaaaa' }, 'vgw-aaaaaaaa propagates'],
    [
      'DisableRouteServerPropagation',
      { DisableRouteServerPropagationRequest: { RouteServerId: 'rs-0a1b2c3d4e5f60718', RouteTableId: rtb } },
      'rs-0a1b2c3d4e5f60718 propagates',
    ],
    ['DisableRouteServerPropagation', { routeTableId: rtb }, 'a gateway or route server propagates'],
    ['AssociateRouteTable', { routeTableId: rtb, subnetId: 'subnet-aaaaaaaa' }, 'subnet-aaaaaaaa uses this table'],
    ['AssociateRouteTable', { routeTableId: rtb, gatewayId: 'igw-aaaaaaaa' }, 'igw-aaaaaaaa uses this table'],
    [
      'AssociateRouteTable',
      { routeTableId: rtb, publicIpv4Pool: 'ipv4pool-ec2-0a1b2c3d4e5f60718' },
      'ipv4pool-ec2-0a1b2c3d4e5f60718 uses this table',
    ],
    ['AssociateRouteTable', { routeTableId: rtb }, 'a subnet or gateway uses this table'],
  ])('names in the notice of %s what it is about, not somebody: %o', (eventName, requestParameters, notice) => {
    const call = ec2Call(altered(create, { eventName, requestParameters }), account)?.call;
    expect(call).toMatchObject({ about: 'surroundings', notice: expect.stringContaining(`${eventName}: `) });
    expect(JSON.stringify(call)).toContain(notice);
  });

  it('cuts free text, whose length the caller decides', () => {
    const long = 'a'.repeat(5_000);
    const detail = { userAgent: long, sourceIPAddress: long, eventID: long };
    const call = ec2Call(altered(create, detail), account)?.call;
    expect([call?.actor?.userAgent, call?.actor?.sourceIp, call?.id].map((text) => text?.length)).toEqual([
      200, 200, 200,
    ]);
  });

  it('takes id and time from the envelope if the record lacks them, and ignores a call without both', () => {
    const bare = altered(create, { eventID: undefined, eventTime: 'yesterday' });
    expect(ec2Call(bare, account)?.call).toMatchObject({
      id: '9f50eb0e-4dbc-4bf8-b65c-66590ee9fd47',
      time: '2026-08-20T08:14:09Z',
    });
    expect(ec2Call({ ...bare, id: undefined }, account)).toBeUndefined();
  });

  it('never throws for fields of a wrong type', () => {
    const detail = { eventTime: 7, eventID: [], sourceIPAddress: {}, userAgent: null, errorCode: 404 };
    expect(ec2Call(altered(create, detail), account)).toEqual({
      routeTableIds: [rtb],
      call: {
        id: '9f50eb0e-4dbc-4bf8-b65c-66590ee9fd47',
        name: 'CreateRoute',
        time: '2026-08-20T08:14:09Z',
        actor: { arn: alice.arn },
        about: 'route',
        destination: '0.0.0.0/0',
        target: 'igw-0aa11bb22cc33dd44',
      },
      others: [],
    });
  });

  it('accepts parameters as deep as an event can hold', () => {
    const requestParameters: unknown = JSON.parse(`${'['.repeat(100_000)}"${rtb}"${']'.repeat(100_000)}`);
    expect(ec2Call(altered(create, { requestParameters }), account)?.routeTableIds).toEqual([rtb]);
  });

  it('accepts as many parameters as an event can hold', () => {
    const requestParameters = { items: [...Array.from({ length: 250_000 }, () => 1), rtb] };
    expect(ec2Call(altered(create, { requestParameters }), account)?.routeTableIds).toEqual([rtb]);
  });

  it('never throws, whatever the event is', () => {
    const detail = fc.dictionary(fc.constantFrom(...Object.keys(fixture(create).detail), 'moon'), fc.anything());
    const event = fc.oneof(
      fc.anything(),
      detail.map((detail) => altered(create, detail)),
      detail.map((detail) => ({ ...fixture(create), detail })),
    );
    fc.assert(
      fc.property(event, (event) => {
        const call = ec2Call(event, account);
        expect(call === undefined || call.routeTableIds.length + call.others.length > 0).toBe(true);
      }),
    );
  });
});
