import { describe, expect, it } from 'vitest';
import type { DesiredTable } from '../../../reconciler/core/desired/desired.ts';
import { underOrders } from '../../../reconciler/core/desired/enforcement.ts';
import type { RememberedApproval } from '../../../reconciler/core/memory/memory.ts';
import { noOrders } from '../../../reconciler/core/desired/orders.ts';
import { plan } from '../../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../../reconciler/core/route/route.ts';
import { type Made, rememberRead } from '../../../reconciler/core/status/remember.ts';
import { actual, approving, desired, memory, minutesAfter, now, route, table } from '../../support/builders.ts';

const pcx = (destination: string, target = 'pcx-aaaaaaaa') => actual(route(destination, target));

describe('a remembered approval', () => {
  const there = ['10.20.0.0/16', '10.21.0.0/16'].map((text) => pcx(text));
  const routes = ['10.20.0.0/16', '10.21.0.0/16'].map((destination) => ({ destination, target: 'pcx-aaaaaaaa' }));
  const item = desired({}, { maxDeletes: 9 });
  const under = approving(item, { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' });
  const id = { at: now.toISOString(), by: 'alice' };
  const after = (
    desired: DesiredTable,
    found: readonly ActualRoute[],
    before?: RememberedApproval,
    made: readonly Made[] = [],
  ) => {
    const actual = table(found);
    const remembered = memory({}, before && { approval: before });
    const planned = plan(desired, actual, { now, memory: remembered });
    return rememberRead(remembered, { desired, actual, plan: planned, now }, made).approval;
  };

  it('keeps the routes that a read shows', () => {
    expect(after(under, there)).toEqual({ ...id, routes });
    expect(after(under, there.slice(1))).toEqual({ ...id, routes: routes.slice(1) });
    expect(after(under, [pcx('10.20.0.0/16', 'pcx-bbbbbbbb')])).toEqual({ ...id, routes: [] });
  });

  it('is not renewed by a route that returns after a read did not show it', () => {
    expect(after(under, there, { ...id, routes: routes.slice(1) })).toEqual({
      ...id,
      routes: routes.slice(1),
    });
  });

  it('is spent by a change that EC2 confirmed, and not by one whose answer was lost', () => {
    const { destination } = route('10.20.0.0/16', 'pcx-aaaaaaaa');
    const change = { action: 'delete', destination, from: pcx('10.20.0.0/16') } as const;
    const made = (isCertain: boolean): Made[] => [{ change, isCertain }];
    expect(after(under, there, undefined, made(true))).toEqual({ ...id, routes: routes.slice(1) });
    expect(after(under, there, undefined, made(false))).toEqual({ ...id, routes });
  });

  it('stays valid while other deletes wait', () => {
    expect(after(under, [...there, pcx('10.22.0.0/16')])).toEqual({ ...id, routes });
  });

  it('is spent once a reconcile finds another item, or after its time is over', () => {
    const edited = underOrders(desired({}, { maxDeletes: 8 }), under.orders ?? noOrders);
    expect(after(edited, there)).toEqual({ ...id, routes: [] });
    expect(after(approving(item, { '10.20.0.0/16': 'pcx-aaaaaaaa' }, { until: now }), there)).toEqual({
      ...id,
      routes: [],
    });
  });

  it('stays remembered after its row is removed, in case the row returns', () => {
    expect(after(item, there, { ...id, routes: [] })).toEqual({ ...id, routes: [] });
  });

  it('is replaced by a newer one', () => {
    const newer = approving(item, { '10.20.0.0/16': 'pcx-aaaaaaaa' }, { at: minutesAfter(1).toISOString() });
    expect(after(newer, there, { ...id, routes: [] })).toEqual({
      at: minutesAfter(1).toISOString(),
      by: 'alice',
      routes: routes.slice(0, 1),
    });
  });
});
