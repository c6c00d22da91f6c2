import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { measurementsIn } from '../../../local/cloudwatch/emf.ts';
import { connect } from '../../../local/stack.ts';
import { localStack } from './local-stack.ts';

/** The sums of the metrics that the log lines of all functions count for one table. Metrics without a line are absent. */
export async function metricsOf(routeTableId: string): Promise<Readonly<Record<string, number>>> {
  const client = new CloudWatchLogsClient(connect(localStack()).aws);
  const sums: Record<string, number> = {};
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {}))
    for (const { logGroupName = '' } of logGroups) {
      const filterPattern = `"${routeTableId}"`;
      for await (const { events = [] } of paginateFilterLogEvents({ client }, { logGroupName, filterPattern }))
        for (const { name, values } of events.flatMap(({ message = '' }) => measurementsIn(message)))
          sums[name] = values.reduce((sum, value) => sum + value, sums[name] ?? 0);
    }
  return sums;
}
