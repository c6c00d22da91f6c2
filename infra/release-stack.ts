import { BootstraplessSynthesizer, CfnCondition, CfnParameter, Duration, Fn, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { CfnSubscription } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { RouteReconciler } from './route-reconciler.ts';
import { addOutputs } from './stack.ts';

export interface ReleaseStackProps {
  /** The key that the parameter `CodeKey` has by default. It must change with the code: then an update replaces the code. */
  readonly defaultKey: string;
}

/** The reconciler as a template with parameters, for an account and Region without a CDK bootstrap. */
export class ReleaseStack extends Stack {
  constructor(scope: Construct, id: string, { defaultKey }: ReleaseStackProps) {
    super(scope, id, {
      description: 'Keeps VPC route tables as described in DynamoDB',
      // @ts-expect-error: its optional getter does not fit its own interface under exactOptionalPropertyTypes
      synthesizer: new BootstraplessSynthesizer(),
    });
    const bucket = new CfnParameter(this, 'CodeBucket', {
      description: 'The bucket that contains functions.zip. It must be in the Region of the stack.',
    });
    const key = new CfnParameter(this, 'CodeKey', {
      description: 'The key of functions.zip in that bucket.',
      default: defaultKey,
    });
    const historyDays = new CfnParameter(this, 'HistoryDays', {
      type: 'Number',
      description: 'How many days the history of a table is kept.',
      default: 90,
      minValue: 1,
      maxValue: 3650,
    });
    const alarmEmail = new CfnParameter(this, 'AlarmEmail', {
      description: 'An address that gets all alarms and messages. SNS asks it to confirm. Empty: nobody.',
      default: '',
    });

    const reconciler = new RouteReconciler(this, 'RouteReconciler', {
      code: { bucket: Bucket.fromBucketName(this, 'Code', bucket.valueAsString), key: key.valueAsString },
      historyRetention: Duration.days(historyDays.valueAsNumber),
    });
    const subscription = new CfnSubscription(this, 'AlarmSubscription', {
      topicArn: reconciler.alarmTopic.topicArn,
      protocol: 'email',
      endpoint: alarmEmail.valueAsString,
    });
    subscription.cfnOptions.condition = new CfnCondition(this, 'HasAlarmEmail', {
      expression: Fn.conditionNot(Fn.conditionEquals(alarmEmail.valueAsString, '')),
    });
    addOutputs(this, reconciler);
  }
}
