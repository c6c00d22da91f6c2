import { permitted } from '../reconciler/core/plan/guard.ts';
import { type Plan, routesAfter } from '../reconciler/core/plan/plan.ts';
import type { Hop, PrefixListEntries } from '../reconciler/core/route/path.ts';
import type { ActualRoute } from '../reconciler/core/route/route.ts';
import { failedCall } from './failure.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** The routes of a table before a plan, after what it may change without approval, and after all its changes. */
export interface RoutesAround {
  readonly before: readonly ActualRoute[];
  readonly meanwhile: readonly ActualRoute[];
  readonly after: readonly ActualRoute[];
}

export function routesAround(routes: readonly ActualRoute[], { changes, blocked }: Plan): RoutesAround {
  // A delete that only waits for creates needs no approval.
  const free = permitted({ changes, ...(blocked && { blocked }) });
  return { before: routes, meanwhile: routesAfter(free, routes), after: routesAfter(changes, routes) };
}

/** Nothing is known of any prefix list: offline. */
export const noPrefixLists: PrefixListEntries = new Map();

/** The entries of the prefix lists in routes, read with the caller's credentials. Names those that cannot be read. */
export async function prefixListsIn(
  routes: readonly ActualRoute[],
  { note }: Pick<Terminal, 'note'>,
): Promise<PrefixListEntries> {
  const ids = routes.flatMap(({ destination }) => (destination.kind === 'prefix-list' ? destination.id : []));
  if (ids.length === 0) return noPrefixLists;
  const { ec2PrefixLists } = await import('../reconciler/aws/ec2/prefix-lists.ts');
  const { entries, failures } = await ec2PrefixLists()([...new Set(ids)]);
  for (const [id, failure] of failures)
    note(failedCall(`could not read the entries of ${id}`, failure, 'ec2:GetManagedPrefixListEntries').message);
  return entries;
}

/** Where traffic goes. */
export const hopText = ({ target, state }: Hop): string =>
  state === 'active' ? printable(target) : `${printable(target)} (${stateText[state]})`;

const stateText = {
  blackhole: 'blackhole: drops traffic',
  filtered: 'filtered: EC2 does not say whether it carries traffic',
  unknown: 'in a state that this version does not know',
} as const satisfies Record<Exclude<Hop['state'], 'active'>, string>;
