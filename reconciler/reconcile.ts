import { isDeepStrictEqual } from 'node:util';
import pMap from 'p-map';
import type { ChangeOutcome } from './apply.ts';
import { type Converged, converge } from './converge.ts';
import { type DesiredTable, parseDesired } from './core/desired.ts';
import { planForMissingTable } from './core/plan.ts';
import type { Problem } from './core/problem.ts';
import { desiredHash, emptyRecord, isEnforced, policyHash } from './core/record.ts';
import {
  type Phase,
  type Run,
  type RunOutcome,
  type Status,
  type StatusFailure,
  cut,
  omittedOf,
  recordFields,
  recordOf,
  summaryOf,
} from './core/status.ts';
import type { Trigger } from './core/trigger.ts';
import type { Log, World } from './ports.ts';

/** A status nobody needed to change is refreshed this often, so that an idle fleet writes next to nothing. */
export const statusKeepsMs = 60 * 60 * 1000;

/** How many tables are reconciled at the same time. */
export const tablesAtOnce = 4;

/** What one reconcile ended in. */
export interface Reconciled {
  readonly routeTableId: string;
  readonly phase: Phase;
}

/**
 * Reconciles one route table: reads its desired item, brings the table to it, and writes down what came of it.
 *
 * The plan is recorded before the first mutation. An invalid item changes nothing in EC2; an absent one ends management
 * and changes no route. A read that fails, of the item, the record or the table, throws and changes nothing.
 *
 * @param until no call to EC2 starts after this instant; what is left then is left to the next reconcile
 */
export async function reconcile(
  routeTableId: string,
  trigger: Trigger,
  world: World,
  until: Date,
): Promise<Reconciled> {
  const log = world.log.with({ routeTableId, trigger: trigger.kind, triggerId: trigger.id, triggerName: trigger.name });
  const [item, before] = await Promise.all([world.desired.read(routeTableId), world.states.read(routeTableId)]);
  const report = new Report(routeTableId, trigger, before, world, log);
  if (item === undefined) return report.unmanaged();
  const parsed = parseDesired(item, world.now());
  if (!parsed.ok) return report.invalid(parsed.problems);

  const desired = parsed.table;
  const detectedAt = world.now().toISOString();
  let run: Run | undefined;
  const converged = await converge(desired, {
    tables: world.tables,
    now: world.now,
    until,
    record: before ? recordOf(before) : emptyRecord,
    beforeFirstChange: async (plan) => {
      run = newRun(routeTableId, trigger, detectedAt, summaryOf(plan));
      log.info('applying a plan', { planId: plan.planId, changes: plan.changes.length });
      await world.states.recordRun(run);
    },
  });
  if (run) await world.states.recordRun(withOutcome(run, converged, trigger, world.now()));
  return report.converged(desired, converged);
}

/**
 * Reconciles several tables, each whether or not the others fail.
 *
 * @throws AggregateError with every failure, when all tables had their turn
 */
export async function reconcileEach(
  routeTableIds: readonly string[],
  trigger: Trigger,
  world: World,
  until: Date,
): Promise<void> {
  await pMap(routeTableIds, (routeTableId) => reconcile(routeTableId, trigger, world, until), {
    concurrency: tablesAtOnce,
    stopOnError: false,
  });
}

/** Turns what was found into the table's next status, and writes it if it says anything new. */
class Report {
  readonly #routeTableId: string;
  readonly #trigger: Trigger;
  readonly #before: Status | undefined;
  readonly #world: World;
  readonly #log: Log;

  constructor(routeTableId: string, trigger: Trigger, before: Status | undefined, world: World, log: Log) {
    this.#routeTableId = routeTableId;
    this.#trigger = trigger;
    this.#before = before;
    this.#world = world;
    this.#log = log;
  }

  /** Deleting the item stops management and changes no route; what deletes were earned by is forgotten. */
  async unmanaged(): Promise<Reconciled> {
    const forgotten = recordFields(emptyRecord);
    // Never managed: an event named a table that is none of ours, and leaves no trace.
    if (!this.#before) return { routeTableId: this.#routeTableId, phase: 'Unmanaged' };
    return this.#write({ phase: 'Unmanaged', reason: 'there is no desired item', failures: [], ...forgotten });
  }

  async invalid(problems: readonly Problem[]): Promise<Reconciled> {
    const first = problems[0];
    const reason = `the desired item has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}: ${first?.path}: ${first?.message}, found ${first?.found}`;
    return this.#write({
      phase: 'Invalid',
      reason,
      problems: cut(problems),
      failures: [],
      // The last good repair stays in place, and so does what it earned.
      ...recordFields(this.#before ? recordOf(this.#before) : emptyRecord),
    });
  }

  async converged(desired: DesiredTable, converged: Converged): Promise<Reconciled> {
    const now = this.#world.now();
    const plan = converged.last?.plan ?? planForMissingTable(desired);
    const failures = failuresAfter(converged.outcomes, this.#before);
    const wrote = converged.outcomes.some(({ result }) => result !== 'skipped');
    return this.#write({
      ...judge(desired, converged, failures, now),
      desiredHash: desiredHash(desired),
      policyHash: policyHash(desired, now),
      plan: summaryOf(plan),
      failures: cut(failures),
      ...(wrote && { lastWriteAt: now.toISOString() }),
      ...recordFields(converged.record ?? emptyRecord),
    });
  }

  async #write(
    news: Omit<Status, 'routeTableId' | 'trigger' | 'actor' | 'checkedAt' | 'changedAt' | 'inSyncSince'>,
  ): Promise<Reconciled> {
    const now = this.#world.now().toISOString();
    const before = this.#before;
    const { actor, ...trigger } = this.#trigger;
    const samePhase = before?.phase === news.phase;
    const inSyncSince = news.phase === 'InSync' ? (samePhase && before.inSyncSince) || now : undefined;
    const status: Status = {
      ...(before?.lastWriteAt && { lastWriteAt: before.lastWriteAt }),
      ...news,
      routeTableId: this.#routeTableId,
      trigger,
      ...(actor && { actor }),
      checkedAt: now,
      changedAt: samePhase ? before.changedAt : now,
      ...(inSyncSince && { inSyncSince }),
    };
    if (!before || saysMore(status, before)) await this.#world.states.write(status);
    const fields = { phase: status.phase, reason: status.reason, planId: status.plan?.planId };
    if (['InSync', 'Verifying', 'Unmanaged'].includes(status.phase)) this.#log.info('reconciled', fields);
    else this.#log.warn('reconciled', fields);
    return { routeTableId: this.#routeTableId, phase: status.phase };
  }
}

/** Which phase a table is in after a reconcile, and why, in one sentence. */
function judge(
  desired: DesiredTable,
  { last, outcomes, unfinished }: Converged,
  failures: readonly StatusFailure[],
  now: Date,
): Pick<Status, 'phase' | 'reason'> {
  if (!last) return { phase: 'Missing', reason: 'EC2 has no such route table in this account and Region' };
  const { plan } = last;
  if (!isEnforced(desired, now) && !plan.inSync) {
    const why = desired.mode === 'observe' ? 'the item is in mode observe' : `paused: ${desired.paused?.reason}`;
    return { phase: 'Drifted', reason: `${count(plan.changes.length, 'change')} not made, as ${why}` };
  }
  const worst = failures[0];
  if (worst) {
    const more = failures.length > 1 ? `, and ${failures.length - 1} more` : '';
    return {
      phase: 'Failed',
      reason: `could not ${worst.action} ${worst.destination}: ${worst.remedy ?? worst.message}${more}`,
    };
  }
  if (unfinished) return { phase: 'Verifying', reason: 'time ran out: the rest is left to the next reconcile' };
  if (plan.blocked) return { phase: 'Blocked', reason: plan.blocked.message };
  if (outcomes.length > 0)
    return { phase: 'Verifying', reason: `${count(outcomes.length, 'change')} made, not yet seen` };
  if (plan.inSync) return { phase: 'InSync', reason: 'every route is as desired' };
  const finding = plan.findings.find(({ code }) => code !== 'host-bits');
  return { phase: 'Failed', reason: finding?.message ?? 'some routes are not ours to change' };
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

function failuresAfter(outcomes: readonly ChangeOutcome[], before: Status | undefined): StatusFailure[] {
  const attempts = new Map(
    before?.failures.map(({ action, destination, attempts }) => [`${action} ${destination}`, attempts]),
  );
  return outcomes
    .filter(({ result }) => result === 'refused' || result === 'unknown')
    .map(({ action, destination, from, to, code, message, remedy }) => ({
      action,
      destination,
      ...(from && { from }),
      ...(to && { to }),
      ...(code && { code }),
      ...(message && { message }),
      ...(remedy && { remedy }),
      attempts: (attempts.get(`${action} ${destination}`) ?? 0) + 1,
    }));
}

/** Whether a new status tells a reader, or the next reconcile, anything that the old one does not. */
function saysMore(status: Status, before: Status): boolean {
  const ageMs = Date.parse(status.checkedAt) - Date.parse(before.checkedAt);
  return ageMs >= statusKeepsMs || !isDeepStrictEqual(essence(status), essence(before));
}

const essence = ({ trigger: _, actor: __, checkedAt: ___, ...rest }: Status): object => rest;

function newRun(routeTableId: string, { actor, ...trigger }: Trigger, detectedAt: string, plan: Run['plan']): Run {
  const id = `${detectedAt}#${trigger.id ?? trigger.kind}#${plan.planId}`;
  return { routeTableId, id, trigger, ...(actor && { actor }), plan, outcome: [], detectedAt };
}

function withOutcome(run: Run, { outcomes }: Converged, trigger: Trigger, now: Date): Run {
  const more = omittedOf(outcomes);
  return {
    ...run,
    outcome: cut(outcomes).map((outcome) => attributed(outcome, trigger)),
    ...(more > 0 && { moreOutcomes: more }),
    appliedAt: now.toISOString(),
  };
}

/** Names who caused the drift behind a change, only where the call that woke us was about just this destination. */
function attributed(outcome: ChangeOutcome, { actor, destination }: Trigger): RunOutcome {
  return { ...outcome, actor: actor && destination === outcome.destination ? actor : 'unattributed' };
}
