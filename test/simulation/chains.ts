import { everyTable } from '../../reconciler/core/desired/orders.ts';
import type { RequeueMessage } from '../../reconciler/ports.ts';
import type { FunctionRun } from './function-run.ts';
import type { Invariants } from './invariants.ts';

/** A chain may have this many messages. */
export const longestChain = 12;

/** Chains of requeue messages: how many messages led to the work that a function does. */
export class Chains {
  /** The most hops that were left with the lease of a table. */
  readonly #left = new Map<string, number>();
  /** The most hops that a function took over with a lease: `function table`. */
  readonly #takenOver = new Map<string, number>();

  /** A function leaves its work with the holder of a lease. */
  leaves({ hop }: FunctionRun, routeTableId: string): void {
    this.#left.set(routeTableId, Math.max(hop, this.#left.get(routeTableId) ?? 0));
  }

  /** Somebody takes what was left with a lease. Returns its hops. */
  takes(routeTableId: string): number {
    const hop = this.#left.get(routeTableId) ?? 0;
    this.#left.delete(routeTableId);
    return hop;
  }

  /** A function receives what was taken. If the answer with it is lost, nobody receives it. */
  receives(by: FunctionRun, routeTableId: string, hop: number): void {
    this.#takenOver.set(`${by.name} ${routeTableId}`, Math.max(this.hopOf(by, routeTableId), hop));
  }

  /** How many messages led to the work of a function on a table. */
  hopOf(by: FunctionRun, routeTableId: string): number {
    return this.#takenOver.get(`${by.name} ${routeTableId}`) ?? by.hop;
  }
}

/** Checked when a function sends a message. */
export const atMessage: Invariants<[RequeueMessage, FunctionRun, Chains]> = {
  'no chain of messages starts again': ({ routeTableId, hop }, by, chains) => {
    // What announces an edit of many tables sends no message.
    if (routeTableId === everyTable) return undefined;
    const before = chains.hopOf(by, routeTableId);
    return before > 0 && hop <= before
      ? `${by.name} sent a message of hop ${hop} for ${routeTableId}, after ${before} messages`
      : undefined;
  },
  'no chain of messages has more than 12': ({ routeTableId, hop }, by) =>
    hop > longestChain ? `${by.name} sent a message of hop ${hop} for ${routeTableId}` : undefined,
};
