import type { SituationReader, StoredSituation } from '../reconciler/aws/dynamodb/situation-reader.ts';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import { underOrders } from '../reconciler/core/desired/enforcement.ts';
import { noOrders } from '../reconciler/core/desired/orders.ts';
import { planForMissingTable } from '../reconciler/core/plan/plan.ts';
import type { SweepRecord } from '../reconciler/core/status/sweep-record.ts';
import type { TargetHealth } from '../reconciler/ports.ts';
import { preview } from '../reconciler/preview.ts';
import { type ActualTables, tablesInEc2 } from './actual-tables.ts';
import { type Deployment, reaching } from './deployment.ts';
import { targetHealthInEc2 } from './plan.ts';
import type { Planned } from './planned.ts';
import type { Terminal } from './terminal.ts';
import { together } from './together.ts';

/** Everything that the deployed reconciler knows of some tables, read in bulk. */
export interface Situations {
  readonly of: ReadonlyMap<string, StoredSituation>;
  readonly actual: ActualTables;
  readonly sweep: SweepRecord | undefined;
  readonly targetHealth: TargetHealth;
}

export async function situationReaderOf(open: Deployment): Promise<SituationReader> {
  const { situationReader } = await import('../reconciler/aws/dynamodb/situation-reader.ts');
  return situationReader(open.documents, open);
}

/**
 * Reads the items, orders, states and route tables of these ids.
 *
 * @throws Failure if any of it cannot be read
 */
export async function readSituations(
  routeTableIds: readonly string[],
  open: Deployment,
  terminal: Pick<Terminal, 'note'>,
): Promise<Situations> {
  const [reader, { ec2RouteTables }, targetHealth] = await Promise.all([
    situationReaderOf(open),
    import('../reconciler/aws/ec2/route-tables.ts'),
    targetHealthInEc2(terminal),
  ]);
  const [of, sweep, actual] = await reaching('read items, orders and states', open, () =>
    Promise.all([reader.of(routeTableIds), reader.sweep(), tablesInEc2(ec2RouteTables(), routeTableIds)]),
  );
  return { of, actual, sweep, targetHealth };
}

/** The plans that the deployed reconciler would make if these were the items: under its orders, memory and guards. */
export async function planAsDeployed(
  wanted: readonly DesiredTable[],
  { of, actual: tables, sweep, ...situations }: Situations,
): Promise<Planned[]> {
  const now = new Date();
  const targetHealth = together(situations.targetHealth);
  const planOne = async (item: DesiredTable): Promise<Planned> => {
    const { orders, known } = of.get(item.routeTableId) ?? { orders: noOrders, known: {} };
    const desired = underOrders(item, orders);
    const actual = tables.get(item.routeTableId);
    if (!actual) return { desired, now, plan: planForMissingTable(desired) };
    const { failures: _, ...planned } = await preview(desired, actual, { known, orders, sweep, targetHealth, now });
    return { desired, actual, now, ...planned };
  };
  return Promise.all(wanted.map(planOne));
}
