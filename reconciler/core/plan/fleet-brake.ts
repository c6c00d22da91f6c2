import { createHash } from 'node:crypto';

/** Edits may change at most this many tables, or this part of all tables if that is more. */
const tablesAtLeast = 5;
const partOfTables = 0.05;

/** The window, and one minute more: a change is made up to one minute after its place was taken. */
const placeKeptMs = 11 * 60 * 1_000;

/** Tables that begin to wait within this time belong to one edit: a push takes minutes. */
const editLastsMs = 5 * 60 * 1_000;

/** An edit of many items, of which some tables wait. It began when the first of them did. */
export interface WaitingEdit {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What the fleet brake knows. One row for all functions: each write depends on the revision that was read. */
export interface BrakeRow {
  readonly revision: number;
  /** Tables that edits may change now, and when each last took its place. ISO 8601, UTC. */
  readonly places: Readonly<Record<string, string>>;
  /** The edit that tables began to wait for last. */
  readonly edit?: WaitingEdit;
  /** Edits whose message is not sent yet. */
  readonly unannounced: readonly WaitingEdit[];
}

export const newBrakeRow: BrakeRow = { revision: 0, places: {}, unannounced: [] };

/** How many tables edits may change in 10 minutes, in a fleet of this size. */
export const placesIn = (tables: number): number => Math.max(tablesAtLeast, Math.floor(tables * partOfTables));

/** Whether it matters how many tables there are: the places that every fleet has are not enough. */
export const dependsOnSize = (row: BrakeRow, routeTableId: string, now: Date): boolean =>
  Object.keys(othersIn(row, routeTableId, now)).length >= tablesAtLeast;

/** The answer to a table whose item was edited. */
export type Answer =
  /** It may be changed, once `row` is written. */
  | { readonly mayGo: true; readonly row: BrakeRow }
  /** It waits as part of `edit`. If it is the first, `row` must be written before. */
  | { readonly mayGo: false; readonly edit: WaitingEdit; readonly row?: BrakeRow };

/**
 * Gives a table a place among those that edits may change, or lets it wait. A table that has a place keeps it and takes it
 * anew, so a function that repeats the question after a crash is not counted twice.
 *
 * @param tables how many tables there are
 * @param approved edits that a person has approved. What begins to wait later is not part of them
 */
export function askBrake(
  row: BrakeRow,
  routeTableId: string,
  { tables, approved, now }: { readonly tables: number; readonly approved: readonly string[]; readonly now: Date },
): Answer {
  const others = othersIn(row, routeTableId, now);
  const at = now.toISOString();
  const next = { ...row, revision: row.revision + 1, places: others };
  const hasPlace = isKept(row.places[routeTableId], now);
  if (hasPlace || Object.keys(others).length < placesIn(tables))
    return { mayGo: true, row: { ...next, places: { ...others, [routeTableId]: at } } };
  const { edit } = row;
  const isOpen = edit && now.getTime() - Date.parse(edit.at) < editLastsMs && !approved.includes(edit.id);
  if (isOpen) return { mayGo: false, edit };
  const begun = { id: editId(routeTableId, row.revision, at), at };
  return { mayGo: false, edit: begun, row: { ...next, edit: begun, unannounced: [...row.unannounced, begun] } };
}

/** The places of the other tables that are kept. */
const othersIn = ({ places }: BrakeRow, routeTableId: string, now: Date): Record<string, string> =>
  Object.fromEntries(Object.entries(places).filter(([id, at]) => id !== routeTableId && isKept(at, now)));

const isKept = (at: string | undefined, now: Date): boolean =>
  at !== undefined && now.getTime() - Date.parse(at) < placeKeptMs;

/** The ids of edits, as people and the index write them. */
export const editIdPattern = /^edit-[0-9a-f]{12}$/;

const editId = (...begun: readonly [routeTableId: string, revision: number, at: string]): string =>
  `edit-${createHash('sha256').update(begun.join(' ')).digest('hex').slice(0, 12)}`;
