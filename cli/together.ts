import { setImmediate } from 'node:timers/promises';
import { type Target, targetText } from '../reconciler/core/route/route.ts';
import type { TargetHealth } from '../reconciler/ports.ts';

/**
 * Asks about the targets of all plans that are made at the same time in one go for each VPC: hundreds of tables share a
 * few targets.
 */
export function together(targetHealth: TargetHealth): TargetHealth {
  const open = new Map<string, { readonly targets: Map<string, Target>; readonly answer: ReturnType<TargetHealth> }>();
  const begin = (vpcId: string, since: Date | undefined) => {
    const targets = new Map<string, Target>();
    const ask = async (): ReturnType<TargetHealth> => {
      await setImmediate();
      open.delete(vpcId);
      return targetHealth(vpcId, [...targets.values()], since);
    };
    const batch = { targets, answer: ask() };
    open.set(vpcId, batch);
    return batch;
  };
  return async (vpcId, targets, since) => {
    const batch = open.get(vpcId) ?? begin(vpcId, since);
    const asked = new Map(targets.map((target) => [targetText(target), target]));
    for (const [id, target] of asked) batch.targets.set(id, target);
    const { health, failures } = await batch.answer;
    return { health: new Map([...health].filter(([id]) => asked.has(id))), failures };
  };
}
