import type { DomainEvent } from './domain-event.ts';
import { eventsOf } from './events.ts';
import { type Metric, metricsOf } from './metrics.ts';
import type { Transitions } from './transitions.ts';

/** What there is to announce: each value of a metric, and each domain event. */
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

/** One table keeps this many events that EventBridge has not taken. Beyond them the oldest go. */
const unsentAtMost = 50;

/** News that was not announced before, with what is new now. */
export const joined = (unsent: News | undefined, news: News): News => ({
  metrics: [...(unsent?.metrics ?? []), ...news.metrics],
  events: [...(unsent?.events ?? []), ...news.events].slice(-unsentAtMost),
});
