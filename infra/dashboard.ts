import { Duration, Stack } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  CustomWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
  PeriodOverride,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { MetricName } from '../reconciler/core/announce/metrics.ts';
import { reconcilerMetric } from './metrics.ts';

export interface FleetDashboardProps {
  readonly alarms: readonly IAlarm[];
  /** Renders the fleet and the page of one table. */
  readonly widget: IFunction;
  /** The functions that reconcile, by the name that people use. */
  readonly functions: Readonly<Record<string, IFunction>>;
  /** The function that route calls of others invoke. */
  readonly onRouteChange: IFunction;
  readonly queues: Readonly<Record<string, IQueue>>;
}

/** The page of the dashboard in the console. The dashboard is named for its stack. */
export const dashboardUrl = ({ region, stackName }: Stack): string =>
  `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${stackName}`;

const columns = 24;
const period = Duration.minutes(5);

/** The operator's dashboard. Its rows answer the questions in the order in which an operator asks them. */
export class FleetDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: FleetDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: Stack.of(this).stackName,
      defaultInterval: Duration.hours(12),
      periodOverride: PeriodOverride.INHERIT,
    });
    const { functions, queues } = props;
    this.row('Is anything wrong now?', [
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 12, height: 8 }),
      tablesNow(8),
    ]);
    this.row('Which tables, since when, and who was it?', [
      new CustomWidget({
        title: 'Route tables',
        functionArn: props.widget.functionArn,
        width: columns,
        height: 12,
        updateOnRefresh: true,
        updateOnResize: false,
        updateOnTimeRangeChange: false,
      }),
    ]);
    this.row('What was repaired, and how fast?', [
      graph('Routes that others changed', [...sums('DriftDetected', 'DriftObserved', 'RoutesLeftAlone')]),
      graph('Routes changed', [...sums('RoutesReplaced', 'RoutesDeleted', 'RoutesCreated')]),
      new GraphWidget({
        title: 'From the call that caused the drift to the repair',
        left: ['p50', 'p99', 'Maximum'].map((statistic) =>
          reconcilerMetric('HealLatency', { statistic, period, label: statistic }),
        ),
        width: 8,
        height: 6,
        leftYAxis: { min: 0, label: 'ms', showUnits: false },
      }),
    ]);
    this.row('What needs a person?', [
      graph('Newly failed, blocked, invalid or contested', [
        ...sums('ChangesFailed', 'PlansBlocked', 'InvalidDesired', 'Contested'),
      ]),
      graph('Blackholes: new, and as found by the sweeps', [
        ...sums('Blackholes', 'BlackholesObserved'),
        atMost('BlackholesKnown'),
      ]),
      graph(
        'Messages waiting in queues',
        Object.entries(queues).map(([label, queue]) =>
          queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum', label }),
        ),
      ),
    ]);
    this.row('Are events flowing? Is the sweep alive?', [
      graph('Events that started on-route-change', [
        props.onRouteChange.metricInvocations({ period, label: 'on-route-change' }),
        ...sums('MissedByEvents'),
      ]),
      graph('Sweeps completed', [...sums('SweepCompleted'), atMost('ItemsMissing'), atMost('MappingsDisabled')]),
      graph('Duration of a sweep', [reconcilerMetric('SweepDuration', { statistic: 'Maximum', period, label: 'ms' })]),
    ]);
    this.row('Functions: latency, errors, throttles, cost', [
      graph(
        'Duration, p99 (ms)',
        each(functions, (one, label) => one.metricDuration({ period, statistic: 'p99', label })),
      ),
      graph('Errors and throttles', [
        ...each(functions, (one, label) => one.metricErrors({ period, label: `${label}: errors` })),
        ...each(functions, (one, label) => one.metricThrottles({ period, label: `${label}: throttles` })),
        props.widget.metricErrors({ period, label: 'widget: errors' }),
        ...sums('EventsNotTold', 'EventsDropped'),
      ]),
      graph(
        'Invocations (billed)',
        each(functions, (one, label) => one.metricInvocations({ period, label })),
      ),
    ]);
  }

  private row(question: string, widgets: readonly IWidget[]): void {
    this.dashboard.addWidgets(new TextWidget({ markdown: `## ${question}`, width: columns, height: 1 }));
    this.dashboard.addWidgets(...widgets);
  }
}

const tablesNow = (height: number): GraphWidget =>
  new GraphWidget({
    title: 'Tables, as found by the sweeps',
    left: (
      ['TablesManaged', 'TablesOutOfSync', 'TablesWaiting', 'TablesObserved', 'TablesStopped', 'TablesUnknown'] as const
    ).map(atMost),
    width: columns / 2,
    height,
    leftYAxis: { min: 0, showUnits: false },
  });

const sums = (...names: readonly MetricName[]): IMetric[] =>
  names.map((name) => reconcilerMetric(name, { statistic: 'Sum', period, label: name }));

const atMost = (name: MetricName): IMetric => reconcilerMetric(name, { statistic: 'Maximum', period, label: name });

const each = (functions: Readonly<Record<string, IFunction>>, metric: (one: IFunction, label: string) => IMetric) =>
  Object.entries(functions).map(([label, one]) => metric(one, label));

const graph = (title: string, left: IMetric[]): GraphWidget =>
  new GraphWidget({ title, left, width: columns / 3, height: 6, leftYAxis: { min: 0, showUnits: false } });
