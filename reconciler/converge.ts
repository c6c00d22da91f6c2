import { applyChanges } from './apply.ts';
import { type Change, changeAsJson, changeKey } from './core/change.ts';
import type { DesiredTable } from './core/desired.ts';
import { outOfSyncCodes } from './core/finding.ts';
import { permitted } from './core/guard.ts';
import { type ChangeOutcome, mayHaveWritten } from './core/outcome.ts';
import { type Plan, plan } from './core/plan.ts';
import { isEnforced } from './core/orders.ts';
import { type TableRecord, type Written, nextRecord, withDeadTargets } from './core/record.ts';
import { type ActualTable, destinationText } from './core/route.ts';
import type { RouteTables } from './ports.ts';

/** No mutation rests on a read older than this: DeleteRoute and ReplaceRoute hit whatever is there by then. */
const readKeepsMs = 10_000;

/** How often in a row the table is read again although nothing came of it. */
const fruitlessRounds = 3;

export interface Converged {
  /**
   * `done`: nothing is left that may be tried now. `unfinished`: time ran out, the table would not settle, or could not
   * be read again (`unreadable` says why).
   * `stopped`: the checkpoint said no. `doubtful`: the read is not believed, and nothing was decided by it.
   */
  readonly end: 'done' | 'unfinished' | 'stopped' | 'doubtful';
  /** The plan of the last read, with `actual` what was read then; undefined when EC2 has no such table. */
  readonly last?: { readonly plan: Plan; readonly actual: ActualTable };
  /** The last outcome of every change that was tried, in order of first trial. */
  readonly outcomes: readonly ChangeOutcome[];
  readonly record?: TableRecord;
  readonly unreadable?: unknown;
}

export interface ConvergeWorld {
  readonly tables: RouteTables;
  readonly now: () => Date;
  /** No call starts after this instant. */
  readonly until: Date;
  /** What is remembered; absent when a person asked for this, and only `maxDeletes` holds deletes back. */
  readonly record?: TableRecord;
  /** Whether a change is left for later, as it failed only a short while ago. */
  readonly isParked?: (change: Change) => boolean;
  /** Whether a read may be too old to act on, as it does not show what we wrote a moment ago, or `made` just now. */
  readonly isDoubtful?: (actual: ActualTable, readAt: Date, made: readonly ChangeOutcome[]) => boolean;
  /** Called before the first change of every new plan, with what became of those before. If it throws, nothing of it is done. */
  readonly beforeChanges?: (plan: Plan, outcomes: readonly ChangeOutcome[]) => Promise<void>;
  /** Asked before each phase of an apply, and at least every 5 s: may we go on? */
  readonly checkpoint?: () => Promise<boolean>;
}

/**
 * Brings one table to its desired state: reads it, plans, applies what is permitted, and looks again where an answer was
 * lost or the world turned out different. What was done or refused is not tried twice.
 *
 * A first read that fails throws, and nothing is changed on its account. A later one ends the work: what was done until
 * then must be remembered.
 */
export async function converge(desired: DesiredTable, world: ConvergeWorld): Promise<Converged> {
  const { tables, now, until } = world;
  const outcomes = new Map<string, ChangeOutcome>();
  let record = world.record;
  let fruitless = 0;
  let announced: string | undefined;
  let goesOn = true;

  const ending = (end: Converged['end'], last?: Converged['last']): Converged => ({
    end,
    ...(last && { last }),
    outcomes: [...outcomes.values()],
    ...(record && { record }),
  });
  const checkpoint = async (): Promise<boolean> => {
    goesOn &&= (await world.checkpoint?.()) ?? true;
    return goesOn;
  };

  let last: Converged['last'];
  for (let round = 1; ; round++) {
    const readAt = now();
    if (round > 1 && readAt >= until) return ending('unfinished', last);
    let actual: ActualTable | undefined;
    try {
      actual = await tables.read(desired.routeTableId);
    } catch (error) {
      if (round === 1) throw error;
      return { ...ending('unfinished', last), unreadable: error };
    }
    if (!actual) return ending('done');
    const planned = plan(desired, actual, { now: readAt, ...(record && { record }) });
    const made = [...outcomes.values()].filter(isDone);
    if (world.isDoubtful?.(actual, readAt, made)) {
      if (record) record = withDeadTargets(record, actual, readAt);
      return round === 1 ? ending('doubtful', { plan: planned, actual }) : ending('unfinished', last);
    }
    last = { plan: planned, actual };
    const remember = (written: readonly Written[]): void => {
      if (record) record = nextRecord(record, { desired, actual, plan: planned, now: readAt }, written);
    };
    settle(outcomes, planned);
    const isSettled = settledBy(outcomes);

    const due = isEnforced(desired, readAt)
      ? permitted(planned).filter((change) => !isSettled(change) && !world.isParked?.(change))
      : [];
    remember([]);
    if (due.length === 0) return ending('done', last);
    if (now() >= until || fruitless >= fruitlessRounds) return ending('unfinished', last);

    if (planned.planId !== announced) await world.beforeChanges?.(planned, [...outcomes.values()]);
    announced = planned.planId;
    const startLeftMs = (): number => Math.min(readAt.getTime() + readKeepsMs, until.getTime()) - now().getTime();
    const applied = await applyChanges(desired.routeTableId, due, { writer: tables, now, startLeftMs, checkpoint });
    due.forEach((change, index) => {
      const outcome = applied.outcomes[index];
      // A repeat that did not start says nothing of the call before it, whose answer was lost.
      const isOpen = outcome?.result === 'skipped' && outcomes.get(changeKey(change))?.result === 'unknown';
      if (outcome && !isOpen) outcomes.set(changeKey(change), outcome);
    });
    remember(written(due, applied.outcomes));
    if (!goesOn) return ending('stopped', last);
    if (!applied.lookAgain) return ending('done', last);
    fruitless = applied.outcomes.some((outcome) => isDone(outcome) || outcome.result === 'refused') ? 0 : fruitless + 1;
  }
}

/**
 * Takes a new read into account where a call's outcome was not known. What is no longer asked for has come about: our
 * lost answer was a yes, or somebody was faster; or it was refused, where something that is not ours has taken the place.
 * What is asked for in another way takes the place of the old call.
 */
function settle(outcomes: Map<string, ChangeOutcome>, { changes, findings }: Plan): void {
  const keys = new Set(changes.map(changeKey));
  const destinations = new Set(changes.map(({ destination }) => destinationText(destination)));
  const taken = new Set(findings.flatMap(({ code, destination }) => (outOfSyncCodes.has(code) ? destination : [])));
  for (const [key, outcome] of outcomes) {
    if (outcome.result !== 'unknown' || keys.has(key)) continue;
    const { kind: _, message: __, remedy: ___, ...known } = outcome;
    if (destinations.has(outcome.destination)) outcomes.delete(key);
    else if (taken.has(outcome.destination)) outcomes.set(key, { ...outcome, result: 'refused' });
    else outcomes.set(key, { ...known, result: 'already' });
  }
}

/**
 * Which changes have had their answer: those that were refused, and any that brings a destination to what it was brought
 * to before. A read that does not show it is older than our call, or somebody has undone it since: a later look tells.
 */
function settledBy(outcomes: ReadonlyMap<string, ChangeOutcome>): (change: Change) => boolean {
  const done = new Set([...outcomes.values()].filter(isDone).map(({ destination, to }) => `${destination} ${to}`));
  return (change) => {
    const { destination, to } = changeAsJson(change);
    return outcomes.get(changeKey(change))?.result === 'refused' || done.has(`${destination} ${to}`);
  };
}

const isDone = ({ result }: ChangeOutcome): boolean => result === 'done' || result === 'already';

const written = (changes: readonly Change[], outcomes: readonly ChangeOutcome[]): Written[] =>
  changes.flatMap((change, index) => {
    const outcome = outcomes[index];
    return outcome && mayHaveWritten(outcome) ? [{ change, isCertain: isDone(outcome) }] : [];
  });
