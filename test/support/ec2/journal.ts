/** One call, as seen by the caller and by EC2. */
export interface Call {
  readonly action: Action;
  readonly caller: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly calledAt: Date;
  /** When EC2 processed the call; undefined while it is on the way, and forever if it is lost. */
  readonly reachedAt?: Date;
  /** When the caller got an answer or gave up. */
  readonly endedAt?: Date;
  /** The name of the error that the caller got. */
  readonly error?: string;
  /** Whether the call changed anything. */
  readonly changed: boolean;
}

export type Action = 'DescribeRouteTables' | 'DescribeTargets' | Mutation;
type Mutation = 'CreateRoute' | 'ReplaceRoute' | 'DeleteRoute';

/** All calls, in the order in which they were made. */
export class Journal {
  readonly #calls: Call[] = [];

  /** Records a call. Returns a function that adds facts as they become known. */
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
    return this.#calls.filter(({ action }) => !action.startsWith('Describe'));
  }

  /** The number of calls of each action: `{ DescribeRouteTables: 1 }`. */
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

  /** Removes all recorded calls. */
  clear(): void {
    this.#calls.length = 0;
  }
}
