import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from './core/route/change.ts';
import { type Lane, bookingOf, longestWaitMs, offerTo, stepsAfterThrottle, turnsFrom } from './core/plan/pace.ts';
import type { Pace } from './apply.ts';
import type { Log, PaceRows } from './ports.ts';

/** Half of EC2's bucket for mutations (50 calls, then 5 per second, for the whole account): others write routes too. */
const burst = 25;
const msPerTurn = 400;

/**
 * The pace of one process alone: a burst first, then a steady rate per action. Every caller gets its turn, however late.
 *
 * @param clock a monotonic clock, in milliseconds
 */
export function paceAlone(
  clock: { readonly now: () => number; readonly sleep: (ms: number) => Promise<unknown> } = {
    now: () => performance.now(),
    sleep,
  },
): Pace {
  /** When each bucket would be full again. */
  const fullAt = new Map<Change['action'], number>();
  return {
    async turn(action) {
      const now = clock.now();
      const next = Math.max(fullAt.get(action) ?? 0, now) + msPerTurn;
      fullAt.set(action, next);
      const waitMs = next - burst * msPerTurn - now;
      if (waitMs > 0) await clock.sleep(waitMs);
      return true;
    },
    throttled: async () => {},
    book: async () => undefined,
  };
}

/** Repairs do not wait for a store: after this time, it counts as unreachable. */
const answerWithinMs = 2_000;

/** How long this function keeps a pace of its own after a failure. */
const aloneMs = 30_000;

const queueOf = (action: Change['action'], lane: Lane): string => `${action} ${lane}`;

interface Waiter {
  readonly deadline: number;
  readonly begin: (isGiven: boolean) => void;
}

/**
 * The pace of all functions together. Callers of this function that wait at the same time get their turns with one write.
 *
 * If the rows cannot be read or written, `alone` sets the pace for a while: a pace that is lost never stops repairs.
 */
export function sharedPace(
  rows: PaceRows,
  {
    alone,
    now,
    sleep,
    log,
  }: {
    /** The pace of this function alone. */
    readonly alone: Pick<Pace, 'turn'>;
    readonly now: () => Date;
    readonly sleep: (ms: number) => Promise<unknown>;
    readonly log: Log;
  },
): Pace {
  const queues = new Map<string, Waiter[]>();
  /** What this function knows of each row. It may be later by now. */
  const seen = new Map<string, number>();
  let aloneUntil = 0;
  const time = (): number => now().getTime();

  const advance: PaceRows['advance'] = async (row, step) => {
    const late = sleep(answerWithinMs).then(() => {
      throw new Error(`no answer within ${answerWithinMs} ms`);
    });
    const answer = await Promise.race([rows.advance(row, step), late]);
    seen.set(row, answer.isGiven ? answer.from + step.byMs : answer.from);
    return answer;
  };

  const failed = (error: unknown): void => {
    aloneUntil = time() + aloneMs;
    log.warn('could not use the pace of all functions: this function keeps a pace of its own for 30 s', { error });
  };

  /** Gives turns to the callers that wait, in order of arrival. One such loop runs for each queue. */
  async function serve(action: Change['action'], lane: Lane, waiting: Waiter[]): Promise<void> {
    // Callers that ask at the same time are here before the first write.
    await Promise.resolve();
    while (waiting.length > 0) {
      const begins = time();
      if (begins < aloneUntil) {
        for (const { begin, deadline } of waiting.splice(0))
          void alone.turn(action, lane, deadline - begins).then(begin);
        continue;
      }
      const deadlines = waiting.map(({ deadline }) => deadline);
      const offer = offerTo(lane, deadlines, (part) => seen.get(`${action}#${part}`), begins);
      if (!offer) {
        waiting.shift()?.begin(false);
        continue;
      }
      try {
        const { isGiven, from } = await advance(`${action}#${offer.part}`, offer.step);
        if (!isGiven) continue;
        for (const turn of turnsFrom(from, offer)) {
          const { begin } = waiting.shift() ?? {};
          if (begin) void sleep(turn - time()).then(() => begin(true));
        }
      } catch (error) {
        failed(error);
      }
    }
    queues.delete(queueOf(action, lane));
  }

  return {
    turn(action, lane, withinMs) {
      const queue = queueOf(action, lane);
      return new Promise((begin) => {
        const waiter = { deadline: time() + Math.min(withinMs, longestWaitMs), begin };
        const others = queues.get(queue);
        if (others) return void others.push(waiter);
        const waiting = [waiter];
        queues.set(queue, waiting);
        return void serve(action, lane, waiting);
      });
    },
    async throttled(action) {
      if (time() < aloneUntil) return;
      try {
        for (const { part, step } of stepsAfterThrottle(time())) {
          const row = `${action}#${part}` as const;
          if ((seen.get(row) ?? 0) <= step.latest) await advance(row, step);
        }
      } catch (error) {
        failed(error);
      }
    },
    async book(action, changes) {
      try {
        const { isGiven, from } = await advance(`${action}#booked`, bookingOf(changes, time()));
        return isGiven ? new Date(from) : undefined;
      } catch (error) {
        log.warn('could not book the time of an edit: it is tried again soon', { error });
        return undefined;
      }
    },
  };
}
