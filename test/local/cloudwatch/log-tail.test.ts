import { describe, expect, it } from 'vitest';
import { LineCounter } from '../../../local/cloudwatch/log-tail.ts';

const start = Date.parse('2026-11-24T12:00:00Z');
const event = (seconds: number, message: string, logStreamName = 'a') => ({
  timestamp: start + seconds * 1_000,
  message,
  logStreamName,
});

describe('a line counter', () => {
  it('counts every line once, however often it is read', () => {
    const counter = new LineCounter(start);
    const first = [event(1, 'one'), event(2, 'two')];
    expect(counter.unseen(first)).toEqual(['one', 'two']);
    expect(counter.unseen([...first, event(3, 'three')])).toEqual(['three']);
    expect(counter.unseen([...first, event(3, 'three')])).toEqual([]);
  });

  it('counts equal lines as often as they were written', () => {
    const counter = new LineCounter(start);
    expect(counter.unseen([event(1, 'same'), event(1, 'same')])).toEqual(['same', 'same']);
    expect(counter.unseen([event(1, 'same'), event(1, 'same'), event(1, 'same')])).toEqual(['same']);
    expect(counter.unseen([event(1, 'same', 'b')])).toEqual(['same']);
  });

  it('counts a line that arrives after a line with a later timestamp', () => {
    const counter = new LineCounter(start);
    counter.unseen([event(10, 'later')]);
    expect(counter.unseen([event(8, 'earlier'), event(10, 'later')])).toEqual(['earlier']);
  });

  it('continues 15 s before the newest line, but never before its start', () => {
    const counter = new LineCounter(start);
    counter.unseen([event(5, 'early')]);
    expect(counter.from).toBe(start);
    counter.unseen([event(100, 'late')]);
    expect(counter.from).toBe(start + 85_000);
  });
});
