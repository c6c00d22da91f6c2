import { createHash } from 'node:crypto';
import { type DesiredTable, parseDesired } from './core/desired/desired.ts';
import { underOrders } from './core/desired/enforcement.ts';
import { desiredHash, policyHash } from './core/desired/hashes.ts';
import { type ReportedCall, seenAs, unseen } from './core/memory/call.ts';
import { type Memory, emptyMemory } from './core/memory/memory.ts';
import type { Orders } from './core/desired/orders.ts';
import type { Problem } from './core/desired/problem.ts';
import { type ActualTable, destinationText, sortedBy, targetText } from './core/route/route.ts';
import { mayExplain } from './core/status/attribution.ts';
import { withApprovalSpent } from './core/status/remember.ts';
import type { Known, World } from './ports.ts';

/** The desired state of one table now, from its item and the orders. */
export type Wanted =
  | { readonly kind: 'unmanaged' }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  | {
      /** The item is invalid, and its last valid version stays in force. */
      readonly kind: 'last-valid';
      readonly problems: readonly Problem[];
      readonly desired: DesiredTable;
      /** When that version was first reconciled. */
      readonly since: string;
    }
  | { readonly kind: 'valid'; readonly desired: DesiredTable };

/**
 * The desired state of one table now. Reads the last valid version only if the item is invalid.
 *
 * Orders apply to the last valid version as well. An approval does not: an invalid item is an edit, and an edit ends it.
 */
export async function wantedNow(
  routeTableId: string,
  { item, orders }: { readonly item: unknown; readonly orders: Orders },
  { lastValid, now }: Pick<World, 'lastValid' | 'now'>,
): Promise<Wanted> {
  const wanted = wantedOf(item, orders, now());
  if (wanted.kind !== 'invalid') return wanted;
  const last = await lastValid.read(routeTableId);
  const parsed = last && parseDesired(last.item, now());
  if (!last || !parsed?.ok || parsed.table.routeTableId !== routeTableId) return wanted;
  const desired: DesiredTable = { ...underOrders(parsed.table, orders), isLastValid: true };
  return { kind: 'last-valid', problems: wanted.problems, desired, since: last.since };
}

/** Parses an untrusted item and applies the orders to it. `item` is undefined if there is none. */
export function wantedOf(item: unknown, orders: Orders, now: Date): Exclude<Wanted, { kind: 'last-valid' }> {
  if (item === undefined) return { kind: 'unmanaged' };
  const parsed = parseDesired(item, now);
  return parsed.ok
    ? { kind: 'valid', desired: underOrders(parsed.table, orders) }
    : { kind: 'invalid', problems: parsed.problems };
}

/** The memory of a table. Without one, an open approval counts as spent: nobody knows whether it was used. */
export const memoryOf = ({ state }: Known, orders: Orders): Memory =>
  state?.memory ?? withApprovalSpent(emptyMemory, orders);

/** The reported calls about a table, as a reconcile uses them. */
export interface Evidence {
  /** All calls that are kept, newest first. */
  readonly all: readonly ReportedCall[];
  /** The calls that no earlier reconcile has read. */
  readonly unread: readonly ReportedCall[];
  /** The calls that may explain what a read shows. */
  readonly recent: readonly ReportedCall[];
}

export function evidenceOf(calls: readonly ReportedCall[], memory: Memory | undefined, now: Date): Evidence {
  const unread = unseen(calls, memory?.callsSeen);
  return { all: calls, unread, recent: mayExplain(calls, unread, now) };
}

/** Remembers which calls are read now. */
export function withEvidence({ callsSeen: _, ...rest }: Memory, { all }: Evidence): Memory {
  const callsSeen = seenAs(all);
  return callsSeen.length > 0 ? { ...rest, callsSeen } : rest;
}

/**
 * Identifies the desired state of a table at `now`, together with what a read shows. If a sweep computes the same hash
 * as the last reconcile, nothing has changed. It does not need to unpack the memory for this.
 */
export function seenHash(wanted: Wanted, orders: Orders, actual: ActualTable | undefined, now: Date): string {
  const { approval } = orders;
  return createHash('sha256')
    .update(JSON.stringify([wantedText(wanted, now), approval && [approval.at, approval.by, approval.until > now]]))
    .update(actual ? actualText(actual) : 'missing')
    .digest('hex')
    .slice(0, 16);
}

function wantedText(wanted: Wanted, now: Date): readonly unknown[] {
  switch (wanted.kind) {
    case 'unmanaged':
      return [wanted.kind];
    case 'invalid':
      return [wanted.kind, wanted.problems];
    case 'last-valid':
      return [wanted.kind, wanted.problems, ...hashesOf(wanted.desired, now)];
    case 'valid':
      return [wanted.kind, ...hashesOf(wanted.desired, now)];
    default:
      return wanted satisfies never;
  }
}

const hashesOf = (desired: DesiredTable, now: Date): readonly string[] => [
  desiredHash(desired),
  policyHash(desired, now),
];

function actualText({ vpcId, ownerId, tags, associations = [], routes }: ActualTable): string {
  const lines = routes.map(({ destination, target, origin, state, instance }) =>
    [destinationText(destination), targetText(target), origin, state, instance?.id, instance?.ownerId].join(' '),
  );
  return JSON.stringify([
    vpcId,
    ownerId,
    sortedBy(Object.entries(tags), ([key]) => key),
    associations.toSorted(),
    lines.sort(),
  ]);
}
