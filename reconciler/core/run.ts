import { isDeepStrictEqual } from 'node:util';
import type { Plan } from './plan.ts';
import { attribution } from './attribution.ts';
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
import type { Trigger } from './trigger.ts';

/** The run of a plan that is about to be applied, or of drift that is left as it is. */
export function newRun(routeTableId: string, plan: PlanSummary, triggers: readonly Trigger[], detectedAt: Date): Run {
  const { actor, ...trigger } = triggers.find((trigger) => trigger.actor) ?? triggers[0] ?? { kind: 'sweep' };
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

/** A run with what became of its changes, each attributed to whoever caused the drift behind it, by the calls seen. */
export function withOutcome(run: Run, outcomes: readonly RunOutcome[], calls: readonly Trigger[], now: Date): Run {
  const more = omittedOf(outcomes);
  return {
    ...run,
    outcome: cut(outcomes).map((outcome) => ({ ...outcome, ...attribution(outcome, calls) })),
    ...(more > 0 && { moreOutcomes: more }),
    appliedAt: now.toISOString(),
  };
}

/** Whether a status tells of drift or failure that the one before did not tell of. */
export const tellsTrouble = (status: Status, before: Status | undefined): boolean =>
  !calm.has(status.phase) &&
  (status.phase !== before?.phase || status.reason !== before.reason || status.plan?.planId !== before.plan?.planId);

const calm: ReadonlySet<Status['phase']> = new Set(['InSync', 'Verifying', 'Unmanaged']);

/** A run waits so long for the event of a call that caused it. */
const eventsMayBeLateMs = 15 * 60 * 1_000;
const openRunsKept = 5;

/** What a run still waits for. Drift that only a sweep found waits for the event that should have told of it. */
export const openRunOf = (
  { id, detectedAt, trigger, plan, outcome, actor }: Run,
  drifted: ReadonlySet<string>,
): OpenRun => ({
  id,
  detectedAt,
  trigger: trigger.kind,
  unattributed:
    outcome.length > 0
      ? outcome.filter(({ actor }) => actor === 'unattributed').map(({ destination }) => destination)
      : actor
        ? []
        : plan.changes.map(({ destination }) => destination),
  ...(trigger.kind === 'sweep' &&
    [...outcome, ...plan.changes].some(({ destination }) => drifted.has(destination)) && { expectsEvent: true }),
});

/** Whether the event that a run waited for did not come in time: what tells of calls is broken, or was too slow. */
export const isMissed = ({ expectsEvent, unattributed, detectedAt }: OpenRun, now: Date): boolean =>
  expectsEvent === true && unattributed.length > 0 && now.getTime() - Date.parse(detectedAt) >= eventsMayBeLateMs;

/** The runs that still wait for something: to be seen in EC2, or for a late event. */
export const stillOpen = (runs: readonly OpenRun[], isInSync: boolean, now: Date): readonly OpenRun[] =>
  runs
    .filter(
      ({ detectedAt, unattributed }) =>
        !isInSync || (unattributed.length > 0 && now.getTime() - Date.parse(detectedAt) < eventsMayBeLateMs),
    )
    .slice(-openRunsKept);

/** The calls among these that a run waited for: made before it, about a destination of which nobody knows who changed it. */
export const lateCalls = ({ detectedAt, unattributed }: OpenRun, calls: readonly Trigger[]): readonly Trigger[] =>
  calls.filter(
    ({ kind, actor, destination, time }) =>
      kind === 'event' &&
      actor !== undefined &&
      destination !== undefined &&
      unattributed.includes(destination) &&
      time !== undefined &&
      Date.parse(time) <= Date.parse(detectedAt),
  );

/** A run completed by late events: who caused what it found. */
export function withLateCalls(run: Run, calls: readonly Trigger[]): Run {
  const [first] = calls;
  const actor = run.actor ?? first?.actor;
  const outcome = run.outcome.map((told) => {
    if (told.actor !== 'unattributed') return told;
    const { candidates: _, ...rest } = told;
    return { ...rest, ...attribution(told, calls) };
  });
  return { ...run, ...(actor && { actor }), outcome };
}
