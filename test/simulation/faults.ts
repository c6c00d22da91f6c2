import type { Random } from './random.ts';

/**
 * All kinds of faults, with the maximum probability on each occasion. The seed decides which kinds it has, and how often
 * they strike: few kinds at once show what many would hide.
 */
const fiercest = {
  throttle: 0.1,
  'server error, not done': 0.08,
  'server error, done': 0.08,
  'server errors for a while': 0.1,
  'lost call': 0.06,
  'lost answer': 0.08,
  'slow call': 0.1,
  'call arrives after its caller gave up': 0.03,
  'stale read': 0.5,
  'reads lag for minutes': 0.05,
  'failed read': 0.08,
  'failed Describe of targets': 0.1,
  'stale Describe of targets': 0.3,
  'other writer between read and write': 0.15,
  'paced by the token bucket': 0.1,
  'store failure, not done': 0.04,
  'store failure, done': 0.03,
  'store answer lost, call repeated': 0.05,
  'slow store': 0.05,
  'stale status in bulk read': 0.3,
  crash: 0.015,
  timeout: 0,
  hang: 0.004,
  'duplicate event': 0.2,
  'same request twice': 0.15,
  'reordered event': 0.3,
  'delayed event': 0.2,
  'dropped event': 0.4,
  'own call as event': 0.3,
  'message delivered twice': 0.15,
  'late message': 0.2,
  'EventBridge away for a while': 0.05,
  'event rejected': 0.1,
  'answer of EventBridge lost': 0.05,
  'death before an announcement': 0,
  'death before an announcement is noted': 0,
  'clock skew': 1,
  'target refused for ever': 1,
  'writes denied for a while': 1,
  'desired edit in mid-apply': 0.1,
  'lost record of an edit': 0.3,
  'switched off for a while': 0.5,
  'restored from a backup': 0.5,
  'poisoned rows': 1,
  'lease that never ends': 0.5,
  'forged message': 0.5,
  'forged event': 0.3,
} as const;

export type FaultKind = keyof typeof fiercest;

export const faultKinds: readonly FaultKind[] = Object.keys(fiercest).filter(
  (kind): kind is FaultKind => kind in fiercest,
);

/** How often each kind of fault struck. */
export type FaultCounts = Record<string, number>;

export class Faults {
  readonly counts: FaultCounts = {};
  readonly #random: Random;
  readonly #rates: ReadonlyMap<FaultKind, number>;
  #over = false;

  constructor(random: Random) {
    this.#random = random;
    const isCalm = random.chance(0.08);
    const share = random.pick([0.15, 0.3, 0.6]);
    this.#rates = new Map(
      faultKinds.flatMap((kind) =>
        !isCalm && random.chance(share) ? [[kind, fiercest[kind] * (0.2 + 0.8 * random.next())] as const] : [],
      ),
    );
  }

  /** Whether this seed has a kind of fault. */
  knows(...kinds: readonly FaultKind[]): boolean {
    return kinds.some((kind) => this.#rates.has(kind));
  }

  get kinds(): readonly FaultKind[] {
    return [...this.#rates.keys()];
  }

  /** Whether the fault strikes on this occasion. Counts it. */
  strikes(kind: FaultKind): boolean {
    const rate = this.#rates.get(kind);
    if (this.#over || rate === undefined || !this.#random.chance(rate)) return false;
    this.note(kind);
    return true;
  }

  /** As `strikes`, and also after the end of all faults: what is poisoned stays so. */
  poisons(kind: FaultKind): boolean {
    const rate = this.#rates.get(kind);
    if (rate === undefined || !this.#random.chance(rate)) return false;
    this.note(kind);
    return true;
  }

  /** Counts a fault that other faults caused. */
  note(kind: FaultKind): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  /** Ends all faults. */
  end(): void {
    this.#over = true;
  }

  get over(): boolean {
    return this.#over;
  }
}
