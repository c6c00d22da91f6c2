import type { ChangeJson } from './change.ts';

/**
 * What may be done about a failed call: `stale` look again, `transient` try again, `not-ready` the target is not there
 * yet, `rejected` a person must change something, `denied` stop writing to this table.
 */
export type FailureKind = 'stale' | 'transient' | 'not-ready' | 'rejected' | 'denied';

/** What became of one change. */
export interface ChangeOutcome extends ChangeJson {
  /** `already`: it was so before we came. `skipped`: not tried. `unknown`: tried, and nobody can say; the next read tells. */
  readonly result: 'done' | 'already' | 'refused' | 'skipped' | 'unknown';
  readonly kind?: FailureKind;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  /** How long the call took, in milliseconds, and when it was answered (ISO 8601, UTC). */
  readonly ms?: number;
  readonly at?: string;
}

/** Whether EC2 may look different for this call: a later read has to show it. */
export const mayHaveWritten = ({ result }: Pick<ChangeOutcome, 'result'>): boolean =>
  result !== 'skipped' && result !== 'refused';
