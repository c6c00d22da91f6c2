import type { DesiredTable } from './core/desired/desired.ts';
import { type Plan, plan, targetsToAsk } from './core/plan/plan.ts';
import type { Health } from './core/route/health.ts';
import type { ActualTable } from './core/route/route.ts';
import type { TargetHealth } from './ports.ts';

type Context = Omit<Parameters<typeof plan>[2], 'health'>;

/** A plan, and what EC2 said about the targets that it depends on. */
export interface HealthyPlan {
  readonly plan: Plan;
  /** By id. Absent if the plan depends on no target. */
  readonly health?: ReadonlyMap<string, Health>;
  /** Why EC2 could not be asked about some targets: what is remembered of them stays. */
  readonly failures: readonly unknown[];
}

/** Asks nobody: offline, or because time is up. What is remembered of targets stays. */
export const askNobody: TargetHealth = async () => ({ health: new Map(), failures: [] });

/** Plans, asks EC2 about the targets that the plan depends on, and plans again with the answer. */
export async function healthyPlan(
  desired: DesiredTable,
  actual: ActualTable,
  context: Context,
  targetHealth: TargetHealth,
): Promise<HealthyPlan> {
  const hasty = plan(desired, actual, context);
  const targets = targetsToAsk(desired, hasty);
  if (actual.vpcId === undefined || targets.length === 0) return { plan: hasty, failures: [] };
  const { health, failures } = await targetHealth(actual.vpcId, targets, context.now);
  return { plan: plan(desired, actual, { ...context, health }), health, failures };
}
