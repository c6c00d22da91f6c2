import {
  type Run,
  type RunOutcome,
  completed,
  completionsOf,
  newRun,
  noticeRun,
  planOfRun,
  recordedRun,
  troubleRun,
  withOutcomes,
  withPlan,
  writesIn,
} from './core/announce/history.ts';
import { type Transitions, isOtherTrouble } from './core/announce/transitions.ts';
import type { ChangeJson } from './core/route/change.ts';
import { type Memory, openDrift, rememberedAt } from './core/memory/memory.ts';
import { known } from './core/route/known.ts';
import type { ChangeOutcome } from './core/route/outcome.ts';
import type { Plan } from './core/plan/plan.ts';
import { actorOf, madeAfter, stoodBefore, wasUp } from './core/status/attribution.ts';
import type { RecordedRun } from './core/status/follow.ts';
import { clockSkewMs } from './core/status/possible-times.ts';
import { rememberWrites } from './core/status/staleness.ts';
import type { State } from './core/status/status.ts';
import type { Waker } from './core/memory/trigger.ts';
import type { StoredState, World } from './ports.ts';
import type { Evidence } from './situation.ts';

/** Names a state. Revisions alone start over when a state is lost, and two states may be of the same time. */
const nameOf = ({ status, revision }: StoredState): string => `${status.checkedAt}#${revision}`;

/**
 * The runs that began with a state: if it is the last one, their functions died, and nobody remembers what they wrote.
 * Their times decide nothing, because clocks differ.
 */
export async function runsOnTop(state: StoredState, { states }: Pick<World, 'states'>): Promise<readonly Run[]> {
  const { routeTableId, checkedAt } = state.status;
  const since = new Date(Date.parse(checkedAt) - clockSkewMs).toISOString();
  const runs = await states.runsSince(routeTableId, since);
  return runs.filter((run) => run.state === nameOf(state));
}

/** Remembers what functions wrote that died before they remembered it. */
export const withWritesOf = (memory: Memory, runs: readonly Run[]): Memory =>
  runs.reduce(
    (before, run) => rememberWrites(before, writesIn(run), new Date(run.appliedAt ?? run.detectedAt)),
    memory,
  );

/** Records the runs of one table during one reconcile: what was found, what was done, and who made it necessary. */
export class History {
  readonly #routeTableId: string;
  readonly #waker: Waker;
  readonly #before: StoredState | undefined;
  readonly #evidence: Evidence;
  readonly #world: Pick<World, 'states' | 'now'>;
  readonly #runs: Run[] = [];
  #open: Run | undefined;

  constructor(
    routeTableId: string,
    known: { readonly waker: Waker; readonly before: StoredState | undefined; readonly evidence: Evidence },
    world: Pick<World, 'states' | 'now'>,
  ) {
    this.#routeTableId = routeTableId;
    this.#waker = known.waker;
    this.#before = known.before;
    this.#evidence = known.evidence;
    this.#world = world;
  }

  /** The runs of this reconcile, as later reconciles remember them. */
  get runs(): readonly RecordedRun[] {
    return this.#runs.map(recordedRun);
  }

  /**
   * Records a plan before its first change, with the outcomes of the plan before it.
   *
   * @param isEdit the item or its policy has changed since the last state: then the changes need not be repairs
   */
  async planned(plan: Plan, outcomes: readonly ChangeOutcome[], isEdit: boolean): Promise<void> {
    // If this function dies, the table may be as its last state remembers it. A sweep would not find the repair.
    if (this.#before && !this.#open) await this.#world.states.unsee(this.#routeTableId, this.#before.revision);
    this.#open = this.#open
      ? withPlan(this.#applied(this.#open, outcomes), planOfRun(plan, this.#before?.memory))
      : {
          ...newRun(this.#routeTableId, planOfRun(plan, this.#before?.memory), this.#waker, this.#startedAt()),
          ...(this.#before && { state: nameOf(this.#before) }),
          ...(isEdit && { isEdit }),
        };
    await this.#world.states.recordRun(this.#open);
  }

  /**
   * When a run begins: never before the last state was written, even if the clock of this function is late. Else it might
   * get the id of an earlier run.
   */
  #startedAt(): Date {
    const last = Date.parse(this.#before?.status.checkedAt ?? '') || 0;
    return new Date(Math.max(this.#world.now().getTime(), last));
  }

  /** Records the outcomes of the last plan, if one was recorded. */
  async applied(outcomes: readonly ChangeOutcome[]): Promise<void> {
    if (!this.#open) return;
    await this.#record(this.#applied(this.#open, outcomes));
    this.#open = undefined;
  }

  /** Records what became of a run whose function died. */
  async recalled(run: Run, outcomes: readonly ChangeOutcome[]): Promise<void> {
    if (outcomes.length > 0) await this.#record(this.#applied(run, outcomes));
  }

  /** Records new trouble, unless this reconcile has recorded a run already. */
  async troubled(before: State | undefined, after: State): Promise<void> {
    if (this.#runs.length > 0 || !isOtherTrouble(before, after)) return;
    const run = troubleRun(before?.memory, after, this.#waker, (change) => this.#actorOf(change));
    if (run) await this.#record(run);
  }

  /** Records calls that changed the surroundings of the table, and what became known about earlier runs. */
  async concluded(transitions: Transitions): Promise<void> {
    const { states, now } = this.#world;
    for (const notice of transitions.notices) {
      const run = noticeRun(notice, transitions.after);
      if (run) await states.recordRun(run);
    }
    for (const completion of completionsOf(transitions)) {
      const run = await states.readRun(this.#routeTableId, completion.id);
      if (run) await states.recordRun(completed(run, completion, now()));
    }
  }

  async #record(run: Run): Promise<void> {
    await this.#world.states.recordRun(run);
    this.#runs.push(run);
  }

  #applied(run: Run, outcomes: readonly ChangeOutcome[]): Run {
    const attributed = outcomes.map((outcome): RunOutcome => known({ ...outcome, actor: this.#actorOf(outcome) }));
    return { ...withOutcomes(run, attributed), appliedAt: this.#world.now().toISOString() };
  }

  /**
   * Who made a change necessary. Undefined if nobody did but the item: the read before showed the same route, and its
   * target is not down.
   */
  #actorOf(change: ChangeJson): RunOutcome['actor'] {
    const before = rememberedAt(this.#before?.memory, change.destination);
    const isByItem =
      !this.#before || (change.because === undefined && stoodBefore(change, before) && !openDrift(before));
    // The target of a route that leaves it was up when the last read showed it so.
    const readAt =
      change.because && change.from && wasUp(change.from, before) ? this.#before?.memory.readAt : undefined;
    const calls = readAt === undefined ? this.#evidence.recent : madeAfter(readAt, this.#evidence.recent);
    return actorOf(change, before, calls) ?? (isByItem ? undefined : 'unattributed');
  }
}
