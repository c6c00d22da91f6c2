import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measurementsIn } from '../../../local/cloudwatch/emf.ts';

const time = new Date('2026-11-24T12:00:00.123Z');

const line = (directives: unknown, members: object = {}, Timestamp: unknown = time.getTime()): string =>
  JSON.stringify({ _aws: { Timestamp, CloudWatchMetrics: directives }, ...members });

const directive = (changes: object = {}) => ({
  Namespace: 'RouteReconciler',
  Dimensions: [['service']],
  Metrics: [{ Name: 'DriftDetected', Unit: 'Count' }],
  ...changes,
});

const service = 'route-reconciler';
const drift = {
  namespace: 'RouteReconciler',
  name: 'DriftDetected',
  dimensions: { service },
  values: [2],
  unit: 'Count',
  time,
};

describe('measurementsIn', () => {
  it('finds the metrics that a line declares, and ignores other members', () => {
    const members = { service, DriftDetected: 2, routeTableId: 'rtb-1', Other: 5 };
    expect(measurementsIn(line([directive()], members))).toEqual([drift]);
  });

  it('yields one measurement for each set of dimensions, including the empty one', () => {
    const sets = [[], ['service'], ['service', 'region']];
    const found = measurementsIn(
      line([directive({ Dimensions: sets })], { service, region: 'eu-west-1', DriftDetected: 2 }),
    );
    expect(found).toEqual([
      { ...drift, dimensions: {} },
      drift,
      { ...drift, dimensions: { service, region: 'eu-west-1' } },
    ]);
  });

  it('reads all values of an array', () => {
    expect(measurementsIn(line([directive()], { service, DriftDetected: [1, 2.5, 2.5] }))).toEqual([
      { ...drift, values: [1, 2.5, 2.5] },
    ]);
  });

  it('reads the metrics of all directives', () => {
    const metrics = [{ Name: 'HealLatency', Unit: 'Milliseconds', StorageResolution: 60 }, { Name: 'TablesManaged' }];
    const directives = [directive(), directive({ Namespace: 'Second', Metrics: metrics })];
    const found = measurementsIn(line(directives, { service, DriftDetected: 2, HealLatency: 812, TablesManaged: 3 }));
    expect(found.map(({ namespace, name, values, unit }) => [namespace, name, values, unit])).toEqual([
      ['RouteReconciler', 'DriftDetected', [2], 'Count'],
      ['Second', 'HealLatency', [812], 'Milliseconds'],
      ['Second', 'TablesManaged', [3], 'None'],
    ]);
  });

  it.each([
    ['a metric without a value', { service }],
    ['a metric that is not a number', { service, DriftDetected: '2' }],
    ['an array with a value that is not a number', { service, DriftDetected: [1, null] }],
    ['an array without values', { service, DriftDetected: [] }],
    ['an array of more than 100 values', { service, DriftDetected: Array.from({ length: 101 }, () => 1) }],
    ['a dimension without a value', { DriftDetected: 2 }],
    ['a dimension that is not text', { service: 1, DriftDetected: 2 }],
  ])('leaves out %s, and nothing else', (_what, members) => {
    const other = directive({ Dimensions: [[]], Metrics: [{ Name: 'Other' }] });
    const found = measurementsIn(line([directive(), other], { ...members, Other: 1 }));
    expect(found.map(({ name }) => name)).toEqual(['Other']);
  });

  it('does not read nested members', () => {
    const nested = directive({ Metrics: [{ Name: 'a.b' }] });
    expect(measurementsIn(line([nested], { service, a: { b: 1 } }))).toEqual([]);
    expect(measurementsIn(line([nested], { service, 'a.b': 1 }))).toHaveLength(1);
  });

  it.each([
    ['no JSON', 'START RequestId: 1'],
    ['cut off', line([directive()], { service, DriftDetected: 2 }).slice(0, -1)],
    ['a line of the logger', JSON.stringify({ level: 'INFO', message: 'sweep completed' })],
    ['without a time', line([directive()], { service, DriftDetected: 2 }, null)],
    ['with an invalid time', line([directive()], { service, DriftDetected: 2 }, 1e300)],
    ['without directives', line({}, { service, DriftDetected: 2 })],
    ['without a namespace', line([directive({ Namespace: '' })], { service, DriftDetected: 2 })],
    ['without sets of dimensions', line([directive({ Dimensions: 'service' })], { service, DriftDetected: 2 })],
    ['without names', line([directive({ Metrics: [{}] })], { service, DriftDetected: 2 })],
  ])('finds nothing in a line: %s', (_what, text) => {
    expect(measurementsIn(text)).toEqual([]);
  });

  it('accepts any line without throwing', () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.anything().map((_aws) => line(_aws, { _aws })),
          emfLike,
        ),
        (text) => {
          for (const { values } of measurementsIn(text)) expect(values.every(Number.isFinite)).toBe(true);
        },
      ),
    ));
});

/** Lines that are almost valid. */
const emfLike = fc
  .record({
    directives: fc.array(
      fc.record(
        {
          Namespace: fc.oneof(fc.string(), fc.anything()),
          Dimensions: fc.oneof(fc.array(fc.array(fc.string())), fc.anything()),
          Metrics: fc.oneof(fc.array(fc.record({ Name: fc.string(), Unit: fc.anything() })), fc.anything()),
        },
        { requiredKeys: [] },
      ),
    ),
    members: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.double(), fc.anything())),
    time: fc.oneof(fc.integer(), fc.double(), fc.anything()),
  })
  .map(({ directives, members, time: at }) => {
    try {
      return line(directives, members, at);
    } catch {
      // Some values, such as big integers, cannot be written as JSON.
      return '';
    }
  });
