import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type DomainEvent, eventSource } from '../core/announce/domain-event.ts';
import { type Metric, metricUnits } from '../core/announce/metrics.ts';
import type { Announcer } from '../ports.ts';

/** PutEvents takes so many at a time. */
const entriesAtOnce = 10;

/** Powertools' metrics, as far as they are used here. */
interface Meters {
  addMetric(name: string, unit: (typeof MetricUnit)[keyof typeof MetricUnit], value: number): unknown;
  publishStoredMetrics(): void;
}

/**
 * Metrics go to the log in the embedded metric format, from which CloudWatch extracts them. Events go to the account's
 * default bus. How many of them EventBridge rejected is a metric, too.
 */
export function announcer(bus: EventBridgeClient, metrics: Meters): Announcer {
  function measure(values: readonly Metric[]): void {
    for (const { name, value } of values) metrics.addMetric(name, MetricUnit[metricUnits[name]], value);
    if (values.length > 0) metrics.publishStoredMetrics();
  }

  /** Sends at most 10 events. Returns those that EventBridge rejected. */
  async function put(events: readonly DomainEvent[]): Promise<readonly DomainEvent[]> {
    try {
      const { Entries = [] } = await bus.send(
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
      return events.filter((_, index) => Entries[index]?.EventId === undefined);
    } catch {
      return events;
    }
  }

  return {
    async announce({ metrics: values, events }) {
      measure(values);
      const rejected: DomainEvent[] = [];
      for (let start = 0; start < events.length; start += entriesAtOnce)
        rejected.push(...(await put(events.slice(start, start + entriesAtOnce))));
      if (rejected.length > 0) measure([{ name: 'EventsNotTold', value: rejected.length }]);
      return rejected;
    },
  };
}
