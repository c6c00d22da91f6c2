import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { grantedTo, grants, permissions } from '../support/grants.ts';
import { account, region, StackTemplate } from '../support/stack.ts';

const functions = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep'];
const mapping = `arn:aws:lambda:${region}:${account}:event-source-mapping:`;
const routeTables = `arn:aws:ec2:${region}:${account}:route-table/*`;
const send = ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'];

/** The calls that show route tables, and whether the targets of routes are up. */
const ec2Reads = [
  'ec2:DescribeCarrierGateways',
  'ec2:DescribeEgressOnlyInternetGateways',
  'ec2:DescribeInstances',
  'ec2:DescribeInternetGateways',
  'ec2:DescribeLocalGatewayRouteTableVpcAssociations',
  'ec2:DescribeNatGateways',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeRouteTables',
  'ec2:DescribeTransitGatewayVpcAttachments',
  'ec2:DescribeVpcEndpoints',
  'ec2:DescribeVpcPeeringConnections',
  'ec2:DescribeVpnGateways',
];

/** What every function may do: reconcile tables, with the evidence of their calls, and write its own log. */
const reconcileWith = (name: string) => ({
  '*': ec2Reads,
  [routeTables]: ['ec2:CreateRoute', 'ec2:DeleteRoute', 'ec2:ReplaceRoute'],
  'DesiredRouteTables.Arn': ['dynamodb:BatchGetItem'],
  'RouteTableOrders.Arn': ['dynamodb:BatchGetItem'],
  'RouteTableStates.Arn': [
    'dynamodb:BatchGetItem',
    'dynamodb:BatchWriteItem',
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
  ],
  'Requeue.Arn': ['sqs:SendMessage'],
  [`arn:aws:events:${region}:${account}:event-bus/default`]: ['events:PutEvents'],
  [`${name}Logs.Arn`]: ['logs:CreateLogStream', 'logs:PutLogEvents'],
});

/** The functions' roles, and the sessions of these roles. */
const theFunctions = [
  ...functions.map((name) => `${name}Role.Arn`),
  ...functions.map((name) => ({
    'Fn::Join': ['', [`arn:aws:sts::${account}:assumed-role/`, `${name}Role`, '/*']],
  })),
];

/** The conditions under which the functions may change a route. */
function conditionsOfChanges(template: StackTemplate) {
  return functions
    .flatMap((name) => grants(template, `${name}Role`))
    .filter(({ Action }) => Action.includes('ec2:ReplaceRoute'))
    .map(({ Condition }) => Condition);
}

describe('permissions', () => {
  const template = new StackTemplate();
  const tagged = new StackTemplate({ managedTag: 'managed-by=route-reconciler' });

  it('lets on-route-change reconcile tables, and nothing else', () => {
    expect(permissions(template, 'OnRouteChangeRole')).toEqual({
      ...reconcileWith('OnRouteChange'),
      'FailedInvocations.Arn': send,
    });
  });

  it('lets on-desired-change reconcile one table, and read the streams that wake it', () => {
    expect(permissions(template, 'OnDesiredChangeRole')).toEqual({
      ...reconcileWith('OnDesiredChange'),
      '*': ['dynamodb:ListStreams', ...ec2Reads],
      'DesiredRouteTables.StreamArn': ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      'RouteTableOrders.StreamArn': ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      'FailedRecords.Arn': send,
    });
  });

  it('lets on-requeue reconcile one table, and receive messages from its queue', () => {
    expect(permissions(template, 'OnRequeueRole')).toEqual({
      ...reconcileWith('OnRequeue'),
      'Requeue.Arn': [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:GetQueueUrl',
        'sqs:ReceiveMessage',
        'sqs:SendMessage',
      ],
    });
  });

  it('lets the sweep reconcile one table, list the managed tables, and see whether the mappings are enabled', () => {
    const mappings = [...template.all('AWS::Lambda::EventSourceMapping').keys()];
    expect(permissions(template, 'SweepRole')).toEqual({
      ...reconcileWith('Sweep'),
      'DesiredRouteTables.Arn': ['dynamodb:BatchGetItem', 'dynamodb:Scan'],
      'RouteTableOrders.Arn': ['dynamodb:BatchGetItem', 'dynamodb:Scan'],
      'FailedInvocations.Arn': send,
      // The mappings of edits, orders and requeue messages.
      ...Object.fromEntries(mappings.map((name) => [`${mapping}${name}`, ['lambda:GetEventSourceMapping']])),
    });
    expect(mappings).toHaveLength(3);
  });

  it('lets the widget read, and change nothing', () => {
    expect(permissions(template, 'WidgetRole')).toEqual({
      'DesiredRouteTables.Arn': ['dynamodb:Scan'],
      'RouteTableOrders.Arn': ['dynamodb:Scan'],
      'RouteTableStates.Arn': ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'],
      'WidgetLogs.Arn': ['logs:CreateLogStream', 'logs:PutLogEvents'],
    });
  });

  it('lets nobody else write the state, not even an administrator', () => {
    const { ResourcePolicy } = template.one('AWS::DynamoDB::Table', 'RouteTableStates');
    expect(ResourcePolicy).toEqual({
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'OnlyTheFunctionsWrite',
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: [
              'dynamodb:BatchWriteItem',
              'dynamodb:DeleteItem',
              'dynamodb:PartiQLDelete',
              'dynamodb:PartiQLInsert',
              'dynamodb:PartiQLUpdate',
              'dynamodb:PutItem',
              'dynamodb:UpdateItem',
            ],
            Resource: '*',
            // A retained table keeps this policy, so it names no role of one deployment.
            Condition: { ArnNotLike: { 'aws:PrincipalArn': `arn:aws:iam::${account}:role/route-reconciler/*` } },
          },
        ],
      },
    });
  });

  it('lets nobody else send requeue messages, and nobody without TLS', () => {
    const policies = [...template.all('AWS::SQS::QueuePolicy').values()].filter(({ Queues }) =>
      JSON.stringify(Queues).includes('"Requeue"'),
    );
    expect(policies).toMatchObject([
      {
        PolicyDocument: {
          Statement: [
            { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
            {
              Sid: 'OnlyTheFunctionsSend',
              Effect: 'Deny',
              Principal: { AWS: '*' },
              Action: 'sqs:SendMessage',
              Resource: 'Requeue.Arn',
              Condition: { ArnNotLike: { 'aws:PrincipalArn': theFunctions } },
            },
          ],
        },
      },
    ]);
  });

  it('lets every function put events under our own name only', () => {
    for (const name of functions) {
      const put = grants(template, `${name}Role`).filter(({ Action }) => Action.includes('events:PutEvents'));
      expect(put.map(({ Condition }) => Condition)).toEqual([
        { StringEquals: { 'events:source': 'route-reconciler' } },
      ]);
    }
  });

  it('lets functions on emulators put events without a source, because emulators report none', () => {
    const local = new StackTemplate({ local: true, ec2Endpoint: 'http://127.0.0.1:5000' });
    const [put] = grants(local, 'SweepRole').filter(({ Action }) => Action.includes('events:PutEvents'));
    expect(put?.Condition).toEqual({ StringEqualsIfExists: { 'events:source': 'route-reconciler' } });
  });

  it('lets the schedule invoke the sweep, and nothing else', () => {
    expect(permissions(template, 'SweepScheduleRole')).toEqual({
      'SweepFunction.Arn': ['lambda:InvokeFunction'],
      'UndeliveredEvents.Arn': send,
    });
  });

  it('gives no role a managed policy, whose grants AWS may widen', () => {
    for (const role of template.all('AWS::IAM::Role').values()) expect(role).not.toHaveProperty('ManagedPolicyArns');
  });

  it('lets no function tag anything or make, delete or associate a route table', () => {
    const ec2 = functions.flatMap((name) => grants(template, `${name}Role`)).flatMap(({ Action }) => Action);
    const writes = ec2.filter((action) => !ec2Reads.includes(action));
    expect(writes.filter((action) => /\*|Tag|RouteTable\b|Associat|Propagation|Vpc/.test(action))).toEqual([]);
  });

  it('reads route tables and targets of this Region only', () => {
    const here = { StringEquals: { 'aws:RequestedRegion': region } };
    for (const name of functions) {
      const read = grants(template, `${name}Role`).filter(({ Action }) => Action.some((one) => ec2Reads.includes(one)));
      expect(read.map(({ Condition }) => Condition)).toEqual([here, here]);
    }
  });

  it('narrows changes to tables with the managed tag when one is given', () => {
    const condition = { StringEquals: { 'aws:ResourceTag/managed-by': 'route-reconciler' } };
    expect(conditionsOfChanges(tagged)).toEqual(functions.map(() => condition));
    expect(conditionsOfChanges(template)).toEqual(functions.map(() => undefined));
  });

  it('narrows changes to tables of the managed VPCs when they are given, together with the tag', () => {
    const vpcs = new StackTemplate({
      managedVpcIds: 'vpc-0123456789abcdef0, vpc-0fedcba9876543210',
      managedTag: 'a=b',
    });
    const arn = `arn:aws:ec2:${region}:${account}:vpc/`;
    const condition = {
      StringEquals: { 'aws:ResourceTag/a': 'b' },
      // EC2 compares the ARN of the VPC, not its id.
      ArnEquals: { 'ec2:Vpc': [`${arn}vpc-0123456789abcdef0`, `${arn}vpc-0fedcba9876543210`] },
    };
    expect(conditionsOfChanges(vpcs)).toEqual(functions.map(() => condition));
  });

  it('lets no function write to EC2 when it only observes', () => {
    const observing = new StackTemplate({ observeOnly: true });
    const allowed = functions.flatMap((name) => grants(observing, `${name}Role`)).flatMap(({ Action }) => Action);
    expect(allowed.filter((action) => /^(ec2:(?!Describe)|\*)/.test(action))).toEqual([]);
    expect(allowed).toContain('ec2:DescribeRouteTables');
    const { Environment } = observing.one('AWS::Lambda::Function', 'SweepFunction');
    expect(Environment).toMatchObject({ Variables: { OBSERVE_ONLY: 'true' } });
  });
});

/** What a row of a table in the docs lists: each code span, or the text itself. */
const listedIn = (cell: string): readonly string[] => {
  const spans = [...cell.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return spans.length > 0 ? spans : [cell.trim().replace(/^everything$/, '*')];
};

it('docs/security.md says of each permission of a function how it is missed, and names no other', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/security.md'), 'utf8');
  const [, section = ''] = /^## Each permission is needed\n([^]*?)^## /m.exec(page) ?? [];
  const named = [...section.matchAll(/^\| (`.+?) \| (.+?) \|/gm)].flatMap(([, actions = '', resources = '']) =>
    listedIn(actions).flatMap((action) => listedIn(resources).map((resource) => `${action} on ${resource}`)),
  );
  const template = new StackTemplate();
  const granted = [...functions, 'Widget'].flatMap((name) => grantedTo(name, template));
  expect([...new Set(named)].sort()).toEqual(
    [...new Set(granted.map(({ action, resource }) => `${action} on ${resource}`))].sort(),
  );
});
