import { type Target, targetText } from './core/route/route.ts';
import type { TargetHealth } from './ports.ts';

/**
 * Asks about each target once for several tables that one read shows, and about all targets that they are likely to need
 * with the first question of their VPC. What EC2 did not answer is asked again.
 *
 * @param likely targets that other tables of this VPC will ask about
 */
export function sharedHealth(
  targetHealth: TargetHealth,
  now: () => Date,
  likely: (vpcId: string) => Promise<readonly Target[]> = async () => [],
): TargetHealth {
  const answers = new Map<string, { readonly at: number; readonly answer: ReturnType<TargetHealth> }>();
  return async (vpcId, targets, since) => {
    const keyOf = (target: Target): string => `${vpcId} ${targetText(target)}`;
    const others = await likely(vpcId);
    const at = now().getTime();
    const isOpen = (target: Target): boolean =>
      (answers.get(keyOf(target))?.at ?? -Infinity) < (since?.getTime() ?? Infinity);
    if (targets.some(isOpen)) {
      const asked = new Map([...targets, ...others].filter(isOpen).map((target) => [keyOf(target), target]));
      const answer = targetHealth(vpcId, [...asked.values()], since);
      for (const key of asked.keys()) answers.set(key, { at, answer });
    }
    const given = await Promise.all(new Set(targets.flatMap((target) => answers.get(keyOf(target))?.answer ?? [])));
    const ids = new Set(targets.map(targetText));
    const health = new Map(given.flatMap((one) => [...one.health].filter(([id]) => ids.has(id))));
    for (const target of targets) if (!health.has(targetText(target))) answers.delete(keyOf(target));
    return { health, failures: given.flatMap(({ failures }) => failures) };
  };
}
