import { ChangeFailed, type Pace } from '../reconciler/apply.ts';
import { type ChangeOutcome, isDone, waitsForCreate } from '../reconciler/core/route/outcome.ts';
import { type Converged, converge } from '../reconciler/converge.ts';
import { type ChangeJson, changeAsJson } from '../reconciler/core/route/change.ts';
import { describeChange } from '../reconciler/core/route/change.ts';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import { isEnforced } from '../reconciler/core/desired/enforcement.ts';
import { isOutOfSync } from '../reconciler/core/desired/finding.ts';
import { permitted } from '../reconciler/core/plan/guard.ts';
import { type Plan, planForMissingTable } from '../reconciler/core/plan/plan.ts';
import { type ActualTable, destinationText } from '../reconciler/core/route/route.ts';
import { healthyPlan } from '../reconciler/healthy-plan.ts';
import type { RouteTables, TargetHealth } from '../reconciler/ports.ts';
import { type ExitCode, exitCode, exitCodeOf } from './exit-code.ts';
import { failedCall } from './failure.ts';
import type { Planned } from './planned.ts';

/** The result for one table. */
export interface Reconciled {
  readonly desired: DesiredTable;
  /** The plan whose permitted changes were applied. It is a new plan if the table changed after the first read. */
  readonly plan: Plan;
  readonly outcome: readonly ChangeOutcome[];
  /** A read after the last call shows every change in `outcome`. Without changes: the table is in sync. */
  readonly verified: boolean;
  /** What the last read still asks for. */
  readonly left: Plan;
  /** Why it did not finish, in one sentence. */
  readonly failure?: string;
}

export interface ReconcileWorld {
  readonly tables: RouteTables;
  readonly pace: Pick<Pace, 'turn'>;
  readonly targetHealth: TargetHealth;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
  /** No call starts after this instant. */
  readonly until: Date;
  /** When it is aborted, changes stop at the next checkpoint, at most 5 s later. */
  readonly interrupted: AbortSignal;
  /** How long to wait for a read that shows what was written, in milliseconds. */
  readonly verifyMs: number;
  /** Receives a line about every call when it ends. */
  readonly note: (text: string) => void;
}

/**
 * Applies the permitted changes of a plan, and waits for a read that shows them. Needs no memory: a person asked for
 * this.
 *
 * No answer of EC2 makes it throw: a refusal is an outcome, and a table that cannot be read is a failure.
 */
export async function reconcileTable(
  { desired, actual, now, plan }: Planned,
  world: ReconcileWorld,
): Promise<Reconciled> {
  if (!actual || !isEnforced(desired, now) || permitted(plan).length === 0)
    return { desired, plan, outcome: [], verified: plan.inSync, left: plan };

  let applied = plan;
  try {
    const convergeOnce = (): Promise<Converged> =>
      converge(desired, {
        ...world,
        tables: { ...world.tables, apply: watched(world) },
        checkpoint: async () => !world.interrupted.aborted,
        beforeChanges: async (plan, outcomes) => {
          if (outcomes.length === 0 && !outcome) applied = plan;
        },
      });
    let outcome: readonly ChangeOutcome[] | undefined;
    let converged = await convergeOnce();
    outcome = converged.outcomes;
    let left = await lookAfter(desired, converged, world);
    // The deletes that waited for creates go once a read has shown these.
    if (outcome.some(({ code }) => code === waitsForCreate) && !left.waiting && !world.interrupted.aborted) {
      converged = await convergeOnce();
      const later = new Set(converged.outcomes.map(keyOf));
      outcome = [...outcome.filter((one) => !later.has(keyOf(one))), ...converged.outcomes];
      left = await lookAfter(desired, converged, world);
    }
    const verified = outcome.length === 0 ? left.inSync : !asksAgain(left, outcome);
    const failure = whyUnfinished(converged);
    return { desired, plan: applied, outcome, verified, left, ...(failure && { failure }) };
  } catch (error) {
    const failure = unreadAgain(error);
    return { desired, plan: applied, outcome: [], verified: false, left: applied, failure };
  }
}

const keyOf = ({ action, destination }: ChangeOutcome): string => `${action} ${destination}`;

/** The exit code for a table after a reconcile. */
export function exitCodeAfter({ outcome, verified, left, failure }: Reconciled): ExitCode {
  const refused = outcome.some(({ result }) => result === 'refused');
  const unseen = outcome.length > 0 && !verified;
  return failure || refused || unseen ? exitCode.failed : exitCodeOf(left);
}

function whyUnfinished({ end, unreadable }: Converged): string | undefined {
  switch (end) {
    case 'done':
      return undefined;
    case 'stopped':
      return 'interrupted: the remaining changes were not started';
    case 'unfinished':
    case 'doubtful':
      return unreadable === undefined
        ? 'the table did not settle in time: find out who else changes it, and reconcile again'
        : unreadAgain(unreadable);
    default:
      return end satisfies never;
  }
}

const unreadAgain = (error: unknown): string => failedCall('could not read the route table again', error).message;

/** Applies a change, and notes a line about the call when it ends. */
function watched({ tables, note }: ReconcileWorld): RouteTables['apply'] {
  return async (routeTableId, change, limits) => {
    const what = `${routeTableId}: ${describeChange(changeAsJson(change))}`;
    try {
      await tables.apply(routeTableId, change, limits);
      note(`${what}: done`);
    } catch (error) {
      note(`${what}: ${error instanceof ChangeFailed ? error.failure.code : String(error)}`);
      throw error;
    }
  };
}

/** EC2 answers reads from a copy that may lag behind its writes. So the first read is soon, and the waits grow. */
const firstWaitMs = 250;
const longestWaitMs = 4_000;

/** The plan of the first read that shows every change that was made or, if time runs out, of the last read. */
async function lookAfter(desired: DesiredTable, { outcomes, last }: Converged, world: ReconcileWorld): Promise<Plan> {
  const { tables, now, sleep, verifyMs, note } = world;
  const carriedOut = outcomes.filter(isDone);
  const deadline = now().getTime() + verifyMs;
  let left = last?.plan ?? planForMissingTable(desired);
  for (let waitMs = firstWaitMs; asksAgain(left, carriedOut); waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const remainingMs = deadline - now().getTime();
    if (remainingMs <= 0) break;
    await sleep(Math.min(waitMs, remainingMs));
    try {
      const actual = await tables.read(desired.routeTableId);
      left = actual ? await planNow(desired, actual, world) : planForMissingTable(desired);
    } catch (error) {
      note(failedCall(`${desired.routeTableId}: could not read the result`, error).message);
    }
  }
  return left;
}

const planNow = async (
  desired: DesiredTable,
  actual: ActualTable,
  { now, targetHealth }: ReconcileWorld,
): Promise<Plan> => (await healthyPlan(desired, actual, { now: now() }, targetHealth)).plan;

/** Whether a read shows a difference at the destinations of these changes. */
function asksAgain({ changes, findings }: Plan, tried: readonly ChangeJson[]): boolean {
  const amiss = new Set([
    ...changes.map(({ destination }) => destinationText(destination)),
    ...findings.filter(isOutOfSync).map(({ destination }) => destination),
  ]);
  return tried.some(({ destination }) => amiss.has(destination));
}
