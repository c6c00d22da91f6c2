import { approvedRoutes, isAmong } from './approval.ts';
import { desiredHash } from '../desired/hashes.ts';
import { type Braked, rememberedAt } from '../memory/memory.ts';
import { type Circumstances, isOwned, isRetargetedLocal } from './ownership.ts';
import type { Change } from '../route/change.ts';
import type { Lane } from './pace.ts';
import { destinationText, targetText } from '../route/route.ts';

// The fleet brake holds back what follows from an edit, and nothing else: repairs of drift and creates always go.

/**
 * The replaces and deletes of a plan that follow from an edit of the item, or from its first enforcement, and that nobody
 * has approved. Without a memory nobody knows what was in force before, so there are none.
 */
export function editsAmong(changes: readonly Change[], on: Circumstances): readonly Change[] {
  if (!on.memory || isReleased(on)) return [];
  const approved = approvedRoutes(on.desired, on.memory, on.now);
  const listed = listedIn(on);
  return changes.filter((change) => {
    if (change.action === 'create' || isAmong(approved, change.destination, change.from)) return false;
    return followsFromEdit(change, listed.get(destinationText(change.destination)), on);
  });
}

/** @param listed the listed target; undefined if the destination is not listed */
function followsFromEdit(
  change: Exclude<Change, { action: 'create' }>,
  listed: string | undefined,
  on: Circumstances,
): boolean {
  const slot = { ...change.from, destination: change.destination };
  const { inForce, ours, seen, arrival } = rememberedAt(on.memory, destinationText(change.destination));
  // Only an edit makes us delete a route of ours.
  if (change.action === 'delete') return isOwned(slot, on) && arrival !== 'appeared';
  // A move away from a dead target, or a local route that is put back.
  if (change.because === 'target-down' || listed === undefined) return false;
  if (inForce === undefined) return true;
  // Others made or changed the route since the last read, or while the edit waits: that is drift, and it is repaired.
  const isMovedByOthers =
    seen === undefined || (ours !== undefined && !isOwned(slot, on)) || isRetargetedLocal(slot, on);
  return inForce !== listed && !isMovedByOthers;
}

/** Which changes follow from an edit, and which repair drift. Without a memory nobody knows: then all count as edits. */
export function lanesOf(changes: readonly Change[], on: Circumstances): ReadonlyMap<Change, Lane> {
  const listedAt = listedIn(on);
  const isRepair = (change: Change): boolean => {
    const destination = destinationText(change.destination);
    const listed = listedAt.get(destination);
    if (change.action !== 'create') return !followsFromEdit(change, listed, on);
    // The route was here as listed, so others have deleted it.
    return listed !== undefined && rememberedAt(on.memory, destination).ours === listed;
  };
  return new Map(changes.map((change) => [change, on.memory && isRepair(change) ? 'drift' : 'edits']));
}

/** The listed target of each destination. */
const listedIn = ({ desired }: Circumstances): ReadonlyMap<string, string> =>
  new Map(desired.routes.map(({ destination, target }) => [destinationText(destination), targetText(target)]));

/** The brake that holds back this version of the item, unless a person has approved the edit. */
export function brakeOn(on: Pick<Circumstances, 'desired' | 'memory' | 'now'>): Braked | undefined {
  const { braked } = on.memory ?? {};
  return braked && braked.desiredHash === desiredHash(on.desired) && !isReleased(on) ? braked : undefined;
}

/** Whether a person has approved the edit that this version of the item is part of, since this version waits. */
function isReleased({ desired, memory, now }: Pick<Circumstances, 'desired' | 'memory' | 'now'>): boolean {
  const { braked } = memory ?? {};
  const { edits } = desired.orders ?? {};
  return (
    braked?.edit !== undefined &&
    edits !== undefined &&
    braked.desiredHash === desiredHash(desired) &&
    edits.until > now &&
    Date.parse(braked.since) <= Date.parse(edits.at) &&
    edits.ids.includes(braked.edit)
  );
}
