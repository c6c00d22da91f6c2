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

/** The outcome of one change. */
export interface ChangeOutcome extends ChangeJson {
  /**
   * `already`: the route was already as the change asks. `skipped`: not tried. `unknown`: tried, but the outcome is
   * unknown until the next read.
   */
  readonly result: 'done' | 'already' | 'refused' | 'skipped' | 'unknown';
  readonly kind?: FailureKind;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  /** The duration of the call, in milliseconds. */
  readonly ms?: number;
  /** When the call was answered (ISO 8601, UTC). */
  readonly at?: string;
}

/** Whether the call may have changed the table. If so, a later read has to show the change. */
export const mayHaveWritten = ({ result }: Pick<ChangeOutcome, 'result'>): boolean =>
  result !== 'skipped' && result !== 'refused';
