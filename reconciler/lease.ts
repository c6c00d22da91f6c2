import { clockSkewMs } from './core/status/possible-times.ts';
import { type Left, nothingLeft, together } from './core/memory/trigger.ts';
import type { Claim, Leases, Log, Requeue } from './ports.ts';

/** Lambda ends a function after 60 s. So after this time, the holder of a lease no longer runs. */
export const leaseMs = 70_000;

/** If a request returns this long after it took the lease, it is a retry, and its first run has ended. */
const retakeAfterMs = 60_000;

/** No change in EC2 starts in the last 10 s of a lease: EC2 has no fencing, and clocks differ. */
export const leaseMarginMs = 10_000;

/**
 * No chain of requeue messages is longer: Lambda stops functions that seem to call themselves in a loop. So a target that
 * comes up late has 11 retries (`retryAfterMs`), and one message is left to verify the last of them.
 */
export const longestChain = 12;

/** A message that comes earlier than this before its time is sent again. Clocks differ by less. */
export const tooEarlyMs = 10_000;

/** One invocation of a function. */
export interface Invocation {
  /** A retry of the same request has the same id. */
  readonly requestId: string;
  /** No call to EC2 starts after this instant. */
  readonly until: Date;
}

/**
 * Does work on one table while no other invocation works on it.
 *
 * If another invocation holds the table, this one leaves its triggers there and does nothing else. The holder then does
 * one more round, so a storm of events causes only a few reads. The first invocation that leaves triggers also sends a
 * message that arrives after the lease has expired, in case the holder died. No trigger is dropped: those that the
 * holder has no time for go to the requeue queue. Deletions of the item stay with the lease until they are answered: a
 * message is no evidence. Whatever is handed on keeps the number of its hops, so that no chain starts again. At the end of
 * a chain, the next sweep reads the table instead.
 *
 * @param own the triggers of this invocation, at least one kind
 * @param work receives the triggers it answers for, and the instant after which it must not start a call
 * @returns the result of the last round of work, or undefined if another invocation holds the table
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
    latestEnd: new Date(now().getTime() + leaseMs + clockSkewMs),
    retakeBefore: new Date(now().getTime() - retakeAfterMs),
  });

  let mine = claim();
  let others: Left;
  while (true) {
    const taken = await leases.take(routeTableId, mine);
    if (taken.taken) {
      if (taken.wasInvalid) log.error('took over a lease whose end no function could have written');
      others = taken.left;
      break;
    }
    if (await leave(taken.expiresAt)) {
      log.info('another invocation holds the lease: it does one more round');
      return undefined;
    }
    mine = claim();
  }

  let unanswered = own;
  try {
    while (true) {
      const end = Math.min(until.getTime(), mine.expiresAt.getTime() - leaseMarginMs);
      const result = await work(together(others, unanswered), new Date(end));
      unanswered = { ...nothingLeft, hop: together(others, unanswered).hop };
      if (now() >= until) {
        await giveUp(unanswered, others.deletions);
        return result;
      }
      mine = claim();
      const released = await leases.release(routeTableId, mine, others.deletions);
      if (released.released) return result;
      others = released.left;
    }
  } catch (error) {
    // If this fails too, the lease expires, and the message of the invocation that left the first trigger arrives.
    await giveUp(together(others, { ...nothingLeft, hop: unanswered.hop })).catch((error: unknown) =>
      log.warn('could not release the lease', { error }),
    );
    throw error;
  }

  /** Leaves our triggers with the holder. Returns false if nobody holds the lease any more. */
  async function leave(expiresAt: Date): Promise<boolean> {
    const left = await leases.leave(routeTableId, own, holder, now());
    if (left === 'free') return false;
    if (left === 'first') {
      // Allow for clock skew: a message that arrives before the lease expires would be left with a dead holder.
      await handOn(own, expiresAt.getTime() - now().getTime() + leaseMarginMs);
    }
    return true;
  }

  /** Releases the lease at once. If triggers are left, a message hands them to another invocation. */
  async function giveUp(unanswered: Left, answered: readonly string[] = []): Promise<void> {
    const left = together(unanswered, await leases.drop(routeTableId, holder, answered));
    if (left.kinds.length > 0) await handOn(left, 0, left.kinds);
  }

  /** Hands triggers to another invocation. At the end of a chain, to the next sweep. */
  async function handOn({ hop }: Left, delayMs: number, kinds?: Left['kinds']): Promise<void> {
    if (hop < longestChain) await requeue.send({ routeTableId, hop: hop + 1, ...(kinds && { kinds }) }, delayMs);
    else log.warn('no more messages in this chain: the next sweep reads the table');
  }
}
