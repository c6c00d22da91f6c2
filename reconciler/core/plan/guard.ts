import { approvedRoutes, isAmong } from './approval.ts';
import { counted } from '../route/counted.ts';
import type { Change } from '../route/change.ts';
import { type BlockCode, type Memory, rememberedAt } from '../memory/memory.ts';
import { type Circumstances, isOwned } from './ownership.ts';
import { policyHash } from '../desired/hashes.ts';
import { destinationText, isDefaultRoute } from '../route/route.ts';

/** Deletes that wait for a person. Replaces and creates of the same plan go on. */
export interface Blocked {
  readonly code: BlockCode;
  /** One sentence: which deletes wait, why, and what a person can do. */
  readonly message: string;
  /** The destinations whose deletes wait, in the order of the plan. */
  readonly deletes: readonly string[];
}

type Delete = Extract<Change, { action: 'delete' }>;

/**
 * Which deletes of a plan must wait for a person.
 *
 * Deletes are earned. A delete needs no approval in two cases: the route appeared while the memory shows the table in
 * sync under the same policy, or an edit removed the route from `routes`. For a default route only the first case
 * counts. If more than `maxDeletes` deletes of a plan are not approved, all of these wait. An approved delete never
 * waits and does not count.
 */
export function blockedDeletes(changes: readonly Change[], unchanged: number, on: Circumstances): Blocked | undefined {
  const deletes = changes.filter((change) => change.action === 'delete');
  const ours = unchanged + changes.filter(({ action }) => action !== 'create').length;
  const most = on.desired.maxDeletes ?? defaultMaxDeletes(ours);
  const approved = approvedRoutes(on.desired, on.memory, on.now);
  const asking = deletes.filter(({ destination, from }) => !isAmong(approved, destination, from));
  const tooMany = asking.length > most;
  const reasons = new Map(asking.map((change) => [change, on.memory && whyUnearned(change, on.memory, on)] as const));
  const held = asking.filter((change) => tooMany || reasons.get(change));
  if (held.length === 0) return undefined;
  const code = tooMany
    ? 'too-many-deletes'
    : [...reasons.values()].includes('first-deletes')
      ? 'first-deletes'
      : 'default-route';
  const sentence = {
    'too-many-deletes': `the plan deletes ${counted(asking.length, 'route')}; more than ${most} ${most === 1 ? 'delete needs' : 'deletes need'} approval`,
    'first-deletes': `${held.length} of the routes to delete ${held.length === 1 ? 'was' : 'were'} there before this table was known to be in sync`,
    'default-route': 'the delete of a default route needs approval, unless that route has just appeared',
  }[code];
  return {
    code,
    message: on.desired.isLastValid
      ? `${sentence}; while the item is invalid, only routes that appeared are deleted: correct the item`
      : `${sentence}: approve them, list the routes, or ignore them`,
    deletes: held.map(({ destination }) => destinationText(destination)),
  };
}

/** Half of the routes that are ours, but at least 1 and at most 10. */
const defaultMaxDeletes = (routesThatAreOurs: number): number =>
  Math.max(1, Math.min(10, Math.floor(routesThatAreOurs / 2)));

function whyUnearned(change: Delete, memory: Memory, on: Circumstances): 'first-deletes' | 'default-route' | undefined {
  const wasOurs = isOwned({ ...change.from, destination: change.destination }, { memory });
  // The edit that removed the route may be undone, or be part of the one that is invalid.
  if (wasOurs && on.desired.isLastValid) return 'first-deletes';
  const { listed, ours, spared } = rememberedAt(memory, destinationText(change.destination));
  const appeared = memory.cleanPolicy === policyHash(on.desired, on.now) && !spared;
  if (!wasOurs && !appeared) return 'first-deletes';
  const wasListed = listed || ours !== undefined;
  return isDefaultRoute(change.destination) && (!appeared || wasListed) ? 'default-route' : undefined;
}

/** The changes of a plan that may go on now: all but the deletes that wait for a person or for creates. */
export function permitted({
  changes,
  blocked,
  waiting = [],
}: {
  readonly changes: readonly Change[];
  readonly blocked?: Blocked;
  readonly waiting?: readonly { readonly destination: string }[];
}): readonly Change[] {
  const held = new Set([...(blocked?.deletes ?? []), ...waiting.map(({ destination }) => destination)]);
  return changes.filter(({ action, destination }) => action !== 'delete' || !held.has(destinationText(destination)));
}
