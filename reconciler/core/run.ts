import { isDeepStrictEqual } from 'node:util';
import { mayHaveWritten } from './outcome.ts';
import type { Plan } from './plan.ts';
import {
  type OpenRun,
  type PlanSummary,
  type Run,
  type RunOutcome,
  type Status,
  cut,
  omittedOf,
  summaryOf,
} from './status.ts';
import type { Drift } from './drift.ts';
import type { Waker } from './trigger.ts';

/** The run of a plan that is about to be applied, or of drift that is left as it is. */
export function newRun(routeTableId: string, plan: PlanSummary, { trigger, actor }: Waker, detectedAt: Date): Run {
  const at = detectedAt.toISOString();
  return {
    routeTableId,
    id: `${at}#${plan.planId}`,
    trigger,
    ...(actor && { actor }),
    plan,
    outcome: [],
    detectedAt: at,
  };
}

/** A run whose table turned out different on the way: with the changes of a later plan beside those of the ones before. */
export function withPlan(run: Run, plan: Plan): Run {
  const later = summaryOf(plan);
  const changes = [...run.plan.changes, ...later.changes].filter(
    (change, index, all) => all.findIndex((other) => isDeepStrictEqual(other, change)) === index,
  );
  return { ...run, plan: { ...later, changes: cut(changes) } };
}

/** A run with what became of its changes, each attributed to whoever caused the drift behind it; the first hundred. */
export function withOutcome(run: Run, outcomes: readonly RunOutcome[]): Run {
  const more = omittedOf(outcomes);
  return { ...run, outcome: cut(outcomes), ...(more > 0 && { moreOutcomes: more }) };
}

/** The same of changes that were made or tried, by `now`. */
export const asApplied = (run: Run, outcomes: readonly RunOutcome[], now: Date): Run => ({
  ...withOutcome(run, outcomes),
  appliedAt: now.toISOString(),
});

/** Whether a status tells of drift or failure that the one before did not tell of. */
export const tellsTrouble = (status: Status, before: Status | undefined): boolean =>
  !calm.has(status.phase) &&
  (status.phase !== before?.phase || status.reason !== before.reason || status.plan?.planId !== before.plan?.planId);

const calm: ReadonlySet<Status['phase']> = new Set(['InSync', 'Verifying', 'Unmanaged']);

const openRunsKept = 5;

/** What has to be seen as desired for a run to be over: what it changed, or what it found and left as it was. */
export function openRunOf({ id, outcome, plan }: Run): OpenRun {
  const made = outcome.filter(mayHaveWritten);
  const changes = made.length > 0 ? made : plan.changes;
  return { id, destinations: changes.map(({ destination }) => destination) };
}

/** The runs that still wait to be seen. */
export const stillOpen = (runs: readonly OpenRun[]): readonly OpenRun[] => runs.slice(-openRunsKept);

/** A run completed by events that came late: who caused what it found. */
export function withCauses(run: Run, explained: readonly Drift[]): Run {
  const outcome = run.outcome.map((told) => {
    const actor = explained.find(({ destination }) => destination === told.destination)?.cause?.actor;
    if (told.actor !== 'unattributed' || !actor) return told;
    const { candidates: _, ...rest } = told;
    return { ...rest, actor };
  });
  const actor = run.actor ?? explained.find(({ cause }) => cause?.actor)?.cause?.actor;
  return { ...run, ...(actor && { actor }), outcome };
}
