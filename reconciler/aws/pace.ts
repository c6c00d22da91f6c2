import { setTimeout as sleep } from 'node:timers/promises';

/** Lets callers through at a steady pace after a first burst, as EC2's own token buckets do. Holds for one process. */
export class TokenBucket {
  readonly #burst: number;
  readonly #msPerToken: number;
  /** When the bucket would be full again, in milliseconds of the monotonic clock. */
  #fullAt = 0;

  constructor({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
    this.#burst = burst;
    this.#msPerToken = 1_000 / perSecond;
  }

  /** Resolves when the caller may go on. Callers are served in the order they came. */
  async take(): Promise<void> {
    const now = performance.now();
    this.#fullAt = Math.max(this.#fullAt, now) + this.#msPerToken;
    const waitMs = this.#fullAt - this.#burst * this.#msPerToken - now;
    if (waitMs > 0) await sleep(waitMs);
  }
}
