import {
  type ActualRoute,
  type Destination,
  type Target,
  destinationOrder,
  destinationText,
  sortedBy,
  targetText,
} from './route.ts';

/**
 * One EC2 call. A change carries the old route and the new target, so it can be shown, refused and checked on its own.
 */
export type Change =
  | {
      readonly action: 'replace';
      readonly destination: Destination;
      readonly from: ActualRoute;
      readonly to: Target;
      /** The route is as listed, but its target died: nobody has changed the route. */
      readonly because?: 'target-down';
    }
  | { readonly action: 'delete'; readonly destination: Destination; readonly from: ActualRoute }
  | { readonly action: 'create'; readonly destination: Destination; readonly to: Target };

const applyOrder = { replace: 0, delete: 1, create: 2 } as const;

/**
 * Sorts changes in apply order: replaces (they leave no gap), then deletes (they make room), then creates. Within an
 * action, changes are sorted by destination. Urgent deletes come before the others.
 */
export const inOrderOfApply = (changes: readonly Change[], isUrgent: (change: Change) => boolean): Change[] =>
  sortedBy(changes, (change) => {
    const isLater = change.action === 'delete' && !isUrgent(change);
    return `${applyOrder[change.action]} ${isLater ? 1 : 0} ${destinationOrder(change.destination)}`;
  });

/** A change as JSON, with destination and target as a person writes them. */
export interface ChangeJson {
  readonly action: Change['action'];
  readonly destination: string;
  readonly from?: string;
  readonly to?: string;
  /** Why a route that is as listed is replaced. Absent for every other change. */
  readonly because?: 'target-down';
}

export const changeAsJson = (change: Change): ChangeJson => ({
  action: change.action,
  destination: destinationText(change.destination),
  ...(change.action !== 'create' && { from: targetText(change.from.target) }),
  ...(change.action !== 'delete' && { to: targetText(change.to) }),
  ...(change.action === 'replace' && change.because && { because: change.because }),
});

/** Identifies a change: two changes that make the same EC2 call have the same key. */
export function changeKey(change: Change): string {
  const { action, destination, from, to } = changeAsJson(change);
  return [action, destination, from, to].join(' ');
}

/** A change as one line of text for logs, errors and the CLI, such as `replace 10.20.0.0/16 (pcx-… → tgw-…)`. */
export function describeChange({ action, destination, from, to, because }: ChangeJson): string {
  switch (action) {
    case 'create':
      return `create ${destination} to ${to}`;
    case 'replace':
      return `replace ${destination} (${from} → ${to}${because ? `, because ${from} is down` : ''})`;
    case 'delete':
      return `delete ${destination} from ${from}`;
    default:
      return action satisfies never;
  }
}
