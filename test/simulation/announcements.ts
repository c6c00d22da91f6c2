import { isDeepStrictEqual } from 'node:util';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import type { StoredState } from '../../reconciler/ports.ts';

type EventOf<Type extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: Type }>;

export const isDetected = (event: DomainEvent): event is EventOf<'Route Drift Detected'> =>
  event.type === 'Route Drift Detected';

export const isLeftAlone = (event: DomainEvent): event is EventOf<'Route Left Alone'> =>
  event.type === 'Route Left Alone';

export const isHealed = (event: DomainEvent): event is EventOf<'Route Drift Healed'> =>
  event.type === 'Route Drift Healed';

type OrderEvent = EventOf<'Route Order Given'>;

const isOrder = (event: DomainEvent): event is OrderEvent => event.type === 'Route Order Given';

function track(open: Set<string>, event: OrderEvent): void {
  const { state } = event.detail;
  if (state === 'entered') open.add(placeOf(event));
  else open.delete(placeOf(event));
}

const placeOf = ({ detail: { order } }: OrderEvent): string =>
  [order.kind, order.destination].filter(Boolean).join(' ');

/** The revision of the row of all tables that an event came with: its id is `*`, the revision, the content. */
const revisionOf = ({ detail }: OrderEvent): number => Number(detail.id.split('/')[1]);

/** An event that a state was the first to have among what is unsent. */
interface Born {
  readonly event: DomainEvent;
  /** States of all tables are counted together. */
  readonly order: number;
  isTaken: boolean;
}

/** What is said of a history to whoever listens: when each event came to be, and what became of it. */
export class Announcements {
  readonly #events = new Map<string, Born>();
  readonly #contents = new Set<string>();
  /** Sums of metrics, by name: what states had to announce, and what was. */
  readonly due = new Map<string, number>();
  readonly counted = new Map<string, number>();
  /** Somebody died, or was not answered, between an announcement and the note of it: it is made once more. */
  mayBeRepeated = false;
  /** Up to which order the drift of a table was forgotten. */
  #forgotten = new Map<string, number>();
  /** What was announced between a backup and its restore is remembered by nobody. */
  readonly #void: { readonly from: number; readonly to: number }[] = [];
  /** Events about orders for all tables that EventBridge took, by id. */
  #ofAll = new Map<string, OrderEvent>();
  #order = 0;

  /**
   * What a state has to announce that the state before had not.
   *
   * @param before what it was made from
   */
  born({ unsent }: StoredState, before: StoredState | undefined): News {
    const old = new Set(before?.unsent?.events.map(({ detail }) => detail.id));
    return {
      metrics: unsent?.metrics.slice(before?.unsent?.metrics.length ?? 0) ?? [],
      events: unsent?.events.filter(({ detail }) => !old.has(detail.id)) ?? [],
    };
  }

  wrote({ metrics, events }: News): void {
    this.#order += 1;
    for (const event of events) {
      this.#contents.add(contentOf(event));
      if (!this.#events.has(event.detail.id))
        this.#events.set(event.detail.id, { event, order: this.#order, isTaken: false });
    }
    add(this.due, metrics);
  }

  /** EventBridge was asked to take events; metrics go to the log. */
  announced({ metrics }: News, taken: readonly DomainEvent[]): void {
    add(this.counted, metrics);
    for (const { detail } of taken) {
      const born = this.#events.get(detail.id);
      if (born) born.isTaken = true;
    }
  }

  /** EventBridge took events about orders for all tables. */
  ofAll(taken: readonly DomainEvent[]): void {
    for (const event of taken.filter(isOrder)) this.#ofAll.set(event.detail.id, event);
  }

  /** Orders whose beginning was announced, and their end was not: of a table, or with `*` of all. */
  openOrders(scope: string): ReadonlySet<string> {
    const open = new Set<string>();
    if (scope === '*') {
      // What was rejected comes later than what followed it, and may come again.
      for (const event of [...this.#ofAll.values()].toSorted((one, other) => revisionOf(one) - revisionOf(other)))
        track(open, event);
      return open;
    }
    for (const { event, order, isTaken } of this.#events.values())
      if (isTaken && event.detail.routeTableId === scope && isOrder(event) && this.#isRemembered(scope, order))
        track(open, event);
    return open;
  }

  /** Whether an event announces the beginning of an order, or its end, that a state of its table had announced before. */
  isKnownOrder(event: DomainEvent): boolean {
    if (!isOrder(event)) return false;
    const { routeTableId, state, order } = event.detail;
    const last = [...this.#events.values()].findLast(
      (born) =>
        born.event.detail.routeTableId === routeTableId &&
        this.#isRemembered(routeTableId, born.order) &&
        isOrder(born.event) &&
        placeOf(born.event) === placeOf(event),
    );
    if (!last || !isOrder(last.event)) return false;
    const { detail } = last.event;
    return detail.state === state && (state === 'left' || isDeepStrictEqual(detail.order, order));
  }

  /** The memory of a table is lost, and with it what it had to announce. */
  lost(routeTableId: string, unsent: News | undefined): void {
    this.forgot(routeTableId);
    add(this.due, unsent?.metrics ?? [], -1);
    if (unsent) this.mayBeRepeated = true;
  }

  /** Nobody remembers the drift of a table: nobody announces its end. */
  forgot(routeTableId: string): void {
    this.#forgotten.set(routeTableId, this.#order);
  }

  /** A backup of what is remembered as announced; calling what it returns restores it. */
  backup(): () => void {
    const [from, forgotten, ofAll] = [this.#order, new Map(this.#forgotten), new Map(this.#ofAll)];
    return () => {
      this.#ofAll = ofAll;
      this.#forgotten = forgotten;
      this.#void.push({ from, to: this.#order });
      this.mayBeRepeated = true;
    };
  }

  #isRemembered(routeTableId: string, order: number): boolean {
    const isVoid = this.#void.some(({ from, to }) => order > from && order <= to);
    return !isVoid && order > (this.#forgotten.get(routeTableId) ?? 0);
  }

  /** The event of this id as it was when a state first had it. */
  event(id: string): DomainEvent | undefined {
    return this.#events.get(id)?.event;
  }

  /** Whether an event that says the same has another id. */
  hasTwin(event: DomainEvent): boolean {
    return this.#contents.has(contentOf(event));
  }

  /** What EventBridge took about one table, in the order in which it came to be. */
  takenOf(routeTableId: string): readonly DomainEvent[] {
    return [...this.#events.values()]
      .filter(({ event, isTaken }) => isTaken && event.detail.routeTableId === routeTableId)
      .map(({ event }) => event);
  }

  /** Destinations whose drift was announced, and remembered since, and its end was not. */
  openDrift(routeTableId: string): ReadonlySet<string> {
    const open = new Set<string>();
    for (const { event, order, isTaken } of this.#events.values()) {
      if (!isTaken || event.detail.routeTableId !== routeTableId) continue;
      const destinations = event.detail.changes.map(({ destination }) => destination);
      if (isDetected(event) && this.#isRemembered(routeTableId, order))
        for (const destination of destinations) open.add(destination);
      if (isHealed(event)) for (const destination of destinations) open.delete(destination);
    }
    return open;
  }
}

const contentOf = ({ type, detail: { id: _, ...detail } }: DomainEvent): string => JSON.stringify([type, detail]);

function add(sums: Map<string, number>, metrics: News['metrics'], sign = 1): void {
  for (const { name, value } of metrics) sums.set(name, (sums.get(name) ?? 0) + sign * value);
}
