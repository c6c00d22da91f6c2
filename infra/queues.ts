import { Duration, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** Keeps failed messages for 14 days, the maximum of SQS: people find them even after a holiday. */
export function deadLetterQueue(scope: Construct, id: string, enforceSSL: boolean): Queue {
  const queue = new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL,
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'It is a dead-letter queue itself.' });
  return queue;
}

/** Delays messages that ask for another reconcile. A message is delivered again 5 times, and then goes to `failed`. */
export function requeueQueue(scope: Construct, failed: Queue, enforceSSL: boolean): Queue {
  return new Queue(scope, 'Requeue', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL,
    // Lambda counts each delivery that it throttles, so a short storm must not use them all up.
    deadLetterQueue: { queue: failed, maxReceiveCount: 6 },
    // Six times the function's timeout, as AWS advises: a message is not delivered again while it is processed.
    visibilityTimeout: Duration.minutes(6),
    // After an hour a message is stale: a sweep has read the table anyway.
    retentionPeriod: Duration.hours(1),
  });
}
