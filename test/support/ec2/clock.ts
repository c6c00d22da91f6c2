/** The time source of an in-memory world. */
export interface Clock {
  now(): Date;
  sleep(ms: number): Promise<void>;
}

/**
 * A virtual clock. Time stands still while any code runs, then jumps to the next instant that a sleeper waits for. So
 * tests never really wait, and equal runs are equal to the millisecond.
 */
export class VirtualClock implements Clock {
  #now: number;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  #leaping = false;

  constructor(start: Date) {
    this.#now = start.getTime();
  }

  readonly now = (): Date => new Date(this.#now);

  /** Advances the time without waking anybody. */
  advance(ms: number): void {
    this.#now += ms;
  }

  sleep(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((wake) => {
      this.#sleepers.push({ at: this.#now + ms, wake });
      // The sort is stable: of equal sleepers, the first one wakes first.
      this.#sleepers.sort((a, b) => a.at - b.at);
      this.#leap();
    });
  }

  #leap(): void {
    if (this.#leaping) return;
    this.#leaping = true;
    // An immediate runs after all promises that can settle have settled.
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
