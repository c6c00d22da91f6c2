import { isDeepStrictEqual } from 'node:util';
import type { Plan } from './plan.ts';
import { type Run, type RunOutcome, cut, omittedOf, summaryOf } from './status.ts';
import type { Actor, Trigger } from './trigger.ts';

/** The run of a plan that is about to be applied. */
export function newRun(routeTableId: string, plan: Plan, triggers: readonly Trigger[], detectedAt: Date): Run {
  const { actor, ...trigger } = triggers.find((trigger) => trigger.actor) ?? triggers[0] ?? { kind: 'sweep' };
  const at = detectedAt.toISOString();
  return {
    routeTableId,
    id: `${at}#${plan.planId}`,
    trigger,
    ...(actor && { actor }),
    plan: summaryOf(plan),
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

/** A run with what became of its changes, each attributed to whoever caused the drift behind it. */
export function withOutcome(run: Run, outcomes: readonly RunOutcome[], triggers: readonly Trigger[], now: Date): Run {
  const more = omittedOf(outcomes);
  return {
    ...run,
    outcome: cut(outcomes).map((outcome) => ({ ...outcome, ...attribution(outcome, triggers) })),
    ...(more > 0 && { moreOutcomes: more }),
    appliedAt: now.toISOString(),
  };
}

/**
 * Who caused the drift behind a change: named only where a call was about just this destination of this table, the last
 * of them if there were several. Else those seen are candidates, no more.
 */
export function attribution(
  { destination }: RunOutcome,
  triggers: readonly Trigger[],
): Pick<RunOutcome, 'actor' | 'candidates'> {
  const culprit = triggers.findLast((trigger) => trigger.actor && trigger.destination === destination)?.actor;
  if (culprit) return { actor: culprit };
  const candidates = new Map<string, Actor>(
    triggers.flatMap(({ actor }) => (actor ? [[actor.arn, actor] as const] : [])),
  );
  return { actor: 'unattributed', ...(candidates.size > 0 && { candidates: [...candidates.values()] }) };
}
