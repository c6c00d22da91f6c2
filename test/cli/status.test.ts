import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { timeline } from '../../cli/fleet-text.ts';
import { history } from '../../cli/history.ts';
import { status, type StatusOptions } from '../../cli/status.ts';
import { jsonLines } from '../support/routectl.ts';

// The stored state of a fleet with a table in every phase, as the real reconciler wrote it.
const { fleet, tables } = await vi.hoisted(async () => {
  const { eventfulFleet } = await import('../support/fleet.ts');
  return eventfulFleet();
});

vi.mock(import('../../reconciler/aws/dynamodb/fleet-reader.ts'), () => ({
  fleetReader: () => ({
    fleet: async () => fleet,
    table: async (id) => {
      const found = tables.find(({ routeTableId }) => routeTableId === id);
      if (!found) throw new Error(`no table ${id}`);
      return found;
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

const names = { desiredTable: 'DesiredRouteTables', ordersTable: 'RouteTableOrders', stateTable: 'RouteTableStates' };

function recorder() {
  const [printed, noted]: [string[], string[]] = [[], []];
  const terminal = {
    print: (text: string) => void printed.push(text),
    note: (text: string) => void noted.push(text),
    look: { paint: (_: unknown, text: string) => text },
  };
  return { terminal, printed, noted };
}

/** What `routectl status` prints, and its exit code. */
async function shown(ids: readonly string[], options: Partial<StatusOptions> = {}) {
  const { terminal, printed } = recorder();
  const code = await status(ids, { ...names, ...options }, terminal);
  return { code, text: printed.join('\n') };
}

const later = new Date('2027-01-01T00:00:00Z');

const idOf = (phase: string): string =>
  fleet.tables.find(({ status: known }) => known?.phase === phase)?.routeTableId ?? `no table is ${phase}`;

describe('routectl status', () => {
  it('shows every table, those that need a person first, and why', async () => {
    const { text } = await shown([]);
    const phases = [...text.matchAll(/^ {2}\S (\w+) +rtb-/gm)].map(([, phase]) => phase);
    expect(phases).toHaveLength(fleet.tables.length);
    expect(phases[0]).toBe('Failed');
    expect(phases.at(-1)).toBe('InSync');
    expect(text).toMatch(/rtb-\w+ +private-\d+ +vpc-0a1b2c3d4e5f60718 +4 routes/);
    expect(text).toMatch(/rtb-\w+ +drift is only reported: the item is in mode observe/);
    expect(text).toMatch(/rtb-\w+ +could not create 10\.40\.0\.0\/16/);
    expect(text.split('\n').at(-1)).toMatch(/^12 tables: 1 Failed, .*; last sweep 2026-11-23 .* UTC, now /);
  });

  it('exits with the worst code of the tables that it shows', async () => {
    await expect(shown([])).resolves.toMatchObject({ code: 1 });
    await expect(shown([], { phase: ['Blocked', 'Drifted'] })).resolves.toMatchObject({ code: 3 });
    await expect(shown([], { phase: ['Drifted'] })).resolves.toMatchObject({ code: 2 });
    await expect(shown([], { phase: ['InSync'] })).resolves.toMatchObject({ code: 0 });
  });

  it('filters by phase and VPC, and sorts', async () => {
    const ids = async (options: Partial<StatusOptions>) =>
      jsonLines((await shown([], { ...options, json: true })).text);
    expect(await ids({ phase: ['Blocked'] })).toMatchObject([{ phase: 'Blocked' }]);
    expect((await shown([], { vpc: ['vpc-00000001'] })).text).toMatch(/^0 tables; /);
    const byId = (await ids({ sort: 'id' })).map((row) => JSON.stringify(row).slice(0, 45));
    expect(byId).toEqual(byId.toSorted((one, other) => (one < other ? -1 : 1)));
    const [latest] = await ids({ sort: 'drift' });
    expect(latest).toHaveProperty('lastDrift');
  });

  it('shows one table in full: facts, open changes and who caused them, and what to do', async () => {
    const { text } = await shown([idOf('Blocked')]);
    expect(text).toMatch(/^rtb-\w+ {2}private-\d+ {2}vpc-\w+ {2}⊘ Blocked\n/);
    expect(text).toContain('last read');
    expect(text).toMatch(/delete 192\.168\.0\.0\/24 .*\(waits\)/);
    expect(text).toContain(`To allow what waits: routectl approve ${idOf('Blocked')}`);
    expect((await shown([idOf('Failed')])).text).toMatch(
      /create 10\.40\.0\.0\/16 .*InvalidVpcPeeringConnectionID\.NotFound/,
    );
    expect((await shown([idOf('Contested')])).text).toMatch(/10\.21\.0\.0\/16 +repaired \d times, undone by /);
    expect((await shown([idOf('Invalid')])).text).toMatch(/routes\[0\]\.destination +expected/);
  });

  it('shows what stops all tables, and every hold, with their authors', async () => {
    const { stops, tables } = fleet;
    const [first] = tables;
    try {
      const hold = { destination: '10.20.0.0/16', reason: 'failover\u001b[2J', by: 'alice', until: later };
      Object.assign(fleet, {
        stops: [{ of: 'fleet', reason: 'incident', by: 'bob' }],
        tables: tables.map((one) => (one === first ? { ...one, orders: { pauses: [], holds: [hold] } } : one)),
      });
      const { text } = await shown([]);
      expect(text).toMatch(
        /^All tables are stopped by bob, until somebody resumes \(routectl resume --all\): incident\n/,
      );
      const held = '10.20.0.0/16 is held by alice until 2027-01-01 00:00:00 UTC: failover\\u{1b}[2J';
      expect(text).toContain(`${first?.routeTableId}  ${held}`);
      expect((await shown([first?.routeTableId ?? ''])).text).toContain(held);
      expect(jsonLines((await shown([first?.routeTableId ?? ''], { json: true })).text)).toMatchObject([
        { mode: 'enforce', stop: { reason: 'incident' }, holds: [{ destination: '10.20.0.0/16' }] },
      ]);
    } finally {
      Object.assign(fleet, { stops, tables });
    }
  });

  it('refuses a phase that does not exist, and a table that is not managed', async () => {
    await expect(shown([], { phase: ['Broken'] })).rejects.toThrow('--phase Broken: expected one of InSync, Degraded');
    await expect(shown(['rtb-0123456789abcdef0'])).rejects.toThrow(
      'rtb-0123456789abcdef0: not managed: no desired item in DesiredRouteTables; expected a table that "routectl status" lists',
    );
  });
});

describe('routectl history', () => {
  const told = async (id: string, options: { since?: string; actor?: string; json?: boolean } = {}) => {
    const { terminal, printed, noted } = recorder();
    const code = await history(id, { ...names, ...options }, terminal);
    return { code, text: printed.join('\n'), noted };
  };
  const healed = 'rtb-06a1b2c3d4e5f6076';

  it('shows who changed what, when, and how long it lasted, newest first', async () => {
    const { code, text } = await told(healed);
    expect(code).toBe(0);
    expect(text).toMatch(/2026-11-23 \d\d:\d\d:\d\d +deploy-pipeline\/run-4711 +1 s +replace 0\.0\.0\.0\/0 .* done/);
    const times = [...text.matchAll(/^ {2}(2026\S+ \S+)/gm)].map(([, time]) => time);
    expect(times).toEqual(times.toSorted((one = '', other = '') => (one < other ? 1 : -1)));
    expect(text).toMatch(/call ReplaceRoute 0\.0\.0\.0\/0 to igw-/);
  });

  it('shows only what an actor caused', async () => {
    const { text } = await told(healed, { actor: 'deploy-pipeline' });
    expect(text.split('\n').every((line) => line.includes('deploy-pipeline'))).toBe(true);
  });

  it('blames nobody for a change that only the item asks for', () => {
    const change = { action: 'create', destination: '10.20.0.0/16', to: 'pcx-aaaaaaaa', result: 'done' } as const;
    const run = {
      routeTableId: healed,
      id: 'run-1',
      trigger: { kind: 'event' },
      plan: {
        routeTableId: healed,
        inSync: false,
        planId: 'plan-1',
        changes: [],
        unchanged: 0,
        leftAlone: [],
        findings: [],
      },
      outcome: [change, { ...change, destination: '10.21.0.0/16', actor: 'unattributed' }],
      detectedAt: '2026-11-23T12:00:00.000Z',
    } as const;
    expect(timeline([run], [])).toMatchObject([{ who: ['the item asks for it', 'not reported by any event'] }]);
  });

  it('says so if nothing is recorded', async () => {
    const { code, text, noted } = await told(healed, { actor: 'nobody at all' });
    expect({ code, text }).toEqual({ code: 0, text: '' });
    expect(noted).toEqual(['nothing is recorded: no drift, change, failure or reported call']);
  });

  it('refuses a time that it cannot read', async () => {
    await expect(told(healed, { since: 'yesterday' })).rejects.toThrow('--since yesterday: expected a time such as 2h');
  });
});
