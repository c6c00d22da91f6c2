import { attribution, mayExplain, unspent } from './core/attribution.ts';
import type { ChangeJson } from './core/change.ts';
import {
  type Drift,
  type DriftNews,
  type Look,
  deviationsIn,
  driftAfter,
  knownCause,
  lastDriftAfter,
} from './core/drift.ts';
import type { ReportedCall } from './core/memory/call.ts';
import type { Notice } from './core/news.ts';
import type { ChangeOutcome } from './core/outcome.ts';
import type { Plan } from './core/plan.ts';
import {
  asApplied,
  newRun,
  openRunOf,
  stillOpen,
  tellsTrouble,
  withCauses,
  withOutcome,
  withPlan,
} from './core/run.ts';
import { type OpenRun, type Run, type RunOutcome, type Status, summaryOf } from './core/status.ts';
import { type TriggerKind, type Waker, callAsWaker } from './core/trigger.ts';
import type { TableStates } from './ports.ts';

/** What a look leaves behind: the status with all that the next look has to know, and what is new. */
export interface Concluded {
  readonly status: Status;
  readonly drift: DriftNews;
  /** What new calls changed around the table. */
  readonly notices: readonly Notice[];
}

/** What one look knows of what happened before it. */
export interface Heard {
  readonly waker: Waker;
  readonly kinds: readonly TriggerKind[];
  /** The calls reported within a day, the newest first. */
  readonly calls: readonly ReportedCall[];
  /** Those of them that no earlier look knew. */
  readonly newCalls: readonly ReportedCall[];
}

/** Keeps the history of one table during one look at it: what was found and done, on whose account, and since when it is right. */
export class History {
  readonly #routeTableId: string;
  readonly #heard: Heard;
  readonly #before: Status | undefined;
  readonly #states: TableStates;
  readonly #now: () => Date;
  readonly #runs: Run[] = [];
  #run: Run | undefined;

  /** The calls that may explain what this look or an earlier one found. */
  readonly #recent: readonly ReportedCall[];

  /** Those of them that may explain what this look found. */
  readonly calls: readonly ReportedCall[];

  constructor(
    routeTableId: string,
    heard: Heard,
    before: Status | undefined,
    { states, now }: { readonly states: TableStates; readonly now: () => Date },
  ) {
    this.#routeTableId = routeTableId;
    this.#heard = heard;
    this.#before = before;
    this.#states = states;
    this.#now = now;
    this.#recent = mayExplain(heard.calls, heard.newCalls, now());
    this.calls = unspent(this.#recent, before?.drift);
  }

  /** Writes down a plan before the first of its changes, with what became of those before it. */
  async applying(plan: Plan, outcomes: readonly ChangeOutcome[]): Promise<void> {
    this.#run = this.#run
      ? withPlan(asApplied(this.#run, this.#attributed(outcomes), this.#now()), plan)
      : newRun(this.#routeTableId, summaryOf(plan), this.#heard.waker, this.#now());
    await this.#states.recordRun(this.#run);
  }

  /** Writes down what became of the changes of an apply, if there were any. */
  async applied(outcomes: readonly ChangeOutcome[]): Promise<void> {
    if (!this.#run) return;
    const run = asApplied(this.#run, this.#attributed(outcomes), this.#now());
    this.#run = undefined;
    await this.#states.recordRun(run);
    this.#runs.push(run);
  }

  /**
   * Follows drift from the status before to this one, writes down drift and failures that nothing was done about, and
   * completes earlier runs: with who it was, when the event comes late, and with when all of it was first seen as desired.
   */
  async concluded(next: Status, outcomes: readonly ChangeOutcome[]): Promise<Concluded> {
    const look: Look = {
      status: next,
      before: this.#before,
      outcomes,
      kinds: this.#heard.kinds,
      recent: this.#recent,
      calls: this.calls,
      newCalls: this.#heard.newCalls,
    };
    const news = driftAfter(look);
    const deviating = deviationsIn(look);
    const notices = await this.#recordNotices(next);
    const { openRuns: _, drift: __, lastDrift: ___, ...status } = next;
    if (status.phase === 'Unmanaged') return { status, drift: news, notices };

    if (this.#runs.length === 0 && tellsTrouble(next, this.#before)) await this.#recordTrouble(next);
    const openRuns = await this.#complete(this.#before?.openRuns ?? [], news.explained, deviating);
    const stillWaiting = stillOpen([...openRuns, ...this.#runs.map(openRunOf)]);
    const drift = news.drift.map((one) => this.#toldIn(one));
    const lastDrift = lastDriftAfter(look, news);
    return {
      status: {
        ...status,
        ...(drift.length > 0 && { drift }),
        ...(lastDrift && { lastDrift }),
        ...(stillWaiting.length > 0 && { openRuns: stillWaiting }),
      },
      drift: news,
      notices,
    };
  }

  /** Writes down what new calls changed that is not healed. Done again it writes the same runs. */
  async #recordNotices({ plan }: Status): Promise<readonly Notice[]> {
    if (!plan) return [];
    const notices = this.#heard.newCalls.filter((call) => call.about === 'surroundings').toReversed();
    for (const call of notices) {
      const run = newRun(this.#routeTableId, plan, callAsWaker(call), this.#now());
      await this.#states.recordRun({ ...run, id: `${call.time}#${call.id}`, notice: call.notice });
    }
    return notices;
  }

  async #recordTrouble({ phase, reason, plan }: Status): Promise<void> {
    if (!plan) return;
    const skipped = plan.changes.map((change): ChangeOutcome => ({ ...change, result: 'skipped' }));
    const run = withOutcome(
      newRun(this.#routeTableId, plan, this.#heard.waker, this.#now()),
      this.#attributed(skipped),
    );
    const told = { ...run, phase, reason };
    await this.#states.recordRun(told);
    this.#runs.push(told);
  }

  /** Each change with who caused what it puts right: known from the look that found it, or by the calls seen. */
  #attributed(outcomes: readonly ChangeOutcome[]): RunOutcome[] {
    return outcomes.map((outcome) => {
      const actor = knownCause(outcome, this.#before?.drift)?.actor;
      return { ...outcome, ...(actor ? { actor } : attribution(outcome, this.calls)) };
    });
  }

  /** Drift with the run of this look that tells of it, if one does. */
  #toldIn(one: Drift): Drift {
    const isAbout = ({ destination }: ChangeJson): boolean => destination === one.destination;
    const run = this.#runs.find(({ outcome, plan }) => outcome.some(isAbout) || plan.changes.some(isAbout));
    if (!run || one.endedAt !== undefined) return one;
    return { ...one, runs: [...(one.runs ?? []).slice(0, 1), run.id] };
  }

  /** Completes runs by what is known only now; returns those that still wait to be seen. */
  async #complete(
    openRuns: readonly OpenRun[],
    explained: readonly Drift[],
    deviating: ReadonlyMap<string, unknown> | undefined,
  ): Promise<readonly OpenRun[]> {
    const isSeen = ({ destinations }: OpenRun): boolean =>
      deviating !== undefined && destinations.every((destination) => !deviating.has(destination));
    const seen = new Set(openRuns.filter(isSeen).map(({ id }) => id));
    for (const id of new Set([...seen, ...explained.flatMap(({ runs = [] }) => runs)])) {
      const run = await this.#states.readRun(this.#routeTableId, id);
      if (!run) continue;
      const verified = seen.has(id) ? { verifiedAt: this.#now().toISOString() } : {};
      const causes = explained.filter(({ runs }) => runs?.includes(id));
      await this.#states.recordRun({ ...withCauses(run, causes), ...verified });
    }
    return openRuns.filter(({ id }) => !seen.has(id));
  }
}
