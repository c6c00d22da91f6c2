import type { Plan } from '../reconciler/core/plan.ts';

/** What a script learns from `routectl` without reading a word. */
export const exitCode = {
  /** In sync, valid, or done. */
  ok: 0,
  /** Something could not be done, was refused or is invalid, or a table does not exist. */
  failed: 1,
  /** Drift was found, or is left. */
  drift: 2,
  /** Deletes wait for a person. */
  blocked: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

const worstFirst = [exitCode.failed, exitCode.blocked, exitCode.drift] as const;

/** The code for several tables together. */
export const worst = (codes: readonly ExitCode[]): ExitCode =>
  worstFirst.find((code) => codes.includes(code)) ?? exitCode.ok;

/** What a plan by itself comes to. */
export function exitCodeOf(plan: Plan): ExitCode {
  if (plan.findings.some(({ code }) => code === 'table-not-found')) return exitCode.failed;
  if (plan.blocked) return exitCode.blocked;
  return plan.inSync ? exitCode.ok : exitCode.drift;
}
