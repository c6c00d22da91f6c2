import { createHash } from 'node:crypto';
import type { ChangeJson } from '../route/change.ts';
import { type GivenOrder, type OrderChanges, everyTable } from '../desired/orders.ts';
import type { DomainEvent } from './domain-event.ts';
import { messageOf } from './messages.ts';
import type { WaitingEdit } from '../plan/fleet-brake.ts';
import type { WaitingChange } from '../plan/guard.ts';
import { counted } from '../route/counted.ts';
import { known } from '../route/known.ts';
import type { Actor } from '../memory/call.ts';
import { type Drift, destinationsWhere, rememberedAt } from '../memory/memory.ts';
import type { ShownTrigger } from '../memory/trigger.ts';
import { isSame } from '../status/drift.ts';
import { causedBy } from '../status/phase.ts';
import { type Contested, type Failure, type State, type Status, cut, omittedOf } from '../status/status.ts';
import type { Transitions } from './transitions.ts';

/** The domain events of a reconcile: transitions only, recovery included. */
export function eventsOf(transitions: Transitions): readonly DomainEvent[] {
  const { after, found, ended, entered, left, notices, leftAlone, blackholed, rescued, weakened, orders } = transitions;
  const { status, memory } = after;
  const common = commonTo(status);
  const [firstFound] = ended.map(({ foundAt }) => foundAt).sort();
  const contests = (status.contested ?? []).filter(({ destination }) => entered.contested.includes(destination));
  const events: (DomainEvent | false)[] = [
    found.length > 0 && {
      type: 'Route Drift Detected',
      detail: { ...common(found), enforced: !memory.watched },
    },
    firstFound !== undefined && {
      type: 'Route Drift Healed',
      detail: { ...common(ended), since: firstFound },
    },
    entered.failing.length > 0 && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'entered', failures: status.failures.map(failureShown) },
    },
    left.has('failing') && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'left', failures: [] },
    },
    entered.down.length > 0 && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'entered', code: 'target-down', failures: cut(entered.down).map(downShown(after)) },
    },
    left.has('down') && {
      type: 'Route Reconcile Failed',
      detail: { ...common(), state: 'left', code: 'target-down', failures: [] },
    },
    entered.blocked.length > 0 && {
      type: 'Route Plan Blocked',
      detail: known({ ...common(), state: 'entered' as const, ...blockedShown(after, entered.blocked) }),
    },
    left.has('blocked') && {
      type: 'Route Plan Blocked',
      detail: { ...common(), state: 'left', deletes: [] },
    },
    entered.contested.length > 0 && {
      type: 'Route Table Contested',
      detail: { ...common(), state: 'entered', contests: contests.map(contestShown) },
    },
    left.has('contested') && {
      type: 'Route Table Contested',
      detail: { ...common(), state: 'left', contests: [] },
    },
    leftAlone.length > 0 && {
      type: 'Route Left Alone',
      detail: known({
        ...common(),
        routes: cut(leftAlone).map((route) => ({ ...route, actor: route.actor ?? ('unattributed' as const) })),
        moreRoutes: omittedOf(leftAlone) || undefined,
      }),
    },
    blackholed.length > 0 && {
      type: 'Route Blackholed',
      detail: { ...common(), state: 'entered', routes: [...cut(blackholed)] },
    },
    rescued.length > 0 && {
      type: 'Route Blackholed',
      detail: { ...common(), state: 'moved', routes: [...cut(rescued)] },
    },
    left.has('blackholes') && {
      type: 'Route Blackholed',
      detail: { ...common(), state: 'left', routes: [] },
    },
    weakened.length > 0 && {
      type: 'Route Policy Changed',
      detail: {
        ...common(),
        weakened: weakened.map((one) => ({ ...one, old: [...cut(one.old)], new: [...cut(one.new)] })),
      },
    },
    ...orderEvents(orders, common()),
    ...notices.map(({ notice, actor }) => ({
      type: 'Route Table Changed' as const,
      detail: known({ ...common(), notice, actor }),
    })),
  ];
  return events
    .filter((event) => event !== false)
    .map((event, index) =>
      // By clocks that differ, two reconciles may end at the same time: what they announce has different ids.
      withMessage(withId(event, `${status.routeTableId}/${status.checkedAt}/${hashOf([index, event])}`)),
    );
}

/** The events of orders for one table or, with `*`, for all. */
const orderEvents = (
  { given, ended }: OrderChanges,
  common: Omit<DomainEvent['detail'], 'message'>,
): readonly DomainEvent[] => [
  ...given.map((order) => orderEvent(order, 'entered', common)),
  ...ended.map((order) => orderEvent(order, 'left', common)),
];

/**
 * The events of orders for all tables.
 *
 * @param revision of the change. Two functions that find the same change at the same time give its events the same ids
 */
export function fleetOrderEvents(
  changes: OrderChanges,
  revision: number,
  now: Date,
  trigger: ShownTrigger,
): readonly DomainEvent[] {
  const at = now.toISOString();
  const common = {
    id: '',
    routeTableId: everyTable,
    phase: everyTable,
    reason: 'an order for all tables',
    at,
    trigger,
    changes: [],
  };
  return orderEvents(changes, common).map((event) => {
    const { id: _, at: __, trigger: ___, ...content } = event.detail;
    return withMessage(withId(event, `${everyTable}/${revision}/${hashOf(content)}`));
  });
}

/**
 * What waits for a person. If all that is new waits for the fleet brake, only that is shown: the message about the whole
 * edit is another one.
 */
function blockedShown({ status, memory }: State, entered: readonly string[]) {
  const { blocked } = status.plan ?? {};
  const isByEdit = (destination: string): boolean => rememberedAt(memory, destination).waits === 'fleet-edit';
  const isOnlyEdit = entered.every(isByEdit);
  const waiting = (action: 'delete' | 'replace', shown: readonly WaitingChange[] = []): string[] => {
    const all = destinationsWhere(memory, ({ waits, planned }) => waits !== undefined && planned?.action === action);
    // In the order of the plan, as far as the status shows it.
    return [...new Set([...shown.map(({ destination }) => destination), ...all])].filter(
      (destination) => !isOnlyEdit || isByEdit(destination),
    );
  };
  const replaces = waiting('replace', blocked?.replaces);
  return known({
    code: isOnlyEdit ? 'fleet-edit' : blocked?.code,
    deletes: waiting('delete', blocked?.deletes),
    replaces: replaces.length > 0 ? replaces : undefined,
    edit: blocked?.edit,
  });
}

/** The message about an edit of many items, of which tables wait for a person. The same edit always has the same id. */
export function waitingEditEvent({ id, at }: WaitingEdit, tables: readonly string[], now: Date): DomainEvent {
  const detail = {
    id: `${everyTable}/${id}`,
    routeTableId: everyTable,
    phase: everyTable,
    reason: `an edit of ${counted(tables.length, 'table')} waits since ${at}`,
    at: now.toISOString(),
    trigger: { kind: 'requeue' },
    changes: [],
    state: 'entered' as const,
    code: 'fleet-edit',
    edit: id,
    deletes: [],
    tables: { count: tables.length, first: [...cut(tables)] },
  };
  return withMessage({ type: 'Route Plan Blocked', detail });
}

const hashOf = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);

const orderEvent = (
  { routes, edits, ...order }: GivenOrder,
  state: 'entered' | 'left',
  common: Omit<DomainEvent['detail'], 'message'>,
): DomainEvent => ({
  type: 'Route Order Given',
  detail: {
    ...common,
    state,
    order: known({ ...order, routes: routes && [...routes], edits: edits && [...edits] }),
  },
});

/** Adds the message for people, if the event has one. */
function withMessage<E extends DomainEvent>(event: E): E {
  const message = messageOf(event);
  return message ? { ...event, detail: { ...event.detail, message } } : event;
}

/** The same id each time an event is sent, so that a receiver can drop repeats. */
const withId = <E extends DomainEvent>(event: E, id: string): E => ({ ...event, detail: { ...event.detail, id } });

/** The fields of every event. A change that repairs drift names who caused it, or is `unattributed`. */
function commonTo(status: Status) {
  const { routeTableId, phase, reason, checkedAt: at, plan, drift = [], trigger } = status;
  return (changes: readonly (ChangeJson | Drift)[] = plan?.changes ?? []) =>
    known({
      id: '',
      routeTableId,
      phase,
      reason,
      at,
      trigger,
      planId: plan?.planId,
      changes: cut(changes).map((change) => {
        const { action, destination, from, to } = change;
        return known({ action, destination, from, to, actor: actorBehind(change, drift) });
      }),
      omitted: omittedOf(changes) || undefined,
    });
}

/** Who caused a difference: `unattributed` if no event names the actor, undefined if the difference is not drift. */
export function actorBehind(
  change: ChangeJson | Drift,
  drift: readonly Drift[] = [],
): Actor | 'unattributed' | undefined {
  const one = 'foundAt' in change ? change : drift.findLast((other) => isSame(other, change));
  return one && (one.cause?.actor ?? 'unattributed');
}

const failureShown = ({ action, destination, to, code, message, remedy }: Failure) =>
  known({ action, destination, to, code, message, remedy });

/** A route that is not replaced because its listed target is down. */
const downShown =
  ({ status, memory }: State) =>
  (destination: string) => {
    const { down } = rememberedAt(memory, destination);
    const found = status.plan?.findings.find((one) => one.code === 'target-down' && one.destination === destination);
    return known({
      action: 'replace',
      destination,
      to: down?.target,
      code: 'target-down',
      message: found && `${found.message}${causedBy(down)}`,
    });
  };

const contestShown = ({ destination, target, repairs, by }: Contested) =>
  known({ destination, target, heals: repairs, by: [...by] });
