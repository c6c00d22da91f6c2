import { isDeepStrictEqual } from 'node:util';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import type { StoredState } from '../../reconciler/ports.ts';

type EventOf<Type extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: Type }>;

export const isDetected = (event: DomainEvent): event is EventOf<'Route Drift Detected'> =>
  event.type === 'Route Drift Detected';

export const isLeftAlone = (event: DomainEvent): event is EventOf<'Route Left Alone'> =>
  event.type === 'Route Left Alone';

/** Routes are kept because their listed targets are down. */
export const isTargetDown = (event: DomainEvent): event is EventOf<'Route Reconcile Failed'> =>
  event.type === 'Route Reconcile Failed' && event.detail.code === 'target-down';

/** We moved routes away from dead targets. */
export const isMoved = (event: DomainEvent): event is EventOf<'Route Blackholed'> =>
  event.type === 'Route Blackholed' && event.detail.state === 'moved';

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

/** The revision in the id of an event about all tables. The id consists of `*`, revision and content. */
const revisionOf = ({ detail }: OrderEvent): number => Number(detail.id.split('/')[1]);

/** An event, with the first state that kept it as unsent. */
interface Born {
  readonly event: DomainEvent;
  /** States of all tables are counted together. */
  readonly order: number;
  isTaken: boolean;
}

/** The announcements of a history: when each event arose, and whether EventBridge accepted it. */
export class Announcements {
  readonly #events = new Map<string, Born>();
  readonly #contents = new Set<string>();
  /** Sums of metrics, by name: those that states had to publish, and those that were published. */
  readonly due = new Map<string, number>();
  readonly counted = new Map<string, number>();
  /** A function died, or got no answer, between an announcement and its record. So it may be repeated. */
  mayBeRepeated = false;
  /** The number of the last event of a table before its drift was forgotten. */
  #forgotten = new Map<string, number>();
  /** Announcements between a backup and its restore, which no state remembers. */
  readonly #void: { readonly from: number; readonly to: number }[] = [];
  /** Events about orders for all tables that EventBridge took, by id. */
  #ofAll = new Map<string, OrderEvent>();
  #order = 0;

  /**
   * The news that a state has and its predecessor does not.
   *
   * @param before the state on which it rests
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

  /** A function published metrics, and sent events to EventBridge. */
  announced({ metrics }: News, taken: readonly DomainEvent[]): void {
    // A sweep counts rows that are no state of any table.
    if (!metrics.some(({ name }) => name === 'SweepCompleted')) add(this.counted, metrics);
    for (const { detail } of taken) {
      const born = this.#events.get(detail.id);
      if (born) born.isTaken = true;
    }
  }

  /** EventBridge accepted events about orders for all tables. */
  ofAll(taken: readonly DomainEvent[]): void {
    for (const event of taken.filter(isOrder)) this.#ofAll.set(event.detail.id, event);
  }

  /** Orders whose start was announced and whose end was not: for a table, or with `*` for all tables. */
  openOrders(scope: string): ReadonlySet<string> {
    const open = new Set<string>();
    if (scope === '*') {
      // A rejected event is sent after later ones, and may be repeated.
      for (const event of [...this.#ofAll.values()].toSorted((one, other) => revisionOf(one) - revisionOf(other)))
        track(open, event);
      return open;
    }
    for (const { event, order, isTaken } of this.#events.values())
      if (isTaken && event.detail.routeTableId === scope && isOrder(event) && this.#isRemembered(scope, order))
        track(open, event);
    return open;
  }

  /** Whether an event repeats the start or the end of an order that a state of its table announced before. */
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

  /** The state of a table is lost, with its unsent news. */
  lost(routeTableId: string, unsent: News | undefined): void {
    this.forgot(routeTableId);
    add(this.due, unsent?.metrics ?? [], -1);
    if (unsent) this.mayBeRepeated = true;
  }

  /** The drift of a table is forgotten, so its end is not announced. */
  forgot(routeTableId: string): void {
    this.#forgotten.set(routeTableId, this.#order);
  }

  /** Makes a backup of the remembered announcements. The result restores it. */
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

  /** The event with this id, as the first state had it. */
  event(id: string): DomainEvent | undefined {
    return this.#events.get(id)?.event;
  }

  /** Whether an event with the same content has another id. */
  hasTwin(event: DomainEvent): boolean {
    return this.#contents.has(contentOf(event));
  }

  /** The accepted events about one table, in the order in which they arose. */
  takenOf(routeTableId: string): readonly DomainEvent[] {
    return [...this.#events.values()]
      .filter(({ event, isTaken }) => isTaken && event.detail.routeTableId === routeTableId)
      .map(({ event }) => event);
  }

  /** Destinations whose drift was announced and is remembered, and whose end was not announced. */
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
