import { describe, expect, it } from 'vitest';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Memory, Written } from '../../../../reconciler/core/memory/memory.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { doubtAbout, isDoubtful, rememberWrites } from '../../../../reconciler/core/status/staleness.ts';
import { desired, minutesAfter, now, propagated, table, throughInstance } from '../../../support/builders.ts';
import { at, call, destination, hijack, listed, memory, other, via } from './given.ts';

const seconds = (count: number): Date => minutesAfter(count / 60);

/** A memory of this write at noon. */
const wrote = (written: Written, more: Partial<Memory> = {}): Memory =>
  memory({ [destination]: { written } }, { lastWriteAt: at(0), ...more });

interface Read {
  readonly second?: number;
  readonly routes?: readonly ActualRoute[];
  readonly calls?: readonly ReportedCall[];
}

const doubts = (before: Memory, { second = 5, routes = [], calls = [] }: Read = {}): boolean =>
  isDoubtful(table(routes), seconds(second), before, calls, desired(...listed));

const write = { target: 'pcx-aaaaaaaa' };

describe('a read is doubtful', () => {
  it.each<[string, Written, readonly ActualRoute[], boolean]>([
    ['lacks a route that we wrote', write, [], true],
    ['shows another target than we wrote', write, [via(destination, 'tgw-aaaaaaaa')], true],
    ['shows what we wrote beside a propagated route only', write, [propagated(destination)], true],
    ['shows a route that we deleted', {}, [via(destination)], true],
    ['shows what we wrote', write, [via(destination)], false],
    [
      'shows the interface of the instance that we wrote',
      { target: 'i-aaaaaaaa' },
      [throughInstance(destination)],
      false,
    ],
    ['lacks a route that we deleted', {}, [], false],
    ['shows a propagated route where we deleted ours', {}, [propagated(destination)], false],
    ['differs where we wrote nothing', write, [via(destination), via(other)], false],
  ])('if it %s: %4$s', (_, written, routes, expected) => {
    expect(doubts(wrote(written), { routes })).toBe(expected);
  });

  it('for 30 seconds after our write', () => {
    expect([29.9, 30].map((second) => doubts(wrote(write), { second }))).toEqual([true, false]);
    expect(doubts(memory())).toBe(false);
  });

  it('until somebody else is known to have changed a route since', () => {
    expect(doubts(wrote(write), { calls: [call()] })).toBe(false);
  });

  it.each<[string, ReportedCall]>([
    ['made before our write', call({ time: seconds(-1).toISOString() })],
    ['that named a target and not this table', call({ via: 'tgw-aaaaaaaa' })],
    ['about no route', { id: 'call-1', name: 'CreateTags', time: at(0), about: 'table' }],
  ])('also after a call %s', (_, reported) => {
    expect(doubts(wrote(write), { calls: [reported] })).toBe(true);
  });

  it('not after a call within the second of our write: CloudTrail reports whole seconds', () => {
    const before = wrote(write, { lastWriteAt: '2026-11-23T12:00:00.900Z' });
    expect(doubts(before, { calls: [call()] })).toBe(false);
  });

  it('unless it lacks only a write whose answer was lost and that the item still asks for', () => {
    expect(doubts(wrote({ ...write, isUncertain: true }))).toBe(false);
    expect(doubts(wrote({ target: 'tgw-aaaaaaaa', isUncertain: true }))).toBe(true);
    expect(doubts(wrote({ isUncertain: true }), { routes: [via(destination)] })).toBe(true);
  });
});

describe('a doubt', () => {
  const shown = table([via(destination, 'tgw-aaaaaaaa')]);
  const routes = shown.routes;

  it('ends when a read at least 10 seconds later shows the same', () => {
    const doubt = doubtAbout(shown, seconds(5), undefined);
    const before = wrote(write, { doubt });
    expect([14.9, 15].map((second) => doubts(before, { second, routes }))).toEqual([true, false]);
  });

  it('does not end when that read shows something else', () => {
    const before = wrote(write, { doubt: doubtAbout(shown, seconds(5), undefined) });
    expect(doubts(before, { second: 20, routes: [via(destination, 'tgw-bbbbbbbb')] })).toBe(true);
  });

  it('keeps its time while reads show the same, in whatever order', () => {
    const two = [via(destination), via(other)];
    const first = doubtAbout(table(two), now, undefined);
    expect(doubtAbout(table(two.toReversed()), seconds(6), first)).toBe(first);
  });

  it('ends with a write of ours: a read from before it confirms no read after it', () => {
    const doubted = wrote(write, { doubt: doubtAbout(shown, seconds(5), undefined) });
    const outcome = { ...hijack, result: 'done' } as const;
    const written = rememberWrites(doubted, [outcome], seconds(16));
    expect(doubts(written, { second: 17, routes })).toBe(true);
    expect(rememberWrites(doubted, [], seconds(16)).doubt).toBe(doubted.doubt);
  });

  it('begins anew when a read shows something else', () => {
    const first = doubtAbout(shown, now, undefined);
    const second = doubtAbout(table([]), seconds(6), first);
    expect(second.at).toBe(seconds(6).toISOString());
    expect(second.seen).not.toBe(first.seen);
  });
});

describe('a write', () => {
  const outcome = { ...hijack, result: 'done' } as const;
  const elsewhere = { ...outcome, destination: other };

  it('is remembered with its target and its time', () => {
    expect(rememberWrites(memory(), [outcome], now)).toEqual(wrote(write));
  });

  it('is remembered as uncertain if its answer was lost', () => {
    expect(rememberWrites(memory(), [{ ...outcome, result: 'unknown' }], now)).toEqual(
      wrote({ ...write, isUncertain: true }),
    );
  });

  it('without a target is a delete', () => {
    const { to: _, ...rest } = outcome;
    expect(rememberWrites(memory(), [{ ...rest, action: 'delete' }], now)).toEqual(wrote({}));
  });

  it.each(['refused', 'skipped'] as const)('that was %s is none', (result) => {
    expect(rememberWrites(memory(), [{ ...outcome, result }], now)).toEqual(memory());
  });

  it('takes the place of an earlier one at the same destination', () => {
    const later = rememberWrites(wrote({}), [outcome], seconds(10));
    expect(later).toEqual(wrote(write, { lastWriteAt: seconds(10).toISOString() }));
  });

  it('is forgotten 30 seconds after the last write, with its time kept', () => {
    const [kept, gone] = [29.9, 30].map((second) => rememberWrites(wrote(write), [], seconds(second)));
    expect(kept).toEqual(wrote(write));
    expect(gone).toEqual(memory({}, { lastWriteAt: at(0) }));
  });

  it('is kept beside a later write within 30 seconds, and not beyond', () => {
    const after = (second: number) => [
      ...rememberWrites(wrote(write), [elsewhere], seconds(second)).destinations.keys(),
    ];
    expect(after(29.9)).toEqual([destination, other]);
    expect(after(30)).toEqual([other]);
  });
});
