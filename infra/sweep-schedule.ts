import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type RoleNames, namedRole } from './roles.ts';

/** Starts `sweep` once per `interval`. If a start fails, the invocation goes to the queue `undelivered`. */
export function sweepSchedule(
  scope: Construct,
  sweep: IFunction,
  interval: Duration,
  { undelivered, roles }: { readonly undelivered: Queue; readonly roles: RoleNames },
): Schedule {
  const scheduler = new ServicePrincipal('scheduler.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });
  const role = namedRole(scope, 'SweepScheduleRole', { ...roles, name: 'SweepSchedule', assumedBy: scheduler });
  role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [sweep.functionArn] }));
  undelivered.grantSendMessages(role);

  return new Schedule(scope, 'SweepSchedule', {
    description: 'Reads every managed route table, whether or not an event reported a change',
    schedule: ScheduleExpression.rate(interval),
    target: new LambdaInvoke(sweep, {
      // By default, the target would also allow every version of the function.
      role: role.withoutPolicyUpdates(),
      deadLetterQueue: undelivered,
      // Retry for at most 5 minutes: after that, the next sweep is the better retry.
      retryAttempts: 2,
      maxEventAge: Duration.minutes(5),
    }),
  });
}
