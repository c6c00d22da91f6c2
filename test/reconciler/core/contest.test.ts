import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Heal, type Look, contestedUntil, healsAfter, isContested } from '../../../reconciler/core/contest.ts';
import { minutesAfter } from '../../support/builders.ts';

const destination = '10.20.0.0/16';
const to = 'pcx-aaaaaaaa';
const change = { action: 'create', destination, to } as const;
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const bob = { arn: 'arn:aws:iam::111122223333:user/bob' };

const look = (more: Partial<Look> = {}): Look => ({
  healed: [],
  drifted: new Set(),
  wanted: new Map([[destination, to]]),
  ...more,
});
const healing = (actor = alice): Look => look({ healed: [{ ...change, actor }], drifted: new Set([destination]) });
const drifting = look({ drifted: new Set([destination]) });
const quiet = look();

/** What is remembered after heals at these minutes. */
const healedAt = (...minutes: readonly number[]): Heal[] =>
  minutes.reduce<Heal[]>((heals, minute) => healsAfter(heals, healing(), minutesAfter(minute)), []);

const isHeldBack = (heals: readonly Heal[], minute: number): boolean =>
  isContested(change, heals, minutesAfter(minute));

describe('a destination', () => {
  it.each([
    ['healed 5 times in 30 minutes', [0, 1, 2, 3, 4], false],
    ['healed 6 times in 30 minutes', [0, 1, 2, 3, 4, 29.9], true],
    ['healed 6 times in more than 30 minutes', [0, 1, 2, 3, 4, 30], false],
    ['healed 6 times in 24 hours', [0, 60, 120, 180, 240, 300], false],
    ['healed 7 times in 24 hours', [0, 60, 120, 180, 240, 300, 360], true],
    ['healed 7 times in more than 24 hours', [0, 300, 600, 900, 1200, 1300, 1440], false],
  ])('%s: contested %s', (_, minutes, expected) => {
    const [heal] = healedAt(...minutes);
    expect(heal?.contest !== undefined).toBe(expected);
  });

  it('that is contested waits a minute after a heal, twice as long after each further one, and an hour at most', () => {
    let minute = 5;
    let heals = healedAt(0, 1, 2, 3, 4, minute);
    const waits = [1, 2, 4, 8, 16, 32, 60, 60];
    for (const wait of waits) {
      expect([isHeldBack(heals, minute + wait - 0.01), isHeldBack(heals, minute + wait)]).toEqual([true, false]);
      minute += wait;
      heals = healsAfter(heals, healing(), minutesAfter(minute));
    }
  });

  it('names who changed it, each once, the latest last', () => {
    const by = [alice, bob, alice].reduce<Heal[]>(
      (heals, actor) => healsAfter(heals, healing(actor), minutesAfter(0)),
      [],
    );
    expect(by[0]?.by).toEqual([bob, alice]);
  });

  it('is no longer contested once it was as desired for an hour', () => {
    const contested = healedAt(0, 1, 2, 3, 4, 5);
    const quietSince6 = healsAfter(contested, quiet, minutesAfter(6));
    expect(quietSince6.map(contestedUntil)).toEqual([minutesAfter(66).toISOString()]);
    expect(healsAfter(quietSince6, quiet, minutesAfter(65.9))).toHaveLength(1);
    expect(healsAfter(quietSince6, quiet, minutesAfter(66))).toEqual([]);
  });

  it('begins its quiet hour anew when it drifts, though nothing is healed yet', () => {
    const heals = [look(), drifting, look()].reduce<Heal[]>(
      (heals, seen, index) => healsAfter(heals, seen, minutesAfter(6 + 30 * index)),
      healedAt(0, 1, 2, 3, 4, 5),
    );
    expect(heals.map(contestedUntil)).toEqual([minutesAfter(66 + 60).toISOString()]);
    expect(healsAfter(heals, quiet, minutesAfter(67))).toHaveLength(1);
  });

  it.each([
    ['gets another target', new Map([[destination, 'tgw-aaaaaaaa']])],
    ['is taken out', new Map()],
  ])('is forgotten when it %s', (_, wanted) => {
    expect(healsAfter(healedAt(0, 1, 2, 3, 4, 5), look({ wanted }), minutesAfter(6))).toEqual([]);
  });

  it('does not hold back others, nor another target for itself', () => {
    const heals = healedAt(0, 1, 2, 3, 4, 5);
    const at = minutesAfter(5);
    expect(isContested({ ...change, destination: '10.21.0.0/16' }, heals, at)).toBe(false);
    expect(isContested({ ...change, to: 'tgw-aaaaaaaa' }, heals, at)).toBe(false);
    expect(isContested({ action: 'delete', destination }, heals, at)).toBe(false);
  });

  it('is remembered for a day after a heal, and no longer', () => {
    expect(healsAfter(healedAt(0), quiet, minutesAfter(24 * 60 - 1))).toHaveLength(1);
    expect(healsAfter(healedAt(0), quiet, minutesAfter(24 * 60))).toEqual([]);
  });
});

it('a fight of any rhythm gets at most 6 heals in any 30 minutes, and ever fewer', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_600 }), { minLength: 1, maxLength: 200 }), (pauses) => {
      let heals: Heal[] = [];
      let minute = 0;
      const healed: number[] = [];
      for (const seconds of pauses) {
        minute += seconds / 60;
        const held = isHeldBack(heals, minute);
        if (!held) healed.push(minute);
        heals = healsAfter(heals, held ? drifting : healing(), minutesAfter(minute));
      }
      for (const [index, start] of healed.entries())
        expect(healed.slice(index).filter((at) => at < start + 30).length).toBeLessThanOrEqual(10);
      expect(heals.every(({ at, by }) => at.length <= 8 && by.length <= 5)).toBe(true);
    }),
  );
});
