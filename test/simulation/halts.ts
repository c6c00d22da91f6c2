/** A pause of one table, or with `*` a stop of all. */
export interface Halt {
  readonly scope: string;
  readonly mark: string;
  readonly from: number;
  readonly until: number;
}

interface Ordered {
  readonly until?: number | undefined;
  /** What tells it from others; two put by hand may have the same. */
  readonly mark?: string;
}

/** Every pause and stop that was ordered, and when each held. */
export class Halts {
  readonly #ever: Halt[] = [];
  /** What stands in the rows. */
  readonly #present = new Map<string, Halt>();

  order(scope: string, from: number, { until = Infinity, mark = `halt-${this.#ever.length}` }: Ordered): Halt {
    this.end(scope, from);
    const halt = { scope, mark, from, until };
    this.#ever.push(halt);
    this.#present.set(scope, halt);
    return halt;
  }

  /** It holds no longer; it stays where it is, with its end, or is taken away. */
  end(scope: string, at: number, { taken = false } = {}): Halt | undefined {
    const halt = this.#present.get(scope);
    if (!halt) return undefined;
    const ended = { ...halt, until: Math.min(halt.until, at) };
    this.#ever.splice(this.#ever.indexOf(halt), 1, ended);
    if (taken) this.#present.delete(scope);
    else this.#present.set(scope, ended);
    return ended;
  }

  /** What whoever reads the rows of a table now is told. */
  told(routeTableId: string): readonly Halt[] {
    return ['*', routeTableId].flatMap((scope) => this.#present.get(scope) ?? []);
  }

  /** Since when a halt holds that still does so at this instant; undefined when none does. */
  since(routeTableId: string, at: number): number | undefined {
    const holding = this.#ever.filter(
      ({ scope, from, until }) => (scope === '*' || scope === routeTableId) && from <= at && until > at,
    );
    return holding.length > 0 ? Math.min(...holding.map(({ from }) => from)) : undefined;
  }

  get scopes(): readonly string[] {
    return [...this.#present.keys()];
  }
}

/** A destination of one table that somebody holds. */
export interface Held {
  readonly destination: string;
  readonly mark: string;
  readonly from: number;
  readonly until: number;
}

/** Every hold that was ordered, and when each was active. */
export class Holds {
  readonly #ever = new Map<string, Held[]>();
  /** What stands in the row of each table. */
  readonly #present = new Map<string, readonly Held[]>();

  order(routeTableId: string, held: Held): void {
    this.end(routeTableId, held.destination, held.from);
    const others = this.told(routeTableId).filter(({ destination }) => destination !== held.destination);
    this.#ever.set(routeTableId, [...(this.#ever.get(routeTableId) ?? []), held]);
    this.#present.set(routeTableId, [...others, held]);
  }

  /** The hold of one destination ends, and stays where it is with that end. */
  end(routeTableId: string, destination: string, at: number): void {
    const ended = (held: Held): Held =>
      held.destination === destination ? { ...held, until: Math.min(held.until, at) } : held;
    this.#present.set(routeTableId, this.told(routeTableId).map(ended));
    this.#ever.set(routeTableId, (this.#ever.get(routeTableId) ?? []).map(ended));
  }

  /** The row of a table is removed. */
  takeAway(routeTableId: string, at: number): void {
    for (const { destination } of this.told(routeTableId)) this.end(routeTableId, destination, at);
    this.#present.delete(routeTableId);
  }

  /** What whoever reads the row of a table now is told. */
  told(routeTableId: string): readonly Held[] {
    return this.#present.get(routeTableId) ?? [];
  }

  /** Since when a destination is held that still is at this instant; undefined when it is not. */
  since(routeTableId: string, destination: string, at: number): number | undefined {
    const active = (this.#ever.get(routeTableId) ?? []).filter(
      (held) => held.destination === destination && held.from <= at && held.until > at,
    );
    return active.length > 0 ? Math.min(...active.map(({ from }) => from)) : undefined;
  }
}

export const isHalted = (told: readonly Halt[], now: number): boolean => told.some(({ until }) => until > now);

/** What was told, as a text that changes when it does, and when something of it ends. */
export const haltsText = (told: readonly Halt[], now: number): string =>
  told.map(({ scope, mark, until }) => `${scope} ${mark} ${until} ${until > now}`).join(', ');
