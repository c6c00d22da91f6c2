import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { known } from '../route/known.ts';
import { instant } from './instant.ts';
import { canonicalText, destinationText, parseDestination } from '../route/route.ts';

/** The orders that people give outside the item, so that the next write of a pipeline does not overwrite them. */
export interface Orders {
  /** The pauses of the table and the stops of the whole fleet, including ended ones. */
  readonly pauses: readonly Pause[];
  /** The holds of single destinations, including ended ones. */
  readonly holds: readonly Hold[];
  readonly approval?: Approval;
  /** The edits of many items that a person has approved. */
  readonly edits?: ApprovedEdits;
}

/** A person's consent to everything that these edits ask for, in all tables that wait for it (`fleet-edit`). */
export interface ApprovedEdits {
  readonly ids: readonly string[];
  readonly by: string;
  readonly at: string;
  readonly until: Date;
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

/** A person's consent to change exactly these routes. `at` and `by` together identify it. */
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

/** An approval ends after 24 hours, even if its `until` is later. */
export const approvalLastsMs = 24 * 60 * 60 * 1_000;

/** The key of orders for all tables. */
export const everyTable = '*';

/** The orders that stop changes. `pause` is meant for one table and `stop` for all, but both names work for both. */
export const stoppingOrders = ['pause', 'stop'] as const;

/** The names of the orders that concern one table. */
export const orderNames = [...stoppingOrders, 'approval', 'holds'] as const;

/** At most this many characters of each text in an order are read: each status of a stopped fleet repeats them. */
const textAtMost = 200;

/** More holds than this would be more than a status has room for, so they stop the whole table. */
const holdsAtMost = 200;

const cutText = z
  .string()
  .min(1)
  .transform((value) => value.slice(0, textAtMost));
const text = cutText.optional().catch(undefined);
const anInstant = instant('expected an ISO 8601 date and time with a time zone');
const end = anInstant.transform((value) => new Date(value));

/** Somebody wants changes to stop. So fields that cannot be read are dropped, and the order still stops them. */
const stopShape = z.looseObject({ reason: text, by: text, at: text, until: end.optional().catch(undefined) }).catch({});

const rowShape = z.looseObject({ routeTableId: z.string(), order: z.string() });

const consent = { by: cutText, at: anInstant, until: end };

/** An approval with a missing or invalid field approves nothing. */
const approvalShape = z.object({
  routes: z.array(z.object({ destination: z.string().transform(canonicalText), target: z.string() })),
  ...consent,
  desiredHash: z.string(),
});

/** The approval for all tables: DynamoDB stores the ids as a set or as a list. */
const editsShape = z.object({
  edits: z.union([z.set(z.string()).transform((ids) => [...ids].sort()), z.array(z.string())]),
  ...consent,
});

/**
 * Parses untrusted rows of the orders table: those of one table and those of all tables (`*`). Never throws.
 *
 * A `pause` or `stop` row stops changes until its `until`, or without an end if `until` is missing or invalid. A row
 * with another name stops nothing. Too many holds stop the whole table.
 */
export function ordersOf(rows: readonly unknown[]): Orders {
  const known = rows.flatMap((row) => rowShape.safeParse(row).data ?? []);
  const stops = known.filter(({ order }) => stoppingOrders.some((name) => name === order));
  const ofTable = (name: string) =>
    known.find(({ routeTableId, order }) => routeTableId !== everyTable && order === name);
  const approval = approvalOf(ofTable('approval'));
  const edits = editsOf(known.find(({ routeTableId, order }) => routeTableId === everyTable && order === 'approval'));
  const holds = mapIn(ofTable('holds')?.['holds']);
  const isHeldWhole = holds.length > holdsAtMost;
  const tooMany = `there are ${holds.length} holds, and more than ${holdsAtMost} stop the whole table`;
  return {
    pauses: [
      ...(isHeldWhole ? [{ reason: tooMany, of: 'table' as const }] : []),
      ...inOrder(stops).map((row): Pause => ({
        ...stopOf(row),
        of: row.routeTableId === everyTable ? 'fleet' : 'table',
      })),
    ],
    holds: isHeldWhole ? [] : holdsOf(holds),
    ...(approval && { approval }),
    ...(edits && { edits }),
  };
}

/** Sorts rows of the table before rows for all tables: the result does not depend on the order of the read. */
const inOrder = (rows: readonly z.output<typeof rowShape>[]): z.output<typeof rowShape>[] =>
  rows.toSorted((one, other) => rank(one) - rank(other));

const rank = ({ routeTableId, order }: z.output<typeof rowShape>): number =>
  (routeTableId === everyTable ? 2 : 0) + (order === 'stop' ? 1 : 0);

function stopOf(value: unknown): Omit<Pause, 'of'> {
  const { reason = 'no reason given', by, at, until } = stopShape.parse(value);
  return { reason, ...(by && { by }), ...(at && { at }), ...(until && { until }) };
}

/** A key that is a valid destination is a hold, even if its value cannot be read. Any other key is ignored. */
function holdsOf(holds: readonly (readonly [string, unknown])[]): Hold[] {
  return holds
    .flatMap(([key, value]) => {
      const parsed = parseDestination(key);
      return parsed.ok ? [{ destination: destinationText(parsed.value), ...stopOf(value) }] : [];
    })
    .sort((one, other) => one.destination.localeCompare(other.destination, 'en', { numeric: true }));
}

const mapIn = (value: unknown): readonly (readonly [string, unknown])[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];

function approvalOf(row: unknown): Approval | undefined {
  const approval = approvalShape.safeParse(row).data;
  return approval && { ...approval, until: endOf(approval) };
}

function editsOf(row: unknown): ApprovedEdits | undefined {
  const parsed = editsShape.safeParse(row).data;
  if (!parsed) return undefined;
  const { edits: ids, by, at } = parsed;
  return { ids, by, at, until: endOf(parsed) };
}

/** A consent ends after 24 hours at the latest. */
const endOf = ({ at, until }: { readonly at: string; readonly until: Date }): Date =>
  new Date(Math.min(until.getTime(), Date.parse(at) + approvalLastsMs));

/** An order that is in force, as a memory keeps it and as it is announced. Times are ISO 8601, UTC. */
export interface GivenOrder {
  readonly kind: 'pause' | 'stop' | 'approval' | 'hold';
  /** The destination of a hold. */
  readonly destination?: string;
  readonly reason?: string;
  /** Who gave it, as its row claims. */
  readonly by?: string;
  /** When it was given, as its row claims. */
  readonly at?: string;
  readonly until?: string;
  /** The first routes of an approval, and how many more it has. */
  readonly routes?: readonly ApprovedRoute[];
  readonly moreRoutes?: number;
  /** The edits of an approval for all tables. */
  readonly edits?: readonly string[];
}

/** At most this many routes of an approval are announced. */
const routesGivenAtMost = 20;

/** The orders for one table that are in force at `now`, or with `fleet` those for all tables. */
export function givenOrders(
  { pauses, holds, approval, edits }: Orders,
  of: 'table' | 'fleet',
  now: Date,
): readonly GivenOrder[] {
  const inForce = ({ until }: { readonly until?: Date }): boolean => !until || until > now;
  const kind = of === 'fleet' ? 'stop' : 'pause';
  const stops = pauses.filter((pause) => pause.of === of && inForce(pause)).map((pause) => given(kind, pause));
  if (of === 'fleet') {
    const released = edits && inForce(edits) ? [edits] : [];
    return [...stops, ...released.map(({ ids, ...rest }) => ({ ...given('approval', rest), edits: ids }))];
  }
  const consents = approval && inForce(approval) ? [approval] : [];
  return [
    ...stops,
    ...holds.filter(inForce).map((hold) => ({ ...given('hold', hold), destination: hold.destination })),
    ...consents.map(({ routes, ...rest }) =>
      known({
        ...given('approval', rest),
        routes: routes.slice(0, routesGivenAtMost),
        moreRoutes: Math.max(0, routes.length - routesGivenAtMost) || undefined,
      }),
    ),
  ];
}

const given = (
  kind: GivenOrder['kind'],
  { reason, by, at, until }: Partial<Pick<Pause, 'reason' | 'by' | 'at' | 'until'>>,
): GivenOrder => known({ kind, reason, by, at, until: until?.toISOString() });

export interface OrderChanges {
  readonly given: readonly GivenOrder[];
  readonly ended: readonly GivenOrder[];
}

/**
 * Which orders are new, and which have ended or were removed. An order whose reason, author or end changed is new. Its
 * older form has not ended: something is still ordered there.
 */
export function orderChanges(before: readonly GivenOrder[], after: readonly GivenOrder[]): OrderChanges {
  const place = ({ kind, destination }: GivenOrder): string => `${kind} ${destination}`;
  return {
    given: after.filter((one) => !before.some((other) => isDeepStrictEqual(one, other))),
    ended: before.filter((one) => !after.some((other) => place(one) === place(other))),
  };
}

export const sameOrders = (one: Orders, other: Orders): boolean => isDeepStrictEqual(one, other);
