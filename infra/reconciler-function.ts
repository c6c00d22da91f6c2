import path from 'node:path';
import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** Where the code of all functions is: in a folder here, or in a zip file in a bucket, each with `<entry>/index.mjs`. */
export type FunctionCode = { readonly directory: string } | { readonly bucket: IBucket; readonly key: string };

export interface ReconcilerFunctionProps {
  /** The function's file in `lambdas/`, without its extension. */
  readonly entry: string;
  readonly description: string;
  readonly code: FunctionCode;
  readonly environment: Readonly<Record<string, string>>;
  /** Base URL of the EC2 endpoints. The function uses the one of its own role: `<ec2Endpoint>/role/<role name>`. */
  readonly ec2Endpoint?: string | undefined;
  /** MiB. */
  readonly memory: number;
  readonly logRetention: RetentionDays;
  readonly logRemovalPolicy: RemovalPolicy;
  readonly reservedConcurrency?: number | undefined;
  /** For a function invoked asynchronously: receives invocations that failed three times or expired. */
  readonly failedInvocations?: IQueue;
}

/**
 * One function of the reconciler, with its own role and log group. Its role may write that log group and nothing else.
 */
export class ReconcilerFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: ReconcilerFunctionProps) {
    super(scope, id);

    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention,
      removalPolicy: props.logRemovalPolicy,
    });
    // Avoid the managed policy AWSLambdaBasicExecutionRole: it allows writes to every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);

    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      ...codeOf(props.entry, props.code),
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      memorySize: props.memory,
      timeout: Duration.seconds(60),
      environment: {
        ...props.environment,
        NODE_OPTIONS: '--enable-source-maps',
        ...(props.ec2Endpoint && { AWS_ENDPOINT_URL_EC2: `${props.ec2Endpoint}/role/${this.role.roleName}` }),
      },
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(props.failedInvocations && {
        onFailure: new SqsDestination(props.failedInvocations),
        retryAttempts: 2,
        // An event only names the tables to read. After an hour, a sweep has read them anyway.
        maxEventAge: Duration.hours(1),
      }),
    });
  }
}

function codeOf(entry: string, code: FunctionCode): { readonly code: Code; readonly handler: string } {
  return 'directory' in code
    ? { code: Code.fromAsset(path.join(code.directory, entry)), handler: 'index.handler' }
    : { code: Code.fromBucket(code.bucket, code.key), handler: `${entry}/index.handler` };
}
