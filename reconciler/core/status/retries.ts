import { createHash } from 'node:crypto';
import { type Change, type ChangeJson, changeAsJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import type { ReportedCall } from '../memory/call.ts';
import { type Memory, type Refusal, rememberedAt, withEach } from '../memory/memory.ts';
import { type ChangeOutcome, type FailureKind, refusedAsFull } from '../route/outcome.ts';
import type { TriggerKind } from '../memory/trigger.ts';
import { isContested } from './contest.ts';

const second = 1_000;
const minute = 60 * second;

/** A target comes up within minutes of the call that makes it. With jitter, these are at most 11 retries. */
const comesUpWithin = 8 * minute;

/** How often a target is tried that is expected to come up. */
const comesUpEvery = 45 * second;

/** Half of that, with jitter. Two routes that are tried every 45 s are never further apart. */
const togetherWithin = 24 * second;

/** Every sweep retries a rejected change this many times. After that, its waits double. */
const sweepsAtFirst = 3;

/** With a sweep every 5 minutes, a rejected change is retried within an hour. */
const longestAfterRejection = 52 * minute;

/** A target or a table that is not there yet raises an alarm after this time: somebody may just be creating it. */
export const patienceMs = 10 * minute;

/** Shorter than the interval between sweeps. */
const longestAfterFault = 4 * minute;

/**
 * How many milliseconds a change waits after `attempts` failures in a row, the last one of this kind. Undefined: until
 * the next sweep. A sweep ends every wait, except that of a rejected change.
 *
 * @param sinceMs how long the change has been tried
 */
export function retryAfterMs(kind: FailureKind | undefined, attempts: number, sinceMs = 0): number | undefined {
  switch (kind) {
    case 'not-ready': {
      const waitMs = attempts <= 1 ? 15 * second : comesUpEvery;
      return sinceMs + waitMs > comesUpWithin ? undefined : waitMs;
    }
    case 'rejected':
      if (attempts <= sweepsAtFirst) return undefined;
      return doubling(10 * minute, attempts - sweepsAtFirst, longestAfterRejection);
    case 'denied':
      return undefined;
    case 'stale':
    case 'transient':
    case undefined:
      return doubling(15 * second, attempts, longestAfterFault);
    default:
      return kind satisfies never;
  }
}

const doubling = (firstMs: number, attempts: number, mostMs: number): number =>
  Math.min(mostMs, firstMs * 2 ** (attempts - 1));

/**
 * Makes a wait up to 5 % longer or shorter, so that tables that failed together are not retried together. All routes of
 * one table that fail in one reconcile wait equally long: one message retries them all.
 */
function withJitter(ms: number, routeTableId: string, now: Date): number {
  const [byte = 0] = createHash('sha256').update(`${routeTableId} ${now.toISOString()}`).digest();
  return Math.round(ms * (0.95 + (0.1 * byte) / 255));
}

/** What may remove the causes of refusals. */
export interface Revival {
  /** The item or an order may be new. */
  readonly isEdit: boolean;
  /** The calls that no earlier reconcile has read. */
  readonly calls: readonly ReportedCall[];
  readonly now: Date;
}

/**
 * Starts the retries again of every change whose cause may be gone. After an edit, these are all; after a reported call,
 * those whose target, subnet, permission or room it may have made.
 */
export function withRevivals(memory: Memory, { isEdit, calls, now }: Revival): Memory {
  if (!isEdit && calls.length === 0) return memory;
  return withEach(memory, ({ refusal, ...rest }, destination) => {
    const isRevived = refusal && (isEdit || calls.some((call) => mayHelp(call, destination, refusal)));
    return { ...rest, refusal: isRevived ? revived(refusal, now) : refusal };
  });
}

/** Faults of EC2 have nothing to do with the call. They stay counted. */
function revived({ triedSince: _, ...refusal }: Refusal, now: Date): Refusal {
  const attempts = refusal.kind === 'not-ready' || refusal.kind === 'rejected' ? 0 : refusal.attempts;
  return { ...refusal, attempts, nextRetry: now.toISOString() };
}

/** Whether a call may have made what a refused change lacks. */
function mayHelp(call: ReportedCall, destination: string, refusal: Refusal): boolean {
  switch (call.about) {
    case 'target-up':
      return refusal.to !== undefined && call.ids.includes(refusal.to);
    case 'route':
      return call.name === 'DeleteRoute' && refusedAsFull(refusal);
    case 'table':
      // A call on a VPC, such as CreateSubnet, or one that tags the table.
      return call.via?.startsWith('vpc-') === true || refusal.kind === 'denied';
    case 'surroundings':
      return call.via === destination;
    case 'target-down':
      return false;
    default:
      return call satisfies never;
  }
}

/**
 * Tells which changes wait.
 * - A refused change waits for its retry, unless the table was full and a delete makes room.
 * - While EC2 denies one change of a table, all of them wait.
 * - A contested change waits in any case. The move of a route away from its dead target is never contested.
 *
 * @param woken the kinds of triggers of this reconcile
 */
export function parkedBy(
  memory: Memory,
  woken: readonly TriggerKind[],
  now: Date,
): (change: Change, makesRoom: boolean) => boolean {
  const waits = (refusal: Refusal): boolean => !isDue(refusal, woken.includes('sweep'), now);
  const isDenied = [...memory.destinations.values()].some(
    ({ refusal }) => refusal?.kind === 'denied' && waits(refusal),
  );
  return (change, makesRoom) => {
    const { action, destination, to, because } = changeAsJson(change);
    const { refusal, repairs } = rememberedAt(memory, destination);
    if (isDenied || (because === undefined && isContested(repairs, to, now))) return true;
    if (makesRoom && refusedAsFull(refusal)) return false;
    return refusal?.action === action && refusal.to === to && waits(refusal);
  };
}

/**
 * Routes whose targets are expected since different times are tried together: a chain of messages is only long enough for
 * the retries of one time.
 */
function isDue(refusal: Refusal, isSweep: boolean, now: Date): boolean {
  const { kind, attempts, nextRetry } = refusal;
  if (isSweep && isForEverySweep(refusal)) return true;
  if (nextRetry === undefined) return false;
  const earlierMs = kind === 'not-ready' && attempts > 1 ? togetherWithin : 0;
  return Date.parse(nextRetry) - earlierMs <= now.getTime();
}

/** Whether every sweep retries a refused change. */
export const isForEverySweep = ({ kind, nextRetry }: Refusal): boolean =>
  kind !== 'rejected' || nextRetry === undefined;

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
  { routeTableId, now }: { readonly routeTableId: string; readonly now: Date },
): Refusal | undefined {
  if (!wanted) return undefined;
  const last = before?.action === wanted.action && before.to === wanted.to ? before : undefined;
  if (!outcome || outcome.result === 'skipped') return last;
  if (outcome.result !== 'refused' && outcome.result !== 'unknown') return undefined;
  const { action, from, to, because, kind, code, message, remedy } = outcome;
  const attempts = (last?.attempts ?? 0) + 1;
  const isNotReady = kind === 'not-ready';
  const since = last?.since ?? (isNotReady ? now.toISOString() : undefined);
  const triedSince = isNotReady ? (last?.triedSince ?? now.toISOString()) : undefined;
  const sinceMs = triedSince === undefined ? 0 : now.getTime() - Date.parse(triedSince);
  const waitMs = retryAfterMs(kind, attempts, sinceMs);
  const nextRetry =
    waitMs === undefined ? undefined : new Date(now.getTime() + withJitter(waitMs, routeTableId, now)).toISOString();
  return known({
    action,
    from,
    to,
    because,
    kind,
    code,
    message,
    remedy,
    attempts,
    since,
    triedSince,
    nextRetry,
  });
}
