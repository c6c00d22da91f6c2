import { type DesiredTable, parseDesired } from '../reconciler/core/desired/desired.ts';
import type { Problem } from '../reconciler/core/desired/problem.ts';
import { type Entry, type Place, entriesOf, placeText, readText } from './files.ts';

/** A problem of an item and its place in the file. */
export interface PlacedProblem extends Problem, Place {}

/** A table as written in a file: valid, or rejected. */
export type DesiredInput = ValidInput | RefusedInput;

export interface ValidInput {
  readonly ok: true;
  readonly desired: DesiredTable;
  /** The same table as written in the file. */
  readonly item: unknown;
}

export interface RefusedInput {
  readonly ok: false;
  /** The id as written; undefined if it is not text. */
  readonly routeTableId: string | undefined;
  /** Every problem of the item, in the order of the file. */
  readonly problems: readonly PlacedProblem[];
}

/**
 * Every table of the given files, in order. A table that is listed twice is rejected in both places, because it is
 * unclear which one is meant.
 *
 * @throws Failure if a file cannot be read
 */
export async function readDesired(files: readonly string[], now: Date): Promise<DesiredInput[]> {
  const entries: Entry[] = [];
  for (const file of files) entries.push(...entriesOf(file, await readText(file)));
  const sameTable = Map.groupBy(entries, ({ item }) => tableIdIn(item));
  return entries.map((entry) => {
    const routeTableId = tableIdIn(entry.item);
    const twin = routeTableId === undefined ? undefined : sameTable.get(routeTableId)?.find((other) => other !== entry);
    return inputOf(entry, routeTableId, twin, now);
  });
}

function inputOf(entry: Entry, routeTableId: string | undefined, twin: Entry | undefined, now: Date): DesiredInput {
  const parsed = parseDesired(entry.item, now);
  const problems = [...(parsed.ok ? [] : parsed.problems), ...(twin ? [writtenTwice(routeTableId, twin)] : [])]
    .map((problem) => ({ ...problem, ...entry.placeOf(problem.path) }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
  return parsed.ok && problems.length === 0
    ? { ok: true, desired: parsed.table, item: entry.item }
    : { ok: false, routeTableId, problems };
}

const writtenTwice = (routeTableId: string | undefined, twin: Entry): Problem => ({
  path: 'routeTableId',
  found: routeTableId ?? '',
  message: `expected each table only once, but it is also at ${placeText(twin.placeOf('routeTableId'))}`,
});

function tableIdIn(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null || !('routeTableId' in item)) return undefined;
  return typeof item.routeTableId === 'string' ? item.routeTableId : undefined;
}
