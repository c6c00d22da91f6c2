import path from 'node:path';
import { Duration, RemovalPolicy, Stack, Tokenization } from 'aws-cdk-lib';
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget } from 'aws-cdk-lib/aws-events-targets';
import { StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { SqsDlq, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Schedule } from 'aws-cdk-lib/aws-scheduler';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { Alarms } from './alarms.ts';
import { FleetDashboard } from './dashboard.ts';
import { messages } from './messages.ts';
import { allowReadMappings, allowReconcile, allowShow, allowSweep, denyOthers } from './permissions.ts';
import { deadLetterQueue, requeueQueue } from './queues.ts';
import { type FunctionCode, ReconcilerFunction } from './reconciler-function.ts';
import { instanceStatePattern, routeCallPattern, surroundingCallPattern, tagCallPattern } from './route-calls.ts';
import { sweepSchedule } from './sweep-schedule.ts';
import { desiredRouteTables, routeTableOrders, routeTableStates } from './tables.ts';

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
   * Only route tables with this tag may be changed. Then everybody who may tag a table can hand it to the reconciler.
   * @default - every route table of this account and Region
   */
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
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
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
  /**
   * Where the bundled functions are.
   * @default - in `dist/lambdas`, where `npm run build` puts them
   */
  readonly code?: FunctionCode | undefined;
}

/** Keeps the route tables of one account and Region as desired: tables, functions, their triggers and their alarms. */
export class RouteReconciler extends Construct {
  readonly desiredTable: Table;
  readonly ordersTable: Table;
  readonly stateTable: Table;
  readonly onRouteChange: ReconcilerFunction;
  readonly onDesiredChange: ReconcilerFunction;
  readonly onRequeue: ReconcilerFunction;
  readonly sweep: ReconcilerFunction;
  readonly routeCalls: Rule;
  readonly surroundingCalls: Rule;
  readonly tagCalls: Rule;
  readonly instanceStates: Rule;
  readonly sweepSchedule: Schedule;
  /** Events and scheduled sweeps that could not be delivered to their function. */
  readonly undeliveredEvents: Queue;
  /** Events and sweeps whose function failed, with the error. */
  readonly failedInvocations: Queue;
  /** Edits and orders whose function failed: shard and sequence numbers. */
  readonly failedRecords: Queue;
  /** Messages that ask for another reconcile: verification, back-off, work that was left over. */
  readonly requeue: Queue;
  /** Messages of `requeue` whose function failed. */
  readonly failedRequeues: Queue;
  /** Shows the fleet in the dashboard. */
  readonly widget: ReconcilerFunction;
  readonly alarmTopic: ITopic;
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: RouteReconcilerProps = {}) {
    super(scope, id);
    const sweepInterval = props.sweepInterval ?? Duration.minutes(5);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    const enforceSSL = props.enforceSSL ?? true;
    const eventSources = props.eventSources ?? ['aws.ec2'];

    this.desiredTable = desiredRouteTables(this, props.desiredTableName ?? 'DesiredRouteTables', removalPolicy);
    this.ordersTable = routeTableOrders(this, props.ordersTableName ?? 'RouteTableOrders', removalPolicy);
    this.stateTable = routeTableStates(this, props.stateTableName ?? 'RouteTableStates', removalPolicy);

    this.undeliveredEvents = deadLetterQueue(this, 'UndeliveredEvents', enforceSSL);
    this.failedInvocations = deadLetterQueue(this, 'FailedInvocations', enforceSSL);
    this.failedRecords = deadLetterQueue(this, 'FailedRecords', enforceSSL);
    this.failedRequeues = deadLetterQueue(this, 'FailedRequeues', enforceSSL);
    this.requeue = requeueQueue(this, this.failedRequeues, enforceSSL);

    const common = {
      code: props.code ?? { directory: path.resolve(import.meta.dirname, '../dist/lambdas') },
      memory: props.memory ?? 512,
      logRetention: props.logRetention ?? RetentionDays.THREE_MONTHS,
      logRemovalPolicy: removalPolicy,
      ec2Endpoint: props.ec2Endpoint,
      environment: {
        DESIRED_TABLE: this.desiredTable.tableName,
        ORDERS_TABLE: this.ordersTable.tableName,
        STATE_TABLE: this.stateTable.tableName,
        REQUEUE_URL: this.requeue.queueUrl,
        ACCOUNT_ID: Stack.of(this).account,
        EVENT_SOURCES: eventSources.join(','),
        SWEEP_EVERY_MINUTES: String(sweepInterval.toMinutes()),
        // A number that is known only at deployment has a text of its own.
        HISTORY_DAYS: Tokenization.stringifyNumber((props.historyRetention ?? Duration.days(90)).toDays()),
        POWERTOOLS_SERVICE_NAME: 'route-reconciler',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    };
    this.onRouteChange = new ReconcilerFunction(this, 'OnRouteChange', {
      ...common,
      entry: 'on-route-change',
      description: 'Reconciles the route tables that an EC2 call may have changed',
      failedInvocations: this.failedInvocations,
      reservedConcurrency: props.reservedConcurrency,
    });
    this.onDesiredChange = new ReconcilerFunction(this, 'OnDesiredChange', {
      ...common,
      entry: 'on-desired-change',
      description: 'Reconciles the route tables whose desired state was edited, or for which an order was given',
    });
    this.sweep = new ReconcilerFunction(this, 'Sweep', {
      ...common,
      entry: 'sweep',
      description: 'Reconciles every managed route table that drifted unnoticed',
      failedInvocations: this.failedInvocations,
    });
    this.onRequeue = new ReconcilerFunction(this, 'OnRequeue', {
      ...common,
      entry: 'on-requeue',
      description: 'Reconciles the route tables for which a reconcile was requeued',
    });
    this.widget = new ReconcilerFunction(this, 'Widget', {
      ...common,
      entry: 'widget',
      description: 'Shows the fleet, and one table, in the dashboard',
    });
    const functions = [this.onRouteChange, this.onDesiredChange, this.onRequeue, this.sweep];

    const { desiredTable, ordersTable, stateTable, requeue } = this;
    const { managedTag } = props;
    const isEmulated = props.ec2Endpoint !== undefined;
    const reach = { desiredTable, ordersTable, stateTable, requeue, managedTag, isEmulated };
    for (const { role } of functions) allowReconcile(role, reach);
    allowSweep(this.sweep.role, reach);
    allowShow(this.widget.role, reach);
    denyOthers(
      functions.map(({ role }) => role),
      reach,
    );

    const watched = { sources: eventSources, account: Stack.of(this).account };
    const target = new FunctionTarget(this.onRouteChange.function, {
      deadLetterQueue: this.undeliveredEvents,
      // As for the function itself: after an hour a sweep has read the table anyway.
      maxEventAge: Duration.hours(1),
    });
    this.routeCalls = new Rule(this, 'RouteCalls', {
      description: 'EC2 calls by others that change a route table',
      eventPattern: routeCallPattern({ ...watched, ownRoles: functions.map(({ role }) => role.roleArn) }),
      targets: [target],
    });
    this.surroundingCalls = new Rule(this, 'SurroundingCalls', {
      description: 'EC2 calls that change what route tables serve, and where their routes lead',
      eventPattern: surroundingCallPattern(watched),
      targets: [target],
    });
    this.tagCalls = new Rule(this, 'TagCalls', {
      description: 'EC2 calls that tag a route table: tags may decide which routes are ours and whether we may write',
      eventPattern: tagCallPattern(watched),
      targets: [target],
    });
    this.instanceStates = new Rule(this, 'InstanceStates', {
      description: 'Instances that came up or went down, whether or not a call made them',
      eventPattern: instanceStatePattern(watched),
      targets: [target],
    });

    const changes = {
      // LATEST would miss the edits made while the mapping is created or updated.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(1),
      // A record that always fails would block its shard for a day. So it goes to a queue after 5 retries, in
      // smaller and smaller batches.
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      retryAttempts: 5,
      maxRecordAge: Duration.hours(1),
      onFailure: new SqsDlq(this.failedRecords),
    } as const;
    const edits = this.onDesiredChange.function.addEventSourceMapping('DesiredChanges', {
      ...changes,
      eventSourceArn: streamArn(this.desiredTable),
    });
    const orders = this.onDesiredChange.function.addEventSourceMapping('Orders', {
      ...changes,
      eventSourceArn: streamArn(this.ordersTable),
    });
    this.desiredTable.grantStreamRead(this.onDesiredChange.role);
    this.ordersTable.grantStreamRead(this.onDesiredChange.role);

    const requeued = new SqsEventSource(this.requeue, {
      // One read shows 100 tables: after a sweep that repaired many, a few reads verify them.
      batchSize: 100,
      // Lambda asks for a window if a batch has more than 10 messages. Everything in this queue was delayed anyway.
      maxBatchingWindow: Duration.seconds(1),
      reportBatchItemFailures: true,
    });
    this.onRequeue.function.addEventSource(requeued);

    // A mapping is created after its function, so only another function can know its id.
    const mappings = [edits, orders, requeued];
    allowReadMappings(this.sweep.role, mappings);
    this.sweep.function.addEnvironment(
      'MAPPING_IDS',
      mappings.map(({ eventSourceMappingId }) => eventSourceMappingId).join(','),
    );

    this.sweepSchedule = sweepSchedule(this, this.sweep.function, sweepInterval, this.undeliveredEvents);

    const watchedFunctions = {
      OnRouteChange: this.onRouteChange.function,
      OnDesiredChange: this.onDesiredChange.function,
      OnRequeue: this.onRequeue.function,
      Sweep: this.sweep.function,
    };
    const { undeliveredEvents, failedInvocations, failedRecords, failedRequeues } = this;
    const deadLetters = { undeliveredEvents, failedInvocations, failedRecords, failedRequeues };
    const alarms = new Alarms(this, 'Alarms', {
      topic: props.alarmTopic,
      enforceSSL,
      functions: watchedFunctions,
      ...deadLetters,
      requeue,
      sweepInterval,
      period: props.alarmPeriod,
    });
    this.alarmTopic = alarms.topic;
    this.dashboard = new FleetDashboard(this, 'Dashboard', {
      alarms: alarms.all,
      widget: this.widget.function,
      functions: watchedFunctions,
      onRouteChange: this.onRouteChange.function,
      queues: { requeue, ...deadLetters },
    }).dashboard;
    messages(this, {
      topic: alarms.topic,
      key: alarms.key,
      undelivered: undeliveredEvents,
    });
  }
}

function streamArn({ tableStreamArn, node }: Table): string {
  if (!tableStreamArn) throw new Error(`${node.path} has no stream`);
  return tableStreamArn;
}
