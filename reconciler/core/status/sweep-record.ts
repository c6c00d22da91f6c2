/** The last sweep, in as many parts as it took: what it counts, it counted in all of them. Times are ISO 8601, UTC. */
export interface SweepRecord {
  /** When its first part began. */
  readonly startedAt: string;
  /** Absent as long as it has not reached its end. */
  readonly endedAt?: string;
  readonly checked: number;
  /** Enforced tables that are not as desired, and are not being put right this moment. */
  readonly outOfSync: number;
  /** Drifted tables that are only watched, paused or stopped. */
  readonly observed?: number;
  /** Routes of enforced tables that lead nowhere. */
  readonly blackholes?: number;
  /** Tables that could not be looked at: not checked never looks like in sync. */
  readonly unknown: Unread;
  /** How often a sweep starts, in milliseconds. */
  readonly everyMs?: number;
  /** Where its next part goes on, when time ran out. */
  readonly cursor?: string;
  /** The last sweep that reached its end, for as long as this one has not. */
  readonly lastCompleted?: CompletedSweep;
}

export interface Unread {
  readonly count: number;
  readonly first: readonly { readonly routeTableId: string; readonly reason: string }[];
}

/** What vouches for tables that no status was written of: each was looked at in this time, unless it is named. */
export interface CompletedSweep {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly unknown: Unread;
}

/** The last sweep that reached its end: that of the record, or the one before. */
export const completedSweep = ({
  startedAt,
  endedAt,
  unknown,
  lastCompleted,
}: SweepRecord): CompletedSweep | undefined =>
  endedAt === undefined ? lastCompleted : { startedAt, endedAt, unknown };
