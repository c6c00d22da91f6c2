import pMap from 'p-map';
import { together } from '../../reconciler/bulk-reads.ts';
import type { Invocation } from '../../reconciler/lease.ts';
import { paceAlone, sharedPace } from '../../reconciler/pace.ts';
import type { RequeueMessage, SweepWorld } from '../../reconciler/ports.ts';
import { reconcile } from '../../reconciler/reconcile.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { inMemoryRouteTables } from './ec2/route-tables.ts';
import { ownerId } from './builders.ts';
import { InMemoryPaceRows } from './in-memory-stores.ts';
import type { InMemoryWorld } from './in-memory-world.ts';

const second = 1_000;
const minute = 60 * second;

/** Messages that one function receives, and how many such functions run at the same time. */
const messagesAtOnce = 100;

/** Functions that run side by side as Lambda runs them, each with its own process, and one pace for all of them. */
export class Functions {
  readonly world: InMemoryWorld;
  readonly rows = new InMemoryPaceRows();
  /** The longest chain of messages that a function received. */
  longestChain = 0;
  /** Functions that did not end within 60 s, and messages that failed. */
  readonly failures: unknown[] = [];
  #running = 0;
  #begun = 0;

  constructor(world: InMemoryWorld) {
    this.world = world;
    world.states.faults = () => world.clock.sleep(5);
    world.leases.faults = () => world.clock.sleep(5);
    this.rows.faults = () => world.clock.sleep(5);
  }

  /** Runs a function. It ends within 60 s. */
  async run<T>(body: (world: SweepWorld, invocation: Invocation) => Promise<T>): Promise<T | undefined> {
    const { world } = this;
    const { clock, ec2, now, log } = world;
    const pace = sharedPace(this.rows, {
      alone: paceAlone(),
      now,
      sleep: (ms) => clock.sleep(ms),
      log,
    });
    const tables = inMemoryRouteTables(ec2, {
      caller: `function-${++this.#begun}`,
      throttled: pace.throttled,
      accountId: ownerId,
      now,
    });
    const ends = now().getTime() + minute;
    this.#running += 1;
    try {
      const all: SweepWorld = world;
      const value = await body({ ...all, tables, pace }, world.invocation());
      if (now().getTime() > ends) this.failures.push(new Error('a function ran for more than 60 s'));
      return value;
    } catch (error) {
      this.failures.push(error);
      return undefined;
    } finally {
      this.#running -= 1;
    }
  }

  /** The stream of items calls one function for up to 100 edited items. */
  edited(ids: readonly string[]): Promise<unknown> {
    return this.run((alone, invocation) => {
      const world = together(alone, ids);
      return Promise.all(ids.map((id) => reconcile(id, { kind: 'desired' }, world, invocation)));
    });
  }

  sweep(everyMs = 5 * minute): Promise<unknown> {
    return this.run((world, invocation) => sweep(world, invocation, everyMs));
  }

  /** Delivers messages when they are due, and sweeps every 5 minutes, until this time or until nothing is left to do. */
  async deliver(untilMs: number, sweepEveryMs = 5 * minute): Promise<void> {
    const { clock, requeue } = this.world;
    let sweptAt = clock.now().getTime();
    let failedAt = 0;
    while (clock.now().getTime() < untilMs) {
      const now = clock.now();
      const due = requeue.sent.filter(({ dueAt }) => dueAt <= now).map(({ message }) => message);
      const left = requeue.sent.filter(({ dueAt }) => dueAt > now);
      requeue.sent.splice(0, requeue.sent.length, ...left);
      for (let start = 0; start < due.length; start += messagesAtOnce)
        void this.#receive(due.slice(start, start + messagesAtOnce));
      if (now.getTime() - sweptAt >= sweepEveryMs) {
        sweptAt = now.getTime();
        void this.sweep();
      }
      if (this.#running === 0 && left.length === 0 && due.length === 0 && ++failedAt > 2) return;
      await clock.sleep(second);
    }
  }

  #receive(messages: readonly RequeueMessage[]): Promise<unknown> {
    for (const { hop } of messages) this.longestChain = Math.max(this.longestChain, hop);
    return this.run((alone, invocation) => {
      const world = together(
        alone,
        messages.map(({ routeTableId }) => routeTableId),
      );
      return pMap(messages, (message, index) => reconcileAgain(message, `message-${index}`, world, invocation));
    });
  }
}
