import { waitingIn } from '../../reconciler/core/plan/guard.ts';
import { isDeepStrictEqual } from 'node:util';
import { type DomainEvent, detailSchemas } from '../../reconciler/core/announce/domain-event.ts';
import type { MetricName } from '../../reconciler/core/announce/metrics.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import type { StoredState } from '../../reconciler/ports.ts';
import { type World, slotAt } from '../support/ec2/world.ts';
import { isDetected, isLeftAlone } from './announcements.ts';
import { announces, ourRole, tellsOf } from './drifts.ts';
import type { Facts, Look, TableFacts } from './facts.ts';
import type { Invariants } from './invariants.ts';
import { allowedIn, wantedAt } from './oracle.ts';

/** A written state, with the news that its predecessor does not have. */
export interface Written {
  readonly state: StoredState;
  readonly news: News;
  /** Destinations whose drift it announces again, although nothing happened there since. */
  readonly again: readonly string[];
  /** Destinations whose drift it announces, although nobody else can have changed them. */
  readonly ours: readonly string[];
  /** Destinations that it says are left alone, although the read before showed the same. */
  readonly leftAgain: readonly string[];
  /** Destinations that it says are left alone, and that it also announces because their listed target is down. */
  readonly leftTwice: readonly string[];
  /** Destinations that it says are left alone, although no announcement is due. */
  readonly leftForNothing: readonly string[];
  /** Destinations whose drift it announces as over, although the read shows that it is not. */
  readonly notOver: readonly string[];
}

/** The number of rejected events that one table keeps. */
const unsentAtMost = 200;

/** Checked when a state was written. */
export const atNews: Invariants<[Written, Look, Facts]> = {
  'events that were not announced are kept': ({ state: { unsent } }, { before }) => {
    const { metrics = [], events = [] } = before?.unsent ?? {};
    const kept = new Set(unsent?.events.map(({ detail }) => detail.id));
    const lost = events.find(({ detail }) => !kept.has(detail.id));
    if (lost && kept.size < unsentAtMost) return `${tell(lost)} is no longer kept`;
    return isDeepStrictEqual(unsent?.metrics.slice(0, metrics.length) ?? [], metrics)
      ? undefined
      : `nobody counts ${JSON.stringify(metrics)} any more`;
  },

  'metrics count the changes that EC2 confirmed': ({ news: { metrics } }, { round }) => {
    for (const [action, name] of Object.entries(metricOf)) {
      const done = round.mutations.filter((one) => one.action === action && one.outcome === 'done').length;
      const counted = sumOf(metrics, name);
      if (counted !== done) return `${name} is ${counted}, and EC2 did ${done}`;
    }
    return undefined;
  },

  'drift is counted as it is announced': ({ news: { metrics, events } }) => {
    for (const [name, enforced] of [
      ['DriftDetected', true],
      ['DriftObserved', false],
    ] as const) {
      const told = events.filter(isDetected).filter(({ detail }) => detail.enforced === enforced);
      const announced = told.reduce((sum, { detail }) => sum + detail.changes.length + (detail.omitted ?? 0), 0);
      const counted = sumOf(metrics, name);
      if (counted !== announced) return `${name} is ${counted}, and ${announced} changes are announced`;
    }
    return undefined;
  },

  'drift is announced once': ({ again }) =>
    again.length > 0 ? `${again.join(', ')} is announced again, and nothing happened there` : undefined,

  'an order and its end are announced once each': ({ news: { events } }, _, { announcements }) => {
    const again = events.find((event) => announcements.isKnownOrder(event));
    return again && `${tell(again)} was announced before`;
  },

  'announced drift was caused by others': ({ ours }) =>
    ours.length > 0 ? `${ours.join(', ')} is announced as drift, and nobody else was there` : undefined,

  'a route that is left alone is announced once': ({ leftAgain }) =>
    leftAgain.length > 0 ? `${leftAgain.join(', ')} is left alone as before, and announced again` : undefined,

  'a route that stays because its listed target is down is announced once': ({ leftTwice }) =>
    leftTwice.length > 0 ? `${leftTwice.join(', ')} is announced twice` : undefined,

  'a route that is as listed, or private and ignored, is not announced as left alone': ({ leftForNothing }) =>
    leftForNothing.length > 0 ? `${leftForNothing.join(', ')} is announced as left alone` : undefined,

  'the routes that stood at adoption are not announced one by one': ({ news: { events } }, { before }) => {
    const event = before ? undefined : events.find(isLeftAlone);
    return event && `${tell(event)}, and no state was there before`;
  },

  'drift that is announced as over is over': ({ notOver }) =>
    notOver.length > 0 ? `the drift of ${notOver.join(', ')} is called over, and no read shows that` : undefined,

  'nobody is named who did not make the difference': ({ state, news: { events } }, { routeTableId }, watch) => {
    const { drifts } = watch.facts(routeTableId);
    const named = [
      ...events.filter(isDetected).flatMap(({ detail }) => detail.changes),
      ...events.filter(isLeftAlone).flatMap(({ detail }) => detail.routes.map((one) => ({ ...one, from: one.target }))),
      ...[...state.memory.destinations.values()].flatMap(({ drift = [] }) =>
        drift.map((one) => ({ ...one, actor: one.cause?.actor })),
      ),
    ];
    for (const { destination, from, actor } of named) {
      // The name of an instance that we wrote: EC2 knows only its interface.
      if (actor === undefined || actor === 'unattributed' || from?.startsWith('i-')) continue;
      const makers = drifts.makersOf(destination, from);
      // Our own call is an event only by a fault: no rule on actors applies to it.
      if (nameIn(actor.arn) !== ourRole && !makers.has(nameIn(actor.arn)))
        return `${actor.arn} is named for ${destination} to ${from ?? 'nothing'}, which ${[...makers].join(', ') || 'nobody'} made`;
    }
    return undefined;
  },

  'events keep their contract': ({ news: { events } }) => {
    const broken = events.find(({ type, detail }) => !detailSchemas[type].safeParse(detail).success);
    return broken && `${tell(broken)} breaks its schema: ${JSON.stringify(broken.detail)}`;
  },

  'different events have different ids': ({ news: { events } }, _, { announcements }) => {
    const taken = events.find(({ detail }) => announcements.event(detail.id) !== undefined);
    if (taken) return `${tell(taken)} has the id of an earlier event`;
    const twin = events.find((event) => announcements.hasTwin(event));
    return twin && `${tell(twin)} was announced under another id before`;
  },
};

/** Checked when a function announces something, before EventBridge accepts or rejects it. */
export const atAnnouncement: Invariants<[News, Facts]> = {
  'only events in a written state are announced': ({ events }, { announcements }) => {
    const unknown = events.find(({ detail }) => announcements.event(detail.id) === undefined);
    return unknown && `no state has ${tell(unknown)}`;
  },

  'an event is never changed': ({ events }, { announcements }) => {
    const other = events.find((event) => !isDeepStrictEqual(announcements.event(event.detail.id) ?? event, event));
    return other && `${tell(other)} was another event when it came to be`;
  },
};

/** Checked when a function ends without an error, for each table of which it had the lease. */
export const atNewsFinish: Invariants<[Look]> = {
  'a function that writes a state announces its news': ({ outbox, by, routeTableId }) =>
    outbox?.isAnswered && outbox.unsent && !outbox.isAnnounced
      ? `${by.name} wrote a state of ${routeTableId} and left its news to others`
      : undefined,
};

/** Checked at rest, for each table. */
export const atNewsRest: Invariants<[TableFacts, World, Facts, number]> = {
  'orders for a table and their ends are announced': ({ routeTableId, versions, state }, _, facts, time) => {
    // A table without an item is not reconciled.
    if (!versions.at(-1)?.spec || !state) return undefined;
    const { announcements, halts, holds } = facts;
    const given = [
      ...halts.rowsOf(routeTableId).filter(({ scope, until }) => scope === routeTableId && until > time),
      ...holds.rowsOf(routeTableId).filter(({ until }) => until > time),
    ].map((one) => ('destination' in one ? `hold ${one.destination}` : 'pause'));
    return differing(given, announcements.openOrders(routeTableId), routeTableId);
  },

  'drift that others made is announced': ({ drifts, routeTableId }, _, { announcements }) => {
    const taken = announcements.takenOf(routeTableId);
    const missing = drifts.owed.find((owed) => !taken.some((event) => announces(event, owed)));
    return (
      missing && `the drift of ${routeTableId} ${missing.destination}, found ${missing.foundAt}, was not announced`
    );
  },

  'every route that others make or retarget is announced': ({ drifts, routeTableId }, _, { announcements }) => {
    const taken = announcements.takenOf(routeTableId);
    const missing = drifts.owedRoutes.find((owed) => !taken.some((event) => tellsOf(event, owed)));
    return missing && `nobody was told of the route ${routeTableId} ${missing.destination}, seen at ${missing.foundAt}`;
  },

  'what waits for a person is announced': ({ state, routeTableId }, _, { announcements }) => {
    const { plan, phase, inForce } = state?.status ?? {};
    // While the item is invalid, its last valid version says whether anything may be changed.
    if ((inForce?.phase ?? phase) === 'Drifted' || !plan?.blocked) return undefined;
    const told = announcements
      .takenOf(routeTableId)
      .flatMap((event) =>
        event.type === 'Route Plan Blocked'
          ? [...event.detail.deletes, ...(event.detail.replaces ?? [])]
          : isDetected(event)
            ? event.detail.changes.map(({ destination }) => destination)
            : [],
      );
    const silent = waitingIn(plan.blocked).find(({ destination }) => !told.includes(destination));
    return silent && `${routeTableId} ${silent.destination} waits for a person, and was not announced`;
  },

  'the end of a drift is announced': ({ routeTableId, versions }, world, { announcements }) => {
    const spec = versions.at(-1)?.spec;
    const table = world.tables.get(routeTableId);
    if (!spec || !table) return undefined;
    const over = [...announcements.openDrift(routeTableId)].find((destination) => {
      const slot = slotAt(table, destination);
      const wanted = wantedAt(spec, destination);
      return wanted ? allowedIn(slot, wanted, world) : !slot;
    });
    return over && `the end of the drift of ${routeTableId} ${over} was not announced`;
  },

  'no news is left to announce': ({ state, routeTableId }) =>
    state?.unsent && `${routeTableId} still has to announce ${state.unsent.events.map(tell).join(', ') || 'metrics'}`,
};

/** Checked at rest, for the whole history. */
export const atNewsEnd: Invariants<[Facts, number]> = {
  'orders for all tables and their ends are announced': ({ announcements, halts }, time) => {
    const given = halts.rowsOf('*').filter(({ scope, until }) => scope === '*' && until > time);
    return differing(
      given.map(() => 'stop'),
      announcements.openOrders('*'),
      '*',
    );
  },

  'everything is counted, and once unless a function died': ({ announcements: { due, counted, mayBeRepeated } }) => {
    for (const [name, sum] of due) {
      const published = counted.get(name) ?? 0;
      if (published < sum || (published > sum && !mayBeRepeated))
        return `${name} adds up to ${published} instead of ${sum}`;
    }
    return undefined;
  },
};

function differing(given: readonly string[], announced: ReadonlySet<string>, scope: string): string | undefined {
  const silent = given.find((order) => !announced.has(order));
  if (silent) return `${silent} is ordered for ${scope}, and was not announced`;
  const over = [...announced].find((order) => !order.startsWith('approval') && !given.includes(order));
  return over && `${over} of ${scope} is over, and that was not announced`;
}

const metricOf = { replace: 'RoutesReplaced', delete: 'RoutesDeleted', create: 'RoutesCreated' } as const;

const sumOf = (metrics: News['metrics'], name: MetricName): number =>
  metrics.filter((metric) => metric.name === name).reduce((sum, { value }) => sum + value, 0);

/** The role name in the ARN of a session. People and tools are identified by it. */
const nameIn = (arn: string): string => arn.split('/')[1] ?? arn;

const tell = ({ type, detail }: DomainEvent): string => `${type} ${detail.id}`;
