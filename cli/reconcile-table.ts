import pMap from 'p-map';
import { ChangeFailed, type Pace } from '../reconciler/apply.ts';
import { type ChangeOutcome, isDone, waitsForCreate } from '../reconciler/core/route/outcome.ts';
import { type Converged, converge } from '../reconciler/converge.ts';
import { type ChangeJson, changeAsJson } from '../reconciler/core/route/change.ts';
import { describeChange } from '../reconciler/core/route/change.ts';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import { isEnforced } from '../reconciler/core/desired/enforcement.ts';
import { isOutOfSync } from '../reconciler/core/desired/finding.ts';
import { permitted } from '../reconciler/core/plan/guard.ts';
import { type Plan, planForMissingTable, targetsToAsk } from '../reconciler/core/plan/plan.ts';
import { type ActualTable, type Target, destinationText } from '../reconciler/core/route/route.ts';
import { healthyPlan } from '../reconciler/healthy-plan.ts';
import { sharedHealth } from '../reconciler/shared-health.ts';
import type { RouteTables, SharedReads, TargetHealth } from '../reconciler/ports.ts';
import { type ExitCode, exitCode, exitCodeOf } from './exit-code.ts';
import { failedCall } from './failure.ts';
import { type Planned, tablesAtOnce } from './planned.ts';

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

/** A table whose changes were tried. */
interface Tried {
  readonly planned: Planned;
  /** The plan that was applied. */
  readonly plan: Plan;
  readonly outcome: readonly ChangeOutcome[];
  /** What the last read asked for. */
  readonly left: Plan;
  readonly failure?: string | undefined;
}

/**
 * Applies the permitted changes of plans, and waits for reads that show them. All tables are read together: before their
 * changes, again if that takes longer than 10 s, and after the last change. Needs no memory: a person asked for this.
 *
 * No answer of EC2 makes it throw: a refusal is an outcome, and a table that cannot be read is a failure.
 */
export async function reconcileTables(planned: readonly Planned[], world: ReconcileWorld): Promise<Reconciled[]> {
  const due = planned.filter(
    ({ desired, actual, now, plan }) => actual && isEnforced(desired, now) && permitted(plan).length > 0,
  );
  const tried = new Map<Planned, Tried>();
  const tryAll = async (some: readonly Planned[]): Promise<void> => {
    const shared = world.tables.together(some.map(({ desired }) => desired.routeTableId));
    const targetHealth = sharedHealth(world.targetHealth, world.now, likelyTargets(some));
    const results = await pMap(some, (one) => tryChanges(one, { ...world, shared, targetHealth }, tried.get(one)), {
      concurrency: tablesAtOnce,
    });
    for (const result of await readUntilShown(results, world)) tried.set(result.planned, result);
  };
  await tryAll(due);
  // The deletes that waited for creates go once a read has shown these.
  const later = due.filter((one) => {
    const { outcome = [], left } = tried.get(one) ?? {};
    return outcome.some(({ code }) => code === waitsForCreate) && !left?.waiting;
  });
  if (later.length > 0 && !world.interrupted.aborted) await tryAll(later);
  // A throttled call is repeated while its read is fresh. Then the table is read again, as long as that makes progress.
  for (let before = Infinity; !world.interrupted.aborted && world.now() < world.until;) {
    const refused = due.map((one) => ({ one, calls: tried.get(one)?.outcome.filter(passesByItself).length ?? 0 }));
    const open = refused.reduce((sum, { calls }) => sum + calls, 0);
    if (open === 0 || open >= before) break;
    before = open;
    await tryAll(refused.filter(({ calls }) => calls > 0).map(({ one }) => one));
  }
  return planned.map((one) => {
    const result = tried.get(one);
    const { desired, plan } = one;
    if (!result) return { desired, plan, outcome: [], verified: plan.inSync, left: plan };
    const { plan: applied, outcome, left, failure } = result;
    const verified = outcome.length === 0 ? left.inSync && failure === undefined : !asksAgain(left, outcome);
    return { desired, plan: applied, outcome, verified, left, ...(failure !== undefined && { failure }) };
  });
}

const passesByItself = ({ result, kind }: ChangeOutcome): boolean => result === 'refused' && kind === 'transient';

/** The targets about which the tables will ask again, by VPC: they are asked about together. */
const likelyTargets =
  (planned: readonly Planned[]) =>
  async (vpcId: string): Promise<readonly Target[]> =>
    planned.flatMap(({ desired, actual, plan }) => (actual?.vpcId === vpcId ? targetsToAsk(desired, plan) : []));

/** Applies the permitted changes of one table once. */
async function tryChanges(
  planned: Planned,
  world: ReconcileWorld & { readonly shared: SharedReads },
  before: Tried | undefined,
): Promise<Tried> {
  const { desired } = planned;
  let applied = before?.plan ?? planned.plan;
  const earlier = before?.outcome ?? [];
  try {
    const converged = await converge(desired, {
      ...world,
      tables: { ...world.tables, apply: watched(world) },
      shared: () => world.shared(desired.routeTableId),
      checkpoint: async () => !world.interrupted.aborted,
      beforeChanges: async (plan, outcomes) => {
        if (outcomes.length === 0 && !before) applied = plan;
      },
    });
    const later = new Set(converged.outcomes.map(keyOf));
    return {
      planned,
      plan: applied,
      outcome: [...earlier.filter((one) => !later.has(keyOf(one))), ...converged.outcomes],
      left: converged.last?.plan ?? planForMissingTable(desired),
      failure: whyUnfinished(converged),
    };
  } catch (error) {
    return { planned, plan: applied, outcome: earlier, left: before?.left ?? applied, failure: unreadAgain(error) };
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

/** Adds the plans of the first reads that show every change that was made or, if time runs out, of the last reads. */
async function readUntilShown(tried: readonly Tried[], world: ReconcileWorld): Promise<readonly Tried[]> {
  const { tables, now, sleep, verifyMs, note } = world;
  const deadline = now().getTime() + verifyMs;
  const lefts = new Map(tried.map(({ planned: { desired }, left }) => [desired, left]));
  const isShown = ({ planned, outcome, left }: Tried): boolean =>
    !asksAgain(lefts.get(planned.desired) ?? left, outcome.filter(isDone));
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const open = tried.filter((one) => !isShown(one)).map(({ planned }) => planned.desired);
    const remainingMs = deadline - now().getTime();
    if (open.length === 0 || remainingMs <= 0) break;
    await sleep(Math.min(waitMs, remainingMs));
    const ids = open.map(({ routeTableId }) => routeTableId);
    try {
      const found = new Map<string, ActualTable>();
      for await (const table of tables.readMany(ids)) found.set(table.routeTableId, table);
      await pMap(open, async (desired) => {
        const actual = found.get(desired.routeTableId);
        lefts.set(desired, actual ? await planNow(desired, actual, world) : planForMissingTable(desired));
      });
    } catch (error) {
      const what = ids.length === 1 ? `${ids[0]}` : `${ids.length} route tables`;
      note(failedCall(`${what}: could not read the result`, error).message);
    }
  }
  return tried.map((one) => ({ ...one, left: lefts.get(one.planned.desired) ?? one.left }));
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
