import { type World, slotAt } from '../support/ec2/world.ts';
import { type Mutation, type TableFacts, isRescue } from './facts.ts';
import { allowedFor, wantedAt } from './oracle.ts';

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
  /** The edits that a person has approved, and when that ends. */
  readonly #approved = new Map<string, number>();

  approve(edit: string, until: number): void {
    this.#approved.set(edit, Math.max(until, this.#approved.get(edit) ?? -Infinity));
  }

  /** Whether a person has approved the edit that a table waits for. A plan may be 10 s old when it is applied. */
  isApproved({ state }: TableFacts, time: number): boolean {
    const edit = state?.memory.braked?.edit;
    return edit !== undefined && (this.#approved.get(edit) ?? -Infinity) + 20_000 > time;
  }

  /** An edit changes a table now. Returns how many tables edits have changed in the last 10 minutes. */
  changes(routeTableId: string, time: number): number {
    this.#changed.set(routeTableId, time);
    return this.#lately(time).size;
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

/**
 * Whether only an edit can ask for this change: nobody else has changed the route since we wrote it, and it does not leave
 * a dead target.
 */
export function isByEdit(mutation: Mutation, { mutations, touched }: TableFacts): boolean {
  const { action, destination, from } = mutation;
  if (action === 'create' || isRescue(mutation)) return false;
  const last = mutations.findLast((one) => one !== mutation && one.destination === destination && one.changed);
  if (!last || (touched.get(destination) ?? -Infinity) > (last.landedAt ?? 0)) return false;
  return last.to !== undefined && last.to === from;
}

/**
 * Whether others have surely changed a route that was in force here: we wrote it while the item listed it, the item has
 * listed the destination ever since, and the route has a target now that no version listed.
 */
export function isSurelyDrift(destination: string, facts: TableFacts, world: World): boolean {
  const { mutations, touched, versions, routeTableId } = facts;
  const table = world.tables.get(routeTableId);
  const slot = table && slotAt(table, destination);
  const wrote = mutations.findLast((one) => one.destination === destination && one.changed && one.outcome === 'done');
  const touchedAt = touched.get(destination) ?? -Infinity;
  if (!slot || wrote?.to === undefined || touchedAt < (wrote.landedAt ?? Infinity)) return false;
  const since = versions.slice(Math.max(0, versions.findLastIndex(({ at }) => at <= wrote.startedAt) - 1));
  const listed = since.map(({ spec }) => spec?.mode === 'enforce' && wantedAt(spec, destination));
  return listed.every((route) => route && !allowedFor(route).includes(slot.target));
}
