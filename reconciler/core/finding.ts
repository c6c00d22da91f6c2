/** Stable names for machines; see `docs/reference.md` for what each one asks of an operator. */
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
  /** One sentence: what was found and what it means or asks for. */
  readonly message: string;
}

/** Findings that say the table is not as desired although there is nothing left that we may change. */
export const outOfSyncCodes: ReadonlySet<FindingCode> = new Set([
  'not-ours',
  'healed-into-blackhole',
  'no-local-route',
  'local-override-left',
  'table-not-found',
]);
