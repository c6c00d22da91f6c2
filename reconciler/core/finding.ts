/** Stable codes for machines. `docs/reference.md` says what an operator should do about each of them. */
export type FindingCode =
  | 'blackhole'
  | 'healed-into-blackhole'
  | 'filtered'
  | 'host-bits'
  | 'shadows-propagated'
  | 'overlaps-desired'
  | 'coverage-gap'
  | 'ignored-until'
  | 'ignore-expired'
  | 'not-ours'
  | 'no-local-route'
  | 'local-override-left'
  | 'table-not-found'
  | 'invalid-desired';

/** Something an operator should know that is not a change. */
export interface Finding {
  readonly code: FindingCode;
  readonly destination?: string;
  readonly target?: string;
  /** One sentence: what was found, and what it means or what to do. */
  readonly message: string;
}

/** Findings about drift that we may not repair. They make a table out of sync even if its plan has no changes. */
export const outOfSyncCodes: ReadonlySet<FindingCode> = new Set([
  'not-ours',
  'healed-into-blackhole',
  'no-local-route',
  'local-override-left',
  'table-not-found',
]);
