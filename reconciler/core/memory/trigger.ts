import type { Actor, ReportedCall } from './call.ts';

/** The kinds of triggers of a reconcile, the most specific first. */
export const triggerKinds = ['event', 'desired', 'person', 'requeue', 'sweep'] as const;

export type TriggerKind = (typeof triggerKinds)[number];

/**
 * What triggered a reconcile. It only names the table to read. The reported calls are stored apart from it, as rows.
 */
export type Trigger =
  | {
      readonly kind: 'event';
      /** The CloudTrail event id, the API call, and when it was made. */
      readonly id: string;
      readonly name: string;
      readonly time: string;
    }
  | {
      readonly kind: 'desired';
      readonly id: string;
      /** The item was deleted, even if it is there again. */
      readonly deleted: true;
    }
  | {
      readonly kind: 'desired' | 'person' | 'requeue';
      /** The sequence number of the stream record, or the id of the message. */
      readonly id?: string;
    }
  | { readonly kind: 'sweep' };

/** Triggers as they are handed to another invocation: their kinds, and the ids of deletions of the item. */
export interface Left {
  readonly kinds: readonly TriggerKind[];
  readonly deletions: readonly string[];
  /** How many requeue messages in a row led to them: the most of all. */
  readonly hop: number;
}

export const nothingLeft: Left = { kinds: [], deletions: [], hop: 0 };

export const leftOf = (trigger: Trigger, hop = 0): Left => ({
  kinds: [trigger.kind],
  deletions: 'deleted' in trigger ? [trigger.id] : [],
  hop,
});

/** Merges both: each kind and each deletion once, in a fixed order. */
export const together = (one: Left, other: Left): Left => ({
  kinds: triggerKinds.filter((kind) => one.kinds.includes(kind) || other.kinds.includes(kind)),
  deletions: [...new Set([...one.deletions, ...other.deletions])].sort(),
  hop: Math.max(one.hop, other.hop),
});

/** The triggers that a reconcile answers for: those that others left and, in the first round, its own. */
export interface Occasion extends Left {
  readonly trigger?: Trigger;
}

/** Whether an item or an order was written, or a person asks for a reconcile. */
export const isEdited = ({ kinds }: Left): boolean => kinds.includes('desired') || kinds.includes('person');

/** A trigger as statuses and runs show it. */
export interface ShownTrigger {
  readonly kind: TriggerKind;
  readonly id?: string;
  /** The API call, for an event; `REMOVE` for a deleted item. */
  readonly name?: string;
  readonly time?: string;
  /** The id by which the table was found, if the call did not name the table itself. */
  readonly via?: string;
}

/** What triggered a reconcile, and who made the call. */
export interface Waker {
  readonly trigger: ShownTrigger;
  readonly actor?: Actor;
}

/** The event name of a deletion in a DynamoDB stream. */
export const itemWasDeleted = 'REMOVE';

/**
 * The trigger that a reconcile shows. For an edit or an order, that is itself: a call whose event it meets is not behind
 * it. Otherwise it is the call of its own event or, if that has no actor, the newest new call with one.
 *
 * @param calls all calls about the table, the newest first
 * @param newCalls those of them that are new
 */
export function wakerOf(
  { trigger, kinds }: Occasion,
  calls: readonly ReportedCall[],
  newCalls: readonly ReportedCall[],
): Waker {
  if (trigger?.kind === 'desired' || trigger?.kind === 'person') return { trigger: shown(trigger) };
  const own = trigger?.kind === 'event' ? calls.find(({ id }) => id === trigger.id) : undefined;
  const call = own?.actor ? own : (newCalls.find(({ actor }) => actor) ?? own);
  if (call) return callAsWaker(call);
  return { trigger: trigger ? shown(trigger) : { kind: kinds[0] ?? 'sweep' } };
}

export const callAsWaker = ({ id, name, time, via, actor }: ReportedCall): Waker => ({
  trigger: { kind: 'event', id, name, time, ...(via !== undefined && { via }) },
  ...(actor && { actor }),
});

function shown(trigger: Trigger): ShownTrigger {
  if (!('deleted' in trigger)) return trigger;
  const { kind, id } = trigger;
  return { kind, id, name: itemWasDeleted };
}
