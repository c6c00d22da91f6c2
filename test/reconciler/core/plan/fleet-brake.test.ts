import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrakeRow, askBrake, newBrakeRow, placesIn } from '../../../../reconciler/core/plan/fleet-brake.ts';
import { minutesAfter, now } from '../../../support/builders.ts';

const tableOf = (index: number): string => `rtb-${index.toString(16).padStart(8, '0')}`;
const ask = (row: BrakeRow, table: number, minute = 0, tables = 0, approved: readonly string[] = []) =>
  askBrake(row, tableOf(table), { tables, approved, now: minutesAfter(minute) });

/** The row after these tables have asked, one after the other. */
const after = (asked: readonly number[], minute = 0): BrakeRow =>
  asked.reduce((row, table) => ask(row, table, minute).row ?? row, newBrakeRow);

describe('the places for edits are', () => {
  it.each([
    [0, 5],
    [100, 5],
    [119, 5],
    [120, 6],
    [300, 15],
    [10_000, 500],
  ])('of %i tables: %i', (tables, places) => {
    expect(placesIn(tables)).toBe(places);
  });

  it('never taken by more tables within 10 minutes, whoever asks when', () => {
    const questions = fc.array(fc.record({ table: fc.nat(20), waitMs: fc.nat(3 * 60_000) }), { maxLength: 60 });
    fc.assert(
      fc.property(questions, fc.constantFrom(0, 120, 200), (asked, tables) => {
        let row = newBrakeRow;
        let time = now.getTime();
        const went: { readonly table: number; readonly at: number }[] = [];
        for (const { table, waitMs } of asked) {
          time += waitMs;
          const answer = askBrake(row, tableOf(table), { tables, approved: [], now: new Date(time) });
          row = answer.row ?? row;
          if (answer.mayGo) went.push({ table, at: time });
          const lately = new Set(went.filter(({ at }) => at > time - 10 * 60_000).map((one) => one.table));
          expect(lately.size).toBeLessThanOrEqual(placesIn(tables));
        }
      }),
    );
  });
});

describe('a table whose item was edited', () => {
  it('goes while there is a place, and again 11 minutes after the places were taken', () => {
    const full = after([1, 2, 3, 4, 5]);
    expect(ask(after([1, 2, 3, 4]), 6).mayGo).toBe(true);
    expect(ask(full, 6).mayGo).toBe(false);
    expect(ask(full, 6, 10.9).mayGo).toBe(false);
    expect(ask(full, 6, 11).mayGo).toBe(true);
  });

  it('keeps its place, and takes it anew: what a crash repeats does not count twice', () => {
    const again = ask(after([1, 2, 3, 4, 5]), 3, 8);
    expect(again.mayGo).toBe(true);
    expect(again.row?.places).toEqual({ ...after([1, 2, 4, 5]).places, [tableOf(3)]: minutesAfter(8).toISOString() });
  });

  it('waits as part of the edit that others began to wait for within 5 minutes', () => {
    const first = ask(after([1, 2, 3, 4, 5]), 6);
    if (first.mayGo || !first.row) throw new Error('expected the first table that waits');
    expect(first.row.unannounced).toEqual([first.edit]);
    expect(ask(first.row, 7, 4.9)).toEqual({ mayGo: false, edit: first.edit });
    const later = ask(first.row, 7, 5);
    expect(later.mayGo || later.edit.id).not.toBe(first.edit.id);
    expect(later.row?.unannounced).toHaveLength(2);
  });

  it('waits as part of another edit once a person has approved that one', () => {
    const first = ask(after([1, 2, 3, 4, 5]), 6);
    if (first.mayGo || !first.row) throw new Error('expected the first table that waits');
    const next = ask(first.row, 7, 1, 0, [first.edit.id]);
    expect(next.mayGo || next.edit.id).not.toBe(first.edit.id);
  });
});
