import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../../reconciler/core/announce/domain-event.ts';
import { messageOf } from '../../../../reconciler/core/announce/messages.ts';
import { routeTableId } from '../../../support/builders.ts';
import { alice, at, destination, hijack, other } from '../status/given.ts';

const common = {
  id: 'event-1',
  routeTableId,
  phase: 'InSync',
  reason: 'every route is as desired',
  at: at(0),
  trigger: { kind: 'sweep' },
  changes: [],
};
const ip = { ...alice, sourceIp: '192.0.2.1' };

const drift = (more: object = {}): DomainEvent => ({
  type: 'Route Drift Detected',
  detail: { ...common, enforced: true, changes: [{ ...hijack, actor: ip }], ...more },
});

describe('a message says which table, what happened, who did it and what to do next', () => {
  it.each<[string, DomainEvent, object]>([
    [
      'for drift that is repaired',
      drift(),
      {
        subject: `${routeTableId}: others changed 1 route`,
        what: `${destination} leads to tgw-aaaaaaaa (listed with pcx-aaaaaaaa)`,
        who: `${alice.arn} from 192.0.2.1`,
        next: expect.stringContaining(`npx routectl report ${routeTableId} --html ${routeTableId}.html`),
      },
    ],
    [
      'for drift that is only observed',
      drift({ enforced: false, reason: 'the item is in mode observe' }),
      {
        subject: `${routeTableId}: 1 route differs from the item, and nothing repairs it (the item is in mode observe)`,
      },
    ],
    [
      'for drift that is only observed, without an event',
      drift({
        enforced: false,
        changes: [{ action: 'create', destination, to: 'pcx-aaaaaaaa', actor: 'unattributed' }],
      }),
      { who: 'unattributed: no event named a caller, or the table differed before it was first read' },
    ],
    [
      'for drift without an event',
      drift({
        changes: [
          { action: 'delete', destination: other, from: 'igw-aaaaaaaa', actor: 'unattributed' },
          { action: 'create', destination, to: 'pcx-aaaaaaaa', actor: 'unattributed' },
        ],
      }),
      {
        what: `${other} leads to igw-aaaaaaaa and is not listed; ${destination} is missing (listed with pcx-aaaaaaaa)`,
        who: 'unattributed: no event named the caller',
      },
    ],
    [
      'for a failure',
      {
        type: 'Route Reconcile Failed',
        detail: {
          ...common,
          phase: 'Failed',
          state: 'entered',
          failures: [{ action: 'create', destination, to: 'pcx-aaaaaaaa', remedy: 'create the target' }],
        },
      },
      { what: `create ${destination} to pcx-aaaaaaaa: create the target` },
    ],
    [
      'for an invalid item',
      {
        type: 'Route Reconcile Failed',
        detail: { ...common, phase: 'Invalid', reason: 'routes: expected a list', state: 'entered', failures: [] },
      },
      { subject: `${routeTableId}: its desired item is invalid`, what: 'routes: expected a list' },
    ],
    [
      'for deletes that wait',
      {
        type: 'Route Plan Blocked',
        detail: {
          ...common,
          state: 'entered',
          code: 'first-deletes',
          reason: 'they stood when this table was adopted',
          deletes: [destination, other],
          changes: [{ action: 'delete', destination, from: 'igw-aaaaaaaa', actor: ip }],
        },
      },
      {
        subject: `${routeTableId}: 2 deletes wait for a person`,
        what: `${destination}; ${other}: they stood when this table was adopted`,
        who: `${alice.arn} from 192.0.2.1`,
        next: expect.stringContaining(`npx routectl approve ${routeTableId}`),
      },
    ],
    [
      'for a contest',
      {
        type: 'Route Table Contested',
        detail: { ...common, state: 'entered', contests: [{ destination, heals: 6, by: [alice] }] },
      },
      { what: `${destination} was repaired 6 times`, who: alice.arn },
    ],
    [
      'for a call around the table',
      { type: 'Route Table Changed', detail: { ...common, notice: 'subnet-a left the table', actor: alice } },
      { what: 'subnet-a left the table', who: alice.arn },
    ],
    [
      'for a route that others moved to an alternate',
      {
        type: 'Route Left Alone',
        detail: {
          ...common,
          routes: [
            {
              destination,
              target: 'nat-bbbbbbbb',
              was: 'nat-aaaaaaaa',
              reason: 'on-alternate',
              takesTraffic: true,
              actor: alice,
            },
          ],
        },
      },
      {
        what: `${destination} leads to nat-bbbbbbbb (before: nat-aaaaaaaa; on-alternate)`,
        who: alice.arn,
        next: expect.stringMatching(/^The item allows these targets, so the routes stay\. .*#on-an-alternate$/),
      },
    ],
    [
      'for routes that were moved away from dead targets',
      {
        type: 'Route Blackholed',
        detail: {
          ...common,
          state: 'moved',
          routes: [
            { destination, target: 'nat-aaaaaaaa', movedTo: 'nat-bbbbbbbb', actor: alice },
            { destination: other, target: 'tgw-aaaaaaaa', movedTo: 'tgw-bbbbbbbb' },
          ],
        },
      },
      {
        subject: `${routeTableId}: 2 routes were moved away from dead targets`,
        what: `${destination} was moved from nat-aaaaaaaa to nat-bbbbbbbb; ${other} was moved from tgw-aaaaaaaa to tgw-bbbbbbbb`,
        who: `Route Reconciler moved the routes. Who took the targets down: ${alice.arn}; unattributed: no event named the caller`,
        next: expect.stringContaining('docs/runbook.md#on-an-alternate'),
      },
    ],
    [
      'for a route that is left alone and may take listed traffic',
      {
        type: 'Route Left Alone',
        detail: {
          ...common,
          routes: [
            { destination, target: 'eni-a', was: 'pcx-a', reason: 'ignored', takesTraffic: true, actor: alice },
            { destination: other, target: 'eni-b', reason: 'out-of-scope', takesTraffic: false, actor: alice },
          ],
          moreRoutes: 3,
        },
      },
      {
        subject: `${routeTableId}: others changed 5 routes that the plan leaves alone`,
        what: `${destination} leads to eni-a (before: pcx-a; ignored); ${other} leads to eni-b (new; out-of-scope); and 3 more`,
        who: alice.arn,
      },
    ],
    [
      'for a blackhole',
      {
        type: 'Route Blackholed',
        detail: { ...common, state: 'entered', routes: [{ destination, target: 'nat-aaaaaaaa', actor: alice }] },
      },
      {
        subject: `${routeTableId}: 1 route drops its traffic`,
        what: `${destination} leads to nat-aaaaaaaa`,
        who: alice.arn,
      },
    ],
    [
      'for a weakened policy',
      {
        type: 'Route Policy Changed',
        detail: { ...common, weakened: [{ field: 'ignore', old: [], new: ['target eni-*'] }] },
      },
      { what: 'ignore: nothing → target eni-*' },
    ],
    [
      'for an item that was deleted',
      {
        type: 'Route Policy Changed',
        detail: { ...common, phase: 'Unmanaged', weakened: [{ field: 'item', old: ['mode enforce'], new: [] }] },
      },
      { subject: `${routeTableId}: its item was deleted`, what: expect.stringContaining('not managed any more') },
    ],
    [
      'for an order',
      {
        type: 'Route Order Given',
        detail: {
          ...common,
          state: 'entered',
          order: { kind: 'hold', destination, reason: 'test', by: 'alice', until: at(60) },
        },
      },
      {
        subject: `${routeTableId}: hold of ${destination} ordered`,
        what: `test; until ${at(60)}`,
        who: 'alice (a claim: the order itself says so)',
      },
    ],
    [
      'for a stop of all tables',
      {
        type: 'Route Order Given',
        detail: { ...common, routeTableId: '*', state: 'entered', order: { kind: 'stop' } },
      },
      { subject: 'all tables: stop ordered', what: 'no end', who: 'The order names nobody' },
    ],
    [
      'for the end of an order',
      { type: 'Route Order Given', detail: { ...common, state: 'left', order: { kind: 'pause' } } },
      { subject: `${routeTableId}: pause ended` },
    ],
  ])('%s', (_, event, expected) => {
    expect(messageOf(event)).toMatchObject(expected);
  });
});

it.each<DomainEvent>([
  { type: 'Route Drift Healed', detail: { ...common, since: at(0) } },
  { type: 'Route Reconcile Failed', detail: { ...common, state: 'left', failures: [] } },
  { type: 'Route Plan Blocked', detail: { ...common, state: 'left', deletes: [] } },
  { type: 'Route Table Contested', detail: { ...common, state: 'left', contests: [] } },
  { type: 'Route Blackholed', detail: { ...common, state: 'left', routes: [] } },
])('a recovery has no message: $type', (event) => {
  expect(messageOf(event)).toBeUndefined();
});

it('a message names 10 routes, and counts the others', () => {
  const changes = Array.from({ length: 12 }, (_, n) => ({ ...hijack, destination: `10.20.${n}.0/24` }));
  const message = messageOf(drift({ changes, omitted: 3 }));
  expect(message?.subject).toBe(`${routeTableId}: others changed 15 routes`);
  expect(message?.what).toContain('10.20.9.0/24');
  expect(message?.what).not.toContain('10.20.10.0/24');
  expect(message?.what).toMatch(/; and 5 more$/);
});

it('text from outside stays in its line, and means nothing to an input transformer', () => {
  const reason = 'x\n\u001b[31mNext: "<what>" \\ \u202E';
  const event: DomainEvent = {
    type: 'Route Order Given',
    detail: { ...common, state: 'entered', order: { kind: 'pause', reason, by: 'y'.repeat(500) } },
  };
  const { what, who } = messageOf(event) ?? {};
  expect(what).toBe("x\uFFFD\uFFFD[31mNext: '‹what›' \uFFFD \uFFFD; no end");
  expect(who?.length).toBeLessThan(400);
});
