import type { DesiredTable } from './core/desired/desired.ts';
import type { Orders } from './core/desired/orders.ts';
import type { ActualTable } from './core/route/route.ts';
import { withArrivals } from './core/status/arrival.ts';
import { type SweepRecord, vouchOf } from './core/status/sweep-record.ts';
import { type HealthyPlan, healthyPlan } from './healthy-plan.ts';
import type { Known, TargetHealth } from './ports.ts';
import { needsVouch } from './session.ts';
import { memoryOf } from './situation.ts';

/** What a reconcile knows besides the item and the table. */
export interface Background {
  readonly known: Known;
  readonly orders: Orders;
  readonly sweep: SweepRecord | undefined;
  readonly targetHealth: TargetHealth;
  readonly now: Date;
}

/**
 * The plan that the next reconcile of a table would make: with what is remembered of the table, under its orders, and
 * with what EC2 says about targets.
 *
 * @param desired an item under its orders, stored or not
 */
export function preview(
  desired: DesiredTable,
  actual: ActualTable,
  { known, orders, sweep, targetHealth, now }: Background,
): Promise<HealthyPlan> {
  const memory = memoryOf(known, orders);
  const vouched = needsVouch(memory, now) ? vouchOf(sweep, desired.routeTableId) : undefined;
  return healthyPlan(
    desired,
    actual,
    { now, memory: withArrivals(memory, { desired, actual, now, vouched }) },
    targetHealth,
  );
}
