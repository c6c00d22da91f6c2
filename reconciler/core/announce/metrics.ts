import { msSinceCall } from '../memory/call.ts';
import type { CompletedSweep, SweepRecord } from '../status/sweep-record.ts';
import type { Transitions } from './transitions.ts';

export const metricNamespace = 'RouteReconciler';

/** The one dimension of every metric: `service`. */
export const metricService = 'route-reconciler';

/** Every metric, with its unit. */
export const metricUnits = {
  /** Drifted routes that were found, in enforced tables; and in tables where nothing may be changed. */
  DriftDetected: 'Count',
  DriftObserved: 'Count',
  RoutesReplaced: 'Count',
  RoutesDeleted: 'Count',
  RoutesCreated: 'Count',
  /** Routes that newly need a person to become as desired. */
  ChangesFailed: 'Count',
  /** Tables whose deletes newly wait for a person. */
  PlansBlocked: 'Count',
  /** Items that became invalid, and rows that people wrote and that have no effect. */
  InvalidDesired: 'Count',
  /** Destinations that became contested. */
  Contested: 'Count',
  /** Routes that started to drop their traffic, in enforced tables; and in tables where nothing may be changed. */
  Blackholes: 'Count',
  BlackholesObserved: 'Count',
  /** Routes that others made or retargeted, and that are left alone. */
  RoutesLeftAlone: 'Count',
  /** Drift that a sweep found and no event reported within 15 minutes. */
  MissedByEvents: 'Count',
  /** From the call that caused drift to EC2's answer to the call that repaired it, in whole seconds. */
  HealLatency: 'Milliseconds',
  /** Domain events that EventBridge rejected. They are sent again. */
  EventsNotTold: 'Count',
  /** Domain events of a table that are never sent: more waited for EventBridge than its state has room for. */
  EventsDropped: 'Count',
  SweepCompleted: 'Count',
  SweepDuration: 'Milliseconds',
  TablesManaged: 'Count',
  /**
   * Enforced tables that are not as desired and not being repaired at this moment; and drifted tables that are only
   * observed.
   */
  TablesOutOfSync: 'Count',
  TablesObserved: 'Count',
  /** Tables that are as desired except for deletes that wait for a person, and for listed targets that are down. */
  TablesWaiting: 'Count',
  /** Tables that a pause or a stop keeps from being changed. */
  TablesStopped: 'Count',
  /** By how many items a sweep found fewer than the one before, if it found less than 90 % of them. */
  ItemsMissing: 'Count',
  /** Event source mappings that are disabled: what they read reaches no function. */
  MappingsDisabled: 'Count',
  /** Routes of enforced tables that drop their traffic, for as long as they do. */
  BlackholesKnown: 'Count',
  /** Tables that the sweep could not read. */
  TablesUnknown: 'Count',
} as const;

export type MetricName = keyof typeof metricUnits;

export interface Metric {
  readonly name: MetricName;
  readonly value: number;
}

/** Counts the transitions of a reconcile. A table that stays as it is has no metrics, and costs nothing. */
export function metricsOf({
  after,
  found,
  repaired,
  missed,
  leftAlone,
  entered,
  isNewlyInvalid,
  outcomes,
}: Transitions): readonly Metric[] {
  const isWatched = after.memory.watched === true;
  const made = (action: string): number =>
    outcomes.filter((outcome) => outcome.result === 'done' && outcome.action === action).length;
  const counts = named({
    [isWatched ? 'DriftObserved' : 'DriftDetected']: found.length,
    RoutesReplaced: made('replace'),
    RoutesDeleted: made('delete'),
    RoutesCreated: made('create'),
    ChangesFailed: entered.lasting.length,
    InvalidDesired: isNewlyInvalid ? 1 : 0,
    PlansBlocked: entered.blocked.length > 0 ? 1 : 0,
    Contested: entered.contested.length,
    [isWatched ? 'BlackholesObserved' : 'Blackholes']: entered.blackholes.length,
    RoutesLeftAlone: leftAlone.length,
    MissedByEvents: missed.length,
  }).filter(({ value }) => value > 0);
  const latencies = repaired.flatMap(({ cause, watched, appliedAt = '' }): Metric[] =>
    cause && !watched ? [{ name: 'HealLatency', value: msSinceCall(cause.time, appliedAt) }] : [],
  );
  return [...counts, ...latencies];
}

/**
 * The totals of a sweep over all its parts, and the rows that the sweep before did not find unusable. Empty until its
 * last part has ended.
 */
export function metricsOfSweep(sweep: SweepRecord, before?: CompletedSweep): readonly Metric[] {
  const { startedAt, endedAt, checked, outOfSync, observed = 0, waiting = 0, stopped = 0, missing = 0 } = sweep;
  const { blackholes = 0, unknown, mappingsDisabled } = sweep;
  if (endedAt === undefined) return [];
  const known = new Set(before?.unusable?.first.map((row) => JSON.stringify(row)));
  const newlyUnusable = sweep.unusable?.first.filter((row) => !known.has(JSON.stringify(row))).length ?? 0;
  return named({
    ...(newlyUnusable > 0 && { InvalidDesired: newlyUnusable }),
    SweepCompleted: 1,
    SweepDuration: Date.parse(endedAt) - Date.parse(startedAt),
    TablesManaged: checked + unknown.count,
    TablesOutOfSync: outOfSync,
    TablesObserved: observed,
    TablesWaiting: waiting,
    TablesStopped: stopped,
    ItemsMissing: missing,
    ...(mappingsDisabled !== undefined && { MappingsDisabled: mappingsDisabled }),
    BlackholesKnown: blackholes,
    TablesUnknown: unknown.count,
  });
}

const named = (values: Partial<Record<MetricName, number>>): Metric[] =>
  metricNames.flatMap((name) => (values[name] === undefined ? [] : { name, value: values[name] }));

const metricNames = Object.keys(metricUnits).filter((name): name is MetricName => name in metricUnits);
