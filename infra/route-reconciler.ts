import path from 'node:path';
import { CfnOutput, Duration, RemovalPolicy, Stack, Tokenization } from 'aws-cdk-lib';
import type { Dashboard, IAlarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget } from 'aws-cdk-lib/aws-events-targets';
import { type Grant, type IGrantable, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import { StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { SqsDlq, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Schedule } from 'aws-cdk-lib/aws-scheduler';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { Alarms } from './alarms.ts';
import { FleetDashboard } from './dashboard.ts';
import { admitServices } from './encryption.ts';
import { messages } from './messages.ts';
import { reconcilerMetric } from './metrics.ts';
import {
  allowChanges,
  allowDeployItems,
  allowOrder,
  allowReadMappings,
  allowReadState,
  allowReconcile,
  allowShow,
  allowSweep,
  allowWriteDesired,
  denyOthersToSend,
  denyOthersToWrite,
} from './permissions.ts';
import type { AnyTable, RouteReconcilerProps } from './props.ts';
import { deadLetterQueue, requeueQueue } from './queues.ts';
import { ReconcilerFunction, type VpcPlacement } from './reconciler-function.ts';
import { instanceStatePattern, routeCallPattern, surroundingCallPattern, tagCallPattern } from './route-calls.ts';
import { sweepSchedule } from './sweep-schedule.ts';
import { streamArn, tables } from './tables.ts';
import { trail } from './trail.ts';

/** Keeps the route tables of one account and Region as desired: tables, functions, their triggers and their alarms. */
export class RouteReconciler extends Construct {
  readonly desiredTable: AnyTable;
  readonly ordersTable: AnyTable;
  readonly stateTable: AnyTable;
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
  /** All alarms, each with its meaning and its runbook entry in the description. */
  readonly alarms: readonly IAlarm[];
  readonly dashboard: Dashboard;
  readonly #itemWriter: () => ReconcilerFunction;

  constructor(scope: Construct, id: string, props: RouteReconcilerProps = {}) {
    super(scope, id);
    const sweepInterval = props.sweepInterval ?? Duration.minutes(5);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    const enforceSSL = props.enforceSSL ?? true;
    const eventSources = props.eventSources ?? ['aws.ec2'];

    const { encryptionKey, permissionsBoundary, rolePath = '/route-reconciler/' } = props;
    const roles = { rolePath, roleNamePrefix: props.roleNamePrefix };
    if (permissionsBoundary) PermissionsBoundary.of(this).apply(permissionsBoundary);
    if (encryptionKey) admitServices(this, encryptionKey);
    if (props.createTrail) trail(this);

    const { desiredTable, ordersTable, stateTable } = tables(this, props);
    this.desiredTable = desiredTable;
    this.ordersTable = ordersTable;
    this.stateTable = stateTable;

    const security = { enforceSSL, encryptionKey };
    this.undeliveredEvents = deadLetterQueue(this, 'UndeliveredEvents', security);
    this.failedInvocations = deadLetterQueue(this, 'FailedInvocations', security);
    this.failedRecords = deadLetterQueue(this, 'FailedRecords', security);
    this.failedRequeues = deadLetterQueue(this, 'FailedRequeues', security);
    this.requeue = requeueQueue(this, this.failedRequeues, security);

    const common = {
      code: props.code ?? { directory: path.resolve(import.meta.dirname, '../dist/lambdas') },
      memory: props.memory ?? 512,
      logRetention: props.logRetention ?? RetentionDays.THREE_MONTHS,
      logRemovalPolicy: removalPolicy,
      encryptionKey,
      roles,
      network: placement(props),
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
        ...(props.observeOnly && { OBSERVE_ONLY: 'true' }),
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
    this.#itemWriter = () =>
      new ReconcilerFunction(this, 'DesiredItem', {
        ...common,
        entry: 'desired-item',
        description: 'Writes and deletes desired items for deployments',
        environment: { DESIRED_TABLE: desiredTable.tableName },
      });
    const functions = [this.onRouteChange, this.onDesiredChange, this.onRequeue, this.sweep];

    const { requeue } = this;
    const isEmulated = props.ec2Endpoint !== undefined;
    const reach = { desiredTable, ordersTable, stateTable, requeue, isEmulated };
    const reconcilerRoles = functions.map(({ role }) => role);
    for (const role of reconcilerRoles) allowReconcile(role, reach);
    if (!props.observeOnly) allowChanges(this, reconcilerRoles, props);
    allowSweep(this.sweep.role, reach);
    allowShow(this.widget.role, reach);
    denyOthersToWrite(reach, rolePath);
    denyOthersToSend(reconcilerRoles, reach);

    const watched = { sources: eventSources, account: Stack.of(this).account };
    const target = new FunctionTarget(this.onRouteChange.function, {
      deadLetterQueue: this.undeliveredEvents,
      // As for the function itself: after an hour a sweep has read the table anyway.
      maxEventAge: Duration.hours(1),
    });
    this.routeCalls = new Rule(this, 'RouteCalls', {
      description: 'EC2 calls by others that change a route table',
      eventPattern: routeCallPattern({ ...watched, ownRoles: reconcilerRoles.map(({ roleArn }) => roleArn) }),
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
      eventSourceArn: streamArn('desiredTable', this.desiredTable),
    });
    const orders = this.onDesiredChange.function.addEventSourceMapping('Orders', {
      ...changes,
      eventSourceArn: streamArn('ordersTable', this.ordersTable),
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

    this.sweepSchedule = sweepSchedule(this, this.sweep.function, sweepInterval, {
      undelivered: this.undeliveredEvents,
      roles,
    });

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
      ...security,
      functions: watchedFunctions,
      ...deadLetters,
      requeue,
      sweepInterval,
      period: props.alarmPeriod,
    });
    this.alarmTopic = alarms.topic;
    this.alarms = alarms.all;
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

  /**
   * The function that writes the items of `DesiredRouteTable`s. It exists only if the app has one: without it, no function
   * may write items.
   */
  itemWriter(): ReconcilerFunction {
    const existing = this.node.tryFindChild('DesiredItem');
    if (existing instanceof ReconcilerFunction) return existing;
    const writer = this.#itemWriter();
    allowDeployItems(writer.role, this);
    // A route that may not be changed yet would wait for the next sweep.
    const changes = this.node.tryFindChild('ChangeRoutes');
    if (changes) writer.function.node.addDependency(changes);
    return writer;
  }

  /** Adds outputs to the stack that name the resources which scripts, people and `routectl doctor` need. */
  addOutputs(): void {
    const outputs = {
      DesiredTableName: this.desiredTable.tableName,
      OrdersTableName: this.ordersTable.tableName,
      StateTableName: this.stateTable.tableName,
      OnRouteChangeFunctionName: this.onRouteChange.function.functionName,
      OnDesiredChangeFunctionName: this.onDesiredChange.function.functionName,
      OnRequeueFunctionName: this.onRequeue.function.functionName,
      SweepFunctionName: this.sweep.function.functionName,
      RuleName: this.routeCalls.ruleName,
      SurroundingCallsRuleName: this.surroundingCalls.ruleName,
      TagCallsRuleName: this.tagCalls.ruleName,
      InstanceStatesRuleName: this.instanceStates.ruleName,
      ScheduleName: this.sweepSchedule.scheduleName,
      AlarmTopicArn: this.alarmTopic.topicArn,
      WidgetFunctionName: this.widget.function.functionName,
      DashboardName: this.dashboard.dashboardName,
      UndeliveredEventsQueueUrl: this.undeliveredEvents.queueUrl,
      FailedInvocationsQueueUrl: this.failedInvocations.queueUrl,
      FailedRecordsQueueUrl: this.failedRecords.queueUrl,
      RequeueQueueUrl: this.requeue.queueUrl,
      FailedRequeuesQueueUrl: this.failedRequeues.queueUrl,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(Stack.of(this), name, { value });
  }

  /** Lets somebody write desired items, such as the role of a pipeline. Whoever may do that decides about routes. */
  grantWriteDesired(grantee: IGrantable): Grant {
    return allowWriteDesired(grantee, this);
  }

  /** Lets somebody give orders: pause, stop, hold and approve. */
  grantOrder(grantee: IGrantable): Grant {
    return allowOrder(grantee, this);
  }

  /** Lets somebody read statuses and histories. */
  grantReadState(grantee: IGrantable): Grant {
    return allowReadState(grantee, this);
  }

  /** Drifted routes that were found in enforced tables. @default - sum over 5 minutes */
  metricDriftDetected(options?: MetricOptions): Metric {
    return reconcilerMetric('DriftDetected', { statistic: 'Sum', ...options });
  }

  /** Drifted routes that were found where nothing may be changed. @default - sum over 5 minutes */
  metricDriftObserved(options?: MetricOptions): Metric {
    return reconcilerMetric('DriftObserved', { statistic: 'Sum', ...options });
  }

  /** From the call that caused drift to its repair, in milliseconds. @default - 99th percentile over 5 minutes */
  metricHealLatency(options?: MetricOptions): Metric {
    return reconcilerMetric('HealLatency', { statistic: 'p99', ...options });
  }

  /** Routes that newly need a person to become as desired. @default - sum over 5 minutes */
  metricChangesFailed(options?: MetricOptions): Metric {
    return reconcilerMetric('ChangesFailed', { statistic: 'Sum', ...options });
  }

  /** Tables whose deletes newly wait for a person. @default - sum over 5 minutes */
  metricPlansBlocked(options?: MetricOptions): Metric {
    return reconcilerMetric('PlansBlocked', { statistic: 'Sum', ...options });
  }

  /** Items that became invalid, and rows that have no effect. @default - sum over 5 minutes */
  metricInvalidDesired(options?: MetricOptions): Metric {
    return reconcilerMetric('InvalidDesired', { statistic: 'Sum', ...options });
  }

  /** Destinations whose repair others keep undoing. @default - sum over 5 minutes */
  metricContested(options?: MetricOptions): Metric {
    return reconcilerMetric('Contested', { statistic: 'Sum', ...options });
  }

  /** Routes of enforced tables that started to drop their traffic. @default - sum over 5 minutes */
  metricBlackholes(options?: MetricOptions): Metric {
    return reconcilerMetric('Blackholes', { statistic: 'Sum', ...options });
  }

  /** Tables that have an item. @default - maximum over 5 minutes */
  metricTablesManaged(options?: MetricOptions): Metric {
    return reconcilerMetric('TablesManaged', { statistic: 'Maximum', ...options });
  }

  /** Enforced tables that are not as desired. @default - maximum over 5 minutes */
  metricTablesOutOfSync(options?: MetricOptions): Metric {
    return reconcilerMetric('TablesOutOfSync', { statistic: 'Maximum', ...options });
  }

  /** Sweeps that completed. @default - sum over 5 minutes */
  metricSweepCompleted(options?: MetricOptions): Metric {
    return reconcilerMetric('SweepCompleted', { statistic: 'Sum', ...options });
  }
}

function placement({ vpc, vpcSubnets, securityGroups }: RouteReconcilerProps): VpcPlacement | undefined {
  if (vpc)
    return { vpc, ...(vpcSubnets && { vpcSubnets }), ...(securityGroups && { securityGroups: [...securityGroups] }) };
  if (vpcSubnets || securityGroups) throw new Error('vpcSubnets and securityGroups: expected together with vpc');
  return undefined;
}
