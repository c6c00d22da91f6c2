import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IAlarm, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { alarmTopic } from './alarm-topic.ts';
import { reconcilerMetric } from './metrics.ts';

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
  /** What asks to look at tables again. */
  readonly requeue: IQueue;
  readonly sweepInterval: Duration;
  /**
   * One period for all alarms but those on sweeps. For the local stack, where nobody waits for minutes.
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
  /** Consecutive periods that must all breach; one unless told. */
  readonly periods?: number;
  /** Not breaching unless told: no news is good news. */
  readonly missing?: TreatMissingData;
  /** What the alarm says, and what to do first. */
  readonly means: string;
  /** Its heading in docs/runbook.md. */
  readonly runbook: string;
}

/**
 * What is worth waking a person for; every alarm tells what it means and where its runbook entry is. What tables report
 * is counted when it begins: an alarm is over soon after nothing new came, and a table that stays out of sync has an alarm
 * of its own. So a trouble that is long known never hides a new one.
 *
 * Where datapoints are missing CloudWatch looks at more periods than it evaluates, and fills in only what it lacks then. How
 * many more it does not say; the examples of its documentation look at two more. So an alarm on one period rings or ends for
 * silence after about three.
 */
export class Alarms extends Construct {
  readonly topic: ITopic;
  readonly all: readonly IAlarm[];
  readonly #period: Duration | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = props.topic ?? alarmTopic(this, props.enforceSSL);
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
        // One route that EC2 refuses is traffic that goes wrong. What passes by itself is not counted.
        metric: news('ChangesFailed'),
        means:
          'EC2 refused a route, a table is gone, or a listed destination is held by a route that is not ours. First: read failures and findings in the status of the table',
        runbook: 'changes-failed',
      }),
      this.watch('TablesOutOfSync', {
        metric: perSweep('TablesOutOfSync', 'Maximum'),
        // One sweep may catch a table in the middle of its repair; after three it is nobody's repair.
        periods: 3,
        // Without a sweep nothing is known that was not known before; that sweeps are missing has an alarm of its own.
        missing: TreatMissingData.IGNORE,
        means:
          'Enforced tables have not been as desired for three sweeps. First: list the tables that are not InSync, with their reasons',
        runbook: 'tables-out-of-sync',
      }),
      this.watch('TablesUnknown', {
        metric: perSweep('TablesUnknown', 'Maximum'),
        periods: 3,
        missing: TreatMissingData.IGNORE,
        means:
          'Three sweeps could not look at some tables: nobody knows what they contain. First: read the sweep record',
        runbook: 'tables-unknown',
      }),
      this.watch('PlansBlocked', {
        metric: news('PlansBlocked'),
        means:
          'Deletes wait for a person; everything else is done. First: look at the deletes that wait, and approve them or list the routes',
        runbook: 'plans-blocked',
      }),
      this.watch('InvalidDesired', {
        metric: news('InvalidDesired'),
        means:
          'A desired item was refused: its table is kept as it was last put right, and no longer. First: read the problems in the status of the table',
        runbook: 'invalid-desired',
      }),
      this.watch('Contested', {
        metric: news('Contested'),
        means:
          'Somebody undoes what is healed, again and again: it is healed ever more rarely. First: see who it is, in the status of the table',
        runbook: 'contested',
      }),
      this.watch('Blackholes', {
        metric: news('Blackholes'),
        means:
          'A route leads to a target that is gone or not ready: its traffic is dropped. First: see which target it is, in the findings of the table',
        runbook: 'blackholes',
      }),
      this.watch('MissedByEvents', {
        // An event may come late, and one in a million not at all; whoever waits for a pattern waits for an outage.
        metric: news('MissedByEvents'),
        means:
          'A sweep found drift that no event told of within 15 minutes: what should wake the reconciler is broken. First: see whether the trail and the rule are there and switched on',
        runbook: 'missed-by-events',
      }),
      this.watch('EventsNotTold', {
        metric: news('EventsNotTold'),
        means:
          'EventBridge did not take events that tell of drift and trouble: chat and tickets that live on them miss some. Status, history and alarms have it all. First: read the error in the logs',
        runbook: 'events-not-told',
      }),
      this.watch('SweepNotCompleted', {
        metric: perSweep('SweepCompleted', 'Sum'),
        comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
        // The metric exists only when a sweep completes: silence is the very thing to tell. One period is enough for that, as
        // one datapoint in the two before it speaks against it: a late sweep, which leaves one period empty, does not ring.
        missing: TreatMissingData.BREACHING,
        means:
          'No sweep completed in about three intervals: changes that no event told stay unseen. First: see whether the schedule is enabled and how the last sweep ended',
        runbook: 'sweep-not-completed',
      }),
    ];
  }

  private watchQueues(props: AlarmsProps): IAlarm[] {
    return [
      this.watch('RequeuesWaiting', {
        // A message is visible once it is due, and gone a moment later; what is always there nobody takes.
        metric: props.requeue.metricApproximateNumberOfMessagesVisible({
          period: this.period(Duration.minutes(5)),
          statistic: 'Minimum',
        }),
        periods: 3,
        means:
          'Tables are to be looked at again, and nobody does: repairs are not verified and refused routes wait for the sweep. First: see whether on-requeue still listens to its queue',
        runbook: 'requeues-waiting',
      }),
      this.watchQueue('UndeliveredEventsWaiting', props.undeliveredEvents, {
        means:
          'Events or scheduled sweeps could not be handed to their function. First: see whether the functions still exist and may be invoked',
        runbook: 'undelivered-events',
      }),
      this.watchQueue('FailedInvocationsWaiting', props.failedInvocations, {
        means:
          'A function failed three times on the same event or sweep. First: read the error in the message, it carries the event too',
        runbook: 'failed-invocations',
      }),
      this.watchQueue('FailedRecordsWaiting', props.failedRecords, {
        means:
          'Edits of desired state were given up after five retries. First: look for errors in the log of on-desired-change at that time',
        runbook: 'failed-records',
      }),
      this.watchQueue('FailedRequeuesWaiting', props.failedRequeues, {
        means:
          'A table that was to be looked at again could not be, three times. First: look for errors in the log of on-requeue at that time',
        runbook: 'failed-requeues',
      }),
    ];
  }

  private watchQueue(id: string, queue: IQueue, { means, runbook }: Pick<Watch, 'means' | 'runbook'>): IAlarm {
    return this.watch(id, {
      // One message is one change nobody looked at: no threshold above it, no wait.
      metric: queue.metricApproximateNumberOfMessagesVisible({
        period: this.period(Duration.minutes(1)),
        statistic: 'Maximum',
      }),
      // A queue that nobody touches for six hours sends no metric, though its messages are still there.
      missing: TreatMissingData.IGNORE,
      means,
      runbook,
    });
  }

  private watchFunction(name: string, watched: IFunction): IAlarm[] {
    return [
      this.watch(`${name}Errors`, {
        // EC2's refusals are results, not errors: what fails here is the function itself. One hiccup is healed by a retry;
        // three errors in a quarter of an hour are one event tried in vain, or many.
        metric: watched.metricErrors({ period: this.period(Duration.minutes(15)) }),
        threshold: 3,
        means: `${name} crashes, times out or runs out of memory. First: read the latest error in its log`,
        runbook: 'function-errors',
      }),
      this.watch(`${name}Throttles`, {
        // Lambda retries what it throttled; only throttling that lasts delays repairs noticeably.
        metric: watched.metricThrottles({ period: this.period(Duration.minutes(5)) }),
        periods: 3,
        means: `${name} has been throttled for 15 minutes, repairs are late. First: see what uses up the account's Lambda concurrency`,
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
      treatMissingData: watch.missing ?? TreatMissingData.NOT_BREACHING,
      alarmDescription: `${means}. Runbook: docs/runbook.md#${runbook}`,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    return alarm;
  }
}
