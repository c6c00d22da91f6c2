import { describe, expect, it } from 'vitest';
import type { Trouble, Troubles } from '../../../../reconciler/core/announce/transitions.ts';
import type { TroubleCode } from '../../../../reconciler/core/desired/finding.ts';
import type { Refusal, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import type { FailureKind } from '../../../../reconciler/core/route/outcome.ts';
import type { State } from '../../../../reconciler/core/status/status.ts';
import { at, destination, other } from '../status/given.ts';
import { between, state, stateOf } from './state.ts';

const trouble: readonly Trouble[] = ['failing', 'lasting', 'blocked', 'contested', 'down', 'blackholes'];
const none: Troubles = { failing: [], lasting: [], blocked: [], contested: [], down: [], blackholes: [] };

const refusal = (kind: FailureKind | undefined, attempts = 1): Remembered => {
  const refused: Refusal = { action: 'create', to: 'pcx-aaaaaaaa', attempts, since: at(0), nextRetry: at(1) };
  return { refusal: { ...refused, ...(kind && { kind }) } };
};
const finding = (...troubles: readonly TroubleCode[]): Remembered => ({ troubles });
const waiting: Remembered = { waits: 'first-deletes' };
const contested: Remembered = {
  repairs: { at: [at(0)], by: [], contest: { since: at(0), until: at(1), waitMs: 60_000 } },
};

const created = `create ${destination} pcx-aaaaaaaa`;
const lasts = (key: string): Partial<Troubles> => ({ failing: [key], lasting: [key] });

/** Every trouble, with its identifying detail. */
const troubles: readonly (readonly [string, Remembered, Partial<Troubles>])[] = [
  ['a change that is rejected', refusal('rejected'), lasts(created)],
  ['a change that is denied', refusal('denied'), lasts(created)],
  ['a change that failed 3 times in a row', refusal('transient', 3), lasts(created)],
  ['a destination held by others', finding('not-ours'), lasts(`not-ours ${destination}`)],
  ['a local route that is missing', finding('no-local-route'), lasts(`no-local-route ${destination}`)],
  ['an override that is left', finding('local-override-left'), lasts(`local-override-left ${destination}`)],
  ['a listed target that is down', finding('target-down'), { down: [destination] }],
  ['a route that drops its traffic', finding('blackhole'), { blackholes: [destination] }],
  ['a delete that waits', waiting, { blocked: [destination] }],
  ['a contest', contested, { contested: [destination] }],
];

describe.each(troubles)('%s', (_, remembered, expected) => {
  const kinds = trouble.filter((kind) => kind in expected);
  const [calm, troubled] = [state(), state(remembered)];

  it('is entered', () => {
    expect(between(calm, troubled).entered).toEqual({ ...none, ...expected });
    expect(between(undefined, troubled).entered).toEqual({ ...none, ...expected });
  });

  it('is not new while it lasts', () => {
    const { entered, left } = between(troubled, troubled);
    expect([entered, left]).toEqual([none, new Set()]);
  });

  it('is left', () => {
    const { entered, left } = between(troubled, calm);
    expect([entered, left]).toEqual([none, new Set(kinds)]);
  });

  it('is over when the item is deleted', () => {
    expect(between(troubled, state({}, { phase: 'Unmanaged' })).left).toEqual(new Set(kinds));
  });

  it('is neither over nor new while no read is believed', () => {
    const doubtful = state(remembered, { phase: 'Verifying', memory: { doubt: true } });
    const there = between(troubled, doubtful);
    const back = between(doubtful, troubled);
    expect([there.left.size, back.left.size, there.entered, back.entered]).toEqual([0, 0, none, none]);
  });

  it('is not new after the item was invalid for a while', () => {
    const invalid = state(remembered, { phase: 'Invalid', reason: 'x' });
    expect(between(troubled, invalid).entered).toEqual({ ...none, failing: ['Invalid x'] });
    expect(between(invalid, troubled).entered).toEqual(none);
  });

  it('is new at a second destination, and left with the last', () => {
    const both = stateOf({ [destination]: remembered, [other]: remembered });
    const { entered } = between(troubled, both);
    expect(kinds.map((kind) => entered[kind].length)).toEqual(kinds.map(() => 1));
    expect(between(both, troubled).left.size).toBe(0);
  });
});

describe('a target that is not ready', () => {
  const checked = (minute: number): State => state(refusal('not-ready', 3), { minute });

  it('is no trouble for 10 minutes, however often it was tried', () => {
    expect(between(state(), checked(9.9)).entered).toEqual(none);
    expect(between(checked(9.9), checked(10)).entered).toEqual({ ...none, ...lasts(created) });
    expect(between(checked(10), checked(15)).entered).toEqual(none);
    expect(between(checked(10), state()).left).toEqual(new Set(['failing', 'lasting']));
  });
});

describe('a failure that passes', () => {
  it.each(['transient', 'stale', undefined] as const)('(%s) is no trouble', (kind) => {
    for (const attempts of [1, 2]) expect(between(state(), state(refusal(kind, attempts))).entered).toEqual(none);
  });
});

describe('where nothing may be changed', () => {
  const watched = (remembered: Remembered): State => state(remembered, { memory: { watched: true } });

  it.each(troubles)('%s does not fail, and waits for nobody', (_, remembered, expected) => {
    const { contested = [], blackholes = [] } = expected;
    expect(between(watched({}), watched(remembered)).entered).toEqual({ ...none, contested, blackholes });
  });

  it('a blackhole is new once the table is enforced, for no alarm has rung', () => {
    const dead = finding('blackhole');
    expect(between(watched(dead), state(dead)).entered.blackholes).toEqual([destination]);
    expect(between(state(dead), watched(dead)).entered.blackholes).toEqual([]);
  });

  it('a delete that waits is new once the table is enforced', () => {
    expect(between(watched(waiting), state(waiting)).entered.blocked).toEqual([destination]);
  });
});

describe('an invalid item', () => {
  const invalid = (reason: string): State => state({}, { phase: 'Invalid', reason });

  it('is new, once for each reason', () => {
    expect(between(state(), invalid('x'))).toMatchObject({ isNewlyInvalid: true, entered: { failing: ['Invalid x'] } });
    expect(between(invalid('x'), invalid('x')).isNewlyInvalid).toBe(false);
    expect(between(invalid('x'), invalid('y')).isNewlyInvalid).toBe(true);
  });

  it('is left when it is valid again', () => {
    expect(between(invalid('x'), state()).left).toEqual(new Set(['failing']));
  });
});

describe('a missing table', () => {
  const missing = (memory = {}, minute = 10): State => state({}, { phase: 'Missing', memory, minute });

  it('is no trouble for 10 minutes: it may just have been created', () => {
    expect(between(state(), missing({}, 9.9)).entered).toEqual(none);
    expect(between(missing({}, 9.9), missing()).entered).toEqual({ ...none, ...lasts('Missing') });
  });

  it('fails after that, and does not pass by itself', () => {
    expect(between(state(), missing()).entered).toEqual({ ...none, ...lasts('Missing') });
    expect(between(missing(), missing()).entered).toEqual(none);
    expect(between(missing(), state()).left).toEqual(new Set(['failing', 'lasting']));
  });

  it('rings no alarm if the table was only observed', () => {
    expect(between(state(), missing({ watched: true })).entered).toEqual({ ...none, failing: ['Missing'] });
  });

  it('ends no contest', () => {
    const after = state(contested, { phase: 'Missing' });
    expect(between(state(contested), after).left.has('contested')).toBe(false);
  });
});
