import { Duration, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** Keeps what nobody could work on, as long as SQS keeps anything: whoever comes back from holidays still finds it. */
export function deadLetterQueue(scope: Construct, id: string, enforceSSL: boolean): Queue {
  const queue = new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL,
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'It is a dead-letter queue itself.' });
  return queue;
}

/** Holds "look at this table again" until it is time; what fails three times goes to `failed`. */
export function requeueQueue(scope: Construct, failed: Queue, enforceSSL: boolean): Queue {
  return new Queue(scope, 'Requeue', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL,
    // Six times the function's timeout, as AWS advises: a message is not seen twice while it is worked on.
    visibilityTimeout: Duration.minutes(6),
    // Old enough to be out of date: the sweep has long looked there.
    retentionPeriod: Duration.hours(1),
    deadLetterQueue: { queue: failed, maxReceiveCount: 3 },
  });
}
