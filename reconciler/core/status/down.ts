import type { DesiredRoute } from '../desired/desired.ts';
import type { ReportedCall } from '../memory/call.ts';
import type { Down, Remembered } from '../memory/memory.ts';
import type { Health } from '../route/health.ts';
import { known } from '../route/known.ts';
import { type StaticRoute, sameTarget, targetText } from '../route/route.ts';
import { causeOf, takenDownBy, unspent } from './attribution.ts';

/** What a read and EC2's answer show of a listed target. */
interface Shown {
  readonly wanted: DesiredRoute | undefined;
  readonly route: StaticRoute | undefined;
  readonly health: Health | undefined;
  /** EC2 confirmed after the read that we gave the route its listed target. */
  readonly isMade: boolean;
}

/**
 * Whether the listed target of a destination is down. It is down once a read shows it as a blackhole here, or once EC2
 * calls it dead, until a read shows it active here, we use it again, or the item lists another target.
 */
export function downAfter(
  before: Down | undefined,
  { wanted, route, health, isMade }: Shown,
  now: Date,
): Down | undefined {
  if (!wanted || wanted.target.kind === 'local' || isMade) return undefined;
  const target = targetText(wanted.target);
  const { aliveSince, ...same }: Down = before?.target === target ? before : { target, since: now.toISOString() };
  if (route && sameTarget(wanted.target, route)) return route.state === 'blackhole' ? same : undefined;
  if (health === 'dead') return same;
  if (before?.target !== target) return undefined;
  return health === 'alive' ? { ...same, aliveSince: aliveSince ?? now.toISOString() } : before;
}

/**
 * Adds who took the target down and who moved the route, as far as calls report it.
 *
 * @param kept the target through which the route works meanwhile. Undefined if it is not left alone for that
 */
export function withCauses(
  destination: string,
  remembered: Remembered,
  kept: string | undefined,
  calls: readonly ReportedCall[],
): Down | undefined {
  const { down, drift } = remembered;
  if (!down) return undefined;
  const moved =
    kept === undefined
      ? undefined
      : (causeOf({ action: 'replace', destination, from: kept, to: down.target }, unspent(calls, drift)) ?? down.moved);
  return known({
    ...down,
    takenDown: takenDownBy(down.target, remembered, calls),
    moved,
  });
}
