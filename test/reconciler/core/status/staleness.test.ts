import { describe, expect, it } from 'vitest';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Cause, Memory, Written } from '../../../../reconciler/core/memory/memory.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import {
  awaitedAfter,
  isDoubtful,
  isRepeat,
  rememberWrites,
  withShown,
} from '../../../../reconciler/core/status/staleness.ts';
import { desired, minutesAfter, now, propagated, table, throughInstance } from '../../../support/builders.ts';
import { at, call, cause, destination, hijack, listed, memory, other, via } from './given.ts';

const seconds = (count: number): Date => minutesAfter(count / 60);

/** A memory of this write at noon. */
const wrote = (written: Written, more: Partial<Memory> = {}): Memory =>
  memory({ [destination]: { written } }, { lastWriteAt: at(0), ...more });

interface Read {
  readonly second?: number;
  readonly routes?: readonly ActualRoute[];
  readonly calls?: readonly ReportedCall[];
  /** Calls that we did not know of when we wrote. They are among `calls` as well. */
  readonly unread?: readonly ReportedCall[];
  /** Where the plan of the read changes something. */
  readonly changing?: readonly string[];
  readonly isEdited?: boolean;
}

const doubts = (
  before: Memory,
  { second = 5, routes = [], unread = [], calls = unread, changing = [destination], isEdited = false }: Read = {},
): boolean => {
  const read = { actual: table(routes), readAt: seconds(second), changing: () => new Set(changing) };
  return isDoubtful(read, before, { desired: desired(...listed), calls, unread, isEdited });
};

const write = { target: 'pcx-aaaaaaaa' };
const shownWrite = { ...write, isShown: true } as const;
const later = seconds(1).toISOString();

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

  it('for 30 seconds after our write, whether a read has shown it or not', () => {
    for (const written of [write, shownWrite])
      expect([29.9, 30].map((second) => doubts(wrote(written), { second }))).toEqual([true, false]);
    expect(doubts(memory())).toBe(false);
  });

  it('for longer if reads lag, but only where no read has shown our write', () => {
    const lag = { since: at(0), waitMs: 120_000 };
    expect([119, 120].map((second) => doubts(wrote(write, { lag }), { second }))).toEqual([true, false]);
    expect(doubts(wrote(shownWrite, { lag }), { second: 30 })).toBe(false);
  });

  it('for 30 seconds after our write once the item is edited, even if reads lag', () => {
    const before = wrote(write, { lag: { since: at(0), waitMs: 120_000 } });
    expect([29.9, 30].map((second) => doubts(before, { second, isEdited: true }))).toEqual([true, false]);
  });

  it('for 15 minutes where its plan does not repeat our write', () => {
    const before = wrote({});
    const stands = { routes: [via(destination)], changing: [] };
    expect([899, 900].map((second) => doubts(before, { ...stands, second }))).toEqual([true, false]);
    expect(doubts(wrote({ isUncertain: true }), { ...stands, second: 30 })).toBe(false);
  });

  it('until others are reported to have changed the route since, to what it shows', () => {
    const routes = [via(destination, 'tgw-aaaaaaaa')];
    const changed = call({ time: later, target: 'tgw-aaaaaaaa' });
    expect(doubts(wrote(write), { routes, calls: [changed] })).toBe(false);
    const gone = { ...call({ time: later }), name: 'DeleteRoute' };
    expect(doubts(wrote(write), { calls: [gone] })).toBe(false);
  });

  it.each<[string, ReportedCall]>([
    ['made before our write', call({ time: seconds(-1).toISOString() })],
    ['of the second of our write, which may have been before', call()],
    ['that asked for another target than the read shows', call({ time: later, target: 'igw-aaaaaaaa' })],
    ['that named a target and not this table', call({ time: later, via: 'tgw-aaaaaaaa' })],
    ['about another route, which the read does not show', call({ time: later, destination: other })],
    ['about no route', { id: 'call-1', name: 'CreateTags', time: later, about: 'table' }],
  ])('also after a call %s', (_, reported) => {
    expect(doubts(wrote(write), { routes: [via(destination, 'tgw-aaaaaaaa')], calls: [reported] })).toBe(true);
  });

  it('unless it shows what others changed elsewhere after our write: then it is newer than both', () => {
    const calls = [call({ time: later, destination: other, target: 'tgw-aaaaaaaa' })];
    const routes = [via(other, 'tgw-aaaaaaaa')];
    expect(doubts(wrote(write), { routes, calls })).toBe(false);
    const stood = memory(
      { [destination]: { written: write }, [other]: { seen: { target: 'tgw-aaaaaaaa' } } },
      { lastWriteAt: at(0) },
    );
    expect(doubts(stood, { routes, calls })).toBe(true);
  });

  it('unless it lacks only a write whose answer was lost and that the item still asks for', () => {
    expect(doubts(wrote({ ...write, isUncertain: true }))).toBe(false);
    expect(doubts(wrote({ target: 'tgw-aaaaaaaa', isUncertain: true }))).toBe(true);
    expect(doubts(wrote({ isUncertain: true }), { routes: [via(destination)] })).toBe(true);
  });
});

describe('a call of the second of our write', () => {
  const routes = [via(destination, 'tgw-aaaaaaaa')];
  const gone = { ...call(), name: 'DeleteRoute' };
  const toldOf = { id: 'call-0', name: 'ReplaceRoute', time: at(0) };

  /** Whether a read that shows what the call asked for is believed. */
  const believes = (
    reported: ReportedCall,
    written: Written,
    {
      caused,
      appliedAt = seconds(0.6),
      shown = routes,
    }: { readonly caused?: Cause; readonly appliedAt?: Date; readonly shown?: readonly ActualRoute[] } = {},
  ): boolean => {
    const drift = { ...hijack, foundAt: at(-1), appliedAt: appliedAt.toISOString() };
    const remembered = { written, ...(caused && { drift: [{ ...drift, cause: caused }] }) };
    const before = memory({ [destination]: remembered }, { lastWriteAt: seconds(0.7).toISOString() });
    return !doubts(before, { routes: shown, unread: [reported] });
  };

  it.each<[string, ReportedCall, Written, Parameters<typeof believes>[2], boolean]>([
    ['asked for something else than we replaced', call(), { ...write, from: 'igw-aaaaaaaa' }, {}, true],
    ['asked for something else than we created', call(), write, {}, true],
    ['deleted what we gave another target', gone, { ...write, from: 'igw-aaaaaaaa' }, { shown: [] }, true],
    ['may have made what we replaced', call(), { ...write, from: 'tgw-aaaaaaaa' }, {}, false],
    ['may have deleted what we created', gone, write, { shown: [] }, false],
    ['may have created what we deleted', call(), { from: 'tgw-aaaaaaaa' }, {}, false],
    [
      'may have made what an edit replaced, after an earlier repair',
      call(),
      { ...write, from: 'tgw-aaaaaaaa' },
      { caused: toldOf, appliedAt: seconds(-30) },
      false,
    ],
    ['made what we replaced', call(), { ...write, from: 'tgw-aaaaaaaa' }, { caused: cause }, false],
    ['repeats what we replaced', call(), { ...write, from: 'tgw-aaaaaaaa' }, { caused: toldOf }, true],
    ['deletes once more what we created', gone, write, { shown: [], caused: toldOf }, true],
    ['asked for something that the read does not show', call({ target: 'igw-aaaaaaaa' }), write, {}, false],
  ])('came after it if it %s: %5$s', (_, reported, written, more, expected) => {
    expect(believes(reported, written, more)).toBe(expected);
  });

  it('came before it if we knew of it when we wrote, or if it is of an earlier second', () => {
    const before = memory({ [destination]: { written: write } }, { lastWriteAt: seconds(0.7).toISOString() });
    expect(doubts(before, { routes, calls: [call()], unread: [] })).toBe(true);
    expect(doubts(before, { routes, unread: [call({ time: seconds(-1).toISOString() })] })).toBe(true);
  });

  it('about another route does not show that a read is newer than our write', () => {
    const before = memory({ [destination]: { written: write } }, { lastWriteAt: seconds(0.7).toISOString() });
    const elsewhere = call({ destination: other });
    expect(doubts(before, { routes: [via(other, 'tgw-aaaaaaaa')], unread: [elsewhere] })).toBe(true);
  });
});

describe('after a doubtful read', () => {
  const awaited = (second: number, more: Partial<Memory> = {}) => {
    const { until, readAt, destinations } = awaitedAfter(
      table([]),
      wrote(write, more),
      desired(...listed),
      seconds(second),
    );
    return [(until.getTime() - now.getTime()) / 1_000, (readAt.getTime() - now.getTime()) / 1_000, ...destinations];
  };

  it('the table is read less often the longer reads lag, and when the time is over', () => {
    expect(awaited(5)).toEqual([30, 11, destination]);
    expect(awaited(11)).toEqual([30, 22, destination]);
    expect(awaited(22)).toEqual([30, 30, destination]);
    expect(awaited(70, { lag: { since: at(0), waitMs: 240_000 } })).toEqual([240, 140, destination]);
  });

  it('that its plan does not repeat, the time is 15 minutes', () => {
    expect(awaited(40)).toEqual([900, 80, destination]);
  });
});

describe('a write', () => {
  const outcome = { ...hijack, result: 'done' } as const;
  const elsewhere = { ...outcome, destination: other };
  const { from } = hijack;

  it('is remembered with both targets and its time', () => {
    expect(rememberWrites(memory(), [outcome], now)).toEqual(wrote({ ...write, from }));
  });

  it('was made when EC2 answered, however long the reconcile went on', () => {
    const { lastWriteAt } = rememberWrites(memory(), [{ ...outcome, at: at(0) }], seconds(10));
    expect(lastWriteAt).toBe(at(0));
  });

  it('is remembered as uncertain if its answer was lost', () => {
    expect(rememberWrites(memory(), [{ ...outcome, result: 'unknown' }], now)).toEqual(
      wrote({ ...write, from, isUncertain: true }),
    );
  });

  it('stays confirmed if no read has shown it and the answer to its repeat was lost', () => {
    const confirmed = { ...write, from };
    const repeat = { ...outcome, result: 'unknown' } as const;
    const repeated = rememberWrites(wrote(confirmed), [repeat], seconds(30));
    expect(repeated.destinations.get(destination)).toEqual({ written: confirmed });
    const shown = rememberWrites(wrote({ ...confirmed, isShown: true }), [repeat], seconds(30));
    expect(shown.destinations.get(destination)).toEqual({ written: { ...confirmed, isUncertain: true } });
  });

  it('without a target is a delete', () => {
    const { to: _, ...rest } = outcome;
    expect(rememberWrites(memory(), [{ ...rest, action: 'delete' }], now)).toEqual(wrote({ from }));
  });

  it.each(['refused', 'skipped'] as const)('that was %s is none', (result) => {
    expect(rememberWrites(memory(), [{ ...outcome, result }], now)).toEqual(memory());
  });

  it('takes the place of an earlier one at the same destination', () => {
    const later = rememberWrites(wrote({}), [outcome], seconds(10));
    expect(later).toEqual(wrote({ ...write, from }, { lastWriteAt: seconds(10).toISOString() }));
  });

  it('ends a doubt', () => {
    expect(rememberWrites(wrote(write, { doubt: true }), [elsewhere], seconds(16)).doubt).toBeUndefined();
    expect(rememberWrites(wrote(write, { doubt: true }), [], seconds(16)).doubt).toBe(true);
  });

  const keptAfter = (written: Written, second: number): boolean =>
    rememberWrites(wrote(written), [], seconds(second)).destinations.has(destination);

  it('that a read has shown is kept for 30 seconds after the last write', () => {
    expect([29.9, 30].map((second) => keptAfter(shownWrite, second))).toEqual([true, false]);
    expect(rememberWrites(wrote(shownWrite), [], seconds(30))).toEqual(memory({}, { lastWriteAt: at(0) }));
  });

  it('that no read has shown is kept for 30 minutes, if EC2 confirmed it', () => {
    expect([1_799, 1_800].map((second) => keptAfter(write, second))).toEqual([true, false]);
    expect(keptAfter({ ...write, isUncertain: true }, 30)).toBe(false);
  });

  it('is shown by a read that shows its target or, after a delete, no route', () => {
    const written = (before: Memory, routes: readonly ActualRoute[]) =>
      withShown(before, table(routes)).destinations.get(destination)?.written;
    expect(written(wrote(write), [via(destination)])).toEqual(shownWrite);
    expect(written(wrote({ ...write, isUncertain: true }), [via(destination)])).toEqual(shownWrite);
    expect(written(wrote({}), [])).toEqual({ isShown: true });
    expect(written(wrote(write), [])).toEqual(write);
  });
});

describe('reads lag', () => {
  const outcome = { ...hijack, result: 'done' } as const;
  const again = (before: Memory, second: number, calls: readonly ReportedCall[] = []): Memory =>
    rememberWrites(before, [outcome], seconds(second), calls);

  it('if a write is repeated that no read has shown: the time doubles each time, up to 15 minutes', () => {
    const waits: (number | undefined)[] = [];
    let before = wrote(write);
    for (let second = 30; waits.length < 7; second += (before.lag?.waitMs ?? 0) / 1_000) {
      before = again(before, second);
      waits.push(before.lag?.waitMs);
    }
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000]);
    expect(before.lag?.since).toBe(at(0));
  });

  it.each<[string, Written, readonly ReportedCall[]]>([
    ['a read has shown it', shownWrite, []],
    ['its answer was lost', { ...write, isUncertain: true }, []],
    ['it had another target', { target: 'igw-aaaaaaaa' }, []],
    ['others have undone it since', write, [call({ time: later, target: 'tgw-aaaaaaaa' })]],
  ])('not if %s', (_, written, calls) => {
    expect(again(wrote(written), 30, calls).lag).toBeUndefined();
    expect(isRepeat(hijack, { written }, { lastWriteAt: at(0) }, calls, seconds(30))).toBe(false);
  });

  it.each<[string, ReportedCall, boolean]>([
    ['not if others may have undone it in its own second', call({ time: at(0), target: 'tgw-aaaaaaaa' }), false],
    ['also if others changed it in the second before', call({ time: seconds(-1).toISOString() }), true],
  ])('%s', (_, reported, expected) => {
    const lastWriteAt = seconds(0.7).toISOString();
    expect(isRepeat(hijack, { written: write }, { lastWriteAt }, [reported], seconds(31))).toBe(expected);
  });

  it.each([
    ['not if others undid it in a later second, also if that is known drift', 0, false],
    ['also if the call of its own second caused the drift that it repaired', 1, true],
  ])('%s', (_, writtenIn, expected) => {
    const undone = call({ time: seconds(1).toISOString() });
    const drift = [{ ...hijack, foundAt: seconds(1.5).toISOString(), cause: undone }];
    const lastWriteAt = seconds(writtenIn + 0.7).toISOString();
    expect(isRepeat(hijack, { written: write, drift }, { lastWriteAt }, [undone], seconds(40))).toBe(expected);
  });

  it('also if others only asked for the same', () => {
    expect(again(wrote(write), 30, [call({ time: later, target: write.target })]).lag).toBeDefined();
  });

  it('until a read shows all our writes', () => {
    const lag = { since: at(0), waitMs: 60_000 };
    const two = memory({ [destination]: { written: write }, [other]: { written: write } }, { lastWriteAt: at(0), lag });
    expect(withShown(two, table([via(destination)])).lag).toEqual(lag);
    expect(withShown(two, table([via(destination), via(other)])).lag).toBeUndefined();
  });
});
