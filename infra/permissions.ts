import { Annotations, Stack, Token, Validations } from 'aws-cdk-lib';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  AnyPrincipal,
  Effect,
  type Grant,
  type IGrantable,
  Policy,
  PolicyStatement,
  type Role,
} from 'aws-cdk-lib/aws-iam';
import type { IEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { AnyTable } from './props.ts';
import type { Tables } from './tables.ts';
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

/** The tables and the queue that a reconcile reads and writes. */
export interface Reach extends Tables {
  readonly requeue: Queue;
  /** The stack runs on the emulators of the local stack. */
  readonly isEmulated: boolean;
}

/** Which route tables may be changed. A table must fulfil everything that is given. */
export interface Changeable {
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
  readonly managedVpcIds?: readonly string[] | undefined;
}

/**
 * Lets `role` reconcile route tables, except for changing their routes: read the desired items, read the route tables and
 * the state of their targets, record what was done, and requeue a reconcile.
 */
export function allowReconcile(
  role: Role,
  { desiredTable, ordersTable, stateTable, requeue, isEmulated }: Reach,
): void {
  const stack = Stack.of(role);

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
  // The item, the lease and the orders are read together, in one batch. No function can write what people write.
  allow(role, desiredTable, 'dynamodb:BatchGetItem');
  allow(role, ordersTable, 'dynamodb:BatchGetItem');
  // History and leases are written one by one. The index and the reported calls are written in batches and queried.
  allow(role, stateTable, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', ...write);
  requeue.grant(role, 'sqs:SendMessage');
  requeue.encryptionMasterKey?.grantEncryptDecrypt(role);
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

  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'The Describe calls (and ListStreams) have no resource-level permissions.',
  });
}

/**
 * Lets `roles` change routes. This policy is their only permission to write in EC2.
 *
 * Routes only: the roles may not create, delete, associate or tag a route table. Tags matter most: with `managedTag` the
 * tag decides which tables may be changed, so no function may set it. IAM has no condition on the destination or the
 * target of a route: the plan decides which routes are ours.
 */
export function allowChanges(
  scope: Construct,
  roles: readonly Role[],
  { managedTag, managedVpcIds }: Changeable,
): Policy {
  const stack = Stack.of(scope);
  const routeTables = stack.formatArn({ service: 'ec2', resource: 'route-table', resourceName: '*' });
  const vpcs = managedVpcIds?.map((id) => stack.formatArn({ service: 'ec2', resource: 'vpc', resourceName: id }));
  const policy = new Policy(scope, 'ChangeRoutes', {
    roles: [...roles],
    statements: [
      new PolicyStatement({
        sid: 'ChangeRoutes',
        effect: Effect.ALLOW,
        actions: ['ec2:CreateRoute', 'ec2:ReplaceRoute', 'ec2:DeleteRoute'],
        resources: [routeTables],
        conditions: {
          ...(managedTag && { StringEquals: { [`aws:ResourceTag/${managedTag.key}`]: managedTag.value } }),
          // The key is the ARN of the VPC, not its id.
          ...(vpcs && { ArnEquals: { 'ec2:Vpc': vpcs } }),
        },
      }),
    ],
  });
  Validations.of(policy).acknowledge({
    id: `AwsSolutions-IAM5[Resource::${readable(routeTables, stack)}]`,
    reason:
      'Tables become managed by an item in DynamoDB, so their ids are not known here; account and Region are fixed, and managedTag and managedVpcIds narrow it further.',
  });
  return policy;
}

/** Lets `role` read everything that is stored, and change nothing. */
export function allowShow(role: Role, { desiredTable, ordersTable, stateTable }: Tables): void {
  allow(role, desiredTable, 'dynamodb:Scan');
  allow(role, ordersTable, 'dynamodb:Scan');
  allow(role, stateTable, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query');
}

/** Lets `role` read all desired items and all orders in bulk. */
export function allowSweep(
  role: Role,
  { desiredTable, ordersTable }: Pick<Tables, 'desiredTable' | 'ordersTable'>,
): void {
  allow(role, desiredTable, 'dynamodb:Scan');
  allow(role, ordersTable, 'dynamodb:Scan');
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

/** Lets `role` write and delete items for deployments. It compares each with the stored one. */
export const allowDeployItems = (role: Role, { desiredTable }: Pick<Tables, 'desiredTable'>): Grant =>
  allow(role, desiredTable, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem');

/** Lets somebody write desired items with any tool, and read them. */
export const allowWriteDesired = (grantee: IGrantable, { desiredTable }: Pick<Tables, 'desiredTable'>): Grant =>
  allow(
    grantee,
    desiredTable,
    'dynamodb:BatchGetItem',
    'dynamodb:GetItem',
    'dynamodb:Query',
    'dynamodb:Scan',
    ...write,
  );

/** Lets somebody pause, stop, hold and approve, and read all orders. */
export const allowOrder = (grantee: IGrantable, { ordersTable }: Pick<Tables, 'ordersTable'>): Grant =>
  allow(grantee, ordersTable, 'dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan', ...write);

/** Lets somebody read all states and histories. */
export const allowReadState = (grantee: IGrantable, { stateTable }: Pick<Tables, 'stateTable'>): Grant =>
  allow(grantee, stateTable, 'dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan');

/** Allows actions on a table, and the use of its key. */
function allow(grantee: IGrantable, table: AnyTable, ...actions: readonly string[]): Grant {
  if (actions.some((action) => write.includes(action))) table.encryptionKey?.grantEncryptDecrypt(grantee);
  else table.encryptionKey?.grantDecrypt(grantee);
  return table.grant(grantee, ...actions);
}

const denied = { effect: Effect.DENY, principals: [new AnyPrincipal()] };

/**
 * Denies everybody except roles in this path to write states: a forged memory would let deletes go without approval. It
 * is a policy of the table, so no identity policy of the account, however wide, allows it by accident. The table outlives
 * the roles, and the roles of a later deployment must be able to write it, so the policy names no role.
 *
 * The emulators of the local stack accept this policy, but do not enforce it.
 */
export function denyOthersToWrite({ stateTable }: Pick<Tables, 'stateTable'>, rolePath: string): void {
  const { account, partition } = Stack.of(stateTable);
  if (!(stateTable instanceof Table)) {
    Annotations.of(stateTable).addWarningV2(
      'route-reconciler:stateTablePolicy',
      'the policy of this table cannot be changed here: deny everybody except the roles of the reconciler to write it (docs/security.md)',
    );
    return;
  }
  stateTable.addToResourcePolicy(
    new PolicyStatement({
      sid: 'OnlyTheFunctionsWrite',
      ...denied,
      conditions: { ArnNotLike: { 'aws:PrincipalArn': `arn:${partition}:iam::${account}:role${rolePath}*` } },
      actions: [...write, 'dynamodb:PartiQLInsert', 'dynamodb:PartiQLUpdate', 'dynamodb:PartiQLDelete'],
      // In this policy `*` is the table itself: its ARN is not known before it exists.
      resources: ['*'],
    }),
  );
}

/** Denies everybody except these roles to send messages to the requeue queue, as `denyOthersToWrite` does for states. */
export function denyOthersToSend(roles: readonly Role[], { requeue }: Pick<Reach, 'requeue'>): void {
  // On AWS, aws:PrincipalArn is the role. In the emulators of the local stack it is the session of the role.
  const sessions = roles.map((role) =>
    Stack.of(role).formatArn({
      service: 'sts',
      region: '',
      resource: 'assumed-role',
      resourceName: `${role.roleName}/*`,
    }),
  );
  requeue.addToResourcePolicy(
    new PolicyStatement({
      sid: 'OnlyTheFunctionsSend',
      ...denied,
      conditions: { ArnNotLike: { 'aws:PrincipalArn': [...roles.map(({ roleArn }) => roleArn), ...sessions] } },
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
