/** One call, as the caller lived it and as EC2 did. */
export interface Call {
  readonly action: Action;
  readonly caller: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly calledAt: Date;
  /** When EC2 got to it; undefined while it is under way, and for ever when it got lost. */
  readonly reachedAt?: Date;
  /** When the caller had an answer, or gave up. */
  readonly endedAt?: Date;
  /** The error the caller got. */
  readonly error?: string;
  /** Whether it changed anything. */
  readonly changed: boolean;
}

export type Action = 'DescribeRouteTables' | Mutation;
type Mutation = 'CreateRoute' | 'ReplaceRoute' | 'DeleteRoute';

/** Every call, in the order they were made. */
export class Journal {
  readonly #calls: Call[] = [];

  /** Notes a call, and returns what notes the rest as it becomes known. */
  note(call: Pick<Call, 'action' | 'caller' | 'input' | 'calledAt'>): {
    readonly call: Call;
    readonly also: (more: Partial<Call>) => void;
  } {
    const noted: Call = { ...call, changed: false };
    this.#calls.push(noted);
    return { call: noted, also: (more) => void Object.assign(noted, more) };
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }

  get mutations(): readonly Call[] {
    return this.#calls.filter(({ action }) => action !== 'DescribeRouteTables');
  }

  /** How many calls of each kind there were: `{ DescribeRouteTables: 1 }`. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { action } of this.#calls) counts[action] = (counts[action] ?? 0) + 1;
    return counts;
  }

  /** The mutations as lines: `ReplaceRoute 10.0.0.0/16 pcx-bbbbbbbb`. */
  get lines(): readonly string[] {
    return this.mutations.map(({ action, input: { RouteTableId: _, ...named } }) =>
      [action, ...Object.values(named)].join(' '),
    );
  }

  /** Forgets what was noted so far. */
  clear(): void {
    this.#calls.length = 0;
  }
}
