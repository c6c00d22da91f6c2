import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import { isEnforced } from '../reconciler/core/desired/enforcement.ts';
import { desiredHash } from '../reconciler/core/desired/hashes.ts';
import { type ApprovedRoute, approvalLastsMs, noOrders } from '../reconciler/core/desired/orders.ts';
import { waitingIn } from '../reconciler/core/plan/guard.ts';
import type { Plan } from '../reconciler/core/plan/plan.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import {
  type ActualTable,
  destinationText,
  routeTableIdPattern,
  targetNames,
  targetText,
} from '../reconciler/core/route/route.ts';
import { wantedOf } from '../reconciler/situation.ts';
import { noSuchTable, tablesInEc2 } from './actual-tables.ts';
import { agreed } from './consent.ts';
import { planAsDeployed, readSituations } from './deployed-plans.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { fleetReaderOf } from './fleet.ts';
import { columns } from './layout.ts';
import { writerOf } from './pause.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface ApproveOptions extends DeploymentOptions {
  readonly yes?: boolean;
  /** Wait until the approved routes are gone. */
  readonly wait?: boolean;
}

/** What waits in one table now, as the reconciler itself would find it. */
interface Held {
  readonly desired: DesiredTable;
  readonly plan: Plan;
  /** Deletes, and routes at listed destinations to be replaced. */
  readonly waiting: readonly Waiting[];
}

type Waiting = ApprovedRoute & { readonly action: 'delete' | 'replace'; readonly state: string };

/** How long to wait until approved routes are gone, and how often to read. */
const patienceMs = 2 * 60 * 1_000;
const betweenReadsMs = 2_000;

/**
 * `routectl approve`: shows what waits in some tables, asks, approves exactly that for 24 hours, and waits until the
 * routes are gone.
 *
 * @param given ids of tables, or ids of plans. The id of a plan approves nothing but that plan
 */
export async function approve(
  given: readonly string[],
  options: ApproveOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const asked = idsOf(given);
  const open = await deployment(options, terminal);
  const by = authorOf(open);
  const ids = await tablesNamed(asked, open);
  const all = await heldBack(ids, open, terminal);
  checkPlans(asked.planIds, all);
  const { print } = terminal;
  const [held, free] = [
    all.filter(({ waiting }) => waiting.length > 0),
    all.filter(({ waiting }) => waiting.length === 0),
  ];
  for (const { plan } of free) {
    if (options.json) print(JSON.stringify({ routeTableId: plan.routeTableId, approved: [] }));
    else print(`Nothing waits for approval in ${plan.routeTableId}.`);
  }
  if (held.length === 0) return exitCode.ok;
  for (const one of held) show(one, terminal);
  if (!(options.yes || (await agreed(questionOf(held))))) throw new Failure('nothing was approved');

  const at = new Date();
  const until = new Date(at.getTime() + approvalLastsMs);
  await reaching('record the approval', open, async () => {
    const again = await heldBack(
      held.map(({ plan }) => plan.routeTableId),
      open,
      terminal,
    );
    if (JSON.stringify(again.map(({ waiting }) => waiting)) !== JSON.stringify(held.map(({ waiting }) => waiting)))
      throw new Failure('the plan has changed since it was shown: nothing was approved; run the command again');
    const writer = await writerOf(open);
    for (const { plan, waiting, desired } of held) {
      const approval = {
        routes: routesOf(waiting),
        by,
        at: at.toISOString(),
        until,
        desiredHash: desiredHash(desired),
      };
      await writer.approve(plan.routeTableId, approval);
    }
  });
  if (!options.json)
    print(`Approved by ${printable(by)} until ${until.toISOString()}: ${approvedText(held)}, and no other.`);
  const left = options.wait === false ? new Map<string, readonly ApprovedRoute[]>() : await waitFor(held, terminal);
  for (const { plan, waiting } of options.json ? held : []) {
    const still = left.get(plan.routeTableId) ?? [];
    const gone = options.wait === false ? undefined : still.length === 0;
    print(JSON.stringify({ routeTableId: plan.routeTableId, approved: routesOf(waiting), by, until, gone }));
  }
  return [...left.values()].some(({ length }) => length > 0) ? exitCode.drift : exitCode.ok;
}

/** @throws Failure if nobody knows who approves */
export function authorOf({ caller: { arn } }: Deployment): string {
  if (arn !== undefined) return arn;
  throw new Failure('nothing was approved: STS does not say who you are, and an approval needs an author');
}

// ── which tables ────────────────────────────────────────────────────────────────────────────────────────────────────

interface Asked {
  readonly tableIds: readonly string[];
  readonly planIds: readonly string[];
}

const planIdPattern = /^[0-9a-f]{12}$/;

/** @throws Failure if one of them is neither */
function idsOf(given: readonly string[]): Asked {
  const wrong = given.find((id) => !routeTableIdPattern.test(id) && !planIdPattern.test(id));
  if (wrong !== undefined)
    throw new Failure(
      `"${wrong}" is not a route table id (rtb- and 17 or 8 hex digits) and not a plan id (12 hex digits)`,
    );
  return {
    tableIds: given.filter((id) => routeTableIdPattern.test(id)),
    planIds: given.filter((id) => planIdPattern.test(id)),
  };
}

/** The tables to look at. The stored states say which table has which plan. */
async function tablesNamed({ tableIds, planIds }: Asked, open: Deployment): Promise<readonly string[]> {
  if (planIds.length === 0) return [...new Set(tableIds)];
  const reader = await fleetReaderOf(open);
  const { tables } = await reaching('find the plans', open, () => reader.fleet());
  const withPlans = tables.filter(({ status }) => planIds.includes(status?.plan?.planId ?? ''));
  return [...new Set([...tableIds, ...withPlans.map(({ routeTableId }) => routeTableId)])];
}

/** @throws Failure if no table has one of these plans any more */
function checkPlans(planIds: readonly string[], held: readonly Held[]): void {
  const gone = planIds.filter((planId) => !held.some(({ plan }) => plan.planId === planId));
  if (gone.length > 0)
    throw new Failure(
      `no table has a plan ${gone.join(', ')} now, and nothing was approved: look at "routectl status"`,
    );
}

// ── what waits ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function heldBack(
  ids: readonly string[],
  open: Deployment,
  terminal: Pick<Terminal, 'note'>,
): Promise<readonly Held[]> {
  const situations = await readSituations(ids, open, terminal);
  const wanted = ids.map((routeTableId): DesiredTable => {
    const { item, orders, known } = situations.of.get(routeTableId) ?? { item: undefined, orders: noOrders, known: {} };
    const one = wantedOf(item, orders, new Date());
    if (one.kind === 'unmanaged')
      throw new Failure(`${routeTableId} has no desired item in ${open.desiredTable}: it is not managed`);
    if (!situations.actual.has(routeTableId)) throw noSuchTable(routeTableId);
    // Without a memory the next reconcile would count an approval as spent.
    if (!known.state)
      throw new Failure(`${routeTableId} has not been reconciled yet: wait for its first reconcile, then approve`);
    if (one.kind === 'invalid') {
      const [first] = one.problems;
      throw new Failure(`the desired item of ${routeTableId} is invalid: ${first?.path}: ${first?.message}`);
    }
    return one.desired;
  });
  const planned = await planAsDeployed(wanted, situations);
  return planned.map(({ desired, plan, actual }) => ({
    desired,
    plan,
    waiting: actual ? heldIn(plan, actual) : [],
  }));
}

function heldIn({ changes, leftAlone, blocked }: Plan, { routes }: ActualTable): Held['waiting'] {
  const held = new Set(waitingIn(blocked).map(({ destination }) => destination));
  const states = new Map(routes.map((route) => [destinationText(route.destination), route.state]));
  const planned = changes.flatMap((change): Waiting[] => {
    const destination = destinationText(change.destination);
    const { action } = change;
    if (action === 'create' || !held.has(destination)) return [];
    const target = targetText(change.from.target);
    return [{ action, destination, target, state: states.get(destination) ?? 'unknown' }];
  });
  const others = leftAlone
    .filter(({ reason }) => reason === 'maybe-not-ours')
    .map(({ route: { destination, target, state } }): Waiting => {
      return { action: 'replace', destination: destinationText(destination), target: targetText(target), state };
    });
  return [...planned, ...others];
}

const routesOf = (waiting: readonly Waiting[]): readonly ApprovedRoute[] =>
  waiting.map(({ destination, target }) => ({ destination, target }));

function show({ plan, waiting, desired }: Held, { note, look }: Terminal): void {
  const why = plan.blocked
    ? `${plan.blocked.message} [${plan.blocked.code}]`
    : 'listed destinations have routes that may belong to somebody else [maybe-not-ours]';
  note(printable(`${plan.routeTableId}: ${why}`));
  const rows = waiting.map(({ action, destination, target, state }) => [
    action === 'delete' ? look.paint('red', '- delete') : look.paint('yellow', '~ replace'),
    printable(destination),
    printable(target),
    state,
  ]);
  note(`\n${columns(rows).join('\n')}\n`);
  const others = plan.changes.length - waitingIn(plan.blocked).length;
  if (others > 0) note(`No approval is needed for ${counted(others, 'other change')} of this plan.`);
  if (!isEnforced(desired, new Date()))
    note('The table is not enforced now (mode observe, a pause or a stop): nothing is changed until it is enforced.');
}

const countOf = (held: readonly Pick<Held, 'waiting'>[], action: Waiting['action']): number =>
  held.flatMap(({ waiting }) => waiting).filter((one) => one.action === action).length;

function questionOf(held: readonly Held[]): string {
  const [first] = held;
  const [deletes, replaces] = [countOf(held, 'delete'), countOf(held, 'replace')];
  const where = held.length === 1 ? first?.plan.routeTableId : counted(held.length, 'table');
  return [
    ...(deletes > 0 ? [`Delete ${counted(deletes, 'route')} from ${where}?`] : []),
    ...(replaces > 0 ? [`Replace ${counted(replaces, 'route')} in ${where}?`] : []),
  ].join(' ');
}

function approvedText(held: readonly Held[]): string {
  const [deletes, replaces] = [countOf(held, 'delete'), countOf(held, 'replace')];
  return [
    ...(deletes > 0 ? [counted(deletes, 'delete')] : []),
    ...(replaces > 0 ? [counted(replaces, 'replace')] : []),
  ].join(' and ');
}

// ── until the routes are gone ───────────────────────────────────────────────────────────────────────────────────────

/** Waits until EC2 does not show the approved routes any more. Returns those that are left, by table. */
async function waitFor(
  held: readonly Held[],
  { note }: Terminal,
): Promise<ReadonlyMap<string, readonly ApprovedRoute[]>> {
  const enforced = held.filter(({ desired }) => isEnforced(desired, new Date()));
  if (enforced.length === 0) return new Map();
  const { ec2RouteTables } = await import('../reconciler/aws/ec2/route-tables.ts');
  const until = Date.now() + patienceMs;
  const left = new Map(enforced.map(({ plan, waiting }) => [plan.routeTableId, routesOf(waiting)]));
  note('waiting until the routes are gone; Ctrl-C ends only that');
  while (true) {
    const open = [...left].filter(([, routes]) => routes.length > 0).map(([id]) => id);
    if (open.length === 0) break;
    const actual = await tablesInEc2(ec2RouteTables(), open);
    for (const id of open) left.set(id, stillThere(left.get(id) ?? [], actual.get(id)));
    if ([...left.values()].every(({ length }) => length === 0) || Date.now() >= until) break;
    await sleep(betweenReadsMs);
  }
  for (const [id, routes] of left) {
    const names = routes.map(({ destination }) => destination).join(', ');
    if (routes.length === 0) note(`${id}: gone`);
    else note(printable(`${id}: still there after ${patienceMs / 60_000} minutes: ${names} (routectl status ${id})`));
  }
  return left;
}

const stillThere = (routes: readonly ApprovedRoute[], actual: ActualTable | undefined): readonly ApprovedRoute[] =>
  routes.filter(({ destination, target }) =>
    actual?.routes.some(
      (route) => destinationText(route.destination) === destination && targetNames(route).includes(target),
    ),
  );
