import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MissingData } from '../../../local/cloudwatch/alarm-rule.ts';
import { type AlarmState, type Datapoint, type Deciding, evaluate } from '../../../local/cloudwatch/evaluate.ts';

const states = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const;
const treatments = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

const alarm = (rule: Partial<Deciding>): Deciding => ({
  evaluationPeriods: 3,
  datapointsToAlarm: 3,
  comparison: 'GreaterThanOrEqualToThreshold',
  threshold: 1,
  missingData: 'missing',
  ...rule,
});

/** Datapoints in the notation of the documentation: X breaches, 0 does not, - is missing; the newest is last. */
const read = (text: string): Datapoint[] =>
  text.split(' ').map((sign) => (sign === '-' ? undefined : sign === 'X' ? 1 : 0));

/** The states that follow OK, ALARM and INSUFFICIENT_DATA. */
const after = (rule: Deciding, text: string): AlarmState[] => states.map((state) => evaluate(rule, read(text), state));

const always = (state: AlarmState): AlarmState[] => states.map(() => state);
const kept = [...states];

interface Row {
  readonly datapoints: string;
  readonly becomes: Readonly<Record<MissingData, readonly AlarmState[]>>;
}

const row = (datapoints: string, ...[missing, ignore, breaching, notBreaching]: (AlarmState | 'kept')[]): Row => {
  const expected = (state: AlarmState | 'kept' = 'kept') => (state === 'kept' ? kept : always(state));
  return {
    datapoints,
    becomes: {
      missing: expected(missing),
      ignore: expected(ignore),
      breaching: expected(breaching),
      notBreaching: expected(notBreaching),
    },
  };
};

const becomes = (rule: Partial<Deciding>, { datapoints }: Row): Row => ({
  datapoints,
  becomes: {
    missing: after(alarm({ ...rule, missingData: 'missing' }), datapoints),
    ignore: after(alarm({ ...rule, missingData: 'ignore' }), datapoints),
    breaching: after(alarm({ ...rule, missingData: 'breaching' }), datapoints),
    notBreaching: after(alarm({ ...rule, missingData: 'notBreaching' }), datapoints),
  },
});

// The tables of docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
describe('an alarm of 3 out of 3 datapoints behaves as documented', () => {
  it.each([
    row('0 - X - X', 'OK', 'OK', 'OK', 'OK'),
    row('0 - - - -', 'OK', 'OK', 'OK', 'OK'),
    row('- - - - -', 'INSUFFICIENT_DATA', 'kept', 'ALARM', 'OK'),
    row('0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'),
    row('- - X - -', 'ALARM', 'kept', 'ALARM', 'OK'),
  ])('$datapoints', (expected) => {
    expect(becomes({ datapointsToAlarm: 3 }, expected)).toEqual(expected);
  });
});

describe('an alarm of 2 out of 3 datapoints behaves as documented', () => {
  it.each([
    row('0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'),
    row('0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'),
    row('0 - X - -', 'OK', 'OK', 'ALARM', 'OK'),
    row('- - - - 0', 'OK', 'OK', 'ALARM', 'OK'),
    row('- - - X -', 'ALARM', 'kept', 'ALARM', 'OK'),
  ])('$datapoints', (expected) => {
    expect(becomes({ datapointsToAlarm: 2 }, expected)).toEqual(expected);
  });
});

describe('an alarm with intermittent data', () => {
  it.each(['- - - - X', '- - - X -'])('is not raised too early: %s', (datapoints) => {
    expect(after(alarm({}), datapoints)).toEqual(kept);
  });

  it.each(['- - - X 0', '- - X - 0'])('is OK once the next datapoint is within the threshold: %s', (datapoints) => {
    expect(after(alarm({}), datapoints)).toEqual(always('OK'));
  });
});

describe('an alarm on one datapoint', () => {
  const one = (missingData: MissingData) => alarm({ evaluationPeriods: 1, datapointsToAlarm: 1, missingData });

  it.each(treatments)('follows the last datapoint while that is in its range (%s)', (missingData) => {
    expect(after(one(missingData), 'X - -')).toEqual(always('ALARM'));
    expect(after(one(missingData), 'X - 0')).toEqual(always('OK'));
  });
});

describe('comparisons', () => {
  it.each([
    ['GreaterThanOrEqualToThreshold', ['OK', 'ALARM', 'ALARM']],
    ['GreaterThanThreshold', ['OK', 'OK', 'ALARM']],
    ['LessThanThreshold', ['ALARM', 'OK', 'OK']],
    ['LessThanOrEqualToThreshold', ['ALARM', 'ALARM', 'OK']],
  ] as const)('%s', (comparison, expected) => {
    const rule = alarm({ comparison, threshold: 5, evaluationPeriods: 1, datapointsToAlarm: 1 });
    expect([4, 5, 6].map((value) => evaluate(rule, [undefined, undefined, value], 'OK'))).toEqual(expected);
  });
});

const rules = fc
  .record({ evaluationPeriods: fc.integer({ min: 1, max: 6 }), missingData: fc.constantFrom(...treatments) })
  .chain(({ evaluationPeriods, missingData }) =>
    fc
      .integer({ min: 1, max: evaluationPeriods })
      .map((datapointsToAlarm) => alarm({ evaluationPeriods, missingData, datapointsToAlarm })),
  );
const datapoints = fc.constantFrom(0, 1);
const seenBy = ({ evaluationPeriods }: Deciding) => ({
  minLength: evaluationPeriods + 2,
  maxLength: evaluationPeriods + 2,
});
const situations = rules.chain((rule) =>
  fc.record({
    rule: fc.constant(rule),
    seen: fc.array(fc.option(datapoints, { nil: undefined }), seenBy(rule)),
    state: fc.constantFrom(...states),
  }),
);

describe('evaluate', () => {
  it('counts M out of the newest N when nothing is missing', () =>
    fc.assert(
      fc.property(
        rules.chain((rule) => fc.tuple(fc.constant(rule), fc.array(datapoints, seenBy(rule)))),
        fc.constantFrom(...states),
        ([rule, seen], state) => {
          const breaching = seen.slice(-rule.evaluationPeriods).filter((value) => value === 1).length;
          expect(evaluate(rule, seen, state)).toBe(breaching >= rule.datapointsToAlarm ? 'ALARM' : 'OK');
        },
      ),
    ));

  it('is stable: the same datapoints change a state at most once', () =>
    fc.assert(
      fc.property(situations, ({ rule, seen, state }) => {
        const next = evaluate(rule, seen, state);
        expect(evaluate(rule, seen, next)).toBe(next);
      }),
    ));

  it('reports INSUFFICIENT_DATA only if all data is missing, or if that was the state before', () =>
    fc.assert(
      fc.property(situations, ({ rule, seen, state }) => {
        if (evaluate(rule, seen, state) !== 'INSUFFICIENT_DATA') return;
        expect(state === 'INSUFFICIENT_DATA' || seen.every((value) => value === undefined)).toBe(true);
      }),
    ));

  it('never ends an alarm because another datapoint breaches', () =>
    fc.assert(
      fc.property(situations, ({ rule, seen, state }) => {
        const worse = seen.map((value) => (value === undefined ? undefined : 1));
        if (evaluate(rule, seen, state) === 'ALARM') expect(evaluate(rule, worse, state)).toBe('ALARM');
      }),
    ));

  it('raises every alarm that it raises for notBreaching also for breaching', () =>
    fc.assert(
      fc.property(situations, ({ rule, seen, state }) => {
        const [breaching, notBreaching] = (['breaching', 'notBreaching'] as const).map((missingData) =>
          evaluate({ ...rule, missingData }, seen, state),
        );
        if (notBreaching === 'ALARM') expect(breaching).toBe('ALARM');
      }),
    ));
});
