import type { Plan } from '../reconciler/core/plan/plan.ts';
import type { ShownPhase } from '../reconciler/core/status/freshness.ts';

/** The exit codes of `routectl`. */
export const exitCode = {
  /** In sync, valid, or done. */
  ok: 0,
  /** A call failed or was rejected, an item is invalid, or a table does not exist. */
  failed: 1,
  /** Drift was found or remains. */
  drift: 2,
  /** Deletes wait for approval. */
  blocked: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

const worstFirst = [exitCode.failed, exitCode.blocked, exitCode.drift] as const;

/** The exit code for several tables. */
export const worst = (codes: readonly ExitCode[]): ExitCode =>
  worstFirst.find((code) => codes.includes(code)) ?? exitCode.ok;

/** The exit code for a plan. */
export function exitCodeOf(plan: Plan): ExitCode {
  if (plan.findings.some(({ code }) => code === 'table-not-found')) return exitCode.failed;
  if (plan.blocked) return exitCode.blocked;
  return plan.inSync ? exitCode.ok : exitCode.drift;
}

/** The exit code for a table in a phase. */
export const exitCodeOfPhase: Readonly<Record<ShownPhase, ExitCode>> = {
  InSync: exitCode.ok,
  Verifying: exitCode.ok,
  Unmanaged: exitCode.ok,
  Degraded: exitCode.drift,
  Drifted: exitCode.drift,
  Blocked: exitCode.blocked,
  Contested: exitCode.failed,
  Failed: exitCode.failed,
  Invalid: exitCode.failed,
  Missing: exitCode.failed,
  Unknown: exitCode.failed,
};
