import { describe, expect, it } from 'vitest';
import { columns, stacked } from '../../cli/layout.ts';
import { printable } from '../../cli/printable.ts';
import { planText, reconciledText, refusedText, summaryText } from '../../cli/output.ts';
import { plan, planForMissingTable } from '../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../reconciler/core/route/route.ts';
import { actual, desired, local, now, propagated, route, routeTableId, table } from '../support/builders.ts';

const plain = { paint: (_: unknown, text: string): string => text };

const planned = (listed: Parameters<typeof desired>, routes: readonly ActualRoute[]) => {
  const wanted = desired(...listed);
  const seen = table(routes);
  return { desired: wanted, actual: seen, now, plan: plan(wanted, seen, { now }) };
};

describe('planText', () => {
  it('shows a table in sync in one line', () => {
    const text = planText(
      planned([{ '0.0.0.0/0': 'igw-aaaaaaaa' }], [local('10.0.0.0/16'), actual(route('0.0.0.0/0', 'igw-aaaaaaaa'))]),
      plain,
    );
    expect(text).toBe(`✓ ${routeTableId}  vpc-aaaaaaaa  in sync: 1 as desired, 1 left alone`);
  });

  it('shows changes in the order of apply, then findings, then routes left alone', () => {
    const routes = [
      local('10.0.0.0/16'),
      ...[1, 2, 3, 4, 5].map((n) => propagated(`192.168.${n}.0/24`)),
      actual(route('10.20.0.0/16', 'pcx-aaaaaaaa')),
      actual(route('10.99.0.0/16', 'igw-aaaaaaaa')),
    ];
    const listed = { '10.20.0.0/16': 'pcx-bbbbbbbb', '10.21.0.0/16': 'pcx-bbbbbbbb', '192.168.1.7/24': 'pcx-bbbbbbbb' };
    expect(planText(planned([listed], routes), plain)).toBe(
      `
● ${routeTableId}  vpc-aaaaaaaa  out of sync: 4 changes, 0 as desired, 6 left alone

  ~ replace  10.20.0.0/16    pcx-aaaaaaaa → pcx-bbbbbbbb
  - delete   10.99.0.0/16    igw-aaaaaaaa
  + create   10.21.0.0/16    pcx-bbbbbbbb
  + create   192.168.1.0/24  pcx-bbbbbbbb

  !  192.168.1.7/24 has host bits set; it is read as 192.168.1.0/24, as EC2 would store it [host-bits]
  !  192.168.1.0/24 is also propagated by vgw-aaaaaaaa: the listed static route wins over it [shadows-propagated]

  left alone  local       10.0.0.0/16
              propagated  192.168.1.0/24 → vgw-aaaaaaaa, 192.168.2.0/24 → vgw-aaaaaaaa, 192.168.3.0/24 → vgw-aaaaaaaa, 2 more
`.trim(),
    );
  });

  it('marks the deletes that are held back, and says how to allow them', () => {
    const routes = [1, 2].map((n) => actual(route(`10.${n}.0.0/16`, 'igw-aaaaaaaa')));
    const text = planText(planned([{}, { maxDeletes: 1 }], routes), plain);
    expect(text).toContain('blocked: 2 changes, 2 held back, 0 as desired');
    expect(text).toContain('  - delete  10.1.0.0/16  igw-aaaaaaaa  held back\n');
    expect(text).toMatch(/--approve [0-9a-f]{12},.*\[too-many-deletes\]/);
  });

  it('says why a route that is as listed is replaced', () => {
    const wanted = desired({ '10.20.0.0/16': ['nat-aaaaaaaa', 'nat-bbbbbbbb'] });
    const seen = table([actual(route('10.20.0.0/16', 'nat-aaaaaaaa'), { state: 'blackhole' })]);
    const health = new Map([['nat-bbbbbbbb', 'alive' as const]]);
    const text = planText({ desired: wanted, actual: seen, now, plan: plan(wanted, seen, { now, health }) }, plain);
    expect(text).toContain('  ~ replace  10.20.0.0/16  nat-aaaaaaaa → nat-bbbbbbbb  its target is down\n');
  });

  it('names the creates that a delete waits for', () => {
    const text = planText(
      planned(
        [{ '192.168.0.0/17': 'pcx-aaaaaaaa', '192.168.128.0/17': 'pcx-aaaaaaaa' }],
        [actual(route('192.168.0.0/16', 'pcx-aaaaaaaa'))],
      ),
      plain,
    );
    expect(text).toContain('  - delete  192.168.0.0/16    pcx-aaaaaaaa  after 192.168.0.0/17, 192.168.128.0/17\n');
    expect(text).not.toContain('coverage-gap');
  });

  it.each([
    ['only observed', { mode: 'observe' }],
    ['paused', { paused: { reason: 'maintenance' } }],
  ])('says when a table is %s', (words, fields) => {
    expect(planText(planned([{}, fields], []), plain)).toContain(`, ${words}`);
  });

  it('says that a table does not exist', () => {
    const wanted = desired();
    const text = planText({ desired: wanted, now, plan: planForMissingTable(wanted) }, plain);
    expect(text).toContain(`✗ ${routeTableId}  missing\n`);
    expect(text).toContain('[table-not-found]');
  });

  it('colours changes by action', () => {
    const marked = { paint: (format: unknown, text: string): string => `<${String(format)}>${text}</>` };
    const text = planText(
      planned([{ '10.1.0.0/16': 'pcx-bbbbbbbb' }], [actual(route('10.1.0.0/16', 'pcx-aaaaaaaa'))]),
      marked,
    );
    expect(text).toContain('<yellow>~ replace</>  10.1.0.0/16  pcx-aaaaaaaa <dim>→</> pcx-bbbbbbbb');
  });
});

describe('refusedText', () => {
  it('shows each problem beside its place', () => {
    const place = { file: 'a.yaml', column: 1 };
    const problems = [
      { path: 'mode', found: 'x', message: 'expected enforce or observe', ...place, line: 3 },
      { path: 'routes[0].target', found: 'y', message: 'expected an id', ...place, line: 12 },
    ];
    expect(refusedText({ ok: false, routeTableId, problems }, plain)).toBe(
      `
✗ ${routeTableId}  invalid: 2 problems

  a.yaml:3:1   mode              expected enforce or observe; found x
  a.yaml:12:1  routes[0].target  expected an id; found y
`.trim(),
    );
  });
});

describe('reconciledText', () => {
  const before = planned([{ '10.1.0.0/16': 'pcx-bbbbbbbb' }], []);

  it('counts the changes made', () => {
    const done = { action: 'create', destination: '10.1.0.0/16', to: 'pcx-bbbbbbbb', result: 'done' } as const;
    expect(reconciledText({ ...before, left: before.plan, outcome: [done, done], verified: true }, plain)).toBe(
      `✓ ${routeTableId}  2 created; verified`,
    );
  });

  it('lists each rejected change, with the answer and the remedy', () => {
    const refused = {
      action: 'create',
      destination: '10.1.0.0/16',
      to: 'pcx-bbbbbbbb',
      result: 'refused',
      code: 'RouteLimitExceeded',
      message: 'Too many.',
      remedy: 'list fewer routes',
    } as const;
    expect(reconciledText({ ...before, left: before.plan, outcome: [refused], verified: false }, plain)).toBe(
      `
✗ ${routeTableId}  1 refused; not verified

  refused  create 10.1.0.0/16 to pcx-bbbbbbbb  RouteLimitExceeded: Too many.; list fewer routes
`.trim(),
    );
  });
});

describe('summaryText', () => {
  it('counts tables by state, and changes by action', () => {
    expect(summaryText(['in sync', 'blocked', 'in sync'], ['create', 'delete', 'create'])).toBe(
      '3 tables: 2 in sync, 1 blocked; 2 create, 1 delete',
    );
    expect(summaryText(['invalid'])).toBe('1 table: 1 invalid');
  });
});

describe('columns', () => {
  it('aligns by visible characters, not by colour codes', () => {
    expect(
      columns([
        ['\u001B[31mred\u001B[39m', 'a'],
        ['yellow', 'b'],
      ]),
    ).toEqual(['  \u001B[31mred\u001B[39m     a', '  yellow  b']);
  });

  it('wraps only the last column, and never truncates an id', () => {
    const arn = `arn:aws:networkmanager::111122223333:core-network/core-network-${'0'.repeat(17)}`;
    const lines = columns([['!', `one two three four five six seven eight nine ten eleven ${arn} end`]], 60);
    expect(lines.every((line) => line.length <= Math.max(60, arn.length + 5))).toBe(true);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join('\n')).toContain(arn);
  });

  it('is empty without rows', () => {
    expect(columns([])).toEqual([]);
  });
});

describe('stacked', () => {
  it('keeps single lines together and surrounds longer texts with empty lines', () => {
    expect(stacked(['a', 'b', 'c\nd', 'e', 'f'])).toBe('a\nb\n\nc\nd\n\ne\nf');
  });
});

describe('printable', () => {
  it('escapes control and invisible characters', () => {
    expect(printable('a\u001B[2J\n\u202Eb')).toBe('a\\u{1b}[2J\\u{a}\\u{202e}b');
  });
});
