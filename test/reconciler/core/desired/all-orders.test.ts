import { expect, it } from 'vitest';
import * as fc from 'fast-check';
import { allOrders } from '../../../../reconciler/core/desired/all-orders.ts';
import { minutesAfter, now, routeTableId } from '../../../support/builders.ts';

const approval = { routes: [], by: 'alice', at: now.toISOString(), until: minutesAfter(60).toISOString() };

it.each([
  ['a name that no function knows', { routeTableId, order: 'stopp' }, 'expected an order named pause, stop'],
  ['a key that is no table', { routeTableId: 'rtb-*', order: 'pause' }, 'expected a route table id'],
  ['holds for all tables', { routeTableId: '*', order: 'holds' }, 'expected pause, stop or approval'],
  ['an approval of no edits', { routeTableId: '*', order: 'approval', ...approval }, 'approves nothing'],
  ['an approval without a hash', { routeTableId, order: 'approval', ...approval }, 'approves nothing'],
  ['a hold of no destination', { routeTableId, order: 'holds', holds: { 'rtb-1': {} } }, 'nothing is held at rtb-1'],
])('an order with %s is reported', (_, row, reason) => {
  expect(allOrders([row]).unusable).toEqual([
    { routeTableId: row.routeTableId, reason: expect.stringContaining(reason) },
  ]);
});

it.each([
  { routeTableId: '*', order: 'stop' },
  { routeTableId: '*', order: 'pause', until: 7 },
  { routeTableId, order: 'pause', reason: [] },
  { routeTableId, order: 'approval', ...approval, desiredHash: 'x' },
  { routeTableId: '*', order: 'approval', ...approval, edits: ['edit-aaaaaaaaaaaa'] },
  { routeTableId, order: 'holds', holds: { '10.0.0.0/8': 'please' } },
])('an order that has an effect is not reported: %j', (row) => {
  expect(allOrders([row]).unusable).toEqual([]);
});

it('orders are read from any rows without an error, and one row changes no order of another table', () => {
  const stop = { routeTableId: 'rtb-bbbbbbbb', order: 'stop' };
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.anything()),
      fc.constantFrom('pause', 'approval', 'holds', 'x'),
      (row, order) => {
        const all = allOrders([{ ...row, routeTableId, order }, stop]);
        all.of(routeTableId);
        expect(all.of('rtb-bbbbbbbb')).toEqual(allOrders([stop]).of('rtb-bbbbbbbb'));
      },
    ),
  );
});
