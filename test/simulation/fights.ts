const minute = 60_000;

interface Rounds {
  readonly to: string | undefined;
  /** When each heal ended. */
  readonly ended: readonly number[];
  /** How long nothing may be written after the last. */
  readonly waitMs: number;
}

/** Clocks differ by so much at most, and a heal is remembered a little after it has ended. */
export const toleranceMs = 15_000;

/** How often each destination was brought to the same target, and how long it must be left alone by now. */
export class Fights {
  readonly #rounds = new Map<string, Rounds>();

  /** A heal that a status remembers. The first may have been an edit, so seven of them make a fight for sure. */
  healed(destination: string, to: string | undefined, at: number): void {
    const before = this.#rounds.get(destination);
    const isSame = before?.to === to && at - (before?.ended.at(-1) ?? 0) < 59 * minute;
    const ended = [...(isSame && before ? before.ended : []), at];
    const recent = ended.filter((time) => at - time < 30 * minute).length;
    const wasFight = isSame && before && before.waitMs > 0;
    const waitMs = wasFight ? Math.min(60 * minute, 2 * before.waitMs) : recent >= 7 ? minute : 0;
    this.#rounds.set(destination, { to, ended, waitMs });
  }

  /** The item wants something else there, or nobody remembers. */
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
