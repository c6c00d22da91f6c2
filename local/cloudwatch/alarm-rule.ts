import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { z } from 'zod';

/** How an alarm on one metric decides: what it compares, and how it treats missing data. */
export interface AlarmRule {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Only datapoints of this unit count. */
  readonly unit?: string | undefined;
  readonly statistic: Statistic;
  readonly periodSeconds: number;
  /** How many datapoints are evaluated: the N of "M out of N". */
  readonly evaluationPeriods: number;
  /** How many of them must breach: the M. */
  readonly datapointsToAlarm: number;
  readonly comparison: Comparison;
  readonly threshold: number;
  readonly missingData: MissingData;
}

export type Statistic = z.infer<typeof statistic>;
export type Comparison = z.infer<typeof comparison>;
export type MissingData = z.infer<typeof missingData>;

const statistic = z.enum(['SampleCount', 'Sum', 'Average', 'Minimum', 'Maximum']);
const missingData = z.enum(['missing', 'ignore', 'breaching', 'notBreaching']);

const comparison = z.enum([
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
]);

const comparisons = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
} as const satisfies Record<Comparison, unknown>;

export const breaches = ({ comparison, threshold }: Pick<AlarmRule, 'comparison' | 'threshold'>, value: number) =>
  comparisons[comparison](value, threshold);

const schema = z.object({
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })).default([]),
  Unit: z.string().optional(),
  Statistic: statistic,
  // For a percentile alarm, MiniStack returns a `Statistic` as well.
  ExtendedStatistic: z.undefined().optional(),
  Period: z.int().positive(),
  EvaluationPeriods: z.int().positive(),
  DatapointsToAlarm: z.int().positive().optional(),
  ComparisonOperator: comparison,
  Threshold: z.number(),
  TreatMissingData: missingData.default('missing'),
});

/** The rule of an alarm on a statistic of one metric; undefined for percentiles, expressions and anomaly bands. */
export function ruleOf(alarm: MetricAlarm): AlarmRule | undefined {
  const { data } = schema.safeParse(alarm);
  return (
    data && {
      namespace: data.Namespace,
      metric: data.MetricName,
      dimensions: Object.fromEntries(data.Dimensions.map(({ Name, Value }) => [Name, Value])),
      unit: data.Unit,
      statistic: data.Statistic,
      periodSeconds: data.Period,
      evaluationPeriods: data.EvaluationPeriods,
      datapointsToAlarm: data.DatapointsToAlarm ?? data.EvaluationPeriods,
      comparison: data.ComparisonOperator,
      threshold: data.Threshold,
      missingData: data.TreatMissingData,
    }
  );
}
