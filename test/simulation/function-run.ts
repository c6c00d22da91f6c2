import type { Invocation } from '../../reconciler/lease.ts';
import type { Faults } from './faults.ts';
import type { Scheduler } from './scheduler.ts';

/** Lambda ends a function after this time. The last part is reserved for writing the outcome. */
const timeoutMs = 60_000;
const finishingMs = 10_000;

/** The result of one run of a function. */
export type Ending<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: 'crash' | 'timeout' | 'error'; readonly error?: unknown };

/**
 * One run of a function. It may die between any two awaits. Then it never continues, but the calls that it made are
 * still carried out.
 */
export class FunctionRun {
  readonly name: string;
  readonly requestId: string;
  /** How far its clock is ahead of true time. */
  readonly skewMs: number;
  /** How many requeue messages in a row led to it. */
  readonly hop: number;
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  readonly #startedAt: number;
  #died: ((why: 'crash' | 'timeout') => void) | undefined;
  #isOver = false;

  constructor(
    name: string,
    requestId: string,
    { scheduler, faults, skewMs, hop = 0 }: { scheduler: Scheduler; faults: Faults; skewMs: number; hop?: number },
  ) {
    this.name = name;
    this.requestId = requestId;
    this.skewMs = skewMs;
    this.hop = hop;
    this.#scheduler = scheduler;
    this.#faults = faults;
    this.#startedAt = scheduler.time;
  }

  readonly now = (): Date => new Date(this.#scheduler.time + this.skewMs);

  /** Whether it ended, in any way. */
  get isOver(): boolean {
    return this.#isOver;
  }

  invocation(): Invocation {
    return {
      requestId: this.requestId,
      until: new Date(this.#startedAt + this.skewMs + timeoutMs - finishingMs),
    };
  }

  /** Runs the body to its end, or until the function dies. */
  run<T>(body: () => Promise<T>): Promise<Ending<T>> {
    return new Promise((resolve) => {
      const end = (ending: Ending<T>): void => {
        if (this.#isOver) return;
        this.#isOver = true;
        // What it began in this instant, it began before it ended.
        this.#scheduler.at(this.#scheduler.time, () => resolve(ending));
      };
      this.#died = (why) => end({ ok: false, why });
      this.#scheduler.at(this.#startedAt + timeoutMs, () => this.#died?.('timeout'));
      body().then(
        (value) => end({ ok: true, value }),
        (error: unknown) => end({ ok: false, why: 'error', error }),
      );
    });
  }

  /** Lets time pass. */
  pause(ms: number): Promise<void> {
    return this.outlives(new Promise((wake) => this.#scheduler.at(this.#scheduler.time + Math.max(0, ms), wake)));
  }

  /** The result of a promise. Never settles if the function dies before. */
  async outlives<T>(awaited: Promise<T>): Promise<T> {
    try {
      return await awaited;
    } finally {
      if (!this.#isOver && this.#faults.strikes('crash')) this.#died?.('crash');
      if (this.#isOver) await never();
    }
  }
}

/** Creates a new promise each time, because a shared one would keep everything that waits for it in memory. */
const never = (): Promise<never> => new Promise(() => {});
