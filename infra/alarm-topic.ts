import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/** A topic that CloudWatch alarms of this account, and nobody else outside it, may publish to. */
export function alarmTopic(scope: Construct, enforceSSL: boolean): Topic {
  const alarmsOfThisAccount = new ServicePrincipal('cloudwatch.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });
  // A key of our own: the policy of the AWS-managed one lets no alarm publish, and the alarm would fail in silence.
  const key = new Key(scope, 'Key', {
    description: 'Encrypts the alarms of the route reconciler',
    enableKeyRotation: true,
    // It protects messages in flight only: nothing is lost with it.
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const topic = new Topic(scope, 'Topic', { displayName: 'Route Reconciler', masterKey: key, enforceSSL });
  // A policy of its own takes the place of the default one, which let alarms in. This grants the use of the key as well.
  topic.grantPublish(alarmsOfThisAccount);
  return topic;
}
