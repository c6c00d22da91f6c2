import { isDeepStrictEqual } from 'node:util';
import { type ChangeJson, changeAsJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import type { Actor } from '../memory/call.ts';
import { type BlockCode, type Memory, rememberedAt } from '../memory/memory.ts';
import { permitted, waitingIn } from '../plan/guard.ts';
import { isSame } from '../status/drift.ts';
import { type ChangeOutcome, mayHaveWritten } from '../route/outcome.ts';
import type { Plan } from '../plan/plan.ts';
import { slotsOf } from '../plan/slots.ts';
import { type ActualTable, targetNames } from '../route/route.ts';
import type { RecordedRun } from '../status/follow.ts';
import { type Phase, type PlanSummary, type State, cut, omittedOf, summaryOf } from '../status/status.ts';
import { type ShownTrigger, type Waker, callAsWaker } from '../memory/trigger.ts';
import type { Explained, Notice, Transitions } from './transitions.ts';

/** The outcome of one change, and who made the change necessary. */
export interface RunOutcome extends ChangeOutcome {
  /** Named only if the call made the difference. Absent if only the item asks for the change. */
  readonly actor?: Actor | 'unattributed';
}

/** One reconcile that found drift, changed something or failed. Times are ISO 8601, UTC. */
export interface Run {
  readonly routeTableId: string;
  readonly id: string;
  /** The state that it began with. Until a later state is written, nobody remembers what it wrote. */
  readonly state?: string;
  /** The item or its policy had changed since that state: so its changes need not be repairs. */
  readonly isEdit?: true;
  readonly trigger: ShownTrigger;
  readonly actor?: Actor;
  readonly plan: PlanSummary;
  readonly outcome: readonly RunOutcome[];
  /** How many more outcomes there were. */
  readonly moreOutcomes?: number;
  readonly detectedAt: string;
  readonly appliedAt?: string;
  /** When a read first showed everything it is about as desired. */
  readonly verifiedAt?: string;
  /** What somebody changed that nothing repairs: which subnets the table serves, or what a prefix list means. */
  readonly notice?: string;
  /** The phase the table was left in, and why. */
  readonly phase?: Phase;
  readonly reason?: string;
}

/**
 * The part of a plan that a run is about: the changes that may be made now, and those that are new. What waits as it did
 * before is in earlier runs, and the status has the whole plan.
 */
export function planOfRun(plan: Plan, before: Memory | undefined): PlanSummary {
  const codes = new Map(waitingIn(plan.blocked).map(({ destination, code }) => [destination, code]));
  const isAllowed = new Set(permitted(plan));
  const changes = plan.changes.filter((change) => {
    const json = changeAsJson(change);
    return isAllowed.has(change) || isNew(json, codes.get(json.destination), before);
  });
  const { blocked: _, waiting: __, ...rest } = plan;
  const about = new Set(changes.map((change) => changeAsJson(change).destination));
  return summaryOf({ ...rest, changes, ...waitsAt(plan, about) });
}

/** Whether the plan before asked for another change at this destination, or held it back for another reason. */
function isNew(change: ChangeJson, waits: BlockCode | undefined, before: Memory | undefined): boolean {
  const was = rememberedAt(before, change.destination);
  return was.planned === undefined || !isSame(was.planned, change) || was.waits !== waits;
}

/** What waits in a plan at these destinations. */
function waitsAt({ blocked, waiting }: Pick<Plan, 'blocked' | 'waiting'>, about: ReadonlySet<string>) {
  const only = <T extends { readonly destination: string }>(list: readonly T[] = []): readonly T[] =>
    list.filter(({ destination }) => about.has(destination));
  const [deletes, replaces, waits] = [only(blocked?.deletes), only(blocked?.replaces), only(waiting)];
  return {
    ...(blocked &&
      deletes.length + replaces.length > 0 && {
        blocked: known({ ...blocked, deletes, replaces: replaces.length > 0 ? replaces : undefined }),
      }),
    ...(waits.length > 0 && { waiting: waits }),
  };
}

/** A plan as it is stored, with only these changes, and with what waits of them. */
function aboutOnly(summary: PlanSummary, changes: readonly ChangeJson[]): PlanSummary {
  const { blocked: _, waiting: __, omitted, ...plan } = summary;
  return known({
    ...plan,
    changes: cut(changes),
    ...waitsAt(summary, new Set(changes.map(({ destination }) => destination))),
    omitted: omitted && { ...omitted, changes: omittedOf(changes) },
  });
}

/** The run of a plan that is about to be applied, or of drift that is only reported. */
export function newRun(routeTableId: string, plan: PlanSummary, { trigger, actor }: Waker, detectedAt: Date): Run {
  const at = detectedAt.toISOString();
  return known({
    routeTableId,
    id: `${at}#${plan.planId}`,
    trigger,
    actor,
    plan,
    outcome: [],
    detectedAt: at,
  });
}

/** Adds a later plan to a run whose table changed meanwhile. The changes of both plans are kept. */
export function withPlan(run: Run, later: PlanSummary): Run {
  const changes = [...run.plan.changes, ...later.changes].filter(
    (change, index, all) => all.findIndex((other) => isDeepStrictEqual(other, change)) === index,
  );
  return { ...run, plan: { ...later, changes: cut(changes) } };
}

/** Adds the first 100 outcomes to a run, and counts the others. */
export const withOutcomes = (run: Run, outcomes: readonly RunOutcome[]): Run =>
  known({ ...run, outcome: cut(outcomes), moreOutcomes: omittedOf(outcomes) || undefined });

/** The run of new trouble without any try to repair it: each change that is new in the plan is skipped. */
export function troubleRun(
  before: Memory | undefined,
  { status: { routeTableId, plan, phase, reason, checkedAt }, memory }: State,
  waker: Waker,
  attributed: (change: ChangeJson) => RunOutcome['actor'],
): Run | undefined {
  if (!plan) return undefined;
  const changes = [...memory.destinations.values()].flatMap(({ planned, waits }) =>
    planned && isNew(planned, waits, before) ? planned : [],
  );
  const skipped = changes.map((change): RunOutcome =>
    known({ ...change, result: 'skipped' as const, actor: attributed(change) }),
  );
  const run = newRun(routeTableId, aboutOnly(plan, changes), waker, new Date(checkedAt));
  return { ...withOutcomes(run, skipped), phase, reason };
}

/** The run of a call that changed the surroundings of the table. The same call always gives the same run. */
export const noticeRun = (call: Notice, { status }: State): Run | undefined =>
  status.plan && {
    ...newRun(status.routeTableId, aboutOnly(status.plan, []), callAsWaker(call), new Date(status.checkedAt)),
    id: `${call.time}#${call.id}`,
    notice: call.notice,
  };

/**
 * A run as later reconciles remember it. It stays open until a read shows its destinations as desired: those it changed
 * or, if it changed none, those of its plan.
 */
export function recordedRun({ id, outcome, plan }: Run): RecordedRun {
  const made = outcome.filter(mayHaveWritten);
  const changes = made.length > 0 ? made : plan.changes;
  const about = new Set([...outcome, ...plan.changes].map(({ destination }) => destination));
  return { id, destinations: changes.map(({ destination }) => destination), about };
}

/** What the function of a run wrote, or may have written before it died: it recorded the plan, but no outcome. */
export function writesIn({ plan, outcome }: Run): readonly ChangeOutcome[] {
  const tried = new Set(outcome.map(({ action, destination, to }) => [action, destination, to].join(' ')));
  const open = plan.changes
    .filter((change) => !waitsIn(plan).has(change.destination))
    .filter(({ action, destination, to }) => !tried.has([action, destination, to].join(' ')));
  return [...outcome, ...open.map((change) => ({ ...change, result: 'unknown' as const }))].filter(mayHaveWritten);
}

/** The destinations of changes that wait in a plan. */
const waitsIn = ({ blocked, waiting }: PlanSummary): ReadonlySet<string> =>
  new Set([...waitingIn(blocked), ...(waiting ?? [])].map(({ destination }) => destination));

/** The changes of a run that a later read shows as made, by us or by others. Changes that waited are not among them. */
export function madeIn({ plan }: Run, { routes }: ActualTable): readonly ChangeOutcome[] {
  const waited = waitsIn(plan);
  const slots = slotsOf(routes).static;
  const isMade = ({ action, destination, to = '' }: ChangeJson): boolean => {
    const slot = slots.get(destination);
    if (action === 'delete') return !slot && !waited.has(destination);
    return slot !== undefined && targetNames(slot).includes(to) && !(action === 'replace' && waited.has(destination));
  };
  return plan.changes.filter(isMade).map((change) => ({ ...change, result: 'already' }));
}

/** What became known about an earlier run. */
export interface Completion {
  readonly id: string;
  readonly isVerified: boolean;
  /** What this run records and whose cause is known only now. */
  readonly explained: readonly Explained[];
}

export function completionsOf({ verified, explained }: Transitions): readonly Completion[] {
  const ids = new Set([...verified, ...explained.flatMap(({ runs = [] }) => runs)]);
  return [...ids].map((id) => ({
    id,
    isVerified: verified.includes(id),
    explained: explained.filter(({ runs }) => runs?.includes(id)),
  }));
}

export function completed(run: Run, { isVerified, explained }: Completion, now: Date): Run {
  const causeOf = (destination: string): Actor | undefined =>
    explained.find((one) => one.destination === destination)?.cause?.actor;
  const outcome = run.outcome.map((one) =>
    one.actor === 'unattributed' ? { ...one, actor: causeOf(one.destination) ?? one.actor } : one,
  );
  return known({
    ...run,
    outcome,
    actor: run.actor ?? explained.find(({ cause }) => cause?.actor)?.cause?.actor,
    verifiedAt: isVerified ? now.toISOString() : run.verifiedAt,
  });
}
