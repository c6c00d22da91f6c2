import type { Health } from '../../../reconciler/core/route/health.ts';
import { targetText } from '../../../reconciler/core/route/route.ts';
import type { TargetHealth } from '../../../reconciler/ports.ts';
import type { InMemoryEc2 } from './in-memory-ec2.ts';

const unaskable: ReadonlySet<string> = new Set(['core-network', 'odb-network']);

/** The reconciler's health adapter, with one call for all kinds of targets. */
export const inMemoryTargetHealth = (ec2: InMemoryEc2, caller = 'reconciler', withinMs?: number): TargetHealth => {
  const reader = ec2.as(caller, withinMs);
  return async (vpcId, targets) => {
    const health = new Map<string, Health>();
    const asked = targets.filter(({ kind }) => kind !== 'local');
    for (const target of asked) if (unaskable.has(target.kind)) health.set(targetText(target), 'unaskable');
    const ids = [...new Set(asked.map(targetText))].filter((id) => !health.has(id));
    if (ids.length === 0) return { health, failures: [] };
    try {
      const alive = new Set(await reader.describeTargets({ vpcId, ids }));
      for (const id of ids) health.set(id, alive.has(id) ? 'alive' : 'dead');
      return { health, failures: [] };
    } catch (error) {
      return { health, failures: [error] };
    }
  };
};
