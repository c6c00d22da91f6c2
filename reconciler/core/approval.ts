import type { Change } from './change.ts';
import type { Orders } from './orders.ts';
import { desiredHash } from './hashes.ts';
import type { Seen, TableRecord } from './record.ts';
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

type Delete = Extract<Change, { action: 'delete' }>;

/** Whether an approval names this very delete, by destination and target. */
export const isNamedBy = ({ deletes }: Approval, { destination, from }: Delete): boolean =>
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

/** An approval in the item becomes one of the record, so that it outlives a plan done half; it is spent with its deletes. */
export function approvalAfter({ approval }: TableRecord, { desired, plan, now }: Seen): Pick<TableRecord, 'approval'> {
  const { planId } = plan;
  const deletes = plan.changes.filter((change) => change.action === 'delete');
  if (deletes.length > 0 && desired.approvedPlan === planId && approval?.planId !== planId) {
    const until = new Date(now.getTime() + approvalLastsMs);
    const approved = deletes.map(approvedDelete);
    return { approval: { deletes: approved, by: 'approvedPlan', until, desiredHash: desiredHash(desired), planId } };
  }
  if (!approval) return {};
  const left = plan.blocked ? [] : deletes.filter((change) => isNamedBy(approval, change)).map(approvedDelete);
  const isInItem = approval.planId !== undefined && approval.planId === desired.approvedPlan;
  return left.length > 0 || isInItem ? { approval: { ...approval, deletes: left } } : {};
}

const approvedDelete = ({ destination, from }: Delete): Approval['deletes'][number] => ({
  destination: destinationText(destination),
  target: targetText(from.target),
});
