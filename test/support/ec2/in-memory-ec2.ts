import type {
  CreateRouteCommandInput,
  DeleteRouteCommandInput,
  DescribeRouteTablesCommandInput,
  DescribeRouteTablesCommandOutput,
  ReplaceRouteCommandInput,
} from '@aws-sdk/client-ec2';
import type { Clock } from './clock.ts';
import { describeRouteTables } from './describe.ts';
import { Ec2Error, LostAnswer } from './error.ts';
import type { Fate, Faults } from './faults.ts';
import { type Action, type Call, Journal } from './journal.ts';
import { createRoute, deleteRoute, replaceRoute } from './rules.ts';
import { Scenery } from './scenery.ts';
import { type World, emptyWorld, isAlive } from './world.ts';

/** The route calls of one caller, with EC2's parameters and answers. They throw as the AWS SDK does. */
export interface RouteCalls {
  readonly createRoute: (input: CreateRouteCommandInput) => Promise<{ readonly Return?: boolean | undefined }>;
  readonly replaceRoute: (input: ReplaceRouteCommandInput) => Promise<object>;
  readonly deleteRoute: (input: DeleteRouteCommandInput) => Promise<object>;
  readonly describeRouteTables: (
    input: DescribeRouteTablesCommandInput,
  ) => Promise<Omit<DescribeRouteTablesCommandOutput, '$metadata'>>;
  /** All Describe calls about targets of routes in one: the ids of those that can carry traffic of a VPC. */
  readonly describeTargets: (input: {
    readonly vpcId: string;
    readonly ids: readonly string[];
  }) => Promise<readonly string[]>;
}

/** Request buckets per action, shared by all callers. */
export type Buckets = Readonly<Partial<Record<Action, { readonly burst: number; readonly perSecond: number }>>>;

/** EC2's limits per account (EC2 Developer Guide, request throttling). */
export const ec2Buckets: Buckets = {
  DescribeRouteTables: { burst: 100, perSecond: 20 },
  CreateRoute: { burst: 50, perSecond: 5 },
  ReplaceRoute: { burst: 50, perSecond: 5 },
  DeleteRoute: { burst: 50, perSecond: 5 },
};

export interface Ec2Options {
  readonly clock: Clock;
  /** Default: no faults. */
  readonly faults?: Faults;
  /** Default: no throttling. */
  readonly buckets?: Buckets;
  /** Non-propagated routes per table and family. Default: 500. */
  readonly routesPerFamily?: number;
}

/**
 * EC2's route tables in memory, with the rules of the real ones and every way in which calls can fail.
 *
 * Deterministic: only the clock and `faults` decide what happens. `scenery` builds the world and changes it without
 * calls; `journal` lists the calls.
 */
export class InMemoryEc2 {
  readonly journal = new Journal();
  readonly scenery: Scenery;
  readonly #clock: Clock;
  readonly #faults: Faults;
  readonly #routesPerFamily: number;
  readonly #buckets: ReadonlyMap<Action, Bucket>;
  #begun = false;
  readonly #builtAt: number;
  /** Every past world with the instant it began. A world built at once, before the first call, has always existed. */
  #history: { readonly since: number; readonly world: World }[] = [{ since: -Infinity, world: emptyWorld }];

  constructor({ clock, faults = () => ({}), buckets = {}, routesPerFamily = 500 }: Ec2Options) {
    this.#clock = clock;
    this.#builtAt = clock.now().getTime();
    this.#faults = faults;
    this.#routesPerFamily = routesPerFamily;
    this.#buckets = new Map(
      actions.flatMap((action) => {
        const limits = buckets[action];
        return limits ? [[action, new Bucket(limits, clock)]] : [];
      }),
    );
    this.scenery = new Scenery(
      () => this.world,
      (world) => void this.#become(world),
    );
  }

  /** The current world. */
  get world(): World {
    return this.#history.at(-1)?.world ?? emptyWorld;
  }

  /**
   * The calls of one caller.
   *
   * @param withinMs how long the caller waits for an answer; EC2 may still carry out the call later
   */
  as(caller: string, withinMs = Infinity): RouteCalls {
    const ask = <T>(action: Action, input: object, work: (call: Call, fate: Fate) => T): Promise<T> =>
      this.#ask(action, { ...input }, caller, withinMs, work);
    return {
      createRoute: (input) =>
        ask('CreateRoute', input, () => {
          this.#become(createRoute(this.world, input, { routesPerFamily: this.#routesPerFamily }));
          return { Return: true };
        }),
      replaceRoute: (input) => ask('ReplaceRoute', input, () => this.#become(replaceRoute(this.world, input))),
      deleteRoute: (input) => ask('DeleteRoute', input, () => this.#become(deleteRoute(this.world, input))),
      describeRouteTables: (input) =>
        ask('DescribeRouteTables', input, (_, { staleMs = 0 }) =>
          describeRouteTables(this.#worldAsOf(this.#clock.now().getTime() - staleMs), input),
        ),
      describeTargets: (input) =>
        ask('DescribeTargets', input, (_, { staleMs = 0 }) => {
          const world = this.#worldAsOf(this.#clock.now().getTime() - staleMs);
          return input.ids.filter((id) => isAlive(id, input.vpcId, world));
        }),
    };
  }

  async #ask<T>(
    action: Action,
    input: Record<string, unknown>,
    caller: string,
    withinMs: number,
    work: (call: Call, fate: Fate) => T,
  ): Promise<T> {
    this.#begun = true;
    const { call, also } = this.journal.note({ action, caller, input, calledAt: this.#clock.now() });
    const fate = this.#faults(call);
    const { reachesAfterMs = 0, answersAfterMs = 0 } = fate;

    /** EC2's part: carries out the call and returns its answer. */
    const meet = (): { readonly answer: () => T } => {
      fate.justBefore?.();
      const before = this.world;
      also({ reachedAt: this.#clock.now() });
      try {
        this.#admit(action, fate);
        const output = work(call, fate);
        also({ changed: this.world !== before });
        return { answer: () => answerOf(output, fate) };
      } catch (error) {
        return { answer: () => raise(error) };
      }
    };

    try {
      if (fate.lost === 'call' || reachesAfterMs > withinMs) {
        await this.#clock.sleep(patience(withinMs));
        // The caller has given up, but its call is still on the way.
        if (fate.lost !== 'call') void this.#clock.sleep(reachesAfterMs - withinMs).then(meet);
        throw new LostAnswer('no answer came in time');
      }
      await this.#clock.sleep(reachesAfterMs);
      const { answer } = meet();
      if (fate.lost === 'answer' || reachesAfterMs + answersAfterMs > withinMs) {
        await this.#clock.sleep(patience(withinMs) - reachesAfterMs);
        throw new LostAnswer('no answer came in time');
      }
      await this.#clock.sleep(answersAfterMs);
      return answer();
    } catch (error) {
      also({ error: error instanceof Error ? error.name : String(error) });
      throw error;
    } finally {
      also({ endedAt: this.#clock.now() });
    }
  }

  /** Throws if EC2 does not process the request at all. */
  #admit(action: Action, { refused, serverFault }: Fate): void {
    if (this.#buckets.get(action)?.take() === false)
      throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
    if (refused) throw new Ec2Error(refused.code, refused.message ?? `${refused.code}, as injected`);
    if (serverFault === 'not-done') throw internalError();
  }

  #become(world: World): object {
    if (world === this.world) return {};
    const now = this.#clock.now().getTime();
    if (this.#begun || now > this.#builtAt) this.#history.push({ since: now, world });
    else this.#history = [{ since: -Infinity, world }];
    return {};
  }

  #worldAsOf(instant: number): World {
    return this.#history.findLast(({ since }) => since <= instant)?.world ?? emptyWorld;
  }
}

const actions: readonly Action[] = [
  'DescribeRouteTables',
  'DescribeTargets',
  'CreateRoute',
  'ReplaceRoute',
  'DeleteRoute',
];

/** How long a caller waits for a lost answer. Without a limit: 10 s, about as long as an SDK. */
const patience = (withinMs: number): number => Math.min(withinMs, 10_000);

function answerOf<T>(output: T, { serverFault }: Fate): T {
  if (serverFault === 'done') throw internalError();
  return output;
}

function raise(error: unknown): never {
  throw error;
}

const internalError = (): Ec2Error => new Ec2Error('InternalError', 'An internal error has occurred.');

/** A token bucket that starts full and refills at a steady rate. */
class Bucket {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #countedAt: number;

  constructor({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }, clock: Clock) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = burst;
    this.#countedAt = clock.now().getTime();
  }

  take(): boolean {
    const now = this.#clock.now().getTime();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#countedAt) * this.#perSecond) / 1000);
    this.#countedAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
