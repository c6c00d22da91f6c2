import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metricNamespace, metricService } from '../reconciler/core/announce/metrics.ts';

/**
 * A metric from the functions' logs. Its only dimension is the service, never a table, so large fleets add no metrics.
 */
export const reconcilerMetric = (metricName: MetricName, options: MetricOptions): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: metricService },
    ...options,
  });
