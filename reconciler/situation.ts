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
import { withApprovalSpent, withTargetsUp } from './core/status/remember.ts';
import type { Known } from './ports.ts';

/** What is wanted of one table now: what its item and the orders ask for together. */
export type Wanted =
  | { readonly kind: 'unmanaged' }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  | { readonly kind: 'valid'; readonly desired: DesiredTable };

/** Reads an untrusted item and the orders given apart from it. `item` is undefined where there is none. */
export function wantedOf(item: unknown, orders: Orders, now: Date): Wanted {
  if (item === undefined) return { kind: 'unmanaged' };
  const parsed = parseDesired(item, now);
  return parsed.ok
    ? { kind: 'valid', desired: underOrders(parsed.table, orders) }
    : { kind: 'invalid', problems: parsed.problems };
}

/** What is remembered of a table. Where nothing is, a standing approval counts as spent: nobody can tell whether it was. */
export const memoryOf = ({ state }: Known, orders: Orders): Memory =>
  state?.memory ?? withApprovalSpent(emptyMemory, orders);

/** The reported calls about a table, as a reconcile uses them. */
export interface Evidence {
  /** All that are kept, newest first. */
  readonly all: readonly ReportedCall[];
  /** Those that no earlier reconcile has read. */
  readonly unread: readonly ReportedCall[];
  /** Those that may explain what a read shows. */
  readonly recent: readonly ReportedCall[];
}

export function evidenceOf(calls: readonly ReportedCall[], memory: Memory | undefined, now: Date): Evidence {
  const unread = unseen(calls, memory?.callsSeen);
  return { all: calls, unread, recent: mayExplain(calls, unread, now) };
}

/** A memory that takes reported calls into account: targets that came up, and which calls are read by now. */
export function withEvidence(memory: Memory, { all }: Evidence): Memory {
  const callsSeen = seenAs(all);
  const { callsSeen: _, ...rest } = withTargetsUp(memory, all);
  return callsSeen.length > 0 ? { ...rest, callsSeen } : rest;
}

/**
 * Identifies what is wanted of a table and what a read shows of it, at `now`. A sweep that finds the same as the last
 * reconcile has nothing to do, and needs not unpack the memory to know that.
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
    case 'valid':
      return [wanted.kind, desiredHash(wanted.desired), policyHash(wanted.desired, now)];
    default:
      return wanted satisfies never;
  }
}

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
