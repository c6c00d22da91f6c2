import { withOrderedApproval } from '../../../reconciler/core/approval.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activePause, isEnforced, noOrders, ordersOf, underOrders } from '../../../reconciler/core/orders.ts';
import { desiredHash, policyHash } from '../../../reconciler/core/hashes.ts';
import { emptyRecord } from '../../../reconciler/core/record.ts';
import { desired, minutesAfter, now } from '../../support/builders.ts';

const until = minutesAfter(60).toISOString();
const approval = {
  id: 'one',
  deletes: [{ destination: '10.99.0.0/16', target: 'tgw-aaaaaaaa' }],
  by: 'alice',
  until,
  desiredHash: 'aaaaaaaaaaaa',
};

const holds = (table: unknown, fleet?: unknown, at = now): boolean =>
  !isEnforced(underOrders(desired({}), ordersOf(table, fleet)), at);

describe('an order to stop', () => {
  it.each([
    ['a pause of the table', { pause: { reason: 'x', by: 'alice', at: now.toISOString() } }, undefined],
    ['a stop of the fleet', undefined, { stopped: { reason: 'x' } }],
    ['a stop without a reason', undefined, { stopped: {} }],
    ['a stop that is just true', undefined, { stopped: true }],
    ['a stop that is just a text', undefined, { stopped: 'incident 42' }],
    ['a stop with fields nobody knows', undefined, { stopped: { why: 'x', until: ['soon'] } }],
    ['a stop whose end is no instant', undefined, { stopped: { reason: 'x', until: 'tomorrow' } }],
    ['a pause whose reason is no text', { pause: { reason: 7 } }, undefined],
    ['a stop in the item of a table', { stopped: { reason: 'x' } }, undefined],
    ['a pause in the item of the fleet', undefined, { pause: { reason: 'x' } }],
    ['a stop under one name, ended under the other', { pause: { until: now.toISOString() }, stopped: true }, undefined],
  ])('holds: %s', (_, table, fleet) => {
    expect(holds(table, fleet)).toBe(true);
  });

  it.each([
    ['no control item', undefined, undefined],
    ['an empty one', {}, {}],
    ['a stop that is false', {}, { stopped: false }],
  ])('does not hold: %s', (_, table, fleet) => {
    expect(holds(table, fleet)).toBe(false);
  });

  it('is of what its item is of, whatever it is called', () => {
    const pauses = ordersOf({ stopped: { reason: 'x' } }, { pause: { reason: 'y' } }).pauses;
    expect(pauses).toEqual([
      { reason: 'x', of: 'table' },
      { reason: 'y', of: 'fleet' },
    ]);
  });

  it('ends by itself', () => {
    expect(holds({}, { stopped: { reason: 'x', until } }, minutesAfter(59))).toBe(true);
    expect(holds({}, { stopped: { reason: 'x', until } }, minutesAfter(60))).toBe(false);
  });

  it('is shown by the widest that holds', () => {
    const orders = ordersOf({ pause: { reason: 'table' } }, { stopped: { reason: 'fleet', by: 'alice', until } });
    const paused = underOrders(desired({}, { paused: { reason: 'item' } }), orders);
    expect(activePause(paused, now)).toEqual({ reason: 'fleet', of: 'fleet', by: 'alice', until: new Date(until) });
    expect(activePause(paused, minutesAfter(60))).toEqual({ reason: 'table', of: 'table' });
  });

  it('changes the policy while it holds, once it has ended, and with each new one; never the item', () => {
    const under = (pause?: object) => underOrders(desired({}), pause ? ordersOf({ pause }, undefined) : noOrders);
    const policies = [
      policyHash(under(), now),
      policyHash(under({ reason: 'x', at: '1', until }), now),
      policyHash(under({ reason: 'x', at: '1', until }), minutesAfter(60)),
      policyHash(under({ reason: 'x', at: '2', until }), minutesAfter(60)),
    ];
    expect(new Set(policies).size).toBe(policies.length);
    expect(desiredHash(under({ reason: 'x' }))).toBe(desiredHash(under()));
  });

  it('is read from anything without an error', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (table, fleet) => {
        const { pauses } = ordersOf(table, fleet);
        expect(pauses.every(({ reason }) => reason.length > 0)).toBe(true);
      }),
    );
  });
});

describe('an approval by order', () => {
  const orders = ordersOf({ approval }, undefined);

  it('becomes one of the record, once', () => {
    const taken = withOrderedApproval(emptyRecord, orders, now);
    const { id, ...consent } = approval;
    expect(taken).toMatchObject({ approval: { ...consent, until: new Date(until) }, tookApproval: id });
    const { approval: _, ...spent } = taken;
    expect(withOrderedApproval(spent, orders, now)).toBe(spent);
  });

  it('gives way to a newer one', () => {
    const newer = ordersOf({ approval: { ...approval, id: 'two', deletes: [] } }, undefined);
    const record = withOrderedApproval(withOrderedApproval(emptyRecord, orders, now), newer, now);
    expect(record).toMatchObject({ approval: { deletes: [] }, tookApproval: 'two' });
  });

  it('is not taken up when its time is over', () => {
    expect(withOrderedApproval(emptyRecord, orders, minutesAfter(60))).toBe(emptyRecord);
  });

  it.each([
    ['nothing to delete', { deletes: undefined }],
    ['a delete without a target', { deletes: [{ destination: '10.99.0.0/16' }] }],
    ['no end', { until: undefined }],
    ['no item it was given for', { desiredHash: undefined }],
    ['no id', { id: '' }],
  ])('that names %s approves nothing', (_, fields) => {
    expect(ordersOf({ approval: { ...approval, ...fields } }, undefined)).toEqual(noOrders);
  });
});
