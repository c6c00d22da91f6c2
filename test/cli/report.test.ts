import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Failure } from '../../cli/failure.ts';
import { report } from '../../cli/report.ts';
import type { Fleet } from '../../report/fleet-view.ts';

// A large fleet: tables in every state, and more tables without a status than a report shows in full.
const { fleet, calm } = await vi.hoisted(async () => {
  const { eventfulFleet } = await import('../support/fleet.ts');
  const { fleetView } = await import('../../report/fleet-view.ts');
  const { fleet: eventful } = await eventfulFleet();
  const unseen = Array.from({ length: 250 }, (_, n) => ({
    routeTableId: `rtb-${(n + 0xf000_0000).toString(16)}`,
    orders: { pauses: [], holds: [] },
  }));
  const fleet: Fleet = { ...eventful, tables: [...eventful.tables, ...unseen] };
  const calm = fleetView(fleet).rows.filter(({ phase, lastDrift }) => phase === 'InSync' && !lastDrift);
  return { fleet, calm: calm.map(({ routeTableId }) => routeTableId) };
});

vi.mock(import('../../reconciler/aws/dynamodb/fleet-reader.ts'), () => ({
  fleetReader: () => ({
    fleet: async () => fleet,
    table: async (id) => {
      const found = fleet.tables.find(({ routeTableId }) => routeTableId === id);
      return { status: found?.status, runs: [], calls: [], sweep: fleet.sweep };
    },
  }),
}));

// Whose credentials these are has a test of its own.
vi.mock(import('../../cli/caller.ts'), async (original) => ({
  ...(await original()),
  enterAws: async () => ({ region: 'eu-west-1', account: '123456789012', arn: 'arn:aws:iam::123456789012:user/alice' }),
}));

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: fleet.now }));
afterAll(() => void vi.useRealTimers());

const options = { desiredTable: 'DesiredRouteTables', ordersTable: 'RouteTableOrders', stateTable: 'RouteTableStates' };

/** What `routectl report` prints. */
async function printed(ids: readonly string[], asked: { html?: string; json?: boolean }): Promise<string> {
  const lines: string[] = [];
  const terminal = {
    print: (text: string) => void lines.push(text),
    note: () => {},
    look: { paint: (_: unknown, text: string) => text },
  };
  await report(ids, { ...options, ...asked }, terminal);
  return lines.join('\n');
}

const shownWhole = (document: string): string[] =>
  [...document.matchAll(/<article id="(.*?)">/g)].map(([, id]) => `${id}`);

describe('the report', () => {
  it('shows the 200 most urgent tables in full, but none that is in sync without drift', async () => {
    const whole = shownWhole(await printed([], { html: '-' }));
    expect(whole).toHaveLength(200);
    expect(calm.filter((id) => whole.includes(id))).toEqual([]);
  });

  it('also shows every named table in full, in sync or not', async () => {
    const whole = shownWhole(await printed(calm, { html: '-' }));
    expect(whole).toHaveLength(200 + calm.length);
    expect(whole).toEqual(expect.arrayContaining(calm));
  });

  it('fails without writing anything if a named table is not managed', async () => {
    const html = path.join(tmpdir(), `report-${process.pid}.html`);
    const refused = printed([...calm, 'rtb-0123456789abcdef0', 'rtb-01234567'], { html, json: true });
    await expect(refused).rejects.toThrow(Failure);
    await expect(refused).rejects.toThrow(
      'rtb-0123456789abcdef0, rtb-01234567: not managed: no desired item in DesiredRouteTables; expected a table that "routectl status" lists',
    );
    expect(existsSync(html)).toBe(false);
  });

  it('prints lines of only the named tables if any are named', async () => {
    const [id = ''] = calm;
    expect((await printed([id], { json: true })).split('\n').map((line) => JSON.parse(line))).toMatchObject([
      { routeTableId: id },
    ]);
  });
});
