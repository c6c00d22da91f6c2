import { editIdPattern } from '../reconciler/core/plan/fleet-brake.ts';
import { type WaitingChange, waitingIn } from '../reconciler/core/plan/guard.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import { approvalLastsMs } from '../reconciler/core/desired/orders.ts';
import { type ApproveOptions, authorOf } from './approve.ts';
import { agreed } from './consent.ts';
import { type Deployment, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { columns } from './layout.ts';
import { writerOf } from './pause.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** More rows than this would hide the question. */
const tablesShown = 20;

interface WaitingTable {
  readonly routeTableId: string;
  readonly changes: readonly WaitingChange[];
}

/**
 * `routectl approve edit-…`: shows the tables that wait for an edit of many items, asks, and approves all of it for 24 hours.
 *
 * The order is of the time before the tables are read. So it releases nothing that begins to wait later.
 */
export async function approveEdit(edit: string, options: ApproveOptions, terminal: Terminal): Promise<ExitCode> {
  if (!editIdPattern.test(edit))
    throw new Failure(`"${printable(edit)}" is not the id of an edit, such as edit-0a1b2c3d4e5f: its message names it`);
  const open = await deployment(options, terminal);
  const by = authorOf(open);
  const at = new Date();
  const waiting = await reaching('find the tables that wait', open, () => tablesThatWait(edit, open));
  const { print, note } = terminal;
  if (waiting.length === 0) {
    if (options.json) print(JSON.stringify({ edit, approved: [] }));
    else print(`No table waits for ${edit}: it was approved or undone, or its items were edited again.`);
    return exitCode.ok;
  }
  const rows = waiting.slice(0, tablesShown).map(({ routeTableId, changes }) => [routeTableId, textOf(changes)]);
  const more = waiting.length - rows.length;
  note(`${columns(rows).join('\n')}${more > 0 ? `\nand ${counted(more, 'more table')}` : ''}\n`);
  const all = textOf(waiting.flatMap(({ changes }) => changes));
  if (!(options.yes || (await agreed(`Make all that waits in ${counted(waiting.length, 'table')}: ${all}?`))))
    throw new Failure('nothing was approved');
  const until = new Date(at.getTime() + approvalLastsMs);
  await reaching('record the approval', open, async () => {
    const writer = await writerOf(open);
    await writer.approveEdit(edit, { by, at, until });
  });
  const ids = waiting.map(({ routeTableId }) => routeTableId);
  if (options.json) print(JSON.stringify({ edit, approved: ids, by, until }));
  else print(`Approved by ${printable(by)} until ${until.toISOString()}: ${edit}, in ${counted(ids.length, 'table')}.`);
  return exitCode.ok;
}

async function tablesThatWait(edit: string, { documents, stateTable }: Deployment): Promise<readonly WaitingTable[]> {
  const [{ tableStates }, { tableIndex }] = await Promise.all([
    import('../reconciler/aws/dynamodb/state-table.ts'),
    import('../reconciler/aws/dynamodb/table-index.ts'),
  ]);
  const ids = await tableIndex(documents, stateTable).tablesUnder(edit);
  const glances = await tableStates(documents, stateTable).glance(ids);
  return ids.flatMap((routeTableId) => {
    const { blocked } = glances.get(routeTableId)?.status.plan ?? {};
    const changes = waitingIn(blocked).filter(({ code }) => code === 'fleet-edit');
    return blocked?.edit === edit ? [{ routeTableId, changes }] : [];
  });
}

/** The first routes by name, and how many there are of each kind. */
function textOf(changes: readonly WaitingChange[]): string {
  const names = changes.slice(0, 3).map(({ destination }) => printable(destination));
  const more = changes.length - names.length;
  return `${counted(changes.length, 'change')} (${names.join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}
