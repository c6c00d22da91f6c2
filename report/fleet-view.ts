import { type ShownPhase, shownPhase } from '../reconciler/core/status/freshness.ts';
import type { Hold, Orders, Pause } from '../reconciler/core/desired/orders.ts';
import { isActive } from '../reconciler/core/desired/ignore.ts';
import { known } from '../reconciler/core/route/known.ts';
import type { LastDrift } from '../reconciler/core/memory/memory.ts';
import { type ShownPause, type Status, isCalm, phaseInForce } from '../reconciler/core/status/status.ts';
import type { SweepRecord } from '../reconciler/core/status/sweep-record.ts';

/** A managed table and its stored status; a table that was never read has none. */
export interface KnownTable {
  readonly routeTableId: string;
  readonly status?: Status;
  /** The orders for it, as they are now. The status shows those of its last reconcile. */
  readonly orders: Orders;
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
  /** The tag `Name` of the table. */
  readonly name?: string;
  /** Present if drift of this table is only reported. */
  readonly mode?: 'observe';
  /** The pause or stop that is active. */
  readonly pause?: ShownPause;
  /** The holds that are in force. Their destinations are left as they are. */
  readonly holds?: readonly Hold[];
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

/** The phases, most urgent first. A table that drops traffic comes before all others. */
const urgency: Readonly<Record<ShownPhase, number>> = {
  Degraded: 0,
  Failed: 1,
  Missing: 2,
  Invalid: 3,
  Contested: 4,
  Blocked: 5,
  Unknown: 6,
  Drifted: 7,
  Verifying: 8,
  InSync: 9,
  Unmanaged: 10,
};

/** The rank of a phase: smaller is more urgent. */
export const urgencyOf = (phase: ShownPhase): number => urgency[phase];

export function fleetView({ tables, sweep, stops, now }: Fleet): FleetView {
  const rows = tables
    .map(({ routeTableId, status, orders }): FleetRow => {
      const { vpcId, name, mode, pause, listed, blackholes, lastDrift } = status ?? {};
      const open = status && openChanges(status);
      const held = orders.holds.filter((hold) => isActive(hold, now));
      const holds = held.length > 0 ? held : undefined;
      const shown = shownPhase(routeTableId, status, sweep, now);
      return {
        routeTableId,
        ...shown,
        ...known({ vpcId, name, mode, pause, holds, routes: listed, open, blackholes, lastDrift }),
      };
    })
    .sort(
      (a, b) =>
        Number(isDropping(b)) - Number(isDropping(a)) ||
        urgencyOf(a.phase) - urgencyOf(b.phase) ||
        (a.routeTableId < b.routeTableId ? -1 : 1),
    );
  // The order of the phases among the rows.
  const counts = [...Map.groupBy(rows, ({ phase }) => phase)].map(([phase, all]) => ({ phase, count: all.length }));
  const stop = stops.find((one) => isActive(one, now));
  return { rows, counts, sweep, ...(stop && { stop }), now };
}

/** Whether listed routes of a table drop their traffic, whatever else is the matter. */
const isDropping = ({ blackholes = 0 }: FleetRow): boolean => blackholes > 0;

/** How many changes a plan still has to make. A repair that is not verified yet counts as made. */
const openChanges = ({ plan, ...status }: Status): number =>
  isCalm(phaseInForce(status)) || !plan ? 0 : plan.changes.length + (plan.omitted?.changes ?? 0);
