import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import type { Plan } from '../reconciler/core/plan/plan.ts';
import type { Health } from '../reconciler/core/route/health.ts';
import type { ActualTable } from '../reconciler/core/route/route.ts';

/** A plan and its input. */
export interface Planned {
  readonly desired: DesiredTable;
  readonly plan: Plan;
  /** Undefined if the table does not exist. */
  readonly actual?: ActualTable;
  readonly now: Date;
  /** What EC2 says about the targets that the plan depends on, if it was asked. */
  readonly health?: ReadonlyMap<string, Health>;
}

/** Tables reconciled at once. The whole account shares EC2's request buckets: with more, calls would only wait. */
export const tablesAtOnce = 4;
