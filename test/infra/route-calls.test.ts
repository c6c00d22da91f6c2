import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { matches } from '../support/event-pattern.ts';
import { account, localAccount, StackTemplate } from '../support/stack.ts';

const recorded = path.resolve(import.meta.dirname, '../fixtures/cloudtrail');
const event = z.looseObject({ source: z.string(), detail: z.record(z.string(), z.unknown()) });
type Event = z.infer<typeof event>;

/** A recorded event by its number, with members of its `detail` replaced. */
function sample(number: string, detail: Record<string, unknown> = {}): Event {
  const file = readdirSync(recorded).find((name) => name.startsWith(`${number}-`));
  const found = event.parse(JSON.parse(readFileSync(path.join(recorded, String(file)), 'utf8')));
  return { ...found, detail: { ...found.detail, ...detail } };
}

const madeBy = (roleArn: string) => ({
  userIdentity: { type: 'AssumedRole', sessionContext: { sessionIssuer: { type: 'Role', arn: roleArn } } },
});

describe('the rule for route calls', () => {
  const { EventPattern: pattern } = new StackTemplate().one('AWS::Events::Rule', 'RouteCalls');
  const wakes = (candidate: Event) => matches(pattern, candidate);

  it.each([
    ['an IAM user in the console', '01'],
    ['a person with an SSO role', '02'],
    ['another function', '03'],
    ['CloudFormation', '04'],
    ['Terraform', '05'],
    ['an IAM user with the CLI', '06'],
  ])('matches a call by %s that changes a route', (_, number) => {
    expect(wakes(sample(number))).toBe(true);
  });

  it('matches a call by root or by an AWS service, which names no role', () => {
    expect(wakes(sample('01', { userIdentity: { type: 'Root' } }))).toBe(true);
    expect(wakes(sample('01', { userIdentity: { type: 'AWSService', invokedBy: 'fsx.amazonaws.com' } }))).toBe(true);
  });

  it.each(['OnRouteChangeRole.Arn', 'OnDesiredChangeRole.Arn', 'OnRequeueRole.Arn', 'SweepRole.Arn'])(
    'sleeps through what %s wrote',
    (role) => {
      expect(wakes(sample('03', madeBy(role)))).toBe(false);
    },
  );

  it('matches a role whose name only resembles ours', () => {
    expect(wakes(sample('03', madeBy('SweepRole.Arn-2')))).toBe(true);
  });

  it.each(['07', '08'])('ignores a call that EC2 rejected (%s)', (number) => {
    expect(wakes(sample(number))).toBe(false);
  });

  it('matches a call that ended in a server fault: it may have changed something', () => {
    expect(wakes(sample('01', { errorCode: 'Server.InternalError' }))).toBe(true);
  });

  it("ignores API Gateway's and AppSync's calls of the same names", () => {
    expect(wakes(sample('01', { eventSource: 'apigateway.amazonaws.com' }))).toBe(false);
    expect(wakes(sample('01', { eventSource: 'appsync.amazonaws.com' }))).toBe(false);
  });

  it('ignores events forwarded from another account', () => {
    expect(wakes(sample('01', { recipientAccountId: '444455556666' }))).toBe(false);
  });

  it.each(['09', '10', '11', '12'])('ignores events that name no route table (%s)', (number) => {
    expect(wakes(sample(number))).toBe(false);
  });

  it.each(['CreateRoute', 'ReplaceRoute', 'DeleteRoute', 'CreateRouteTable', 'DeleteRouteTable'])(
    'matches %s',
    (eventName) => {
      expect(wakes(sample('01', { eventName }))).toBe(true);
    },
  );

  it.each(['CreateTags', 'RunInstances', 'DescribeRouteTables', 'CreateTransitGatewayRoute'])(
    'sleeps through %s',
    (eventName) => {
      expect(wakes(sample('01', { eventName }))).toBe(false);
    },
  );

  it('matches events of the EC2 stand-in only in the local stack', () => {
    const { EventPattern: local } = new StackTemplate({ local: true }).one('AWS::Events::Rule', 'RouteCalls');
    const fromLocal = { ...sample('01'), source: 'local.ec2' };
    const inLocal = { ...sample('01', { recipientAccountId: localAccount }), source: 'local.ec2' };
    expect(sample('01').detail['recipientAccountId']).toBe(account);
    expect(wakes(fromLocal)).toBe(false);
    expect(matches(local, inLocal)).toBe(true);
  });
});

describe('the rule for the surroundings of route tables', () => {
  const { EventPattern: pattern } = new StackTemplate().one('AWS::Events::Rule', 'SurroundingCalls');
  const wakes = (candidate: Event) => matches(pattern, candidate);

  it.each(['09', '10', '11'])('matches events that name an association, a target or a prefix list (%s)', (number) => {
    expect(wakes(sample(number))).toBe(true);
  });

  it.each([
    'AssociateRouteTable',
    'ReplaceRouteTableAssociation',
    'EnableVgwRoutePropagation',
    'EnableRouteServerPropagation',
    'CreateVpcEndpoint',
    'DeleteVpcEndpoints',
    'AssociateVpcCidrBlock',
    'TerminateInstances',
    'AcceptVpcPeeringConnection',
    'AcceptVpcEndpointConnections',
    'ModifyTransitGatewayVpcAttachment',
    'RejectVpcPeeringConnection',
    'RunInstances',
    'CreateSubnet',
  ])('matches %s', (eventName) => {
    expect(wakes(sample('01', { eventName }))).toBe(true);
  });

  it.each(['CreateRoute', 'RebootInstances', 'CreateTags', 'DescribeNatGateways'])('sleeps through %s', (eventName) => {
    expect(wakes(sample('01', { eventName }))).toBe(false);
  });

  it('ignores rejected calls, other services and other accounts', () => {
    for (const detail of [
      { errorCode: 'Client.InvalidParameterValue' },
      { eventSource: 'apigateway.amazonaws.com' },
      { recipientAccountId: '444455556666' },
    ])
      expect(wakes(sample('10', detail))).toBe(false);
  });

  it('fits the 2,048 characters that EventBridge allows', () => {
    expect(JSON.stringify(pattern).length).toBeLessThan(2_048);
  });
});

describe('the rule for tags', () => {
  const { EventPattern: pattern } = new StackTemplate().one('AWS::Events::Rule', 'TagCalls');
  const tagging = (resourceIds: readonly string[], detail: Record<string, unknown> = {}): Event =>
    sample('01', {
      eventName: 'CreateTags',
      requestParameters: {
        resourcesSet: { items: resourceIds.map((resourceId) => ({ resourceId })) },
        tagSet: { items: [{ key: 'AmazonFSx', value: 'rtb-aaaaaaaa' }] },
      },
      ...detail,
    });
  const wakes = (candidate: Event) => matches(pattern, candidate);

  it.each(['CreateTags', 'DeleteTags'])('matches %s if a route table is among the resources', (eventName) => {
    expect(wakes(tagging(['rtb-aaaaaaaa'], { eventName }))).toBe(true);
    expect(wakes(tagging(['subnet-aaaaaaaa', 'rtb-aaaaaaaa', 'i-aaaaaaaa'], { eventName }))).toBe(true);
  });

  it('ignores tags of other resources, and calls that set no tags', () => {
    expect(wakes(tagging(['subnet-aaaaaaaa', 'tgw-rtb-aaaaaaaa']))).toBe(false);
    expect(wakes(tagging(['rtb-aaaaaaaa'], { eventName: 'RunInstances' }))).toBe(false);
    expect(wakes(sample('01'))).toBe(false);
  });

  it('ignores rejected calls, other services and other accounts', () => {
    for (const detail of [
      { errorCode: 'Client.UnauthorizedOperation' },
      { eventSource: 'apigateway.amazonaws.com' },
      { recipientAccountId: '444455556666' },
    ])
      expect(wakes(tagging(['rtb-aaaaaaaa'], detail))).toBe(false);
  });
});

describe('the rule for the states of instances', () => {
  const { EventPattern: pattern } = new StackTemplate().one('AWS::Events::Rule', 'InstanceStates');
  const change = (state: string, envelope: Record<string, unknown> = {}) => ({
    source: 'aws.ec2',
    account,
    'detail-type': 'EC2 Instance State-change Notification',
    detail: { 'instance-id': 'i-aaaaaaaa', state },
    ...envelope,
  });

  it.each(['running', 'stopping', 'stopped', 'shutting-down', 'terminated'])('matches %s', (state) => {
    expect(matches(pattern, change(state))).toBe(true);
  });

  it('ignores instances that start, other accounts, other sources and calls', () => {
    expect(matches(pattern, change('pending'))).toBe(false);
    expect(matches(pattern, change('stopped', { account: '444455556666' }))).toBe(false);
    expect(matches(pattern, change('stopped', { source: 'local.ec2' }))).toBe(false);
    expect(matches(pattern, sample('10'))).toBe(false);
  });

  it('matches the stand-in of EC2 only in the local stack', () => {
    const { EventPattern: local } = new StackTemplate({ local: true }).one('AWS::Events::Rule', 'InstanceStates');
    expect(matches(local, change('stopped', { source: 'local.ec2', account: localAccount }))).toBe(true);
  });
});
