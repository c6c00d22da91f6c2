import type { DesiredTable } from '../reconciler/core/desired.ts';
import type { Plan } from '../reconciler/core/plan.ts';
import type { ActualTable } from '../reconciler/core/route.ts';

/** A plan and its input. */
export interface Planned {
  readonly desired: DesiredTable;
  readonly plan: Plan;
  /** Undefined if the table does not exist. */
  readonly actual?: ActualTable;
  readonly now: Date;
}
