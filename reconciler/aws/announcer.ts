import { MetricUnit, type Metrics } from '@aws-lambda-powertools/metrics';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { eventSource } from '../core/domain-event.ts';
import { metricUnits } from '../core/news.ts';
import type { Announcer } from '../ports.ts';

/** PutEvents takes so many at a time. */
const entriesAtOnce = 10;

/**
 * Metrics go to the log in the embedded metric format, which CloudWatch extracts them from; events go to the account's
 * default bus. Throws when EventBridge took not all of them: the metrics are told by then.
 */
export const announcer = (bus: EventBridgeClient, metrics: Metrics): Announcer => ({
  async announce({ metrics: values, events }) {
    for (const { name, value } of values) metrics.addMetric(name, MetricUnit[metricUnits[name]], value);
    if (values.length > 0) metrics.publishStoredMetrics();
    for (let start = 0; start < events.length; start += entriesAtOnce) {
      const { FailedEntryCount = 0, Entries = [] } = await bus.send(
        new PutEventsCommand({
          Entries: events.slice(start, start + entriesAtOnce).map(({ type, detail }) => ({
            Source: eventSource,
            DetailType: type,
            Time: new Date(detail.at),
            Resources: [detail.routeTableId],
            Detail: JSON.stringify(detail),
          })),
        }),
      );
      const failed = Entries.find(({ ErrorCode }) => ErrorCode !== undefined);
      if (FailedEntryCount > 0)
        throw new Error(
          `EventBridge took ${FailedEntryCount} events not: ${failed?.ErrorCode}: ${failed?.ErrorMessage}`,
        );
    }
  },
});
