import { type Recorded, madeBy } from '../reconciler/core/announce/made.ts';
import { noOrders } from '../reconciler/core/desired/orders.ts';
import type { Plan } from '../reconciler/core/plan/plan.ts';
import { parseAddress } from '../reconciler/core/route/cidr.ts';
import { type Path, claimsOf, hopsOf, isKnown, leadingTo, pathOf } from '../reconciler/core/route/path.ts';
import { type ActualTable, routeTableIdPattern, subnetIdPattern } from '../reconciler/core/route/route.ts';
import { askNobody, healthyPlan } from '../reconciler/healthy-plan.ts';
import { noSuchTable, tablesInAnswer, tablesInEc2 } from './actual-tables.ts';
import { planAsDeployed, situationReaderOf } from './deployed-plans.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { readDesired } from './desired-input.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure, failedCall } from './failure.ts';
import { nameOf } from './files.ts';
import { fleetReaderOf } from './fleet.ts';
import { noPrefixLists, prefixListsIn, routesAround } from './paths.ts';
import { targetHealthInEc2 } from './plan.ts';
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
  if (!subnetIdPattern.test(from) && !routeTableIdPattern.test(from))
    throw new Failure(`"${from}" is neither a subnet nor a route table: expected subnet-… or rtb-…`);
  const open = options.actual === undefined ? await deployment(options, terminal) : undefined;
  const found = await tableOf(from, options);
  const { table } = found;
  const item = await itemInFiles(table, options, terminal);
  const deployed = open ? await inDeployment(table, open, terminal) : {};
  const wish = item ?? deployed.wish;
  const plan = await wish?.plan();
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
  const table = (actual === undefined ? await inEc2(id) : await tablesInAnswer(actual)).get(id);
  if (table) return { table };
  throw noSuchTable(id, actual && nameOf(actual));
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

/** What should be in the table. */
interface Wish {
  readonly from: string;
  readonly plan: () => Promise<Plan | undefined>;
}

/**
 * The item in files, to plan as `routectl plan` does.
 *
 * @throws Failure if files are given that have no valid item of this table
 */
async function itemInFiles(
  table: ActualTable,
  { file: files, actual }: TraceOptions,
  terminal: Pick<Terminal, 'note'>,
): Promise<Wish | undefined> {
  if (!files) return undefined;
  const { routeTableId } = table;
  const now = new Date();
  const inputs = await readDesired(files, now);
  const from = files.map(nameOf).join(', ');
  const items = inputs.filter((input) => (input.ok ? input.desired.routeTableId : input.routeTableId) === routeTableId);
  const [item] = items;
  if (!item) throw new Failure(`${from}: there is no item of ${routeTableId}`);
  if (!item.ok)
    throw new Failure(`${from}: the item of ${routeTableId} is invalid: run "routectl validate -f ${files.join(' ')}"`);
  const { desired } = item;
  return {
    from: `the plan of ${from}`,
    async plan() {
      const targetHealth = actual === undefined ? await targetHealthInEc2(terminal) : askNobody;
      return (await healthyPlan(desired, table, { now }, targetHealth)).plan;
    },
  };
}

// ── the deployment ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What a deployed reconciler wants of a table and recorded of it. Without a deployment, a trace goes on without both. */
async function inDeployment(
  table: ActualTable,
  open: Deployment,
  terminal: Pick<Terminal, 'note'>,
): Promise<{ readonly wish?: Wish; readonly recorded?: Recorded }> {
  try {
    return await reaching('read the desired item and the history', open, () => readDeployment(table, open, terminal));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    terminal.note(`${error.message}; so the trace shows the route tables alone`);
    return {};
  }
}

async function readDeployment(
  table: ActualTable,
  open: Deployment,
  terminal: Pick<Terminal, 'note'>,
): Promise<{ readonly wish?: Wish; readonly recorded: Recorded }> {
  const { routeTableId } = table;
  const [reader, fleetReader, { lastValidItems }, { wantedNow }] = await Promise.all([
    situationReaderOf(open),
    fleetReaderOf(open),
    import('../reconciler/aws/dynamodb/last-valid-table.ts'),
    import('../reconciler/situation.ts'),
  ]);
  const [of, sweep, { runs, calls, status }] = await Promise.all([
    reader.of([routeTableId]),
    reader.sweep(),
    fleetReader.table(routeTableId, new Date(0)),
  ]);
  const recorded = { runs, calls, ...(status?.drift && { drift: status.drift }) };
  const lastValid = lastValidItems(open.documents, open.stateTable);
  const { item, orders } = of.get(routeTableId) ?? { item: undefined, orders: noOrders };
  const wanted = await wantedNow(routeTableId, { item, orders }, { lastValid, now: () => new Date() });
  if (wanted.kind === 'unmanaged') return { recorded };
  if (wanted.kind === 'invalid') {
    terminal.note(`the desired item of ${routeTableId} is invalid: run "routectl status ${routeTableId}"`);
    return { recorded };
  }
  const { kind, desired } = wanted;
  const from = kind === 'valid' ? 'the desired item' : 'the last valid version of the desired item';
  return {
    recorded,
    wish: {
      from,
      async plan() {
        const actual = new Map([[routeTableId, table]]);
        const targetHealth = await targetHealthInEc2(terminal);
        const [planned] = await planAsDeployed([desired], { of, actual, sweep, targetHealth });
        return planned?.plan;
      },
    },
  };
}
