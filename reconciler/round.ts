import { withApprovalSpent } from './core/approval.ts';
import { isDeepStrictEqual } from 'node:util';
import { type Converged, converge } from './converge.ts';
import type { Change } from './core/change.ts';
import { doubtAbout, isDoubtful } from './core/consistency.ts';
import { type DesiredTable, parseDesired } from './core/desired.ts';
import type { ChangeOutcome } from './core/outcome.ts';
import { managed, namesOf } from './core/names.ts';
import { type Plan, planAfter } from './core/plan.ts';
import { underOrders } from './core/enforcement.ts';
import { sameOrders } from './core/orders.ts';
import { type TableRecord, withTargetsUp } from './core/record.ts';
import { isParked } from './core/retry.ts';
import { destinationText } from './core/route.ts';
import { type ReportedCall, seenAs, unseen } from './core/memory/call.ts';
import { announce } from './announce.ts';
import { newsOf } from './core/news.ts';
import { History } from './history.ts';
import { type Phase, type Status, remembered } from './core/status.ts';
import { type Occasion, type Waker, wakerOf } from './core/trigger.ts';
import {
  type Verdict,
  doubtful,
  invalid,
  nextStatus,
  saysMore,
  unmanaged,
  verdictOn,
  writesAfter,
} from './core/verdict.ts';
import type { Invocation } from './lease.ts';
import type { Checkpoint, Log, World } from './ports.ts';

/** Longer chains of messages are left to the sweep: Lambda stops functions that seem to wake themselves in a loop. */
const longestChain = 10;

/** SQS delays messages by at most 15 minutes; what is due later is left to the sweep. */
const longestDelayMs = 15 * 60 * 1_000;

/** One look at a table under its lease, on account of all that was left with it. */
export class Round {
  readonly #routeTableId: string;
  readonly #occasion: Occasion;
  readonly #calls: readonly ReportedCall[];
  /** The calls that the status before does not know. */
  readonly #newCalls: readonly ReportedCall[];
  readonly #waker: Waker;
  readonly #before: Status | undefined;
  readonly #history: History;
  readonly #world: World;
  readonly #log: Log;
  readonly #invocation: Invocation;

  /**
   * @param before the table's status as it is now
   * @param calls the calls about the table that were reported, the newest first
   */
  constructor(
    routeTableId: string,
    occasion: Occasion,
    before: Status | undefined,
    calls: readonly ReportedCall[],
    world: World,
    log: Log,
    invocation: Invocation,
  ) {
    this.#routeTableId = routeTableId;
    this.#occasion = occasion;
    this.#before = before;
    this.#calls = calls;
    this.#newCalls = unseen(calls, before?.callsSeen);
    this.#waker = wakerOf(occasion, calls, this.#newCalls);
    const heard = { waker: this.#waker, kinds: occasion.kinds, calls, newCalls: this.#newCalls };
    this.#history = new History(routeTableId, heard, before, world);
    this.#world = world;
    this.#log = log;
    this.#invocation = invocation;
  }

  /**
   * Forgets by what deletes were earned: the item was deleted, whether or not it is there again. News of a deletion that was
   * forgotten already says nothing of the item that came after.
   */
  async forget(): Promise<void> {
    const before = this.#before;
    if (!before || this.#occasion.deletions.every((id) => before.deletions?.includes(id))) return;
    const { orders } = await this.#world.checkpoint(this.#routeTableId);
    // The look that follows has yet to take the new calls into account.
    await this.#conclude(unmanaged(orders), [], { callsSeen: before.callsSeen ?? [] });
  }

  async run(): Promise<Phase> {
    const { checkpoint, now } = this.#world;
    const before = this.#before;
    let record: TableRecord | undefined;
    let outcomes: readonly ChangeOutcome[] = [];

    while (true) {
      const told = await checkpoint(this.#routeTableId);
      record ??= withTargetsUp(remembered(before, told.orders), this.#calls);
      if (told.item === undefined)
        return before || outcomes.length > 0 ? this.#conclude(unmanaged(told.orders), outcomes) : 'Unmanaged';
      const parsed = parseDesired(told.item, now());
      if (!parsed.ok) {
        const edited = withApprovalSpent(record, told.orders);
        return this.#conclude(invalid(this.#routeTableId, parsed.problems, edited, before), outcomes);
      }

      const desired = underOrders(parsed.table, told.orders);
      const { converged, stopped } = await this.#apply(desired, told, record, outcomes);
      record = converged.record ?? record;
      outcomes = [...outcomes, ...converged.outcomes];
      if (stopped === 'edited') continue;
      // Whoever holds the lease by now knows better than we do what is true.
      if (stopped === 'lost') return before?.phase ?? 'Verifying';
      const names = converged.last && namesOf(desired, converged.last.actual);
      return this.#conclude(this.#verdict(desired, { ...converged, outcomes, record }), outcomes, {
        ...(names && { names }),
      });
    }
  }

  #verdict(
    desired: DesiredTable,
    { end, last, outcomes, record }: Converged & { readonly record: TableRecord },
  ): Verdict {
    const now = this.#world.now();
    const before = this.#before;
    if (end === 'doubtful' && last && before)
      return doubtful(before, doubtAbout(last.actual, now, before.doubt), record, desired, now);
    const plan = last?.plan.blocked ? planLeft(desired, last, outcomes, { now, record }) : last?.plan;
    return verdictOn(
      desired,
      {
        end: end === 'doubtful' ? 'unfinished' : end,
        ...(plan && { plan }),
        ...(last && { drifted: last.plan.changes }),
        outcomes,
        record,
        calls: this.#history.calls,
      },
      before,
      now,
    );
  }

  /** Converges the table to one version of its item and orders, and keeps the run of what was changed. */
  async #apply(
    desired: DesiredTable,
    told: Checkpoint,
    record: TableRecord,
    earlier: readonly ChangeOutcome[],
  ): Promise<{ readonly converged: Converged; readonly stopped?: 'edited' | 'lost' | 'unreadable' }> {
    const { tables, now } = this.#world;
    const before = this.#before;
    let stopped: 'edited' | 'lost' | 'unreadable' | undefined;
    const converged = await converge(desired, {
      tables,
      now,
      until: this.#invocation.until,
      record,
      isParked: (change) => isParked(change, before, this.#occasion.kinds, now()),
      isDoubtful: (actual, readAt, made) => {
        const memory = { ...before, ...writesAfter([...earlier, ...made], before, readAt) };
        return isDoubtful(actual, readAt, memory, this.#newCalls, desired);
      },
      beforeChanges: async (plan, outcomes) => {
        await this.#history.applying(plan, outcomes);
        this.#log.info('applying a plan', { planId: plan.planId, changes: plan.changes.length });
      },
      checkpoint: async () => {
        stopped = await this.#whyStop(told);
        return stopped === undefined;
      },
    });
    if (converged.unreadable) this.#log.error('could not read the table again', { error: converged.unreadable });
    await this.#history.applied(converged.outcomes);
    return { converged, ...(stopped && { stopped }) };
  }

  /**
   * Why nothing more of a plan may be written: the item or the orders are others by now, the lease is another's, or none
   * of them can be read.
   */
  async #whyStop({ item, orders }: Checkpoint): Promise<'edited' | 'lost' | 'unreadable' | undefined> {
    try {
      const current = await this.#world.checkpoint(this.#routeTableId);
      if (current.holder !== this.#invocation.requestId) return 'lost';
      return isDeepStrictEqual(current.item, item) && sameOrders(current.orders, orders) ? undefined : 'edited';
    } catch (error) {
      this.#log.warn('stopped: could not read whether to go on', { error });
      return 'unreadable';
    }
  }

  /** Writes the next status if it says anything new, and sees to it that somebody looks again in time. */
  async #conclude(
    verdict: Verdict,
    outcomes: readonly ChangeOutcome[],
    {
      names = this.#before?.indexed ?? [managed],
      callsSeen = seenAs(this.#calls),
    }: { readonly names?: readonly string[]; readonly callsSeen?: readonly string[] } = {},
  ): Promise<Phase> {
    const { states, now } = this.#world;
    const before = this.#before;
    const indexed = await this.#indexed(verdict.phase === 'Unmanaged' ? [] : names);
    const circumstances = { waker: this.#waker, deletions: this.#occasion.deletions, callsSeen, outcomes };
    const next = nextStatus(this.#routeTableId, verdict, before, circumstances, now());
    const { status, drift, notices } = await this.#history.concluded(
      { ...next, ...(indexed.length > 0 && { indexed }) },
      outcomes,
    );
    const { phase, reason, plan } = status;
    const fields = { phase, reason, planId: plan?.planId };
    if (phase === 'InSync' || phase === 'Verifying' || phase === 'Unmanaged') this.#log.info('reconciled', fields);
    else this.#log.warn('reconciled', fields);
    const isNew = saysMore(status, before);
    if (isNew && !(await states.write(status))) {
      this.#log.warn('a later status was written meanwhile: this one is dropped', fields);
      return phase;
    }
    // Whoever wrote the status tells it, and nobody else. Told first: nobody would make up for news that were lost.
    const news = newsOf(status, before, { outcomes, drift, notices });
    await announce(news, { announcer: this.#world.announcer, log: this.#log });
    if (isNew) await this.#requeue(status);
    return phase;
  }

  /** Sees to it that events about these ids find the table; says under which ids they do. */
  async #indexed(names: readonly string[]): Promise<readonly string[]> {
    const before = this.#before?.indexed ?? [];
    const [old, current] = [new Set(before), new Set(names)];
    const add = names.filter((name) => !old.has(name));
    const remove = before.filter((name) => !current.has(name));
    if (add.length + remove.length === 0) return before;
    try {
      await this.#world.index.keep(this.#routeTableId, { add, remove });
      return names;
    } catch (error) {
      // What was done to the table must not be forgotten for that; the next sweep tries again.
      this.#log.error('could not keep the index', { error });
      return before;
    }
  }

  async #requeue({ routeTableId, nextRetry }: Status): Promise<void> {
    if (nextRetry === undefined) return;
    const delayMs = Date.parse(nextRetry) - this.#world.now().getTime();
    const hop = (this.#invocation.hop ?? 0) + 1;
    if (delayMs > longestDelayMs || hop > longestChain) return;
    await this.#world.requeue.send({ routeTableId, nextRetry, hop }, delayMs);
  }
}

/** What is left of a plan. Where deletes wait, its id is what a person approves: it must hold for the next plan, too. */
function planLeft(
  desired: DesiredTable,
  { plan, actual }: NonNullable<Converged['last']>,
  outcomes: readonly ChangeOutcome[],
  context: { readonly now: Date; readonly record: TableRecord },
): Plan {
  const done = new Set(
    outcomes
      .filter(({ result }) => result === 'done' || result === 'already')
      .map(({ action, destination }) => `${action} ${destination}`),
  );
  const isDone = ({ action, destination }: Change): boolean => done.has(`${action} ${destinationText(destination)}`);
  return planAfter(plan.changes.filter(isDone), desired, actual, context);
}
