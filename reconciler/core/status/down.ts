import type { DesiredRoute } from '../desired/desired.ts';
import type { ReportedCall } from '../memory/call.ts';
import type { Cause, Down, Remembered, Rescue, Rewritten } from '../memory/memory.ts';
import type { Health } from '../route/health.ts';
import { known } from '../route/known.ts';
import { type ChangeOutcome, isRescue } from '../route/outcome.ts';
import { type StaticRoute, sameTarget, targetText } from '../route/route.ts';
import { causeOf, eventsMayBeLateMs, stoodBefore, takenDownBy, unspent, wasUp } from './attribution.ts';

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
  before: Pick<Rewritten, 'down' | 'seen' | 'instances'>,
  { wanted, route, health, isMade }: Shown,
  { now, readBefore }: { readonly now: Date; readonly readBefore: string | undefined },
): Down | undefined {
  if (!wanted || wanted.target.kind === 'local' || isMade) return undefined;
  const target = targetText(wanted.target);
  const last = before.down?.target === target ? before.down : undefined;
  const upAt = wasUp(target, before) ? readBefore : undefined;
  const same = last && last.aliveSince === undefined ? last : downAgain(last, { target, upAt }, now);
  if (route && sameTarget(wanted.target, route)) return route.state === 'blackhole' ? unmoved(same) : undefined;
  const isAlive = health === 'alive' && last;
  const down =
    health === 'dead' ? same : isAlive ? { ...last, aliveSince: last.aliveSince ?? now.toISOString() } : last;
  if (!down || (route && stoodBefore({ from: targetText(route.target) }, before))) return down;
  return route ? { ...unmoved(down), seenMovedAt: now.toISOString() } : unmoved(down);
}

/** Whoever moved the route before did not move it to where it is now. */
const unmoved = ({ seenMovedAt: _, moved: __, ...down }: Down): Down => down;

/** A target that goes down, perhaps once more: who took it down before did not do it now. */
const downAgain = (
  before: Down | undefined,
  { target, upAt }: { readonly target: string; readonly upAt: string | undefined },
  now: Date,
): Down => known({ target, since: now.toISOString(), upAt, seenMovedAt: before?.seenMovedAt, moved: before?.moved });

/**
 * Adds who took the target down and who moved the route, as far as calls report it. A call that came when the target was
 * down already, or the route moved, did neither.
 *
 * @param on.kept the target through which the route works meanwhile. Undefined if it is not left alone for that
 */
export function withCauses(
  destination: string,
  remembered: Remembered,
  on: {
    readonly kept: string | undefined;
    readonly calls: readonly ReportedCall[];
  },
): Down | undefined {
  const { down, drift } = remembered;
  if (!down) return undefined;
  const { moved: _, ...rest } = down;
  const takenDown = takenDownBy(down.target, remembered, madeBy(down.since, on.calls));
  return known({ ...rest, takenDown, moved: movedBy(destination, { ...on, down, drift }) });
}

/** The call that moved the route away from its listed target, to where it is now. */
function movedBy(
  destination: string,
  {
    down: { target, seenMovedAt, moved },
    drift,
    kept,
    calls,
  }: Parameters<typeof withCauses>[2] & { readonly down: Down; readonly drift: Remembered['drift'] | undefined },
): Cause | undefined {
  if (kept === undefined || seenMovedAt === undefined) return undefined;
  const change = { action: 'replace', destination, from: kept, to: target } as const;
  return causeOf(change, madeBy(seenMovedAt, unspent(calls, drift))) ?? moved;
}

/** The calls made up to this time. */
const madeBy = (time: string, calls: readonly ReportedCall[]): readonly ReportedCall[] =>
  calls.filter((call) => Date.parse(call.time) <= Date.parse(time));

/**
 * Follows the last move of ours away from a dead target, until the event of the call that took the target down can no
 * longer arrive.
 */
export function rescueAfter(
  before: Pick<Rewritten, 'rescue' | 'seen' | 'instances'>,
  outcome: ChangeOutcome | undefined,
  on: { readonly now: Date; readonly calls: readonly ReportedCall[]; readonly readBefore?: string | undefined },
): Rescue | undefined {
  const rescue = outcome?.from !== undefined && isRescue(outcome) ? rescued(outcome.from, before, on) : before.rescue;
  if (!rescue || on.now.getTime() - Date.parse(rescue.since) >= eventsMayBeLateMs) return undefined;
  const { instances } = before;
  return known({
    ...rescue,
    takenDown: takenDownBy(rescue.target, { down: rescue, instances }, madeBy(rescue.since, on.calls)),
  });
}

const rescued = (
  target: string,
  before: Parameters<typeof rescueAfter>[0],
  { now, readBefore }: Parameters<typeof rescueAfter>[2],
): Rescue => known({ target, since: now.toISOString(), upAt: wasUp(target, before) ? readBefore : undefined });
