import {
  type ActualRoute,
  type Destination,
  type Target,
  destinationOrder,
  destinationText,
  sortedBy,
  targetText,
} from './route.ts';

/** One call to EC2. Old and new travel together, so that a change can be shown, refused and checked by itself. */
export type Change =
  | { readonly action: 'replace'; readonly destination: Destination; readonly from: ActualRoute; readonly to: Target }
  | { readonly action: 'delete'; readonly destination: Destination; readonly from: ActualRoute }
  | { readonly action: 'create'; readonly destination: Destination; readonly to: Target };

const applyOrder = { replace: 0, delete: 1, create: 2 } as const;

/** Replaces first: they leave no gap. Then deletes, which make room; then creates. Each sorted by destination. */
export const inOrderOfApply = (changes: readonly Change[]): Change[] =>
  sortedBy(changes, (change) => `${applyOrder[change.action]} ${destinationOrder(change.destination)}`);

/** A change as JSON: destination and target ids as a person writes them. */
export interface ChangeJson {
  readonly action: Change['action'];
  readonly destination: string;
  readonly from?: string;
  readonly to?: string;
}

export const changeAsJson = (change: Change): ChangeJson => ({
  action: change.action,
  destination: destinationText(change.destination),
  ...(change.action !== 'create' && { from: targetText(change.from.target) }),
  ...(change.action !== 'delete' && { to: targetText(change.to) }),
});

/** Equal for changes that ask the very same of EC2. */
export function changeKey(change: Change): string {
  const { action, destination, from, to } = changeAsJson(change);
  return [action, destination, from, to].join(' ');
}
