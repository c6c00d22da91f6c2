import { StandardUnit } from '@aws-sdk/client-cloudwatch';
import { z } from 'zod';
import type { Measurement } from './measurement.ts';

const directive = z.object({
  Namespace: z.string().min(1),
  Dimensions: z.array(z.array(z.string()).max(30)),
  Metrics: z.array(z.object({ Name: z.string().min(1), Unit: z.enum(StandardUnit).catch('None') })).max(100),
});

const schema = z.looseObject({
  _aws: z.object({
    // The latest time that a `Date` can hold.
    Timestamp: z.int().min(0).max(8.64e15),
    CloudWatchMetrics: z.array(directive),
  }),
});

const metricTarget = z.union([z.number().transform((value) => [value]), z.array(z.number()).min(1).max(100)]);

/**
 * The metrics that a log line in the embedded metric format asks CloudWatch to extract, one for each set of dimensions.
 *
 * Returns nothing for a line that is not in this format. Skips a metric or a set of dimensions if a member it names is
 * absent or has the wrong type; the others are still returned.
 *
 * Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function measurementsIn(line: string): readonly Measurement[] {
  const { data: root } = schema.safeParse(parseJson(line));
  if (!root) return [];
  const {
    _aws: { Timestamp, CloudWatchMetrics },
  } = root;
  const time = new Date(Timestamp);
  return CloudWatchMetrics.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const { data: dimensions } = dimensionTargets.safeParse(membersOf(root, names));
      if (!dimensions) return [];
      return Metrics.flatMap(({ Name: name, Unit: unit }) => {
        const { data: values } = metricTarget.safeParse(membersOf(root, [name])[name]);
        return values ? [{ namespace, name, dimensions, values, unit, time }] : [];
      });
    }),
  );
}

const dimensionTargets = z.record(z.string(), z.string().min(1));

/** These members of the root itself. A dot in a name does not address a nested member. */
const membersOf = (root: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, Object.hasOwn(root, name) ? root[name] : undefined]));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
