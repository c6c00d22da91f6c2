import type { Change } from '../reconciler/core/route/change.ts';
import { underOrders } from '../reconciler/core/desired/enforcement.ts';
import { desiredHash } from '../reconciler/core/desired/hashes.ts';
import { type ApprovedRoute, approvalLastsMs, noOrders } from '../reconciler/core/desired/orders.ts';
import { plan as planOf, planForMissingTable } from '../reconciler/core/plan/plan.ts';
import { destinationText, targetText } from '../reconciler/core/route/route.ts';
import { type ActualTables, tablesInAnswer, tablesInEc2 } from './actual-tables.ts';
import { type RefusedInput, readDesired } from './desired-input.ts';
import { type ExitCode, exitCode, exitCodeOf, worst } from './exit-code.ts';
import { Failure } from './failure.ts';
import { stacked } from './layout.ts';
import { planJson, planText, refusedJson, refusedText, stateOf, summaryText } from './output.ts';
import type { Planned } from './planned.ts';
import type { Terminal } from './terminal.ts';

export interface PlanOptions {
  readonly file: readonly string[];
  /** A file with a saved answer, to plan against instead of EC2. */
  readonly actual?: string;
  readonly json?: boolean;
}

/** `routectl plan`: shows the changes without making them. With `--actual` it needs no network and no credentials. */
export async function plan({ file, actual, json = false }: PlanOptions, terminal: Terminal): Promise<ExitCode> {
  const results = await planEach(file, async (ids) => {
    if (actual !== undefined) return tablesInAnswer(actual);
    const { ec2RouteTables } = await import('../reconciler/aws/ec2/route-tables.ts');
    return tablesInEc2(ec2RouteTables(), ids);
  });
  showPlans(results, json, terminal);
  return worst(results.map((result) => ('plan' in result ? exitCodeOf(result.plan) : exitCode.failed)));
}

/**
 * The plan of every table in the files, in order. A rejected item does not affect the plans of the others. The actual
 * tables are read together, or not at all if no item is valid.
 */
export async function planEach(
  files: readonly string[],
  readActual: (routeTableIds: readonly string[]) => Promise<ActualTables>,
): Promise<(Planned | RefusedInput)[]> {
  const inputs = await readDesired(files, new Date());
  const ids = inputs.flatMap((input) => (input.ok ? [input.desired.routeTableId] : []));
  const now = new Date();
  const tables: ActualTables = ids.length === 0 ? new Map() : await readActual(ids);
  return inputs.map((input) => {
    if (!input.ok) return input;
    const { desired } = input;
    const actual = tables.get(desired.routeTableId);
    return actual
      ? { desired, actual, now, plan: planOf(desired, actual, { now }) }
      : { desired, now, plan: planForMissingTable(desired) };
  });
}

/**
 * Plans of which those with these ids are approved: just the deletes that they show may go, whatever `maxDeletes` says.
 *
 * @throws Failure when an id is of no plan: it was shown before the table or the file changed
 */
export function withApproved(
  planned: readonly (Planned | RefusedInput)[],
  planIds: readonly string[],
): (Planned | RefusedInput)[] {
  const known = new Set(planned.flatMap((one) => ('plan' in one ? one.plan.planId : [])));
  const unknown = planIds.find((planId) => !known.has(planId));
  if (unknown !== undefined)
    throw new Failure(`no table has a plan ${unknown} now, and nothing was changed: run "routectl plan" again`);
  return planned.map((one) => ('plan' in one && planIds.includes(one.plan.planId) ? approved(one) : one));
}

function approved({ desired: item, actual, now, plan }: Planned): Planned {
  const approval = {
    routes: deletesOf(plan.changes),
    by: 'routectl reconcile --approve',
    at: now.toISOString(),
    until: new Date(now.getTime() + approvalLastsMs),
    desiredHash: desiredHash(item),
  };
  const desired = underOrders(item, { ...noOrders, approval });
  return { desired, now, ...(actual ? { actual, plan: planOf(desired, actual, { now }) } : { plan }) };
}

const deletesOf = (changes: readonly Change[]): ApprovedRoute[] =>
  changes.flatMap((change) =>
    change.action === 'delete'
      ? { destination: destinationText(change.destination), target: targetText(change.from.target) }
      : [],
  );

/** Prints the plans and a summary. */
export function showPlans(
  results: readonly (Planned | RefusedInput)[],
  json: boolean,
  { print, note, look }: Terminal,
): void {
  const changes = results.flatMap((result) => ('plan' in result ? result.plan.changes : []));
  const summary = summaryText(
    results.map((result) => ('plan' in result ? stateOf(result) : 'invalid')),
    changes.map(({ action }) => action),
  );
  if (json) {
    for (const result of results) print('plan' in result ? planJson(result) : refusedJson(result));
    note(summary);
  } else {
    const texts = results.map((result) => ('plan' in result ? planText(result, look) : refusedText(result, look)));
    print(`${stacked(texts)}\n\n${summary}`);
  }
}
