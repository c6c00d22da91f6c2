const minute = 60_000;

interface Rounds {
  readonly to: string | undefined;
  /** When each repair ended. */
  readonly ended: readonly number[];
  /** How long nothing may be written after the last repair. */
  readonly waitMs: number;
}

/** Allows for the difference of clocks, and for the time until a repair is remembered. */
export const toleranceMs = 15_000;

/** The repairs of each destination, and how long it must be left alone. */
export class Fights {
  readonly #rounds = new Map<string, Rounds>();

  /**
   * A status remembers a repair. The first may have been an edit, and CloudTrail reports whole seconds: what others did in
   * the second of a write may look like a read from before it. So a fight is certain after nine, and then half of each
   * wait.
   */
  healed(destination: string, to: string | undefined, at: number): void {
    const before = this.#rounds.get(destination);
    const isSame = before?.to === to && at - (before?.ended.at(-1) ?? 0) < 59 * minute;
    const ended = [...(isSame && before ? before.ended : []), at];
    const recent = ended.filter((time) => at - time < 30 * minute).length;
    const wasFight = isSame && before && before.waitMs > 0;
    const waitMs = wasFight ? Math.min(5 * minute, 2 * before.waitMs) : recent >= 9 ? minute / 2 : 0;
    this.#rounds.set(destination, { to, ended, waitMs });
  }

  /** Ends a fight, or all of them: the item lists another target, or the state is lost. */
  over(destination?: string): void {
    if (destination === undefined) this.#rounds.clear();
    else this.#rounds.delete(destination);
  }

  /** By how many milliseconds a write at this instant is too early. */
  tooEarly(destination: string, to: string | undefined, at: number): number {
    const rounds = this.#rounds.get(destination);
    if (!rounds || rounds.to !== to || rounds.waitMs === 0) return 0;
    return Math.max(0, (rounds.ended.at(-1) ?? 0) + rounds.waitMs - toleranceMs - at);
  }

  get destinations(): readonly string[] {
    return [...this.#rounds.keys()];
  }
}
