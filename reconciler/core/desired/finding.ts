/**
 * Every finding, by its stable code; `docs/reference.md` says what an operator should do about each. `outOfSync`: it is
 * drift that we may not repair, so the table is out of sync even if its plan has no changes. `trouble`: it is announced,
 * and again when it is gone.
 */
const findings = {
  blackhole: { outOfSync: false, trouble: true },
  'target-down': { outOfSync: true, trouble: true },
  'on-alternate': { outOfSync: false, trouble: false },
  filtered: { outOfSync: false, trouble: false },
  'host-bits': { outOfSync: false, trouble: false },
  'shadows-propagated': { outOfSync: false, trouble: false },
  'overlaps-desired': { outOfSync: false, trouble: false },
  'coverage-gap': { outOfSync: false, trouble: false },
  'ignored-until': { outOfSync: false, trouble: false },
  'ignore-expired': { outOfSync: false, trouble: false },
  'not-ours': { outOfSync: true, trouble: true },
  'no-local-route': { outOfSync: true, trouble: true },
  'local-override-left': { outOfSync: true, trouble: true },
  'local-overridden': { outOfSync: true, trouble: true },
  // Phases of their own announce these three.
  'table-not-found': { outOfSync: true, trouble: false },
  'table-not-ours': { outOfSync: true, trouble: false },
  'invalid-desired': { outOfSync: false, trouble: false },
} as const;

export type FindingCode = keyof typeof findings;

export type TroubleCode = {
  [Code in FindingCode]: (typeof findings)[Code]['trouble'] extends true ? Code : never;
}[FindingCode];

/** Something an operator should know that is not a change. */
export interface Finding {
  readonly code: FindingCode;
  readonly destination?: string;
  readonly target?: string;
  /** One sentence: what was found, and what it means or what to do. */
  readonly message: string;
}

/** Whether a finding makes its table out of sync. */
export const isOutOfSync = ({ code }: Pick<Finding, 'code'>): boolean => findings[code].outOfSync;

export const isTrouble = (code: FindingCode): code is TroubleCode => findings[code].trouble;
