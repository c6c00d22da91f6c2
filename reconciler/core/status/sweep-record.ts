import { known } from '../route/known.ts';
import type { Vouched } from './arrival.ts';

/** The last sweep. It may take several parts: the counts cover all parts so far. Times are ISO 8601, UTC. */
export interface SweepRecord {
  /** When its first part began. */
  readonly startedAt: string;
  /** Absent until it reaches its end. */
  readonly endedAt?: string;
  readonly checked: number;
  /** Enforced tables that are not as desired and not being repaired at this moment. */
  readonly outOfSync: number;
  /** Drifted tables that are only observed: mode `observe`, a pause or a stop. */
  readonly observed?: number;
  /** Tables that are as desired except for deletes that wait for a person. */
  readonly waiting?: number;
  /** Tables that a pause or a stop keeps from being changed. */
  readonly stopped?: number;
  /** How many fewer items it found than the last sweep, if that was a large part of them (`missingItems`). */
  readonly missing?: number;
  /** How many event source mappings were disabled at its end. Absent if Lambda did not answer. */
  readonly mappingsDisabled?: number;
  /** Routes of enforced tables that drop their traffic. */
  readonly blackholes?: number;
  /** Tables that could not be read. They never count as in sync. */
  readonly unknown: Unread;
  /**
   * Tables that this sweep did not read, or whose read it did not believe: another invocation held them, or their items are
   * invalid. The first 100, and how many.
   */
  readonly held?: Held;
  /** Items whose key is not a route table id, and orders without effect. The first 100, and how many. */
  readonly unusable?: Unread;
  /** How often a sweep starts, in milliseconds. */
  readonly everyMs?: number;
  /** Where its next part continues, if time ran out. */
  readonly cursor?: string;
  /** The last sweep that reached its end. Present until this one does. */
  readonly lastCompleted?: CompletedSweep;
}

export interface Unread {
  readonly count: number;
  readonly first: readonly { readonly routeTableId: string; readonly reason: string }[];
}

export interface Held {
  readonly count: number;
  readonly first: readonly string[];
}

/** Proof that tables without a new status were checked: this sweep read every table that `unknown` does not count. */
export interface CompletedSweep {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly unknown: Unread;
  readonly held?: Held;
  readonly unusable?: Unread;
  /** How many items it found. */
  readonly items: number;
}

/** A sweep that finds less than this part of the items of the last one raises an alarm. */
const itemsExpected = 0.9;

/** How many items are missing, if a sweep found less than 90 % of the items of the last one. */
export const missingItems = (last: CompletedSweep | undefined, items: number): number =>
  last && items < last.items * itemsExpected ? last.items - items : 0;

/** The last sweep that reached its end: the one of this record, or the one before it. */
export const completedSweep = ({
  startedAt,
  endedAt,
  checked,
  unknown,
  held,
  unusable,
  lastCompleted,
}: SweepRecord): CompletedSweep | undefined =>
  endedAt === undefined
    ? lastCompleted
    : { startedAt, endedAt, unknown, items: checked + unknown.count, ...known({ held, unusable }) };

/**
 * How often sweeps start, and when the last completed one began, if it read this table. A sweep that cannot name every
 * table it did not read vouches for none.
 */
export function vouchOf(record: SweepRecord | undefined, routeTableId: string): Vouched | undefined {
  if (record?.everyMs === undefined) return undefined;
  const { everyMs } = record;
  const sweep = completedSweep(record);
  if (!sweep) return { everyMs };
  const { unknown, held = { count: 0, first: [] } } = sweep;
  const notRead = [...unknown.first.map((one) => one.routeTableId), ...held.first];
  if (notRead.length < unknown.count + held.count || notRead.includes(routeTableId)) return { everyMs };
  return { at: new Date(sweep.startedAt), everyMs };
}
