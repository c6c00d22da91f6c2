import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Remembered, Repairs } from '../../../../reconciler/core/memory/memory.ts';
import type { ChangeOutcome } from '../../../../reconciler/core/route/outcome.ts';
import {
  type Sight,
  contestedUntil,
  isContested,
  isRepair,
  repairsAfter,
} from '../../../../reconciler/core/status/contest.ts';
import { minutesAfter } from '../../../support/builders.ts';
import { alice, at, bob, destination } from './given.ts';

const to = 'pcx-aaaaaaaa';
const quiet: Sight = { wanted: [to], isDrifted: false };
const drifting: Sight = { wanted: [to], isDrifted: true };
const repairing = (by = alice): Sight => ({ wanted: [to], isDrifted: true, repair: { to, by } });

/** What is remembered after repairs at these minutes. */
const repairedAt = (...minutes: readonly number[]): Repairs | undefined =>
  minutes.reduce<Repairs | undefined>(
    (repairs, minute) => repairsAfter(repairs, repairing(), minutesAfter(minute)),
    undefined,
  );

const contested = repairedAt(0, 1, 2, 3, 4, 5);
const isHeldBack = (repairs: Repairs | undefined, minute: number): boolean =>
  isContested(repairs, to, minutesAfter(minute));

describe('a destination', () => {
  it.each([
    ['repaired 5 times in 30 minutes', [0, 1, 2, 3, 4], false],
    ['repaired 6 times in 30 minutes', [0, 1, 2, 3, 4, 29.9], true],
    ['repaired 6 times in more than 30 minutes', [0, 1, 2, 3, 4, 30], false],
    ['repaired 6 times in 24 hours', [0, 60, 120, 180, 240, 300], false],
    ['repaired 7 times in 24 hours', [0, 60, 120, 180, 240, 300, 360], true],
    ['repaired 7 times in more than 24 hours', [0, 300, 600, 900, 1200, 1300, 1440], false],
  ])('%s: contested %s', (_, minutes, expected) => {
    expect(repairedAt(...minutes)?.contest !== undefined).toBe(expected);
  });

  it('that is contested waits a minute after a repair, twice as long after each further one, and at most 10 minutes', () => {
    let minute = 5;
    let repairs = contested;
    for (const wait of [1, 2, 4, 8, 10, 10]) {
      expect([isHeldBack(repairs, minute + wait - 0.01), isHeldBack(repairs, minute + wait)]).toEqual([true, false]);
      minute += wait;
      repairs = repairsAfter(repairs, repairing(), minutesAfter(minute));
    }
  });

  it('names who changed it, each once, the latest last', () => {
    const repairs = [alice, bob, alice].reduce<Repairs | undefined>(
      (before, actor) => repairsAfter(before, repairing(actor), minutesAfter(0)),
      undefined,
    );
    expect(repairs?.by).toEqual([bob, alice]);
  });

  it('is no longer contested once it was as desired for an hour', () => {
    const quietSince6 = repairsAfter(contested, quiet, minutesAfter(6));
    expect(quietSince6 && contestedUntil(quietSince6)).toBe(at(66));
    expect(repairsAfter(quietSince6, quiet, minutesAfter(65.9))).toEqual(quietSince6);
    expect(repairsAfter(quietSince6, quiet, minutesAfter(66))).toBeUndefined();
  });

  it('starts its quiet hour again when it drifts, even before a repair', () => {
    const repairs = [quiet, drifting, quiet].reduce(
      (before, seen, index) => repairsAfter(before, seen, minutesAfter(6 + 30 * index)),
      contested,
    );
    expect(repairs?.quietSince).toBe(at(66));
    expect(repairsAfter(repairs, quiet, minutesAfter(67))).toBeDefined();
  });

  it('needs no quiet hour if it is not contested', () => {
    expect(repairsAfter(repairedAt(0), quiet, minutesAfter(1))).toEqual(repairedAt(0));
  });

  it.each([
    ['gets another target', 'tgw-aaaaaaaa'],
    ['is no longer listed', undefined],
  ])('is forgotten when it %s', (_, wanted) => {
    expect(repairsAfter(contested, { ...quiet, wanted: [wanted] }, minutesAfter(6))).toBeUndefined();
  });

  it('holds back no change to another target', () => {
    const now = minutesAfter(5);
    const targets = [to, 'tgw-aaaaaaaa', undefined];
    expect(targets.map((target) => isContested(contested, target, now))).toEqual([true, false, false]);
  });

  it('is remembered with its latest 8 repairs and its latest 5 actors', () => {
    const actors = Array.from({ length: 9 }, (_, n) => ({ arn: `arn:aws:iam::111122223333:user/${n}` }));
    const repairs = actors.reduce<Repairs | undefined>(
      (before, actor, minute) => repairsAfter(before, repairing(actor), minutesAfter(minute)),
      undefined,
    );
    expect([repairs?.at, repairs?.by]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8].map(at), actors.slice(4)]);
  });

  it('is remembered for a day after a repair', () => {
    expect(repairsAfter(repairedAt(0), quiet, minutesAfter(24 * 60 - 1))).toEqual(repairedAt(0));
    expect(repairsAfter(repairedAt(0), quiet, minutesAfter(24 * 60))).toBeUndefined();
  });

  it('does not count a write to another target than the wanted one', () => {
    const seen = { ...drifting, repair: { to: 'tgw-aaaaaaaa', by: alice } };
    expect(repairsAfter(undefined, seen, minutesAfter(0))).toBeUndefined();
  });

  it('that is not wanted is repaired by a delete', () => {
    const seen = { wanted: [undefined], isDrifted: true, repair: { to: undefined, by: undefined } };
    expect(repairsAfter(undefined, seen, minutesAfter(0))).toEqual({ at: [at(0)], by: [] });
  });
});

describe('a write is a repair', () => {
  const replaced: ChangeOutcome = { action: 'replace', destination, from: 'tgw-aaaaaaaa', to, result: 'done' };
  const deleted: ChangeOutcome = { action: 'delete', destination, from: 'tgw-aaaaaaaa', result: 'done' };

  it.each<[string, Remembered, boolean]>([
    ['of a listed route that is ours', { listed: true, ours: to }, true],
    ['of a listed route, never seen as desired', { listed: true }, true],
    ['of a listed route that was ours with another target: an edit', { listed: true, ours: 'tgw-bbbbbbbb' }, false],
    ['of a route that was not listed: an edit', {}, false],
    ['of a local route that somebody retargeted', { wasLocal: true }, false],
    ['of a route that was repaired so before', { repairs: { target: to, at: [at(0)], by: [] } }, true],
  ])('%s', (_, before, expected) => {
    expect(isRepair(replaced, before)).toBe(expected);
  });

  it('if it puts back a local route', () => {
    expect(isRepair({ ...replaced, to: 'local' }, { wasLocal: true })).toBe(true);
    expect(isRepair({ ...replaced, to: 'local' }, {})).toBe(false);
  });

  it.each<[string, Remembered, boolean]>([
    ['of a route that appeared', { arrival: 'appeared' }, true],
    ['of a route that an edit removed from the item', { arrival: 'listed', ours: 'tgw-aaaaaaaa' }, false],
    ['of a route that a person approved', { arrival: 'adopted' }, false],
  ])('by deletion: %s', (_, before, expected) => {
    expect(isRepair(deleted, before)).toBe(expected);
  });

  it('but not a delete of a route that did not appear, unless it was repaired with one before', () => {
    expect(isRepair(deleted, {})).toBe(false);
    expect(isRepair(deleted, { repairs: { at: [at(0)], by: [] } })).toBe(true);
  });

  it.each<[ChangeOutcome['result'], boolean, boolean]>([
    ['done', true, true],
    ['already', true, false],
    ['refused', false, false],
    ['unknown', false, false],
    ['skipped', false, false],
  ])('only if it happened: %s (replace %s, delete %s)', (result, ifReplaced, ifDeleted) => {
    expect(isRepair({ ...replaced, result }, { listed: true, ours: to })).toBe(ifReplaced);
    expect(isRepair({ ...deleted, result }, { arrival: 'appeared' })).toBe(ifDeleted);
  });
});

it('a fight of any rhythm gets at most 10 repairs in any 30 minutes, and its memory stays small', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_600 }), { minLength: 1, maxLength: 200 }), (pauses) => {
      let repairs: Repairs | undefined;
      let minute = 0;
      const repaired: number[] = [];
      for (const seconds of pauses) {
        minute += seconds / 60;
        const isHeld = isHeldBack(repairs, minute);
        if (!isHeld) repaired.push(minute);
        repairs = repairsAfter(repairs, isHeld ? drifting : repairing(), minutesAfter(minute));
        expect(repairs?.at.length).toBeLessThanOrEqual(8);
      }
      for (const start of repaired)
        expect(repaired.filter((at) => at >= start && at < start + 30).length).toBeLessThanOrEqual(10);
    }),
  );
});
