import { describe, expect, it } from 'vitest';
import type { Drift, LastDrift } from '../../../../reconciler/core/memory/memory.ts';
import { lastDriftAfter } from '../../../../reconciler/core/status/drift.ts';
import { minutesAfter } from '../../../support/builders.ts';
import { alice, at, bob, cause, destination, hijack, memory, other } from './given.ts';

const found: Drift = { ...hijack, foundAt: at(0) };
const elsewhere: Drift = { ...found, destination: other };

/** What people see of the latest drift, with this drift remembered. */
const after = (before: LastDrift | undefined, minute: number, ...drift: readonly Drift[]): LastDrift | undefined =>
  lastDriftAfter(
    before,
    memory(Object.fromEntries(drift.map((one) => [one.destination, { drift: [one] }]))),
    minutesAfter(minute),
  );

describe('the latest drift of a table', () => {
  it('does not exist if no drift was ever found', () => {
    expect(after(undefined, 0)).toBeUndefined();
  });

  it('is what one read found, counted by routes', () => {
    expect(after(undefined, 0, found, elsewhere)).toEqual({ foundAt: at(0), routes: 2 });
  });

  it('names who caused it, and when', () => {
    const expected = { foundAt: at(0), routes: 1, actor: alice, calledAt: cause.time };
    expect(after(undefined, 0, { ...found, cause })).toEqual(expected);
  });

  it.each([
    ['nobody is known of another route', elsewhere, true],
    ['somebody else changed another route', { ...elsewhere, cause: { ...cause, actor: bob } }, true],
    ['one actor changed all routes', { ...elsewhere, cause }, undefined],
  ])('says whether there are others: %s', (_, second, others) => {
    expect(after(undefined, 0, { ...found, cause }, second)?.others).toBe(others);
  });

  it('learns from a late event who caused it', () => {
    const before = { foundAt: at(0), routes: 1 };
    expect(after(before, 5, { ...found, cause })).toEqual({ ...before, actor: alice, calledAt: cause.time });
  });

  it('is repaired, and over, only when all of its routes are', () => {
    const before = { foundAt: at(0), routes: 2 };
    const over = (one: Drift, minute: number): Drift => ({ ...one, appliedAt: at(1), endedAt: at(minute) });
    expect(after(before, 2, over(found, 2), elsewhere)).toEqual(before);
    expect(after(before, 3, over(found, 2), over(elsewhere, 3))).toEqual({
      ...before,
      appliedAt: at(1),
      healedAt: at(3),
    });
  });

  it('stays the same after its details are forgotten', () => {
    const who = { actor: alice, others: true, calledAt: at(0) } as const;
    const before = { foundAt: at(0), routes: 2, ...who, appliedAt: at(1), healedAt: at(2) };
    expect(after(before, 60)).toEqual(before);
  });

  it('keeps its actor, and that there are others, after some details are forgotten', () => {
    const before = { foundAt: at(0), routes: 2, actor: alice, others: true, calledAt: at(0) } as const;
    expect(after(before, 20, { ...found, cause })).toEqual(before);
  });

  it('is replaced by the next drift', () => {
    const before = { foundAt: at(0), routes: 2, actor: alice, healedAt: at(2) };
    expect(after(before, 9, { ...hijack, destination, foundAt: at(9) })).toEqual({ foundAt: at(9), routes: 1 });
  });
});
