import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type DomainEvent, eventSource } from '../core/announce/domain-event.ts';
import { type Metric, metricUnits } from '../core/announce/metrics.ts';
import type { Announcer, Log } from '../ports.ts';

/** The limits of one PutEvents call: 10 events, and 256 KB together. The bytes leave room for the other fields. */
const entriesAtOnce = 10;
const bytesAtOnce = 240_000;

const notAccepted = 'EventBridge did not accept events';

/** Powertools' metrics, as far as they are used here. */
interface Meters {
  addMetric(name: string, unit: (typeof MetricUnit)[keyof typeof MetricUnit], value: number): unknown;
  addMetadata(key: string, value: string): unknown;
  publishStoredMetrics(): void;
}

/**
 * Metrics go to the log in the embedded metric format, from which CloudWatch extracts them. The log line also says which
 * table they count for: as a dimension, each table would be a metric of its own. Events go to the account's default bus.
 * How many of them EventBridge rejected is a metric, too. The log says why, and the caller what becomes of them. An event
 * that is too large for EventBridge is dropped and counted.
 */
export function announcer(bus: EventBridgeClient, metrics: Meters, log: Log): Announcer {
  function measure(values: readonly Metric[], routeTableId?: string): void {
    if (values.length === 0) return;
    for (const { name, value } of values) metrics.addMetric(name, MetricUnit[metricUnits[name]], value);
    if (routeTableId !== undefined) metrics.addMetadata('routeTableId', routeTableId);
    metrics.publishStoredMetrics();
  }

  /** Sends the events of one call. Returns those that EventBridge rejected. */
  async function put(events: readonly DomainEvent[], routeTableId?: string): Promise<readonly DomainEvent[]> {
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
      const rejected = events.filter((_, index) => Entries[index]?.EventId === undefined);
      if (rejected.length > 0) {
        const { ErrorCode: code, ErrorMessage: reason } = Entries.find(({ EventId }) => EventId === undefined) ?? {};
        log.error(notAccepted, { routeTableId, events: rejected.length, code, reason });
      }
      return rejected;
    } catch (error) {
      log.error(notAccepted, { routeTableId, events: events.length, error });
      return events;
    }
  }

  return {
    async announce({ metrics: values, events }, routeTableId) {
      measure(values, routeTableId);
      const sendable = events.filter((event) => bytesOf(event) <= bytesAtOnce);
      const rejected: DomainEvent[] = [];
      for (const batch of batchesOf(sendable)) rejected.push(...(await put(batch, routeTableId)));
      const dropped = events.length - sendable.length;
      if (dropped > 0) measure([{ name: 'EventsDropped', value: dropped }], routeTableId);
      if (rejected.length > 0) measure([{ name: 'EventsNotTold', value: rejected.length }], routeTableId);
      return rejected;
    },
  };
}

/** Events in their order, as many in each batch as one call takes: one large event must not make the others fail. */
function batchesOf(events: readonly DomainEvent[]): readonly (readonly DomainEvent[])[] {
  const batches: DomainEvent[][] = [];
  let bytes = Infinity;
  for (const event of events) {
    const size = bytesOf(event);
    const last = batches.at(-1);
    if (last && last.length < entriesAtOnce && bytes + size <= bytesAtOnce) {
      last.push(event);
      bytes += size;
    } else {
      batches.push([event]);
      bytes = size;
    }
  }
  return batches;
}

const bytesOf = ({ detail }: DomainEvent): number => Buffer.byteLength(JSON.stringify(detail));
