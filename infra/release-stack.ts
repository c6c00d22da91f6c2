import {
  Aws,
  BootstraplessSynthesizer,
  CfnCondition,
  CfnParameter,
  CfnResource,
  Duration,
  Fn,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { CfnSubscription } from 'aws-cdk-lib/aws-sns';
import type { Construct, IConstruct } from 'constructs';
import { RouteReconciler } from './route-reconciler.ts';

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
    const logRetentionDays = new CfnParameter(this, 'LogRetentionDays', {
      type: 'Number',
      description: 'How many days the logs of the functions are kept.',
      default: RetentionDays.THREE_MONTHS,
      allowedValues: ['7', '30', '90', '180', '365', '731'],
    });
    const alarmEmail = new CfnParameter(this, 'AlarmEmail', {
      description: 'An address that gets all alarms and messages. SNS asks it to confirm. Empty: nobody.',
      default: '',
    });
    const observeOnly = yesOrNo(this, 'ObserveOnly', {
      description: 'Whether no function may write to EC2. Then all drift is only reported.',
    });
    const createTrail = yesOrNo(this, 'CreateTrail', {
      description:
        'Whether to create a CloudTrail trail, and a bucket for it. Needed if no trail logs management write events.',
    });
    const boundary = new CfnParameter(this, 'PermissionsBoundaryArn', {
      description: 'The policy that limits all roles. Empty: none.',
      default: '',
    });
    const rolePath = new CfnParameter(this, 'RolePath', {
      description: 'The path of all roles. It begins and ends with a slash. No other role should have it.',
      default: '/route-reconciler/',
      allowedPattern: '/([!-~]+/)?',
    });

    const hasBoundary = isGiven(this, 'HasPermissionsBoundary', boundary);
    const reconciler = new RouteReconciler(this, 'RouteReconciler', {
      code: { bucket: Bucket.fromBucketName(this, 'Code', bucket.valueAsString), key: key.valueAsString },
      historyRetention: Duration.days(historyDays.valueAsNumber),
      logRetention: logRetentionDays.valueAsNumber,
      rolePath: rolePath.valueAsString,
      permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(
        this,
        'PermissionsBoundary',
        Fn.conditionIf(hasBoundary.logicalId, boundary.valueAsString, Aws.NO_VALUE).toString(),
      ),
      createTrail: true,
    });
    const { onRouteChange, onDesiredChange, onRequeue, sweep } = reconciler;
    for (const { function: each } of [onRouteChange, onDesiredChange, onRequeue, sweep])
      each.addEnvironment('OBSERVE_ONLY', observeOnly.valueAsString);
    onlyIf(is(this, 'MayChangeRoutes', observeOnly, 'false'), reconciler.node.findChild('ChangeRoutes'));
    const createsTrail = is(this, 'CreatesTrail', createTrail, 'true');
    for (const name of ['Trail', 'TrailBucket']) onlyIf(createsTrail, reconciler.node.findChild(name));
    const subscription = new CfnSubscription(this, 'AlarmSubscription', {
      topicArn: reconciler.alarmTopic.topicArn,
      protocol: 'email',
      endpoint: alarmEmail.valueAsString,
    });
    onlyIf(isGiven(this, 'HasAlarmEmail', alarmEmail), subscription);
    Validations.of(this).acknowledge({
      id: 'CloudFormation-Validate::W1030',
      reason: 'The empty default of PermissionsBoundaryArn means that the roles have none.',
    });
    reconciler.addOutputs();
  }
}

const yesOrNo = (scope: Construct, id: string, { description }: { readonly description: string }): CfnParameter =>
  new CfnParameter(scope, id, { description, default: 'false', allowedValues: ['true', 'false'] });

const is = (scope: Construct, id: string, { valueAsString }: CfnParameter, value: string): CfnCondition =>
  new CfnCondition(scope, id, { expression: Fn.conditionEquals(valueAsString, value) });

const isGiven = (scope: Construct, id: string, { valueAsString }: CfnParameter): CfnCondition =>
  new CfnCondition(scope, id, { expression: Fn.conditionNot(Fn.conditionEquals(valueAsString, '')) });

/** Creates these resources only under a condition. */
function onlyIf(condition: CfnCondition, resources: IConstruct): void {
  for (const resource of resources.node.findAll())
    if (resource instanceof CfnResource) resource.cfnOptions.condition = condition;
}
