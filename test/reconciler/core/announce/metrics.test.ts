import { describe, expect, it } from 'vitest';
import { type MetricName, metricsOf, metricsOfSweep } from '../../../../reconciler/core/announce/metrics.ts';
import type { Drift } from '../../../../reconciler/core/memory/memory.ts';
import type { ChangeOutcome } from '../../../../reconciler/core/route/outcome.ts';
import type { SweepRecord } from '../../../../reconciler/core/status/sweep-record.ts';
import { at, cause, destination, hijack, other } from '../status/given.ts';
import { between, state, stateOf } from './state.ts';

const found: Drift = { ...hijack, foundAt: at(0) };
const watched = { memory: { watched: true } } as const;

/** The values of the metrics that are published. */
const values = (transitions: Parameters<typeof metricsOf>[0]): Partial<Record<MetricName, number>> =>
  Object.fromEntries(metricsOf(transitions).map(({ name, value }) => [name, value]));

describe('a reconcile', () => {
  it('without news publishes nothing', () => {
    const troubled = state({ waits: 'first-deletes', troubles: ['blackhole'], drift: [found] });
    expect(metricsOf(between(troubled, troubled))).toEqual([]);
  });

  it('counts drift by routes', () => {
    const drifted = { [destination]: { drift: [found] }, [other]: { drift: [{ ...found, destination: other }] } };
    expect(values(between(state(), stateOf(drifted)))).toEqual({ DriftDetected: 2 });
    expect(values(between(state(), stateOf(drifted, watched)))).toEqual({ DriftObserved: 2 });
  });

  it('counts the changes that EC2 confirmed, by action', () => {
    const change = (action: ChangeOutcome['action'], result: ChangeOutcome['result'] = 'done'): ChangeOutcome => ({
      action,
      destination,
      result,
    });
    const outcomes = [
      change('replace'),
      change('delete'),
      change('delete'),
      change('create'),
      change('create'),
      change('create'),
      ...(['already', 'refused', 'unknown', 'skipped'] as const).map((result) => change('replace', result)),
    ];
    const expected = { RoutesReplaced: 1, RoutesDeleted: 2, RoutesCreated: 3 };
    expect(values(between(state(), state(), outcomes))).toEqual(expected);
  });

  it('counts troubles that are new: failures by route, waiting deletes by table, contests and blackholes by route', () => {
    const refusal = { action: 'create', to: 'pcx-aaaaaaaa', kind: 'rejected', attempts: 1, nextRetry: at(1) } as const;
    const contest = { since: at(0), until: at(1), waitMs: 60_000 };
    const every = {
      waits: 'first-deletes',
      refusal,
      troubles: ['blackhole'],
      repairs: { at: [], by: [], contest },
    } as const;
    const two = stateOf({ [destination]: every, [other]: every });
    const expected = { ChangesFailed: 2, PlansBlocked: 1, Contested: 2, Blackholes: 2 };
    expect(values(between(state(), two))).toEqual(expected);
  });

  it('counts routes that others made and that are left alone', () => {
    const [before, seen] = [state({}, { memory: { readAt: at(0) } }), { target: 'x', leftAlone: 'ignored' } as const];
    expect(values(between(before, stateOf({ [destination]: { seen }, [other]: { seen } })))).toEqual({
      RoutesLeftAlone: 2,
    });
  });

  it('counts no failure that passes by itself', () => {
    const refusal = { action: 'create', kind: 'not-ready', attempts: 1, nextRetry: at(1) } as const;
    expect(values(between(state(), state({ refusal })))).toEqual({});
  });

  it('counts blackholes of a table that is not enforced in a metric of their own', () => {
    expect(values(between(state(), state({ troubles: ['blackhole'] }, watched)))).toEqual({ BlackholesObserved: 1 });
  });

  it('counts an item that became invalid', () => {
    const invalid = state({}, { phase: 'Invalid', reason: 'x' });
    expect(values(between(state(), invalid))).toEqual({ InvalidDesired: 1 });
    expect(values(between(invalid, invalid))).toEqual({});
  });

  it('counts drift that no event reported in time', () => {
    const before = state({ drift: [{ ...found, expectsEvent: true }] });
    expect(values(between(before, state({ drift: [found] }, { minute: 15 })))).toEqual({ MissedByEvents: 1 });
  });
});

describe('the latency of a repair', () => {
  const repaired: Drift = { ...found, cause, appliedAt: at(0.5), byUs: true };
  const latencies = (drift: Drift) =>
    metricsOf(between(state({ drift: [found] }), state({ drift: [drift] }))).map(({ value }) => value);

  it("lasts from the call that caused the drift to EC2's answer, in milliseconds", () => {
    const { name, value } = metricsOf(between(state({ drift: [found] }), state({ drift: [repaired] })))[0] ?? {};
    expect([name, value]).toEqual(['HealLatency', 30_000]);
  });

  it('is published for each route', () => {
    const elsewhere = { ...repaired, destination: other, appliedAt: at(1) };
    const after = stateOf({ [destination]: { drift: [repaired] }, [other]: { drift: [elsewhere] } });
    const before = stateOf({
      [destination]: { drift: [found] },
      [other]: { drift: [{ ...found, destination: other }] },
    });
    expect(metricsOf(between(before, after)).map(({ value }) => value)).toEqual([30_000, 60_000]);
  });

  it('is never negative, though clocks differ', () => {
    expect(latencies({ ...repaired, appliedAt: at(-1) })).toEqual([0]);
  });

  it('is unknown without a call, or if the drift was found while the table was not enforced', () => {
    const { cause: _, ...unexplained } = repaired;
    expect(latencies(unexplained)).toEqual([]);
    expect(latencies({ ...repaired, watched: true })).toEqual([]);
  });

  it('is not published for a repair by others', () => {
    const { byUs: _, ...byOthers } = repaired;
    expect(latencies(byOthers)).toEqual([]);
  });
});

describe('a sweep', () => {
  const sweep: SweepRecord = {
    startedAt: at(0),
    endedAt: at(2),
    checked: 7,
    outOfSync: 2,
    observed: 1,
    waiting: 4,
    stopped: 5,
    missing: 6,
    mappingsDisabled: 7,
    blackholes: 3,
    unknown: { count: 1, first: [] },
  };

  it('publishes what it counted, zeros too', () => {
    const { observed: _, blackholes: __, waiting: ___, stopped: ____, missing: _____, ...bare } = sweep;
    const counted = (record: SweepRecord) =>
      Object.fromEntries(metricsOfSweep(record).map(({ name, value }) => [name, value]));
    const expected = {
      SweepCompleted: 1,
      SweepDuration: 120_000,
      TablesManaged: 8,
      TablesOutOfSync: 2,
      TablesObserved: 1,
      TablesWaiting: 4,
      TablesStopped: 5,
      ItemsMissing: 6,
      MappingsDisabled: 7,
      BlackholesKnown: 3,
      TablesUnknown: 1,
    };
    expect(counted(sweep)).toEqual(expected);
    const zeros = { TablesObserved: 0, TablesWaiting: 0, TablesStopped: 0, ItemsMissing: 0, BlackholesKnown: 0 };
    expect(counted(bare)).toEqual({ ...expected, ...zeros });
  });

  it('publishes nothing until its last part has ended', () => {
    const { endedAt: _, ...going } = sweep;
    expect(metricsOfSweep(going)).toEqual([]);
  });
});
