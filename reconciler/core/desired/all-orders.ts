import { parseDestination, routeTableIdPattern } from '../route/route.ts';
import { type Orders, everyTable, orderNames, ordersOf, stoppingOrders } from './orders.ts';
import { foundText } from './problem.ts';

/** All orders. */
export interface AllOrders {
  /** The orders for one table. They include the orders for all tables. */
  readonly of: (routeTableId: string) => Orders;
  /** Rows that do not do what their writers expect. */
  readonly unusable: readonly UnusableRow[];
}

/** A row that people wrote and that has no effect. */
interface UnusableRow {
  readonly routeTableId: string;
  readonly reason: string;
}

type Row = Readonly<Record<string, unknown>>;

/** Groups all rows of the orders table. Never throws. */
export function allOrders(rows: readonly Row[]): AllOrders {
  const byTable = Map.groupBy(
    rows.filter(({ order }) => isAmong(orderNames, order)),
    ({ routeTableId }) => routeTableId,
  );
  const ofAll = byTable.get(everyTable) ?? [];
  return {
    of: (routeTableId) =>
      ordersOf(routeTableId === everyTable ? ofAll : [...(byTable.get(routeTableId) ?? []), ...ofAll]),
    unusable: rows.flatMap((row) => {
      const reason = whyUnusable(row);
      return reason === undefined ? [] : [{ routeTableId: String(row['routeTableId']), reason }];
    }),
  };
}

function whyUnusable(row: Row): string | undefined {
  const { routeTableId, order, holds } = row;
  if (!isAmong(orderNames, order)) return `expected an order named ${orderNames.join(', ')}, got ${foundText(order)}`;
  if (routeTableId === everyTable) return whyUnusableForAll(row);
  if (!routeTableIdPattern.test(String(routeTableId))) return 'expected a route table id, or * for all tables';
  if (order === 'approval' && !ordersOf([row]).approval) return 'the approval approves nothing: a field is invalid';
  const wrong = order === 'holds' ? Object.keys(Object(holds)).find((key) => !parseDestination(key).ok) : undefined;
  return wrong === undefined ? undefined : `nothing is held at ${foundText(wrong)}, which is no destination`;
}

function whyUnusableForAll(row: Row): string | undefined {
  const { order } = row;
  if (isAmong(stoppingOrders, order)) return undefined;
  if (order !== 'approval') return `expected pause, stop or approval for all tables, got ${foundText(order)}`;
  return ordersOf([row]).edits ? undefined : 'the approval of edits approves nothing: a field is invalid';
}

const isAmong = (names: readonly string[], name: unknown): boolean => names.some((one) => one === name);
