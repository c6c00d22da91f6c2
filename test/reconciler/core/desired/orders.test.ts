import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activePause, isEnforced, underOrders } from '../../../../reconciler/core/desired/enforcement.ts';
import { desiredHash, policyHash } from '../../../../reconciler/core/desired/hashes.ts';
import { givenOrders, noOrders, orderChanges, ordersOf } from '../../../../reconciler/core/desired/orders.ts';
import { desired, minutesAfter, now, routeTableId } from '../../../support/builders.ts';

const until = minutesAfter(60).toISOString();

/** An order in a row of the table under test, and in a row for all tables. */
const ofTable = (order: string, fields: object = {}) => ({ ...fields, routeTableId, order });
const ofAll = (order: string, fields: object = {}) => ({ ...fields, routeTableId: '*', order });

const stops = (row: unknown, at = now): boolean => !isEnforced(underOrders(desired({}), ordersOf([row])), at);

describe('an order to stop', () => {
  it.each([
    ['a pause of the table', ofTable('pause', { reason: 'x', by: 'alice', at: now.toISOString() })],
    ['a stop of all tables', ofAll('stop', { reason: 'x' })],
    ['a stop without any attribute', ofAll('stop')],
    ['a stop with unknown attributes', ofAll('stop', { why: 'x', untill: minutesAfter(-1).toISOString() })],
    ['a stop whose end is a text', ofAll('stop', { until: 'tomorrow' })],
    ['a stop whose end has no time zone', ofAll('stop', { until: '2020-01-01T00:00:00' })],
    ['a stop whose end is a number', ofAll('stop', { until: 0 })],
    ['a stop with a contradicting attribute', ofAll('stop', { stop: false, until: null })],
    ['a pause whose reason is no text', ofTable('pause', { reason: 7 })],
    ['a stop of one table', ofTable('stop', { reason: 'x' })],
    ['a pause of all tables', ofAll('pause', { reason: 'x' })],
  ])('is valid with any fields: %s', (_, row) => {
    expect(stops(row)).toBe(true);
  });

  it.each([
    ['a row with an unknown name', ofAll('stopp', { reason: 'x' })],
    ['an approval', ofTable('approval', { reason: 'x' })],
    ['a row without a key', { reason: 'x' }],
    ['no row at all', undefined],
  ])('is not read from %s', (_, row) => {
    expect(stops(row)).toBe(false);
  });

  it('concerns the table or fleet of its key, whatever it is called', () => {
    expect(ordersOf([ofAll('pause', { reason: 'y' }), ofTable('stop', { reason: 'x' })]).pauses).toEqual([
      { reason: 'x', of: 'table' },
      { reason: 'y', of: 'fleet' },
    ]);
  });

  it('expires', () => {
    expect(stops(ofAll('stop', { until }), minutesAfter(59))).toBe(true);
    expect(stops(ofAll('stop', { until }), minutesAfter(60))).toBe(false);
  });

  it('is shown by the active order with the widest scope', () => {
    const orders = ordersOf([
      ofAll('stop', { reason: 'fleet', by: 'alice', until }),
      ofTable('pause', { reason: 'table' }),
    ]);
    const paused = underOrders(desired({}, { paused: { reason: 'item' } }), orders);
    expect(activePause(paused, now)).toEqual({ reason: 'fleet', of: 'fleet', by: 'alice', until: new Date(until) });
    expect(activePause(paused, minutesAfter(60))).toEqual({ reason: 'table', of: 'table' });
  });

  it('changes the hash of the policy while it is active, after it ends, and again with each new order, but never that of the item', () => {
    const under = (pause?: object) => underOrders(desired({}), pause ? ordersOf([ofTable('pause', pause)]) : noOrders);
    const policies = [
      policyHash(under(), now),
      policyHash(under({ reason: 'x', at: '1', until }), now),
      policyHash(under({ reason: 'x', at: '1', until }), minutesAfter(60)),
      policyHash(under({ reason: 'x', at: '2', until }), minutesAfter(60)),
    ];
    expect(new Set(policies).size).toBe(policies.length);
    expect(desiredHash(under({ reason: 'x' }))).toBe(desiredHash(under()));
  });

  it.each(['9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+01:00'])(
    'has no end at %s: in UTC that is no time of four digits, and what is stored with it could not be read',
    (at) => {
      expect(ordersOf([ofTable('pause', { until: at })]).pauses).toEqual([{ reason: 'no reason given', of: 'table' }]);
      expect(ordersOf([ofTable('pause', { until: '9999-12-31T23:59:59Z' })]).pauses).toHaveProperty('0.until');
    },
  );

  it('has texts of at most 200 characters: every status of a stopped fleet repeats them', () => {
    const long = 'x'.repeat(390_000);
    const cut = 'x'.repeat(200);
    expect(ordersOf([ofAll('stop', { reason: long, by: long, at: long })]).pauses).toEqual([
      { reason: cut, by: cut, at: cut, of: 'fleet' },
    ]);
    const approval = { routes: [], by: long, at: now.toISOString(), until, desiredHash: 'x' };
    expect(ordersOf([ofTable('approval', approval)]).approval?.by).toBe(cut);
  });

  it('is read from any rows without an error, whatever their order', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (one, other) => {
        const rows = [
          ofTable('pause', Object(one)),
          ofAll('stop', Object(other)),
          ofTable('holds', { holds: one }),
          other,
        ];
        const orders = ordersOf(rows);
        expect(orders.pauses.every(({ reason }) => reason.length > 0)).toBe(true);
        expect(ordersOf(rows.toReversed())).toEqual(orders);
      }),
    );
  });
});

describe('a hold', () => {
  const holds = (map: unknown) => ordersOf([ofTable('holds', { holds: map })]).holds;

  it('has its destination in canonical form', () => {
    expect(holds({ '10.20.0.7/16': { reason: 'x' }, '2001:DB8::/32': { reason: 'y', by: 'alice', until } })).toEqual([
      { destination: '10.20.0.0/16', reason: 'x' },
      { destination: '2001:db8::/32', reason: 'y', by: 'alice', until: new Date(until) },
    ]);
  });

  it.each([
    ['an unreadable end', { until: 'soon' }],
    ['no attribute', {}],
    ['no map', 'please'],
  ])('holds with %s', (_, value) => {
    expect(holds({ '10.20.0.0/16': value })).toEqual([{ destination: '10.20.0.0/16', reason: 'no reason given' }]);
  });

  it.each([
    ['a key that is no destination', { 'rtb-1': { reason: 'x' } }],
    ['a list', ['10.20.0.0/16']],
    ['a text', '10.20.0.0/16'],
    ['nothing', undefined],
  ])('is not read from %s', (_, map) => {
    expect(holds(map)).toEqual([]);
  });

  it('stops the whole table if there are more than 200, and says so', () => {
    const map = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`10.${n >> 8}.${n & 255}.0/24`, { reason: 'x' }]));
    expect(ordersOf([ofTable('holds', { holds: map(200) })])).toMatchObject({ pauses: [], holds: { length: 200 } });
    expect(ordersOf([ofTable('holds', { holds: map(201) })])).toEqual({
      pauses: [{ reason: 'there are 201 holds, and more than 200 stop the whole table', of: 'table' }],
      holds: [],
    });
  });

  it('concerns one table only', () => {
    expect(ordersOf([ofAll('holds', { holds: { '10.20.0.0/16': {} } })])).toEqual(noOrders);
  });

  it('changes the hash of the policy while it is active and after it ends, but never that of the item', () => {
    const under = (map: object) => underOrders(desired({}), ordersOf([ofTable('holds', { holds: map })]));
    const held = under({ '10.20.0.0/16': { reason: 'x', until } });
    const policies = [policyHash(under({}), now), policyHash(held, now), policyHash(held, minutesAfter(60))];
    expect(new Set(policies).size).toBe(policies.length);
    expect(desiredHash(held)).toBe(desiredHash(under({})));
  });
});

describe('an approval', () => {
  const approval = {
    routes: [{ destination: '10.99.0.0/16', target: 'tgw-aaaaaaaa' }],
    by: 'alice',
    at: now.toISOString(),
    until,
    desiredHash: 'aaaaaaaaaaaa',
  };
  const approved = (fields: object) => ordersOf([ofTable('approval', { ...approval, ...fields })]).approval;

  it('is read with its destinations in canonical form', () => {
    const routes = [{ destination: '10.99.0.7/16', target: 'tgw-aaaaaaaa' }];
    expect(approved({ routes })).toEqual({ ...approval, until: new Date(until) });
  });

  it('ends after 24 hours, however late its end is', () => {
    expect(approved({ until: minutesAfter(48 * 60).toISOString() })?.until).toEqual(minutesAfter(24 * 60));
  });

  it.each([
    ['no routes', { routes: undefined }],
    ['a route without a target', { routes: [{ destination: '10.99.0.0/16' }] }],
    ['no end', { until: undefined }],
    ['no hash of the item', { desiredHash: undefined }],
    ['an empty author', { by: '' }],
    ['an invalid time', { at: 'today' }],
  ])('with %s permits nothing', (_, fields) => {
    expect(approved(fields)).toBeUndefined();
  });

  it('concerns one table only', () => {
    expect(ordersOf([ofAll('approval', approval)])).toEqual(noOrders);
  });
});

describe('an approval of edits', () => {
  const [ids, at, by] = [['edit-aaaaaaaaaaaa', 'edit-bbbbbbbbbbbb'], now.toISOString(), 'alice'];
  const approval = { edits: new Set(ids), by, at, until };
  const edits = (fields: object) => ordersOf([ofAll('approval', { ...approval, ...fields })]).edits;

  it('names them in a set or in a list, and ends after 24 hours', () => {
    const read = { ids, by, at, until: new Date(until) };
    expect(edits({})).toEqual(read);
    expect(edits({ edits: ids })).toEqual(read);
    expect(edits({ until: minutesAfter(48 * 60).toISOString() })?.until).toEqual(minutesAfter(24 * 60));
  });

  it.each([
    ['no edits', { edits: undefined }],
    ['an edit that is no text', { edits: [7] }],
    ['no author', { by: undefined }],
    ['no time', { at: undefined }],
    ['no end', { until: undefined }],
  ])('with %s permits nothing', (_, fields) => {
    expect(edits(fields)).toBeUndefined();
  });

  it('is of all tables only', () => {
    expect(ordersOf([ofTable('approval', approval)])).toEqual(noOrders);
  });

  it('is announced once for all tables', () => {
    const orders = ordersOf([ofAll('approval', approval)]);
    expect(givenOrders(orders, 'fleet', now)).toEqual([{ kind: 'approval', by, at, until, edits: ids }]);
    expect(givenOrders(orders, 'table', now)).toEqual([]);
    expect(givenOrders(orders, 'fleet', minutesAfter(61))).toEqual([]);
  });
});

describe('the orders in force', () => {
  const [at, by, reason] = [now.toISOString(), 'alice', 'x'];
  const rows = [
    ofTable('pause', { reason, by, at, until }),
    ofTable('holds', { holds: { '10.20.0.0/16': { reason, by, at, until } } }),
    ofTable('approval', {
      routes: [{ destination: '10.99.0.0/16', target: 'igw-aaaaaaaa' }],
      by,
      at,
      until,
      desiredHash: 'a',
    }),
    ofAll('stop', { reason }),
  ];
  const given = (of: 'table' | 'fleet', minute = 0, some = rows) =>
    givenOrders(ordersOf(some), of, minutesAfter(minute));

  it('are those of one table, or those of all tables', () => {
    expect(given('table')).toEqual([
      { kind: 'pause', reason, by, at, until },
      { kind: 'hold', destination: '10.20.0.0/16', reason, by, at, until },
      { kind: 'approval', by, at, until, routes: [{ destination: '10.99.0.0/16', target: 'igw-aaaaaaaa' }] },
    ]);
    expect(given('fleet')).toEqual([{ kind: 'stop', reason }]);
  });

  it('have not ended', () => {
    expect(given('table', 61)).toEqual([]);
  });

  it('show the first 20 routes of an approval and 200 characters of a reason', () => {
    const routes = Array.from({ length: 25 }, (_, n) => ({ destination: `10.99.${n}.0/24`, target: 'igw-aaaaaaaa' }));
    const many = [
      ofTable('approval', { routes, by, at, until, desiredHash: 'a' }),
      ofTable('pause', { reason: 'y'.repeat(300) }),
    ];
    const [pause, approval] = given('table', 0, many);
    expect([pause?.reason?.length, approval?.routes?.length, approval?.moreRoutes]).toEqual([200, 20, 5]);
  });

  it('are new when they are given or changed, and end when they are no longer in force', () => {
    const [pause, hold] = given('table');
    if (!pause || !hold) throw new Error('expected two orders');
    const later = { ...pause, until: minutesAfter(120).toISOString() };
    expect(orderChanges([], [pause, hold])).toEqual({ given: [pause, hold], ended: [] });
    expect(orderChanges([pause, hold], [pause, hold])).toEqual({ given: [], ended: [] });
    expect(orderChanges([pause, hold], [later, hold])).toEqual({ given: [later], ended: [] });
    expect(orderChanges([pause, hold], [pause])).toEqual({ given: [], ended: [hold] });
  });
});
