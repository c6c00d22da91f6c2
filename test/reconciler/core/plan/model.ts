import type { Change } from '../../../../reconciler/core/route/change.ts';
import type { DesiredTable } from '../../../../reconciler/core/desired/desired.ts';
import { permitted } from '../../../../reconciler/core/plan/guard.ts';
import { type Plan, plan } from '../../../../reconciler/core/plan/plan.ts';
import { isEnforced } from '../../../../reconciler/core/desired/enforcement.ts';
import { type Memory, emptyMemory } from '../../../../reconciler/core/memory/memory.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Destination,
  type Target,
  destinationText,
} from '../../../../reconciler/core/route/route.ts';
import { withArrivals } from '../../../../reconciler/core/status/arrival.ts';
import { rememberRead } from '../../../../reconciler/core/status/remember.ts';
import { actual } from '../../../support/builders.ts';

/** The static route that holds a destination's slot in EC2. Propagated and advertised routes stand beside it. */
const holds =
  (destination: Destination) =>
  (route: ActualRoute): boolean =>
    route.origin !== 'propagated' &&
    route.origin !== 'advertised' &&
    destinationText(route.destination) === destinationText(destination);

/** EC2 shows a route through an instance as one through its interface. */
const shown = (target: Target): Pick<ActualRoute, 'target' | 'instance'> =>
  target.kind === 'instance'
    ? { target: { kind: 'network-interface', id: target.id.replace('i-', 'eni-') }, instance: { id: target.id } }
    : { target };

/** A table after some changes. Throws if EC2 would reject a change, or if a change is out of order. */
export function applied(table: ActualTable, changes: readonly Change[]): ActualTable {
  const order = changes.map(({ action }) => ['replace', 'delete', 'create'].indexOf(action));
  if (order.some((rank, index) => rank < (order[index - 1] ?? 0))) throw new Error('changes are out of order');
  return { ...table, routes: changes.reduce(appliedOne, table.routes) };
}

function appliedOne(routes: readonly ActualRoute[], change: Change): readonly ActualRoute[] {
  const slot = routes.find(holds(change.destination));
  const text = destinationText(change.destination);
  switch (change.action) {
    case 'create':
      if (slot) throw new Error(`RouteAlreadyExists: ${text}`);
      if (change.to.kind === 'local') throw new Error(`InvalidGatewayID.NotFound: local`);
      return [...routes, actual({ destination: change.destination, target: change.to }, shown(change.to))];
    case 'replace': {
      if (!slot) throw new Error(`InvalidParameterValue: There is no route defined for ${text}`);
      const { destination, origin, spelling } = slot;
      const after: ActualRoute = { destination, origin, spelling, state: 'active', ...shown(change.to) };
      return routes.map((route) => (route === slot ? after : route));
    }
    case 'delete':
      if (!slot) throw new Error(`InvalidRoute.NotFound: ${text}`);
      if (slot.origin === 'with-table' || slot.target.kind === 'local') throw new Error(`cannot remove local ${text}`);
      return routes.filter((route) => route !== slot);
    default:
      return change satisfies never;
  }
}

/** What a reconcile finds, and what the one before remembered. */
export interface World {
  readonly desired: DesiredTable;
  readonly actual: ActualTable;
  readonly now: Date;
  readonly memory?: Memory;
}

export interface Reconciled {
  readonly plan: Plan;
  readonly actual: ActualTable;
  readonly memory: Memory;
}

/** One reconcile in which every call succeeds: plan, hold back, apply, remember. */
export function reconciled({ desired, actual, now, memory = emptyMemory }: World): Reconciled {
  const arrived = withArrivals(memory, { desired, actual, now });
  const planned = plan(desired, actual, { now, memory: arrived });
  const changes = isEnforced(desired, now) ? permitted(planned) : [];
  const made = changes.map((change) => ({ change, isCertain: true }));
  const next = rememberRead(arrived, { desired, actual, plan: planned, now }, made);
  return { plan: planned, actual: applied(actual, changes), memory: next };
}
