import type { DesiredTable } from '../reconciler/core/desired.ts';
import { type Plan, plan as planOf, planForMissingTable } from '../reconciler/core/plan.ts';
import type { ActualTable } from '../reconciler/core/route.ts';
import { type ActualTables, tablesInAnswer, tablesInEc2 } from './actual-tables.ts';
import { type RefusedInput, readDesired } from './desired-input.ts';
import { type ExitCode, exitCode, exitCodeOf, worst } from './exit-code.ts';
import { stacked } from './layout.ts';
import { planJson, planText, refusedJson, refusedText, stateOf, summaryText } from './output.ts';
import type { Terminal } from './terminal.ts';

export interface PlanOptions {
  readonly file: readonly string[];
  /** A file with a saved answer, to plan against instead of EC2. */
  readonly actual?: string;
  readonly json?: boolean;
}

/** A plan and its input. */
export interface Planned {
  readonly desired: DesiredTable;
  readonly plan: Plan;
  /** Undefined if the table does not exist. */
  readonly actual?: ActualTable;
  readonly now: Date;
}

/** `routectl plan`: shows the changes without making them. With `--actual` it needs no network and no credentials. */
export async function plan({ file, actual, json = false }: PlanOptions, terminal: Terminal): Promise<ExitCode> {
  const results = await planEach(file, async (ids) => {
    if (actual !== undefined) return tablesInAnswer(actual);
    const { ec2RouteTables } = await import('../reconciler/aws/ec2.ts');
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
