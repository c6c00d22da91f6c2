import type { AlarmRule, Statistic } from './alarm-rule.ts';
import { type Datapoint, evaluationRange } from './evaluate.ts';

/** The measurements of the step that begins at `time`, aggregated. */
export interface Sample {
  readonly time: Date;
  readonly sampleCount: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * The time between two evaluations of an alarm, in seconds; its samples need the same resolution. The window of an
 * alarm with periods of whole minutes slides by a minute, and with shorter periods by 10 seconds. Periods that only an
 * emulator accepts, such as 2 seconds, follow one another without overlap.
 *
 * Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export function stepSeconds({ periodSeconds }: Pick<AlarmRule, 'periodSeconds'>): number {
  if (periodSeconds >= 60) return 60;
  return periodSeconds % 10 === 0 ? 10 : periodSeconds;
}

/** The evaluation range of an alarm at `now`. It ends with the last completed step. */
export function windowAt(rule: AlarmRule, now: Date): { readonly start: Date; readonly end: Date } {
  const step = stepSeconds(rule) * 1_000;
  const end = Math.floor(now.getTime() / step) * step;
  return { start: new Date(end - evaluationRange(rule) * rule.periodSeconds * 1_000), end: new Date(end) };
}

/** The datapoints of the evaluation range that ends at `end`, one per period, the oldest first. */
export function datapointsUntil(rule: AlarmRule, end: Date, samples: readonly Sample[]): readonly Datapoint[] {
  const count = evaluationRange(rule);
  const period = rule.periodSeconds * 1_000;
  return Array.from({ length: count }, (_, index) => {
    const from = end.getTime() - (count - index) * period;
    const within = samples.filter(({ time }) => time.getTime() >= from && time.getTime() < from + period);
    return statisticOf(rule.statistic, within);
  });
}

function statisticOf(statistic: Statistic, samples: readonly Sample[]): Datapoint {
  if (samples.length === 0) return undefined;
  const total = (of: (sample: Sample) => number) => samples.reduce((sum, sample) => sum + of(sample), 0);
  const sum = total((sample) => sample.sum);
  const sampleCount = total((sample) => sample.sampleCount);
  switch (statistic) {
    case 'SampleCount':
      return sampleCount;
    case 'Sum':
      return sum;
    case 'Average':
      return sum / sampleCount;
    case 'Minimum':
      return Math.min(...samples.map(({ minimum }) => minimum));
    case 'Maximum':
      return Math.max(...samples.map(({ maximum }) => maximum));
    default:
      return statistic satisfies never;
  }
}
