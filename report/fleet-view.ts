import { type ShownPhase, shownPhase } from '../reconciler/core/freshness.ts';
import type { Pause } from '../reconciler/core/orders.ts';
import { isActive } from '../reconciler/core/ignore.ts';
import type { Status } from '../reconciler/core/status.ts';
import { droppedIn } from '../reconciler/core/trouble.ts';
import type { LastDrift } from '../reconciler/core/drift.ts';
import type { SweepRecord } from '../reconciler/core/sweep-record.ts';

/** A managed table and its stored status; a table that was never read has none. */
export interface KnownTable {
  readonly routeTableId: string;
  readonly status?: Status;
}

/** The input of the fleet's page. */
export interface Fleet {
  readonly tables: readonly KnownTable[];
  readonly sweep: SweepRecord | undefined;
  /** Stops of the whole fleet, including expired ones. */
  readonly stops: readonly Pause[];
  readonly now: Date;
}

/** One line of the fleet. */
export interface FleetRow {
  readonly routeTableId: string;
  readonly phase: ShownPhase;
  readonly reason: string;
  readonly vpcId?: string;
  /** The number of listed routes at the last read. */
  readonly routes?: number;
  /** The number of changes that are still to be made. */
  readonly open?: number;
  /** The number of routes that drop their traffic, even if they are as desired. */
  readonly blackholes?: number;
  readonly lastDrift?: LastDrift;
}

/** The fleet as shown, most urgent tables first. */
export interface FleetView {
  readonly rows: readonly FleetRow[];
  readonly counts: readonly { readonly phase: ShownPhase; readonly count: number }[];
  readonly sweep: SweepRecord | undefined;
  /** The stop that is in force now. */
  readonly stop?: Pause;
  readonly now: Date;
}

/** The phases, most urgent first. */
const urgency: readonly ShownPhase[] = [
  'Failed',
  'Missing',
  'Invalid',
  'Contested',
  'Blocked',
  'Unknown',
  'Drifted',
  'Verifying',
  'InSync',
  'Unmanaged',
];

/** The rank of a phase: smaller is more urgent. */
export const urgencyOf = (phase: ShownPhase): number => urgency.indexOf(phase);

export function fleetView({ tables, sweep, stops, now }: Fleet): FleetView {
  const rows = tables
    .map(({ routeTableId, status }): FleetRow => {
      const blackholes = status?.plan ? droppedIn(status.plan).length : 0;
      const vpcId = status?.indexed?.find((id) => id.startsWith('vpc-'));
      return {
        routeTableId,
        ...shownPhase(routeTableId, status, sweep, now),
        ...(vpcId !== undefined && { vpcId }),
        ...(status && { routes: status.listed.length, open: openChanges(status) }),
        ...(blackholes > 0 && { blackholes }),
        ...(status?.lastDrift && { lastDrift: status.lastDrift }),
      };
    })
    .sort((a, b) => urgencyOf(a.phase) - urgencyOf(b.phase) || (a.routeTableId < b.routeTableId ? -1 : 1));
  const counts = urgency
    .map((phase) => ({ phase, count: rows.filter((row) => row.phase === phase).length }))
    .filter(({ count }) => count > 0);
  const stop = stops.find((one) => isActive(one, now));
  return { rows, counts, sweep, ...(stop && { stop }), now };
}

/** How many changes a plan still has to make. A repair that is not verified yet counts as made. */
const openChanges = ({ phase, plan }: Status): number =>
  phase === 'InSync' || phase === 'Verifying' || !plan ? 0 : plan.changes.length + (plan.omitted?.changes ?? 0);
