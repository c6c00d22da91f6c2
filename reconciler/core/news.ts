import type { ChangeJson } from './change.ts';
import type { Heal } from './contest.ts';
import type { DomainEvent } from './domain-event.ts';
import { type Drift, type DriftNews, actorBehind } from './drift.ts';
import type { Actor } from './memory/call.ts';
import type { ChangeOutcome } from './outcome.ts';
import { type Status, cut, omittedOf } from './status.ts';
import type { SweepRecord } from './sweep-record.ts';
import { type Troubles, newIn, troublesIn } from './trouble.ts';

export const metricNamespace = 'RouteReconciler';

/** The one dimension of every metric: `service`. */
export const metricService = 'route-reconciler';

/** Every metric, with its unit. */
export const metricUnits = {
  /** Routes found changed that no edit asked for, in tables that are enforced; and in those only watched. */
  DriftDetected: 'Count',
  DriftObserved: 'Count',
  RoutesReplaced: 'Count',
  RoutesDeleted: 'Count',
  RoutesCreated: 'Count',
  /** Routes that newly cannot be as desired until somebody does something. */
  ChangesFailed: 'Count',
  /** Tables whose deletes newly wait for a person. */
  PlansBlocked: 'Count',
  /** Items that are newly refused. */
  InvalidDesired: 'Count',
  /** Destinations that are newly contested. */
  Contested: 'Count',
  /** Routes that newly lead nowhere, in tables that are enforced; and in those only watched. */
  Blackholes: 'Count',
  BlackholesObserved: 'Count',
  /** Drift that a sweep found, and no event told of within 15 minutes. */
  MissedByEvents: 'Count',
  /** From the time of the call that caused a drift to the answer to the call that healed it. */
  HealLatency: 'Milliseconds',
  /** Domain events that the bus did not take. */
  EventsNotTold: 'Count',
  SweepCompleted: 'Count',
  SweepDuration: 'Milliseconds',
  TablesManaged: 'Count',
  /** Enforced tables that are not as desired, and are not being put right this moment; and those only watched. */
  TablesOutOfSync: 'Count',
  TablesObserved: 'Count',
  /** Routes of enforced tables that lead nowhere, for as long as they do. */
  BlackholesKnown: 'Count',
  /** Tables the sweep could not look at. */
  TablesUnknown: 'Count',
} as const;

export type MetricName = keyof typeof metricUnits;

/** What there is to tell: each value of a metric, and each event, once. */
export interface News {
  readonly metrics: readonly { readonly name: MetricName; readonly value: number }[];
  readonly events: readonly DomainEvent[];
}

/** What somebody changed around a table, in one sentence. */
export interface Notice {
  readonly notice: string;
  readonly actor?: Actor;
}

/** What else one look brought, besides its status. */
export interface Brought {
  readonly outcomes: readonly ChangeOutcome[];
  readonly drift: DriftNews;
  /** What new calls changed around the table. */
  readonly notices: readonly Notice[];
}

/**
 * What one look at a table brought that was not so before: transitions only, recovery included. A table that stays as it
 * is has no news, however often it is looked at.
 */
export function newsOf(status: Status, before: Status | undefined, { outcomes, drift, notices }: Brought): News {
  const [now, was] = [troublesIn(status), troublesIn(before)];
  const isWatched = status.watched === true;
  const common = commonTo(status);
  const failed = newIn(now.failing, was.failing);
  const blocked = newIn(now.blocked, was.blocked);
  const contested = new Set(newIn(now.contested, was.contested));
  const ended = (trouble: keyof Troubles): boolean => was[trouble].length > 0 && now[trouble].length === 0;
  const [firstFound] = drift.healed.map(({ foundAt }) => foundAt).sort();

  const events: (DomainEvent | false)[] = [
    drift.found.length > 0 && {
      type: 'Route Drift Detected',
      detail: { ...common(drift.found), enforced: !isWatched },
    },
    firstFound !== undefined && {
      type: 'Route Drift Healed',
      detail: { ...common(drift.healed), since: firstFound },
    },
    failed.length > 0 && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'entered', failures: cut(status.failures).map(failureShown) },
    },
    ended('failing') && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'left', failures: [] },
    },
    blocked.length > 0 && {
      type: 'Route Plan Blocked',
      detail: {
        ...common(),
        state: 'entered',
        ...(status.plan?.blocked && { code: status.plan.blocked.code }),
        deletes: [...now.blocked],
      },
    },
    ended('blocked') && {
      type: 'Route Plan Blocked',
      detail: { ...common(), state: 'left', deletes: [] },
    },
    contested.size > 0 && {
      type: 'Route Table Contested',
      detail: {
        ...common(),
        state: 'entered',
        contests: cut((status.heals ?? []).filter(({ destination }) => contested.has(destination))).map(contestShown),
      },
    },
    ended('contested') && {
      type: 'Route Table Contested',
      detail: { ...common(), state: 'left', contests: [] },
    },
    ...notices.map(({ notice, actor }) => ({
      type: 'Route Table Changed' as const,
      detail: { ...common(), notice, ...(actor && { actor }) },
    })),
  ];

  const done = outcomes.filter(({ result }) => result === 'done');
  const did = (action: ChangeJson['action']): number => done.filter((outcome) => outcome.action === action).length;
  // What was so in a table that was only watched is news once it is enforced: an alarm has not told of it.
  const knownHoles = before?.watched && !isWatched ? [] : was.blackholes;
  const isInvalid = status.phase === 'Invalid';
  return {
    events: events.filter((event) => event !== false),
    metrics: [
      ...counted({
        [isWatched ? 'DriftObserved' : 'DriftDetected']: drift.found.length,
        RoutesReplaced: did('replace'),
        RoutesDeleted: did('delete'),
        RoutesCreated: did('create'),
        ChangesFailed: newIn(now.lasting, was.lasting).length,
        InvalidDesired: isInvalid && failed.length > 0 ? 1 : 0,
        PlansBlocked: blocked.length > 0 ? 1 : 0,
        Contested: contested.size,
        [isWatched ? 'BlackholesObserved' : 'Blackholes']: newIn(now.blackholes, knownHoles).length,
        MissedByEvents: drift.missed.length,
      }),
      ...drift.applied.flatMap(({ cause, watched, appliedAt = '' }) =>
        cause?.time === undefined || watched
          ? []
          : { name: 'HealLatency' as const, value: Math.max(0, Date.parse(appliedAt) - Date.parse(cause.time)) },
      ),
    ],
  };
}

/** What a sweep has to tell at its end, of all its parts; before that, nothing. */
export function newsOfSweep(sweep: SweepRecord): News {
  const { startedAt, endedAt, checked, outOfSync, observed = 0, blackholes = 0, unknown } = sweep;
  if (endedAt === undefined) return { events: [], metrics: [] };
  const values = {
    SweepCompleted: 1,
    SweepDuration: Date.parse(endedAt) - Date.parse(startedAt),
    TablesManaged: checked + unknown.count,
    TablesOutOfSync: outOfSync,
    TablesObserved: observed,
    BlackholesKnown: blackholes,
    TablesUnknown: unknown.count,
  };
  return { events: [], metrics: named(values) };
}

const named = (values: Partial<Record<MetricName, number>>): News['metrics'] =>
  metricNames.flatMap((name) => (values[name] === undefined ? [] : { name, value: values[name] }));

/** Nothing to count is not told: the tables that are as they were cost nothing. */
const counted = (values: Partial<Record<MetricName, number>>): News['metrics'] =>
  named(values).filter(({ value }) => value > 0);

const metricNames = Object.keys(metricUnits).filter((name): name is MetricName => name in metricUnits);

/** What every event tells. A change that puts drift right tells who caused that, or that nobody can be named. */
function commonTo(status: Status) {
  const { routeTableId, phase, reason, checkedAt: at, plan, drift } = status;
  const { kind, id, name, time } = status.trigger;
  return (changes: readonly (ChangeJson | Drift)[] = plan?.changes ?? []) => ({
    routeTableId,
    phase,
    reason,
    at,
    trigger: {
      kind,
      ...(id !== undefined && { id }),
      ...(name !== undefined && { name }),
      ...(time !== undefined && { time }),
    },
    ...(plan && { planId: plan.planId }),
    changes: cut(changes).map((change) => {
      const { action, destination, from, to } = change;
      const actor = actorBehind(change, drift);
      return {
        action,
        destination,
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(actor && { actor }),
      };
    }),
    ...(omittedOf(changes) > 0 && { omitted: omittedOf(changes) }),
  });
}

const failureShown = ({ action, destination, to, code, message, remedy }: Status['failures'][number]) => ({
  action,
  destination,
  ...(to !== undefined && { to }),
  ...(code !== undefined && { code }),
  ...(message !== undefined && { message }),
  ...(remedy !== undefined && { remedy }),
});

const contestShown = ({ destination, target, at, by }: Heal) => ({
  destination,
  ...(target !== undefined && { target }),
  heals: at.length,
  by: [...by],
});
