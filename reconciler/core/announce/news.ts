import type { DomainEvent } from './domain-event.ts';
import { eventsOf } from './events.ts';
import { type Metric, metricsOf } from './metrics.ts';
import type { Transitions } from './transitions.ts';

/** Metric values and domain events to announce. */
export interface News {
  readonly metrics: readonly Metric[];
  readonly events: readonly DomainEvent[];
}

export const noNews: News = { metrics: [], events: [] };

export const isEmpty = ({ metrics, events }: News): boolean => metrics.length + events.length === 0;

export const newsOf = (transitions: Transitions): News => ({
  metrics: metricsOf(transitions),
  events: eventsOf(transitions),
});

/** One table keeps at most this many events that EventBridge rejected. The oldest are dropped first. */
const unsentAtMost = 50;

/** Unsent news, followed by new news. */
export const joined = (unsent: News | undefined, news: News): News => ({
  metrics: [...(unsent?.metrics ?? []), ...news.metrics],
  events: [...(unsent?.events ?? []), ...news.events].slice(-unsentAtMost),
});
