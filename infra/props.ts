import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { FunctionCode } from './reconciler-function.ts';

/** A new or an existing table. (Under `exactOptionalPropertyTypes` the CDK's `Table` is no `ITable`.) */
export type AnyTable = Table | ITable;

export interface RouteReconcilerProps {
  /**
   * Name of the table people write desired state to.
   * @default 'DesiredRouteTables'
   */
  readonly desiredTableName?: string | undefined;
  /**
   * Name of the table people write orders to: pauses, stops, holds and approvals.
   * @default 'RouteTableOrders'
   */
  readonly ordersTableName?: string | undefined;
  /**
   * Name of the table that stores status and history.
   * @default 'RouteTableStates'
   */
  readonly stateTableName?: string | undefined;
  /**
   * An existing table for desired state, instead of a new one. Partition key: `routeTableId` (string). Its stream must
   * carry new and old images.
   * @default - a new table
   */
  readonly desiredTable?: AnyTable | undefined;
  /**
   * An existing table for orders, instead of a new one. Keys: `routeTableId`, `order` (strings). Time to live:
   * `expiresAt`. Its stream must carry at least the keys.
   * @default - a new table
   */
  readonly ordersTable?: AnyTable | undefined;
  /**
   * An existing table for status and history, instead of a new one. Keys: `routeTableId`, `item` (strings). Time to
   * live: `expiresAt`. If it belongs to another stack, add the policy that denies others to write it there.
   * @default - a new table
   */
  readonly stateTable?: AnyTable | undefined;
  /**
   * Time between two sweeps, in whole minutes: the longest a change can go unnoticed when no event reports it.
   * @default Duration.minutes(5)
   */
  readonly sweepInterval?: Duration | undefined;
  /**
   * How long the history of a table is kept, in whole days.
   * @default Duration.days(90)
   */
  readonly historyRetention?: Duration | undefined;
  /**
   * Nothing is ever written to EC2: every item counts as if it were in mode `observe`, and no function may write routes.
   * @default false
   */
  readonly observeOnly?: boolean | undefined;
  /**
   * Only route tables with this tag may be changed. Then everybody who may tag a table can hand it to the reconciler.
   * @default - every route table of this account and Region
   */
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
  /**
   * Only route tables of these VPCs may be changed, by id (`vpc-…`). With `managedTag`, a table must fulfil both.
   * @default - every VPC of this account and Region
   */
  readonly managedVpcIds?: readonly string[] | undefined;
  /**
   * Encrypts the tables, the queues, the alarm topic and the logs. The policy of a key of this app is extended. The policy
   * of an imported key must let CloudWatch Logs, EventBridge and CloudWatch use it.
   * @default - keys of AWS; a key of its own for the alarm topic
   */
  readonly encryptionKey?: IKey | undefined;
  /**
   * How long the functions' logs are kept.
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays | undefined;
  /**
   * The topic of all alarms and messages. CloudWatch and EventBridge in this account must be allowed to publish to it,
   * and to use its key. If its policy cannot be changed here, allow the rule `Messages` yourself.
   * @default - a new, encrypted topic without subscribers
   */
  readonly alarmTopic?: ITopic | undefined;
  /**
   * Limits what all roles of the reconciler may do, whatever their policies allow.
   * @default - none
   */
  readonly permissionsBoundary?: IManagedPolicy | undefined;
  /**
   * Path of all roles; begins and ends with `/`. Only roles of this path may write the table of states, so no other role
   * should have it.
   * @default '/route-reconciler/'
   */
  readonly rolePath?: string | undefined;
  /**
   * The roles are named `<roleNamePrefix>OnRouteChange`, `…Sweep` and so on. Roles are global: include the Region if
   * there are several. At most 40 characters.
   * @default - CloudFormation names them
   */
  readonly roleNamePrefix?: string | undefined;
  /**
   * Runs the functions in this VPC. They must reach EC2, DynamoDB, SQS, EventBridge and Lambda from there. Do not let the
   * reconciler manage the route tables of these subnets: a wrong item would cut it off.
   * @default - in no VPC
   */
  readonly vpc?: IVpc | undefined;
  /**
   * The subnets of the functions; only with `vpc`.
   * @default - the private subnets
   */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /**
   * The security groups of the functions; only with `vpc`.
   * @default - a new group that allows all outbound traffic
   */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
  /**
   * Creates a CloudTrail trail that logs management write events in this Region, and a bucket that keeps them for 90 days.
   * Without any such trail, only the sweep finds changes.
   * @default false
   */
  readonly createTrail?: boolean | undefined;
  /**
   * One period for all alarms except those on sweeps. For the local stack, where alarms must not take minutes.
   * @default - each alarm has its own
   */
  readonly alarmPeriod?: Duration | undefined;
  /**
   * Maximum number of concurrent invocations of `on-route-change`, the only function whose load others decide.
   * @default - limited by the account only
   */
  readonly reservedConcurrency?: number | undefined;
  /**
   * Memory of each function, in MiB.
   * @default 512
   */
  readonly memory?: number | undefined;
  /**
   * Event sources whose CloudTrail events wake the reconciler.
   * @default ['aws.ec2']
   */
  readonly eventSources?: readonly string[] | undefined;
  /**
   * Base URL of an EC2 stand-in; each function calls `<ec2Endpoint>/role/<its role name>`. For the local stack only.
   * @default - EC2 itself
   */
  readonly ec2Endpoint?: string | undefined;
  /**
   * Queues and the alarm topic refuse calls without TLS.
   * @default true - false is for the local stack only, whose emulators speak plain HTTP
   */
  readonly enforceSSL?: boolean | undefined;
  /**
   * What happens to tables and logs that leave the stack. With RETAIN, the tables are also protected from deletion.
   *
   * With RETAIN_ON_UPDATE_OR_DELETE, a first deployment that fails leaves no tables. Then the tables have no deletion
   * protection: it would stop the rollback.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
  /**
   * Where the bundled functions are.
   * @default - in `dist/lambdas`, where `npm run build` puts them
   */
  readonly code?: FunctionCode | undefined;
}
