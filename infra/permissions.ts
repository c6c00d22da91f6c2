import { Stack, Token, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { eventSource } from '../reconciler/core/announce/domain-event.ts';

const write = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:BatchWriteItem'];

/** The tables and the queue a reconcile reads and writes, and the tag that opens a route table to it. */
export interface Reach {
  readonly desiredTable: Table;
  readonly ordersTable: Table;
  readonly stateTable: Table;
  readonly requeue: Queue;
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
}

/**
 * Lets `role` reconcile one route table: read what it should contain, read what it contains, change its routes, remember
 * what was done, ask to look again later.
 *
 * Routes only: no call that makes, deletes, associates or tags a route table is among them. Tagging above all: with
 * `managedTag` the tag is the border of what may be changed, so nobody inside may move it. IAM knows no condition on
 * a route's destination or target; which routes are ours is decided by the plan.
 */
export function allowReconcile(
  role: Role,
  { desiredTable, ordersTable, stateTable, requeue, managedTag }: Reach,
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
      sid: 'ChangeRoutes',
      effect: Effect.ALLOW,
      actions: ['ec2:CreateRoute', 'ec2:ReplaceRoute', 'ec2:DeleteRoute'],
      resources: [routeTables],
      ...(managedTag && { conditions: { StringEquals: { [`aws:ResourceTag/${managedTag.key}`]: managedTag.value } } }),
    }),
  );
  // Item, lease and orders are read together, in one batch. What people write, no function can.
  desiredTable.grant(role, 'dynamodb:BatchGetItem');
  ordersTable.grant(role, 'dynamodb:BatchGetItem');
  // History and leases are written one by one; the index of targets and reported calls are written in batches and queried.
  stateTable.grant(role, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', ...write);
  requeue.grant(role, 'sqs:SendMessage');
  const bus = stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
  role.addToPolicy(
    new PolicyStatement({
      sid: 'TellNews',
      effect: Effect.ALLOW,
      actions: ['events:PutEvents'],
      resources: [bus],
      // Nobody may speak as another, EC2 above all: what is said on the bus wakes functions.
      // (AWS tells the source of every event that is put; the emulators of the local stack do not.)
      conditions: { StringEqualsIfExists: { 'events:source': eventSource } },
    }),
  );

  Validations.of(role).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'DescribeRouteTables (and ListStreams) know no resource-level permission.',
    },
    {
      id: `AwsSolutions-IAM5[Resource::${readable(routeTables, stack)}]`,
      reason:
        'Tables become managed by an item in DynamoDB, so their ids are not known here; account and Region are fixed, and managedTag narrows it further.',
    },
  );
}

type Tables = Pick<Reach, 'desiredTable' | 'ordersTable' | 'stateTable'>;

/** Lets `role` show what is remembered of all tables, and change nothing. */
export function allowShow(role: Role, { desiredTable, ordersTable, stateTable }: Tables): void {
  desiredTable.grant(role, 'dynamodb:Scan');
  ordersTable.grant(role, 'dynamodb:Scan');
  stateTable.grant(role, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query');
}

/** Lets `role` list, in bulk, all tables that are managed, and all orders. */
export function allowSweep(
  role: Role,
  { desiredTable, ordersTable }: Pick<Tables, 'desiredTable' | 'ordersTable'>,
): void {
  desiredTable.grant(role, 'dynamodb:Scan');
  ordersTable.grant(role, 'dynamodb:Scan');
}

/**
 * Denies everybody but these roles to write what is remembered, or to send messages to the requeue queue: a forged memory
 * would let deletes go unasked. The policies lie on table and queue, so that no identity policy of the account, however
 * wide, opens them by accident. (The emulators of the local stack enforce the queue's policy and accept the table's without enforcing it.)
 */
export function denyOthers(
  roles: readonly Role[],
  { stateTable, requeue }: Pick<Reach, 'stateTable' | 'requeue'>,
): void {
  // AWS puts the role into aws:PrincipalArn, the emulators of the local stack its session.
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
      // The table itself: its own ARN is not known before it exists.
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
