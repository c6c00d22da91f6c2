import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from 'vitest';
import { ruleOf } from '../../../local/cloudwatch/alarm-rule.ts';

const alarm: MetricAlarm = {
  Namespace: 'AWS/SQS',
  MetricName: 'ApproximateNumberOfMessagesVisible',
  Dimensions: [{ Name: 'QueueName', Value: 'queue' }],
  Statistic: 'Maximum',
  Period: 60,
  EvaluationPeriods: 3,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  Threshold: 1,
  TreatMissingData: 'ignore',
};

describe('ruleOf', () => {
  it('reads an alarm on one metric; by default, all datapoints must breach', () => {
    expect(ruleOf(alarm)).toEqual({
      namespace: 'AWS/SQS',
      metric: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: 'queue' },
      unit: undefined,
      statistic: 'Maximum',
      periodSeconds: 60,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      comparison: 'GreaterThanOrEqualToThreshold',
      threshold: 1,
      missingData: 'ignore',
    });
    expect(ruleOf({ ...alarm, DatapointsToAlarm: 2 })?.datapointsToAlarm).toBe(2);
  });

  it('treats missing data as missing and absent dimensions as none, by default', () => {
    const { Dimensions: _, TreatMissingData: __, ...rest } = alarm;
    expect(ruleOf(rest)).toMatchObject({ dimensions: {}, missingData: 'missing' });
  });

  it.each([
    ['a percentile', { ExtendedStatistic: 'p90' }],
    ['an expression', { MetricName: undefined }],
    ['a band', { ComparisonOperator: 'LessThanLowerThreshold' as const }],
  ])('does not read an alarm on %s', (_what, changes) => {
    expect(ruleOf({ ...alarm, ...changes })).toBeUndefined();
  });
});
