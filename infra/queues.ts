import { Duration, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** How all queues are protected. */
export interface QueueSecurity {
  readonly enforceSSL: boolean;
  /** @default - a key of SQS */
  readonly encryptionKey?: IKey | undefined;
}

const secured = ({ enforceSSL, encryptionKey }: QueueSecurity): QueueProps =>
  encryptionKey
    ? { enforceSSL, encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey }
    : { enforceSSL, encryption: QueueEncryption.SQS_MANAGED };

/** Keeps failed messages for 14 days, the maximum of SQS: people find them even after a holiday. */
export function deadLetterQueue(scope: Construct, id: string, security: QueueSecurity): Queue {
  const queue = new Queue(scope, id, {
    ...secured(security),
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'It is a dead-letter queue itself.' });
  return queue;
}

/** Delays messages that ask for another reconcile. A message is delivered again 5 times, and then goes to `failed`. */
export function requeueQueue(scope: Construct, failed: Queue, security: QueueSecurity): Queue {
  return new Queue(scope, 'Requeue', {
    ...secured(security),
    // Lambda counts each delivery that it throttles, so a short storm must not use them all up.
    deadLetterQueue: { queue: failed, maxReceiveCount: 6 },
    // Six times the function's timeout, as AWS advises: a message is not delivered again while it is processed.
    visibilityTimeout: Duration.minutes(6),
    // After an hour a message is stale: a sweep has read the table anyway.
    retentionPeriod: Duration.hours(1),
  });
}
