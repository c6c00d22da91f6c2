import { readKeepsMs } from './converge.ts';
import { type ActualTable, routeTableIdPattern } from './core/route/route.ts';
import { sharedHealth } from './shared-health.ts';
import type { Reading, RouteTables, SharedReads, World } from './ports.ts';

/** EC2 answers for at most 100 tables per page (EC2 API Reference). */
const tablesPerRead = 100;

/** A read of a group is used for so long. Then a question about targets and a call still fit in the time of the read. */
const sharedForMs = readKeepsMs - 2_500;

interface Group {
  readonly ids: readonly string[];
  last?: { readonly at: Date; readonly tables: Promise<ReadonlyMap<string, ActualTable>> };
}

/** The world for several tables: they are read together, and each target is asked about once. In a filter, a key such as `*` would match every table. */
export function together(world: World, keys: readonly string[]): World {
  const ids = [...new Set(keys)].filter((key) => routeTableIdPattern.test(key));
  return ids.length > 1
    ? { ...world, shared: world.tables.together(ids), targetHealth: sharedHealth(world.targetHealth, world.now) }
    : world;
}

/**
 * Reads tables in groups of 100. A group is read when one of its tables is asked for, and again if that read has become
 * too old to change anything.
 */
export function bulkReads(
  routeTableIds: readonly string[],
  { readMany, now }: Pick<RouteTables, 'readMany'> & { readonly now: () => Date },
): SharedReads {
  const groups = new Map<string, Group>();
  for (let start = 0; start < routeTableIds.length; start += tablesPerRead) {
    const group: Group = { ids: routeTableIds.slice(start, start + tablesPerRead) };
    for (const id of group.ids) groups.set(id, group);
  }
  const readAll = async (ids: readonly string[]): Promise<ReadonlyMap<string, ActualTable>> => {
    const tables = new Map<string, ActualTable>();
    for await (const table of readMany(ids)) tables.set(table.routeTableId, table);
    return tables;
  };

  return async (routeTableId, notBefore): Promise<Reading | undefined> => {
    const group = groups.get(routeTableId);
    if (!group) return undefined;
    const isFresh = group.last && now().getTime() - group.last.at.getTime() < sharedForMs;
    const last = isFresh ? group.last : undefined;
    // Whoever begins a read waits for it: nobody else may ask, and its failure must not be lost.
    if (notBefore && (last?.at ?? now()) < notBefore) return undefined;
    const { at, tables } = last ?? (group.last = { at: now(), tables: readAll(group.ids) });
    const table = (await tables).get(routeTableId);
    return table && { at, table };
  };
}
