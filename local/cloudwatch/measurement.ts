import {
  type CloudWatchClient,
  type MetricDatum,
  PutMetricDataCommand,
  type StandardUnit,
} from '@aws-sdk/client-cloudwatch';

/** Values of one metric at one time. Namespace, name and dimensions together identify the metric. */
export interface Measurement {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  readonly unit: StandardUnit;
  readonly time: Date;
}

/** The most datums that PutMetricData accepts in one call. */
const datumsInACall = 1_000;

/**
 * Writes each measurement once, in batches of one namespace. After a failed call, the rest waits for the next call.
 *
 * @param put accepts a whole batch, or throws
 */
export function metricWriter(
  put: (namespace: string, batch: readonly Measurement[]) => Promise<unknown>,
): (measurements: readonly Measurement[]) => Promise<void> {
  let waiting: readonly Measurement[] = [];
  return async (measurements) => {
    waiting = [...waiting, ...measurements];
    while (waiting[0]) {
      const { namespace } = waiting[0];
      const batch = waiting.filter((each) => each.namespace === namespace).slice(0, datumsInACall);
      await put(namespace, batch);
      const taken = new Set(batch);
      waiting = waiting.filter((each) => !taken.has(each));
    }
  };
}

/** Writes measurements to CloudWatch. */
export const putMetricData = (cloudwatch: CloudWatchClient) => (Namespace: string, batch: readonly Measurement[]) =>
  cloudwatch.send(new PutMetricDataCommand({ Namespace, MetricData: batch.map(toDatum) }));

const toDatum = ({ name, dimensions, values, unit, time }: Measurement): MetricDatum => ({
  MetricName: name,
  Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
  Values: [...values],
  Unit: unit,
  Timestamp: time,
});
