import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import { desiredHash } from '../reconciler/core/desired/hashes.ts';
import { isEnforced } from '../reconciler/core/desired/enforcement.ts';
import { type ApprovedRoute, approvalLastsMs } from '../reconciler/core/desired/orders.ts';
import { type Plan, plan } from '../reconciler/core/plan/plan.ts';
import { type ActualTable, destinationText, targetText } from '../reconciler/core/route/route.ts';
import { memoryOf, wantedOf } from '../reconciler/situation.ts';
import { authorOf } from './caller.ts';
import { agreed } from './consent.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import { columns } from './layout.ts';
import { printable } from './printable.ts';
import { idsChecked, writerOf } from './pause.ts';
import type { Terminal } from './terminal.ts';

export interface ApproveOptions extends DeploymentOptions {
  readonly yes?: boolean;
}

/** What waits now, as the reconciler itself would find it: deletes, and routes at listed destinations to be replaced. */
interface Held {
  readonly desired: DesiredTable;
  readonly plan: Plan;
  readonly waiting: readonly Waiting[];
}

type Waiting = ApprovedRoute & { readonly action: 'delete' | 'replace'; readonly state: string };

/** `routectl approve`: shows what waits, asks, and approves exactly that for 24 hours. */
export async function approve(id: string, options: ApproveOptions, terminal: Terminal): Promise<ExitCode> {
  const [routeTableId = id] = idsChecked([id]);
  const open = await deployment(options, terminal);
  const held = await reaching('find what waits', open, () => heldBack(routeTableId, open));
  const { print, note, look } = terminal;
  const { plan, waiting, desired } = held;
  if (waiting.length === 0) {
    if (options.json) print(JSON.stringify({ routeTableId, approved: [] }));
    else print(`Nothing waits for approval in ${routeTableId}.`);
    return exitCode.ok;
  }
  const rows = waiting.map(({ action, destination, target, state }) => [
    action === 'delete' ? look.paint('red', '- delete') : look.paint('yellow', '~ replace'),
    printable(destination),
    printable(target),
    state,
  ]);
  const why = plan.blocked
    ? `${plan.blocked.message} [${plan.blocked.code}]`
    : 'listed destinations have routes that may belong to somebody else [maybe-not-ours]';
  note(`${routeTableId}: ${why}\n`);
  note(`${columns(rows).join('\n')}\n`);
  const deletes = waiting.filter(({ action }) => action === 'delete').length;
  const others = plan.changes.length - deletes;
  if (others > 0) note(`No approval is needed for ${counted(others, 'other change')} of this plan.`);
  if (!isEnforced(desired, new Date()))
    note('The table is not enforced now (mode observe, a pause or a stop): nothing is changed until it is enforced.');
  if (!(options.yes || (await agreed(questionOf(deletes, waiting.length - deletes, routeTableId)))))
    throw new Failure('nothing was approved');

  const by = authorOf(open.caller);
  const approved = waiting.map(({ destination, target }) => ({ destination, target }));
  const at = new Date();
  const until = new Date(at.getTime() + approvalLastsMs);
  const approval = { routes: approved, by, at: at.toISOString(), until, desiredHash: desiredHash(desired) };
  await reaching('record the approval', open, async () => {
    const again = await heldBack(routeTableId, open);
    if (JSON.stringify(again.waiting) !== JSON.stringify(waiting))
      throw new Failure('the plan has changed since it was shown: nothing was approved; run the command again');
    const writer = await writerOf(open);
    await writer.approve(routeTableId, approval);
  });
  if (options.json) print(JSON.stringify({ routeTableId, approved, by, until }));
  else
    print(
      `Approved by ${by} until ${until.toISOString()}: ${approvedText(deletes, waiting.length - deletes)}, and no other.`,
    );
  return exitCode.ok;
}

async function heldBack(routeTableId: string, { documents, ...tables }: Deployment): Promise<Held> {
  const [{ checkpoint }, { tableStates }, { ec2RouteTables }] = await Promise.all([
    import('../reconciler/aws/dynamodb/checkpoint.ts'),
    import('../reconciler/aws/dynamodb/state-table.ts'),
    import('../reconciler/aws/ec2/route-tables.ts'),
  ]);
  const [{ item, orders }, known, actual] = await Promise.all([
    checkpoint(documents, tables)(routeTableId),
    tableStates(documents, tables.stateTable).read(routeTableId),
    ec2RouteTables().read(routeTableId),
  ]);
  const now = new Date();
  const wanted = wantedOf(item, orders, now);
  if (wanted.kind === 'unmanaged')
    throw new Failure(`${routeTableId} has no desired item in ${tables.desiredTable}: it is not managed`);
  if (!actual) throw new Failure(`${routeTableId} does not exist in this account and Region`);
  // Without a memory the next reconcile would count an approval as spent.
  if (!known.state)
    throw new Failure(`${routeTableId} has not been reconciled yet: wait for its first reconcile, then approve`);
  if (wanted.kind === 'invalid') {
    const [first] = wanted.problems;
    throw new Failure(`the desired item of ${routeTableId} is invalid: ${first?.path}: ${first?.message}`);
  }
  const { desired } = wanted;
  const planned = plan(desired, actual, { now, memory: memoryOf(known, orders) });
  return { desired, plan: planned, waiting: waitingIn(planned, actual) };
}

const questionOf = (deletes: number, replaces: number, routeTableId: string): string =>
  [
    ...(deletes > 0 ? [`Delete ${counted(deletes, 'route')} from ${routeTableId}?`] : []),
    ...(replaces > 0 ? [`Replace ${counted(replaces, 'route')} in ${routeTableId}?`] : []),
  ].join(' ');

const approvedText = (deletes: number, replaces: number): string =>
  [...(deletes > 0 ? [counted(deletes, 'delete')] : []), ...(replaces > 0 ? [counted(replaces, 'replace')] : [])].join(
    ' and ',
  );

function waitingIn({ changes, leftAlone, blocked }: Plan, { routes }: ActualTable): Held['waiting'] {
  const held = new Set(blocked?.deletes.map(({ destination }) => destination));
  const states = new Map(routes.map((route) => [destinationText(route.destination), route.state]));
  const deletes = changes.flatMap((change): Waiting[] => {
    const destination = destinationText(change.destination);
    if (change.action !== 'delete' || !held.has(destination)) return [];
    const target = targetText(change.from.target);
    return [{ action: 'delete', destination, target, state: states.get(destination) ?? 'unknown' }];
  });
  const replaces = leftAlone
    .filter(({ reason }) => reason === 'maybe-not-ours')
    .map(({ route: { destination, target, state } }): Waiting => {
      return { action: 'replace', destination: destinationText(destination), target: targetText(target), state };
    });
  return [...deletes, ...replaces];
}
