import path from 'node:path';
import { ArnFormat, Duration, type RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, type Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type RoleNames, namedRole } from './roles.ts';

/** Where the code of all functions is: in a folder here, or in a zip file in a bucket, each with `<entry>/index.mjs`. */
export type FunctionCode = { readonly directory: string } | { readonly bucket: IBucket; readonly key: string };

/** Where in a VPC the functions run. */
export interface VpcPlacement {
  readonly vpc: IVpc;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: ISecurityGroup[];
}

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
  readonly roles: RoleNames;
  /**
   * Encrypts the log.
   * @default - a key of CloudWatch Logs
   */
  readonly encryptionKey?: IKey | undefined;
  /** @default - in no VPC */
  readonly network?: VpcPlacement | undefined;
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
      ...(props.encryptionKey && { encryptionKey: props.encryptionKey }),
    });
    // Avoid the managed policy AWSLambdaBasicExecutionRole: it allows writes to every log group of the account.
    const lambda = new ServicePrincipal('lambda.amazonaws.com');
    this.role = namedRole(this, 'Role', { ...props.roles, name: id, assumedBy: lambda });
    this.logGroup.grantWrite(this.role);
    if (props.network) allowInterfaces(this.role);

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
      ...props.network,
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

/**
 * Lets Lambda attach the function to its VPC, and keeps the function's own code from using these permissions. (The
 * managed policy AWSLambdaVPCAccessExecutionRole would let the code use them, and write every log group.)
 */
function allowInterfaces(role: Role): void {
  const writes = [
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const reads = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];
  role.addToPolicy(new PolicyStatement({ sid: 'AttachToVpc', actions: [...writes, ...reads], resources: ['*'] }));
  const anyFunction = Stack.of(role).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: '*',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  role.addToPolicy(
    new PolicyStatement({
      sid: 'OnlyLambdaAttaches',
      effect: Effect.DENY,
      actions: writes,
      resources: ['*'],
      // Calls of the function's code have this key. Lambda's own calls do not.
      conditions: { ArnLike: { 'lambda:SourceFunctionArn': anyFunction } },
    }),
  );
}

function codeOf(entry: string, code: FunctionCode): { readonly code: Code; readonly handler: string } {
  return 'directory' in code
    ? { code: Code.fromAsset(path.join(code.directory, entry)), handler: 'index.handler' }
    : { code: Code.fromBucket(code.bucket, code.key), handler: `${entry}/index.handler` };
}
