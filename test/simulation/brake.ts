import { type World, slotAt } from '../support/ec2/world.ts';
import { type Mutation, type TableFacts, isRescue } from './facts.ts';
import { allowedIn, wantedAt } from './oracle.ts';

/**
 * Whether only an edit can ask for this change: a state remembers that we wrote the route, or it was there as listed before
 * we wrote anything. Nobody else has changed it since, and it does not leave a dead target.
 */
export function isByEdit(mutation: Mutation, { mutations, touched, memory }: TableFacts): boolean {
  const { action, destination, from } = mutation;
  if (action === 'create' || isRescue(mutation)) return false;
  const [last] = mutations
    .filter((one) => one !== mutation && one.destination === destination && one.changed)
    .toSorted((one, other) => (other.landedAt ?? 0) - (one.landedAt ?? 0));
  if (!last) return from !== undefined && memory.owned.get(destination) === from && !touched.has(destination);
  if (!last.isRemembered || (touched.get(destination) ?? -Infinity) > (last.landedAt ?? 0)) return false;
  return last.to !== undefined && last.to === from;
}

/**
 * Whether others have surely changed a route that was in force here: a state remembers that we wrote it while the item
 * listed it, the item has listed the destination ever since, and the route has a target now that no version listed.
 */
export function isSurelyDrift(destination: string, facts: TableFacts, world: World): boolean {
  const { mutations, touched, versions, routeTableId, lostAt } = facts;
  const table = world.tables.get(routeTableId);
  const slot = table && slotAt(table, destination);
  const wrote = mutations.findLast((one) => one.destination === destination && one.changed && one.outcome === 'done');
  const touchedAt = touched.get(destination) ?? -Infinity;
  if (
    !slot ||
    wrote?.to === undefined ||
    wrote.startedAt < lostAt ||
    !wrote.isRemembered ||
    touchedAt < (wrote.landedAt ?? Infinity)
  )
    return false;
  const since = versions.slice(Math.max(0, versions.findLastIndex(({ at }) => at <= wrote.startedAt) - 1));
  const listed = since.map(({ spec }) => spec?.mode === 'enforce' && wantedAt(spec, destination));
  return listed.every((route) => route && allowedIn(slot, route, world) === undefined);
}
