import { describe, expect, it } from 'vitest';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Memory } from '../../../../reconciler/core/memory/memory.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { readForCallAfter } from '../../../../reconciler/core/status/call-effects.ts';
import { minutesAfter, table } from '../../../support/builders.ts';
import { at, call, hijack, memory, other, via } from './given.ts';

const seconds = (count: number): Date => minutesAfter(count / 60);
const later = seconds(1).toISOString();

describe('a read misses a call', () => {
  const rogue = call({ time: at(0), destination: other, target: 'tgw-aaaaaaaa' });
  const misses = (
    calls: readonly ReportedCall[],
    {
      routes = [],
      before = memory(),
      second = 5,
      unread = calls,
    }: Partial<{
      routes: readonly ActualRoute[];
      before: Memory;
      second: number;
      unread: readonly ReportedCall[];
    }> = {},
  ): boolean => readForCallAfter(table(routes), before, { calls, unread, now: seconds(second) }) !== undefined;

  it('of the last 2 minutes whose effect it does not show', () => {
    expect([119, 120].map((second) => misses([rogue], { second }))).toEqual([true, false]);
    expect(misses([rogue], { routes: [via(other, 'tgw-aaaaaaaa')] })).toBe(false);
    const gone = { ...rogue, name: 'DeleteRoute' };
    expect(misses([gone], { routes: [via(other)] })).toBe(true);
    expect(misses([gone])).toBe(false);
  });

  it('that took down or brought up a target, if its routes are as before', () => {
    const tell = (about: 'target-up' | 'target-down'): ReportedCall => ({
      id: 'call-1',
      name: 'X',
      time: at(0),
      via: 'pcx-aaaaaaaa',
      about,
      ids: ['pcx-aaaaaaaa'],
    });
    const down: ActualRoute = { ...via(other), state: 'blackhole' };
    expect(misses([tell('target-down')], { routes: [via(other)] })).toBe(true);
    expect(misses([tell('target-down')], { routes: [down] })).toBe(false);
    expect(misses([tell('target-up')], { routes: [down] })).toBe(true);
    expect(misses([tell('target-up')], { routes: [via(other)] })).toBe(false);
  });

  it('only if that call is new: each leads to one more read at most', () => {
    expect(misses([rogue], { unread: [] })).toBe(false);
  });

  it('not if we have written there since', () => {
    const written = memory({ [other]: { written: {} } }, { lastWriteAt: later });
    expect(misses([rogue], { before: written })).toBe(false);
    expect(misses([{ ...rogue, time: seconds(3).toISOString() }], { before: written })).toBe(true);
  });

  it('not if it came before a repair there', () => {
    const drift = { ...hijack, destination: other, foundAt: later, appliedAt: seconds(3).toISOString() };
    expect(misses([rogue], { before: memory({ [other]: { drift: [drift] } }) })).toBe(false);
  });

  it('that came after a repair there, although we have written elsewhere since', () => {
    const drift = { ...hijack, destination: other, foundAt: at(-1), appliedAt: at(-1) };
    const before = memory({ [other]: { drift: [drift], written: {} } }, { lastWriteAt: later });
    expect(misses([rogue], { before })).toBe(true);
  });

  it('that may have come after a write there which a read has shown, although we have written elsewhere since', () => {
    const before = memory({ [other]: { written: { isShown: true } } }, { lastWriteAt: later });
    expect(misses([rogue], { before })).toBe(true);
  });

  it('not if a later call undid it, or one of the same second', () => {
    const undone = { ...rogue, id: 'call-2', name: 'DeleteRoute' };
    expect(misses([rogue, { ...undone, time: later }])).toBe(false);
    expect(misses([rogue, undone])).toBe(false);
    expect(misses([{ ...rogue, time: later }, undone])).toBe(true);
  });

  it('not if it names no destination', () => {
    const { destination: _, ...unnamed } = rogue;
    expect(misses([unnamed])).toBe(false);
  });
});
