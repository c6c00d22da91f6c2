import { describe, expect, it } from 'vitest';
import { detailSchemas } from '../../../../reconciler/core/announce/domain-event.ts';
import { actorBehind, eventsOf } from '../../../../reconciler/core/announce/events.ts';
import { isEmpty, joined, newsOf, noNews } from '../../../../reconciler/core/announce/news.ts';
import type { Policy } from '../../../../reconciler/core/desired/policy.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Drift } from '../../../../reconciler/core/memory/memory.ts';
import { routeTableId } from '../../../support/builders.ts';
import { alice, at, bob, cause, destination, hijack, other } from '../status/given.ts';
import { between, emptyPlan, state, stateOf } from './state.ts';

const found: Drift = { ...hijack, foundAt: at(0), cause };
const calm = state();

const failure = { ...hijack, code: 'x', message: 'no', remedy: 'ask', attempts: 1, nextRetry: at(1) };
const { destination: _, ...refusal } = { ...failure, kind: 'rejected' as const };
const failed = state({ refusal }, { phase: 'Failed', failures: [failure] });

const blocked = {
  code: 'first-deletes',
  message: 'they wait',
  deletes: [{ destination, target: 'pcx-aaaaaaaa', code: 'first-deletes' }],
} as const;
const waiting = state({ waits: 'first-deletes' }, { phase: 'Blocked', plan: { ...emptyPlan, blocked } });

const contest = { since: at(0), until: at(1), waitMs: 60_000 };
const contested = state(
  { repairs: { target: hijack.to, at: [at(0)], by: [alice], contest } },
  { phase: 'Contested', contested: [{ destination, target: hijack.to, repairs: 6, by: [alice], until: at(1) }] },
);

const notice: ReportedCall = {
  id: 'call-9',
  name: 'DisassociateRouteTable',
  time: at(0),
  actor: alice,
  about: 'surroundings',
  notice: 'subnet-aaaaaaaa left the table',
};

const ended: Drift = { ...found, endedAt: at(1) };

const left = { target: 'tgw-aaaaaaaa', leftAlone: 'ignored', takesTraffic: true } as const;
const readBefore = { memory: { readAt: at(0) } };

const takenDown = { id: 'call-8', name: 'DeleteNatGateway', time: at(0), actor: alice };
const down = { target: 'nat-aaaaaaaa', since: at(0), takenDown };
const dropping = state({ troubles: ['blackhole'], down });
const works = `${destination} works through eni-aaaaaaaa and is left alone`;
const degraded = state(
  { troubles: ['target-down'], down: { ...down, moved: { ...takenDown, name: 'ReplaceRoute', actor: bob } } },
  {
    phase: 'Degraded',
    plan: { ...emptyPlan, findings: [{ code: 'target-down', destination, target: down.target, message: works }] },
  },
);

const policy: Policy = { mode: 'enforce', unlisted: 'delete', ignore: [], overrideLocal: [] };
const protecting = (more: Partial<Policy> = {}) => state({}, { memory: { policy: { ...policy, ...more } } });

const pause = { kind: 'pause', reason: 'maintenance', by: 'alice', at: at(0) } as const;
const ordered = state({}, { memory: { orders: [pause] } });

/** Every kind of event, with its cause. */
const all: readonly (readonly [string, ReturnType<typeof between>, string, object])[] = [
  ['drift', between(calm, state({ drift: [found] })), 'Route Drift Detected', { enforced: true }],
  [
    'drift in a table that is only observed',
    between(calm, state({ drift: [found] }, { memory: { watched: true } })),
    'Route Drift Detected',
    { enforced: false },
  ],
  [
    'the end of drift',
    between(state({ drift: [found] }), state({ drift: [ended] })),
    'Route Drift Healed',
    { since: at(0) },
  ],
  [
    'a failure',
    between(calm, failed),
    'Route Reconcile Failed',
    {
      state: 'entered',
      failures: [{ action: 'replace', destination, to: hijack.to, code: 'x', message: 'no', remedy: 'ask' }],
    },
  ],
  ['the end of failures', between(failed, calm), 'Route Reconcile Failed', { state: 'left', failures: [] }],
  [
    'a listed target that is down while its route works',
    between(calm, degraded),
    'Route Reconcile Failed',
    {
      state: 'entered',
      code: 'target-down',
      failures: [
        {
          action: 'replace',
          destination,
          to: 'nat-aaaaaaaa',
          code: 'target-down',
          message: `${works}; DeleteNatGateway of ${alice.arn} at ${at(0)} took nat-aaaaaaaa down: it will not come back, list another target; ReplaceRoute of ${bob.arn} at ${at(0)} moved the route`,
        },
      ],
    },
  ],
  [
    'its end',
    between(degraded, calm),
    'Route Reconcile Failed',
    {
      state: 'left',
      code: 'target-down',
      failures: [],
      message: { subject: expect.stringContaining('no route waits') },
    },
  ],
  [
    'deletes that wait',
    between(calm, waiting),
    'Route Plan Blocked',
    { state: 'entered', code: 'first-deletes', deletes: [destination] },
  ],
  ['their end', between(waiting, calm), 'Route Plan Blocked', { state: 'left', deletes: [] }],
  [
    'a contest',
    between(calm, contested),
    'Route Table Contested',
    { state: 'entered', contests: [{ destination, target: hijack.to, heals: 6, by: [alice] }] },
  ],
  ['the end of contests', between(contested, calm), 'Route Table Contested', { state: 'left', contests: [] }],
  [
    'a change of what surrounds the table',
    between(calm, calm, [], [notice]),
    'Route Table Changed',
    { notice: 'subnet-aaaaaaaa left the table', actor: alice },
  ],
  [
    'a route of others that is left alone',
    between(state({ seen: { target: 'pcx-aaaaaaaa' } }, readBefore), state({ seen: left }, readBefore)),
    'Route Left Alone',
    {
      routes: [
        {
          destination,
          target: 'tgw-aaaaaaaa',
          was: 'pcx-aaaaaaaa',
          reason: 'ignored',
          takesTraffic: true,
          actor: 'unattributed',
        },
      ],
    },
  ],
  [
    'a route that begins to drop its traffic',
    between(calm, dropping),
    'Route Blackholed',
    { state: 'entered', routes: [{ destination, target: 'nat-aaaaaaaa', actor: alice }] },
  ],
  ['the end of blackholes', between(dropping, calm), 'Route Blackholed', { state: 'left', routes: [] }],
  [
    'an edit that weakens the protection of the table',
    between(protecting(), protecting({ mode: 'observe' })),
    'Route Policy Changed',
    { weakened: [{ field: 'mode', old: ['enforce'], new: ['observe'] }] },
  ],
  ['an order', between(calm, ordered), 'Route Order Given', { state: 'entered', order: pause }],
  ['the end of an order', between(ordered, calm), 'Route Order Given', { state: 'left', order: pause }],
];

describe.each(all)('%s', (_, transitions, type, detail) => {
  it(`is announced as ${type}`, () => {
    expect(eventsOf(transitions)).toMatchObject([{ type, detail }]);
  });

  it('is announced with the table, its phase and a trigger, as the schema says', () => {
    const [event] = eventsOf(transitions);
    expect(event?.detail).toMatchObject({
      routeTableId,
      at: at(0),
      trigger: { kind: 'sweep' },
      planId: emptyPlan.planId,
    });
    expect(detailSchemas[event?.type ?? 'Route Drift Detected'].safeParse(event?.detail).error).toBeUndefined();
  });
});

it.each(Object.keys(detailSchemas))('%s is among the events above', (type) => {
  expect(all.map(([, , announced]) => announced)).toContain(type);
});

describe('an event', () => {
  const after = stateOf(
    { [destination]: { drift: [found], waits: 'first-deletes' }, [other]: { refusal } },
    { minute: 5 },
  );

  it('has the same id each time the same transitions are announced', () => {
    const ids = () => eventsOf(between(calm, after)).map(({ detail }) => detail.id);
    expect(new Set(ids()).size).toBe(3);
    for (const id of ids()) expect(id.startsWith(`${routeTableId}/${at(5)}/`)).toBe(true);
    expect(ids()).toEqual(ids());
  });

  it('has another id if it says something else, although it ends at the same time', () => {
    const other = { ...after, status: { ...after.status, reason: 'another reason' } };
    const ids = [after, other].flatMap((state) => eventsOf(between(calm, state)).map(({ detail }) => detail.id));
    expect(new Set(ids).size).toBe(6);
  });

  it('has another id at another time', () => {
    const later = { ...after, status: { ...after.status, checkedAt: at(6) } };
    const ids = [after, later].flatMap((state) => eventsOf(between(calm, state)).map(({ detail }) => detail.id));
    expect(new Set(ids).size).toBe(6);
  });

  it('is not announced if nothing is new', () => {
    expect(eventsOf(between(after, after))).toEqual([]);
  });

  it('shows the first 100 changes, and counts the rest', () => {
    const many = Array.from({ length: 103 }, (_, n) => [`10.20.${n}.0/24`, { drift: [found] }] as const);
    const [event] = eventsOf(between(calm, stateOf(Object.fromEntries(many))));
    expect([event?.detail.changes.length, event?.detail.omitted]).toEqual([100, 3]);
  });

  it('names only the new contests', () => {
    const before = state({ repairs: { at: [at(0)], by: [], contest } });
    const both = {
      [destination]: { repairs: { at: [at(0)], by: [], contest } },
      [other]: { repairs: { at: [at(0)], by: [], contest } },
    };
    const shown = [destination, other].map((destination) => ({ destination, repairs: 6, by: [], until: at(1) }));
    const [event] = eventsOf(between(before, stateOf(both, { contested: shown })));
    expect(event?.detail).toMatchObject({ contests: [{ destination: other }] });
  });

  it('has the time when the first ended drift was found', () => {
    const earlier = { ...found, destination: other, foundAt: at(-5) };
    const before = stateOf({ [destination]: { drift: [found] }, [other]: { drift: [earlier] } });
    expect(eventsOf(between(before, calm))[0]?.detail).toMatchObject({ since: at(-5) });
  });
});

describe('a change in an event names', () => {
  const { cause: _, ...unexplained } = found;

  it('who caused the drift', () => {
    expect(actorBehind(found)).toEqual(alice);
    expect(actorBehind(hijack, [found])).toEqual(alice);
    expect(eventsOf(between(calm, state({ drift: [found] })))[0]?.detail.changes).toEqual([
      { ...hijack, actor: alice },
    ]);
  });

  it('nobody where no event reported the drift', () => {
    expect(actorBehind(unexplained)).toBe('unattributed');
    expect(actorBehind(hijack, [unexplained])).toBe('unattributed');
  });

  it('nobody if the change is not a repair', () => {
    expect(actorBehind(hijack)).toBeUndefined();
    expect(actorBehind({ ...hijack, to: 'pcx-bbbbbbbb' }, [found])).toBeUndefined();
  });

  it('who caused the drift that a failure leaves', () => {
    const status = {
      phase: 'Failed',
      plan: { ...emptyPlan, changes: [hijack] },
      drift: [found],
      failures: [failure],
    } as const;
    const [event] = eventsOf(between(state({ drift: [found] }), state({ drift: [found], refusal }, status)));
    expect(event).toMatchObject({ type: 'Route Reconcile Failed', detail: { changes: [{ ...hijack, actor: alice }] } });
  });
});

describe('news', () => {
  const news = newsOf(between(calm, state({ drift: [found] })));

  it('are metrics and events', () => {
    expect(news).toMatchObject({
      metrics: [{ name: 'DriftDetected', value: 1 }],
      events: [{ type: 'Route Drift Detected' }],
    });
    expect([isEmpty(news), isEmpty(noNews)]).toEqual([false, true]);
  });

  it('that were not announced come before the new ones', () => {
    expect(joined(undefined, news)).toEqual(news);
    const both = joined(news, newsOf(between(calm, waiting)));
    expect(both.events.map(({ type }) => type)).toEqual(['Route Drift Detected', 'Route Plan Blocked']);
  });

  it('that were not announced are kept: the first 200 events, and the number of the others', () => {
    const unsent = { ...noNews, events: Array.from({ length: 199 }, () => news.events).flat() };
    const more = { metrics: [], events: [...newsOf(between(calm, waiting)).events, ...news.events, ...news.events] };
    const both = joined(unsent, more);
    expect(both.events).toHaveLength(200);
    expect(both.events.at(-1)?.type).toBe('Route Plan Blocked');
    expect(both.metrics).toEqual([{ name: 'EventsDropped', value: 2 }]);
    expect(joined(both, noNews)).toEqual(both);
  });
});
