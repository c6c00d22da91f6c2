import { describe, expect, it } from 'vitest';
import { cut } from '../../cli/screen.ts';
import { type WatchWorld, watchFleet } from '../../cli/watch.ts';
import type { Fleet } from '../../report/fleet-view.ts';
import { minutesAfter, now } from '../support/builders.ts';
import { jsonLines } from '../support/routectl.ts';

type Table = Fleet['tables'][number];

const table = (id: string, phase: NonNullable<Table['status']>['phase'], reason: string, orders = {}): Table => ({
  routeTableId: id,
  status: {
    routeTableId: id,
    phase,
    reason,
    name: `name of ${id}`,
    failures: [],
    trigger: { kind: 'sweep' },
    checkedAt: now.toISOString(),
    changedAt: now.toISOString(),
  },
  orders: { pauses: [], holds: [], ...orders },
});

const [first, second] = ['rtb-00000001', 'rtb-00000002'];
const calm = (id: string): Table => table(id, 'InSync', 'every route is as desired');
const fleetOf = (...tables: readonly Table[]): Omit<Fleet, 'now'> => ({ tables, sweep: undefined, stops: [] });

type Read = Omit<Fleet, 'now'> | Error;

/** Watches while the fleet is read as these, one after the other, every 5 seconds. */
async function watched(reads: readonly Read[], more: Partial<WatchWorld> = {}) {
  const [printed, noted]: [string[], string[]] = [[], []];
  const asked: (readonly string[] | undefined)[] = [];
  const interrupted = new AbortController();
  let time = now;
  const world: WatchWorld = {
    print: (text) => void printed.push(text),
    note: (text) => void noted.push(text),
    look: { paint: (_, text) => text },
    json: false,
    everyMs: 5_000,
    now: () => time,
    interrupted: interrupted.signal,
    openScreen: () => undefined,
    read: async (ids) => {
      const next = reads[asked.push(ids) - 1] ?? new Error('there is nothing more to read');
      if (next instanceof Error) throw next;
      return next;
    },
    sleep: async (ms) => {
      time = new Date(time.getTime() + ms);
      if (asked.length === reads.length) interrupted.abort();
    },
    ...more,
  };
  await watchFleet(world);
  return { printed, noted, asked };
}

describe('routectl watch without a terminal', () => {
  it('begins with what is not in sync, and then prints one line for each change', async () => {
    const drifted = table(first, 'Drifted', 'drift is only reported');
    const { printed } = await watched([
      fleetOf(drifted, calm(second)),
      fleetOf(drifted, calm(second)),
      fleetOf(calm(first), table(second, 'Failed', 'could not create\u001B[2J')),
      fleetOf(calm(first)),
    ]);
    expect(printed).toEqual([
      `2026-11-23T12:00:00Z ${first} name of ${first}: Drifted: drift is only reported`,
      `2026-11-23T12:00:10Z ${second} name of ${second}: InSync → Failed: could not create\\u{1b}[2J`,
      `2026-11-23T12:00:10Z ${first} name of ${first}: Drifted → InSync: every route is as desired`,
      `2026-11-23T12:00:15Z ${second}: Failed → Unmanaged: there is no desired item any more`,
    ]);
  });

  it('reports when a stop and a hold begin and end', async () => {
    const stop = { of: 'fleet', reason: 'incident', by: 'bob' } as const;
    const holds = [{ destination: '10.20.0.0/16', reason: 'failover', until: minutesAfter(60) }];
    const held = table(first, 'InSync', 'every route is as desired', { holds });
    const { printed } = await watched([
      fleetOf(calm(first)),
      { ...fleetOf(held), stops: [stop] },
      { ...fleetOf(held), stops: [] },
      fleetOf(calm(first)),
    ]);
    expect(printed.map((line) => line.slice(21))).toEqual([
      'all tables: Stopped: incident (by bob)',
      `${first} name of ${first}: InSync: every route is as desired; 10.20.0.0/16 is held until 2026-11-23 13:00:00 UTC: failover`,
      'all tables: Resumed: the stop of all tables has ended',
      `${first} name of ${first}: InSync: every route is as desired`,
    ]);
  });

  it('with --json prints one document for each change', async () => {
    const { printed } = await watched([fleetOf(calm(first)), fleetOf(table(first, 'Missing', 'gone'))], { json: true });
    expect(jsonLines(printed.join('\n'))).toEqual([
      {
        at: '2026-11-23T12:00:05.000Z',
        routeTableId: first,
        name: `name of ${first}`,
        was: 'InSync',
        phase: 'Missing',
        reason: 'gone',
      },
    ]);
  });

  it('goes on after a read that failed, and says so once', async () => {
    const throttled = new Error('Throttling');
    const { printed, noted } = await watched([
      fleetOf(calm(first)),
      throttled,
      throttled,
      fleetOf(table(first, 'Missing', 'gone')),
    ]);
    expect(noted).toEqual(['Throttling (watching on)']);
    expect(printed).toHaveLength(1);
  });

  it('fails if the first read fails', async () => {
    await expect(watched([new Error('AccessDenied')])).rejects.toThrow('AccessDenied');
  });

  it('lists all items only once a minute', async () => {
    const { asked } = await watched(Array.from({ length: 14 }, () => fleetOf(calm(first))));
    expect(asked.flatMap((ids, index) => (ids === undefined ? index : []))).toEqual([0, 12]);
    expect(asked[1]).toEqual([first]);
  });
});

describe('routectl watch on a terminal', () => {
  it('shows the most urgent tables that fit, redraws when the size changes, and closes the screen', async () => {
    const tables = Array.from({ length: 50 }, (_, index) => calm(`rtb-${(index + 16).toString(16).padStart(8, '0')}`));
    const pictures: (readonly string[])[] = [];
    const size = { rows: 12, columns: 100 };
    let redraw = (): void => {};
    let isClosed = false;
    await watched([fleetOf(...tables, table(first, 'Failed', 'could not create 10.0.0.0/8'))], {
      openScreen: () => ({
        size: () => size,
        draw: (lines) => void pictures.push(lines),
        onResize: (callback) => void (redraw = callback),
        close: () => void (isClosed = true),
      }),
    });
    size.rows = 30;
    redraw();
    const [before = [], after = []] = pictures;
    expect(before[0]).toMatch(/^51 tables: 1 Failed, 50 InSync; /);
    expect(before[2]).toContain(`Failed  ${first}`);
    expect(before).toContainEqual(expect.stringMatching(/… and \d+ more/));
    expect(before.at(-1)).toContain('could not create 10.0.0.0/8');
    expect(before.length).toBeLessThanOrEqual(12);
    expect(after.length).toBeGreaterThan(12);
    expect(after.length).toBeLessThanOrEqual(30);
    expect(isClosed).toBe(true);
  });

  it('cuts a line that is too long, and keeps its colours whole', () => {
    expect(cut('\u001B[31mFailed\u001B[39m rtb', 10)).toBe('\u001B[31mFailed\u001B[39m rtb');
    expect(cut('\u001B[31mFailed\u001B[39m rtb', 5)).toBe('\u001B[31mFail\u001B[39m…');
  });
});
