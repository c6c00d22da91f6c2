import { createHash } from 'node:crypto';

/** Everything that happened in one history, in order. It is formatted only when it is printed. */
export class History {
  readonly #start: number;
  readonly #now: () => number;
  readonly #entries: { readonly at: number; readonly who: string; readonly what: string; readonly details: unknown }[] =
    [];

  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
  }

  /** Records that somebody did something. The details must not change afterwards. */
  note(who: string, what: string, details?: unknown): void {
    this.#entries.push({ at: this.#now(), who, what, details });
  }

  /** One line for each: seconds since the start, who, what, and the details cut to a readable length. */
  lines(longest = 400): string[] {
    return this.#entries.map(({ at, who, what, details }) => {
      const seconds = ((at - this.#start) / 1_000).toFixed(3).padStart(9);
      return `${seconds}  ${who.padEnd(10)} ${what}${details === undefined ? '' : ` ${short(details, longest)}`}`;
    });
  }

  /** Equal for equal histories, to the byte. */
  hash(): string {
    return createHash('sha256').update(this.lines(Infinity).join('\n')).digest('hex').slice(0, 16);
  }
}

function short(details: unknown, longest: number): string {
  const text = details instanceof Error ? `${details.name}: ${details.message}` : JSON.stringify(details, errorsToo);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

const errorsToo = (_: string, value: unknown): unknown =>
  value instanceof Error ? `${value.name}: ${value.message}` : value;
