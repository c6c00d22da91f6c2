import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { destinationText, parseDestination } from '../route/route.ts';

/** What people ordered apart from the item, where no pipeline's next write touches it. */
export interface Orders {
  /** The pauses of the table and the stops of the whole fleet, also when they have ended. */
  readonly pauses: readonly Pause[];
  /** The holds of single destinations, also when they have ended. */
  readonly holds: readonly Hold[];
  readonly approval?: Approval;
}

/** While it is active nothing is changed; drift is still reported. */
export interface Pause {
  readonly reason: string;
  /** Whether it stands in the item, was ordered for this table, or stops the whole fleet. */
  readonly of: 'item' | 'table' | 'fleet';
  readonly by?: string;
  readonly at?: string;
  readonly until?: Date;
}

/** While it is active, its destination is neither created, replaced nor deleted. */
export interface Hold {
  /** In canonical form. */
  readonly destination: string;
  readonly reason: string;
  readonly by?: string;
  readonly at?: string;
  readonly until?: Date;
}

/** A person's consent to changing these very routes. `at` and `by` together identify it. */
export interface Approval {
  readonly routes: readonly ApprovedRoute[];
  readonly by: string;
  /** When it was given (ISO 8601). */
  readonly at: string;
  readonly until: Date;
  /** The item it was given for: an edit ends it. */
  readonly desiredHash: string;
}

export interface ApprovedRoute {
  readonly destination: string;
  readonly target: string;
}

export const noOrders: Orders = { pauses: [], holds: [] };

/** An approval ends after so long, whatever its `until` says. */
export const approvalLastsMs = 24 * 60 * 60 * 1_000;

/** The key under which an order concerns every table. */
export const everyTable = '*';

/** The orders that stop changes: `pause` is meant for a table and `stop` for all, and each works in the other's place. */
export const stoppingOrders = ['pause', 'stop'] as const;

/** The names of the orders that concern one table. */
export const orderNames = [...stoppingOrders, 'approval', 'holds'] as const;

const text = z.string().min(1).optional().catch(undefined);
const instant = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

/** Whatever is written there, somebody wants us to stop: fields that cannot be read are left out, and it still stops. */
const stopShape = z
  .looseObject({ reason: text, by: text, at: text, until: instant.optional().catch(undefined) })
  .catch({});

/** A destination in canonical form; another text stays as it is, and meets no route. */
function canonical(destination: string): string {
  const parsed = parseDestination(destination);
  return parsed.ok ? destinationText(parsed.value) : destination;
}

const rowShape = z.looseObject({ routeTableId: z.string(), order: z.string() });

/** An approval that cannot be read completely approves nothing. */
const approvalShape = z.object({
  routes: z.array(z.object({ destination: z.string().transform(canonical), target: z.string() })),
  by: z.string().min(1),
  at: z.iso.datetime({ offset: true }),
  until: instant,
  desiredHash: z.string(),
});

/**
 * Reads untrusted rows of the orders table: those of one table and those of all tables (`*`). Total.
 *
 * The presence of a `pause` or `stop` row stops, unless it has a valid `until`. A row under another name stops nothing.
 */
export function ordersOf(rows: readonly unknown[]): Orders {
  const known = rows.flatMap((row) => rowShape.safeParse(row).data ?? []);
  const stops = known.filter(({ order }) => stoppingOrders.some((name) => name === order));
  const ofTable = (name: string) =>
    known.find(({ routeTableId, order }) => routeTableId !== everyTable && order === name);
  const approval = approvalOf(ofTable('approval'));
  return {
    pauses: inOrder(stops).map((row) => ({ ...stopOf(row), of: row.routeTableId === everyTable ? 'fleet' : 'table' })),
    holds: holdsOf(ofTable('holds')?.['holds']),
    ...(approval && { approval }),
  };
}

/** Rows of the table first, then those of all, so that the order in which they were read changes nothing. */
const inOrder = (rows: readonly z.output<typeof rowShape>[]): z.output<typeof rowShape>[] =>
  rows.toSorted((one, other) => rank(one) - rank(other));

const rank = ({ routeTableId, order }: z.output<typeof rowShape>): number =>
  (routeTableId === everyTable ? 2 : 0) + (order === 'stop' ? 1 : 0);

function stopOf(value: unknown): Omit<Pause, 'of'> {
  const { reason = 'no reason given', by, at, until } = stopShape.parse(value);
  return { reason, ...(by && { by }), ...(at && { at }), ...(until && { until }) };
}

/** A key that is no destination holds nothing; whatever stands under one that is, holds. */
function holdsOf(holds: unknown): Hold[] {
  if (typeof holds !== 'object' || holds === null || Array.isArray(holds)) return [];
  return Object.entries(holds)
    .flatMap(([key, value]) => {
      const parsed = parseDestination(key);
      return parsed.ok ? [{ destination: destinationText(parsed.value), ...stopOf(value) }] : [];
    })
    .sort((one, other) => one.destination.localeCompare(other.destination, 'en', { numeric: true }));
}

function approvalOf(row: unknown): Approval | undefined {
  const approval = approvalShape.safeParse(row).data;
  if (!approval) return undefined;
  const latest = Date.parse(approval.at) + approvalLastsMs;
  return { ...approval, until: new Date(Math.min(approval.until.getTime(), latest)) };
}

export const sameOrders = (one: Orders, other: Orders): boolean => isDeepStrictEqual(one, other);
