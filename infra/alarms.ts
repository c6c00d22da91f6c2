import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IAlarm, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { alarmTopic } from './alarm-topic.ts';
import { dashboardUrl } from './dashboard.ts';
import { reconcilerMetric } from './metrics.ts';

export interface AlarmsProps {
  /**
   * The topic that alarms notify.
   * @default - a new, encrypted topic without subscribers
   */
  readonly topic?: ITopic | undefined;
  /** Makes a new topic reject publishing without TLS. */
  readonly enforceSSL: boolean;
  /**
   * Encrypts a new topic.
   * @default - a new key
   */
  readonly encryptionKey?: IKey | undefined;
  /** The functions to watch, by the name that the alarms use. */
  readonly functions: Readonly<Record<string, IFunction>>;
  /** The dead-letter queues: events, invocations, edits and requeues that could not be processed. */
  readonly undeliveredEvents: IQueue;
  readonly failedInvocations: IQueue;
  readonly failedRecords: IQueue;
  readonly failedRequeues: IQueue;
  /** The queue of tables to read again. */
  readonly requeue: IQueue;
  readonly sweepInterval: Duration;
  /**
   * One period for all alarms except those on sweeps. The local stack uses it, so that alarms do not take minutes.
   * @default - each alarm has its own
   */
  readonly period?: Duration | undefined;
}

interface Watch {
  readonly metric: Metric;
  /** @default - at least the threshold */
  readonly comparison?: ComparisonOperator;
  /** @default 1 */
  readonly threshold?: number;
  /**
   * Consecutive periods that are evaluated.
   * @default 1
   */
  readonly periods?: number;
  /**
   * How many of these periods must breach.
   * @default - all of them
   */
  readonly breaching?: number;
  /** @default - not breaching: no data means no problem */
  readonly missing?: TreatMissingData;
  /** What the alarm means, and what to do first. */
  readonly means: string;
  /** Its heading in docs/runbook.md. */
  readonly runbook: string;
}

/** How many periods there are within a time, and how many of them last as long as a problem may. At least one each. */
function inAll(
  period: Duration,
  { breaching, within }: { readonly breaching: Duration; readonly within: Duration },
): Required<Pick<Watch, 'periods' | 'breaching'>> {
  const count = (time: Duration): number => Math.max(1, Math.ceil(time.toMinutes() / period.toMinutes()));
  return { periods: count(within), breaching: count(breaching) };
}

/**
 * The alarms that are worth waking a person for. Every alarm says what it means and names its runbook entry.
 *
 * A problem of a table is counted once, when it begins. Its alarm therefore ends soon after the last new problem, and
 * an old problem never hides a new one. Tables that stay out of sync have a separate alarm.
 *
 * When datapoints are missing, CloudWatch retrieves more periods than it evaluates, and fills in only those it still
 * lacks. The documentation does not say how many more; its examples retrieve two more. So missing data raises or ends
 * an alarm on one period after about three periods.
 */
export class Alarms extends Construct {
  readonly topic: ITopic;
  /** The key of the topic, if the topic is ours. */
  readonly key: IKey | undefined;
  readonly all: readonly IAlarm[];
  readonly #period: Duration | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { topic, key } = props.topic ? { topic: props.topic, key: undefined } : alarmTopic(this, props);
    this.topic = topic;
    this.key = key;
    this.#period = props.period;
    this.all = [
      ...this.watchTables(props.sweepInterval),
      ...this.watchQueues(props),
      ...Object.entries(props.functions).flatMap(([name, watched]) => this.watchFunction(name, watched)),
    ];
  }

  private watchTables(sweepInterval: Duration): IAlarm[] {
    const news = (name: Parameters<typeof reconcilerMetric>[0]): Metric =>
      reconcilerMetric(name, { period: this.period(Duration.minutes(5)), statistic: 'Sum' });
    const perSweep = (name: Parameters<typeof reconcilerMetric>[0], statistic: string): Metric =>
      reconcilerMetric(name, { period: sweepInterval, statistic });
    return [
      this.watch('ChangesFailed', {
        // One rejected route already misdirects traffic. Failures that pass by themselves are not counted.
        metric: news('ChangesFailed'),
        means:
          'EC2 rejected a route, a table is gone, or a route that is not ours occupies a listed destination. First: read the failures and findings in the status of the table',
        runbook: 'changes-failed',
      }),
      this.watch('TablesOutOfSync', {
        metric: perSweep('TablesOutOfSync', 'Maximum'),
        // One sweep may read a table in the middle of its repair. Three sweeps in a row mean that nobody repairs it.
        periods: 3,
        // Without a sweep there is no new information. Missing sweeps have their own alarm.
        missing: TreatMissingData.IGNORE,
        means:
          'Some enforced tables have been out of sync for three sweeps. First: list the tables that are not InSync, with their reasons',
        runbook: 'tables-out-of-sync',
      }),
      this.watch('TablesWaiting', {
        metric: perSweep('TablesWaiting', 'Maximum'),
        periods: 3,
        missing: TreatMissingData.IGNORE,
        means:
          'Some tables have been Blocked (deletes wait for a person) or Degraded (listed targets are down) for three sweeps. First: list these tables, with their reasons',
        runbook: 'tables-waiting',
      }),
      this.watch('TablesStopped', {
        metric: perSweep('TablesStopped', 'Maximum'),
        // In any six hours, not in a row: somebody may end a stop and give it again.
        ...inAll(sweepInterval, { breaching: Duration.hours(1), within: Duration.hours(6) }),
        missing: TreatMissingData.IGNORE,
        means:
          'A pause or a stop has held for an hour within six hours: drift in these tables is not repaired. First: list the orders, and end those that nobody needs any more',
        runbook: 'tables-stopped',
      }),
      this.watch('MappingsDisabled', {
        metric: perSweep('MappingsDisabled', 'Maximum'),
        missing: TreatMissingData.IGNORE,
        means:
          'Somebody disabled or deleted an event source mapping, so edits, orders or requeued tables wait for the sweep. First: list the mappings with their states, and enable them',
        runbook: 'mappings-disabled',
      }),
      this.watch('ItemsMissing', {
        metric: perSweep('ItemsMissing', 'Maximum'),
        means:
          'A sweep found less than 90 % of the desired items of the sweep before: tables without an item are not managed any more. First: find out who deleted the items, then restore them',
        runbook: 'items-missing',
      }),
      this.watch('DriftObserved', {
        metric: news('DriftObserved'),
        means:
          'Routes of a table that is only observed, paused or stopped differ from its item, so nothing repairs them. First: list the drifted tables, with their reasons',
        runbook: 'drift-observed',
      }),
      this.watch('TablesUnknown', {
        metric: perSweep('TablesUnknown', 'Maximum'),
        periods: 3,
        missing: TreatMissingData.IGNORE,
        means:
          'Three sweeps in a row could not read some tables, so their routes are unknown. First: read the sweep record',
        runbook: 'tables-unknown',
      }),
      this.watch('PlansBlocked', {
        metric: news('PlansBlocked'),
        means:
          'Deletes wait for approval; all other changes are done. First: check the waiting deletes, then approve them or add the routes to the desired item',
        runbook: 'plans-blocked',
      }),
      this.watch('InvalidDesired', {
        metric: news('InvalidDesired'),
        means:
          'A desired item was refused, and its last valid version stays in force; or an item or an order has no effect. First: read the problems in the status of the table, and `unusable` in the record of the last sweep',
        runbook: 'invalid-desired',
      }),
      this.watch('Contested', {
        metric: news('Contested'),
        means:
          'Somebody keeps undoing a repair, so repairs back off. First: find out who it is in the status of the table',
        runbook: 'contested',
      }),
      this.watch('Blackholes', {
        metric: news('Blackholes'),
        means:
          'A route leads to a target that is gone or not ready, so its traffic is dropped. First: find the target in the findings of the table',
        runbook: 'blackholes',
      }),
      this.watch('MissedByEvents', {
        // An event may be late, and about one in a million is lost. Waiting for a pattern means waiting for an outage.
        metric: news('MissedByEvents'),
        means:
          'A sweep found drift that no event reported within 15 minutes: the delivery of events is broken. First: check that the trail and the rules exist and are enabled',
        runbook: 'missed-by-events',
      }),
      this.watch('EventsNotTold', {
        metric: news('EventsNotTold'),
        means:
          'EventBridge rejected domain events, so chat and tickets that depend on them receive them late: the next reconcile or sweep sends them again. Status, history and alarms are complete. First: read the error in the logs',
        runbook: 'events-not-announced',
      }),
      this.watch('EventsDropped', {
        metric: news('EventsDropped'),
        means:
          'EventBridge has been away for so long that a table had no room for more events: some are never sent. First: read the history of the tables that changed',
        runbook: 'events-dropped',
      }),
      this.watch('SweepNotCompleted', {
        metric: perSweep('SweepCompleted', 'Sum'),
        comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
        // Only a completed sweep writes this metric, so missing data means a missing sweep. One period is enough: a
        // datapoint in one of the two periods before it keeps the alarm OK. So a late sweep, which leaves one period
        // empty, raises no alarm.
        missing: TreatMissingData.BREACHING,
        means:
          'No sweep completed in about three intervals, so changes that no event reports go unnoticed. First: check that the schedule is enabled, and how the last sweep ended',
        runbook: 'sweep-not-completed',
      }),
    ];
  }

  private watchQueues(props: AlarmsProps): IAlarm[] {
    return [
      this.watch('RequeuesWaiting', {
        // A message becomes visible when it is due and is received a moment later. If some are always visible, nobody
        // receives them.
        metric: props.requeue.metricApproximateNumberOfMessagesVisible({
          period: this.period(Duration.minutes(5)),
          statistic: 'Minimum',
        }),
        periods: 3,
        means:
          'Nobody processes the requeue queue: repairs are not verified, and rejected routes wait for the sweep. First: check that on-requeue still receives from its queue',
        runbook: 'requeues-waiting',
      }),
      this.watchQueue('UndeliveredEventsWaiting', props.undeliveredEvents, {
        means:
          'Events or scheduled sweeps could not be delivered to their function. First: check that the functions still exist and may be invoked',
        runbook: 'undelivered-events',
      }),
      this.watchQueue('FailedInvocationsWaiting', props.failedInvocations, {
        means:
          'A function failed three times on the same event or sweep. First: read the error in the message, which also contains the event',
        runbook: 'failed-invocations',
      }),
      this.watchQueue('FailedRecordsWaiting', props.failedRecords, {
        means:
          'Edits of desired items failed after five retries. First: find the errors in the log of on-desired-change at that time',
        runbook: 'failed-records',
      }),
      this.watchQueue('FailedRequeuesWaiting', props.failedRequeues, {
        means:
          'A requeued table could not be reconciled in six tries. First: find the errors in the log of on-requeue at that time',
        runbook: 'failed-requeues',
      }),
    ];
  }

  private watchQueue(id: string, queue: IQueue, { means, runbook }: Pick<Watch, 'means' | 'runbook'>): IAlarm {
    return this.watch(id, {
      // One message is one unprocessed change, so the alarm starts at the first message and without delay.
      metric: queue.metricApproximateNumberOfMessagesVisible({
        period: this.period(Duration.minutes(1)),
        statistic: 'Maximum',
      }),
      // After six hours without activity a queue sends no metrics, even if it still holds messages.
      missing: TreatMissingData.IGNORE,
      means,
      runbook,
    });
  }

  private watchFunction(name: string, watched: IFunction): IAlarm[] {
    return [
      this.watch(`${name}Errors`, {
        // A call that EC2 rejects is a result, not an error; this metric counts failures of the function itself. A
        // retry covers a single failure. Three errors in 15 minutes mean that all tries of one event failed, or many
        // events did.
        metric: watched.metricErrors({ period: this.period(Duration.minutes(15)) }),
        threshold: 3,
        means: `${name} crashes, times out or runs out of memory. First: read the latest error in its log`,
        runbook: 'function-errors',
      }),
      this.watch(`${name}Throttles`, {
        // Lambda retries throttled invocations, so only lasting throttling delays repairs noticeably.
        metric: watched.metricThrottles({ period: this.period(Duration.minutes(5)) }),
        periods: 3,
        means: `${name} has been throttled for 15 minutes, so repairs are late. First: find out what uses up the account's Lambda concurrency`,
        runbook: 'function-throttles',
      }),
    ];
  }

  private period(usual: Duration): Duration {
    return this.#period ?? usual;
  }

  private watch(id: string, { metric, means, runbook, ...watch }: Watch): IAlarm {
    const alarm = new Alarm(this, id, {
      metric,
      comparisonOperator: watch.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: watch.threshold ?? 1,
      evaluationPeriods: watch.periods ?? 1,
      ...(watch.breaching !== undefined && { datapointsToAlarm: watch.breaching }),
      treatMissingData: watch.missing ?? TreatMissingData.NOT_BREACHING,
      alarmName: `${Stack.of(this).stackName}-${id}`,
      alarmDescription: `${means}. Runbook: docs/runbook.md#${runbook}. Dashboard: ${dashboardUrl(Stack.of(this))}`,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    return alarm;
  }
}
