import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Lane,
  advance,
  bookingOf,
  longestWaitMs,
  offerTo,
  stepsAfterThrottle,
  turnsFrom,
} from '../../../../reconciler/core/plan/pace.ts';

const second = 1_000;
const now = Date.UTC(2026, 10, 23, 12);

/** The rows of one action, with the exact times of all functions. */
class Rows {
  readonly #times = new Map<string, unknown>();

  set(part: string, time: unknown): void {
    this.#times.set(part, time);
  }

  /** Asks for one turn. Returns when it begins. */
  turn(lane: Lane, at: number, withinMs = longestWaitMs): number | undefined {
    const seen = (part: string): number | undefined => {
      const time = this.#times.get(part);
      return typeof time === 'number' ? time : undefined;
    };
    const offer = offerTo(lane, [at + withinMs], seen, at);
    if (!offer) return undefined;
    const { isGiven, from } = advance(this.#times.get(offer.part), offer.step);
    if (!isGiven) return undefined;
    this.#times.set(offer.part, from + offer.step.byMs);
    return turnsFrom(from, offer)[0];
  }

  throttled(at: number): void {
    for (const { part, step } of stepsAfterThrottle(at)) {
      const { isGiven, from } = advance(this.#times.get(part), step);
      if (isGiven) this.#times.set(part, from + step.byMs);
    }
  }

  /** How many turns begin at once. */
  burst(lane: Lane, at: number): number {
    for (let turns = 0; ; turns++) if ((this.turn(lane, at) ?? Infinity) > at) return turns;
  }
}

describe('a turn', () => {
  it('begins at once for 20 edits, and for 5 more repairs of drift', () => {
    const rows = new Rows();
    expect(rows.burst('edits', now)).toBe(20);
    // The half of others is open as well while EC2 does not throttle.
    rows.throttled(now);
    expect(rows.burst('drift', now)).toBe(5);
  });

  it('of an edit comes about 2.25 times per second after that, or not at all if it is more than 5 s away', () => {
    const rows = new Rows();
    rows.burst('edits', now);
    const turns = Array.from({ length: 20 }, () => rows.turn('edits', now));
    const given = turns.flatMap((turn) => (turn === undefined ? [] : turn - now));
    expect(given).toEqual(Array.from({ length: 10 }, (_, index) => (index + 2) * 445));
  });

  it('of a repair comes from any part of the bucket: 50 at once, then 5 per second', () => {
    const rows = new Rows();
    expect(rows.burst('drift', now)).toBe(50);
    const repaired = Array.from({ length: 200 }, (_, index) => rows.turn('drift', now + index * 100)).filter(
      (turn) => turn !== undefined && turn <= now + 20 * second,
    );
    expect(repaired.length).toBeGreaterThan(90);
    expect(repaired.length).toBeLessThanOrEqual(101);
  });

  it('of a repair is free within 5 s while edits use all of theirs and EC2 throttles', () => {
    const rows = new Rows();
    for (let ms = 0; ms < 60 * second; ms += 100) rows.turn('edits', now + ms);
    rows.throttled(now + 60 * second);
    expect(rows.turn('drift', now + 60 * second)).toBeLessThanOrEqual(now + 65 * second);
  });

  it('is not given if it begins after the deadline of its caller', () => {
    const rows = new Rows();
    rows.burst('edits', now);
    expect(rows.turn('edits', now, 400)).toBeUndefined();
    expect(rows.turn('edits', now, 1_000)).toBe(now + 890);
  });

  it.each([
    ['no number', 'moon'],
    ['more than a minute ahead', now + 61 * second],
    ['infinitely far ahead', Infinity],
    ['not a number', Number.NaN],
    ['long past', -1e15],
  ])('is given at once if its row is %s', (_, time) => {
    const rows = new Rows();
    rows.set('edits', time);
    expect(rows.burst('edits', now)).toBe(20);
  });

  it('is given to callers that wait in their order, 5 at most with one write', () => {
    const late = Array.from({ length: 9 }, () => now + longestWaitMs);
    const offer = offerTo('edits', late, () => undefined, now);
    expect(offer).toMatchObject({ part: 'edits', turns: 5, step: { byMs: 5 * 445 } });
    const full = offerTo('edits', late, () => now + longestWaitMs - 2 * 445, now);
    expect(full).toMatchObject({ turns: 2 });
    expect(offerTo('edits', late, () => now + longestWaitMs, now)).toBeUndefined();
  });

  it('never makes edits exceed 20 calls and 2.25 per second, whoever asks when', () => {
    const questions = fc.array(fc.record({ afterMs: fc.nat(2_000), callers: fc.integer({ min: 1, max: 9 }) }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(questions, (asked) => {
        const rows = new Rows();
        let at = now;
        const begun: number[] = [];
        for (const { afterMs, callers } of asked) {
          at += afterMs;
          for (let caller = 0; caller < callers; caller++) {
            const turn = rows.turn('edits', at);
            if (turn !== undefined) begun.push(Math.max(turn, at));
          }
        }
        begun.sort((a, b) => a - b);
        for (const [first, from] of begun.entries())
          for (const [last, to] of begun.slice(first).entries())
            if (last + 1 > 20 + 1 + ((to - from) / second) * 2.25) return false;
        return true;
      }),
    );
  });
});

describe('after EC2 throttled a call,', () => {
  it('edits pause for 2 s, and 10 s at most however often it throttles', () => {
    const rows = new Rows();
    rows.throttled(now);
    expect(rows.turn('edits', now)).toBe(now + 2 * second + 445);
    for (let n = 0; n < 50; n++) rows.throttled(now);
    expect(rows.turn('edits', now)).toBeUndefined();
    expect(rows.turn('edits', now + 10 * second)).toBeLessThanOrEqual(now + 11 * second);
  });

  it('repairs leave the half of others alone for 30 s', () => {
    const rows = new Rows();
    rows.throttled(now);
    expect(rows.burst('drift', now + 29 * second)).toBeLessThanOrEqual(5 + 20);
    expect(rows.burst('drift', now + 60 * second)).toBeGreaterThan(25);
  });
});

describe('a booking', () => {
  it('begins where the one before ends, so that tables that wait come one after the other', () => {
    let booked: unknown;
    const starts = Array.from({ length: 3 }, () => {
      const step = bookingOf(50, now);
      const { from } = advance(booked, step);
      booked = from + step.byMs;
      return from - now;
    });
    expect(starts).toEqual([5_000, 5_000 + 50 * 445, 5_000 + 100 * 445]);
  });

  it('is refused if it begins in more than 12 hours, and anew if no function can have written the row', () => {
    expect(advance(now + 12 * 3_600 * second + 1, bookingOf(1, now))).toMatchObject({ isGiven: false });
    expect(advance(now + 24 * 3_600 * second, bookingOf(1, now))).toEqual({ isGiven: true, from: now + 5_000 });
  });
});
