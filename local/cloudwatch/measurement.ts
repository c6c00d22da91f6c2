import {
  type CloudWatchClient,
  type MetricDatum,
  PutMetricDataCommand,
  type StandardUnit,
} from '@aws-sdk/client-cloudwatch';

/** Values of one metric at one time; namespace, name and dimensions together say of which. */
export interface Measurement {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  readonly unit: StandardUnit;
  readonly time: Date;
}

/** More are refused in one call. */
const datumsInACall = 1_000;

/**
 * Hands measurements on, each once, in batches of one namespace: what a failed call did not take waits for the next.
 *
 * @param put takes a batch as a whole, or throws
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

/** Puts measurements into CloudWatch. */
export const putMetricData = (cloudwatch: CloudWatchClient) => (Namespace: string, batch: readonly Measurement[]) =>
  cloudwatch.send(new PutMetricDataCommand({ Namespace, MetricData: batch.map(toDatum) }));

const toDatum = ({ name, dimensions, values, unit, time }: Measurement): MetricDatum => ({
  MetricName: name,
  Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
  Values: [...values],
  Unit: unit,
  Timestamp: time,
});
