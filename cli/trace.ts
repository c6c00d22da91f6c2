import { type Recorded, madeBy } from '../reconciler/core/announce/made.ts';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import type { Memory } from '../reconciler/core/memory/memory.ts';
import type { Plan } from '../reconciler/core/plan/plan.ts';
import { parseAddress } from '../reconciler/core/route/cidr.ts';
import { type Path, claimsOf, hopsOf, isKnown, leadingTo, pathOf } from '../reconciler/core/route/path.ts';
import { type ActualTable, routeTableIdPattern, subnetIdPattern } from '../reconciler/core/route/route.ts';
import { askNobody, healthyPlan } from '../reconciler/healthy-plan.ts';
import { tablesInAnswer, tablesInEc2 } from './actual-tables.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { readDesired } from './desired-input.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure, failedCall } from './failure.ts';
import { nameOf } from './files.ts';
import { noPrefixLists, prefixListsIn, routesAround } from './paths.ts';
import { askingAloud } from './plan.ts';
import type { Terminal } from './terminal.ts';
import { type PlannedPath, type Trace, traceJson, traceText } from './trace-text.ts';

export interface TraceOptions extends DeploymentOptions {
  /** Files with the item to plan, in place of the deployed one. */
  readonly file?: readonly string[];
  /** A file with a saved answer, in place of EC2 and of the deployment. */
  readonly actual?: string;
}

/** `routectl trace`: the route that carries a packet, now and after the plan. Changes nothing. */
export async function trace(
  from: string,
  addressText: string,
  options: TraceOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const address = parseAddress(addressText);
  if (!address.ok) throw new Failure(`"${addressText}" is not an address: expected ${address.expected}`);
  const found = await tableOf(from, options);
  const { table } = found;
  const item = await itemInFiles(table.routeTableId, options.file);
  const deployed = options.actual === undefined ? await inDeployment(table, options, terminal) : {};
  const wish = item ?? deployed.wish;
  const plan = wish && (await planFor(wish, table, options, terminal));
  const around = plan && routesAround(table.routes, plan);
  const routes = around ? [...around.before, ...around.after] : table.routes;
  const lists = options.actual === undefined ? await prefixListsIn(routes, terminal) : noPrefixLists;

  const pathIn = (routes: ActualTable['routes']): Path => pathOf(address.block, claimsOf(routes, lists));
  const now = pathIn(table.routes);
  const [winner, ...others] = now.winners;
  const made = winner && others.length === 0 && deployed.recorded ? madeBy(winner.route, deployed.recorded) : undefined;
  const planned = wish && around && plannedPath(wish.from, now, pathIn(around.meanwhile), pathIn(around.after));
  const answer: Trace = {
    ...found,
    address: address.block,
    now,
    ...(made && { made }),
    ...(planned && { planned }),
  };
  if (options.json) terminal.print(traceJson(answer));
  else terminal.print(traceText(answer, terminal.look));
  return codeOf(answer);
}

function plannedPath(from: string, now: Path, meanwhile: Path, path: Path): PlannedPath {
  const isFinal = isSamePath(meanwhile, path);
  const waits = !isFinal && isSamePath(now, meanwhile);
  return { from, path, isSame: isFinal && isSamePath(now, path), waits, ...(!isFinal && { meanwhile }) };
}

const isSamePath = (one: Path, other: Path): boolean => pathKey(one) === pathKey(other);

const pathKey = ({ winners, doubts }: Path): string => JSON.stringify([leadingTo(winners), hopsOf(doubts)]);

/** Unknown is a failure: nobody may take it for an answer. */
function codeOf({ now, planned }: Trace): ExitCode {
  if (!isKnown(now) || (planned && !isKnown(planned.path))) return exitCode.failed;
  if (!planned || planned.isSame) return exitCode.ok;
  return planned.meanwhile ? exitCode.blocked : exitCode.drift;
}

// ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws Failure if there is no such table or subnet */
async function tableOf(id: string, { actual }: TraceOptions): Promise<Pick<Trace, 'table' | 'subnet'>> {
  if (subnetIdPattern.test(id)) return servingTable(id, actual);
  if (!routeTableIdPattern.test(id))
    throw new Failure(`"${id}" is neither a subnet nor a route table: expected subnet-… or rtb-…`);
  const table = (actual === undefined ? await inEc2(id) : await tablesInAnswer(actual)).get(id);
  if (table) return { table };
  const place = actual === undefined ? 'this account and Region' : nameOf(actual);
  throw new Failure(`${id}: no such route table in ${place}`);
}

async function inEc2(id: string): Promise<ReadonlyMap<string, ActualTable>> {
  const { ec2RouteTables } = await import('../reconciler/aws/ec2/route-tables.ts');
  return tablesInEc2(ec2RouteTables(), [id]);
}

async function servingTable(id: string, actual: string | undefined): Promise<Pick<Trace, 'table' | 'subnet'>> {
  if (actual !== undefined)
    throw new Failure(`${id}: a saved answer does not show the subnets of main tables: give a route table (rtb-…)`);
  const { ec2SubnetTable } = await import('../reconciler/aws/ec2/subnet-table.ts');
  const served = await ec2SubnetTable()(id).catch((error: unknown) => {
    throw failedCall(
      `could not find the table that serves ${id}`,
      error,
      'ec2:DescribeRouteTables and ec2:DescribeSubnets',
    );
  });
  if (!served) throw new Failure(`${id}: no such subnet in this account and Region`);
  return { table: served.table, subnet: { id, as: served.as } };
}

// ── the plan ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What should be in the table, and what is remembered of it. */
interface Wish {
  readonly from: string;
  readonly desired: DesiredTable;
  readonly memory?: Memory;
}

/** @throws Failure if files are given that have no valid item of this table */
async function itemInFiles(routeTableId: string, files: readonly string[] | undefined): Promise<Wish | undefined> {
  if (!files) return undefined;
  const inputs = await readDesired(files, new Date());
  const from = files.map(nameOf).join(', ');
  const items = inputs.filter((input) => (input.ok ? input.desired.routeTableId : input.routeTableId) === routeTableId);
  const [item] = items;
  if (!item) throw new Failure(`${from}: there is no item of ${routeTableId}`);
  if (!item.ok)
    throw new Failure(`${from}: the item of ${routeTableId} is invalid: run "routectl validate -f ${files.join(' ')}"`);
  return { from: `the plan of ${from}`, desired: item.desired };
}

async function planFor(
  { desired, memory }: Wish,
  table: ActualTable,
  { actual }: TraceOptions,
  terminal: Terminal,
): Promise<Plan> {
  const context = { now: new Date(), ...(memory && { memory }) };
  if (actual !== undefined) return (await healthyPlan(desired, table, context, askNobody)).plan;
  const { ec2TargetHealth } = await import('../reconciler/aws/ec2/target-health.ts');
  return (await healthyPlan(desired, table, context, askingAloud(ec2TargetHealth(), terminal))).plan;
}

// ── the deployment ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What a deployed reconciler wants of a table and recorded of it. Without a deployment, a trace goes on without both. */
async function inDeployment(
  { routeTableId }: ActualTable,
  options: TraceOptions,
  { note }: Terminal,
): Promise<{ readonly wish?: Wish; readonly recorded?: Recorded }> {
  const open = await deployment(options);
  try {
    return await reaching('read the desired item and the history', open, () =>
      readDeployment(routeTableId, open, note),
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    note(`${error.message}; so the trace shows the route tables alone`);
    return {};
  }
}

async function readDeployment(
  routeTableId: string,
  { documents, ...tables }: Deployment,
  note: Terminal['note'],
): Promise<{ readonly wish?: Wish; readonly recorded: Recorded }> {
  const [{ checkpoint }, { tableStates }, { lastValidItems }, { fleetReader }, { memoryOf, wantedNow }] =
    await Promise.all([
      import('../reconciler/aws/dynamodb/checkpoint.ts'),
      import('../reconciler/aws/dynamodb/state-table.ts'),
      import('../reconciler/aws/dynamodb/last-valid-table.ts'),
      import('../reconciler/aws/dynamodb/fleet-reader.ts'),
      import('../reconciler/situation.ts'),
    ]);
  const [{ item, orders }, known, { runs, calls, status }] = await Promise.all([
    checkpoint(documents, tables)(routeTableId),
    tableStates(documents, tables.stateTable).read(routeTableId),
    fleetReader(documents, tables).table(routeTableId, new Date(0)),
  ]);
  const recorded = { runs, calls, ...(status?.drift && { drift: status.drift }) };
  const lastValid = lastValidItems(documents, tables.stateTable);
  const wanted = await wantedNow(routeTableId, { item, orders }, { lastValid, now: () => new Date() });
  if (wanted.kind === 'unmanaged') return { recorded };
  if (wanted.kind === 'invalid') {
    note(`the desired item of ${routeTableId} is invalid: run "routectl status ${routeTableId}"`);
    return { recorded };
  }
  const from = wanted.kind === 'valid' ? 'the desired item' : 'the last valid version of the desired item';
  return { recorded, wish: { from, desired: wanted.desired, memory: memoryOf(known, orders) } };
}
