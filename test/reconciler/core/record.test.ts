import { describe, expect, it } from 'vitest';
import type { DesiredTable } from '../../../reconciler/core/desired.ts';
import { plan } from '../../../reconciler/core/plan.ts';
import { desiredHash, policyHash } from '../../../reconciler/core/hashes.ts';
import { type TableRecord, type Written, emptyRecord, nextRecord } from '../../../reconciler/core/record.ts';
import { isEnforced, underOrders } from '../../../reconciler/core/enforcement.ts';
import { noOrders } from '../../../reconciler/core/orders.ts';
import type { ActualRoute, ActualTable } from '../../../reconciler/core/route.ts';
import {
  actual,
  approving,
  desired,
  local,
  minutesAfter,
  now,
  otherOwnerId,
  propagated,
  record,
  route,
  table,
  throughInstance,
} from '../../support/builders.ts';
import { remembered as rememberedOf } from '../../../reconciler/core/status.ts';
import { type Reconciled, reconciled } from './model.ts';

type Given = Parameters<typeof desired>;

const pcx = (destination: string, target = 'pcx-aaaaaaaa') => actual(route(destination, target));
const listed: Given = [{ '10.20.0.0/16': 'pcx-aaaaaaaa' }];
const inAnHour = minutesAfter(60).toISOString();

/** What is remembered after one read. */
const remembered = (
  item: Given,
  routes: readonly ActualRoute[],
  before: Partial<TableRecord> = {},
  written: readonly Written[] = [],
): TableRecord => {
  const [given, found, previous] = [desired(...item), table(routes), record(before)];
  return nextRecord(
    previous,
    { desired: given, actual: found, plan: plan(given, found, { now, record: previous }), now },
    written,
  );
};

const owned = (item: Given, routes: readonly ActualRoute[], before?: TableRecord['owned'], written?: Written[]) =>
  Object.fromEntries(remembered(item, routes, before && { owned: before }, written).owned);

/** One reconcile after another; each step may edit the item, change the table, or let time pass. */
class Story {
  #desired: DesiredTable;
  #actual: ActualTable;
  #record: TableRecord = record();
  #now = now;

  constructor(item: Given, routes: readonly ActualRoute[]) {
    this.#desired = desired(...item);
    this.#actual = table(routes);
  }

  edit(...item: Given): this {
    this.#desired = desired(...item);
    return this;
  }

  approve(routes: Readonly<Record<string, string>>): this {
    this.#desired = approving(this.#desired, routes, {
      at: this.#now.toISOString(),
      until: minutesAfter(24 * 60, this.#now),
    });
    return this;
  }

  drift(change: (routes: readonly ActualRoute[]) => readonly ActualRoute[]): this {
    this.#actual = { ...this.#actual, routes: change(this.#actual.routes) };
    return this;
  }

  tagged(tags: Record<string, string>): this {
    this.#actual = { ...this.#actual, tags };
    return this;
  }

  later(minutes: number): this {
    this.#now = minutesAfter(minutes, this.#now);
    return this;
  }

  reconcile(): Reconciled {
    const result = reconciled({ desired: this.#desired, actual: this.#actual, now: this.#now, record: this.#record });
    this.#actual = result.actual;
    this.#record = result.record;
    return result;
  }

  /** Reconciles, and says what is held back and what the table has by then. */
  get outcome(): { blocked: string | undefined; routes: string[] } {
    const { plan, actual } = this.reconcile();
    return { blocked: plan.blocked?.code, routes: actual.routes.map(({ spelling }) => spelling).toSorted() };
  }
}

const added =
  (...more: readonly ActualRoute[]) =>
  (routes: readonly ActualRoute[]): readonly ActualRoute[] => [...routes, ...more];

const replacing = (from: ActualRoute, target: string): Written[] => {
  const { destination, target: to } = route('10.0.0.0/16', target);
  return [{ change: { action: 'replace', destination, from, to }, isCertain: true }];
};

const seen = (item: Given, routes: readonly ActualRoute[], ...before: string[]) => [
  ...remembered(item, routes, { foreign: new Set(before) }).foreign,
];

const policyOf = (fields: Given[1], at = now, routes: Given[0] = {}) => policyHash(desired(routes, fields), at);

describe('the table is remembered as clean', () => {
  it.each<[string, Given, readonly ActualRoute[], boolean]>([
    ['once seen in sync', listed, [pcx('10.20.0.0/16')], true],
    ['not while something is to be done', listed, [], false],
    ['not while a listed destination is held by others', listed, [local('10.20.0.0/16')], false],
    ['not while it is only observed', [{}, { mode: 'observe' }], [], false],
    ['not while it is paused', [{}, { paused: { reason: 'x' } }], [], false],
    ['once the pause has ended', [{}, { paused: { reason: 'x', until: now.toISOString() } }], [], true],
  ])('%s', (_, item, routes, clean) => {
    expect(remembered(item, routes).cleanPolicy).toBe(clean ? policyHash(desired(...item), now) : undefined);
  });

  it('goes on while drift is repaired under the same policy', () => {
    const cleanPolicy = policyHash(desired(...listed), now);
    expect(remembered(listed, [], { cleanPolicy }).cleanPolicy).toBe(cleanPolicy);
    expect(remembered(listed, [pcx('10.20.0.0/16'), pcx('10.99.0.0/16')], { cleanPolicy }).cleanPolicy).toBe(
      cleanPolicy,
    );
  });

  it('ends when a delete is held back', () => {
    const cleanPolicy = policyHash(desired({}, { maxDeletes: 0 }), now);
    expect(remembered([{}, { maxDeletes: 0 }], [pcx('10.99.0.0/16')], { cleanPolicy }).cleanPolicy).toBeUndefined();
  });

  it('ends with the policy, unless the table is in sync under the new one', () => {
    const cleanPolicy = policyHash(desired(), now);
    const other: Given = [listed[0], { unlisted: 'keep' }];
    expect(remembered(other, [], { cleanPolicy }).cleanPolicy).toBeUndefined();
    expect(remembered(other, [pcx('10.20.0.0/16')], { cleanPolicy }).cleanPolicy).toBe(
      policyHash(desired(...other), now),
    );
  });
});

describe('isEnforced', () => {
  it.each<[string, Given, boolean]>([
    ['by default', [{}], true],
    ['in observe mode', [{}, { mode: 'observe' }], false],
    ['under a pause without end', [{}, { paused: { reason: 'x' } }], false],
    ['under a pause to come to its end', [{}, { paused: { reason: 'x', until: inAnHour } }], false],
    ['after a pause', [{}, { paused: { reason: 'x', until: now.toISOString() } }], true],
    [
      'in observe mode after a pause',
      [{}, { mode: 'observe', paused: { reason: 'x', until: now.toISOString() } }],
      false,
    ],
  ])('%s', (_, item, expected) => {
    expect(isEnforced(desired(...item), now)).toBe(expected);
  });
});

describe('a route is ours', () => {
  const ours = { '10.20.0.0/16': { target: 'pcx-aaaaaaaa' } };
  const before = new Map(Object.entries(ours));
  const { destination, target: to } = route('10.20.0.0/16', 'pcx-aaaaaaaa');
  const change = { action: 'create', destination, to } as const;
  const written: Written[] = [{ change, isCertain: true }];

  it('once it is listed and as desired, under the name that the item gives its target', () => {
    expect(owned(listed, [pcx('10.20.0.0/16')])).toEqual(ours);
    expect(owned([{ '10.20.0.0/16': 'i-aaaaaaaa' }], [throughInstance('10.20.0.0/16')])).toEqual({
      '10.20.0.0/16': { target: 'i-aaaaaaaa' },
    });
  });

  it('once we wrote it', () => {
    expect(owned(listed, [], undefined, written)).toEqual(ours);
    expect(owned(listed, [], undefined, [{ change, isCertain: false }])).toEqual({});
    expect(owned(listed, [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')], undefined, written)).toEqual(ours);
  });

  it('not while it is only listed, only there, local, or propagated', () => {
    expect(owned(listed, [])).toEqual({});
    expect(owned(listed, [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')])).toEqual({});
    expect(owned([{}], [pcx('10.20.0.0/16')])).toEqual({});
    expect(owned([{ '10.20.0.0/16': 'local' }], [local('10.20.0.0/16')])).toEqual({});
    expect(owned([{ '10.20.0.0/16': 'vgw-aaaaaaaa' }], [propagated('10.20.0.0/16')])).toEqual({});
  });

  it('while it is listed, also when somebody retargets it', () => {
    expect(owned(listed, [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')], before)).toEqual(ours);
  });

  it('after it left the item, while it stays as it was', () => {
    expect(owned([{}], [pcx('10.20.0.0/16')], before)).toEqual(ours);
    const asInstance = new Map([['10.20.0.0/16', { target: 'i-aaaaaaaa' }]]);
    expect(owned([{}], [throughInstance('10.20.0.0/16')], asInstance)).toEqual(Object.fromEntries(asInstance));
  });

  it('no more once it is gone, or after it left the item has another target', () => {
    expect(owned(listed, [], before)).toEqual({});
    expect(owned([{}], [], before)).toEqual({});
    expect(owned([{}], [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')], before)).toEqual({});
    expect(owned([{}], [propagated('10.20.0.0/16', 'vgw-aaaaaaaa')], before)).toEqual({});
  });

  it('no more once the item leaves it to others', () => {
    expect(
      owned([{}, { ignore: [{ target: 'pcx-*', reason: 'x', until: inAnHour }] }], [pcx('10.20.0.0/16')], before),
    ).toEqual({});
    expect(owned([{}, { scope: ['10.0.0.0/16'] }], [pcx('10.20.0.0/16')], before)).toEqual({});
  });

  it('still, while it is suspended', () => {
    const suspended: Given = [listed[0], { ignore: [{ destination: '10.20.0.0/16', reason: 'x', until: inAnHour }] }];
    expect(owned(suspended, [pcx('10.20.0.0/16', 'eni-aaaaaaaa')], before)).toEqual(ours);
  });
});

describe('an override of a local route is remembered as such', () => {
  const item: Given = [{}, { routes: [{ destination: '10.0.0.0/16', target: 'nat-aaaaaaaa', overrideLocal: true }] }];
  const override = actual(route('10.0.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' });
  const asOverride = { '10.0.0.0/16': { target: 'nat-aaaaaaaa', overrodeLocal: true as const } };
  const before = new Map(Object.entries(asOverride));

  it('when we wrote it, and when it is seen as desired', () => {
    expect(owned(item, [local('10.0.0.0/16')], undefined, replacing(local('10.0.0.0/16'), 'nat-aaaaaaaa'))).toEqual(
      asOverride,
    );
    expect(owned(item, [override])).toEqual(asOverride);
  });

  it('for good, whatever origin EC2 shows after a replace', () => {
    const shown = { ...override, origin: 'created' as const };
    expect(owned(item, [shown], before)).toEqual(asOverride);
    expect(owned([{}], [shown], before)).toEqual(asOverride);
    const drifted = { ...shown, target: route('10.0.0.0/16', 'eni-aaaaaaaa').target };
    expect(owned(item, [drifted], before, replacing(drifted, 'nat-aaaaaaaa'))).toEqual(asOverride);
  });

  it('and an ordinary route is not', () => {
    expect(owned(listed, [pcx('10.20.0.0/16')])['10.20.0.0/16']).toEqual({ target: 'pcx-aaaaaaaa' });
  });

  it('no more once it is reset', () => {
    expect(owned([{ '10.0.0.0/16': 'local' }], [override], before, replacing(override, 'local'))).toEqual({});
    expect(owned([{}], [local('10.0.0.0/16')], before)).toEqual({});
  });

  it('so that it is reported, and never deleted, once it left the item', () => {
    const story = new Story(item, [local('10.0.0.0/16')]);
    story.reconcile();
    expect(story.reconcile().plan).toMatchObject({ inSync: true, unchanged: 1 });
    story.edit({});
    for (const origin of ['with-table', 'created'] as const) {
      story.drift((routes) => routes.map((route) => ({ ...route, origin })));
      expect(story.reconcile().plan).toMatchObject({
        inSync: false,
        changes: [],
        findings: [{ code: 'local-override-left', destination: '10.0.0.0/16', target: 'nat-aaaaaaaa' }],
      });
    }
    story.edit({ '10.0.0.0/16': 'local' });
    expect(story.reconcile().plan).toMatchObject({ changes: [{ action: 'replace', to: { kind: 'local' } }] });
    expect(story.edit({}).reconcile().plan).toMatchObject({ inSync: true, findings: [] });
  });
});

describe('a slot is remembered as foreign', () => {
  const foreign = throughInstance('10.20.0.0/16', { owner: otherOwnerId });
  it("once an interface in another account's hands is seen in it", () => {
    expect(seen([{}], [foreign])).toEqual(['10.20.0.0/16']);
    expect(
      seen([{}], [actual(route('10.20.0.0/16', 'eni-aaaaaaaa'), { instance: { ownerId: 'amazon-aws' } })]),
    ).toEqual(['10.20.0.0/16']);
    expect(seen([{}], [throughInstance('10.20.0.0/16')])).toEqual([]);
  });

  it('while it shows something else, and while it is empty', () => {
    expect(seen([{}], [actual(route('10.20.0.0/16', 'eni-aaaaaaaa'))], '10.20.0.0/16')).toEqual(['10.20.0.0/16']);
    expect(seen([{}], [], '10.20.0.0/16')).toEqual(['10.20.0.0/16']);
    expect(seen(listed, [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')], '10.20.0.0/16')).toEqual(['10.20.0.0/16']);
  });

  it('until the item lists it and it is as desired', () => {
    expect(seen(listed, [pcx('10.20.0.0/16')], '10.20.0.0/16', '10.21.0.0/16')).toEqual(['10.21.0.0/16']);
    expect(seen([{ '10.20.0.0/16': 'eni-aaaaaaaa' }], [foreign], '10.20.0.0/16')).toEqual([]);
  });

  it('not for an advertised route, which stands beside the slot', () => {
    const advertised = { ...foreign, origin: 'advertised' as const };
    expect(seen(listed, [pcx('10.20.0.0/16'), advertised])).toEqual([]);
    expect(seen(listed, [advertised, pcx('10.20.0.0/16')])).toEqual([]);
  });

  it('so that a service may move its interface without losing its route', () => {
    const story = new Story([{}], [foreign]);
    story.reconcile();
    const { instance: _, ...detached } = foreign;
    for (const shown of [detached, { ...detached, state: 'blackhole' as const }, throughInstance('10.20.0.0/16')]) {
      story.drift(() => [shown]);
      expect(story.reconcile().plan).toMatchObject({ changes: [], leftAlone: [{ reason: 'foreign-eni' }] });
    }
  });
});

describe('a static route is remembered as spared', () => {
  it('while it is left alone, for what it is or as the item says', () => {
    const routes = [
      local('10.0.0.0/16'),
      propagated('10.1.0.0/16'),
      actual(route('pl-aaaaaaaa', 'vpce-aaaaaaaa')),
      actual(route('10.2.0.0/16', 'eni-aaaaaaaa'), { state: 'blackhole' }),
      actual(route('10.3.0.0/16', 'pcx-aaaaaaaa'), { state: 'unknown' }),
      actual(route('10.4.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' }),
      actual(route('10.5.0.0/16', 'tgw-aaaaaaaa')),
      pcx('10.20.0.0/16'),
      pcx('10.99.0.0/16'),
    ];
    const item: Given = [listed[0], { ignore: [{ target: 'tgw-*', reason: 'x' }] }];
    expect([...remembered(item, routes).spared].toSorted()).toEqual([
      '10.0.0.0/16',
      '10.2.0.0/16',
      '10.3.0.0/16',
      '10.4.0.0/16',
      '10.5.0.0/16',
      'pl-aaaaaaaa',
    ]);
  });
});

describe('an approval', () => {
  const there = ['10.20.0.0/16', '10.21.0.0/16'].map((text) => pcx(text));
  const routes = ['10.20.0.0/16', '10.21.0.0/16'].map((destination) => ({ destination, target: 'pcx-aaaaaaaa' }));
  const item = desired({}, { maxDeletes: 9 });
  const under = approving(item, { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' });
  const id = { at: now.toISOString(), by: 'alice' };
  const after = (
    desired: DesiredTable,
    found: readonly ActualRoute[],
    before: Partial<TableRecord> = {},
    written: readonly Written[] = [],
  ) => {
    const actual = table(found);
    const previous = record(before);
    const planned = plan(desired, actual, { now, record: previous });
    return nextRecord(previous, { desired, actual, plan: planned, now }, written).approval;
  };

  it('is remembered with the routes that a read shows', () => {
    expect(after(under, there)).toEqual({ ...id, routes });
    expect(after(under, there.slice(1))).toEqual({ ...id, routes: routes.slice(1) });
    expect(after(under, [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')])).toEqual({ ...id, routes: [] });
  });

  it('is not renewed by a route that is made anew after a read did not show it', () => {
    expect(after(under, there, { approval: { ...id, routes: routes.slice(1) } })).toEqual({
      ...id,
      routes: routes.slice(1),
    });
  });

  it('is spent by a change that EC2 confirmed, and not by one whose answer was lost', () => {
    const { destination } = route('10.20.0.0/16', 'pcx-aaaaaaaa');
    const change = { action: 'delete', destination, from: pcx('10.20.0.0/16') } as const;
    const written = (isCertain: boolean): Written[] => [{ change, isCertain }];
    expect(after(under, there, {}, written(true))).toEqual({ ...id, routes: routes.slice(1) });
    expect(after(under, there, {}, written(false))).toEqual({ ...id, routes });
  });

  it('goes on while other deletes wait', () => {
    expect(after(under, [...there, pcx('10.22.0.0/16')])).toEqual({ ...id, routes });
  });

  it('is spent once a look sees another item, or that its time is over', () => {
    const edited = underOrders(desired({}, { maxDeletes: 8 }), under.orders ?? noOrders);
    expect(after(edited, there)).toEqual({ ...id, routes: [] });
    expect(after(approving(item, { '10.20.0.0/16': 'pcx-aaaaaaaa' }, { until: now }), there)).toEqual({
      ...id,
      routes: [],
    });
  });

  it('stays known when its row is gone, in case it comes back', () => {
    expect(after(item, there, { approval: { ...id, routes: [] } })).toEqual({ ...id, routes: [] });
  });

  it('gives way to a newer one', () => {
    const newer = approving(item, { '10.20.0.0/16': 'pcx-aaaaaaaa' }, { at: minutesAfter(1).toISOString() });
    expect(after(newer, there, { approval: { ...id, routes: [] } })).toEqual({
      at: minutesAfter(1).toISOString(),
      by: 'alice',
      routes: routes.slice(0, 1),
    });
  });

  it('counts as spent where nothing is remembered of the table', () => {
    expect(rememberedOf(undefined, under.orders ?? noOrders).approval).toEqual({ ...id, routes: [] });
    expect(rememberedOf(undefined, noOrders)).toEqual(emptyRecord);
  });
});

describe('desiredHash', () => {
  const base: Given = [{ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' }];
  const hash = desiredHash(desired(...base));

  it('is the same for one item, written in another order or spelling', () => {
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
    const reordered: Given = [{ '10.21.0.0/16': 'pcx-aaaaaaaa', '10.20.0.9/16': 'pcx-aaaaaaaa' }];
    expect(desiredHash(desired(...reordered))).toBe(hash);
  });

  it('differs with every other edit', () => {
    const edits: Given[] = [
      base,
      [{ '10.20.0.0/16': 'pcx-aaaaaaaa' }],
      [{ ...base[0], '10.21.0.0/16': 'pcx-bbbbbbbb' }],
      [{ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/17': 'pcx-aaaaaaaa' }],
      [base[0], { routeTableId: 'rtb-bbbbbbbb' }],
      [base[0], { mode: 'observe' }],
      [base[0], { unlisted: 'keep' }],
      [base[0], { scope: ['10.0.0.0/8'] }],
      [base[0], { ignore: [{ target: 'eni-*', reason: 'x' }] }],
      [base[0], { ignore: [{ target: 'eni-*', reason: 'x', until: inAnHour }] }],
      [base[0], { maxDeletes: 0 }],
      [base[0], { maxDeletes: 1 }],
      [base[0], { paused: { reason: 'x' } }],
      [base[0], { paused: { reason: 'x', until: inAnHour } }],
      [{}, { routes: [{ destination: '10.20.0.0/16', target: 'nat-aaaaaaaa' }] }],
      [{}, { routes: [{ destination: '10.20.0.0/16', target: 'nat-aaaaaaaa', overrideLocal: true }] }],
    ];
    expect(new Set(edits.map((edit) => desiredHash(desired(...edit)))).size).toBe(edits.length);
  });
});

describe('policyHash', () => {
  it('is the same whatever is listed, in whatever order, for whatever reason', () => {
    expect(policyOf({})).toMatch(/^[0-9a-f]{12}$/);
    expect(policyOf({ maxDeletes: 3 }, now, listed[0])).toBe(policyOf({}));
    expect(policyOf({ scope: ['10.0.0.0/8', '11.0.0.0/8'] })).toBe(policyOf({ scope: ['11.0.0.0/8', '10.0.0.0/8'] }));
    const [eni, nat] = [
      { target: 'eni-*', reason: 'x' },
      { target: 'nat-*', reason: 'x' },
    ];
    expect(policyOf({ ignore: [eni, nat] })).toBe(
      policyOf({ ignore: [nat, { ...eni, reason: 'y', until: inAnHour }] }),
    );
  });

  it('differs with mode, unlisted, scope, ignore and pause', () => {
    const policies: Given[1][] = [
      {},
      { mode: 'observe' },
      { unlisted: 'keep' },
      { scope: ['10.0.0.0/8'] },
      { scope: ['10.0.0.0/8', '11.0.0.0/8'] },
      { ignore: [{ target: 'eni-*', reason: 'x' }] },
      { ignore: [{ destination: '10.0.0.0/8', reason: 'x' }] },
      { ignore: [{ destination: '10.0.0.0/8', target: 'eni-*', reason: 'x' }] },
      { paused: { reason: 'x' } },
    ];
    expect(new Set(policies.map((policy) => policyOf(policy))).size).toBe(policies.length);
  });

  it('changes when an ignore entry ends by itself, as if it were not there', () => {
    const fields = { ignore: [{ target: 'eni-*', reason: 'x', until: inAnHour }] };
    expect(policyOf(fields, minutesAfter(59))).not.toBe(policyOf({}));
    expect(policyOf(fields, minutesAfter(60))).toBe(policyOf({}));
  });

  it('changes when a pause ends by itself, and remembers each by its end', () => {
    const paused = (until: Date) => ({ paused: { reason: 'x', until: until.toISOString() } });
    const policies = [
      policyOf({}),
      policyOf(paused(minutesAfter(60)), minutesAfter(59)),
      policyOf(paused(minutesAfter(60)), minutesAfter(60)),
      policyOf(paused(minutesAfter(50)), minutesAfter(60)),
    ];
    expect(new Set(policies).size).toBe(policies.length);
  });
});

describe('deletes are earned', () => {
  it('on a first reconcile nothing is deleted, what is listed is healed, and an approval opens the way', () => {
    const story = new Story(
      [listed[0], { maxDeletes: 5 }],
      [pcx('10.20.0.0/16', 'pcx-bbbbbbbb'), pcx('10.98.0.0/16'), pcx('10.99.0.0/16')],
    );
    const first = story.reconcile();
    expect(first.plan.blocked).toMatchObject({ code: 'first-deletes', deletes: ['10.98.0.0/16', '10.99.0.0/16'] });
    expect(first.actual.routes.map(({ target }) => target)).toContainEqual(route('::/0', 'pcx-aaaaaaaa').target);
    story.approve({ '10.98.0.0/16': 'pcx-aaaaaaaa', '10.99.0.0/16': 'pcx-aaaaaaaa' });
    expect(story.outcome).toEqual({ blocked: undefined, routes: ['10.20.0.0/16'] });
  });

  it('what appears while the table is in sync goes at once', () => {
    const story = new Story(listed, []);
    story.reconcile();
    story.reconcile();
    story.drift(added(pcx('10.99.0.0/16')));
    expect(story.outcome).toEqual({ blocked: undefined, routes: ['10.20.0.0/16'] });
    story.drift(added(pcx('0.0.0.0/0')));
    expect(story.outcome).toEqual({ blocked: undefined, routes: ['10.20.0.0/16'] });
  });

  it.each<[string, Given[1]]>([
    ['observed', { mode: 'observe' }],
    ['paused', { paused: { reason: 'maintenance' } }],
    ['left with unlisted: keep', { unlisted: 'keep' }],
    ['managed elsewhere only', { scope: ['10.20.0.0/16'] }],
    ['told to ignore it', { ignore: [{ destination: '10.99.0.0/16', reason: 'x' }] }],
    ['told to ignore it for an hour', { ignore: [{ destination: '10.99.0.0/16', reason: 'x', until: inAnHour }] }],
  ])('what appears while the table is %s waits for a person', (_, fields) => {
    const story = new Story(listed, []);
    story.reconcile();
    story.reconcile();
    story
      .edit(listed[0], fields)
      .drift(added(pcx('10.99.0.0/16')))
      .reconcile();
    story.later(61);
    if (!JSON.stringify(fields).includes(inAnHour)) story.edit(...listed);
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: ['10.20.0.0/16', '10.99.0.0/16'] });
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
  });

  it('what an edit removed goes at once, also when the policy is edited with it', () => {
    const story = new Story(listed, []);
    story.reconcile();
    story.reconcile();
    expect(story.edit({}).outcome).toEqual({ blocked: undefined, routes: [] });
    const other = new Story(listed, [pcx('10.20.0.0/16'), pcx('10.99.0.0/16')]);
    other.reconcile();
    expect(other.edit({}, { unlisted: 'keep' }).outcome).toEqual({ blocked: undefined, routes: ['10.99.0.0/16'] });
  });

  it('what an edit moved to ignore waits for a person when the entry ends', () => {
    const story = new Story([{ ...listed[0], '10.21.0.0/16': 'pcx-aaaaaaaa' }], []);
    story.reconcile();
    story.reconcile();
    story.edit(
      { '10.21.0.0/16': 'pcx-aaaaaaaa' },
      { ignore: [{ destination: '10.20.0.0/16', reason: 'x', until: inAnHour }] },
    );
    expect(story.reconcile().plan.inSync).toBe(true);
    expect(story.later(61).outcome).toMatchObject({
      blocked: 'first-deletes',
      routes: ['10.20.0.0/16', '10.21.0.0/16'],
    });
  });

  it('a default route that an edit removed waits, and later edits do not lift that', () => {
    const story = new Story([{ '0.0.0.0/0': 'nat-aaaaaaaa', ...listed[0] }], []);
    story.reconcile();
    story.reconcile();
    const both = ['0.0.0.0/0', '10.20.0.0/16'];
    expect(story.edit(...listed).outcome).toEqual({ blocked: 'default-route', routes: both });
    expect(story.edit(listed[0], { maxDeletes: 8 }).outcome).toEqual({ blocked: 'default-route', routes: both });
    expect(story.edit(listed[0], { mode: 'observe' }).outcome).toMatchObject({ routes: both });
    expect(story.edit(...listed).outcome).toMatchObject({ blocked: 'default-route', routes: both });
    expect(story.edit({ '0.0.0.0/0': 'nat-aaaaaaaa', ...listed[0] }).reconcile().plan.inSync).toBe(true);
  });

  it('a default route that an edit removed waits also when it was retargeted meanwhile', () => {
    const story = new Story([{ '0.0.0.0/0': 'nat-aaaaaaaa' }], []);
    story.reconcile();
    story.reconcile();
    story.edit({}).drift(() => [actual(route('0.0.0.0/0', 'igw-aaaaaaaa'))]);
    expect(story.outcome).toEqual({ blocked: 'default-route', routes: ['0.0.0.0/0'] });
    expect(story.outcome).toMatchObject({ routes: ['0.0.0.0/0'] });
  });

  it('routes that a service kept wait for a person when the tag is lost that told of it', () => {
    const eni = actual(route('10.99.0.0/16', 'eni-aaaaaaaa'));
    const story = new Story(listed, [eni]).tagged({ 'kubernetes.io/cluster/blue': 'owned' });
    story.reconcile();
    expect(story.reconcile().plan.inSync).toBe(true);
    expect(story.tagged({}).outcome).toEqual({ blocked: 'first-deletes', routes: ['10.20.0.0/16', '10.99.0.0/16'] });
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
  });

  it('a detached interface that comes back waits for a person', () => {
    const story = new Story(listed, [actual(route('10.99.0.0/16', 'eni-aaaaaaaa'), { state: 'blackhole' })]);
    story.reconcile();
    expect(story.reconcile().plan.inSync).toBe(true);
    story.drift((routes) => routes.map((route) => ({ ...route, state: 'active' as const })));
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
  });

  it('after deletes were held back, what appears waits too, until the table is in sync again', () => {
    const story = new Story([listed[0], { maxDeletes: 0 }], []);
    story.reconcile();
    story.reconcile();
    story.drift(added(pcx('10.98.0.0/16')));
    expect(story.outcome).toMatchObject({ blocked: 'too-many-deletes' });
    story.edit(listed[0], { maxDeletes: 9 });
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
    story.drift((routes) => routes.slice(0, 1)).reconcile();
    story.drift(added(pcx('10.98.0.0/16')));
    expect(story.outcome).toEqual({ blocked: undefined, routes: ['10.20.0.0/16'] });
  });

  it('an approval outlives a plan done half, and ends after 24 hours', () => {
    const there = [pcx('10.97.0.0/16'), pcx('10.98.0.0/16')];
    const all = { '10.97.0.0/16': 'pcx-aaaaaaaa', '10.98.0.0/16': 'pcx-aaaaaaaa' };
    const half = new Story([{}, { maxDeletes: 9 }], there);
    half.reconcile();
    half.approve(all).drift(() => there.slice(1));
    expect(half.outcome).toEqual({ blocked: undefined, routes: [] });
    const late = new Story([{}, { maxDeletes: 9 }], there);
    late.reconcile();
    late.approve(all).later(24 * 60);
    expect(late.outcome).toMatchObject({ blocked: 'first-deletes' });
  });
});
