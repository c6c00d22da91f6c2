import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { type Orders, type Pause, everyTable } from '../../core/desired/orders.ts';
import type { Run } from '../../core/announce/history.ts';
import { type ReportedCall, callKeptMs } from '../../core/memory/call.ts';
import type { Status } from '../../core/status/status.ts';
import type { SweepRecord } from '../../core/status/sweep-record.ts';
import type { TableNames } from './checkpoint.ts';
import { keysOfItems } from './desired-table.ts';
import { tableEvidence } from './evidence-table.ts';
import { tableOrders } from './orders-table.ts';
import { runOf, tableStates } from './state-table.ts';

/** One managed table and its status. A table that was never reconciled has no status. */
export interface FleetTable {
  readonly routeTableId: string;
  readonly status?: Status;
  readonly orders: Orders;
}

/** Reads the stored state of the fleet, for people. Writes nothing and never calls EC2. */
export interface FleetReader {
  /**
   * Every table with a desired item, in the order of ids, the record of the last sweep, and the stops of all tables.
   *
   * @param ids the tables, if they are known: this saves the Scan of the items
   */
  fleet(ids?: readonly string[]): Promise<{
    readonly tables: readonly FleetTable[];
    readonly sweep: SweepRecord | undefined;
    readonly stops: readonly Pause[];
  }>;
  /**
   * The status of one table, and its runs and calls, newest first: all since an instant or, without one, the latest 25 of
   * each.
   */
  table(
    routeTableId: string,
    since?: Date,
  ): Promise<{
    readonly status: Status | undefined;
    readonly runs: readonly Run[];
    /** The calls by others that events reported in the last day, newest first. */
    readonly calls: readonly ReportedCall[];
    readonly sweep: SweepRecord | undefined;
  }>;
}

/** How many runs and calls of a table are shown if no start is given. */
const latestShown = 25;

/** Reads what people see from the tables of a deployment. A failed read throws. A row of unknown shape is left out. */
export function fleetReader(
  client: DynamoDBDocumentClient,
  { desiredTable, ordersTable, stateTable }: TableNames,
): FleetReader {
  const states = tableStates(client, stateTable);
  const orders = tableOrders(client, ordersTable);
  // The functions log the rows that are left out.
  const evidence = tableEvidence(client, stateTable, { warn: () => {} });

  /** The runs of a table, newest first. Their keys begin with the time at which they were detected. */
  async function runsOf(routeTableId: string, latest: number, since: Date | undefined): Promise<readonly Run[]> {
    const pages = paginateQuery(
      { client, pageSize: Math.min(latest, 100) },
      {
        TableName: stateTable,
        KeyConditionExpression: 'routeTableId = :id AND #item BETWEEN :first AND :last',
        ExpressionAttributeNames: { '#item': 'item' },
        ExpressionAttributeValues: {
          ':id': routeTableId,
          ':first': `run#${since?.toISOString() ?? ''}`,
          // `~` comes after every character of a time.
          ':last': 'run#~',
        },
        ScanIndexForward: false,
      },
    );
    const runs: Run[] = [];
    for await (const { Items = [] } of pages) {
      runs.push(...Items.flatMap((item) => runOf(String(item['item']).slice('run#'.length), item) ?? []));
      if (runs.length >= latest) break;
    }
    return runs.slice(0, latest);
  }

  return {
    async fleet(known) {
      const [ids, sweep, ordersFor] = await Promise.all([
        known ?? keysOfItems(client, desiredTable),
        states.readSweep(),
        orders.all(),
      ]);
      const glances = await states.glance(ids);
      const tables = ids.map((routeTableId) => {
        const status = glances.get(routeTableId)?.status;
        return { routeTableId, orders: ordersFor.of(routeTableId), ...(status && { status }) };
      });
      return { tables, sweep, stops: ordersFor.of(everyTable).pauses };
    },

    async table(routeTableId, since) {
      const latest = since ? Infinity : latestShown;
      const callsSince = new Date(Math.max(Date.now() - callKeptMs, since?.getTime() ?? 0));
      const [{ state }, sweep, calls, runs] = await Promise.all([
        states.read(routeTableId),
        states.readSweep(),
        evidence.of(routeTableId, callsSince),
        runsOf(routeTableId, latest, since),
      ]);
      return { status: state?.status, runs, calls: calls.slice(0, latest), sweep };
    },
  };
}
