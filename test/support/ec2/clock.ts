/** What an in-memory world asks of time. */
export interface Clock {
  now(): Date;
  sleep(ms: number): Promise<void>;
}

/**
 * Time that stands still while anybody has something to do, and then leaps to the next instant that somebody waits for.
 * So nothing ever waits in earnest, and equal runs are equal to the millisecond.
 */
export class VirtualClock implements Clock {
  #now: number;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  #leaping = false;

  constructor(start: Date) {
    this.#now = start.getTime();
  }

  readonly now = (): Date => new Date(this.#now);

  /** Lets time pass in which nothing happens. */
  advance(ms: number): void {
    this.#now += ms;
  }

  sleep(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((wake) => {
      this.#sleepers.push({ at: this.#now + ms, wake });
      // Stable: who fell asleep first wakes first.
      this.#sleepers.sort((a, b) => a.at - b.at);
      this.#leap();
    });
  }

  #leap(): void {
    if (this.#leaping) return;
    this.#leaping = true;
    // An immediate runs when every promise that could go on has gone on.
    setImmediate(() => {
      this.#leaping = false;
      const next = this.#sleepers.shift();
      if (!next) return;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      if (this.#sleepers.length > 0) this.#leap();
    });
  }
}
