import { type ChangeOutcome, applyChanges } from './apply.ts';
import type { Change } from './core/change.ts';
import type { DesiredTable } from './core/desired.ts';
import { permitted } from './core/guard.ts';
import { type Plan, plan } from './core/plan.ts';
import { type TableRecord, type Written, isEnforced, nextRecord } from './core/record.ts';
import { type ActualTable, destinationText, targetText } from './core/route.ts';
import type { RouteTables } from './ports.ts';

/** No mutation rests on a read older than this. */
const readKeepsMs = 10_000;

/** How often in a row the table is read again although nothing came of it. */
const fruitlessRounds = 3;

export interface Converged {
  /** The plan of the last read, with `actual` what was read then; undefined when EC2 has no such table. */
  readonly last?: { readonly plan: Plan; readonly actual: ActualTable };
  /** The last outcome of every change that was tried, in order of first trial. */
  readonly outcomes: readonly ChangeOutcome[];
  readonly record?: TableRecord;
  /** Changes were left over because time ran out. */
  readonly unfinished: boolean;
}

/**
 * Brings one table to its desired state: reads it, plans, applies what is permitted, and looks again where an answer was
 * lost or the world turned out different. What was done or refused is not tried twice.
 *
 * A read that fails throws, and nothing is changed on its account.
 *
 * @param world.record what is remembered; absent when a person asked for this, and only `maxDeletes` holds deletes back
 * @param world.until no call starts after this instant
 * @param world.beforeFirstChange called once with the first plan that changes something; if it throws, nothing is changed
 */
export async function converge(
  desired: DesiredTable,
  world: {
    readonly tables: RouteTables;
    readonly now: () => Date;
    readonly until: Date;
    readonly record?: TableRecord;
    readonly beforeFirstChange?: (plan: Plan) => Promise<void>;
  },
): Promise<Converged> {
  const { tables, now, until } = world;
  const { routeTableId } = desired;
  const outcomes = new Map<string, ChangeOutcome>();
  let record = world.record;
  let fruitless = 0;
  let started = false;

  while (true) {
    const readAt = now();
    const actual = await tables.read(routeTableId);
    if (!actual) return { outcomes: [...outcomes.values()], unfinished: false, ...(record && { record }) };
    const planned = plan(desired, actual, { now: readAt, ...(record && { record }) });
    const last = { plan: planned, actual };
    if (record) record = nextRecord(record, { desired, actual, plan: planned, now: readAt }, []);

    const due = isEnforced(desired, readAt)
      ? permitted(planned).filter((change) => !isSettled(outcomes.get(keyOf(change))))
      : [];
    const unfinished = due.length > 0 && (now() >= until || fruitless >= fruitlessRounds);
    if (due.length === 0 || unfinished)
      return { last, outcomes: [...outcomes.values()], unfinished, ...(record && { record }) };

    if (!started) await world.beforeFirstChange?.(planned);
    started = true;
    const startLeftMs = (): number => Math.min(readAt.getTime() + readKeepsMs, until.getTime()) - now().getTime();
    const applied = await applyChanges(routeTableId, due, { writer: tables, now, startLeftMs });
    due.forEach((change, index) => {
      const outcome = applied.outcomes[index];
      if (outcome) outcomes.set(keyOf(change), outcome);
    });
    if (record)
      record = nextRecord(record, { desired, actual, plan: planned, now: readAt }, written(due, applied.outcomes));
    if (!applied.lookAgain)
      return { last, outcomes: [...outcomes.values()], unfinished: false, ...(record && { record }) };
    fruitless = applied.outcomes.some(isSettled) ? 0 : fruitless + 1;
  }
}

const keyOf = ({ destination }: Change): string => destinationText(destination);

const isSettled = (outcome: ChangeOutcome | undefined): boolean =>
  outcome !== undefined && ['done', 'already', 'refused'].includes(outcome.result);

function written(changes: readonly Change[], outcomes: readonly ChangeOutcome[]): Written[] {
  return changes.flatMap((change, index) => {
    if (outcomes[index]?.result !== 'done' || change.action === 'delete') return [];
    const overrodeLocal = change.action === 'replace' && change.from.origin === 'with-table';
    return [{ destination: change.destination, target: targetText(change.to), overrodeLocal }];
  });
}
