import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../../reconciler/core/route/change.ts';
import type { Remembered } from '../../../../reconciler/core/memory/memory.ts';
import type { FailureKind } from '../../../../reconciler/core/route/outcome.ts';
import { isParked, refusalAfter, retryAfterMs } from '../../../../reconciler/core/status/retries.ts';
import type { TriggerKind } from '../../../../reconciler/core/memory/trigger.ts';
import { minutesAfter, now, route } from '../../../support/builders.ts';
import { at, destination, memory, other } from './given.ts';

const { destination: to, target } = route(destination, 'pcx-aaaaaaaa');
const change: Change = { action: 'create', destination: to, to: target };
const create = { action: 'create', destination, to: 'pcx-aaaaaaaa' } as const;
const refusal = { action: 'create', to: 'pcx-aaaaaaaa', kind: 'transient', attempts: 1, nextRetry: at(1) } as const;

const kinds: readonly (FailureKind | undefined)[] = [
  'stale',
  'transient',
  'not-ready',
  'rejected',
  'denied',
  undefined,
];
const minutes = (kind: FailureKind | undefined, attempts: readonly number[]): readonly number[] =>
  attempts.map((attempt) => retryAfterMs(kind, attempt) / 60_000);

describe('a change that failed waits', () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 8];
  const fromQuarter = [0.25, 0.5, 1, 2, 4, 8, 15, 15];

  it.each<[FailureKind | undefined, readonly number[]]>([
    ['not-ready', [0.5, 1, 2, 4, 8, 60, 60, 60]],
    ['rejected', [60, 60, 60, 60, 60, 60, 60, 60]],
    ['denied', [60, 60, 60, 60, 60, 60, 60, 60]],
    ['transient', fromQuarter],
    ['stale', fromQuarter],
    [undefined, fromQuarter],
  ])('when it is %s: %j minutes', (kind, expected) => {
    expect(minutes(kind, attempts)).toEqual(expected);
  });

  it('never shorter than before, and at most an hour', () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 10_000 }), (kind, attempt) => {
        const [first = 0, second = 0] = minutes(kind, [attempt, attempt + 1]);
        expect(first).toBeGreaterThan(0);
        expect(second).toBeGreaterThanOrEqual(first);
        expect(second).toBeLessThanOrEqual(60);
      }),
    );
  });
});

describe('a change is parked', () => {
  const parked = (
    remembered: Remembered,
    kinds: readonly TriggerKind[] = ['sweep'],
    minute = 0,
    makesRoom = false,
  ): boolean =>
    isParked(change, memory({ [destination]: remembered }), {
      woken: kinds,
      makesRoom,
      now: minutesAfter(minute),
    });

  it('until the time of its refusal', () => {
    expect([0, 0.99, 1].map((minute) => parked({ refusal }, ['sweep'], minute))).toEqual([true, true, false]);
  });

  it.each<[TriggerKind, boolean]>([
    ['sweep', true],
    ['requeue', true],
    ['event', false],
    ['desired', false],
    ['person', false],
  ])('after a refusal, if the only trigger is %s: %s', (kind, expected) => {
    expect(parked({ refusal }, [kind])).toBe(expected);
  });

  it('not if one of several triggers may have removed the cause', () => {
    expect(parked({ refusal }, ['sweep', 'event'])).toBe(false);
  });

  it('not for the refusal of another change', () => {
    expect(parked({ refusal: { ...refusal, to: 'pcx-bbbbbbbb' } })).toBe(false);
    expect(parked({ refusal: { ...refusal, action: 'replace' } })).toBe(false);
    expect(isParked(change, memory({ [other]: { refusal } }), { woken: ['sweep'], makesRoom: false, now })).toBe(false);
    expect(parked({})).toBe(false);
  });

  it('not if the table was full and a delete makes room', () => {
    const full = { ...refusal, code: 'RouteLimitExceeded' };
    expect(parked({ refusal: full }, ['sweep'], 0, false)).toBe(true);
    expect(parked({ refusal: full }, ['sweep'], 0, true)).toBe(false);
    expect(parked({ refusal }, ['sweep'], 0, true)).toBe(true);
  });

  it.each<TriggerKind>(['sweep', 'event', 'desired', 'person'])('while it is contested, though %s woke us', (kind) => {
    const contest = { since: at(0), until: at(1), waitMs: 60_000 };
    const repairs = { target: 'pcx-aaaaaaaa', at: [at(0)], by: [], contest };
    expect([0, 1].map((minute) => parked({ repairs }, [kind], minute))).toEqual([true, false]);
  });
});

describe('a refusal', () => {
  const refused = { ...create, result: 'refused', kind: 'transient', code: 'InternalError', message: 'sorry' } as const;

  it('is remembered with the answer of EC2 and the time of the next try', () => {
    const { result: _, destination: __, ...said } = refused;
    expect(refusalAfter(undefined, create, refused, now)).toEqual({ ...said, attempts: 1, nextRetry: at(0.25) });
  });

  it('counts how often in a row the change failed', () => {
    const again = refusalAfter(refusal, create, refused, minutesAfter(5));
    expect(again).toMatchObject({ attempts: 2, nextRetry: at(5.5) });
  });

  it('includes a change whose outcome is unknown', () => {
    const unknown = refusalAfter(undefined, create, { ...create, result: 'unknown' }, now);
    expect(unknown).toEqual({ action: 'create', to: 'pcx-aaaaaaaa', attempts: 1, nextRetry: at(0.25) });
  });

  it('stays while its change is not tried', () => {
    expect(refusalAfter(refusal, create, undefined, now)).toEqual(refusal);
    expect(refusalAfter(refusal, create, { ...create, result: 'skipped' }, now)).toEqual(refusal);
  });

  it.each(['done', 'already'] as const)('is over once its change is %s', (result) => {
    expect(refusalAfter(refusal, create, { ...create, result }, now)).toBeUndefined();
  });

  it('is over once its change is no longer wanted', () => {
    expect(refusalAfter(refusal, undefined, undefined, now)).toBeUndefined();
  });

  it('says nothing of another change', () => {
    const otherwise = { ...create, to: 'pcx-bbbbbbbb' };
    expect(refusalAfter(refusal, otherwise, undefined, now)).toBeUndefined();
    expect(refusalAfter(refusal, otherwise, { ...refused, to: 'pcx-bbbbbbbb' }, now)).toMatchObject({ attempts: 1 });
  });
});
