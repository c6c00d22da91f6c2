import { type Change, type ChangeJson, changeAsJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import { type Memory, type Refusal, rememberedAt } from '../memory/memory.ts';
import { type ChangeOutcome, type FailureKind, refusedAsFull } from '../route/outcome.ts';
import type { TriggerKind } from '../memory/trigger.ts';
import { isContested } from './contest.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** How many milliseconds a change waits after `attempts` failures in a row, the last one of this kind. */
export function retryAfterMs(kind: FailureKind | undefined, attempts: number): number {
  // Only a person can remove the cause.
  if (kind === 'rejected' || kind === 'denied') return hour;
  // The target may come up at any moment. After 5 attempts that is unlikely.
  if (kind === 'not-ready') return attempts <= 5 ? doubling(30 * second, attempts, 15 * minute) : hour;
  return doubling(15 * second, attempts, 15 * minute);
}

const doubling = (firstMs: number, attempts: number, mostMs: number): number =>
  Math.min(mostMs, firstMs * 2 ** (attempts - 1));

/** Triggers that may have removed the cause of a refusal: a reported call, an edit, an order. */
const revives: Readonly<Record<TriggerKind, boolean>> = {
  event: true,
  desired: true,
  person: true,
  sweep: false,
  requeue: false,
};

/**
 * Whether a change waits. A refused change waits until its `nextRetry`, unless the cause may be gone: a trigger may have
 * removed it, or the table was full and a delete makes room. A contested change waits in any case. The
 * move of a route away from its dead target is never contested.
 */
export function isParked(
  change: Change,
  memory: Memory,
  {
    woken,
    makesRoom,
    now,
  }: { readonly woken: readonly TriggerKind[]; readonly makesRoom: boolean; readonly now: Date },
): boolean {
  const { action, destination, to, because } = changeAsJson(change);
  const { refusal, repairs } = rememberedAt(memory, destination);
  if (because === undefined && isContested(repairs, to, now)) return true;
  if (woken.some((kind) => revives[kind]) || (makesRoom && refusedAsFull(refusal))) return false;
  return refusal?.action === action && refusal.to === to && Date.parse(refusal.nextRetry) > now.getTime();
}

/**
 * The remembered refusal at one destination: a change that is still wanted, and that EC2 refused or left open when it
 * was last tried.
 *
 * @param wanted the change that the last plan permits here
 * @param outcome its outcome in this reconcile, if it was tried
 */
export function refusalAfter(
  before: Refusal | undefined,
  wanted: ChangeJson | undefined,
  outcome: ChangeOutcome | undefined,
  now: Date,
): Refusal | undefined {
  if (!wanted) return undefined;
  const last = before?.action === wanted.action && before.to === wanted.to ? before : undefined;
  if (!outcome || outcome.result === 'skipped') return last;
  if (outcome.result !== 'refused' && outcome.result !== 'unknown') return undefined;
  const { action, from, to, because, kind, code, message, remedy } = outcome;
  const attempts = (last?.attempts ?? 0) + 1;
  const nextRetry = new Date(now.getTime() + retryAfterMs(kind, attempts)).toISOString();
  return known({ action, from, to, because, kind, code, message, remedy, attempts, nextRetry });
}
