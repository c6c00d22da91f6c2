import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/**
 * A topic that is encrypted with `key`, or with a new key. Of AWS's services, only CloudWatch alarms of this account may
 * publish to it.
 */
export function alarmTopic(
  scope: Construct,
  { enforceSSL, encryptionKey }: { readonly enforceSSL: boolean; readonly encryptionKey?: IKey | undefined },
): { readonly topic: Topic; readonly key: IKey } {
  const alarmsOfThisAccount = new ServicePrincipal('cloudwatch.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });
  // Use our own key: the policy of the AWS-managed key does not let alarms publish, and they would fail silently.
  const key =
    encryptionKey ??
    new Key(scope, 'Key', {
      description: 'Encrypts the alarms of the route reconciler',
      enableKeyRotation: true,
      // The key protects only messages in flight, so deleting it loses nothing.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  const topic = new Topic(scope, 'Topic', { displayName: 'Route Reconciler', masterKey: key, enforceSSL });
  // An explicit policy replaces the default one, which admits alarms. This call also grants the use of the key.
  topic.grantPublish(alarmsOfThisAccount);
  return { topic, key };
}
