/** The instance that may stop, and its interface. */
export const instance = 'i-aaaaaaaa';
export const itsInterface = 'eni-aaaaaaaa';

/** One stop of the instance. */
interface Stop {
  readonly at: number;
  /** Who stopped it. Undefined if it crashed. */
  readonly by: string | undefined;
}

/** When the instance stopped and started, and who stopped it. */
export class Instances {
  readonly #stops: Stop[] = [];
  #startedAt = -Infinity;
  /** The last stop came so soon after the start that its events may arrive before those of the start. */
  #isHasty = false;

  stopped(by: string | undefined, at: number): void {
    this.#isHasty = at - this.#startedAt < 15_000;
    this.#stops.push({ at, by });
  }

  started(at: number): void {
    this.#startedAt = at;
  }

  /** Whether nobody can be named for an instance that was down at this time: it crashed. */
  hadCrashed(at: number): boolean {
    const last = this.#stops.findLast((stop) => stop.at <= at);
    return last !== undefined && last.by === undefined && last === this.#stops.at(-1) && !this.#isHasty;
  }
}
