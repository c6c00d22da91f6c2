import { approvedRoutes, isAmong } from './approval.ts';
import type { Change } from '../route/change.ts';
import type { Finding } from '../desired/finding.ts';
import type { Blocked } from './guard.ts';
import { rememberedAt } from '../memory/memory.ts';
import { type Circumstances, isOwned } from './ownership.ts';
import { refusedAsFull } from '../route/outcome.ts';
import { destinationText } from '../route/route.ts';
import { byDestination, enclosing } from './warnings.ts';

// Deletes run before creates. So a route must not go while EC2 may still refuse the routes that take over its traffic.

/** A delete that waits until a read shows the routes that take over its traffic. */
export interface Waiting {
  readonly destination: string;
  /** The overlapping destinations that the same plan creates. */
  readonly creates: readonly string[];
}

type Delete = Extract<Change, { action: 'delete' }>;
type Create = Extract<Change, { action: 'create' }>;

/**
 * The deletes of a plan that wait for overlapping creates: those that follow from an edit, because the route is ours.
 * Without a memory nobody knows which routes are ours, so every overlapping delete waits.
 *
 * A delete does not wait if the table is too full for one of these creates, or if a person approved it. A delete that
 * waits for a person is not among them.
 */
export function waitingDeletes(
  changes: readonly Change[],
  blocked: Blocked | undefined,
  on: Circumstances,
): readonly Waiting[] {
  const { memory } = on;
  const held = new Set(blocked?.deletes.map(({ destination }) => destination));
  const approved = approvedRoutes(on.desired, memory, on.now);
  const isFull = (destination: string): boolean =>
    on.full?.has(destination) === true || refusedAsFull(rememberedAt(memory, destination).refusal);
  return takeovers(changes).flatMap(({ removed, made }) => {
    const { from } = removed;
    const destination = destinationText(removed.destination);
    const creates = made.map((create) => destinationText(create.destination));
    const isByEdit = !memory || isOwned({ ...from, destination: removed.destination }, { memory });
    const mayGo = held.has(destination) || isAmong(approved, removed.destination, from) || creates.some(isFull);
    return isByEdit && !mayGo ? [{ destination, creates }] : [];
  });
}

/**
 * Overlapping pairs of a delete and a create that one apply makes. Between the two calls, traffic to the overlap takes
 * another path or none.
 *
 * @param changes those that may be made now
 */
export const coverageGaps = (changes: readonly Change[]): Finding[] =>
  takeovers(changes).flatMap(({ removed, made }) =>
    made.map((create): Finding => {
      const destination = destinationText(removed.destination);
      const message = `${destination} is deleted before ${destinationText(create.destination)} is created: in between, traffic to the overlap takes another path or none`;
      return { code: 'coverage-gap', destination, message };
    }),
  );

/** Each delete that overlaps creates of the same plan, with these creates. Time is linear in the number of changes. */
function takeovers(changes: readonly Change[]): { readonly removed: Delete; readonly made: readonly Create[] }[] {
  const deletes = byDestination(changes.filter((change) => change.action === 'delete'));
  const creates = byDestination(changes.filter((change) => change.action === 'create'));
  const inside = new Map<string, Create[]>();
  for (const made of creates.values())
    for (const removed of enclosing(made.destination, deletes)) {
      const key = destinationText(removed.destination);
      inside.set(key, [...(inside.get(key) ?? []), made]);
    }
  return [...deletes].flatMap(([key, removed]) => {
    const made = [...(inside.get(key) ?? []), ...enclosing(removed.destination, creates)];
    return made.length > 0 ? [{ removed, made }] : [];
  });
}
