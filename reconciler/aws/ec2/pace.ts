import { setTimeout as sleep } from 'node:timers/promises';

/** A token bucket, like EC2's own: a burst first, then a steady rate. It limits one process. */
export class TokenBucket {
  readonly #burst: number;
  readonly #msPerToken: number;
  /** When the bucket would be full again, in milliseconds of the monotonic clock. */
  #fullAt = 0;

  constructor({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
    this.#burst = burst;
    this.#msPerToken = 1_000 / perSecond;
  }

  /** Resolves when the caller may go on. Callers are served in order of arrival. */
  async take(): Promise<void> {
    const now = performance.now();
    this.#fullAt = Math.max(this.#fullAt, now) + this.#msPerToken;
    const waitMs = this.#fullAt - this.#burst * this.#msPerToken - now;
    if (waitMs > 0) await sleep(waitMs);
  }
}
