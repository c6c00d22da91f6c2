import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type DomainEvent, eventSource } from '../core/domain-event.ts';
import { type News, metricUnits } from '../core/news.ts';
import type { Announcer } from '../ports.ts';

/** PutEvents accepts at most 10 entries. */
const entriesAtOnce = 10;

/** The part of Powertools' metrics that is used here. */
interface Meters {
  addMetric(name: string, unit: (typeof MetricUnit)[keyof typeof MetricUnit], value: number): unknown;
  publishStoredMetrics(): void;
}

/**
 * Publishes metrics and events. Metrics go to the log in the embedded metric format, from which CloudWatch extracts
 * them. Events go to the default bus of the account.
 *
 * Throws when EventBridge rejects some of the events. All other events and the metrics have been published by that
 * point, and the metric `EventsNotTold` counts the rejected events.
 */
export function announcer(bus: EventBridgeClient, metrics: Meters): Announcer {
  function measure(values: News['metrics']): void {
    for (const { name, value } of values) metrics.addMetric(name, MetricUnit[metricUnits[name]], value);
    if (values.length > 0) metrics.publishStoredMetrics();
  }

  /** Publishes up to 10 events. Returns how many of them EventBridge rejected, and why. */
  async function put(events: readonly DomainEvent[]): Promise<{ readonly count: number; readonly why?: unknown }> {
    try {
      const { FailedEntryCount = 0, Entries = [] } = await bus.send(
        new PutEventsCommand({
          Entries: events.map(({ type, detail }) => ({
            Source: eventSource,
            DetailType: type,
            Time: new Date(detail.at),
            Resources: [detail.routeTableId],
            Detail: JSON.stringify(detail),
          })),
        }),
      );
      const failed = Entries.find(({ ErrorCode }) => ErrorCode !== undefined);
      return { count: FailedEntryCount, why: `${failed?.ErrorCode}: ${failed?.ErrorMessage}` };
    } catch (error) {
      return { count: events.length, why: error };
    }
  }

  return {
    async announce({ metrics: values, events }) {
      measure(values);
      let lost = 0;
      let cause: unknown;
      for (let start = 0; start < events.length; start += entriesAtOnce) {
        const { count, why } = await put(events.slice(start, start + entriesAtOnce));
        lost += count;
        if (count > 0) cause ??= why;
      }
      if (lost === 0) return;
      measure([{ name: 'EventsNotTold', value: lost }]);
      throw new Error(
        `EventBridge rejected ${lost} of ${events.length} ${events.length === 1 ? 'event' : 'events'}: ${String(cause)}`,
        { cause },
      );
    },
  };
}
