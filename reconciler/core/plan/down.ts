import { type DesiredRoute, targetsOf } from '../desired/desired.ts';
import { type Down, type Memory, rememberedAt } from '../memory/memory.ts';
import type { Health } from '../route/health.ts';
import { type StaticRoute, type Target, destinationText, targetText } from '../route/route.ts';

// A dead target is not used: no working route is replaced with it, and no missing route is created with it. An alternate
// is used only if EC2 calls it alive.

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
  const answer = healthOf(wanted.target, on);
  return answer === 'dead' || (answer !== 'alive' && downAt(wanted, on) !== undefined);
}

/**
 * The target for a destination that has none of its listed targets: the listed one or, while that is down, the first
 * alternate that is alive. Undefined if a working route should stay, because nothing better is there.
 */
export function targetFor(wanted: DesiredRoute, slot: StaticRoute | undefined, on: On): Target | undefined {
  if (slot?.state === 'active') return isDown(wanted, on) ? firstAlive(wanted.alternates, on) : wanted.target;
  return (isDead(wanted, on) ? firstAlive(wanted.alternates, on) : undefined) ?? wanted.target;
}

/** Where a route moves whose target `current` is a blackhole. Undefined if it stays: no other target is alive. */
export function rescueFor(wanted: DesiredRoute, current: Target, on: On): Target | undefined {
  const { target } = wanted;
  // EC2 has no call for some kinds of targets. Such a target counts as alive until it was seen dead here.
  const isPresumedAlive = target !== current && healthOf(target, on) === 'unaskable' && !isDead(wanted, on);
  const first = isPresumedAlive ? target : firstAlive(targetsOf(wanted), on);
  return first === current ? undefined : first;
}

const firstAlive = (targets: readonly Target[], on: On): Target | undefined =>
  targets.find((target) => healthOf(target, on) === 'alive');

const healthOf = (target: Target, { health }: On): Health | undefined => health?.get(targetText(target));

/** Whether a working route keeps its target for now: the listed target is dead, or not alive for long enough. */
function isDown(wanted: DesiredRoute, on: On): boolean {
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
