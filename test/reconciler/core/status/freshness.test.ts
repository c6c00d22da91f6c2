import { describe, expect, it } from 'vitest';
import { shownPhase } from '../../../../reconciler/core/status/freshness.ts';
import type { SweepRecord } from '../../../../reconciler/core/status/sweep-record.ts';
import { minutesAfter, now, routeTableId } from '../../../support/builders.ts';

const status = { phase: 'InSync', reason: 'every route is as desired', checkedAt: now.toISOString() } as const;

const sweep = (more: Partial<SweepRecord> = {}): SweepRecord => ({
  startedAt: minutesAfter(59).toISOString(),
  endedAt: minutesAfter(60).toISOString(),
  checked: 7,
  outOfSync: 0,
  unknown: { count: 0, first: [] },
  everyMs: 5 * 60_000,
  ...more,
});

/** A sweep in parts that is not complete, after one that is. */
const underWay = (last: Partial<SweepRecord> = {}): SweepRecord => {
  const { endedAt = '', startedAt, unknown } = sweep(last);
  const { endedAt: _, ...begun } = sweep({ startedAt: minutesAfter(64).toISOString(), cursor: 'rtb-0000beef' });
  return { ...begun, lastCompleted: { startedAt, endedAt, items: 3, unknown } };
};

const failing = { count: 1, first: [{ routeTableId, reason: 'RequestLimitExceeded' }] };
const otherFailing = { count: 1, first: [{ routeTableId: 'rtb-0000dead', reason: 'RequestLimitExceeded' }] };
const moreFailingThanNamed = { ...otherFailing, count: 2 };
const longAgo = minutesAfter(20).toISOString();

describe('a table is shown', () => {
  it('as its status says, for as long as sweeps go on', () => {
    expect(shownPhase(routeTableId, status, sweep(), minutesAfter(75)).phase).toBe('InSync');
  });

  it('as its status says, while a sweep takes several parts, until three intervals after the last one ended', () => {
    expect(shownPhase(routeTableId, status, underWay(), minutesAfter(75)).phase).toBe('InSync');
    expect(shownPhase(routeTableId, status, underWay(), minutesAfter(75.1)).phase).toBe('Unknown');
  });

  it.each([
    ['it was never reconciled', undefined, sweep(), 61],
    ['the last sweep could not read it', status, sweep({ unknown: failing }), 61],
    ['the last sweep could not read more tables than it names', status, sweep({ unknown: moreFailingThanNamed }), 61],
    ['no sweep has ended in three intervals', status, sweep(), 75.1],
    ['sweeps start but never complete', status, (({ endedAt: _, ...rest }) => rest)(sweep()), 75],
    [
      'the last complete sweep could not read it, and the next one is in progress',
      status,
      underWay({ unknown: failing }),
      66,
    ],
    ['the last sweep took so long that it may have read the table long ago', status, sweep({ startedAt: longAgo }), 61],
  ])('as Unknown, if %s', (_, stored, last, minute) => {
    const { phase, reason } = shownPhase(routeTableId, stored, last, minutesAfter(minute));
    expect(phase).toBe('Unknown');
    expect(reason).not.toBe(status.reason);
  });

  it('as its status says, if it was reconciled after the sweep that could not read it', () => {
    const later = { ...status, checkedAt: minutesAfter(61).toISOString() };
    expect(shownPhase(routeTableId, later, sweep({ unknown: failing }), minutesAfter(62)).phase).toBe('InSync');
  });

  it('as its status says, if the last sweep could not read other tables', () => {
    expect(shownPhase(routeTableId, status, sweep({ unknown: otherFailing }), minutesAfter(61)).phase).toBe('InSync');
    const lately = { ...status, checkedAt: minutesAfter(59.5).toISOString() };
    const last = sweep({ unknown: moreFailingThanNamed });
    expect(shownPhase(routeTableId, lately, last, minutesAfter(61)).phase).toBe('InSync');
  });

  it('as Unmanaged, however old its status is', () => {
    const unmanaged = { ...status, phase: 'Unmanaged' } as const;
    expect(shownPhase(routeTableId, unmanaged, sweep(), minutesAfter(6_000)).phase).toBe('Unmanaged');
  });
});
