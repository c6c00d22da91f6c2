import type { Actor, ReportedCall } from './call.ts';

/** What wakes a reconcile, the most telling first. */
export const triggerKinds = ['event', 'desired', 'person', 'requeue', 'sweep'] as const;

export type TriggerKind = (typeof triggerKinds)[number];

/** What woke a reconcile. It says where to look. Evidence of calls lies beside the table, in rows. */
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
      /** The item was deleted, whether or not it is there again. */
      readonly deleted: true;
    }
  | {
      readonly kind: 'desired' | 'person' | 'requeue';
      /** The sequence number of the stream record, or the id of the message. */
      readonly id?: string;
    }
  | { readonly kind: 'sweep' };

/** What is left of triggers that are handed to another: their kinds, and the ids of deletions of the item. */
export interface Left {
  readonly kinds: readonly TriggerKind[];
  readonly deletions: readonly string[];
}

export const nothingLeft: Left = { kinds: [], deletions: [] };

export const leftOf = (trigger: Trigger): Left => ({
  kinds: [trigger.kind],
  deletions: 'deleted' in trigger ? [trigger.id] : [],
});

/** Both together, each kind and each deletion once, in an order of their own. */
export const together = (one: Left, other: Left): Left => ({
  kinds: triggerKinds.filter((kind) => one.kinds.includes(kind) || other.kinds.includes(kind)),
  deletions: [...new Set([...one.deletions, ...other.deletions])].sort(),
});

/** What a reconcile answers for: what others left, and its own trigger in the first round. */
export interface Occasion extends Left {
  readonly trigger?: Trigger;
}

/** A trigger as statuses and runs show it. */
export interface ShownTrigger {
  readonly kind: TriggerKind;
  readonly id?: string;
  /** The API call, for an event; `REMOVE` for a deleted item. */
  readonly name?: string;
  readonly time?: string;
  /** The id by which the table was found, where the call did not name the table itself. */
  readonly via?: string;
}

/** What woke a reconcile, and who made the call. */
export interface Waker {
  readonly trigger: ShownTrigger;
  readonly actor?: Actor;
}

/** The name of a deletion, as DynamoDB's streams spell it. */
export const itemWasDeleted = 'REMOVE';

/**
 * What a reconcile shows as its trigger: the call of its own event, or else the newest new call with an actor.
 *
 * @param calls all calls about the table, the newest first
 * @param newCalls those of them that are new
 */
export function wakerOf(
  { trigger, kinds }: Occasion,
  calls: readonly ReportedCall[],
  newCalls: readonly ReportedCall[],
): Waker {
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
