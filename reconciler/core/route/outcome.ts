import type { ChangeJson } from './change.ts';

/**
 * What to do about a failed call.
 * - `stale`: read the table again.
 * - `transient`: retry.
 * - `not-ready`: wait, the target is not there yet.
 * - `rejected`: a person must change something.
 * - `denied`: stop writing to this table.
 */
export type FailureKind = 'stale' | 'transient' | 'not-ready' | 'rejected' | 'denied';

/**
 * What the result of a change says of the table. `done`: EC2 confirmed the call. `already`: the route was already as the
 * change asks. `refused`: EC2 rejected the call. `skipped`: not tried. `unknown`: tried, but the outcome is unknown until
 * the next read.
 */
const results = {
  done: { isDone: true, mayHaveWritten: true },
  already: { isDone: true, mayHaveWritten: true },
  refused: { isDone: false, mayHaveWritten: false },
  skipped: { isDone: false, mayHaveWritten: false },
  unknown: { isDone: false, mayHaveWritten: true },
} as const;

/** The outcome of one change. */
export interface ChangeOutcome extends ChangeJson {
  readonly result: keyof typeof results;
  readonly kind?: FailureKind;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  /** The duration of the call, in milliseconds. */
  readonly ms?: number;
  /** When the call was answered (ISO 8601, UTC). */
  readonly at?: string;
}

/** EC2's code for a table that has no room for another route. */
const tableIsFull = 'RouteLimitExceeded';

/** The code of a delete that waits until a read shows the creates that overlap it. */
export const waitsForCreate = 'waits-for-create';

/** Whether EC2 refused a create because the table is full. */
export const refusedAsFull = (refused: Pick<ChangeOutcome, 'action' | 'code'> | undefined): boolean =>
  refused?.action === 'create' && refused.code === tableIsFull;

/** Whether the call may have changed the table. If so, a later read has to show the change. */
export const mayHaveWritten = ({ result }: Pick<ChangeOutcome, 'result'>): boolean => results[result].mayHaveWritten;

/** Whether a route has left its dead target: EC2 confirmed the call, or a read shows it. */
export const isRescue = ({ because, ...outcome }: Pick<ChangeOutcome, 'because' | 'result'>): boolean =>
  because !== undefined && isDone(outcome);

/** Whether the table is known to be as the change asks: EC2 confirmed the call, or the route was so before. */
export const isDone = ({ result }: Pick<ChangeOutcome, 'result'>): boolean => results[result].isDone;
