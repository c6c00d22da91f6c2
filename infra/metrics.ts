import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metricNamespace, metricService } from '../reconciler/core/news.ts';

/** A metric that the functions tell by their logs. It has one dimension, never a table: few metrics, whatever the fleet. */
export const reconcilerMetric = (metricName: MetricName, options: MetricOptions): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: metricService },
    ...options,
  });
