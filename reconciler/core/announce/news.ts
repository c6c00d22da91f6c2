import type { GivenOrder } from '../desired/orders.ts';
import type { DomainEvent } from './domain-event.ts';
import { eventsOf } from './events.ts';
import { type Metric, metricsOf } from './metrics.ts';
import type { Transitions } from './transitions.ts';

/** Metric values and domain events to announce. */
export interface News {
  readonly metrics: readonly Metric[];
  readonly events: readonly DomainEvent[];
}

/** The orders for all tables, as last announced. */
export interface FleetOrders {
  /** Counts the changes. */
  readonly revision: number;
  /** Those that were in force. */
  readonly orders: readonly GivenOrder[];
  /** Events that EventBridge has not taken yet. */
  readonly unsent: readonly DomainEvent[];
}

export const noNews: News = { metrics: [], events: [] };

export const isEmpty = ({ metrics, events }: News): boolean => metrics.length + events.length === 0;

export const newsOf = (transitions: Transitions): News => ({
  metrics: metricsOf(transitions),
  events: eventsOf(transitions),
});

/** One table keeps at most this many events that EventBridge rejected. */
const unsentAtMost = 200;

/** Unsent news, followed by new news. */
export const joined = (unsent: News | undefined, news: News): News =>
  withFirst(
    { metrics: [...(unsent?.metrics ?? []), ...news.metrics], events: [...(unsent?.events ?? []), ...news.events] },
    unsentAtMost,
  );

/**
 * News with its first events only. The oldest are kept: they report how a problem began, and a flood of later events
 * must not push them out. The others are counted by a metric, which needs no EventBridge. The history has them all.
 */
export function withFirst({ metrics, events }: News, most: number): News {
  const dropped = events.length - most;
  if (dropped <= 0) return { metrics, events };
  return { metrics: [...metrics, { name: 'EventsDropped', value: dropped }], events: events.slice(0, most) };
}
