import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteTableCommand,
  CreateVpcCommand,
  DeleteRouteCommand,
  DescribeRouteTablesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulators, region, startEmulators } from '../../local/emulators.ts';
import { environmentFor } from '../../local/stack.ts';
import { buildRelease } from '../../infra/release.ts';
import { hasAwsCli } from './support/aws-cli.ts';
import { eventually } from './support/eventually.ts';

// Deploys the files of a release with the AWS CLI alone, as INSTALL.md says, to emulators where nothing is deployed yet.

describe.skipIf(!hasAwsCli())('a release that was installed as INSTALL.md says', { timeout: 180_000 }, () => {
  const release = mkdtempSync(path.join(tmpdir(), 'route-reconciler-release-'));
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  let emulators: Emulators;
  let ec2: EC2Client;
  let lambda: LambdaClient;
  let outputs: ReadonlyMap<string, string>;

  beforeAll(async () => {
    const [, started] = await Promise.all([buildRelease(release), startEmulators()]);
    emulators = started;
    const aws = { endpoint: emulators.ministack, region, credentials };
    ec2 = new EC2Client({ ...aws, endpoint: emulators.moto });
    lambda = new LambdaClient(aws);
    await new S3Client({ ...aws, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: 'release' }));
    const [, commands = ''] = /```sh\n([^]*?)```/.exec(readFileSync(path.join(release, 'INSTALL.md'), 'utf8')) ?? [];
    const addresses = environmentFor({ endpoint: emulators.ministack, ec2Endpoint: emulators.moto });
    await promisify(execFile)('sh', ['-ec', commands], {
      cwd: release,
      env: { ...process.env, ...addresses, BUCKET: 'release' },
    });
    const { Stacks: [found] = [] } = await new CloudFormationClient(aws).send(
      new DescribeStacksCommand({ StackName: 'RouteReconciler' }),
    );
    outputs = new Map(found?.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
    // The only change to what was installed: the functions call this machine's EC2.
    for (const name of ['OnDesiredChange', 'OnRequeue', 'Sweep']) await callLocalEc2(nameOf(name));
  }, 180_000);
  afterAll(async () => {
    await emulators.stop();
    rmSync(release, { recursive: true });
  });

  const nameOf = (name: string): string | undefined => outputs.get(`${name}FunctionName`);

  async function callLocalEc2(FunctionName: string | undefined): Promise<void> {
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const Variables = { ...Environment?.Variables, AWS_ENDPOINT_URL_EC2: emulators.moto };
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  }

  it('makes the routes of an item, and repairs drift that a sweep finds', async () => {
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
    const gateway = { VpcId: Vpc?.VpcId, InternetGatewayId: InternetGateway?.InternetGatewayId };
    await ec2.send(new AttachInternetGatewayCommand(gateway));
    const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId: Vpc?.VpcId }));
    const routeTableId = String(RouteTable?.RouteTableId);
    const defaultRoute = { destination: '0.0.0.0/0', target: gateway.InternetGatewayId };
    const defaultTarget = async () => {
      const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [routeTableId] }));
      const found = RouteTables?.[0]?.Routes?.find((route) => route.DestinationCidrBlock === defaultRoute.destination);
      return found?.GatewayId;
    };

    const dynamodb = new DynamoDBClient({ endpoint: emulators.ministack, region, credentials });
    await DynamoDBDocumentClient.from(dynamodb).send(
      new PutCommand({ TableName: outputs.get('DesiredTableName'), Item: { routeTableId, routes: [defaultRoute] } }),
    );
    await eventually(async () => expect(await defaultTarget()).toBe(defaultRoute.target), { seconds: 60 });

    await ec2.send(
      new DeleteRouteCommand({ RouteTableId: routeTableId, DestinationCidrBlock: defaultRoute.destination }),
    );
    expect(await defaultTarget()).toBeUndefined();
    // A read without a route that was made within the last 30 s may be stale: the first sweeps wait.
    await eventually(
      async () => {
        const { FunctionError, Payload } = await lambda.send(new InvokeCommand({ FunctionName: nameOf('Sweep') }));
        expect({ FunctionError, said: Payload?.transformToString() }).toMatchObject({ FunctionError: undefined });
        expect(await defaultTarget()).toBe(defaultRoute.target);
      },
      { seconds: 60 },
    );
  });
});
