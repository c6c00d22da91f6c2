import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { DesiredTable, Pause } from './desired.ts';
import { isActive } from './ignore.ts';

/** What people ordered apart from the item, where no pipeline's next write touches it. */
export interface Orders {
  /** The pause of the table and the stop of the whole fleet, also when they have ended. */
  readonly pauses: readonly Pause[];
  readonly approval?: OrderedApproval;
}

/** A person's consent to these very deletes, given by `routectl approve`. */
export interface OrderedApproval {
  readonly id: string;
  readonly deletes: readonly { readonly destination: string; readonly target: string }[];
  readonly by: string;
  readonly until: Date;
  /** The item it was given for. */
  readonly desiredHash: string;
}

export const noOrders: Orders = { pauses: [] };

const text = z.string().min(1).optional().catch(undefined);

const instant = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value))
  .optional()
  .catch(undefined);

/** Whatever is written there, somebody wants us to stop: what cannot be read of it is left out, and it holds. */
const pauseShape = z.looseObject({ reason: text, by: text, at: text, until: instant }).catch({});

/** What cannot be read whole approves nothing. */
const approvalShape = z.object({
  id: z.string().min(1),
  deletes: z.array(z.object({ destination: z.string(), target: z.string() })),
  by: z.string(),
  until: z.iso.datetime({ offset: true }).transform((value) => new Date(value)),
  desiredHash: z.string(),
});

/** What a table's control item calls its pause, and that of the fleet its stop. */
export const pauseFields = { table: 'pause', fleet: 'stopped' } as const;

/**
 * Reads untrusted control items: the one of the table and the one of the fleet (`*`), as far as there are any. Total.
 *
 * A pause or stop may have been put by hand in a hurry: anything but `false` or nothing counts, under either name in
 * either item, and an end that is no instant is no end.
 */
export function ordersOf(table: unknown, fleet: unknown): Orders {
  const approval = approvalShape.safeParse(field(table, 'approval')).data;
  return {
    pauses: [...pausesIn(table, 'table'), ...pausesIn(fleet, 'fleet')],
    ...(approval && { approval }),
  };
}

const pausesIn = (item: unknown, of: Pause['of']): Pause[] =>
  Object.values(pauseFields).flatMap((name) => pauseOf(field(item, name), of));

function pauseOf(value: unknown, of: Pause['of']): Pause[] {
  if (value === undefined || value === null || value === false) return [];
  const { reason = 'no reason given', by, at, until } = pauseShape.parse(value);
  return [{ reason, of, ...(by && { by }), ...(at && { at }), ...(until && { until }) }];
}

const field = (item: unknown, name: string): unknown =>
  typeof item === 'object' && item !== null ? Object.entries(item).find(([key]) => key === name)?.[1] : undefined;

/** An item as it holds under the orders given apart from it. */
export const underOrders = (desired: DesiredTable, { pauses }: Orders): DesiredTable => ({
  ...desired,
  ...(pauses.length > 0 && { ordered: pauses }),
});

/** The pause or stop that holds a table now, if one does: the widest of them. */
export const activePause = ({ paused, ordered = [] }: DesiredTable, now: Date): Pause | undefined =>
  [...(paused ? [paused] : []), ...ordered].findLast((pause) => isActive(pause, now));

/** Whether the item asks for changes to be made now, and no order holds them back. */
export const isEnforced = (desired: DesiredTable, now: Date): boolean =>
  desired.mode === 'enforce' && !activePause(desired, now);

export const sameOrders = (one: Orders, other: Orders): boolean => isDeepStrictEqual(one, other);
