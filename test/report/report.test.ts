import { describe, expect, it } from 'vitest';
import type { RunOutcome } from '../../reconciler/core/announce/history.ts';
import { type Phase, phases } from '../../reconciler/core/status/status.ts';
import { reportDocument } from '../../report/document.ts';
import { type Fleet, fleetView, urgencyOf } from '../../report/fleet-view.ts';
import { fleetWidget, tableWidget } from '../../report/widget.ts';
import { eventfulFleet } from '../support/fleet.ts';

const arn = 'arn:aws:lambda:eu-west-1:123456789012:function:widget';

/** The visible text of a page. */
const textOf = (html: string): string =>
  html
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/\s+/g, ' ');

const rowsOf = (html: string): readonly string[] =>
  [...html.matchAll(/<tbody>(.*?)<\/tbody>/gs)].flatMap(([, body = '']) =>
    [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) => textOf(row)),
  );

/** A fleet of copies of its first table. */
const many = ({ tables: [table], ...fleet }: Fleet, count: number): Fleet => ({
  ...fleet,
  tables: Array.from({ length: count }, (_, index) => ({
    orders: noOrders,
    ...table,
    routeTableId: `rtb-${index.toString(16).padStart(17, '0')}`,
  })),
});

const noOrders = { pauses: [], holds: [] };

const calm = {
  reason: '',
  failures: [],
  trigger: { kind: 'sweep' },
  checkedAt: '2026-11-23T12:00:00Z',
  changedAt: '',
} as const;

const skipped = (outcome: RunOutcome): RunOutcome => ({ ...outcome, result: 'skipped' });

describe('the fleet', () => {
  it('lists the most urgent tables first, then by id', async () => {
    const { rows } = fleetView((await eventfulFleet()).fleet);
    expect(rows.map(({ phase }) => phase)).toEqual([
      'Failed',
      'Missing',
      'Invalid',
      'Contested',
      'Blocked',
      'Unknown',
      'Drifted',
      'Verifying',
      'InSync',
      'InSync',
      'InSync',
      'InSync',
    ]);
  });

  it('lists tables that drop traffic or run on another target before all others, whatever their phase', () => {
    const at = (id: string, phase: Phase, blackholes = 0): Fleet['tables'][number] => ({
      routeTableId: id,
      orders: noOrders,
      status: { ...calm, routeTableId: id, phase, reason: `why ${phase}`, ...(blackholes > 0 && { blackholes }) },
    });
    const shown = [
      at('rtb-00000006', 'Degraded', 1),
      at('rtb-00000005', 'Drifted', 2),
      at('rtb-00000004', 'Verifying', 1),
      at('rtb-00000003', 'Degraded'),
      at('rtb-00000002', 'Failed'),
      at('rtb-00000001', 'InSync'),
    ];
    const fleet: Fleet = { tables: shown.toReversed(), sweep: undefined, stops: [], now: new Date(calm.checkedAt) };
    expect(fleetView(fleet).rows.map(({ routeTableId }) => routeTableId)).toEqual(shown.map((one) => one.routeTableId));
    const page = rowsOf(fleetWidget(fleet, 0, 'light', arn));
    for (const [index, phase] of ['Degraded', 'Drifted', 'Verifying', 'Degraded', 'Failed'].entries())
      expect(page[index]).toContain(`why ${phase}`);
  });

  it('ranks every phase by urgency', () => {
    for (const phase of [...phases, 'Unknown' as const]) expect(urgencyOf(phase)).toBeGreaterThanOrEqual(0);
  });

  it('counts the tables of each phase', async () => {
    const { counts } = fleetView((await eventfulFleet()).fleet);
    expect(counts).toContainEqual({ phase: 'InSync', count: 4 });
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(12);
  });

  it('shows for each table the last drift, its cause, and how long the repair took', async () => {
    const { fleet } = await eventfulFleet();
    const row = rowsOf(fleetWidget(fleet, 0, 'light', arn)).find((row) => row.includes('rtb-06a1b2c3d4e5f6076'));
    expect(row).toContain('InSync rtb-06a1b2c3d4e5f6076');
    expect(row).toContain('2026-11-23 12:27:10 , 1 route deploy-pipeline/run-4711 1 s');
  });

  it('shows for each table its Name tag, and why nothing is changed in it', async () => {
    const { fleet } = await eventfulFleet();
    const [observed] = rowsOf(fleetWidget(fleet, 0, 'light', arn)).filter((row) => row.includes('Drifted'));
    expect(observed).toMatch(/Drifted rtb-\w+ .* private-\d+ Mode observe: drift is only reported/);
    const [table] = fleet.tables;
    const pause = { reason: 'maintenance', by: 'alice', until: '2026-11-23T18:00:00.000Z' };
    const rowOf = (of: 'table' | 'fleet'): string | undefined => {
      const status = table?.status && { ...table.status, pause: { ...pause, of } };
      const paused = {
        ...fleet,
        tables: [{ routeTableId: 'rtb-00000001', orders: noOrders, ...(status && { status }) }],
      };
      return rowsOf(fleetWidget(paused, 0, 'light', arn))[0];
    };
    expect(rowOf('table')).toContain('Paused by alice until 2026-11-23 18:00:00 UTC: maintenance');
    expect(rowOf('fleet')).toContain('Stopped with all tables by alice until');
  });

  it('shows the holds that are in force now, whatever the last reconcile knew', async () => {
    const { fleet } = await eventfulFleet();
    const hold = {
      destination: '10.20.0.0/16',
      reason: 'failover',
      by: 'alice',
      until: new Date('2027-01-01T00:00:00Z'),
    };
    const over = { ...hold, destination: '10.21.0.0/16', until: new Date('2026-01-01T00:00:00Z') };
    const tables = fleet.tables.slice(0, 1).map((one) => ({ ...one, orders: { pauses: [], holds: [hold, over] } }));
    const [row] = rowsOf(fleetWidget({ ...fleet, tables }, 0, 'light', arn));
    expect(row).toContain('10.20.0.0/16 is held by alice until 2027-01-01 00:00:00 UTC: failover');
    expect(row).not.toContain('10.21.0.0/16');
  });

  it('never shows a table that was not read as in sync, and says why', async () => {
    const { fleet } = await eventfulFleet();
    const page = rowsOf(fleetWidget(fleet, 0, 'light', arn));
    expect(page.find((row) => row.includes('rtb-0ba1b2c3d4e5f6071'))).toContain(
      'the last sweep could not read it: RequestLimitExceeded',
    );
    const later = fleetView({ ...fleet, now: new Date(fleet.now.getTime() + 16 * 60_000) });
    expect(new Set(later.rows.map(({ phase }) => phase))).toEqual(new Set(['Unknown']));
    expect(fleetView({ ...fleet, tables: [{ routeTableId: 'rtb-00000001', orders: noOrders }] }).rows).toMatchObject([
      { phase: 'Unknown', reason: 'it was never reconciled' },
    ]);
  });

  it('is split into pages that link to one another and to every table', async () => {
    const fleet = many((await eventfulFleet()).fleet, 120);
    const middle = fleetWidget(fleet, 1, 'light', arn);
    expect(textOf(middle)).toContain('Route tables 51 to 100 of 120');
    expect(rowsOf(middle)).toHaveLength(50);
    const calls = [...middle.matchAll(/<cwdb-action[^>]* endpoint="([^"]*)"[^>]*>(.*?)<\/cwdb-action>/gs)];
    expect(new Set(calls.map(([, endpoint]) => endpoint))).toEqual(new Set([arn]));
    const asked = calls.map(([, , call = '']) => JSON.parse(textOf(call)) as unknown);
    expect(asked).toContainEqual({ page: 0 });
    expect(asked).toContainEqual({ page: 2 });
    expect(asked).toContainEqual({ routeTableId: 'rtb-00000000000000063', page: 1 });
    // A page that does not exist shows the nearest one.
    expect(textOf(fleetWidget(fleet, 99, 'light', arn))).toContain('101 to 120 of 120');
    expect(textOf(fleetWidget(fleet, -1, 'light', arn))).toContain('1 to 50 of 120');
  });

  it('of 5,000 tables fits a dashboard', async () => {
    const page = fleetWidget(many((await eventfulFleet()).fleet, 5_000), 0, 'light', arn);
    expect(Buffer.byteLength(page)).toBeLessThan(100_000);
  });

  it('shows a stop with its reason, author and end, but no expired stop', async () => {
    const { fleet } = await eventfulFleet();
    const stop = { of: 'fleet', reason: 'incident <4711>', by: 'arn:aws:iam::1:user/dave' } as const;
    const page = textOf(fleetWidget({ ...fleet, stops: [stop] }, 0, 'light', arn));
    expect(page).toContain(
      'Everything is stopped by arn:aws:iam::1:user/dave: incident <4711>. The stop does not expire.',
    );
    const over = { ...stop, until: fleet.now };
    expect(textOf(fleetWidget({ ...fleet, stops: [over] }, 0, 'light', arn))).not.toContain('Everything is stopped');
  });

  it('reports routes that are as desired but drop their traffic', async () => {
    const { fleet } = await eventfulFleet();
    const [table] = fleet.tables.filter(({ status }) => status?.phase === 'InSync');
    if (!table?.status) throw new Error('no table is in sync');
    const dark = { ...table, status: { ...table.status, blackholes: 1 } };
    const { rows } = fleetView({ ...fleet, tables: [dark] });
    expect(rows).toMatchObject([{ phase: 'InSync', blackholes: 1 }]);
    const page = fleetWidget({ ...fleet, tables: [dark] }, 0, 'light', arn);
    expect(rowsOf(page)).toEqual([expect.stringContaining('Blackholes: 1 (target gone or not ready)')]);
  });

  it('without any table says how to start', () => {
    const page = fleetWidget({ tables: [], sweep: undefined, stops: [], now: new Date() }, 0, 'light', arn);
    expect(textOf(page)).toContain('No route table is managed yet. Write a desired item');
    expect(textOf(page)).not.toContain('routectl import');
  });
});

describe('the page of a table', () => {
  const pageOf = async (index: number): Promise<string> => {
    const table = (await eventfulFleet()).tables[index];
    if (!table) throw new Error(`there is no table ${index}`);
    return tableWidget(table, 3, 'dark', arn);
  };

  it('shows the waiting deletes, and the command that approves them', async () => {
    const page = await pageOf(1);
    expect(page).toContain('<code>routectl approve rtb-01a1b2c3d4e5f6071</code>');
    expect(rowsOf(page)).toContainEqual(expect.stringContaining('delete (waits) 192.168.0.0/24'));
  });

  it('shows who caused an open change, if an event reported it', async () => {
    const table = (await eventfulFleet()).tables[1];
    const [waits] = table?.status?.plan?.changes ?? [];
    if (!table?.status || !waits) throw new Error('nothing waits');
    const foundAt = table.now.toISOString();
    const actor = { arn: 'arn:aws:iam::1:user/carol' };
    const explained = { ...waits, foundAt, cause: { id: 'event-1', name: 'CreateRoute', time: foundAt, actor } };
    const rows = rowsOf(tableWidget({ ...table, status: { ...table.status, drift: [explained] } }, 0, 'light', arn));
    expect(rows).toContainEqual(expect.stringMatching(/delete \(waits\) 192\.168\.0\.0\/24 igw-\S+ +carol/));
    expect(rows.filter((row) => row.includes('carol'))).toHaveLength(1);
    expect(rowsOf(await pageOf(1))).toContainEqual(
      expect.stringMatching(/delete \(waits\) 192\.168\.1\.0\/24 igw-\S+ +not reported/),
    );
  });

  it('shows each failure and its remedy', async () => {
    expect(rowsOf(await pageOf(0))).toContainEqual(
      expect.stringMatching(/create 10\.40\.0\.0\/16 to pcx-0dddddddddddddddd .*NotFound.* create or attach it/),
    );
  });

  it('shows every problem of a rejected item', async () => {
    const rows = rowsOf(await pageOf(3));
    expect(rows).toContainEqual(expect.stringMatching(/routes\[0\]\.destination .*expected a prefix length/));
    expect(rows).toContainEqual(expect.stringMatching(/routes\[0\]\.target /));
  });

  it('shows who contests which destination', async () => {
    expect(textOf(await pageOf(2))).toMatch(
      /Contested: others undo these repairs .*10\.21\.0\.0\/16 7 times arn:\S+legacy-failover/,
    );
  });

  it('shows why routes are left alone', async () => {
    const rows = rowsOf(await pageOf(0));
    expect(rows).toContainEqual(expect.stringMatching(/10\.0\.0\.0\/16 local local/));
    expect(rows).toContainEqual(expect.stringMatching(/10\.99\.0\.0\/16 .* propagated/));
  });

  it('shows its history, newest first: each change, its cause with address and tool, and the time to repair', async () => {
    const history = rowsOf(await pageOf(6)).filter((row) => row.includes('ReplaceRoute'));
    expect(history[0]).toMatch(
      /12:27:10 .*0\.0\.0\.0\/0 .*: done .*deploy-pipeline\/run-4711 from cloudformation\.amazonaws\.com .*through cloudformation.* in 1 s/,
    );
    // The call that an event reported, then the run that repaired what an earlier call had done.
    expect(history[1]).toMatch(/12:27:09 call ReplaceRoute 0\.0\.0\.0\/0 to igw-\S+ .*deploy-pipeline\/run-4711/);
    expect(history[2]).toMatch(/12:24:01 .*: done .*alice@example\.com from 198\.51\.100\.23 with Mozilla/);
  });

  it('says that a route was moved because its target was down, and who took it down', async () => {
    const table = (await eventfulFleet()).tables[7];
    const [run] = table?.runs ?? [];
    if (!table || !run) throw new Error('there is no run');
    const change = { action: 'replace', destination: '10.20.0.0/16', from: 'nat-a', to: 'nat-b' } as const;
    const rowOf = (actor: NonNullable<RunOutcome['actor']>): string | undefined => {
      const outcome: RunOutcome = { ...change, because: 'target-down', result: 'done', actor };
      const moved = { ...run, trigger: { kind: 'desired' as const }, outcome: [outcome] };
      return rowsOf(tableWidget({ ...table, runs: [moved] }, 0, 'light', arn)).find((row) => row.includes('nat-b'));
    };
    expect(rowOf({ arn: 'arn:aws:iam::1:user/carol' })).toMatch(
      /replace 10\.20\.0\.0\/16 from nat-a to nat-b , because its target was down: done .*user\/carol/,
    );
    expect(rowOf('unattributed')).toContain('not reported by any event');
  });

  it('says that no event reported drift that only a sweep found', async () => {
    expect(rowsOf(await pageOf(7))).toContainEqual(
      expect.stringMatching(/sweep create 10\.21\.0\.0\/16 .*not reported by any event/),
    );
  });

  it('blames nobody for what only the item asks for, and says why a change was not made', async () => {
    const table = (await eventfulFleet()).tables[7];
    const [run] = table?.runs ?? [];
    if (!table || !run) throw new Error('there is no run');
    const byItem = run.outcome.map(({ actor: _, ...outcome }) => outcome);
    const edited = { ...run, trigger: { kind: 'desired' as const }, outcome: byItem };
    const left = { ...run, reason: 'all tables are stopped', outcome: run.outcome.map(skipped) };
    const rows = rowsOf(tableWidget({ ...table, runs: [edited, left] }, 0, 'light', arn));
    expect(rows).toContainEqual(expect.stringMatching(/desired create 10\.21\.0\.0\/16 .* the item asks for it/));
    expect(rows).toContainEqual(expect.stringMatching(/all tables are stopped create 10\.21\.0\.0\/16 .*: not done/));
  });

  it('links back to the page of the fleet from which it was opened', async () => {
    expect(await pageOf(0)).toMatch(/← all tables<\/a\s*><cwdb-action[^>]*>\{&#34;page&#34;:3\}/);
  });
});

describe('text from others', () => {
  it('stays text wherever it is shown', async () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
    const { fleet, tables } = await eventfulFleet({
      arn: `arn:aws:iam::1:user/${evil}`,
      userAgent: evil,
      sourceIp: evil,
    });
    const pages = [
      fleetWidget(fleet, 0, 'light', arn),
      ...tables.map((table) => tableWidget(table, 0, 'light', arn)),
      reportDocument(fleet, tables),
    ];
    for (const page of pages) expect(page).not.toMatch(/<script|<img/);
    expect(pages.filter((page) => page.includes('&#60;script&#62;')).length).toBeGreaterThan(3);
  });
});

describe('the report as a file', () => {
  it('lists every table, with links to those shown in full', async () => {
    const { fleet, tables } = await eventfulFleet();
    const [first] = tables;
    const document = reportDocument(fleet, first ? [first] : []);
    expect(document).toMatch(/^<!doctype html>/);
    expect(rowsOf(document).filter((row) => / rtb-0.a1b2c3d4e5f607\d /.test(row)).length).toBeGreaterThanOrEqual(12);
    expect([...document.matchAll(/href="#(rtb-[^"]*)"/g)].map(([, id]) => id)).toEqual([first?.routeTableId]);
    expect(document).toContain(`<article id="${first?.routeTableId}">`);
  });

  it('runs no script and loads nothing', async () => {
    const { fleet, tables } = await eventfulFleet();
    const document = reportDocument(fleet, tables);
    expect(document).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(document).not.toMatch(/<script|<link| src=|@import|url\(/);
  });
});
