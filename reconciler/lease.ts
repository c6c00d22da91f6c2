import { type Left, nothingLeft, together } from './core/memory/trigger.ts';
import type { Claim, Leases, Log, Requeue, RequeueMessage } from './ports.ts';

/** A function is cut off after 60 s: when this has passed, whoever held the lease is gone. */
export const leaseMs = 70_000;

/** A request seen again this long after it took the lease is a retry of a run that is over. */
const retakeAfterMs = 60_000;

/** Nothing is changed in EC2 this close to the end of a lease: EC2 knows no fencing, and clocks differ. */
export const leaseMarginMs = 10_000;

/** One invocation of a function. */
export interface Invocation {
  /** Identifies it; a retry of the same request has the same. */
  readonly requestId: string;
  /** No call to EC2 starts after this instant. */
  readonly until: Date;
  /** How many requeue messages in a row led to it. */
  readonly hop?: number;
}

/**
 * Does work on one table that nobody else may do at the same time.
 *
 * When the table is held by another, that holder is asked to go once more, and nothing is done here: a storm of events
 * becomes a handful of reads. Whoever asks first also sends one message for the moment the lease has expired, should its
 * holder have died. Nothing that was left is ever dropped: what the holder has no time for is sent to the requeue queue.
 *
 * @param own what woke this invocation, at least one kind of trigger
 * @param work gets all it answers for, and the instant after which it must not start a call
 * @returns what the last round of work returned, or undefined when another holds the table
 */
export async function underLease<T>(
  routeTableId: string,
  own: Left,
  {
    leases,
    requeue,
    now,
    log,
  }: { readonly leases: Leases; readonly requeue: Requeue; readonly now: () => Date; readonly log: Log },
  { requestId: holder, until }: Invocation,
  work: (left: Left, until: Date) => Promise<T>,
): Promise<T | undefined> {
  const claim = (): Claim => ({
    holder,
    now: now(),
    expiresAt: new Date(now().getTime() + leaseMs),
    retakeBefore: new Date(now().getTime() - retakeAfterMs),
  });

  let mine = claim();
  let others: Left;
  while (true) {
    const taken = await leases.take(routeTableId, mine);
    if (taken.taken) {
      others = taken.left;
      break;
    }
    if (await leave(taken.expiresAt)) {
      log.info('left to the holder of the lease');
      return undefined;
    }
    mine = claim();
  }

  let unanswered = own;
  try {
    while (true) {
      const end = Math.min(until.getTime(), mine.expiresAt.getTime() - leaseMarginMs);
      const result = await work(together(others, unanswered), new Date(end));
      unanswered = nothingLeft;
      if (now() >= until) {
        await giveUp();
        return result;
      }
      mine = claim();
      const released = await leases.release(routeTableId, mine);
      if (released.released) return result;
      others = released.left;
    }
  } catch (error) {
    // If even this fails, the lease expires, and the message of whoever left the first trigger arrives.
    await giveUp(others).catch((error: unknown) => log.warn('could not give the lease up', { error }));
    throw error;
  }

  /** Leaves what woke us with the holder. Says whether there still was one. */
  async function leave(expiresAt: Date): Promise<boolean> {
    const left = await leases.leave(routeTableId, own, holder, now());
    if (left === 'free') return false;
    if (left === 'first') {
      // Allow for clock skew: a message that arrives before the lease expires would be left with a dead holder.
      await requeue.send({ routeTableId, hop: 0 }, expiresAt.getTime() - now().getTime() + leaseMarginMs);
    }
    return true;
  }

  /** Gives the lease up at once. If others count on us, somebody goes in our place, and learns what they left. */
  async function giveUp(unanswered: Left = nothingLeft): Promise<void> {
    const left = together(unanswered, await leases.drop(routeTableId, holder));
    if (left.kinds.length > 0) await requeue.send({ routeTableId, hop: 0, ...messageOf(left) }, 0);
  }
}

/** What a message carries of what was left. */
export const messageOf = ({ kinds, deletions }: Left): Pick<RequeueMessage, 'kinds' | 'deletions'> => ({
  kinds,
  ...(deletions.length > 0 && { deletions }),
});
