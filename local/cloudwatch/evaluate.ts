import { type AlarmRule, breaches } from './alarm-rule.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** The value of one period; undefined if data is missing. */
export type Datapoint = number | undefined;

/** The fields of an alarm's rule that determine its state. */
export type Deciding = Pick<
  AlarmRule,
  'evaluationPeriods' | 'datapointsToAlarm' | 'comparison' | 'threshold' | 'missingData'
>;

/**
 * How many periods CloudWatch retrieves: more than it evaluates, in case data is missing. The documentation does not
 * say how many more; its examples retrieve two more.
 */
export const evaluationRange = ({ evaluationPeriods }: Pick<AlarmRule, 'evaluationPeriods'>): number =>
  evaluationPeriods + 2;

/**
 * The state of an alarm after it has evaluated the datapoints of its evaluation range, the oldest first.
 *
 * Pure. If the range holds enough datapoints, the newest ones decide, regardless of gaps between them. If it holds too
 * few, all of them count, and CloudWatch fills in as many as are lacking. Filled in as `missing` or `ignore`, a
 * datapoint neither breaches nor counts as OK. If then every real datapoint breaches, `ignore` keeps the state, and
 * `missing` raises the alarm as soon as the oldest one is `datapointsToAlarm` periods old. The documentation only says
 * that the alarm is not raised earlier; here the state is kept until then.
 *
 * Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html ("How alarm state is
 * evaluated when data is missing", "Avoiding premature transitions to alarm state"); its tables are test cases.
 */
export function evaluate(rule: Deciding, datapoints: readonly Datapoint[], current: AlarmState): AlarmState {
  const { evaluationPeriods, datapointsToAlarm, missingData } = rule;
  const found = datapoints.filter((datapoint) => datapoint !== undefined).slice(-evaluationPeriods);
  const breaching = found.filter((datapoint) => breaches(rule, datapoint)).length;
  const lacking = evaluationPeriods - found.length;

  if (breaching >= datapointsToAlarm) return 'ALARM';
  switch (missingData) {
    case 'breaching':
      return breaching + lacking >= datapointsToAlarm ? 'ALARM' : 'OK';
    case 'notBreaching':
      return 'OK';
    case 'ignore':
      return breaching < found.length ? 'OK' : current;
    case 'missing': {
      if (found.length === 0) return 'INSUFFICIENT_DATA';
      if (breaching < found.length) return 'OK';
      const age = datapoints.length - datapoints.findIndex((datapoint) => datapoint !== undefined);
      return age >= datapointsToAlarm ? 'ALARM' : current;
    }
    default:
      return missingData satisfies never;
  }
}
