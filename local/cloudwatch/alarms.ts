import {
  type CloudWatchClient,
  GetMetricStatisticsCommand,
  type MetricAlarm,
  SetAlarmStateCommand,
  paginateDescribeAlarms,
} from '@aws-sdk/client-cloudwatch';
import pMap from 'p-map';
import { type AlarmRule, ruleOf } from './alarm-rule.ts';
import { type AlarmState, type Datapoint, evaluate } from './evaluate.ts';
import { type Sample, datapointsUntil, stepSeconds, windowAt } from './window.ts';

/** An alarm's current state in CloudWatch, and its rule; undefined for a kind of alarm that is not supported here. */
interface Alarm {
  readonly name: string;
  readonly state: AlarmState;
  readonly rule: AlarmRule | undefined;
}

/** Evaluates alarms on single metrics, each at the end of every step of its window, and sets their states. */
export class Alarms {
  readonly #cloudwatch: CloudWatchClient;
  readonly #log: (line: string) => void;
  /** The end of each alarm's last evaluated window, in epoch milliseconds. */
  readonly #evaluated = new Map<string, number>();
  readonly #unknown = new Set<string>();

  constructor(cloudwatch: CloudWatchClient, log: (line: string) => void) {
    this.#cloudwatch = cloudwatch;
    this.#log = log;
  }

  /**
   * Evaluates the alarms that are due.
   *
   * @param until all data measured before this time has arrived
   * @returns the shortest time between two evaluations of one alarm, in seconds; at most a minute
   */
  async evaluate(until: Date): Promise<number> {
    const alarms: Alarm[] = [];
    for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client: this.#cloudwatch }, {})) {
      alarms.push(...MetricAlarms.map(alarmOf));
    }
    await pMap(alarms, (alarm) => this.#evaluateOne(alarm, until), { concurrency: 4 });
    return Math.min(60, ...alarms.flatMap(({ rule }) => (rule ? [stepSeconds(rule)] : [])));
  }

  async #evaluateOne({ name, state, rule }: Alarm, until: Date): Promise<void> {
    if (!rule) {
      if (!this.#unknown.has(name))
        this.#log(`${name}: not evaluated: only thresholds on a statistic of one metric are supported`);
      this.#unknown.add(name);
      return;
    }
    const { start, end } = windowAt(rule, until);
    if (this.#evaluated.get(name) === end.getTime()) return;
    const datapoints = datapointsUntil(rule, end, await this.#samples(rule, start, end));
    const next = evaluate(rule, datapoints, state);
    if (next !== state) {
      const reason = reasonOf(rule, datapoints);
      await this.#cloudwatch.send(new SetAlarmStateCommand({ AlarmName: name, StateValue: next, StateReason: reason }));
      this.#log(`${name}: ${state} → ${next}: ${reason}`);
    }
    this.#evaluated.set(name, end.getTime());
  }

  async #samples(rule: AlarmRule, start: Date, end: Date): Promise<readonly Sample[]> {
    const { Datapoints = [] } = await this.#cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: rule.namespace,
        MetricName: rule.metric,
        Dimensions: Object.entries(rule.dimensions).map(([Name, Value]) => ({ Name, Value })),
        StartTime: start,
        EndTime: end,
        Period: stepSeconds(rule),
        Statistics: ['SampleCount', 'Sum', 'Minimum', 'Maximum'],
      }),
    );
    return Datapoints.filter(({ Unit }) => rule.unit === undefined || Unit === rule.unit).map(
      ({ Timestamp: time = start, SampleCount: sampleCount = 0, Sum: sum = 0, Minimum = 0, Maximum = 0 }) => ({
        time,
        sampleCount,
        sum,
        minimum: Minimum,
        maximum: Maximum,
      }),
    );
  }
}

const alarmOf = (alarm: MetricAlarm): Alarm => ({
  name: alarm.AlarmName ?? '',
  state: alarm.StateValue ?? 'INSUFFICIENT_DATA',
  rule: ruleOf(alarm),
});

function reasonOf(rule: AlarmRule, datapoints: readonly Datapoint[]): string {
  const seen = datapoints.map((datapoint) => datapoint ?? 'missing').join(', ');
  return `${rule.statistic} in the latest periods of ${rule.periodSeconds} s: ${seen}. ALARM if ${rule.datapointsToAlarm} out of ${rule.evaluationPeriods} are ${rule.comparison} ${rule.threshold}; missing data: ${rule.missingData}`;
}
