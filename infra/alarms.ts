import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface AlarmsProps {
  /**
   * Where alarms go.
   * @default - a new, encrypted topic without subscribers
   */
  readonly topic?: ITopic | undefined;
  /** A new topic refuses to be published to without TLS. */
  readonly enforceSSL: boolean;
  /** The functions to watch, by the name an alarm calls them. */
  readonly functions: Readonly<Record<string, IFunction>>;
  /** Where events, invocations and edits end that nobody could work on. */
  readonly undeliveredEvents: IQueue;
  readonly failedInvocations: IQueue;
  readonly failedRecords: IQueue;
  readonly failedRequeues: IQueue;
  /** Where functions write `reconciled`, with the phase a table ended in. */
  readonly logs: readonly ILogGroup[];
  /** Where the sweep writes `sweep completed` at its end. */
  readonly sweepLogs: ILogGroup;
  readonly sweepInterval: Duration;
}

interface Watch {
  readonly metric: Metric;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  /** Consecutive periods that must all breach. */
  readonly periods: number;
  readonly missing: TreatMissingData;
  /** What the alarm says, and what to do first. */
  readonly means: string;
  /** Its heading in docs/runbook.md. */
  readonly runbook: string;
}

/** What is worth waking a person for; every alarm tells what it means and where its runbook entry is. */
export class Alarms extends Construct {
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = props.topic ?? encryptedTopic(this, props.enforceSSL);

    this.watchQueue('UndeliveredEventsWaiting', props.undeliveredEvents, {
      means:
        'Events or scheduled sweeps could not be handed to their function. First: see whether the functions still exist and may be invoked',
      runbook: 'undelivered-events',
    });
    this.watchQueue('FailedInvocationsWaiting', props.failedInvocations, {
      means:
        'A function failed three times on the same event or sweep. First: read the error in the message, it carries the event too',
      runbook: 'failed-invocations',
    });
    this.watchQueue('FailedRecordsWaiting', props.failedRecords, {
      means:
        'Edits of desired state were given up after five retries. First: look for errors in the log of on-desired-change at that time',
      runbook: 'failed-records',
    });
    this.watchQueue('FailedRequeuesWaiting', props.failedRequeues, {
      means:
        'A table that was to be looked at again could not be, three times. First: look for errors in the log of on-requeue at that time',
      runbook: 'failed-requeues',
    });
    for (const [name, watched] of Object.entries(props.functions)) this.watchFunction(name, watched);
    this.watchTables(props.logs);
    this.watchSweep(props.sweepLogs, props.sweepInterval);
  }

  private watchQueue(id: string, queue: IQueue, { means, runbook }: Pick<Watch, 'means' | 'runbook'>): void {
    this.watch(id, {
      // One message is one change nobody looked at: no threshold above it, no wait.
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: 'max' }),
      comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      periods: 1,
      // A queue that nobody touches for six hours sends no metric, though its messages are still there.
      missing: TreatMissingData.IGNORE,
      means,
      runbook,
    });
  }

  private watchFunction(name: string, watched: IFunction): void {
    this.watch(`${name}Errors`, {
      // EC2's refusals are results, not errors: what fails here is the function itself. One hiccup is healed by a retry;
      // three errors in a quarter of an hour are one event tried in vain, or many.
      metric: watched.metricErrors({ period: Duration.minutes(15) }),
      comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 3,
      periods: 1,
      // No datapoint means no invocation.
      missing: TreatMissingData.NOT_BREACHING,
      means: `${name} crashes, times out or runs out of memory. First: read the latest error in its log`,
      runbook: 'function-errors',
    });
    this.watch(`${name}Throttles`, {
      // Lambda retries what it throttled; only throttling that lasts delays repairs noticeably.
      metric: watched.metricThrottles({ period: Duration.minutes(5) }),
      comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      periods: 3,
      missing: TreatMissingData.NOT_BREACHING,
      means: `${name} has been throttled for 15 minutes, repairs are late. First: see what uses up the account's Lambda concurrency`,
      runbook: 'function-throttles',
    });
  }

  private watchTables(logs: readonly ILogGroup[]): void {
    const [metric] = logs.map((logGroup, index) =>
      new MetricFilter(this, `TablesFailed${index}`, {
        logGroup,
        filterPattern: FilterPattern.all(
          FilterPattern.stringValue('$.message', '=', 'reconciled'),
          FilterPattern.stringValue('$.phase', '=', 'Failed'),
        ),
        metricNamespace: 'RouteReconciler',
        metricName: 'TablesFailed',
      }).metric({ period: Duration.minutes(5), statistic: 'sum' }),
    );
    if (!metric) return;
    this.watch('TablesFailed', {
      metric,
      comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // One route that EC2 refuses is traffic that goes wrong; what mends itself does so within the retries of seconds.
      threshold: 1,
      periods: 1,
      // The line is written when a table is looked at and has failed; in between there is nothing to tell.
      missing: TreatMissingData.NOT_BREACHING,
      means:
        'EC2 refused a route, the table is full, or a listed destination is held by a route that is not ours. First: read failures and findings in the status of the table',
      runbook: 'tables-failed',
    });
  }

  private watchSweep(logGroup: ILogGroup, interval: Duration): void {
    const completed = new MetricFilter(this, 'SweepCompleted', {
      logGroup,
      filterPattern: FilterPattern.stringValue('$.message', '=', 'sweep completed'),
      metricNamespace: 'RouteReconciler',
      metricName: 'SweepCompleted',
    });
    this.watch('SweepNotCompleted', {
      metric: completed.metric({ period: interval, statistic: 'sum' }),
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      // A sweep that starts a little late leaves one period empty and fills the next twice; three in a row is no accident.
      periods: 3,
      // The metric exists only when a sweep completes: silence is the very thing to tell.
      missing: TreatMissingData.BREACHING,
      means:
        'No sweep completed in three intervals: changes that no event told stay unseen. First: see whether the schedule is enabled and how the last sweep ended',
      runbook: 'sweep-not-completed',
    });
  }

  private watch(id: string, { metric, comparison, threshold, periods, missing, means, runbook }: Watch): void {
    const alarm = new Alarm(this, id, {
      metric,
      comparisonOperator: comparison,
      threshold,
      evaluationPeriods: periods,
      treatMissingData: missing,
      alarmDescription: `${means}. Runbook: docs/runbook.md#${runbook}`,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }
}

/** A topic that CloudWatch alarms of this account, and nobody else outside it, may publish to. */
function encryptedTopic(scope: Construct, enforceSSL: boolean): Topic {
  const alarmsOfThisAccount = new ServicePrincipal('cloudwatch.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });
  // A key of our own: the policy of the AWS-managed one lets no alarm publish, and the alarm would fail in silence.
  const key = new Key(scope, 'Key', {
    description: 'Encrypts the alarms of the route reconciler',
    enableKeyRotation: true,
    // It protects messages in flight only: nothing is lost with it.
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const topic = new Topic(scope, 'Topic', { displayName: 'Route Reconciler', masterKey: key, enforceSSL });
  // A policy of its own takes the place of the default one, which let alarms in. This grants the use of the key as well.
  topic.grantPublish(alarmsOfThisAccount);
  return topic;
}
