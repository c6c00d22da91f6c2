import type { OrderWriter, Scope } from '../reconciler/aws/dynamodb/order-writer.ts';
import { activePause } from '../reconciler/core/desired/enforcement.ts';
import { isActive } from '../reconciler/core/desired/ignore.ts';
import { type Pause, everyTable } from '../reconciler/core/desired/orders.ts';
import { routeTableIdPattern } from '../reconciler/core/route/route.ts';
import { authorOf } from './caller.ts';
import { situationReaderOf } from './deployed-plans.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { wantedOf } from '../reconciler/situation.ts';
import { fleetReaderOf } from './fleet.ts';
import { printable } from './printable.ts';
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
      printable(
        `This replaces an earlier order: ${was.reason} (${was.until ? `until ${was.until.toISOString()}` : 'without an end'})`,
      ),
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
  note(printable(`Within about 5 seconds no new change starts. By ${by}: ${reason}`));
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
  const still = await reaching('find out what else stops changes (the order has ended)', open, () =>
    options.all ? pausedTables(open, at) : stillHeld(ids, open, at),
  );
  const { print, note } = terminal;
  if (options.json) {
    for (const { scope, resumed } of ended) {
      const why = scope === 'fleet' ? undefined : still.get(scope.routeTableId);
      print(
        JSON.stringify({ routeTableId: idOf(scope), resumed: resumed === 'ended', ...(why && { stillHeld: why }) }),
      );
    }
    return exitCode.ok;
  }
  for (const { scope, resumed } of ended) {
    const what = scope === 'fleet' ? 'the stop of all tables' : `the pause of ${scope.routeTableId}`;
    if (resumed === 'ended') print(`Ended ${what}.`);
    else print(`There was nothing to end: ${what} ${resumed === 'over' ? 'had ended before' : 'was never ordered'}.`);
  }
  for (const [id, why] of still) note(printable(`${id} is still not enforced: ${why}`));
  if (ended.some(({ resumed }) => resumed === 'ended') && (options.all || still.size < scopes.length))
    note(
      `Drift is repaired ${options.all ? 'at the next reconcile of each table (event, edit or sweep)' : 'now'}; ` +
        'deletes of routes that appeared meanwhile wait for approval (routectl approve).',
    );
  return exitCode.ok;
}

/** Why these tables are not enforced even now, as far as they are not. */
async function stillHeld(ids: readonly string[], open: Deployment, now: Date): Promise<ReadonlyMap<string, string>> {
  const all = await (await situationReaderOf(open)).of(ids);
  return new Map(
    [...all].flatMap(([id, { item, orders }]): (readonly [string, string])[] => {
      const wanted = wantedOf(item, orders, now);
      if (wanted.kind === 'unmanaged') return [[id, 'it has no desired item']];
      const pause =
        wanted.kind === 'valid' ? activePause(wanted.desired, now) : orders.pauses.find((one) => isActive(one, now));
      if (pause) return [[id, whyStopped(pause)]];
      return wanted.kind === 'valid' && wanted.desired.mode === 'observe' ? [[id, 'the item is in mode observe']] : [];
    }),
  );
}

function whyStopped({ of, reason, by }: Pause): string {
  const who = by === undefined ? '' : ` (by ${by})`;
  const what = {
    fleet: 'all tables are stopped, which "routectl resume --all" ends',
    table: 'it is paused',
    item: 'it is paused in the item',
  }[of];
  return `${what}: ${reason}${who}`;
}

/** The tables with a pause of their own. A stop of all tables does not end it. */
async function pausedTables(open: Deployment, now: Date): Promise<ReadonlyMap<string, string>> {
  const reader = await fleetReaderOf(open);
  const { tables } = await reader.fleet();
  return new Map(
    tables.flatMap(({ routeTableId, orders }): (readonly [string, string])[] => {
      const pause = orders.pauses.find((one) => one.of === 'table' && isActive(one, now));
      return pause ? [[routeTableId, whyStopped(pause)]] : [];
    }),
  );
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
