import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { RouteReconciler } from './route-reconciler.ts';
import type { Settings } from './settings.ts';

export interface RouteReconcilerStackProps extends StackProps {
  readonly settings: Settings;
  /**
   * The directory with one bundled function in each subdirectory.
   * @default - `dist/lambdas`, the output of `npm run build`
   */
  readonly codeDirectory?: string | undefined;
}

/** The reconciler as one stack. Its outputs name the resources that scripts and people need. */
export class RouteReconcilerStack extends Stack {
  constructor(scope: Construct, id: string, { settings, codeDirectory, ...props }: RouteReconcilerStackProps) {
    super(scope, id, { description: 'Keeps VPC route tables as described in DynamoDB', ...props });
    const { local, ec2Endpoint, sweepEveryMinutes, historyDays, alarmPeriodSeconds, managedTag } = settings;

    const reconciler = new RouteReconciler(this, 'RouteReconciler', {
      codeDirectory,
      managedTag,
      ec2Endpoint,
      sweepInterval: sweepEveryMinutes === undefined ? undefined : Duration.minutes(sweepEveryMinutes),
      historyRetention: historyDays === undefined ? undefined : Duration.days(historyDays),
      alarmPeriod: alarmPeriodSeconds === undefined ? undefined : Duration.seconds(alarmPeriodSeconds),
      ...(local && {
        // Only AWS may send events with the source `aws.ec2`, so the local stand-in uses its own source.
        eventSources: ['aws.ec2', 'local.ec2'],
        enforceSSL: false,
        removalPolicy: RemovalPolicy.DESTROY,
        logRetention: RetentionDays.ONE_DAY,
      }),
    });

    if (local) {
      const reason = 'The emulators of the local stack support only plain HTTP.';
      Validations.of(this).acknowledge({ id: 'AwsSolutions-SQS4', reason }, { id: 'AwsSolutions-SNS3', reason });
    }

    this.output('DesiredTableName', reconciler.desiredTable.tableName);
    this.output('OrdersTableName', reconciler.ordersTable.tableName);
    this.output('StateTableName', reconciler.stateTable.tableName);
    this.output('OnRouteChangeFunctionName', reconciler.onRouteChange.function.functionName);
    this.output('OnDesiredChangeFunctionName', reconciler.onDesiredChange.function.functionName);
    this.output('OnRequeueFunctionName', reconciler.onRequeue.function.functionName);
    this.output('SweepFunctionName', reconciler.sweep.function.functionName);
    this.output('RuleName', reconciler.routeCalls.ruleName);
    this.output('SurroundingCallsRuleName', reconciler.surroundingCalls.ruleName);
    this.output('TagCallsRuleName', reconciler.tagCalls.ruleName);
    this.output('InstanceStatesRuleName', reconciler.instanceStates.ruleName);
    this.output('ScheduleName', reconciler.sweepSchedule.scheduleName);
    this.output('AlarmTopicArn', reconciler.alarmTopic.topicArn);
    this.output('WidgetFunctionName', reconciler.widget.function.functionName);
    this.output('DashboardName', reconciler.dashboard.dashboardName);
    this.output('UndeliveredEventsQueueUrl', reconciler.undeliveredEvents.queueUrl);
    this.output('FailedInvocationsQueueUrl', reconciler.failedInvocations.queueUrl);
    this.output('FailedRecordsQueueUrl', reconciler.failedRecords.queueUrl);
    this.output('RequeueQueueUrl', reconciler.requeue.queueUrl);
    this.output('FailedRequeuesQueueUrl', reconciler.failedRequeues.queueUrl);
  }

  private output(name: string, value: string): CfnOutput {
    return new CfnOutput(this, name, { value });
  }
}
