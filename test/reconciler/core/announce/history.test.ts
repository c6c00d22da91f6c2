import { describe, expect, it } from 'vitest';
import {
  type Run,
  type RunOutcome,
  completed,
  completionsOf,
  newRun,
  noticeRun,
  recordedRun,
  troubleRun,
  withOutcomes,
  withPlan,
} from '../../../../reconciler/core/announce/history.ts';
import { changeAsJson } from '../../../../reconciler/core/route/change.ts';
import type { Drift, Memory } from '../../../../reconciler/core/memory/memory.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import { summaryOf } from '../../../../reconciler/core/status/status.ts';
import { desired, minutesAfter, now, routeTableId, table } from '../../../support/builders.ts';
import { alice, at, bob, cause, destination, hijack, listed, other, via } from '../status/given.ts';
import { between, emptyPlan, state } from './state.ts';

const planned = plan(desired(...listed), table([via(destination, 'tgw-aaaaaaaa')]), { now });
const trigger = { kind: 'event', id: 'call-1', name: 'ReplaceRoute', time: at(0) } as const;
const run = newRun(routeTableId, summaryOf(planned), { trigger, actor: alice }, now);

const repaired: RunOutcome = { ...hijack, result: 'done', actor: 'unattributed' };
const elsewhere: RunOutcome = { ...repaired, destination: other };

describe('a run', () => {
  it('begins with its plan, and with what woke the reconcile', () => {
    expect(run).toEqual({
      routeTableId,
      id: `${at(0)}#${planned.planId}`,
      trigger,
      actor: alice,
      plan: summaryOf(planned),
      outcome: [],
      detectedAt: at(0),
    });
    expect(run.plan.changes).toEqual([hijack]);
  });

  it('names no actor if none is known', () => {
    expect(newRun(routeTableId, summaryOf(planned), { trigger: { kind: 'sweep' } }, now)).not.toHaveProperty('actor');
  });

  it('keeps its id and the changes of its first plan if a later read shows another table', () => {
    const later = plan(desired(...listed), table([via(destination), via('10.99.0.0/16')]), { now });
    const both = withPlan(run, summaryOf(later));
    expect(both).toMatchObject({ id: run.id, plan: { planId: later.planId } });
    expect(both.plan.changes).toEqual([hijack, ...later.changes.map(changeAsJson)]);
  });

  it('shows a change once if two plans ask for it', () => {
    expect(withPlan(run, summaryOf(planned)).plan.changes).toEqual([hijack]);
  });

  it('shows at most 100 changes of its plans together', () => {
    const routes = Array.from({ length: 100 }, (_, n) => via(`10.30.${n}.0/24`));
    const later = plan(desired(...listed), table([via(destination), ...routes]), { now });
    expect(withPlan(run, summaryOf(later)).plan.changes).toHaveLength(100);
  });

  it('keeps its first 100 outcomes, and counts the rest', () => {
    const many = withOutcomes(
      run,
      Array.from({ length: 103 }, () => repaired),
    );
    expect([many.outcome.length, many.moreOutcomes]).toEqual([100, 3]);
    expect(withOutcomes(run, [repaired])).toEqual({ ...run, outcome: [repaired] });
  });

  it('is about every destination of its plan and outcomes, and waits for the changed ones', () => {
    const { destinations, about } = recordedRun(withOutcomes(run, [elsewhere, { ...repaired, result: 'refused' }]));
    expect([destinations, about]).toEqual([[other], new Set([other, destination])]);
  });

  it('that changed nothing waits for everything it planned', () => {
    expect(recordedRun(withOutcomes(run, [{ ...repaired, result: 'skipped' }])).destinations).toEqual([destination]);
  });
});

describe('the run of a trouble without an apply', () => {
  const troubled = state(
    { planned: hijack },
    { phase: 'Blocked', reason: 'they wait', minute: 3, plan: summaryOf(planned) },
  );

  it('skips every change, and names its actor', () => {
    expect(troubleRun(undefined, troubled, { trigger }, () => bob)).toMatchObject({
      id: `${at(3)}#${planned.planId}`,
      phase: 'Blocked',
      reason: 'they wait',
      detectedAt: at(3),
      outcome: [{ ...hijack, result: 'skipped', actor: bob }],
    });
  });

  it('tells nothing of what waited before, unless it waits for another reason now', () => {
    const outcomeAfter = (before: Memory) => troubleRun(before, troubled, { trigger }, () => bob)?.outcome.length;
    expect(outcomeAfter(troubled.memory)).toBe(0);
    expect(outcomeAfter(state({ planned: hijack, waits: 'first-deletes' }).memory)).toBe(1);
    expect(outcomeAfter(state({ planned: { ...hijack, from: 'igw-aaaaaaaa' } }).memory)).toBe(1);
  });

  it('is none without a plan', () => {
    const { plan: _, ...status } = troubled.status;
    expect(troubleRun(undefined, { ...troubled, status }, { trigger }, () => bob)).toBeUndefined();
  });
});

describe('the run of a call about the surroundings of the table', () => {
  const notice = {
    id: 'call-9',
    name: 'DisassociateRouteTable',
    time: at(-1),
    actor: bob,
    about: 'surroundings',
    notice: 'subnet-aaaaaaaa left the table',
  } as const;

  it('says what was changed, and who changed it', () => {
    expect(noticeRun(notice, state())).toMatchObject({
      trigger: { kind: 'event', id: 'call-9', name: 'DisassociateRouteTable', time: at(-1) },
      actor: bob,
      notice: notice.notice,
      plan: emptyPlan,
      outcome: [],
    });
  });

  it('is the same each time the call is read', () => {
    const ids = [state(), state({}, { minute: 7 })].map((state) => noticeRun(notice, state)?.id);
    expect(ids).toEqual([`${at(-1)}#call-9`, `${at(-1)}#call-9`]);
  });

  it('is none without a plan', () => {
    const { plan: _, ...status } = state().status;
    expect(noticeRun(notice, { ...state(), status })).toBeUndefined();
  });
});

describe('an earlier run is completed', () => {
  const found: Drift = { ...hijack, foundAt: at(0), runs: ['run-1', 'run-2'] };
  const explained: Drift = { ...found, cause };
  const openRuns = [{ id: 'run-2', destinations: [destination] }];
  const stored: Run = withOutcomes(newRun(routeTableId, run.plan, { trigger: { kind: 'sweep' } }, now), [
    repaired,
    elsewhere,
  ]);

  it('when a read shows what it changed as desired, or when a late event explains its drift', () => {
    const before = state({ drift: [found] }, { memory: { openRuns } });
    expect(completionsOf(between(before, state({ drift: [explained] })))).toEqual([
      { id: 'run-2', isVerified: true, explained: [explained] },
      { id: 'run-1', isVerified: false, explained: [explained] },
    ]);
    expect(completionsOf(between(before, before, [{ ...hijack, result: 'done' }]))).toEqual([]);
  });

  it('with the time of that read', () => {
    const after = completed(stored, { id: stored.id, isVerified: true, explained: [] }, minutesAfter(5));
    expect(after).toEqual({ ...stored, verifiedAt: at(5) });
  });

  it('with the actor, in the run and in each outcome that the event explains', () => {
    const after = completed(stored, { id: stored.id, isVerified: false, explained: [explained] }, minutesAfter(5));
    expect(after).toEqual({ ...stored, actor: alice, outcome: [{ ...repaired, actor: alice }, elsewhere] });
  });

  it('without replacing an actor that it already has', () => {
    const known = { ...stored, actor: bob, outcome: [{ ...repaired, actor: bob }], verifiedAt: at(1) };
    expect(completed(known, { id: stored.id, isVerified: false, explained: [explained] }, minutesAfter(5))).toEqual(
      known,
    );
  });

  it('without an actor if the event names none', () => {
    const { actor: _, ...nobody } = cause;
    const nameless = { ...found, cause: nobody };
    expect(completed(stored, { id: stored.id, isVerified: false, explained: [nameless] }, now)).toEqual(stored);
  });
});
