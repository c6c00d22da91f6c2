import type { Change } from '../reconciler/core/route/change.ts';
import { underOrders } from '../reconciler/core/desired/enforcement.ts';
import { desiredHash } from '../reconciler/core/desired/hashes.ts';
import { type ApprovedRoute, approvalLastsMs, noOrders } from '../reconciler/core/desired/orders.ts';
import { plan as planOf, planForMissingTable } from '../reconciler/core/plan/plan.ts';
import { destinationText, targetText } from '../reconciler/core/route/route.ts';
import { type AwsOptions, enterAws } from './caller.ts';
import { type ActualTables, tablesInAnswer, tablesInEc2 } from './actual-tables.ts';
import { type RefusedInput, readDesired } from './desired-input.ts';
import { type ExitCode, exitCode, exitCodeOf, worst } from './exit-code.ts';
import { Failure, failedCall } from './failure.ts';
import { stacked } from './layout.ts';
import { type Impacts, impactsOf, noImpacts } from './impact.ts';
import { planMarkdown } from './markdown.ts';
import { planJson, planText, plansSummary, refusedJson, refusedText } from './output.ts';
import { askNobody, healthyPlan } from '../reconciler/healthy-plan.ts';
import type { TargetHealth } from '../reconciler/ports.ts';
import type { Planned } from './planned.ts';
import type { Terminal } from './terminal.ts';
import { together } from './together.ts';

export interface PlanOptions extends AwsOptions {
  readonly file: readonly string[];
  /** A file with a saved answer, to plan against instead of EC2. */
  readonly actual?: string;
  /** Show the addresses whose path changes, too. */
  readonly impact?: boolean;
  readonly output?: 'text' | 'json' | 'markdown';
  readonly json?: boolean;
}

/** `routectl plan`: shows the changes without making them. With `--actual` it needs no network and no credentials. */
export async function plan(options: PlanOptions, terminal: Terminal): Promise<ExitCode> {
  const { file, actual, impact = false, json = false } = options;
  const output = json ? 'json' : (options.output ?? 'text');
  const results =
    actual === undefined
      ? await planInEc2(file, options, terminal)
      : await planEach(file, () => tablesInAnswer(actual));
  const impacts =
    impact || output === 'markdown' ? await impactsOf(results, actual !== undefined, terminal) : noImpacts;
  if (output === 'markdown') terminal.print(planMarkdown(results, impacts));
  else showPlans(results, output === 'json', terminal, impacts);
  return worst(results.map((result) => ('plan' in result ? exitCodeOf(result.plan) : exitCode.failed)));
}

/** The plans against EC2. The SDK is loaded only when a file has a valid item. */
const planInEc2 = (
  files: readonly string[],
  aws: AwsOptions,
  terminal: Terminal,
): Promise<(Planned | RefusedInput)[]> =>
  planEach(
    files,
    async (ids) => {
      await enterAws(aws, terminal);
      const { ec2RouteTables } = await import('../reconciler/aws/ec2/route-tables.ts');
      return tablesInEc2(ec2RouteTables(), ids);
    },
    async (...question) => (await targetHealthInEc2(terminal))(...question),
  );

/** Asks EC2 about targets, and says so when it could not be asked. */
export async function targetHealthInEc2({ note }: Pick<Terminal, 'note'>): Promise<TargetHealth> {
  const { ec2TargetHealth } = await import('../reconciler/aws/ec2/target-health.ts');
  const targetHealth = ec2TargetHealth();
  return async (...question) => {
    const answer = await targetHealth(...question);
    for (const failure of answer.failures)
      note(
        failedCall(
          'could not ask EC2 whether targets are up, so the plan does not depend on it',
          failure,
          'the Describe call of that kind of target',
        ).message,
      );
    return answer;
  };
}

/**
 * The plan of every table in the files, in order. A rejected item does not affect the plans of the others. The actual
 * tables are read together, or not at all if no item is valid.
 *
 * @param targetHealth asks EC2 about targets. Without it (offline), no target counts as dead
 */
export async function planEach(
  files: readonly string[],
  readActual: (routeTableIds: readonly string[]) => Promise<ActualTables>,
  targetHealth: TargetHealth = askNobody,
): Promise<(Planned | RefusedInput)[]> {
  const inputs = await readDesired(files, new Date());
  const ids = inputs.flatMap((input) => (input.ok ? [input.desired.routeTableId] : []));
  const now = new Date();
  const tables: ActualTables = ids.length === 0 ? new Map() : await readActual(ids);
  const asked = together(targetHealth);
  const planOne = async (input: (typeof inputs)[number]): Promise<Planned | RefusedInput> => {
    if (!input.ok) return input;
    const { desired } = input;
    const actual = tables.get(desired.routeTableId);
    if (!actual) return { desired, now, plan: planForMissingTable(desired) };
    const { failures: _, ...planned } = await healthyPlan(desired, actual, { now }, asked);
    return { desired, actual, now, ...planned };
  };
  return Promise.all(inputs.map(planOne));
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

function approved({ desired: item, actual, now, health, plan }: Planned): Planned {
  const approval = {
    routes: deletesOf(plan.changes),
    by: 'routectl reconcile --approve',
    at: now.toISOString(),
    until: new Date(now.getTime() + approvalLastsMs),
    desiredHash: desiredHash(item),
  };
  const desired = underOrders(item, { ...noOrders, approval });
  if (!actual) return { desired, now, plan };
  const asked = health && { health };
  return { desired, now, actual, ...asked, plan: planOf(desired, actual, { now, ...asked }) };
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
  impacts: Impacts = noImpacts,
): void {
  const summary = plansSummary(results);
  if (json) {
    for (const result of results) print('plan' in result ? planJson(result, impacts.get(result)) : refusedJson(result));
    note(summary);
  } else {
    const texts = results.map((result) =>
      'plan' in result ? planText(result, look, { impact: impacts.get(result) }) : refusedText(result, look),
    );
    print(`${stacked(texts)}\n\n${summary}`);
  }
}
