import type { Braked } from '../../reconciler/core/memory/memory.ts';

const minute = 60_000;

/** Edits change at most this many tables in 10 minutes: no simulated fleet has 100 tables. */
const tablesAtMost = 5;
const windowMs = 10 * minute;

/** What is true of edits in the whole fleet: a second, independent statement of what the brake must do. */
export class FleetEdits {
  /** When edits last changed other tables of the fleet, which are not simulated. */
  readonly others = new Map<string, number>();
  /** When edits last changed simulated tables. */
  readonly #changed = new Map<string, number>();
  /** The edits that a person has approved, since when and until when. */
  readonly #approved = new Map<string, { readonly at: number; readonly until: number }>();

  /** One order names all approved edits, so a later one also changes when the earlier ones end. */
  approve(edit: string, at: number, until: number): void {
    this.#approved.set(edit, { at, until });
  }

  /** Whether a person has approved the edit that a table waits for. A plan may be 10 s old when it is applied. */
  isApproved(edit: string | undefined, time: number): boolean {
    return edit !== undefined && (this.#approved.get(edit)?.until ?? -Infinity) + 20_000 > time;
  }

  /** Whether that edit must go: it waited when it was approved, by the clock of the function that held it back. */
  isReleased({ edit, since }: Pick<Braked, 'edit' | 'since'>, time: number): boolean {
    return this.isApproved(edit, time) && (this.#approved.get(edit ?? '')?.at ?? -Infinity) >= Date.parse(since);
  }

  /** An edit changes a table now. Returns how many tables edits have changed in the last 10 minutes. */
  changes(routeTableId: string, time: number): number {
    this.#changed.set(routeTableId, time);
    return this.#lately(time).size;
  }

  /**
   * Whether the brake may be full for one more table. Each other simulated table may have taken a place, even if no call
   * followed.
   */
  mayBeMany(others: readonly string[], time: number): boolean {
    return new Set([...this.#lately(time, windowMs + 2 * minute), ...others]).size >= tablesAtMost;
  }

  /** Whether other tables of the fleet have a place left. */
  hasPlaceFor(id: string, time: number): boolean {
    const lately = this.#lately(time, windowMs + 2 * minute);
    return lately.has(id) || lately.size < tablesAtMost;
  }

  #lately(time: number, ms = windowMs): ReadonlySet<string> {
    return new Set([...this.others, ...this.#changed].flatMap(([id, at]) => (at > time - ms ? id : [])));
  }

  get tooMany(): number {
    return tablesAtMost;
  }
}
