import type { DesiredRoute } from '../desired/desired.ts';
import type { ReportedCall } from '../memory/call.ts';
import type { Down, Remembered } from '../memory/memory.ts';
import type { Health } from '../route/health.ts';
import { known } from '../route/known.ts';
import { type StaticRoute, sameTarget, targetText } from '../route/route.ts';
import { causeOf, stoodBefore, takenDownBy, unspent } from './attribution.ts';

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
  const last = before?.target === target ? before : undefined;
  const same = last && last.aliveSince === undefined ? last : downAgain(last, target, now);
  if (route && sameTarget(wanted.target, route)) return route.state === 'blackhole' ? same : undefined;
  if (health === 'dead') return same;
  return last && health === 'alive' ? { ...last, aliveSince: last.aliveSince ?? now.toISOString() } : last;
}

/** A target that goes down, perhaps once more: who took it down before did not do it now. */
const downAgain = (before: Down | undefined, target: string, now: Date): Down =>
  known({ target, since: now.toISOString(), seenMovedAt: before?.seenMovedAt, moved: before?.moved });

/**
 * Adds who took the target down and who moved the route, as far as calls report it. A call that came when the target was
 * down already, or the route moved, did neither.
 *
 * @param on.before what was known of the destination when the reconcile began
 * @param on.kept the target through which the route works meanwhile. Undefined if it is not left alone for that
 */
export function withCauses(
  destination: string,
  remembered: Remembered,
  on: {
    readonly before: Remembered;
    readonly kept: string | undefined;
    readonly calls: readonly ReportedCall[];
    readonly now: Date;
  },
): Down | undefined {
  const { down, drift } = remembered;
  if (!down) return undefined;
  const { seenMovedAt: _, moved: __, ...rest } = down;
  const takenDown = takenDownBy(down.target, remembered, madeBy(down.since, on.calls));
  return known({ ...rest, takenDown, ...movedFrom(destination, { ...on, down, drift }) });
}

/** When others moved the route away from its listed target, and who did. */
function movedFrom(
  destination: string,
  {
    down,
    drift,
    before,
    kept,
    calls,
    now,
  }: Parameters<typeof withCauses>[2] & { readonly down: Down; readonly drift: Remembered['drift'] | undefined },
): Pick<Down, 'seenMovedAt' | 'moved'> {
  if (kept === undefined) return {};
  const change = { action: 'replace', destination, from: kept, to: down.target } as const;
  const stood = stoodBefore(change, before);
  const seenMovedAt = stood ? down.seenMovedAt : now.toISOString();
  if (seenMovedAt === undefined) return {};
  const moved = causeOf(change, madeBy(seenMovedAt, unspent(calls, drift))) ?? (stood ? down.moved : undefined);
  return known({ seenMovedAt, moved });
}

/** The calls made up to this time. */
const madeBy = (time: string, calls: readonly ReportedCall[]): readonly ReportedCall[] =>
  calls.filter((call) => Date.parse(call.time) <= Date.parse(time));
