import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import type { Plan } from '../reconciler/core/plan/plan.ts';
import type { ActualTable } from '../reconciler/core/route/route.ts';

/** A plan and its input. */
export interface Planned {
  readonly desired: DesiredTable;
  readonly plan: Plan;
  /** Undefined if the table does not exist. */
  readonly actual?: ActualTable;
  readonly now: Date;
}
