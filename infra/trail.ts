import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { ReadWriteType, Trail } from 'aws-cdk-lib/aws-cloudtrail';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** A trail that logs management write events of this Region. EventBridge receives calls only while such a trail exists. */
export function trail(scope: Construct): Trail {
  const bucket = new Bucket(scope, 'TrailBucket', {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    lifecycleRules: [{ expiration: Duration.days(90) }],
    removalPolicy: RemovalPolicy.RETAIN,
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Only CloudTrail writes it. Log the reads of a bucket that is evidence in an audit with a trail of your own.',
  });
  return new Trail(scope, 'Trail', {
    // @ts-expect-error: its optional getter does not fit its own interface under exactOptionalPropertyTypes
    bucket,
    managementEvents: ReadWriteType.WRITE_ONLY,
    isMultiRegionTrail: false,
    includeGlobalServiceEvents: false,
    enableFileValidation: true,
  });
}
