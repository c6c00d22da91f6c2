import type { DesiredTable } from '../desired/desired.ts';
import { isEnforced } from '../desired/enforcement.ts';
import { policyHash } from '../desired/hashes.ts';
import {
  type Arrival,
  type Memory,
  type PolicySince,
  type Remembered,
  type Rewritten,
  type Seen,
  withEach,
} from '../memory/memory.ts';
import { slotsOf } from '../plan/slots.ts';
import { type ActualTable, destinationText, targetNames } from '../route/route.ts';

/** How sweeps vouch for a table. */
export interface Vouched {
  /** When the last sweep began that read the table, or found it as remembered. */
  readonly at?: Date;
  /** The interval between sweeps, in milliseconds. */
  readonly everyMs: number;
}

/** Without a sweep record: the shortest interval between sweeps. */
const shortestEveryMs = 60 * 1_000;

/** A read is fresh for this many sweep intervals. */
const freshIntervals = 3;

/** A read counts as one under a policy if it was made this long after the policy began: reads lag, and clocks differ. */
const settlesMs = 30_000;

/** An arrival is kept for this long after its route has gone: failover tools delete a route and create it again. */
const emptyKeptMs = 24 * 60 * 60 * 1_000;

/**
 * Remembers how the routes came that a believed read is the first to show. This comes before the plan: what appeared is
 * deleted without asking.
 */
export function withArrivals(
  before: Memory,
  {
    desired,
    actual,
    now,
    vouched,
  }: {
    readonly desired: DesiredTable;
    readonly actual: ActualTable;
    readonly now: Date;
    readonly vouched?: Vouched | undefined;
  },
): Memory {
  const memory = underPolicy(before, desired, now);
  const ifNew = newArrival(memory, desired, now, vouched);
  const listed = new Set(desired.routes.map(({ destination }) => destinationText(destination)));
  const slots = slotsOf(actual.routes).static;
  return withEach(
    memory,
    (remembered, destination) => {
      const slot = slots.get(destination);
      if (!slot) return remembered;
      const { arrival, emptySince: _, ...rest } = remembered;
      if (slot.target.kind === 'local') return rest;
      // A read from before our own write shows an empty slot. What fills it is no arrival, but what we wrote as listed.
      const isListed = listed.has(destination) || targetNames(slot).includes(remembered.written?.target ?? '');
      const isNew = arrival === undefined || wasEmptyWhileListed(remembered);
      return { ...rest, arrival: isListed ? 'listed' : isNew ? ifNew : arrival };
    },
    slots.keys(),
  );
}

/** Remembers under which policy a table is reconciled. A pause counts although no read was believed while it held. */
export const underPolicy = (
  memory: Memory,
  desired: DesiredTable,
  now: Date,
): Memory & { readonly policySince: PolicySince } => ({
  ...memory,
  policySince: policySinceAfter(memory, desired, now),
});

/** Since when the policy is in force: since its start, its last change, or the end of the last pause or stop. */
function policySinceAfter({ policySince: last, readAt }: Memory, desired: DesiredTable, now: Date): PolicySince {
  const policy = policyHash(desired, now);
  if (last?.policy === policy) return last;
  const begun = { policy, at: now.toISOString() };
  if (readAt === undefined || !last) return { ...begun, before: 'adopted' };
  if (!isEnforced(desired, now)) return { ...begun, before: whyWatched(desired), isWatched: true };
  return { ...begun, before: last.isWatched ? last.before : 'unwatched' };
}

/**
 * How a route came that this read is the first to show. It appeared if the table is enforced, and the read before is
 * fresh and was made at least 30 s after the policy began.
 */
function newArrival(
  { readAt, policySince }: Memory,
  desired: DesiredTable,
  now: Date,
  vouched: Vouched | undefined,
): Arrival {
  if (readAt === undefined || !policySince) return 'adopted';
  if (!isEnforced(desired, now)) return whyWatched(desired);
  const readBefore = Math.max(Date.parse(readAt), vouched?.at?.getTime() ?? 0);
  if (readBefore < settledAt(policySince)) return policySince.before;
  const freshMs = freshIntervals * (vouched?.everyMs ?? shortestEveryMs);
  return now.getTime() - readBefore > freshMs ? 'unwatched' : 'appeared';
}

const whyWatched = ({ mode }: DesiredTable): 'observed' | 'paused' => (mode === 'observe' ? 'observed' : 'paused');

/** From when on a read counts as one under the policy. */
const settledAt = ({ at }: PolicySince): number => Date.parse(at) + settlesMs;

/** When the next read makes the table watched: from then on, new routes count as appeared. Undefined if it is watched. */
export function watchedFrom({ readAt, policySince }: Memory): string | undefined {
  if (readAt === undefined || !policySince) return undefined;
  const from = settledAt(policySince);
  return Date.parse(readAt) >= from ? undefined : new Date(from).toISOString();
}

/** What is known of one destination after a believed read, its plan, and the changes made since. */
export interface Shown {
  readonly isListed: boolean;
  /** A static route is there. */
  readonly isFilled: boolean;
  /** Why the route is left alone, or was when it was last seen. */
  readonly leftAlone: Seen['leftAlone'];
  /** EC2 confirmed that we deleted the route. */
  readonly isDeleted: boolean;
}

/**
 * The arrival at one destination after a reconcile. It is decided once, and survives whatever happens to the route. A
 * destination without a route is forgotten after 24 hours, and at once in two cases:
 * - the item left its last route alone
 * - the item no longer lists it, and its listed route has certainly gone: we deleted it, or it was gone while listed.
 *   A read alone does not show that. It may be older than the route.
 */
export function arrivalAfter(
  before: Remembered,
  { isListed, isFilled, leftAlone, isDeleted }: Shown,
  now: Date,
): Pick<Rewritten, 'arrival' | 'emptySince'> {
  const { arrival, emptySince } = before;
  const leftByItem = leftAlone && byItem[leftAlone];
  if (isFilled) return { arrival: isListed ? 'listed' : (leftByItem ?? arrival), emptySince: undefined };
  const since = emptySince ?? now.toISOString();
  const isNobodys =
    arrival === 'listed' ? !isListed && (isDeleted || wasEmptyWhileListed(before)) : leftByItem !== undefined;
  const isOver = isNobodys || now.getTime() - Date.parse(since) >= emptyKeptMs;
  return arrival === undefined || isOver
    ? { arrival: undefined, emptySince: undefined }
    : { arrival, emptySince: since };
}

/** Whether the last read showed no route here, and the item listed one. */
const wasEmptyWhileListed = ({ arrival, emptySince, listed }: Remembered): boolean =>
  arrival === 'listed' && listed === true && emptySince !== undefined;

/** The arrival of a route that the item leaves alone. Other reasons lie in the route itself. */
const byItem: Readonly<Record<NonNullable<Seen['leftAlone']>, Arrival | undefined>> = {
  ignored: 'ignored',
  'out-of-scope': 'out-of-scope',
  'unlisted-kept': 'kept',
  held: undefined,
  local: undefined,
  'local-overridden': undefined,
  propagated: undefined,
  advertised: undefined,
  'gateway-endpoint': undefined,
  lattice: undefined,
  unknown: undefined,
  'maybe-not-ours': undefined,
  'target-down': undefined,
  'on-alternate': undefined,
};
