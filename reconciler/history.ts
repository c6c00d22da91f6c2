import type { ChangeJson } from './core/change.ts';
import type { ChangeOutcome } from './core/outcome.ts';
import { unspentCalls } from './core/attribution.ts';
import type { Plan } from './core/plan.ts';
import {
  isMissed,
  lateCalls,
  newRun,
  openRunOf,
  stillOpen,
  tellsTrouble,
  withLateCalls,
  withOutcome,
  withPlan,
} from './core/run.ts';
import { type OpenRun, type Run, type Status, summaryOf } from './core/status.ts';
import type { Trigger } from './core/trigger.ts';
import type { TableStates } from './ports.ts';

/** Keeps the history of one table during one look at it: what was found and done, on whose account, and since when it is right. */
export class History {
  readonly #routeTableId: string;
  readonly #triggers: readonly Trigger[];
  readonly #before: Status | undefined;
  readonly #states: TableStates;
  readonly #now: () => Date;
  readonly #runs: Run[] = [];
  #missedByEvents = 0;
  readonly #touched = new Set<string>();
  #run: Run | undefined;

  constructor(
    routeTableId: string,
    triggers: readonly Trigger[],
    before: Status | undefined,
    { states, now }: { readonly states: TableStates; readonly now: () => Date },
  ) {
    this.#routeTableId = routeTableId;
    this.#triggers = triggers;
    this.#before = before;
    this.#states = states;
    this.#now = now;
  }

  /** The calls that bear on who changed what: those that woke us, and those that showed no effect when they did. */
  get calls(): readonly Trigger[] {
    return [...(this.#before?.calls ?? []), ...this.#triggers];
  }

  /** What is told of who changed what: now, and of what earlier runs put right. */
  get told(): { readonly calls: readonly Trigger[]; readonly late: readonly Trigger[] } {
    const late = (this.#before?.openRuns ?? []).flatMap((run) => lateCalls(run, this.#triggers));
    return { calls: this.calls, late };
  }

  /** Writes down a plan before the first of its changes, with what became of those before it. */
  async applying(plan: Plan, outcomes: readonly ChangeOutcome[]): Promise<void> {
    this.#run = this.#run
      ? withPlan(withOutcome(this.#run, outcomes, this.calls, this.#now()), plan)
      : newRun(this.#routeTableId, summaryOf(plan), this.#triggers, this.#now());
    await this.#states.recordRun(this.#run);
  }

  /** Writes down what became of the changes of an apply, if there were any. */
  async applied(outcomes: readonly ChangeOutcome[]): Promise<void> {
    if (!this.#run) return;
    const run = withOutcome(this.#run, outcomes, this.calls, this.#now());
    this.#run = undefined;
    for (const { destination } of outcomes) this.#touched.add(destination);
    await this.#states.recordRun(run);
    this.#runs.push(run);
  }

  /** Runs of sweeps whose drift no event told of in time, as far as this look found out. */
  get missedByEvents(): number {
    return this.#missedByEvents;
  }

  /**
   * Writes down drift and failures that nothing was done about, and completes earlier runs: with who it was, when the event
   * comes late, and with when the table was first seen as desired.
   *
   * @param drift what this look found otherwise than desired, and no edit had asked for
   * @returns the status with what the next look has to know of all this
   */
  async concluded(status: Status, drift: readonly ChangeJson[]): Promise<Status> {
    const { calls: _, openRuns: __, ...rest } = status;
    if (status.phase === 'Unmanaged') return rest;
    const isInSync = status.phase === 'InSync';
    const earlier: OpenRun[] = [];
    for (const run of this.#before?.openRuns ?? []) earlier.push(await this.#completed(run, isInSync));
    for (const trigger of this.#triggers) await this.#recordNotice(trigger, status);
    if (this.#runs.length === 0 && tellsTrouble(status, this.#before)) await this.#recordTrouble(status);
    const newly = new Set(drift.map(({ destination }) => destination));
    const runs = [...earlier, ...this.#runs.map((run) => openRunOf(run, newly))];
    const openRuns = stillOpen(runs, isInSync, this.#now());
    const drifted = new Set([...this.#touched, ...(status.plan?.changes ?? []).map(({ destination }) => destination)]);
    const calls = unspentCalls(this.calls, drifted, this.#now());
    return { ...rest, ...(calls.length > 0 && { calls }), ...(openRuns.length > 0 && { openRuns }) };
  }

  /** Writes down what a call changed that is not healed. Told twice, it is written once. */
  async #recordNotice(trigger: Trigger, { plan }: Status): Promise<void> {
    if (trigger.notice === undefined || !plan) return;
    const run = newRun(this.#routeTableId, plan, [trigger], this.#now());
    const id = trigger.id === undefined ? run.id : `${trigger.time ?? run.detectedAt}#${trigger.id}`;
    await this.#states.recordRun({ ...run, id, notice: trigger.notice });
  }

  async #recordTrouble(status: Status): Promise<void> {
    const { phase, reason, plan } = status;
    if (!plan) return;
    const run = { ...newRun(this.#routeTableId, plan, this.#triggers, this.#now()), phase, reason };
    await this.#states.recordRun(run);
    this.#runs.push(run);
  }

  async #completed(open: OpenRun, isInSync: boolean): Promise<OpenRun> {
    const late = lateCalls(open, this.#triggers);
    const isNowVerified = isInSync && !open.verified;
    if (late.length > 0 || isNowVerified) await this.#complete(open, late, isNowVerified);
    const toldOf = new Set(late.map(({ destination }) => destination));
    const completed: OpenRun = {
      ...open,
      unattributed: open.unattributed.filter((destination) => !toldOf.has(destination)),
      ...(isInSync && { verified: true }),
    };
    if (!isMissed(completed, this.#now())) return completed;
    this.#missedByEvents += 1;
    const { expectsEvent: _, ...told } = completed;
    return told;
  }

  async #complete(open: OpenRun, late: readonly Trigger[], isNowVerified: boolean): Promise<void> {
    const run = await this.#states.readRun(this.#routeTableId, open.id);
    if (!run) return;
    const verified = isNowVerified ? { verifiedAt: this.#now().toISOString() } : {};
    await this.#states.recordRun({ ...withLateCalls(run, late), ...verified });
  }
}
