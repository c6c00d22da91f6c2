import type { OrderWriter, Scope } from '../reconciler/aws/dynamodb/order-writer.ts';
import { everyTable } from '../reconciler/core/desired/orders.ts';
import { routeTableIdPattern } from '../reconciler/core/route/route.ts';
import { authorOf } from './caller.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import type { Terminal } from './terminal.ts';
import { endOf } from './times.ts';

export interface ResumeOptions extends DeploymentOptions {
  readonly all?: boolean;
}

export interface PauseOptions extends ResumeOptions {
  readonly reason: string;
  readonly until?: string;
  readonly for?: string;
}

/** `routectl pause`: stops all changes in these tables, or in all tables, until it ends. Drift is still reported. */
export async function pause(ids: readonly string[], options: PauseOptions, terminal: Terminal): Promise<ExitCode> {
  const scopes = scopesOf(ids, options.all);
  const at = new Date();
  const until = endOf(options, at);
  const reason = options.reason.trim();
  if (reason === '') throw new Failure('give a --reason: the people on call need to know why changes are stopped');
  const open = await deployment(options, terminal);
  const by = authorOf(open.caller);
  const order = { reason, by, at, ...(until && { until }) };
  const writer = await writerOf(open);
  const { print, note } = terminal;
  const replaced = await reaching('write the pause', open, async () => {
    await noteUnmanaged(ids, open, note);
    return Promise.all(scopes.map((scope) => writer.pause(scope, order)));
  });
  for (const was of replaced.filter((was) => was !== undefined))
    note(
      `This replaces an earlier order: ${was.reason} (${was.until ? `until ${was.until.toISOString()}` : 'without an end'})`,
    );
  if (options.json) {
    for (const scope of scopes) print(JSON.stringify({ routeTableId: idOf(scope), paused: order }));
    return exitCode.ok;
  }
  const ends = until ? `until ${until.toISOString()}` : 'until somebody resumes';
  print(
    options.all
      ? `Stopped: nothing is changed in any route table ${ends}. Drift is still reported.`
      : `Paused: nothing is changed in ${ids.join(', ')} ${ends}. Drift is still reported.`,
  );
  note(`Within about 5 seconds no new change starts. By ${by}: ${reason}`);
  note(`Lift it: routectl resume ${options.all ? '--all' : ids.join(' ')}`);
  return exitCode.ok;
}

/** `routectl resume`: ends pauses and stops that were written by `routectl pause` or by hand. */
export async function resume(ids: readonly string[], options: ResumeOptions, terminal: Terminal): Promise<ExitCode> {
  const scopes = scopesOf(ids, options.all);
  const open = await deployment(options, terminal);
  const writer = await writerOf(open);
  const at = new Date();
  const ended = await reaching('end the pause', open, () =>
    Promise.all(scopes.map(async (scope) => ({ scope, resumed: await writer.resume(scope, at) }))),
  );
  const { print, note } = terminal;
  if (options.json) {
    for (const { scope, resumed } of ended)
      print(JSON.stringify({ routeTableId: idOf(scope), resumed: resumed === 'ended' }));
    return exitCode.ok;
  }
  for (const { scope, resumed } of ended) {
    const what = scope === 'fleet' ? 'the stop of all tables' : `the pause of ${scope.routeTableId}`;
    if (resumed === 'ended') print(`Ended ${what}.`);
    else print(`There was nothing to end: ${what} ${resumed === 'over' ? 'had ended before' : 'was never ordered'}.`);
  }
  const some = ended.filter(({ resumed }) => resumed === 'ended').length;
  if (some > 0)
    note(
      `Drift is repaired ${options.all ? 'at the next reconcile of each table (event, edit or sweep)' : 'now'}; ` +
        'deletes of routes that appeared meanwhile wait for approval (routectl approve).',
    );
  if (some > 0 && !options.all)
    note(
      `${counted(some, 'table')} may still be held by "paused" in the item, by mode observe, or by a stop of all tables.`,
    );
  return exitCode.ok;
}

export async function writerOf({ documents, ordersTable }: Deployment): Promise<OrderWriter> {
  const { orderWriter } = await import('../reconciler/aws/dynamodb/order-writer.ts');
  return orderWriter(documents, ordersTable);
}

/** Reports which of these tables are not managed: an order for them has no effect yet. */
export async function noteUnmanaged(
  ids: readonly string[],
  { documents, desiredTable }: Deployment,
  note: Terminal['note'],
): Promise<void> {
  const { desiredItems } = await import('../reconciler/aws/dynamodb/desired-table.ts');
  const there = await desiredItems(documents, desiredTable).existing(ids);
  for (const id of ids.filter((id) => !there.has(id)))
    note(`${id} has no desired item in ${desiredTable}: it is not managed, and the order has no effect until it is`);
}

function scopesOf(ids: readonly string[], all = false): readonly Scope[] {
  if (all && ids.length > 0) throw new Failure('give route table ids or --all, not both');
  if (all) return ['fleet'];
  if (ids.length === 0) throw new Failure('give the ids of route tables, or --all for all tables');
  return idsChecked(ids).map((routeTableId) => ({ routeTableId }));
}

/** @throws Failure if one of them is not a route table id: an order for it would have no effect */
export function idsChecked(ids: readonly string[]): readonly string[] {
  const wrong = ids.find((id) => !routeTableIdPattern.test(id));
  if (wrong !== undefined)
    throw new Failure(`"${wrong}" is not a route table id: expected rtb- and 17 (or 8) hex digits`);
  return [...new Set(ids)];
}

const idOf = (scope: Scope): string => (scope === 'fleet' ? everyTable : scope.routeTableId);
