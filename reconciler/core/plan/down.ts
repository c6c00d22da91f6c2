import type { DesiredRoute } from '../desired/desired.ts';
import { type Down, type Memory, rememberedAt } from '../memory/memory.ts';
import type { Health } from '../route/health.ts';
import { destinationText, targetText } from '../route/route.ts';

// A dead target is not used: no working route is replaced with it, and no missing route is created with it.

interface On {
  readonly now: Date;
  readonly memory?: Memory;
  readonly health?: ReadonlyMap<string, Health>;
}

/** A working route moves back to its listed target when EC2 has called that target alive for this long. */
const backAfterMs = 5 * 60 * 1_000;

/**
 * Whether the listed target is dead: EC2 says so, or it was dead before and EC2 does not say that it is alive. So a
 * failed call, and a kind of target that EC2 cannot be asked about, leave it as it was.
 */
export function isDead(wanted: DesiredRoute, on: On): boolean {
  const answer = on.health?.get(targetText(wanted.target));
  return answer === 'dead' || (answer !== 'alive' && downAt(wanted, on) !== undefined);
}

/** Whether a working route keeps its target for now: the listed target is dead, or not alive for long enough. */
export function isDown(wanted: DesiredRoute, on: On): boolean {
  const down = downAt(wanted, on);
  return isDead(wanted, on) || (down !== undefined && !((backAt(down) ?? Infinity) <= on.now.getTime()));
}

/** When a working route may move back to this target. Undefined while the target is dead. */
export const backAt = ({ aliveSince }: Down): number | undefined =>
  aliveSince === undefined ? undefined : Date.parse(aliveSince) + backAfterMs;

function downAt({ destination, target }: DesiredRoute, { memory }: On): Down | undefined {
  const { down } = rememberedAt(memory, destinationText(destination));
  return down?.target === targetText(target) ? down : undefined;
}
