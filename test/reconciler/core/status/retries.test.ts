import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../../reconciler/core/route/change.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import { type Refusal, type Remembered, rememberedAt } from '../../../../reconciler/core/memory/memory.ts';
import type { FailureKind } from '../../../../reconciler/core/route/outcome.ts';
import { parkedBy, refusalAfter, retryAfterMs, withRevivals } from '../../../../reconciler/core/status/retries.ts';
import type { TriggerKind } from '../../../../reconciler/core/memory/trigger.ts';
import { minutesAfter, now, route, routeTableId } from '../../../support/builders.ts';
import { at, destination, memory, other } from './given.ts';

const { destination: to, target } = route(destination, 'pcx-aaaaaaaa');
const change: Change = { action: 'create', destination: to, to: target };
const create = { action: 'create', destination, to: 'pcx-aaaaaaaa' } as const;
const refusal: Refusal = {
  action: 'create',
  to: 'pcx-aaaaaaaa',
  kind: 'transient',
  attempts: 1,
  nextRetry: at(1),
};
const { nextRetry: _, ...bySweep } = refusal;

const kinds: readonly (FailureKind | undefined)[] = [
  'stale',
  'transient',
  'not-ready',
  'rejected',
  'denied',
  undefined,
];

const notReady = { ...create, result: 'refused', kind: 'not-ready' } as const;

/** The waits after these failures in a row, in minutes. Undefined: until the next sweep. */
const minutes = (kind: FailureKind | undefined, attempts: readonly number[]): readonly (number | undefined)[] =>
  attempts.map((attempt) => retryAfterMs(kind, attempt)).map((ms) => (ms === undefined ? undefined : ms / 60_000));

describe('a change that failed waits', () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 8];
  const fromQuarter = [0.25, 0.5, 1, 2, 4, 4, 4, 4];
  const sweep = undefined;

  it.each<[FailureKind | undefined, readonly (number | undefined)[]]>([
    ['not-ready', [0.25, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75]],
    ['rejected', [sweep, sweep, sweep, 10, 20, 40, 52, 52]],
    ['denied', [sweep, sweep, sweep, sweep, sweep, sweep, sweep, sweep]],
    ['transient', fromQuarter],
    ['stale', fromQuarter],
    [undefined, fromQuarter],
  ])('when it is %s: %j minutes', (kind, expected) => {
    expect(minutes(kind, attempts)).toEqual(expected);
  });

  it('at most 11 times for a target that is not ready, for about 8 minutes, and then for sweeps', () => {
    const tries: number[] = [];
    let last = refusalAfter(undefined, create, notReady, { routeTableId, now });
    while (last?.nextRetry !== undefined) {
      const at = new Date(last.nextRetry);
      tries.push((at.getTime() - now.getTime()) / 60_000);
      last = refusalAfter(last, create, notReady, { routeTableId, now: at });
    }
    expect([10, 11]).toContain(tries.length);
    expect(tries.at(-1)).toBeGreaterThan(7.25);
    expect(tries.at(-1)).toBeLessThanOrEqual(8.1);
  });

  it('less than an hour', () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 10_000 }), (kind, attempt) => {
        const [wait = 5] = minutes(kind, [attempt]);
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(52);
      }),
    );
  });
});

describe('a change is parked', () => {
  const parked = (
    remembered: Remembered,
    kinds: readonly TriggerKind[] = ['requeue'],
    minute = 0,
    makesRoom = false,
  ): boolean => parkedBy(memory({ [destination]: remembered }), kinds, minutesAfter(minute))(change, makesRoom);

  it('until the time of its refusal', () => {
    expect([0, 0.99, 1].map((minute) => parked({ refusal }, ['requeue'], minute))).toEqual([true, true, false]);
  });

  it.each<FailureKind>(['stale', 'transient', 'not-ready', 'denied'])('not in a sweep, when it is %s', (kind) => {
    expect(parked({ refusal: { ...refusal, kind } }, ['requeue'])).toBe(true);
    expect(parked({ refusal: { ...refusal, kind } }, ['requeue', 'sweep'])).toBe(false);
  });

  it('in a sweep as well, when it was rejected often', () => {
    const rejected = { ...refusal, kind: 'rejected' } as const;
    expect([0, 0.99, 1].map((minute) => parked({ refusal: rejected }, ['sweep'], minute))).toEqual([true, true, false]);
    expect(parked({ refusal: { ...bySweep, kind: 'rejected' } }, ['sweep'])).toBe(false);
  });

  it.each<TriggerKind>(['requeue', 'event', 'desired', 'person'])('for a sweep, whenever %s comes before', (kind) => {
    expect(parked({ refusal: bySweep }, [kind], 10_000)).toBe(true);
  });

  it('not for the refusal of another change', () => {
    expect(parked({ refusal: { ...refusal, to: 'pcx-bbbbbbbb' } })).toBe(false);
    expect(parked({ refusal: { ...refusal, action: 'replace' } })).toBe(false);
    expect(parkedBy(memory({ [other]: { refusal } }), ['requeue'], now)(change, false)).toBe(false);
    expect(parked({})).toBe(false);
  });

  it('while EC2 denies another change of the table', () => {
    const denied = memory({ [other]: { refusal: { ...bySweep, kind: 'denied' } } });
    expect(parkedBy(denied, ['event'], now)(change, false)).toBe(true);
    expect(parkedBy(denied, ['sweep'], now)(change, false)).toBe(false);
  });

  it('not if the table was full and a delete makes room', () => {
    const full = { ...refusal, kind: 'rejected', code: 'RouteLimitExceeded' } as const;
    expect(parked({ refusal: full }, ['sweep'], 0, false)).toBe(true);
    expect(parked({ refusal: full }, ['sweep'], 0, true)).toBe(false);
    expect(parked({ refusal }, ['requeue'], 0, true)).toBe(true);
  });

  it.each<TriggerKind>(['sweep', 'event', 'desired', 'person'])('while it is contested, though %s woke us', (kind) => {
    const contest = { since: at(0), until: at(1), waitMs: 60_000 };
    const repairs = { target: 'pcx-aaaaaaaa', at: [at(0)], by: [], contest };
    expect([0, 1].map((minute) => parked({ repairs }, [kind], minute))).toEqual([true, false]);
  });
});

describe('the retries of a refused change start again', () => {
  const away: Refusal = { ...bySweep, kind: 'not-ready', attempts: 13, since: at(-30), triedSince: at(-30) };
  const call = { id: 'e1', name: 'AcceptVpcPeeringConnection', time: at(0) };
  const peering: ReportedCall = { ...call, about: 'target-up', ids: ['pcx-aaaaaaaa'] };

  /** Whether they do. If so, the change is due now. */
  const starts = (calls: readonly ReportedCall[], one = away, isEdit = false): boolean => {
    const before = memory({ [destination]: { refusal: one } });
    const { refusal: after } = rememberedAt(withRevivals(before, { isEdit, calls, now }), destination);
    return (
      after !== undefined &&
      after.nextRetry === at(0) &&
      after.attempts === 0 &&
      after.since === one.since &&
      !after.triedSince
    );
  };

  it('after an edit', () => {
    expect(starts([], away, true)).toBe(true);
    expect(starts([])).toBe(false);
  });

  it.each<[string, ReportedCall, boolean]>([
    ['makes its target', peering, true],
    ['makes another target', { ...peering, ids: ['pcx-bbbbbbbb'] }, false],
    ['takes its target down', { ...peering, about: 'target-down' }, false],
    ['changes a route', { ...call, name: 'CreateRoute', about: 'route', destination }, false],
    ['tags the table', { ...call, name: 'CreateTags', about: 'table' }, false],
    ['is about the VPC', { ...call, name: 'CreateSubnet', about: 'table', via: 'vpc-aaaaaaaa' }, true],
    ['changes a prefix list', { ...call, about: 'surroundings', notice: 'x', via: 'pl-aaaaaaaa' }, false],
  ])('or not: a call that %s', (_, reported, expected) => {
    expect(starts([reported])).toBe(expected);
  });

  it('after a delete by others, if the table was full', () => {
    const full: Refusal = { ...away, kind: 'rejected', code: 'RouteLimitExceeded' };
    const gone: ReportedCall = { ...call, name: 'DeleteRoute', about: 'route', destination: other };
    expect(starts([gone], full)).toBe(true);
    expect(starts([{ ...gone, name: 'CreateRoute' }], full)).toBe(false);
  });

  it('after a change of its prefix list', () => {
    const before = memory({ 'pl-aaaaaaaa': { refusal: away } });
    const changed: ReportedCall = { ...call, about: 'surroundings', notice: 'x', via: 'pl-aaaaaaaa' };
    const after = withRevivals(before, { isEdit: false, calls: [changed], now });
    expect(rememberedAt(after, 'pl-aaaaaaaa').refusal).toMatchObject({ attempts: 0 });
  });

  it('after a call that tags the table, if the change was denied', () => {
    const denied = memory({ [destination]: { refusal: { ...bySweep, kind: 'denied' } } });
    const tags: ReportedCall = { ...call, name: 'CreateTags', about: 'table' };
    const after = withRevivals(denied, { isEdit: false, calls: [tags], now });
    expect(parkedBy(after, ['event'], now)(change, false)).toBe(false);
  });

  it('and failures that have nothing to do with the change stay counted', () => {
    const after = withRevivals(memory({ [destination]: { refusal } }), { isEdit: true, calls: [], now });
    expect(rememberedAt(after, destination).refusal).toEqual({ ...refusal, nextRetry: at(0) });
  });
});

describe('a refusal', () => {
  const refused = { ...create, result: 'refused', kind: 'transient', code: 'InternalError', message: 'sorry' } as const;
  const on = { routeTableId, now };

  it('is remembered with the answer of EC2 and the time of the next try', () => {
    const { result: _, destination: __, ...said } = refused;
    const first = refusalAfter(undefined, create, refused, on);
    expect(first).toEqual({ ...said, attempts: 1, nextRetry: expect.any(String) });
  });

  it('counts how often in a row the change failed', () => {
    expect(refusalAfter(refusal, create, refused, on)).toMatchObject({ attempts: 2 });
  });

  it('remembers since when its target is not ready, even if EC2 has a fault meanwhile', () => {
    const answers = [notReady, refused, notReady];
    const last = answers.reduce<Refusal | undefined>(
      (before, answer, minute) => refusalAfter(before, create, answer, { ...on, now: minutesAfter(minute) }),
      undefined,
    );
    expect(last).toMatchObject({ attempts: 3, since: at(0) });
  });

  it('includes a change whose outcome is unknown', () => {
    const unknown = refusalAfter(undefined, create, { ...create, result: 'unknown' }, on);
    expect(unknown).toMatchObject({ action: 'create', to: 'pcx-aaaaaaaa', attempts: 1 });
  });

  it('has no time if a sweep retries it', () => {
    expect(refusalAfter(undefined, create, { ...refused, kind: 'denied' }, on)).not.toHaveProperty('nextRetry');
  });

  it('waits up to 5 % more or less, so that tables are not retried together', () => {
    const waits = Array.from({ length: 50 }, (_, n) => {
      const after = refusalAfter(undefined, create, refused, { routeTableId: `rtb-${n}`, now });
      return Date.parse(after?.nextRetry ?? '') - now.getTime();
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(14_250);
    expect(Math.max(...waits)).toBeLessThanOrEqual(15_750);
    expect(new Set(waits).size).toBeGreaterThan(30);
  });

  it('stays while its change is not tried', () => {
    expect(refusalAfter(refusal, create, undefined, on)).toEqual(refusal);
    expect(refusalAfter(refusal, create, { ...create, result: 'skipped' }, on)).toEqual(refusal);
  });

  it.each(['done', 'already'] as const)('is over once its change is %s', (result) => {
    expect(refusalAfter(refusal, create, { ...create, result }, on)).toBeUndefined();
  });

  it('is over once its change is no longer wanted', () => {
    expect(refusalAfter(refusal, undefined, undefined, on)).toBeUndefined();
  });

  it('says nothing of another change', () => {
    const otherwise = { ...create, to: 'pcx-bbbbbbbb' };
    expect(refusalAfter(refusal, otherwise, undefined, on)).toBeUndefined();
    expect(refusalAfter(refusal, otherwise, { ...refused, to: 'pcx-bbbbbbbb' }, on)).toMatchObject({ attempts: 1 });
  });
});
