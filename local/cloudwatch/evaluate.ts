import { type AlarmRule, breaches } from './alarm-rule.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** What an alarm saw in one period; undefined when there was nothing. */
export type Datapoint = number | undefined;

/** The fields of an alarm's rule that decide about its state. */
export type Deciding = Pick<
  AlarmRule,
  'evaluationPeriods' | 'datapointsToAlarm' | 'comparison' | 'threshold' | 'missingData'
>;

/**
 * How many periods are looked at: more than are needed, in case some are missing. How many more CloudWatch does not
 * say; the examples of its documentation look at two more.
 */
export const evaluationRange = ({ evaluationPeriods }: Pick<AlarmRule, 'evaluationPeriods'>): number =>
  evaluationPeriods + 2;

/**
 * The state in which an alarm is after it has looked at the datapoints of its evaluation range, the oldest first.
 *
 * Pure. If enough datapoints are there, the newest ones decide, whatever is missing between them. If too few are there,
 * all of them count, and just as many as are lacking are filled in. Filled in as `missing` or `ignore`, a datapoint
 * neither breaches nor contradicts; then breaching ones that nothing contradicts raise the alarm as soon as the oldest
 * of them is `datapointsToAlarm` periods old (`ignore`: keep the state). Before that the documentation only says that
 * they do not; here the state is kept.
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
