import { attribution, causeOf } from './attribution.ts';
import type { ChangeJson } from './change.ts';
import type { DomainEvent } from './domain-event.ts';
import { driftSince, newDrift } from './drift.ts';
import type { ChangeOutcome } from './outcome.ts';
import { type Status, type SweepRecord, cut, omittedOf } from './status.ts';
import { isFailed, troubleIn } from './trouble.ts';
import type { Trigger } from './trigger.ts';

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
  SweepCompleted: 'Count',
  SweepDuration: 'Milliseconds',
  TablesManaged: 'Count',
  /** Enforced tables that are not as desired, and are not being put right this moment; and those only watched. */
  TablesOutOfSync: 'Count',
  TablesObserved: 'Count',
  /** Tables the sweep could not look at. */
  TablesUnknown: 'Count',
} as const;

export type MetricName = keyof typeof metricUnits;

/** What there is to tell: each value of a metric, and each event, once. */
export interface News {
  readonly metrics: readonly { readonly name: MetricName; readonly value: number }[];
  readonly events: readonly DomainEvent[];
}

/** What one look at a table made of it. */
export interface Look {
  readonly status: Status;
  /** The status that the look began with. */
  readonly before: Status | undefined;
  readonly outcomes: readonly ChangeOutcome[];
  readonly triggers: readonly Trigger[];
  /** Calls that bear on who changed what. */
  readonly calls: readonly Trigger[];
  /** Runs of earlier sweeps whose drift no event told of in time. */
  readonly missedByEvents: number;
}

/**
 * What one look at a table brought that was not so before: transitions only, recovery included. A table that stays as it
 * is has no news, however often it is looked at.
 */
export function newsOf(look: Look, now: Date): News {
  const { status, before, outcomes, triggers, calls, missedByEvents } = look;
  const isWatched = status.phase === 'Drifted';
  const drift = newDrift(status, before, outcomes);
  const common = commonTo(status, calls);
  const since = driftSince(before);
  const trouble = troubleIn(status, before);
  const held = status.plan?.blocked;
  const waited = new Set(before?.plan?.blocked?.deletes);
  const isNewlyBlocked = held?.deletes.some((destination) => !waited.has(destination)) ?? false;
  const contests = (status.heals ?? []).filter(({ contest }) => contest);
  const newContests = contests.filter(({ destination }) => !contestedIn(before).has(destination));
  const black = blackholesIn(status).filter((hole) => !blackholesIn(before).includes(hole)).length;

  const events: (DomainEvent | false)[] = [
    drift.length > 0 && {
      type: 'Route Drift Detected',
      detail: { ...common(drift), enforced: !isWatched },
    },
    status.phase === 'InSync' &&
      before !== undefined &&
      since !== undefined && {
        type: 'Route Drift Healed',
        detail: { ...common(before.plan?.changes ?? []), since },
      },
    trouble.isNew && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'entered', failures: status.failures.map(failureShown) },
    },
    isFailed(before) &&
      !isFailed(status) && {
        type: 'Route Reconcile Failed',
        detail: { ...common(), state: 'left', failures: [] },
      },
    held !== undefined &&
      isNewlyBlocked && {
        type: 'Route Plan Blocked',
        detail: { ...common(), state: 'entered', code: held.code, deletes: [...held.deletes] },
      },
    before?.plan?.blocked !== undefined &&
      !held && {
        type: 'Route Plan Blocked',
        detail: { ...common(), state: 'left', deletes: [] },
      },
    newContests.length > 0 && {
      type: 'Route Table Contested',
      detail: {
        ...common(),
        state: 'entered',
        contests: newContests.map(({ destination, target, at, by }) => ({
          destination,
          ...(target !== undefined && { target }),
          heals: at.length,
          by: [...by],
        })),
      },
    },
    contestedIn(before).size > 0 &&
      contests.length === 0 && {
        type: 'Route Table Contested',
        detail: { ...common(), state: 'left', contests: [] },
      },
    ...triggers.flatMap(({ notice, actor }) =>
      notice === undefined
        ? []
        : { type: 'Route Table Changed' as const, detail: { ...common(), notice, ...(actor && { actor }) } },
    ),
  ];

  const done = outcomes.filter(({ result }) => result === 'done');
  const did = (action: ChangeJson['action']): number => done.filter((outcome) => outcome.action === action).length;
  return {
    events: events.filter((event) => event !== false),
    metrics: [
      ...counted({
        [isWatched ? 'DriftObserved' : 'DriftDetected']: drift.length,
        RoutesReplaced: did('replace'),
        RoutesDeleted: did('delete'),
        RoutesCreated: did('create'),
        ChangesFailed: status.phase === 'Invalid' ? 0 : trouble.lasting,
        InvalidDesired: status.phase === 'Invalid' && trouble.isNew ? 1 : 0,
        PlansBlocked: isNewlyBlocked && !isWatched ? 1 : 0,
        Contested: newContests.length,
        [isWatched ? 'BlackholesObserved' : 'Blackholes']: black,
        MissedByEvents: missedByEvents,
      }),
      ...done.flatMap((outcome) => {
        const time = causeOf(outcome, calls)?.time;
        const isHeal = drift.some(({ destination }) => destination === outcome.destination);
        if (time === undefined || !isHeal) return [];
        return { name: 'HealLatency' as const, value: Math.max(0, now.getTime() - Date.parse(time)) };
      }),
    ],
  };
}

/** What a sweep has to tell at its end; one that was cut short did not complete. */
export function newsOfSweep({ startedAt, endedAt, checked, outOfSync, observed = 0, unknown }: SweepRecord): News {
  if (endedAt === undefined) return { events: [], metrics: [] };
  const values = {
    SweepCompleted: 1,
    SweepDuration: Date.parse(endedAt) - Date.parse(startedAt),
    TablesManaged: checked + unknown.count,
    TablesOutOfSync: outOfSync,
    TablesObserved: observed,
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

function commonTo(status: Status, calls: readonly Trigger[]) {
  const { routeTableId, phase, reason, checkedAt: at, plan } = status;
  const { kind, id, name, time } = status.trigger;
  return (changes: readonly ChangeJson[] = plan?.changes ?? []) => ({
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
      const { actor } = attribution(change, calls);
      return { ...change, ...(actor && { actor }) };
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

const contestedIn = (status: Status | undefined): ReadonlySet<string> =>
  new Set((status?.heals ?? []).filter(({ contest }) => contest).map(({ destination }) => destination));

/** Routes that lead nowhere, whichever finding tells of it. */
const blackholesIn = (status: Status | undefined): readonly string[] => [
  ...new Set(
    (status?.plan?.findings ?? [])
      .filter(({ code }) => code === 'blackhole' || code === 'healed-into-blackhole')
      .map(({ destination = '' }) => destination),
  ),
];
