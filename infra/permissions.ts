import { Stack, Token, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { eventSource } from '../reconciler/core/announce/domain-event.ts';

const write = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:BatchWriteItem'];

/** The calls that show whether the targets of routes are up. */
const targetReads = [
  'ec2:DescribeCarrierGateways',
  'ec2:DescribeEgressOnlyInternetGateways',
  'ec2:DescribeInstances',
  'ec2:DescribeInternetGateways',
  'ec2:DescribeLocalGatewayRouteTableVpcAssociations',
  'ec2:DescribeNatGateways',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeTransitGatewayVpcAttachments',
  'ec2:DescribeVpcEndpoints',
  'ec2:DescribeVpcPeeringConnections',
  'ec2:DescribeVpnGateways',
];

/** The tables and the queue a reconcile reads and writes, and the tag that opens a route table to it. */
export interface Reach {
  readonly desiredTable: Table;
  readonly ordersTable: Table;
  readonly stateTable: Table;
  readonly requeue: Queue;
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
  /** The stack runs on the emulators of the local stack. */
  readonly isEmulated: boolean;
}

/**
 * Lets `role` reconcile route tables: read the desired items, read the route tables and the state of their targets,
 * change their routes, record what was done, and requeue a reconcile.
 *
 * Routes only: the role may not create, delete, associate or tag a route table. Tags matter most: with `managedTag` the
 * tag decides which tables may be changed, so no function may set it. IAM has no condition on the destination or the
 * target of a route: the plan decides which routes are ours.
 */
export function allowReconcile(
  role: Role,
  { desiredTable, ordersTable, stateTable, requeue, managedTag, isEmulated }: Reach,
): void {
  const stack = Stack.of(role);
  const routeTables = stack.formatArn({ service: 'ec2', resource: 'route-table', resourceName: '*' });

  role.addToPolicy(
    new PolicyStatement({
      sid: 'ReadRouteTables',
      effect: Effect.ALLOW,
      actions: ['ec2:DescribeRouteTables'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:RequestedRegion': stack.region } },
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      sid: 'ReadTargets',
      effect: Effect.ALLOW,
      actions: targetReads,
      resources: ['*'],
      conditions: { StringEquals: { 'aws:RequestedRegion': stack.region } },
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      sid: 'ChangeRoutes',
      effect: Effect.ALLOW,
      actions: ['ec2:CreateRoute', 'ec2:ReplaceRoute', 'ec2:DeleteRoute'],
      resources: [routeTables],
      ...(managedTag && { conditions: { StringEquals: { [`aws:ResourceTag/${managedTag.key}`]: managedTag.value } } }),
    }),
  );
  // The item, the lease and the orders are read together, in one batch. No function can write what people write.
  desiredTable.grant(role, 'dynamodb:BatchGetItem');
  ordersTable.grant(role, 'dynamodb:BatchGetItem');
  // History and leases are written one by one. The index and the reported calls are written in batches and queried.
  stateTable.grant(role, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', ...write);
  requeue.grant(role, 'sqs:SendMessage');
  const bus = stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
  role.addToPolicy(
    new PolicyStatement({
      sid: 'TellNews',
      effect: Effect.ALLOW,
      actions: ['events:PutEvents'],
      resources: [bus],
      // The role may send events only under our own source, and never as EC2: events on the bus trigger functions.
      // AWS sets `events:source` for every event; the emulators of the local stack do not.
      conditions: { [isEmulated ? 'StringEqualsIfExists' : 'StringEquals']: { 'events:source': eventSource } },
    }),
  );

  Validations.of(role).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'The Describe calls (and ListStreams) have no resource-level permissions.',
    },
    {
      id: `AwsSolutions-IAM5[Resource::${readable(routeTables, stack)}]`,
      reason:
        'Tables become managed by an item in DynamoDB, so their ids are not known here; account and Region are fixed, and managedTag narrows it further.',
    },
  );
}

type Tables = Pick<Reach, 'desiredTable' | 'ordersTable' | 'stateTable'>;

/** Lets `role` read everything that is stored, and change nothing. */
export function allowShow(role: Role, { desiredTable, ordersTable, stateTable }: Tables): void {
  desiredTable.grant(role, 'dynamodb:Scan');
  ordersTable.grant(role, 'dynamodb:Scan');
  stateTable.grant(role, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query');
}

/** Lets `role` read all desired items and all orders in bulk. */
export function allowSweep(
  role: Role,
  { desiredTable, ordersTable }: Pick<Tables, 'desiredTable' | 'ordersTable'>,
): void {
  desiredTable.grant(role, 'dynamodb:Scan');
  ordersTable.grant(role, 'dynamodb:Scan');
}

/** Lets `role` see whether these event source mappings are enabled, and change none of them. */
export function allowReadMappings(
  role: Role,
  mappings: readonly Pick<IEventSourceMapping, 'eventSourceMappingArn'>[],
): void {
  role.addToPolicy(
    new PolicyStatement({
      sid: 'ReadMappings',
      effect: Effect.ALLOW,
      actions: ['lambda:GetEventSourceMapping'],
      resources: mappings.map(({ eventSourceMappingArn }) => eventSourceMappingArn),
    }),
  );
}

/**
 * Denies everybody except these roles to write states and to send messages to the requeue queue: a forged memory would
 * let deletes go without approval. These are policies of the table and the queue, so no identity policy of the account,
 * however wide, allows it by accident. (The emulators of the local stack enforce the policy of the queue. They accept
 * the policy of the table, but do not enforce it.)
 */
export function denyOthers(
  roles: readonly Role[],
  { stateTable, requeue }: Pick<Reach, 'stateTable' | 'requeue'>,
): void {
  // On AWS, aws:PrincipalArn is the role. In the emulators of the local stack it is the session of the role.
  const sessions = roles.map((role) =>
    Stack.of(role).formatArn({
      service: 'sts',
      region: '',
      resource: 'assumed-role',
      resourceName: `${role.roleName}/*`,
    }),
  );
  const others = {
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    conditions: { ArnNotLike: { 'aws:PrincipalArn': [...roles.map(({ roleArn }) => roleArn), ...sessions] } },
  };
  stateTable.addToResourcePolicy(
    new PolicyStatement({
      sid: 'OnlyTheFunctionsWrite',
      ...others,
      actions: [...write, 'dynamodb:PartiQLInsert', 'dynamodb:PartiQLUpdate', 'dynamodb:PartiQLDelete'],
      // In this policy `*` is the table itself: its ARN is not known before it exists.
      resources: ['*'],
    }),
  );
  requeue.addToResourcePolicy(
    new PolicyStatement({
      sid: 'OnlyTheFunctionsSend',
      ...others,
      actions: ['sqs:SendMessage'],
      resources: [requeue.queueArn],
    }),
  );
}

/** How cdk-nag spells an ARN whose parts are known only at deployment: `<AWS::Region>` and the like. */
function readable(arn: string, { partition, region, account }: Stack): string {
  const names = { [partition]: '<AWS::Partition>', [region]: '<AWS::Region>', [account]: '<AWS::AccountId>' };
  return Object.entries(names)
    .filter(([value]) => Token.isUnresolved(value))
    .reduce((text, [value, name]) => text.replace(value, name), arn);
}
