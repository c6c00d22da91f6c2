import type { Change } from './change.ts';
import type { DesiredTable } from './desired.ts';
import type { Plan } from './plan.ts';
import type { Orders } from './orders.ts';
import { desiredHash } from './hashes.ts';
import type { Seen, TableRecord, Written } from './record.ts';
import { destinationText, targetNames, targetText } from './route.ts';

/** A person's consent to these very deletes. */
export interface Approval {
  readonly deletes: readonly { readonly destination: string; readonly target: string }[];
  readonly by: string;
  readonly until: Date;
  /** The item it was given for (`desiredHash`): an edit ends it. */
  readonly desiredHash: string;
  /** The `approvedPlan` it came from. Once spent it is kept, empty, while the item goes on naming that plan. */
  readonly planId?: string;
}

/** Deletes that were held back when the table was last looked at: what a `planId` in the item speaks of. */
export interface Waiting {
  readonly planId: string;
  readonly deletes: Approval['deletes'];
  /** The item under which they were held back. */
  readonly desiredHash: string;
  /** The `approvedPlan` that stood in it then: it was there before anything was shown, and approves nothing. */
  readonly named?: string;
}

type Delete = Extract<Change, { action: 'delete' }>;

/** A record that remembers what is shown as held back, by the id it is shown under. */
export function withWaiting({ waiting: _, ...record }: TableRecord, plan: Plan, desired: DesiredTable): TableRecord {
  const { planId, changes, blocked } = plan;
  if (!blocked) return record;
  const held = new Set(blocked.deletes);
  const deletes = changes
    .filter((change) => change.action === 'delete')
    .filter(({ destination }) => held.has(destinationText(destination)))
    .map(approvedDelete);
  const { approvedPlan: named } = desired;
  const waiting = { planId, deletes, desiredHash: desiredHash(desired), ...(named !== undefined && { named }) };
  return { ...record, waiting };
}

/**
 * The deletes that the item approves by naming their plan, if it does and they are not in the record yet: those that were
 * shown under that id before the item named it. The plan may have grown by other changes since; an edit of anything else
 * in the item approves nothing. Where nothing is remembered, the plan itself is what was shown.
 */
export function approvedByItem(
  desired: DesiredTable,
  { planId, changes }: Pick<Plan, 'planId' | 'changes'>,
  record: TableRecord | undefined,
): Approval['deletes'] {
  const { approvedPlan: named } = desired;
  if (named === undefined || record?.approval?.planId === named) return [];
  if (!record)
    return named === planId ? changes.filter((change) => change.action === 'delete').map(approvedDelete) : [];
  const { waiting } = record;
  const wasShown = waiting?.planId === named && waiting.named !== named;
  return wasShown && waiting.desiredHash === desiredHash(desired) ? waiting.deletes : [];
}

/**
 * What lets a plan's deletes go on, in words for a person. An item that names the plan and approves nothing by it is told
 * so: to be told to do what was done already helps nobody.
 */
export function howToApprove({ approvedPlan: named }: DesiredTable, planId: string, record?: TableRecord): string {
  if (named !== planId || !record) return `approve plan ${planId}, list the routes, or ignore them`;
  const why =
    record.approval?.planId === named
      ? 'that approval is spent or over'
      : 'it was written before this plan was shown, or along with another edit';
  return `the item names plan ${planId} already, which does not count: ${why}; take approvedPlan out and write it anew once that is seen, or use routectl approve`;
}

/** Whether an approval names this very delete, by destination and target. */
export const isNamedBy = ({ deletes }: Pick<Approval, 'deletes'>, { destination, from }: Delete): boolean =>
  deletes.some(
    (approved) => approved.destination === destinationText(destination) && targetNames(from).includes(approved.target),
  );

const approvalLastsMs = 24 * 60 * 60 * 1000;

/** A record that knows an approval given by order: each of them once, so that what is spent stays so. */
export function withOrderedApproval(record: TableRecord, { approval }: Orders, now: Date): TableRecord {
  if (!approval || approval.until <= now || approval.id === record.tookApproval) return record;
  const { id, ...consent } = approval;
  return { ...record, approval: consent, tookApproval: id };
}

/**
 * An approval in the item becomes one of the record, so that it outlives a plan done half; it is spent with its deletes,
 * and not only when a read shows that they were made: somebody may have made the same route anew by then.
 */
export function approvalAfter(
  record: TableRecord,
  { desired, plan, now }: Seen,
  written: readonly Written[],
): Pick<TableRecord, 'approval'> {
  const inItem = approvedByItem(desired, plan, record);
  if (inItem.length > 0 && desired.approvedPlan !== undefined) {
    const until = new Date(now.getTime() + approvalLastsMs);
    const { approvedPlan: planId } = desired;
    return { approval: { deletes: inItem, by: 'approvedPlan', until, desiredHash: desiredHash(desired), planId } };
  }
  const { approval } = record;
  if (!approval) return {};
  const deletes = plan.changes.filter((change) => change.action === 'delete');
  const made = new Set(written.filter(({ isCertain }) => isCertain).map(({ change }) => change));
  const left = plan.blocked
    ? []
    : deletes.filter((change) => isNamedBy(approval, change) && !made.has(change)).map(approvedDelete);
  const isInItem = approval.planId !== undefined && approval.planId === desired.approvedPlan;
  return left.length > 0 || isInItem ? { approval: { ...approval, deletes: left } } : {};
}

const approvedDelete = ({ destination, from }: Delete): Approval['deletes'][number] => ({
  destination: destinationText(destination),
  target: targetText(from.target),
});
