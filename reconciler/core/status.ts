import type { ChangeJson } from './change.ts';
import type { Heal } from './contest.ts';
import type { Doubt, RecentWrite } from './consistency.ts';
import type { Drift, LastDrift } from './drift.ts';
import type { Orders, Pause } from './orders.ts';
import type { ChangeOutcome, FailureKind } from './outcome.ts';
import { type Plan, type PlanJson, planAsJson } from './plan.ts';
import type { Problem } from './problem.ts';
import { type RememberedApproval, withApprovalSpent } from './approval.ts';
import { type ReplacedRoute, type TableRecord, emptyRecord } from './record.ts';
import { sortedBy } from './route.ts';
import type { Actor } from './memory/call.ts';
import type { ShownTrigger } from './trigger.ts';
import type { Troubles } from './trouble.ts';

export const phases = [
  'InSync',
  /** Applied, not yet seen. */
  'Verifying',
  /** Drift that nothing is done about: observed, paused or stopped. */
  'Drifted',
  /** Others undo what we heal: that destination is healed ever more rarely. */
  'Contested',
  /** Deletes wait for a person. */
  'Blocked',
  /** Some routes were refused, or held by something that is not ours. */
  'Failed',
  /** The item is refused; the last good repair stays in place. */
  'Invalid',
  /** The table is gone. */
  'Missing',
  /** The item was deleted. */
  'Unmanaged',
] as const;

export type Phase = (typeof phases)[number];

/** A change that EC2 refused, or whose outcome is not known, and what would mend it. */
export interface StatusFailure extends ChangeJson {
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly kind?: FailureKind;
  /** How often in a row it failed. */
  readonly attempts: number;
  /** It is not tried before, unless the item is edited or an event names the table. */
  readonly nextRetry: string;
}

/** What became of one change, with whom it is attributed to. */
export interface RunOutcome extends ChangeOutcome {
  /** Who caused the drift that this change mends; named only when call, table and destination match. */
  readonly actor?: Actor | 'unattributed';
  /** Some of those who were at work on the table then, where nobody can be named. */
  readonly candidates?: readonly Actor[];
}

/** One table's state as it is stored and shown. Times are ISO 8601, UTC. */
export interface Status {
  readonly routeTableId: string;
  readonly phase: Phase;
  /** One sentence: why it is in this phase. */
  readonly reason: string;
  readonly desiredHash?: string;
  readonly policyHash?: string;
  readonly plan?: PlanSummary;
  /** What is wrong with the item, in phase `Invalid`. */
  readonly problems?: readonly Problem[];
  readonly failures: readonly StatusFailure[];
  readonly trigger: ShownTrigger;
  readonly actor?: Actor;
  readonly checkedAt: string;
  /** When the phase became what it is. */
  readonly changedAt: string;
  readonly inSyncSince?: string;
  /** Nothing is changed in it: the item is in mode `observe`, paused, or everything is stopped. */
  readonly watched?: true;
  /** What others changed and no edit had asked for, until it is as desired again and no event of it is awaited. */
  readonly drift?: readonly Drift[];
  /** The latest drift, as people are shown it. */
  readonly lastDrift?: LastDrift;
  /** While the item is refused, and until a read is believed then: what was told of before, and is not known to be over. */
  readonly told?: Troubles;
  /** When the table is looked at again, if nothing wakes us before. */
  readonly nextRetry?: string;
  /** When we last wrote to the table, and what: a read soon after should show it. */
  readonly lastWriteAt?: string;
  readonly recentWrites?: readonly RecentWrite[];
  /** A read that was not believed. */
  readonly doubt?: Doubt;
  /** What was healed within the last day; a destination with `contest` is contested. */
  readonly heals?: readonly Heal[];
  /** What decisions need of failures and heals beyond those shown. */
  readonly more?: Holds;
  /** The reported calls that were taken into account, by their short ids: any other is new. */
  readonly callsSeen?: readonly string[];
  /** Runs whose destinations no read has shown as desired yet. */
  readonly openRuns?: readonly OpenRun[];
  /** The latest deletions of the item that were taken into account, by the ids of their triggers. */
  readonly deletions?: readonly string[];
  /** Ids under which events find the table. */
  readonly indexed?: readonly string[];
  /** The pause or stop that holds. */
  readonly pause?: StatusPause;
  /** Counts the writes of this item. */
  readonly revision: number;
  // What deletes are earned by: see `TableRecord`.
  readonly cleanPolicy?: string;
  readonly listed: readonly string[];
  readonly owned: readonly { readonly destination: string; readonly target: string; readonly overrodeLocal?: true }[];
  readonly foreign: readonly string[];
  readonly spared?: readonly string[];
  readonly replaced?: readonly ({ readonly destination: string } & ReplacedRoute)[];
  readonly approval?: RememberedApproval;
}

/** What holds changes back: refusals until their time has come, and contests. */
export interface Holds {
  readonly failures: readonly StatusFailure[];
  readonly heals: readonly Heal[];
}

/** A pause as it is stored and shown. */
export type StatusPause = Omit<Pause, 'until'> & { readonly until?: string };

/** A run that waits to be seen. */
export interface OpenRun {
  readonly id: string;
  /** The destinations it is about. */
  readonly destinations: readonly string[];
}

/** One reconcile that found drift, changed something or failed. Times are ISO 8601, UTC. */
export interface Run {
  readonly routeTableId: string;
  readonly id: string;
  readonly trigger: ShownTrigger;
  readonly actor?: Actor;
  readonly plan: PlanSummary;
  readonly outcome: readonly RunOutcome[];
  /** How many outcomes there were beyond those kept. */
  readonly moreOutcomes?: number;
  readonly detectedAt: string;
  readonly appliedAt?: string;
  /** When a read first showed all that it is about as desired. */
  readonly verifiedAt?: string;
  /** What somebody changed that is not healed: whom the table serves, or what a prefix list means. */
  readonly notice?: string;
  /** The phase the table was left in, and why. */
  readonly phase?: Phase;
  readonly reason?: string;
}

/**
 * A plan as it is stored: lists are cut, so that an item never outgrows its store, and the rest is counted. Deletes that
 * wait are all named: by them it is known which of them are new.
 */
export interface PlanSummary extends PlanJson {
  readonly omitted?: { readonly changes: number; readonly leftAlone: number; readonly findings: number };
}

const listedAtMost = 100;

/** The first of a list that an item has room for. */
export const cut = <T>(list: readonly T[]): readonly T[] => list.slice(0, listedAtMost);

/** How many of a list `cut` leaves out. */
export const omittedOf = (list: readonly unknown[]): number => Math.max(0, list.length - listedAtMost);

export function summaryOf(plan: Plan): PlanSummary {
  const json = planAsJson(plan);
  const omitted = {
    changes: omittedOf(json.changes),
    leftAlone: omittedOf(json.leftAlone),
    findings: omittedOf(json.findings),
  };
  return {
    ...json,
    changes: cut(json.changes),
    leftAlone: cut(json.leftAlone),
    findings: cut(json.findings),
    ...(Object.values(omitted).some((count) => count > 0) && { omitted }),
  };
}

/** All that a status remembers of what holds changes back, also beyond what it shows. */
export const holdsOf = (status: Status | undefined): Holds => ({
  failures: [...(status?.failures ?? []), ...(status?.more?.failures ?? [])],
  heals: [...(status?.heals ?? []), ...(status?.more?.heals ?? [])],
});

/** The stored form of what holds changes back: some of it to show, contests first, and no word of the rest. */
export function holdFields({ failures, heals }: Holds): Pick<Status, 'failures' | 'heals' | 'more'> {
  const inOrder = sortedBy(heals, ({ contest }) => (contest ? 'contested' : 'healed'));
  const more = {
    failures: failures.slice(listedAtMost).map(({ message: _, remedy: __, ...bare }) => bare),
    heals: inOrder.slice(listedAtMost),
  };
  return {
    failures: cut(failures),
    ...(heals.length > 0 && { heals: cut(inOrder) }),
    ...(more.failures.length + more.heals.length > 0 && { more }),
  };
}

type RecordFields = Pick<Status, 'cleanPolicy' | 'listed' | 'owned' | 'foreign' | 'spared' | 'replaced' | 'approval'>;

/** The stored form of a record. */
export function recordFields(record: TableRecord): RecordFields {
  const { cleanPolicy, approval } = record;
  const replaced = sortedBy([...record.replaced], ([destination]) => destination);
  return {
    ...(cleanPolicy !== undefined && { cleanPolicy }),
    listed: [...record.listed].sort(),
    owned: sortedBy([...record.owned], ([destination]) => destination).map(([destination, route]) => ({
      destination,
      ...route,
    })),
    foreign: [...record.foreign].sort(),
    spared: [...record.spared].sort(),
    ...(replaced.length > 0 && {
      replaced: replaced.map(([destination, route]) => ({ destination, ...route })),
    }),
    ...(approval && { approval }),
  };
}

/** What is remembered of a table. Where nothing is, an approval that stands may have been used, and counts as spent. */
export const remembered = (status: RecordFields | undefined, orders: Orders): TableRecord =>
  status ? recordOf(status) : withApprovalSpent(emptyRecord, orders);

/** The record that a stored status remembers. */
export function recordOf(status: RecordFields): TableRecord {
  const { cleanPolicy, approval } = status;
  return {
    ...(cleanPolicy !== undefined && { cleanPolicy }),
    listed: new Set(status.listed),
    owned: new Map(status.owned.map(({ destination, ...route }) => [destination, route])),
    foreign: new Set(status.foreign),
    spared: new Set(status.spared),
    replaced: new Map(status.replaced?.map(({ destination, ...route }) => [destination, route])),
    ...(approval && { approval }),
  };
}
