import { beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../reconciler/core/announce/history.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import type { Actor, ReportedCall } from '../../reconciler/core/memory/call.ts';
import type { Drift, LastDrift, Memory, Refusal, Repairs } from '../../reconciler/core/memory/memory.ts';
import { type GivenOrder, noOrders } from '../../reconciler/core/desired/orders.ts';
import type { Policy } from '../../reconciler/core/desired/policy.ts';
import type { PaceRow } from '../../reconciler/core/plan/pace.ts';
import { plan } from '../../reconciler/core/plan/plan.ts';
import { type Status, summaryOf } from '../../reconciler/core/status/status.ts';
import { nothingLeft } from '../../reconciler/core/memory/trigger.ts';
import type {
  Claim,
  DesiredItems,
  Evidence,
  LastValidItems,
  Leases,
  PaceRows,
  StoredState,
  TableIndex,
  TableOrders,
  TableStates,
} from '../../reconciler/ports.ts';
import { actual, desired, local, memory, minutesAfter, now, route, routeTableId, table } from './builders.ts';
import { collect } from './collect.ts';

/** Empty stores of one implementation. */
export interface Stores {
  readonly desired: DesiredItems;
  /** Writes an item as a person would. */
  readonly put: (item: { readonly routeTableId: string; readonly [field: string]: unknown }) => Promise<void>;
  readonly orders: TableOrders;
  /** Writes one row of orders as a person would; without fields, removes it. */
  readonly order: (routeTableId: string, order: string, fields?: object) => void | Promise<void>;
  readonly states: TableStates;
  readonly lastValid: LastValidItems;
  readonly index: TableIndex;
  readonly evidence: Evidence;
  readonly leases: Leases;
  readonly pace: PaceRows;
  /** Writes whatever somebody writes into a row of the pace. */
  readonly putPace: (row: PaceRow, tat: unknown) => void | Promise<void>;
}

const otherId = 'rtb-bbbbbbbb';

/** A call of each kind, with everything in it; the newest first. */
const calls: readonly ReportedCall[] = (
  [
    { about: 'route', destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' },
    { about: 'target-up', ids: ['pcx-aaaaaaaa', 'nat-aaaaaaaa'] },
    { about: 'target-down', ids: [] },
    { about: 'surroundings', notice: 'subnet-aaaaaaaa uses this table from now on' },
    { about: 'table' },
  ] as const
).map((subject, minutesAgo) => ({
  id: `event-${minutesAgo}`,
  name: 'SomeCall',
  time: minutesAfter(-minutesAgo).toISOString().replace('.000', ''),
  actor: { arn: 'user/alice', sourceIp: '192.0.2.1', userAgent: 'cli', invokedBy: 'cloudformation.amazonaws.com' },
  via: 'pcx-aaaaaaaa',
  ...subject,
}));

const planned = plan(
  desired({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'nat-aaaaaaaa' }),
  table([
    local('10.0.0.0/16'),
    actual(route('10.21.0.0/16', 'nat-aaaaaaaa'), { state: 'blackhole' }),
    actual(route('10.99.0.0/16', 'igw-aaaaaaaa')),
  ]),
  { now },
);

const at = now.toISOString();

const alice: Actor = {
  arn: 'arn:aws:iam::111122223333:user/alice',
  sourceIp: '192.0.2.1',
  userAgent: 'cli',
  invokedBy: 'cloudformation.amazonaws.com',
};

const change = { action: 'replace', destination: '10.20.0.0/16', from: 'tgw-aaaaaaaa', to: 'pcx-aaaaaaaa' } as const;

const refusal: Required<Refusal> = {
  action: 'replace',
  because: 'target-down',
  from: 'tgw-aaaaaaaa',
  to: 'pcx-aaaaaaaa',
  kind: 'rejected',
  code: 'RouteLimitExceeded',
  message: 'The maximum number of routes has been reached.',
  remedy: 'ask for a larger quota',
  attempts: 2,
  since: now.toISOString(),
  triedSince: now.toISOString(),
  nextRetry: minutesAfter(60).toISOString(),
};

const repairs: Required<Repairs> = {
  target: 'pcx-aaaaaaaa',
  at: [at, at],
  by: [alice],
  contest: { since: at, until: minutesAfter(1).toISOString(), waitMs: 60_000 },
  quietSince: at,
};

const drift: Required<Drift> = {
  ...change,
  because: 'target-down',
  foundAt: at,
  watched: true,
  stood: true,
  cause: { id: 'event-1', name: 'ReplaceRoute', time: '2026-11-23T12:00:00Z', actor: alice },
  expectsEvent: true,
  appliedAt: at,
  byUs: true,
  endedAt: at,
  runs: ['run-1', 'run-2'],
};

const lastDrift: Required<LastDrift> = {
  foundAt: at,
  routes: 2,
  actor: alice,
  others: true,
  calledAt: '2026-11-23T12:00:00Z',
  appliedAt: at,
  healedAt: at,
};

const policy: Required<Policy> = {
  mode: 'enforce',
  unlisted: 'delete',
  paused: { reason: 'maintenance', until: at },
  scope: ['10.0.0.0/8'],
  ignore: [{ destination: '10.200.0.0/16', target: 'eni-*', until: at }],
  overrideLocal: ['10.0.0.0/16'],
};

const order: Required<GivenOrder> = {
  kind: 'approval',
  destination: '10.99.0.0/16',
  reason: 'maintenance',
  by: 'alice',
  at,
  until: at,
  routes: [{ destination: '10.99.0.0/16', target: 'igw-aaaaaaaa' }],
  moreRoutes: 1,
  edits: ['edit-aaaaaaaaaaaa'],
};

/** A memory with everything in it. */
const remembered: Required<Memory> = {
  ...memory({
    '10.20.0.0/16': {
      listed: true,
      ours: 'pcx-aaaaaaaa',
      overrodeLocal: true,
      inForce: 'pcx-aaaaaaaa',
      seenAsListed: true,
      wasLocal: true,
      seen: {
        target: 'pcx-aaaaaaaa',
        state: 'blackhole',
        ownerId: '444455556666',
        leftAlone: 'maybe-not-ours',
        takesTraffic: true,
      },
      arrival: 'listed',
      emptySince: at,
      instances: { 'eni-aaaaaaaa': 'i-aaaaaaaa' },
      down: {
        target: 'pcx-aaaaaaaa',
        since: at,
        upAt: at,
        aliveSince: at,
        takenDown: { id: 'call-1', name: 'StopInstances', time: at },
        seenMovedAt: at,
        moved: { id: 'call-2', name: 'ReplaceRoute', time: at },
      },
      rescue: {
        target: 'pcx-aaaaaaaa',
        since: at,
        upAt: at,
        takenDown: { id: 'call-1', name: 'StopInstances', time: at },
        run: 'run-1',
      },
      planned: change,
      waits: 'first-deletes',
      troubles: ['blackhole', 'not-ours'],
      refusal,
      repairs,
      written: { target: 'pcx-aaaaaaaa', from: 'tgw-aaaaaaaa', isUncertain: true },
      drift: [drift],
    },
    '10.99.0.0/16': { written: { isShown: true } },
    'pl-aaaaaaaa': { arrival: 'appeared' },
  }),
  desiredHash: 'aaaaaaaaaaaa',
  policyHash: 'bbbbbbbbbbbb',
  lastValid: 'aaaaaaaaaaaa',
  policy,
  orders: [order],
  readAt: '2026-11-23T11:59:00.000Z',
  readForCallAt: '2026-11-23T11:59:10.000Z',
  turnAt: '2026-11-23T12:30:00.000Z',
  policySince: { policy: 'bbbbbbbbbbbb', at: '2026-11-23T11:00:00.000Z', before: 'adopted', isWatched: true },
  watched: true,
  lastWriteAt: at,
  braked: { desiredHash: 'aaaaaaaaaaaa', since: at, edit: 'edit-aaaaaaaaaaaa' },
  lag: { since: at, waitMs: 60_000 },
  doubt: true,
  lastDrift,
  approval: { at, by: 'alice', routes: [{ destination: '10.99.0.0/16', target: 'igw-aaaaaaaa' }] },
  openRuns: [{ id: 'run-2', destinations: ['10.20.0.0/16'] }],
  deletions: ['deletion-1'],
  callsSeen: ['call-1'],
  forgotten: 3,
  indexed: ['pcx-aaaaaaaa', 'vpc-aaaaaaaa'],
  unindexed: ['pcx-bbbbbbbb'],
};

/** A status with everything in it. */
const status: Required<Status> = {
  routeTableId,
  phase: 'Failed',
  reason: 'could not replace 10.20.0.0/16',
  vpcId: 'vpc-aaaaaaaa',
  name: 'private-a',
  mode: 'observe',
  listed: 2,
  plan: { ...summaryOf(planned), omitted: { changes: 1, leftAlone: 2, findings: 3 } },
  blackholes: 1,
  problems: [{ path: 'routes[0]', found: 'nothing', message: 'expected a route' }],
  failures: [{ ...refusal, destination: '10.20.0.0/16' }],
  contested: [
    {
      destination: '10.20.0.0/16',
      target: 'pcx-aaaaaaaa',
      repairs: 2,
      by: [alice],
      until: minutesAfter(1).toISOString(),
    },
  ],
  drift: [drift],
  lastDrift,
  trigger: { kind: 'event', id: 'event-1', name: 'DeleteRoute', time: '2026-11-23T12:00:00Z', via: 'pcx-aaaaaaaa' },
  actor: alice,
  checkedAt: at,
  changedAt: at,
  inSyncSince: at,
  nextRetry: minutesAfter(1).toISOString(),
  pause: { reason: 'maintenance', of: 'table', by: 'alice', at, until: minutesAfter(60).toISOString() },
  inForce: { since: at, phase: 'InSync', reason: 'every route is as desired' },
};

const unsent: News = {
  metrics: [{ name: 'RoutesReplaced', value: 2 }],
  events: [
    {
      type: 'Route Drift Healed',
      detail: {
        id: `${routeTableId}/${at}/0`,
        routeTableId,
        phase: 'InSync',
        reason: 'every route is as desired',
        at,
        trigger: { kind: 'sweep' },
        changes: [
          { ...change, actor: alice },
          { ...change, actor: 'unattributed' },
        ],
        since: at,
      },
    },
  ],
};

/** The first state of a table, with everything in it. */
export const state: Required<StoredState> = {
  status,
  memory: remembered,
  revision: 1,
  seen: 'dddddddddddddddd',
  dueAt: minutesAfter(15).toISOString(),
  unsent,
};

const run: Run = {
  routeTableId,
  id: `${now.toISOString()}#aaaaaaaaaaaa`,
  trigger: { kind: 'sweep' },
  plan: summaryOf(planned),
  outcome: [],
  detectedAt: now.toISOString(),
};

const lastSweep = { startedAt: at, checked: 3, outOfSync: 1, unknown: { count: 0, first: [] } };

const claim = (holder: string, at: Date = now): Claim => ({
  holder,
  now: at,
  expiresAt: minutesAfter(1, at),
  latestEnd: minutesAfter(10, at),
  retakeBefore: minutesAfter(-1, at),
});

/** The promises of every store, in memory or not. `make` creates empty stores. */
export function describeStores(name: string, make: () => Promise<Stores>): void {
  describe(name, () => {
    let stores: Stores;
    beforeEach(async () => {
      stores = await make();
    });

    describe('desired items', () => {
      it('are read as they were written, whatever they contain', async () => {
        const item = { routeTableId, routes: [{ destination: 'x', more: [1, null, true, { deep: '' }] }], empty: {} };
        await stores.put(item);
        expect(await collect(stores.desired.pages())).toEqual([{ items: [{ routeTableId, item }] }]);
      });

      it('are listed in pages, each once, starting after a cursor', async () => {
        const ids = Array.from({ length: 230 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
        await Promise.all(ids.map((routeTableId) => stores.put({ routeTableId, routes: [] })));
        const pages = await collect(stores.desired.pages());
        expect(pages.map(({ items }) => items.length)).toEqual([100, 100, 30]);
        const listed = pages.flatMap(({ items }) => items);
        expect(new Set(listed.map(({ routeTableId }) => routeTableId))).toEqual(new Set(ids));
        expect(listed[0]?.item).toEqual({ routeTableId: listed[0]?.routeTableId, routes: [] });
        expect(pages.at(-1)).not.toHaveProperty('next');
        expect(await collect(stores.desired.pages(pages[0]?.next))).toEqual(pages.slice(1));
        // A cursor may point into the middle of a page.
        const rest = await collect(stores.desired.pages(listed[149]?.routeTableId));
        expect(rest.flatMap(({ items }) => items)).toEqual(listed.slice(150));
      });
    });

    describe('orders', () => {
      it('are empty if nobody gave any', async () => {
        const { of: ordersOf } = await stores.orders.all();
        expect([ordersOf(routeTableId), ordersOf(otherId)]).toEqual([noOrders, noOrders]);
      });

      it('are read for each table, with the orders for all tables', async () => {
        await stores.order(routeTableId, 'pause', { reason: 'maintenance' });
        await stores.order(routeTableId, 'holds', { holds: { '10.20.0.0/16': { reason: 'test' } } });
        await stores.order('*', 'stop', {});
        const { of: ordersOf } = await stores.orders.all();
        const stop = { of: 'fleet', reason: 'no reason given' };
        expect(ordersOf(routeTableId)).toEqual({
          pauses: [{ of: 'table', reason: 'maintenance' }, stop],
          holds: [{ destination: '10.20.0.0/16', reason: 'test' }],
        });
        expect([ordersOf(otherId), ordersOf('*')]).toEqual([
          { ...noOrders, pauses: [stop] },
          { ...noOrders, pauses: [stop] },
        ]);
        expect(await stores.orders.ofAll()).toEqual({ ...noOrders, pauses: [stop] });
        await stores.order('*', 'stop');
        expect(await stores.orders.ofAll()).toEqual(noOrders);
        expect((await stores.orders.all()).of(otherId)).toEqual(noOrders);
      });
    });

    describe('a last valid item', () => {
      const large = {
        routeTableId,
        routes: Array.from({ length: 1_000 }, (_, n) => ({
          destination: `10.${n >> 8}.${n & 255}.0/24`,
          target: 'pcx-0123456789abcdef0',
          description: `${n} `.padEnd(256, 'long '),
        })),
        maxDeletes: 3,
      };

      it('is undefined if none was written', async () => {
        expect(await stores.lastValid.read(routeTableId)).toBeUndefined();
      });

      it('is read as it was last written, for each table, however large it is', async () => {
        const version = { item: large, since: minutesAfter(1).toISOString() };
        await stores.lastValid.write(routeTableId, { item: { routeTableId, routes: [] }, since: now.toISOString() });
        await stores.lastValid.write(routeTableId, version);
        expect(await stores.lastValid.read(routeTableId)).toEqual(version);
        expect(await stores.lastValid.read(otherId)).toBeUndefined();
      });

      it('is undefined after it was removed, and may be removed twice', async () => {
        await stores.lastValid.write(routeTableId, { item: large, since: now.toISOString() });
        await stores.lastValid.remove(routeTableId);
        await stores.lastValid.remove(routeTableId);
        expect(await stores.lastValid.read(routeTableId)).toBeUndefined();
      });

      it('is separate from the state', async () => {
        await stores.lastValid.write(routeTableId, { item: large, since: now.toISOString() });
        expect(await stores.states.read(routeTableId)).toEqual({});
      });
    });

    describe('states', () => {
      const { unsent: _, ...announced } = state;
      const { memory: __, unsent: ___, ...glance } = state;
      const later = (reason: string): StoredState => ({ ...announced, revision: 2, status: { ...status, reason } });

      it('are read as they were written, with all fields or few', async () => {
        expect(await stores.states.write(state)).toBe(true);
        expect(await stores.states.read(routeTableId)).toEqual({ state });
        const { phase, reason, trigger, checkedAt, changedAt } = status;
        const little = {
          status: { routeTableId: otherId, phase, reason, failures: [], trigger, checkedAt, changedAt },
          memory: memory(),
          revision: 1,
        };
        await stores.states.write(little);
        expect(await stores.states.read(otherId)).toEqual({ state: little });
      });

      it('are undefined if nothing was written', async () => {
        expect(await stores.states.read(routeTableId)).toEqual({});
        expect(await stores.states.glance([routeTableId])).toEqual(new Map());
      });

      it('are written only over their predecessor', async () => {
        await stores.states.write(state);
        expect(await stores.states.write(later('second'))).toBe(true);
        expect(await stores.states.write(later('late'))).toBe(false);
        expect(await stores.states.write(state)).toBe(false);
        expect(await stores.states.read(routeTableId)).toEqual({ state: later('second') });
      });

      it('are glanced at in bulk, even more than fit in one request, and only existing ones are returned', async () => {
        const ids = Array.from({ length: 120 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
        const statusOf = (id: string): Status => ({ ...status, routeTableId: id });
        await Promise.all(ids.map((id) => stores.states.write({ ...state, status: statusOf(id) })));
        const found = await stores.states.glance([...ids, otherId]);
        expect(found).toEqual(new Map(ids.map((id) => [id, { ...glance, status: statusOf(id), hasUnsent: true }])));
        expect(await stores.states.glance([])).toEqual(new Map());
      });

      it('are glanced at without their memory, but with whether news is unsent', async () => {
        await stores.states.write(announced);
        const found = await stores.states.glance([routeTableId]);
        expect(found).toEqual(new Map([[routeTableId, { ...glance, hasUnsent: false }]]));
      });

      it('lose unsent news after it was sent, or keep the rest', async () => {
        await stores.states.write(state);
        const rest = { metrics: [], events: unsent.events };
        await stores.states.writeUnsent(routeTableId, 1, rest);
        expect(await stores.states.read(routeTableId)).toEqual({ state: { ...state, unsent: rest } });
        await stores.states.writeUnsent(routeTableId, 1, undefined);
        expect(await stores.states.read(routeTableId)).toEqual({ state: announced });
      });

      it('keep unsent news if another revision was sent, and have none if nothing was written', async () => {
        await stores.states.writeUnsent(routeTableId, 1, unsent);
        expect(await stores.states.read(routeTableId)).toEqual({});
        await stores.states.write(state);
        for (const revision of [0, 2]) await stores.states.writeUnsent(routeTableId, revision, undefined);
        expect(await stores.states.read(routeTableId)).toEqual({ state });
      });

      it('lose what the last read showed, so that the next sweep reads again, unless a later state was written', async () => {
        await stores.states.unsee(routeTableId, 1);
        expect(await stores.states.read(routeTableId)).toEqual({});
        await stores.states.write(state);
        const { seen: _, ...unseen } = state;
        await stores.states.unsee(routeTableId, 2);
        expect(await stores.states.read(routeTableId)).toEqual({ state });
        await stores.states.unsee(routeTableId, 1);
        expect(await stores.states.read(routeTableId)).toEqual({ state: unseen });
      });

      it('are separate from runs and from the sweep record', async () => {
        await stores.states.recordRun(run);
        await stores.states.writeSweep(lastSweep);
        expect(await stores.states.read(routeTableId)).toEqual({});
        expect(await stores.states.glance([routeTableId, '*'])).toEqual(new Map());
        await stores.states.write(state);
        expect(await stores.states.readRun(routeTableId, run.id)).toEqual(run);
        expect(await stores.states.readSweep()).toEqual(lastSweep);
      });
    });

    describe('a run', () => {
      it('is read as it was last written, for each table and id', async () => {
        await stores.states.recordRun(run);
        await stores.states.recordRun({ ...run, appliedAt: at });
        expect(await stores.states.readRun(routeTableId, run.id)).toEqual({ ...run, appliedAt: at });
        expect(await stores.states.readRun(otherId, run.id)).toBeUndefined();
        expect(await stores.states.readRun(routeTableId, 'run-9')).toBeUndefined();
      });

      it('is found by the time it began', async () => {
        const early = { ...run, id: '2026-10-05T12:00:00.000Z#a' };
        const late = { ...run, id: '2026-10-05T12:00:00.001Z#b' };
        for (const one of [late, early]) await stores.states.recordRun(one);
        await stores.states.write(state);
        expect(await stores.states.runsSince(routeTableId, '2026-10-05T11:59:59.999Z')).toEqual([early, late]);
        expect(await stores.states.runsSince(routeTableId, '2026-10-05T12:00:00.000Z')).toEqual([late]);
        expect(await stores.states.runsSince(otherId, '2026-10-05T11:59:59.999Z')).toEqual([]);
      });
    });

    describe('the last sweep', () => {
      it('is read as it was last written, with its cursor or without', async () => {
        expect(await stores.states.readSweep()).toBeUndefined();
        for (const written of [{ ...lastSweep, cursor: routeTableId }, lastSweep]) {
          await stores.states.writeSweep(written);
          expect(await stores.states.readSweep()).toEqual(written);
        }
      });
    });

    describe('the announced orders for all tables', () => {
      const written = { revision: 7, orders: [order], unsent: [...unsent.events] };
      const later = { revision: 8, orders: [], unsent: [] };

      it('are read as they were last written', async () => {
        expect(await stores.states.readFleetOrders()).toBeUndefined();
        expect(await stores.states.writeFleetOrders(written, undefined)).toBe(true);
        expect(await stores.states.readFleetOrders()).toEqual(written);
        expect(await stores.states.writeFleetOrders(later, 7)).toBe(true);
        expect(await stores.states.readFleetOrders()).toEqual(later);
        expect(await stores.states.readSweep()).toBeUndefined();
      });

      it('are not written by a function that has read an older revision, or none', async () => {
        await stores.states.writeFleetOrders(written, undefined);
        for (const before of [undefined, 6, 8]) expect(await stores.states.writeFleetOrders(later, before)).toBe(false);
        expect(await stores.states.readFleetOrders()).toEqual(written);
      });
    });

    describe('the fleet brake', () => {
      const edit = { id: 'edit-aaaaaaaaaaaa', at };
      const written = { revision: 1, places: { [routeTableId]: at }, edit, unannounced: [edit] };
      const later = { revision: 2, places: {}, unannounced: [] };

      it('is read as it was last written', async () => {
        expect(await stores.states.readBrake()).toBeUndefined();
        expect(await stores.states.writeBrake(written, undefined)).toBe(true);
        expect(await stores.states.readBrake()).toEqual(written);
        expect(await stores.states.writeBrake(later, 1)).toBe(true);
        expect(await stores.states.readBrake()).toEqual(later);
      });

      it('is not written by a function that has read an older row, or none', async () => {
        await stores.states.writeBrake(written, undefined);
        for (const before of [undefined, 0, 2]) expect(await stores.states.writeBrake(later, before)).toBe(false);
        expect(await stores.states.readBrake()).toEqual(written);
      });
    });

    describe('the index', () => {
      const found = (...ids: readonly string[]) =>
        Promise.all(ids.map(async (id) => [...(await stores.index.tablesUnder(id))].sort()));

      it('finds the tables that were added under an id, and forgets the removed ones', async () => {
        await stores.index.keep(routeTableId, { add: ['nat-aaaaaaaa', 'vpc-aaaaaaaa'], remove: [] });
        await stores.index.keep(otherId, { add: ['vpc-aaaaaaaa'], remove: ['pcx-aaaaaaaa'] });
        expect(await found('nat-aaaaaaaa', 'vpc-aaaaaaaa', 'pcx-aaaaaaaa')).toEqual([
          [routeTableId],
          [routeTableId, otherId].sort(),
          [],
        ]);
        await stores.index.keep(routeTableId, { add: [], remove: ['nat-aaaaaaaa', 'vpc-aaaaaaaa'] });
        expect(await found('nat-aaaaaaaa', 'vpc-aaaaaaaa')).toEqual([[], [otherId]]);
      });

      it('takes more ids than fit in one request, once or twice', async () => {
        const ids = Array.from({ length: 60 }, (_, n) => `eni-${n.toString(16).padStart(8, '0')}`);
        for (const _ of [1, 2]) await stores.index.keep(routeTableId, { add: ids, remove: [] });
        expect(await found(...ids)).toEqual(ids.map(() => [routeTableId]));
      });

      it('says which of the given tables are under an id', async () => {
        await stores.index.keep(otherId, { add: ['managed'], remove: [] });
        expect(await stores.index.thoseUnder('managed', [routeTableId, otherId])).toEqual(new Set([otherId]));
        expect(await stores.index.thoseUnder('managed', [])).toEqual(new Set());
      });

      it('is separate from states', async () => {
        await stores.index.keep(routeTableId, { add: ['nat-aaaaaaaa'], remove: [] });
        expect(await stores.states.read(routeTableId)).toEqual({});
        expect(await stores.states.glance([routeTableId, '#nat-aaaaaaaa'])).toEqual(new Map());
      });
    });

    describe('evidence', () => {
      const longAgo = minutesAfter(-24 * 60);
      const keep = (kept: readonly ReportedCall[], id = routeTableId) =>
        stores.evidence.keep(kept.map((call) => ({ routeTableId: id, call })));

      it('is read as it was kept, for each table, the newest call first', async () => {
        await keep(calls.toReversed());
        expect(await stores.evidence.of(routeTableId, longAgo)).toEqual(calls);
        expect(await stores.evidence.of(otherId, longAgo)).toEqual([]);
      });

      it('has one row for each table and call, however often it is kept', async () => {
        for (const _ of [1, 2]) await keep(calls);
        expect(await stores.evidence.of(routeTableId, longAgo)).toEqual(calls);
      });

      it('is read from a given time on', async () => {
        await keep(calls);
        expect(await stores.evidence.of(routeTableId, minutesAfter(-2))).toEqual(calls.slice(0, 3));
      });

      it('is kept for one call and more tables than fit in one request', async () => {
        const ids = Array.from({ length: 60 }, (_, n) => `rtb-${n.toString(16).padStart(8, '0')}`);
        const [call] = calls;
        if (call) await stores.evidence.keep(ids.map((routeTableId) => ({ routeTableId, call })));
        const found = await Promise.all(ids.map((id) => stores.evidence.of(id, longAgo)));
        expect(found).toEqual(ids.map(() => [call]));
      });

      it('is limited when it is read: after a storm, the newest 300 calls are returned', async () => {
        const storm = calls
          .slice(0, 1)
          .flatMap((call) => Array.from({ length: 310 }, (_, n) => ({ ...call, id: `${n + 100}` })));
        await keep(storm);
        const found = await stores.evidence.of(routeTableId, longAgo);
        expect(found).toEqual(storm.toReversed().slice(0, 300));
      });

      it('is separate from states and runs', async () => {
        await stores.states.recordRun(run);
        await stores.states.write(state);
        expect(await stores.evidence.of(routeTableId, longAgo)).toEqual([]);
      });
    });

    describe('a row of the pace', () => {
      const row = 'create#edits';
      const at = now.getTime();
      const step = { floor: at - 10_000, latest: at, limit: at + 60_000, byMs: 4_000 };

      it('begins at the floor, and is advanced by each step until it is too late for one', async () => {
        const { pace } = stores;
        const answers = [];
        for (let n = 0; n < 4; n++) answers.push(await pace.advance(row, step));
        expect(answers).toEqual([
          { isGiven: true, from: at - 10_000 },
          { isGiven: true, from: at - 6_000 },
          { isGiven: true, from: at - 2_000 },
          { isGiven: false, from: at + 2_000 },
        ]);
        expect(await pace.advance('delete#edits', step)).toEqual({ isGiven: true, from: at - 10_000 });
      });

      it('gives each turn once, however many functions ask at the same time', async () => {
        const { pace } = stores;
        const answers = await Promise.all(Array.from({ length: 8 }, () => pace.advance(row, step)));
        const given = answers.filter(({ isGiven }) => isGiven).map(({ from }) => from);
        expect(given.sort((a, b) => a - b)).toEqual([at - 10_000, at - 6_000, at - 2_000]);
      });

      it('loses what was not used before the floor', async () => {
        const { pace } = stores;
        await pace.advance(row, step);
        const later = { ...step, floor: at + 1_000, latest: at + 20_000 };
        expect(await pace.advance(row, later)).toEqual({ isGiven: true, from: at + 1_000 });
      });

      it.each([
        ['is no number', 'moon'],
        ['is empty', null],
        ['is further ahead than a row can be', at + 60_001],
        ['is of the year 9999', 253_402_300_799_000],
        ['is negative', -1],
      ])('starts anew if it %s', async (_, tat) => {
        await stores.putPace(row, tat);
        expect(await stores.pace.advance(row, step)).toEqual({ isGiven: true, from: at - 10_000 });
        expect(await stores.pace.advance(row, step)).toEqual({ isGiven: true, from: at - 6_000 });
      });

      it('is separate from the rows of the fleet', async () => {
        await stores.pace.advance(row, step);
        expect(await stores.states.readSweep()).toBeUndefined();
        expect(await stores.states.readBrake()).toBeUndefined();
      });
    });

    describe('a lease', () => {
      const events = { kinds: ['event'], deletions: [], hop: 0 } as const;
      const deletion = (id: string) => ({ kinds: ['desired'], deletions: [id], hop: 0 }) as const;

      it('is taken by one holder, and others get its end', async () => {
        const { leases } = stores;
        expect(await leases.take(routeTableId, claim('one'))).toEqual({ taken: true, left: nothingLeft });
        expect(await leases.take(routeTableId, claim('two', minutesAfter(0.5)))).toEqual({
          taken: false,
          expiresAt: minutesAfter(1),
        });
        expect(await leases.take(otherId, claim('two'))).toEqual({ taken: true, left: nothingLeft });
      });

      it('is taken by another holder after it has ended or expired', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        expect(await leases.release(routeTableId, claim('one'), [])).toEqual({ released: true });
        expect(await leases.take(routeTableId, claim('two'))).toEqual({ taken: true, left: nothingLeft });
        expect(await leases.take(routeTableId, claim('three', minutesAfter(1)))).toEqual({
          taken: true,
          left: nothingLeft,
        });
      });

      it('is taken again by its holder, but not at once', async () => {
        const { leases } = stores;
        const long = { ...claim('one'), expiresAt: minutesAfter(5) };
        await leases.take(routeTableId, long);
        expect(await leases.take(routeTableId, claim('one', minutesAfter(0.9)))).toMatchObject({ taken: false });
        expect(await leases.take(routeTableId, claim('one', minutesAfter(1)))).toEqual({
          taken: true,
          left: nothingLeft,
        });
      });

      it('is taken by another holder if it ends later than a lease can', async () => {
        const { leases } = stores;
        const expiresAt = new Date('9999-12-31T23:59:59.999Z');
        await leases.take(routeTableId, { ...claim('one'), expiresAt });
        await leases.leave(routeTableId, events, 'two', now);
        expect(await leases.take(routeTableId, claim('two'))).toEqual({ taken: true, left: events, wasInvalid: true });
        expect(await leases.take(routeTableId, claim('three'))).toMatchObject({ taken: false });
      });

      it('hands over what was left with it when its holder releases it, and then lasts longer', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        expect(await leases.leave(routeTableId, events, 'two', now)).toBe('first');
        expect(await leases.leave(routeTableId, deletion('1'), 'three', now)).toBe('more');
        expect(await leases.leave(routeTableId, deletion('2'), 'four', now)).toBe('more');
        expect(await leases.leave(routeTableId, events, 'five', now)).toBe('more');
        expect(await leases.release(routeTableId, claim('one', minutesAfter(0.5)), [])).toEqual({
          released: false,
          left: { kinds: ['event', 'desired'], deletions: ['1', '2'], hop: 0 },
        });
        expect(await leases.take(routeTableId, claim('two', minutesAfter(1.2)))).toMatchObject({ taken: false });
        expect(await leases.release(routeTableId, claim('one', minutesAfter(1.2)), [])).toEqual({ released: true });
      });

      it('recognizes the first one to leave something when its call is repeated', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        await leases.leave(routeTableId, events, 'two', now);
        expect(await leases.leave(routeTableId, events, 'two', now)).toBe('first');
      });

      it('accepts nothing to be left with it if it is free or expired', async () => {
        const { leases } = stores;
        expect(await leases.leave(routeTableId, events, 'two', now)).toBe('free');
        await leases.take(routeTableId, claim('one'));
        expect(await leases.leave(routeTableId, events, 'two', minutesAfter(1))).toBe('free');
      });

      it('passes what was left with a dead holder on to the next holder', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        await leases.leave(routeTableId, deletion('1'), 'three', now);
        expect(await leases.take(routeTableId, claim('two', minutesAfter(2)))).toEqual({
          taken: true,
          left: deletion('1'),
        });
      });

      it('keeps a deletion until a holder has answered it, however many holders die', async () => {
        const { leases } = stores;
        const onlyDeletion = { kinds: [], deletions: ['1'], hop: 0 };
        await leases.take(routeTableId, claim('one'));
        await leases.leave(routeTableId, deletion('1'), 'three', now);
        await leases.take(routeTableId, claim('two', minutesAfter(2)));
        expect(await leases.take(routeTableId, claim('three', minutesAfter(4)))).toEqual({
          taken: true,
          left: onlyDeletion,
        });
        await leases.leave(routeTableId, deletion('2'), 'four', minutesAfter(4));
        expect(await leases.release(routeTableId, claim('three', minutesAfter(4)), ['1'])).toEqual({
          released: false,
          left: deletion('2'),
        });
        expect(await leases.release(routeTableId, claim('three', minutesAfter(4)), ['2'])).toEqual({ released: true });
        expect(await leases.take(routeTableId, claim('four', minutesAfter(4)))).toEqual({
          taken: true,
          left: nothingLeft,
        });
      });

      it('is dropped only by its holder, and keeps the deletions that are not answered', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        await leases.leave(routeTableId, deletion('1'), 'three', now);
        expect(await leases.drop(routeTableId, 'two', [])).toEqual(nothingLeft);
        expect(await leases.drop(routeTableId, 'one', [])).toEqual(deletion('1'));
        const left = { kinds: [], deletions: ['1'], hop: 0 };
        expect(await leases.take(routeTableId, claim('two'))).toEqual({ taken: true, left });
        expect(await leases.drop(routeTableId, 'two', ['1'])).toEqual(nothingLeft);
        expect(await leases.take(routeTableId, claim('three'))).toEqual({ taken: true, left: nothingLeft });
      });

      it('is not ended by an earlier holder after another holder took it', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        await leases.take(routeTableId, claim('two', minutesAfter(2)));
        expect(await leases.release(routeTableId, claim('one', minutesAfter(2)), [])).toEqual({ released: true });
        expect(await leases.take(routeTableId, claim('three', minutesAfter(2)))).toMatchObject({ taken: false });
      });

      it('hands over the most hops of what was left with it, once', async () => {
        const { leases } = stores;
        const left = (hop: number) => ({ kinds: ['requeue'], deletions: [], hop }) as const;
        await leases.take(routeTableId, claim('one'));
        for (const hop of [3, 11, 0]) await leases.leave(routeTableId, left(hop), `request-${hop}`, now);
        expect(await leases.release(routeTableId, claim('one'), [])).toEqual({ released: false, left: left(11) });
        await leases.leave(routeTableId, left(2), 'request-2', now);
        expect(await leases.drop(routeTableId, 'one', [])).toEqual(left(2));
        await leases.take(routeTableId, claim('two'));
        await leases.leave(routeTableId, left(7), 'request-7', now);
        const next = minutesAfter(2);
        expect(await leases.take(routeTableId, claim('three', next))).toEqual({ taken: true, left: left(7) });
        await leases.leave(routeTableId, left(1), 'request-1', next);
        expect(await leases.drop(routeTableId, 'three', [])).toEqual(left(1));
      });

      it('limits what a storm leaves, and starts again for the next storm', async () => {
        const { leases } = stores;
        await leases.take(routeTableId, claim('one'));
        for (let n = 1; n <= 120; n++) await leases.leave(routeTableId, events, `request-${n}`, now);
        expect(await leases.release(routeTableId, claim('one'), [])).toEqual({ released: false, left: events });
        expect(await leases.leave(routeTableId, events, 'request-120', now)).toBe('first');
      });
    });
  });
}
