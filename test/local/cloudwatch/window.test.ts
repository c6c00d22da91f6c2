import { describe, expect, it } from 'vitest';
import type { AlarmRule } from '../../../local/cloudwatch/alarm-rule.ts';
import { type Sample, datapointsUntil, windowAt } from '../../../local/cloudwatch/window.ts';

const rule = (changes: Partial<AlarmRule>): AlarmRule => ({
  namespace: 'Test',
  metric: 'Test',
  dimensions: {},
  statistic: 'Sum',
  periodSeconds: 300,
  evaluationPeriods: 1,
  datapointsToAlarm: 1,
  comparison: 'GreaterThanThreshold',
  threshold: 1,
  missingData: 'missing',
  ...changes,
});

const at = (time: string): Date => new Date(`2026-11-24T${time}Z`);
const sample = (time: string, ...values: number[]): Sample => ({
  time: at(time),
  sampleCount: values.length,
  sum: values.reduce((sum, value) => sum + value, 0),
  minimum: Math.min(...values),
  maximum: Math.max(...values),
});

describe('windowAt', () => {
  it('slides the window of periods of a minute or more by a minute, without the current minute', () => {
    expect(windowAt(rule({}), at('17:04:40'))).toEqual({ start: at('16:49:00'), end: at('17:04:00') });
    expect(windowAt(rule({}), at('17:05:00'))).toEqual({ start: at('16:50:00'), end: at('17:05:00') });
  });

  it('slides the window of shorter periods by 10 seconds', () => {
    expect(windowAt(rule({ periodSeconds: 30, evaluationPeriods: 2 }), at('17:04:49'))).toEqual({
      start: at('17:02:40'),
      end: at('17:04:40'),
    });
  });

  it('lets periods that are not multiples of 10 seconds follow one another', () => {
    expect(windowAt(rule({ periodSeconds: 2 }), at('17:04:41'))).toEqual({
      start: at('17:04:34'),
      end: at('17:04:40'),
    });
    expect(windowAt(rule({ periodSeconds: 15 }), at('17:04:41'))).toEqual({
      start: at('17:03:45'),
      end: at('17:04:30'),
    });
  });
});

describe('datapointsUntil', () => {
  const samples = [sample('16:58:00', 9), sample('16:59:00', 1, 2), sample('17:03:00', 6), sample('17:04:00', 8)];

  it('aggregates the samples of a period, including its start and excluding its end', () => {
    expect(datapointsUntil(rule({}), at('17:04:00'), samples)).toEqual([undefined, 9, 9]);
  });

  it('has no datapoint for a period without samples', () => {
    expect(datapointsUntil(rule({ periodSeconds: 60 }), at('17:04:00'), samples)).toEqual([undefined, undefined, 6]);
  });

  it.each([
    ['SampleCount', 3],
    ['Sum', 9],
    ['Average', 3],
    ['Minimum', 1],
    ['Maximum', 6],
  ] as const)('returns the %s of all values, not of the samples', (statistic, expected) => {
    expect(datapointsUntil(rule({ statistic }), at('17:04:00'), samples).at(-1)).toBe(expected);
  });
});
