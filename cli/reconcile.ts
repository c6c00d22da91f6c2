import { setTimeout as sleep } from 'node:timers/promises';
import { ec2RouteTables } from '../reconciler/aws/ec2/route-tables.ts';
import { paceAlone } from '../reconciler/pace.ts';
import { type AwsOptions, enterAws } from './caller.ts';
import { type ActualTables, tablesInEc2 } from './actual-tables.ts';
import { type ExitCode, exitCode, worst } from './exit-code.ts';
import { stacked } from './layout.ts';
import { reconciledJson, reconciledText, refusedJson, summaryText } from './output.ts';
import { planEach, showPlans, targetHealthInEc2, withApproved } from './plan.ts';
import { exitCodeAfter, reconcileTables } from './reconcile-table.ts';
import type { Terminal } from './terminal.ts';

export interface ReconcileOptions extends AwsOptions {
  readonly file: readonly string[];
  /** Ids of plans that were shown, whose deletes are approved. */
  readonly approve?: readonly string[];
  readonly json?: boolean;
}

/** Enough for thousands of routes at the pace that EC2 allows. */
const patienceMs = 30 * 60 * 1_000;
const verifyMs = 30_000;

/** `routectl reconcile`: plans, applies and verifies once, with neither DynamoDB nor Lambda. */
export async function reconcile(
  { file, approve = [], json = false, ...aws }: ReconcileOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { print, note, look } = terminal;
  const tables = ec2RouteTables();
  const targetHealth = await targetHealthInEc2(terminal);
  const readActual = async (ids: readonly string[]): Promise<ActualTables> => {
    await enterAws(aws, terminal);
    return tablesInEc2(tables, ids);
  };
  const planned = withApproved(await planEach(file, readActual, targetHealth), approve);
  if (!json) showPlans(planned, json, terminal);

  const world = {
    tables,
    pace: paceAlone(),
    targetHealth,
    now: () => new Date(),
    sleep: (ms: number) => sleep(ms),
    until: new Date(Date.now() + patienceMs),
    interrupted: interruptOf(terminal),
    verifyMs,
    note,
  };
  const reconciled = await reconcileTables(
    planned.filter((one) => 'plan' in one),
    world,
  );
  const results = planned.flatMap((one) => ('plan' in one ? (reconciled.shift() ?? []) : one));

  const codes = results.map((result) => ('outcome' in result ? exitCodeAfter(result) : exitCode.failed));
  const summary = summaryText(codes.map((code) => words[code]));
  if (json) {
    for (const result of results) print('outcome' in result ? reconciledJson(result) : refusedJson(result));
    note(summary);
  } else {
    const texts = results.flatMap((result) =>
      'outcome' in result && (result.outcome.length > 0 || result.failure) ? [reconciledText(result, look)] : [],
    );
    if (texts.length > 0) print(`\n${stacked(texts)}\n\n${summary}`);
  }
  return worst(codes);
}

const words = { 0: 'in sync', 1: 'failed', 2: 'out of sync', 3: 'blocked' } as const satisfies Record<ExitCode, string>;

/** The first Ctrl-C aborts it, so that the result can still be printed. The second one ends this process. */
function interruptOf({ note }: Terminal): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      note('interrupted: stopping within seconds and reading the result; interrupt again to end at once');
      controller.abort();
    });
  }
  return controller.signal;
}
