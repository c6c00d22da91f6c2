import { describe, expect, it } from 'vitest';
import type { Arrival, Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { type Vouched, arrivalAfter, watchedFrom, withArrivals } from '../../../../reconciler/core/status/arrival.ts';
import { desired, local, minutesAfter, propagated, table } from '../../../support/builders.ts';
import { at, memory, via } from './given.ts';

type Item = Parameters<typeof desired>;

const rogue = '10.99.0.0/16';
const seconds = (count: number): Date => minutesAfter(count / 60);

interface Read {
  readonly item?: Item;
  readonly routes?: readonly ActualRoute[];
  readonly vouched?: Vouched;
}

/** The memory after a believed read, some seconds after noon. */
const read = (before: Memory, second: number, { item = [{}], routes = [], vouched }: Read = {}): Memory => {
  const now = seconds(second);
  const arrived = withArrivals(before, { desired: desired(...item), actual: table(routes), now, vouched });
  return { ...arrived, readAt: now.toISOString() };
};

const arrivalIn = (remembered: Memory): Arrival | undefined => remembered.destinations.get(rogue)?.arrival;

/** The arrival of a route that is first shown some seconds after noon. The table was adopted at noon. */
const shownAt = (second: number, before: Memory, given: Read = {}): Arrival | undefined =>
  arrivalIn(read(before, second, { routes: [via(rogue)], ...given }));

const adopted = read(memory(), 0);
const watched = read(adopted, 30);

it('a route that we wrote did not appear, although a read from before the write shows an empty slot', () => {
  const written = { target: 'pcx-aaaaaaaa' };
  const wrote: Remembered = { arrival: 'listed', listed: true, emptySince: at(0.5), written };
  const stale = { ...watched, destinations: new Map([[rogue, wrote]]) };
  expect(shownAt(40, stale)).toBe('listed');
  expect(arrivalIn(read(stale, 40, { routes: [via(rogue, 'pcx-bbbbbbbb')] }))).toBe('appeared');
});

describe('a route appeared', () => {
  it('if the read before was made at least 30 s after adoption', () => {
    expect(shownAt(40, watched)).toBe('appeared');
    expect(shownAt(40, read(adopted, 29.9))).toBe('adopted');
  });

  it('if the read before is at most three sweep intervals old', () => {
    const vouched = { everyMs: 300_000 };
    expect(shownAt(30 + 15 * 60, watched, { vouched })).toBe('appeared');
    expect(shownAt(31 + 15 * 60, watched, { vouched })).toBe('unwatched');
    const hourly = { at: seconds(3_600), everyMs: 3_600_000 };
    expect(shownAt(4 * 3_600, watched, { vouched: hourly })).toBe('appeared');
  });

  it('if the read before is at most three of the shortest intervals old, while the sweep interval is unknown', () => {
    expect(shownAt(30 + 3 * 60, watched)).toBe('appeared');
    expect(shownAt(31 + 3 * 60, watched)).toBe('unwatched');
  });

  it('if a sweep that is at most three intervals old vouches for the table', () => {
    const sixtyDays = 60 * 24 * 3_600;
    const vouched = { at: seconds(sixtyDays - 600), everyMs: 300_000 };
    expect(shownAt(sixtyDays, watched, { vouched })).toBe('appeared');
    expect(shownAt(sixtyDays, watched, { vouched: { ...vouched, at: seconds(sixtyDays - 901) } })).toBe('unwatched');
    expect(shownAt(sixtyDays, watched)).toBe('unwatched');
  });

  it('if a sweep that began 30 s after adoption vouches for the table', () => {
    const vouched = (second: number): Vouched => ({ at: seconds(second), everyMs: 300_000 });
    expect(shownAt(40, adopted, { vouched: vouched(30) })).toBe('appeared');
    expect(shownAt(40, adopted, { vouched: vouched(29) })).toBe('adopted');
  });

  it('in a slot that only a propagated route had before', () => {
    const before = read(watched, 35, { routes: [propagated(rogue)] });
    expect(shownAt(40, before, { routes: [propagated(rogue), via(rogue)] })).toBe('appeared');
  });
});

describe('a route did not appear', () => {
  it('if it was there when the table was adopted', () => {
    expect(shownAt(0, memory())).toBe('adopted');
  });

  it.each<[string, Item, Arrival]>([
    ['in mode observe', [{}, { mode: 'observe' }], 'observed'],
    ['during a pause', [{}, { paused: { reason: 'x' } }], 'paused'],
    ['at a listed destination', [{ [rogue]: 'tgw-aaaaaaaa' }], 'listed'],
  ])('if it came %s', (_, item, arrival) => {
    const before = read(read(watched, 60, { item }), 120, { item });
    expect(shownAt(180, before, { item })).toBe(arrival);
  });

  it.each<[string, Item, Arrival]>([
    ['mode observe', [{}, { mode: 'observe' }], 'observed'],
    ['a pause', [{}, { paused: { reason: 'x' } }], 'paused'],
    ['another scope', [{}, { scope: ['10.0.0.0/8'] }], 'unwatched'],
  ])('if the read before was made less than 30 s after the end of %s', (_, item, arrival) => {
    const before = read(read(watched, 60, { item }), 120, { item });
    expect(shownAt(130, before)).toBe(arrival);
    expect(shownAt(145, read(before, 130))).toBe(arrival);
    expect(shownAt(170, read(read(before, 130), 160))).toBe('appeared');
  });
});

describe('an arrival', () => {
  const known = (arrival: Arrival, more: Partial<Remembered> = {}): Memory => ({
    ...watched,
    ...memory({ [rogue]: { arrival, ...more } }),
  });

  it('is decided once, whatever later reads show', () => {
    expect(shownAt(40, known('adopted'), { routes: [via(rogue, 'tgw-aaaaaaaa')] })).toBe('adopted');
    expect(shownAt(40, known('appeared'), { item: [{}, { paused: { reason: 'x' } }] })).toBe('appeared');
    expect(shownAt(40, known('adopted', { emptySince: at(0) }))).toBe('adopted');
  });

  it('is decided again for a route at a destination that was empty and is no longer listed', () => {
    expect(shownAt(40, known('listed', { listed: true, emptySince: at(0) }))).toBe('appeared');
    expect(shownAt(40, known('listed', { listed: true }))).toBe('listed');
    expect(shownAt(40, known('listed'))).toBe('listed');
  });

  it('stays as it is if the route was there when an edit took it out, and a later read does not show it', () => {
    expect(shownAt(40, known('listed', { emptySince: at(0) }))).toBe('listed');
  });

  it('does not exist for the local route', () => {
    expect(read(known('adopted'), 40, { routes: [local(rogue)] }).destinations.has(rogue)).toBe(false);
  });

  const after = (before: Remembered, shown: Partial<Parameters<typeof arrivalAfter>[1]>, minute = 0) =>
    arrivalAfter(
      before,
      { isListed: false, isFilled: true, leftAlone: undefined, isDeleted: false, ...shown },
      minutesAfter(minute),
    );

  it.each([
    ['ignored', 'ignored'],
    ['out-of-scope', 'out-of-scope'],
    ['unlisted-kept', 'kept'],
    ['held', 'appeared'],
  ] as const)('of a route that is left alone as %s becomes %s', (leftAlone, arrival) => {
    expect(after({ arrival: 'appeared' }, { leftAlone }).arrival).toBe(arrival);
  });

  it('of a listed destination is marked as listed', () => {
    expect(after({ arrival: 'appeared' }, { isListed: true }).arrival).toBe('listed');
  });

  it('is kept for 24 hours after its route has gone', () => {
    const gone: Remembered = { arrival: 'adopted', emptySince: at(0) };
    expect(after({ arrival: 'adopted' }, { isFilled: false })).toEqual(gone);
    expect(after(gone, { isFilled: false }, 24 * 60 - 1).arrival).toBe('adopted');
    expect(after(gone, { isFilled: false }, 24 * 60).arrival).toBeUndefined();
    expect(after(gone, {}, 5)).toEqual({ arrival: 'adopted', emptySince: undefined });
  });

  it('of a route that the item left alone to the end is forgotten with the route', () => {
    const gone = after({ arrival: 'kept' }, { isFilled: false, leftAlone: 'unlisted-kept' });
    expect(gone).toEqual({ arrival: undefined, emptySince: undefined });
    // It waited for a person when the item no longer left it alone.
    expect(after({ arrival: 'kept' }, { isFilled: false }).arrival).toBe('kept');
    expect(after({ arrival: 'adopted' }, { isFilled: false, leftAlone: 'held' }).arrival).toBe('adopted');
  });

  it('of a destination that is no longer listed is forgotten when its route has certainly gone', () => {
    const gone = { isFilled: false };
    expect(after({ arrival: 'listed' }, { ...gone, isDeleted: true }).arrival).toBeUndefined();
    expect(after({ arrival: 'listed', listed: true, emptySince: at(0) }, gone, 1).arrival).toBeUndefined();
    expect(after({ arrival: 'listed', listed: true }, gone).arrival).toBe('listed');
    expect(after({ arrival: 'listed', emptySince: at(0) }, gone, 24 * 60 - 1).arrival).toBe('listed');
    expect(after({ arrival: 'listed', emptySince: at(0) }, gone, 24 * 60).arrival).toBeUndefined();
    expect(after({ arrival: 'listed' }, { ...gone, isListed: true }).arrival).toBe('listed');
  });
});

it('a table is watched once a believed read was made 30 s after its policy began', () => {
  expect(watchedFrom(adopted)).toBe(seconds(30).toISOString());
  expect(watchedFrom(watched)).toBeUndefined();
  expect(watchedFrom(memory())).toBeUndefined();
});
