import { describe, expect, it } from 'vitest';
import { type Blocked, permitted } from '../../../../reconciler/core/plan/guard.ts';
import type { Approval } from '../../../../reconciler/core/desired/orders.ts';
import type { DesiredTable } from '../../../../reconciler/core/desired/desired.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import { desiredHash, policyHash } from '../../../../reconciler/core/desired/hashes.ts';
import type { Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import {
  actual,
  approving,
  desired,
  memory,
  minutesAfter,
  now,
  route,
  table,
  throughInstance,
} from '../../../support/builders.ts';

type Given = Parameters<typeof desired>;

const pcx = (destination: string, target = 'pcx-aaaaaaaa') => actual(route(destination, target));
const many = (count: number, second = 20) => Array.from({ length: count }, (_, n) => `10.${second}.${n}.0/24`);
const listing = (destinations: readonly string[]) =>
  Object.fromEntries(destinations.map((destination) => [destination, 'pcx-aaaaaaaa']));

/** What is held back when these are there and the item lists those. */
const blockedOf = (
  item: Given,
  there: readonly string[],
  remembered?: Memory,
): Pick<Blocked, 'code' | 'deletes'> | undefined => {
  const { blocked } = plan(desired(...item), table(there.map((destination) => pcx(destination))), {
    now,
    ...(remembered && { memory: remembered }),
  });
  return blocked && { code: blocked.code, deletes: blocked.deletes };
};

/** What is remembered of a table that was in sync under the policy of this item. */
const clean = (...item: Given) => ({ cleanPolicy: policyHash(desired(...item), now) });

const owning = (...destinations: readonly string[]): Record<string, Remembered> =>
  Object.fromEntries(destinations.map((destination) => [destination, { listed: true, ours: 'pcx-aaaaaaaa' }]));

describe('maxDeletes', () => {
  it.each([
    ['lets as many deletes go as it says', 3, 3, undefined],
    ['holds all deletes back where there is one more', 2, 3, 'too-many-deletes'],
    ['of 0 holds back every delete', 0, 1, 'too-many-deletes'],
    ['may be larger than the default', 40, 40, undefined],
  ])('%s', (_, maxDeletes, count, code) => {
    const there = many(count);
    expect(blockedOf([{}, { maxDeletes }], there)).toEqual(code && { code, deletes: there });
  });

  it.each([
    ['1 of 1 route', 0, 1, false],
    ['2 of 2 routes', 0, 2, true],
    ['1 of 3 routes', 2, 1, false],
    ['2 of 3 routes', 1, 2, true],
    ['2 of 4 routes', 2, 2, false],
    ['3 of 5 routes', 2, 3, true],
    ['10 of 20 routes', 10, 10, false],
    ['11 of 100 routes', 89, 11, true],
  ])('is by default the smaller of 10 and half of the routes that are ours, at least 1: %s', (_, kept, gone, held) => {
    const keep = many(kept, 30);
    const blocked = blockedOf([listing(keep)], [...keep, ...many(gone)]);
    expect(blocked?.code).toBe(held ? 'too-many-deletes' : undefined);
  });

  it('counts replaced routes as ours, and neither what is created nor what others have', () => {
    const replaced = plan(
      desired(listing(many(2, 30))),
      table([...many(2, 30).map((text) => pcx(text, 'pcx-bbbbbbbb')), ...many(2).map((text) => pcx(text))]),
      { now },
    );
    expect(replaced.blocked).toBeUndefined();
    const created = plan(desired(listing(many(9, 30))), table(many(2).map((text) => pcx(text))), { now });
    expect(created.blocked).toMatchObject({ code: 'too-many-deletes' });
    const others = many(9, 40).map((text) => actual(route(text, 'vgw-aaaaaaaa'), { origin: 'propagated' }));
    const beside = plan(desired({}), table([...others, ...many(2).map((text) => pcx(text))]), { now });
    expect(beside.blocked).toMatchObject({ code: 'too-many-deletes' });
  });

  it('does not count a listed route as ours that another account was seen to hold', () => {
    const item: Given = [{ '10.30.0.0/24': 'pcx-aaaaaaaa', '10.31.0.0/24': 'pcx-bbbbbbbb' }];
    const there = ['10.30.0.0/24', '10.31.0.0/24', ...many(2)];
    const ours = owning(...many(2));
    expect(blockedOf(item, there, memory(ours, clean(...item)))).toBeUndefined();
    const foreign = memory({ ...ours, '10.31.0.0/24': { foreign: true } }, clean(...item));
    expect(blockedOf(item, there, foreign)).toEqual({ code: 'too-many-deletes', deletes: many(2) });
  });

  it('holds also against deletes that are earned', () => {
    const item: Given = [{}, { maxDeletes: 1 }];
    expect(blockedOf(item, many(2), memory({}, clean(...item)))).toEqual({
      code: 'too-many-deletes',
      deletes: many(2),
    });
  });

  it('is all that holds deletes back where nothing is remembered', () => {
    expect(blockedOf([{}], ['0.0.0.0/0'])).toBeUndefined();
  });
});

describe('a delete', () => {
  it('waits on a first reconcile, or with the memory lost', () => {
    expect(blockedOf([{}], ['10.20.0.0/16'], memory())).toEqual({ code: 'first-deletes', deletes: ['10.20.0.0/16'] });
  });

  it('goes where the route appeared while the table was in sync under this policy', () => {
    expect(blockedOf([{}], ['10.20.0.0/16'], memory({}, clean({})))).toBeUndefined();
  });

  it.each<[string, Given]>([
    ['observed', [{}, { mode: 'observe' }]],
    ['paused', [{}, { paused: { reason: 'maintenance' } }]],
    ['kept what is not listed', [{}, { unlisted: 'keep' }]],
    ['had another scope', [{}, { scope: ['10.0.0.0/16'] }]],
    ['ignored some routes', [{}, { ignore: [{ target: 'eni-*', reason: 'x' }] }]],
  ])('waits where the policy under which the table was in sync %s', (_, before) => {
    expect(blockedOf([{}], ['10.20.0.0/16'], memory({}, clean(...before)))).toMatchObject({ code: 'first-deletes' });
  });

  it('waits where an ignore entry has ended since', () => {
    const item: Given = [{}, { ignore: [{ target: 'pcx-*', reason: 'x', until: minutesAfter(-1).toISOString() }] }];
    const before = { cleanPolicy: policyHash(desired(...item), minutesAfter(-2)) };
    expect(blockedOf(item, ['10.20.0.0/16'], memory({}, before))).toMatchObject({ code: 'first-deletes' });
  });

  it('waits where the route was left alone while the table was in sync: it did not appear since', () => {
    const spared = memory({ '10.20.0.0/16': { spared: true } }, clean({}));
    expect(blockedOf([{}, { maxDeletes: 9 }], ['10.20.0.0/16', '10.21.0.0/16'], spared)).toEqual({
      code: 'first-deletes',
      deletes: ['10.20.0.0/16'],
    });
  });

  it('goes where an edit removed the route, whatever the policy was', () => {
    expect(blockedOf([{}], ['10.20.0.0/16'], memory(owning('10.20.0.0/16')))).toBeUndefined();
  });

  it('goes for an owned instance that is shown as its interface', () => {
    const found = table([throughInstance('10.20.0.0/16')]);
    const ours = memory({ '10.20.0.0/16': { ours: 'i-aaaaaaaa' } });
    expect(plan(desired({}), found, { now, memory: ours }).blocked).toBeUndefined();
  });

  it('waits where the removed route has another target by now', () => {
    const ours = memory({ '10.20.0.0/16': { ours: 'pcx-bbbbbbbb' } });
    expect(blockedOf([{}], ['10.20.0.0/16'], ours)).toMatchObject({ code: 'first-deletes' });
  });

  it('does not wait for others that do', () => {
    const ours = memory(owning('10.20.0.0/16'));
    expect(blockedOf([{}, { maxDeletes: 9 }], ['10.20.0.0/16', '10.21.0.0/16'], ours)).toEqual({
      code: 'first-deletes',
      deletes: ['10.21.0.0/16'],
    });
  });
});

describe.each(['0.0.0.0/0', '::/0'])('a delete of the default route %s', (everything) => {
  it('goes where it appeared while the table was in sync', () => {
    expect(blockedOf([{}], [everything], memory({}, clean({})))).toBeUndefined();
  });

  it('waits where an edit removed it', () => {
    for (const more of [clean({}), {}])
      expect(blockedOf([{}], [everything], memory(owning(everything), more))).toEqual({
        code: 'default-route',
        deletes: [everything],
      });
  });

  it('waits where an edit removed it while something else was in its place', () => {
    const remembered = memory({ [everything]: { listed: true } }, clean({}));
    expect(blockedOf([{}], [everything], remembered)).toEqual({ code: 'default-route', deletes: [everything] });
  });

  it('waits on a first reconcile', () => {
    expect(blockedOf([{}], [everything], memory())).toEqual({ code: 'first-deletes', deletes: [everything] });
  });

  it('waits where it was left alone while the table was in sync', () => {
    const spared = memory({ [everything]: { spared: true } }, clean({}));
    expect(blockedOf([{}], [everything], spared)).toEqual({ code: 'first-deletes', deletes: [everything] });
  });

  it('is told by the code of the others where they wait too', () => {
    expect(blockedOf([{}, { maxDeletes: 9 }], [everything, 'pl-aaaaaaaa'], memory(owning(everything)))).toEqual({
      code: 'first-deletes',
      deletes: [everything, 'pl-aaaaaaaa'],
    });
  });
});

describe('an approval', () => {
  const there = ['10.20.0.0/16', '10.21.0.0/16'];
  const given: Given = [{}, { maxDeletes: 9 }];
  const named = listing(there);
  const blockedUnder = (
    under: DesiredTable,
    destinations: readonly string[],
    remembered = memory(),
  ): readonly string[] =>
    plan(under, table(destinations.map((destination) => pcx(destination))), { now, memory: remembered }).blocked
      ?.deletes ?? [];

  it('lets each of its routes go, whatever else waits', () => {
    const item = desired(...given);
    expect(blockedUnder(approving(item, named), there)).toEqual([]);
    expect(blockedUnder(approving(item, named), there.slice(1))).toEqual([]);
    expect(blockedUnder(approving(item, named), [...there, '10.22.0.0/16'])).toEqual(['10.22.0.0/16']);
  });

  it('covers deletes that do not count towards maxDeletes', () => {
    const item = desired({}, { maxDeletes: 1 });
    const earned = memory(owning('10.22.0.0/16', '10.23.0.0/16'));
    expect(blockedUnder(approving(item, named), [...there, '10.22.0.0/16'], earned)).toEqual([]);
    expect(blockedUnder(approving(item, named), [...there, '10.22.0.0/16', '10.23.0.0/16'], earned)).toEqual([
      '10.22.0.0/16',
      '10.23.0.0/16',
    ]);
  });

  it('covers the delete of a default route', () => {
    const item = approving(desired(...given), { '0.0.0.0/0': 'pcx-aaaaaaaa' });
    expect(blockedUnder(item, ['0.0.0.0/0'], memory(owning('0.0.0.0/0')))).toEqual([]);
  });

  it('covers a route by either name of its target', () => {
    const item = approving(desired(...given), { '10.20.0.0/16': 'i-aaaaaaaa' });
    const found = table([throughInstance('10.20.0.0/16')]);
    expect(plan(item, found, { now, memory: memory() }).blocked).toBeUndefined();
  });

  it('holds where nothing is remembered, as in routectl reconcile', () => {
    const item = approving(desired({}, { maxDeletes: 0 }), named);
    expect(plan(item, table(there.map((text) => pcx(text))), { now }).blocked).toBeUndefined();
  });

  it.each<[string, Partial<Approval>]>([
    ['for other targets', { routes: there.map((destination) => ({ destination, target: 'pcx-bbbbbbbb' })) }],
    ['for other destinations', { routes: [{ destination: '10.0.0.0/8', target: 'pcx-aaaaaaaa' }] }],
    ['for nothing', { routes: [] }],
    ['that has ended', { until: now }],
    ['of an item that was edited since', { desiredHash: desiredHash(desired({}, { maxDeletes: 8 })) }],
  ])('%s lets nothing go', (_, more) => {
    expect(blockedUnder(approving(desired(...given), named, more), there)).toEqual(there);
  });

  it('lets nothing go of which it is remembered as spent, and all where another one is remembered', () => {
    const item = approving(desired(...given), named);
    const left = {
      at: now.toISOString(),
      by: 'alice',
      routes: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }],
    };
    expect(blockedUnder(item, there, memory({}, { approval: left }))).toEqual(['10.21.0.0/16']);
    expect(blockedUnder(item, there, memory({}, { approval: { ...left, by: 'bob' } }))).toEqual([]);
    expect(
      blockedUnder(item, there, memory({}, { approval: { ...left, at: minutesAfter(-1).toISOString() } })),
    ).toEqual([]);
  });
});

describe('permitted', () => {
  it('holds back the blocked deletes alone: replaces, creates and other deletes go on', () => {
    const found = table([pcx('10.20.0.0/16', 'pcx-bbbbbbbb'), pcx('10.21.0.0/16'), pcx('10.22.0.0/16')]);
    const given = desired({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.23.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 9 });
    const planned = plan(given, found, { now, memory: memory(owning('10.22.0.0/16')) });
    expect(planned.blocked?.deletes).toEqual(['10.21.0.0/16']);
    expect(permitted(planned)).toEqual(
      planned.changes.filter(
        (change) =>
          !(change.action === 'delete' && 'cidr' in change.destination && change.destination.cidr === '10.21.0.0/16'),
      ),
    );
    expect(permitted(planned)).toHaveLength(3);
  });

  it('holds back no replace and no create, wherever it goes', () => {
    const at = route('10.20.0.0/16', 'pcx-aaaaaaaa');
    const changes = [
      { action: 'replace', destination: at.destination, from: pcx('10.20.0.0/16', 'pcx-bbbbbbbb'), to: at.target },
      { action: 'create', destination: at.destination, to: at.target },
    ] as const;
    const blocked = { code: 'first-deletes', message: '', deletes: ['10.20.0.0/16'] } as const;
    expect(permitted({ changes, blocked })).toEqual(changes);
  });

  it('is everything where nothing is blocked', () => {
    const planned = plan(desired({}), table([pcx('10.20.0.0/16')]), { now });
    expect(permitted(planned)).toEqual(planned.changes);
  });
});
