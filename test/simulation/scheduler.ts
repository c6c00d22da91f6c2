import type { Clock } from '../support/ec2/clock.ts';

interface Step {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Virtual time. One step runs at a time: the earliest, and among equal ones the first that was scheduled. The seed
 * decides how long each call takes, and so which of several handlers runs next.
 */
export class Scheduler implements Clock {
  #now: number;
  #asked = 0;
  #taken = 0;
  /** A binary heap: each step comes before the two below it. */
  readonly #heap: Step[] = [];

  constructor(start: Date) {
    this.#now = start.getTime();
  }

  readonly now = (): Date => new Date(this.#now);

  get time(): number {
    return this.#now;
  }

  /** The number of steps so far. */
  get steps(): number {
    return this.#taken;
  }

  sleep(ms: number): Promise<void> {
    return ms > 0 ? new Promise((wake) => this.at(this.#now + ms, wake)) : Promise.resolve();
  }

  at(instant: number, run: () => void): void {
    this.#push({ at: instant, order: this.#asked++, run });
  }

  /**
   * Runs every step that is due until then. `after` runs when all promises of a step have settled, and returns whether to
   * continue.
   */
  async runUntil(instant: number, after: () => boolean): Promise<void> {
    for (let next = this.#heap[0]; next && next.at <= instant; next = this.#heap[0]) {
      this.#pop();
      this.#now = Math.max(this.#now, next.at);
      this.#taken += 1;
      next.run();
      // A tick runs after all promises that can settle have settled.
      await new Promise<void>((wake) => {
        process.nextTick(wake);
      });
      if (!after()) return;
    }
    this.#now = Math.max(this.#now, instant);
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let index = heap.push(step) - 1;
    for (let above = (index - 1) >> 1; index > 0 && isBefore(step, heap[above]); above = (index - 1) >> 1) {
      heap[index] = heap[above] ?? step;
      index = above;
    }
    heap[index] = step;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    while (true) {
      const left = 2 * index + 1;
      const right = left + 1;
      const below = isBefore(heap[right], heap[left]) ? right : left;
      const child = heap[below];
      if (!child || isBefore(last, child)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
  }
}

const isBefore = (one: Step | undefined, other: Step | undefined): boolean =>
  one !== undefined && (other === undefined || one.at < other.at || (one.at === other.at && one.order < other.order));
