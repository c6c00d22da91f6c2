/** A pause of one table, or with `*` a stop of all. */
export interface Halt {
  readonly scope: string;
  readonly mark: string;
  readonly from: number;
  readonly until: number;
}

interface Ordered {
  readonly until?: number | undefined;
  /** Distinguishes it from other orders. Two that are written by hand may have the same mark. */
  readonly mark?: string;
}

/** Every pause and stop so far, with the time in which it was active. */
export class Halts {
  readonly #ever: Halt[] = [];
  /** The present rows, by scope. */
  readonly #present = new Map<string, Halt>();

  order(scope: string, from: number, { until = Infinity, mark = `halt-${this.#ever.length}` }: Ordered): Halt {
    this.end(scope, from);
    const halt = { scope, mark, from, until };
    this.#ever.push(halt);
    this.#present.set(scope, halt);
    return halt;
  }

  /** Ends a halt. Its row keeps the end, or is removed. */
  end(scope: string, at: number, { taken = false } = {}): Halt | undefined {
    const halt = this.#present.get(scope);
    if (!halt) return undefined;
    const ended = { ...halt, until: Math.min(halt.until, at) };
    this.#ever.splice(this.#ever.indexOf(halt), 1, ended);
    if (taken) this.#present.delete(scope);
    else this.#present.set(scope, ended);
    return ended;
  }

  /** The rows that concern a table, as a read returns them now. */
  rowsOf(routeTableId: string): readonly Halt[] {
    return ['*', routeTableId].flatMap((scope) => this.#present.get(scope) ?? []);
  }

  /** Since when a table is halted at this instant; undefined if it is not. */
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

/** Every hold so far, with the time in which it was active. */
export class Holds {
  readonly #ever = new Map<string, Held[]>();
  /** The present holds of each table. */
  readonly #present = new Map<string, readonly Held[]>();

  order(routeTableId: string, held: Held): void {
    this.end(routeTableId, held.destination, held.from);
    const others = this.rowsOf(routeTableId).filter(({ destination }) => destination !== held.destination);
    this.#ever.set(routeTableId, [...(this.#ever.get(routeTableId) ?? []), held]);
    this.#present.set(routeTableId, [...others, held]);
  }

  /** Ends the hold of a destination. The row keeps its end. */
  end(routeTableId: string, destination: string, at: number): void {
    const ended = (held: Held): Held =>
      held.destination === destination ? { ...held, until: Math.min(held.until, at) } : held;
    this.#present.set(routeTableId, this.rowsOf(routeTableId).map(ended));
    this.#ever.set(routeTableId, (this.#ever.get(routeTableId) ?? []).map(ended));
  }

  /** Removes the row of a table, with all its holds. */
  takeAway(routeTableId: string, at: number): void {
    for (const { destination } of this.rowsOf(routeTableId)) this.end(routeTableId, destination, at);
    this.#present.delete(routeTableId);
  }

  /** The holds of a table, as a read returns them now. */
  rowsOf(routeTableId: string): readonly Held[] {
    return this.#present.get(routeTableId) ?? [];
  }

  /** Since when a destination is held at this instant; undefined if it is not. */
  since(routeTableId: string, destination: string, at: number): number | undefined {
    const active = (this.#ever.get(routeTableId) ?? []).filter(
      (held) => held.destination === destination && held.from <= at && held.until > at,
    );
    return active.length > 0 ? Math.min(...active.map(({ from }) => from)) : undefined;
  }
}

export const isHalted = (halts: readonly Halt[], now: number): boolean => halts.some(({ until }) => until > now);

/** Halts as a text, which changes when one is added, changed, removed or ends. */
export const haltsText = (halts: readonly Halt[], now: number): string =>
  halts.map(({ scope, mark, until }) => `${scope} ${mark} ${until} ${until > now}`).join(', ');
