import { Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { FunctionCode } from './reconciler-function.ts';
import { RouteReconciler } from './route-reconciler.ts';
import type { Settings } from './settings.ts';

export interface RouteReconcilerStackProps extends StackProps {
  readonly settings: Settings;
  /**
   * Where the bundled functions are.
   * @default - in `dist/lambdas`, the output of `npm run build`
   */
  readonly code?: FunctionCode | undefined;
}

/** The reconciler as one stack. */
export class RouteReconcilerStack extends Stack {
  constructor(scope: Construct, id: string, { settings, code, ...props }: RouteReconcilerStackProps) {
    super(scope, id, { description: 'Keeps VPC route tables as described in DynamoDB', ...props });
    const { local, sweepEveryMinutes, historyDays, alarmPeriodSeconds } = settings;
    const { alarmTopicArn, encryptionKeyArn, permissionsBoundaryArn, logRetentionDays, ...asTheyAre } = settings;

    const reconciler = new RouteReconciler(this, 'RouteReconciler', {
      ...asTheyAre,
      code,
      sweepInterval: sweepEveryMinutes === undefined ? undefined : Duration.minutes(sweepEveryMinutes),
      historyRetention: historyDays === undefined ? undefined : Duration.days(historyDays),
      alarmPeriod: alarmPeriodSeconds === undefined ? undefined : Duration.seconds(alarmPeriodSeconds),
      logRetention: logRetentionDays,
      ...(alarmTopicArn !== undefined && { alarmTopic: Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn) }),
      ...(encryptionKeyArn !== undefined && { encryptionKey: Key.fromKeyArn(this, 'EncryptionKey', encryptionKeyArn) }),
      ...(permissionsBoundaryArn !== undefined && {
        permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(this, 'PermissionsBoundary', permissionsBoundaryArn),
      }),
      ...(local && {
        // Only AWS may send events with the source `aws.ec2`, so the local stand-in uses its own source.
        eventSources: ['aws.ec2', 'local.ec2'],
        enforceSSL: false,
        // The local EC2 knows roles by their name only.
        rolePath: '/',
        removalPolicy: RemovalPolicy.DESTROY,
        logRetention: RetentionDays.ONE_DAY,
      }),
    });

    if (local) {
      const reason = 'The emulators of the local stack support only plain HTTP.';
      Validations.of(this).acknowledge({ id: 'AwsSolutions-SQS4', reason }, { id: 'AwsSolutions-SNS3', reason });
    }

    reconciler.addOutputs();
  }
}
