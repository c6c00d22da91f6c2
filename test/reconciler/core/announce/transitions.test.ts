import { describe, expect, it } from 'vitest';
import { isOtherTrouble } from '../../../../reconciler/core/announce/transitions.ts';
import type { Policy } from '../../../../reconciler/core/desired/policy.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Drift, Remembered, Seen } from '../../../../reconciler/core/memory/memory.ts';
import { conclude } from '../../../../reconciler/core/status/conclude.ts';
import { minutesAfter } from '../../../support/builders.ts';
import { alice, at, call, cause, circumstances, destination, hijack, other } from '../status/given.ts';
import { between, emptyPlan, state, stateOf } from './state.ts';

const found: Drift = { ...hijack, foundAt: at(0) };
const repaired: Drift = { ...found, appliedAt: at(0), byUs: true };
const ended: Drift = { ...repaired, endedAt: at(1) };
const quiet = { found: [], repaired: [], ended: [], explained: [], missed: [] };

const policy: Policy = { mode: 'enforce', unlisted: 'delete', ignore: [], overrideLocal: [] };
const under = (policy: Policy, given: Parameters<typeof state>[1] = {}) => state({}, { ...given, memory: { policy } });
const observed = { ...policy, mode: 'observe' } as const;

describe('the policy of a table', () => {
  const weakened = (...given: Parameters<typeof between>) => between(...given).weakened.map(({ field }) => field);

  it('is new when a table is adopted, and weakened by later edits, once each', () => {
    expect(weakened(undefined, under(observed))).toEqual([]);
    expect(weakened(under(policy), under(observed))).toEqual(['mode']);
    expect(weakened(under(observed), under(observed))).toEqual([]);
  });

  it('ends with the item, and is new when the item is written again', () => {
    const unmanaged = state({}, { phase: 'Unmanaged' });
    expect(weakened(under(policy), unmanaged)).toEqual(['item']);
    expect(weakened(unmanaged, unmanaged)).toEqual([]);
    expect(weakened(unmanaged, under(observed))).toEqual([]);
  });

  it('is the last valid one while the item is invalid', () => {
    const invalid = under(policy, { phase: 'Invalid' });
    expect(weakened(under(policy), invalid)).toEqual([]);
    expect(weakened(invalid, under(observed))).toEqual(['mode']);
  });
});

describe('a route that begins to drop its traffic', () => {
  const dropping = (...of: readonly string[]) =>
    stateOf(Object.fromEntries(of.map((one) => [one, { troubles: ['blackhole'] }])));

  it('is found once, and a second one by itself', () => {
    expect(between(state(), dropping(destination)).blackholed).toEqual([{ destination }]);
    expect(between(dropping(destination), dropping(destination)).blackholed).toEqual([]);
    expect(between(dropping(destination), dropping(destination, other)).blackholed).toEqual([{ destination: other }]);
  });

  it('is not found again because the table is enforced from now on', () => {
    const watched = state({ troubles: ['blackhole'] }, { memory: { watched: true } });
    const after = between(watched, dropping(destination));
    expect([after.blackholed, after.entered.blackholes]).toEqual([[], [destination]]);
  });
});

describe('a route that is left alone', () => {
  const target = 'eni-aaaaaaaa';
  const left = (more: Partial<Seen> = {}, given: Remembered = {}) =>
    state({ ...given, seen: { target, leftAlone: 'maybe-not-ours', ...more } }, { memory: { readAt: at(0) } });
  const nothing = state({}, { memory: { readAt: at(0) } });
  const targets = (...given: Parameters<typeof between>) => between(...given).leftAlone.map((one) => one.target);

  it('is new if the read before showed no route or another target', () => {
    expect(targets(nothing, left())).toEqual([target]);
    expect(targets(left({ target: 'eni-bbbbbbbb' }), left())).toEqual([target]);
    expect(targets(left(), left())).toEqual([]);
  });

  it('is not new at the first read, or after the memory was lost', () => {
    expect(targets(undefined, left())).toEqual([]);
    expect(targets(state(), left())).toEqual([]);
  });

  it('is not new if we wrote it, even if the answer was lost', () => {
    const outcome = { action: 'create', destination, to: target, result: 'done' } as const;
    expect(targets(nothing, left(), [outcome])).toEqual([]);
    const unsure = state({ written: { target, isUncertain: true } }, { memory: { readAt: at(0) } });
    expect(targets(unsure, left())).toEqual([]);
  });

  it('is new again if it waits for a person, and becomes active or changes its owner', () => {
    expect(targets(left({ state: 'blackhole' }), left())).toEqual([target]);
    expect(targets(left({ ownerId: '111122223333' }), left({ ownerId: '444455556666' }))).toEqual([target]);
    expect(targets(left({ state: 'blackhole' }), left({ leftAlone: 'ignored' }))).toEqual([]);
  });

  it('is no local route that EC2 made or that others put back', () => {
    const local = { target: 'local', leftAlone: 'local' } as const;
    expect(targets(nothing, left(local))).toEqual([]);
    expect(targets(left({}, { wasLocal: true }), left(local))).toEqual([]);
    expect(targets(left({ leftAlone: 'local-overridden' }), left(local))).toEqual(['local']);
  });
});

describe('a delete that waits', () => {
  const waiting = (seen: Seen) => state({ waits: 'maybe-not-ours', seen });
  const entered = (before: Seen, after: Seen) => between(waiting(before), waiting(after)).entered.blocked;
  const theirs = { target: 'eni-aaaaaaaa', ownerId: '444455556666' };

  it('is announced again when its route becomes active or changes its owner', () => {
    expect(entered({ target: 'eni-aaaaaaaa', state: 'blackhole' }, theirs)).toEqual([destination]);
    expect(entered(theirs, { ...theirs, ownerId: '777788889999' })).toEqual([destination]);
  });

  it('is not announced again while its route stays as it is, or when the route becomes a blackhole', () => {
    expect(entered(theirs, theirs)).toEqual([]);
    expect(entered(theirs, { target: 'eni-aaaaaaaa', state: 'blackhole' })).toEqual([]);
  });
});

describe('drift that is', () => {
  it.each<[string, Drift[], Drift[], Partial<typeof quiet> | Record<string, readonly Drift[]>]>([
    ['found', [], [found], { found: [found] }],
    ['found and repaired', [], [repaired], { found: [repaired], repaired: [repaired] }],
    ['still there', [found], [found], {}],
    ['repaired by us', [found], [repaired], { repaired: [repaired] }],
    ['repaired by others', [found], [{ ...found, appliedAt: at(1) }], {}],
    [
      'repaired once more',
      [repaired],
      [{ ...repaired, appliedAt: at(1) }],
      { repaired: [{ ...repaired, appliedAt: at(1) }] },
    ],
    ['over', [repaired], [ended], { ended: [ended] }],
    ['over and no longer kept', [repaired], [], { ended: [repaired] }],
    ['over for long', [ended], [ended], {}],
    ['forgotten', [ended], [], {}],
    ['explained late', [found], [{ ...found, cause }], { explained: [{ ...found, cause }] }],
    ['explained when it is found', [], [{ ...found, cause }], { found: [{ ...found, cause }] }],
  ])('%s', (_, before, after, expected) => {
    expect(between(state({ drift: before }), state({ drift: after }))).toMatchObject({ ...quiet, ...expected });
  });

  it('found again at once has not ended: only the new drift is announced', () => {
    const again = { ...hijack, from: 'tgw-bbbbbbbb', foundAt: at(1) };
    const after = state({ drift: [{ ...repaired, endedAt: at(1) }, again] });
    expect(between(state({ drift: [repaired] }), after)).toMatchObject({ ...quiet, found: [again] });
  });

  it('known to a table whose item is deleted has not ended', () => {
    const unmanaged = state({}, { phase: 'Unmanaged' });
    expect(between(state({ drift: [found] }), unmanaged)).toMatchObject(quiet);
  });

  it('found in a table that had no state is new', () => {
    expect(between(undefined, state({ drift: [found] }))).toMatchObject({ ...quiet, found: [found] });
  });
});

describe('drift that no event reported', () => {
  const expecting: Drift = { ...found, expectsEvent: true };
  const missed = (before: Drift, after: Drift[], minute: number) =>
    between(state({ drift: [before] }), state({ drift: after }, { minute })).missed;

  it('is missed after 15 minutes, once', () => {
    expect(missed(expecting, [expecting], 14.9)).toEqual([]);
    expect(missed(expecting, [found], 15)).toEqual([expecting]);
    expect(missed(found, [found], 20)).toEqual([]);
  });

  it('is missed even if it is over and forgotten', () => {
    expect(missed({ ...expecting, endedAt: at(1) }, [], 15)).toHaveLength(1);
  });

  it('is not missed when its event arrives in that reconcile', () => {
    expect(missed(expecting, [{ ...found, cause }], 15)).toEqual([]);
  });

  it('is explained, not missed, by an event that arrives when it is dropped', () => {
    const before = state({ drift: [{ ...expecting, endedAt: at(1), runs: ['run-1'] }] });
    const on = circumstances({ now: minutesAfter(16), calls: [call()] });
    const after = conclude(before, before.memory, { kind: 'invalid', problems: [] }, on);
    expect(between(before, after)).toMatchObject({ missed: [], explained: [{ cause, runs: ['run-1'] }] });
  });
});

describe('a run', () => {
  const open = (remembered: Parameters<typeof state>[0] = {}) =>
    state(remembered, { memory: { openRuns: [{ id: 'run-1', destinations: [destination] }] } });

  it('is verified once a read shows its destinations as desired', () => {
    expect(between(open(), state()).verified).toEqual(['run-1']);
  });

  it('is not verified while a change is planned or was tried', () => {
    expect(between(open(), state({ planned: hijack })).verified).toEqual([]);
    expect(between(open(), state(), [{ ...hijack, result: 'done' }]).verified).toEqual([]);
  });

  it('is verified whatever is planned elsewhere', () => {
    const elsewhere = { ...hijack, destination: other };
    expect(between(open(), state(), [{ ...elsewhere, result: 'done' }]).verified).toEqual(['run-1']);
  });

  it('is not verified by a read that is not believed', () => {
    const doubt = true;
    expect(between(open(), state({}, { memory: { doubt } })).verified).toEqual([]);
    for (const phase of ['Invalid', 'Missing', 'Unmanaged'] as const)
      expect(between(open(), state({}, { phase })).verified).toEqual([]);
  });
});

describe('a notice', () => {
  const notice = (id: string): Extract<ReportedCall, { about: 'surroundings' }> => ({
    id,
    name: 'DisassociateRouteTable',
    time: at(0),
    actor: alice,
    about: 'surroundings',
    notice: 'subnet-aaaaaaaa left the table',
  });

  it('is every new call about what surrounds the table, the oldest first', () => {
    const calls = [notice('call-2'), call({ id: 'call-3' }), notice('call-1')];
    expect(between(state(), state(), [], calls).notices.map(({ id }) => id)).toEqual(['call-1', 'call-2']);
  });

  it('does not exist for an unmanaged table', () => {
    const { plan: _, ...status } = state({}, { phase: 'Unmanaged' }).status;
    const unmanaged = { ...state(), status };
    expect(between(unmanaged, unmanaged, [], [notice('call-1')]).notices).toEqual([]);
  });
});

describe('a table has a new trouble', () => {
  const failed = state({}, { phase: 'Failed', reason: 'x' });

  it.each([
    ['nothing was known', undefined],
    ['it was in another phase', state({}, { phase: 'Blocked', reason: 'x' })],
    ['it was for another reason', state({}, { phase: 'Failed', reason: 'y' })],
    [
      'it had another plan',
      state({}, { phase: 'Failed', reason: 'x', plan: { ...emptyPlan, planId: '000000000000' } }),
    ],
  ])('if %s', (_, before) => {
    expect(isOtherTrouble(before, failed)).toBe(true);
  });

  it('not if it stays as it was, and not if it has none', () => {
    expect(isOtherTrouble(failed, failed)).toBe(false);
    for (const phase of ['InSync', 'Verifying', 'Unmanaged'] as const)
      expect(isOtherTrouble(failed, state({}, { phase }))).toBe(false);
  });
});
