import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cloudTrailEvent, type Caller } from '../../local/cloudtrail-event.ts';

const recorded = (name: string) => {
  const file = join(import.meta.dirname, '..', 'fixtures', 'cloudtrail', `${name}.json`);
  return z.looseObject({ detail: z.record(z.string(), z.unknown()) }).parse(JSON.parse(readFileSync(file, 'utf8')))
    .detail;
};

const ok = (action: string, inner = '<return>true</return>') => ({
  status: 200,
  body: `<?xml version="1.0" encoding="utf-8"?><${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><requestId>request-id</requestId>${inner}</${action}Response>`,
});

const refused = (status: number, code: string, message: string) => ({
  status,
  body: `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>x</RequestID></Response>`,
});

const alice: Caller = { kind: 'user', name: 'alice' };

function event(
  query: string,
  {
    caller = alice,
    answer = ok('CreateRoute'),
    requestId = 'r-1',
  }: { caller?: Caller; answer?: { status: number; body: string }; requestId?: string } = {},
) {
  return cloudTrailEvent({
    caller,
    parameters: new URLSearchParams(query),
    answer,
    time: new Date('2026-08-20T08:14:09.987Z'),
    requestId,
    eventId: 'e-1',
    accountId: '111122223333',
    region: 'eu-west-1',
    accessKeyId: 'AKIAEXAMPLE0000000A1',
    sourceIpAddress: '203.0.113.24',
    userAgent: 'a tool',
  });
}

/** The names and types of all members, at every depth. */
function shape(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shape(member)]));
}

describe('cloudTrailEvent', () => {
  // Calls as sent over the wire, and the events that a trail recorded for them.
  const calls = [
    {
      fixture: '01-create-route-v4-igw-iam-user-console',
      query:
        'Action=CreateRoute&Version=2016-11-15&RouteTableId=rtb-0a1b2c3d4e5f60718&DestinationCidrBlock=0.0.0.0%2F0&GatewayId=igw-0aa11bb22cc33dd44',
      answer: ok('CreateRoute'),
    },
    {
      fixture: '02-create-route-v6-eigw-assumed-role-sso',
      query:
        'Action=CreateRoute&RouteTableId=rtb-0a1b2c3d4e5f60718&DestinationIpv6CidrBlock=%3A%3A%2F0&EgressOnlyInternetGatewayId=eigw-0aa77bb88cc99dd00',
      answer: ok('CreateRoute'),
    },
    {
      fixture: '03-create-route-prefix-list-tgw-self-lambda',
      query:
        'Action=CreateRoute&RouteTableId=rtb-0f1e2d3c4b5a69788&DestinationPrefixListId=pl-0ff66aa77bb88cc99&TransitGatewayId=tgw-0bb88cc99dd00ee11',
      answer: ok('CreateRoute'),
    },
    {
      fixture: '06-delete-route-v4-iam-user-cli',
      query: 'Action=DeleteRoute&RouteTableId=rtb-0a1b2c3d4e5f60718&DestinationCidrBlock=10.112.0.0%2F16',
      answer: ok('DeleteRoute'),
    },
    {
      fixture: '07-create-route-failed-already-exists',
      query:
        'Action=CreateRoute&RouteTableId=rtb-0a1b2c3d4e5f60718&DestinationCidrBlock=0.0.0.0%2F0&NatGatewayId=nat-0bb22cc33dd44ee55',
      answer: refused(400, 'RouteAlreadyExists', 'The route identified by 0.0.0.0/0 already exists.'),
    },
    {
      fixture: '09-disassociate-route-table',
      query: 'Action=DisassociateRouteTable&AssociationId=rtbassoc-0dd44ee55ff66aa77',
      answer: ok(
        'DisassociateRouteTable',
        '<return>true</return><associationState><state>disassociating</state></associationState>',
      ),
    },
    {
      fixture: '10-delete-nat-gateway-wrapped',
      query: 'Action=DeleteNatGateway&NatGatewayId=nat-0bb22cc33dd44ee55',
      answer: ok('DeleteNatGateway', '<natGatewayId>nat-0bb22cc33dd44ee55</natGatewayId>'),
    },
    {
      fixture: '11-modify-managed-prefix-list-wrapped',
      query:
        'Action=ModifyManagedPrefixList&CurrentVersion=7&PrefixListId=pl-0ff66aa77bb88cc99&AddEntry.1.Description=branch+office+12&AddEntry.1.Cidr=10.112.0.0%2F16',
      answer: ok(
        'ModifyManagedPrefixList',
        '<prefixList><prefixListId>pl-0ff66aa77bb88cc99</prefixListId><state>modify-in-progress</state><version>7</version></prefixList>',
      ),
    },
  ];

  it.each(calls)('logs request and answer as CloudTrail does: $fixture', ({ fixture, query, answer }) => {
    const expected = recorded(fixture);
    const detail = event(query, { answer, requestId: String(expected['requestID']) });
    const said = [
      'eventName',
      'eventSource',
      'requestParameters',
      'responseElements',
      'errorCode',
      'errorMessage',
      'requestID',
    ];
    for (const name of said) expect(detail[name], name).toEqual(expected[name]);
  });

  it.each([
    ['an IAM user', '06-delete-route-v4-iam-user-cli', alice],
    ['a function, by its role', '03-create-route-prefix-list-tgw-self-lambda', { kind: 'role', name: 'writer' }],
  ] as const)('has every member of a recorded event, for %s', (_who, fixture, caller) => {
    // The emulators do not support TLS.
    const { tlsDetails: _tls, ...expected } = recorded(fixture);
    const call = calls.find((each) => each.fixture === fixture);
    expect(shape(event(call?.query ?? '', { ...call, caller }))).toEqual(shape(expected));
  });

  it("names a role by its issuer's ARN, which the rule filters by", () => {
    const detail = event('Action=CreateRoute', { caller: { kind: 'role', name: 'writer' } });
    expect(detail['userIdentity']).toMatchObject({
      type: 'AssumedRole',
      arn: 'arn:aws:sts::111122223333:assumed-role/writer/writer',
      sessionContext: { sessionIssuer: { arn: 'arn:aws:iam::111122223333:role/writer' } },
    });
  });

  it('logs a list in a call of the older form as items', () => {
    const tags = event('Action=CreateTags&ResourceId.1=rtb-1&ResourceId.2=rtb-2&Tag.1.Key=a&Tag.1.Value=b');
    expect(tags['requestParameters']).toEqual({
      resourcesSet: { items: [{ resourceId: 'rtb-1' }, { resourceId: 'rtb-2' }] },
      tagSet: { items: [{ key: 'a', value: 'b' }] },
    });
  });

  it('logs the id of a new table in the answer, and its routes as items', () => {
    const routeTable =
      '<routeTable><routeTableId>rtb-1</routeTableId><ownerId>000000000000</ownerId><associationSet/>' +
      '<routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock></item></routeSet></routeTable>';
    const detail = event('Action=CreateRouteTable&VpcId=vpc-1', { answer: ok('CreateRouteTable', routeTable) });
    expect(detail['responseElements']).toEqual({
      requestId: 'r-1',
      routeTable: {
        routeTableId: 'rtb-1',
        ownerId: '000000000000',
        associationSet: {},
        routeSet: { items: [{ destinationCidrBlock: '10.0.0.0/16' }] },
      },
    });
  });

  it('numbers the elements of a list in a wrapped call', () => {
    const detail = event('Action=CreateVpcEndpoint&VpcId=vpc-1&RouteTableId.1=rtb-1&RouteTableId.2=rtb-2', {
      answer: ok('CreateVpcEndpoint', ''),
    });
    expect(detail['requestParameters']).toEqual({
      CreateVpcEndpointRequest: {
        VpcId: 'vpc-1',
        RouteTableId: [
          { tag: 1, content: 'rtb-1' },
          { tag: 2, content: 'rtb-2' },
        ],
      },
    });
  });

  it.each([
    [400, 'InvalidParameterValue', 'Client.InvalidParameterValue'],
    [503, 'RequestLimitExceeded', 'Client.RequestLimitExceeded'],
    [500, 'InternalError', 'Server.InternalError'],
  ])('attributes a failure to client or server as CloudTrail does: %i %s', (status, code, errorCode) => {
    const detail = event('Action=ReplaceRoute', { answer: refused(status, code, '&apos;x&apos; &lt; y') });
    expect(detail).toMatchObject({ errorCode, errorMessage: "'x' < y", responseElements: null });
  });

  it('treats an answer that is not from EC2 as an internal error', () => {
    const detail = event('Action=CreateRoute', {
      answer: { status: 500, body: '<!doctype html><html lang=en><title>500' },
    });
    expect(detail['errorCode']).toBe('Server.InternalError');
  });
});
