import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStackResourcesCommand,
  type StackEvent,
  paginateDescribeStackEvents,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
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
import { DeleteCommand, DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulators, region, startEmulators } from '../../../local/emulators.ts';
import { bootstrap, cdkEnvironment, environmentFor } from '../../../local/stack.ts';
import { buildRelease } from '../../../infra/release.ts';
import { addCdk, installPackage } from '../../support/package.ts';
import { hasAwsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';

// Installs a release with the AWS CLI alone, as INSTALL.md says, where nothing is deployed yet. Removes it, and installs the
// example app of the construct, from the packed package, over the tables that the release left.

const root = path.resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

describe.skipIf(!hasAwsCli())('installed', { timeout: 180_000 }, () => {
  const release = mkdtempSync(path.join(tmpdir(), 'route-reconciler-release-'));
  const app = realpathSync(mkdtempSync(path.join(tmpdir(), 'route-reconciler-app-')));
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  let emulators: Emulators;
  let ec2: EC2Client;
  let lambda: LambdaClient;
  let cloudFormation: CloudFormationClient;
  let documents: DynamoDBDocumentClient;
  /** The physical ids of the functions of a stack, by the names of their constructs. */
  let functions: ReadonlyMap<string, string>;
  let routeTableId: string;
  let gateway: string;

  beforeAll(async () => {
    const environment = { ...process.env, HOME: app };
    const [, started] = await Promise.all([buildRelease(release), startEmulators(), installPackage(app, environment)]);
    emulators = started;
    addCdk(app);
    cpSync(path.join(root, 'examples', 'cdk-app'), app, { recursive: true });
    const aws = { endpoint: emulators.ministack, region, credentials };
    ec2 = new EC2Client({ ...aws, endpoint: emulators.moto });
    lambda = new LambdaClient(aws);
    cloudFormation = new CloudFormationClient(aws);
    documents = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
    await new S3Client({ ...aws, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: 'release' }));
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
    gateway = String(InternetGateway?.InternetGatewayId);
    await ec2.send(new AttachInternetGatewayCommand({ VpcId: Vpc?.VpcId, InternetGatewayId: gateway }));
    const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId: Vpc?.VpcId }));
    routeTableId = String(RouteTable?.RouteTableId);
  }, 180_000);
  afterAll(async () => {
    await emulators.stop();
    for (const folder of [release, app]) rmSync(folder, { recursive: true });
  });

  /** The only change to what is installed: the functions call this machine's EC2. */
  async function callLocalEc2(StackName: string): Promise<void> {
    const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
    const found = StackResources.filter(({ ResourceType }) => ResourceType === 'AWS::Lambda::Function');
    functions = new Map(
      found.map(({ LogicalResourceId = '', PhysicalResourceId = '' }) => [
        LogicalResourceId.replace(/^RouteReconciler(.+)Function[0-9A-F]{8}$/, '$1'),
        PhysicalResourceId,
      ]),
    );
    for (const name of ['OnDesiredChange', 'OnRequeue', 'Sweep']) {
      const FunctionName = functions.get(name);
      const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      const Variables = { ...Environment?.Variables, AWS_ENDPOINT_URL_EC2: emulators.moto };
      await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
    }
  }

  async function defaultTarget(): Promise<string | undefined> {
    const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [routeTableId] }));
    return RouteTables?.[0]?.Routes?.find((route) => route.DestinationCidrBlock === '0.0.0.0/0')?.GatewayId;
  }

  async function driftIsRepaired(): Promise<void> {
    await ec2.send(new DeleteRouteCommand({ RouteTableId: routeTableId, DestinationCidrBlock: '0.0.0.0/0' }));
    expect(await defaultTarget()).toBeUndefined();
    // A read without a route that was made within the last 30 s may be stale: the first sweeps wait.
    await eventually(
      async () => {
        const { FunctionError, Payload } = await lambda.send(
          new InvokeCommand({ FunctionName: functions.get('Sweep') }),
        );
        expect({ FunctionError, said: Payload?.transformToString() }).toMatchObject({ FunctionError: undefined });
        expect(await defaultTarget()).toBe(gateway);
      },
      { seconds: 60 },
    );
  }

  const items = async () => (await documents.send(new ScanCommand({ TableName: 'DesiredRouteTables' }))).Items ?? [];

  const runs = async (): Promise<number> => {
    const states = await documents.send(new ScanCommand({ TableName: 'RouteTableStates' }));
    return states.Items?.filter(({ item }) => String(item).startsWith('run#')).length ?? 0;
  };

  it('as a release, it makes the routes of an item, and repairs drift that a sweep finds', async () => {
    const [, commands = ''] = /```sh\n([^]*?)```/.exec(readFileSync(path.join(release, 'INSTALL.md'), 'utf8')) ?? [];
    const addresses = environmentFor({ endpoint: emulators.ministack, ec2Endpoint: emulators.moto });
    await run('sh', ['-ec', commands], { cwd: release, env: { ...process.env, ...addresses, BUCKET: 'release' } });
    await callLocalEc2('RouteReconciler');
    const routes = [{ destination: '0.0.0.0/0', target: gateway }];
    await documents.send(new PutCommand({ TableName: 'DesiredRouteTables', Item: { routeTableId, routes } }));
    await eventually(async () => expect(await defaultTarget()).toBe(gateway), { seconds: 60 });
    await driftIsRepaired();
  });

  it('deleted, it leaves its tables and every route', async () => {
    const StackName = 'RouteReconciler';
    await cloudFormation.send(new DeleteStackCommand({ StackName }));
    await waitUntilStackDeleteComplete({ client: cloudFormation, maxWaitTime: 60, minDelay: 1 }, { StackName });
    expect(await items()).toHaveLength(1);
    expect(await runs()).toBeGreaterThan(0);
    expect(await defaultTarget()).toBe(gateway);
  });

  /** Runs a command of the CDK in the folder of the example. */
  const cdk = (...args: readonly string[]) =>
    run(path.join(root, 'node_modules', '.bin', 'cdk'), [...args, '--ci', '--no-notices', '--no-version-reporting'], {
      cwd: app,
      env: cdkEnvironment(emulators),
    });
  const context = () => ['-c', `routeTableId=${routeTableId}`, '-c', `internetGatewayId=${gateway}`];
  const deploy = (...args: readonly string[]) =>
    cdk('deploy', '--require-approval', 'never', '--import-existing-resources', ...args);
  // The output of a synthesis before saves the next one.
  const synthesized = ['--app', 'cdk.out'];

  it('as a construct, its first deployment fails if another item is there, and takes nothing away', async () => {
    await bootstrap(emulators);
    const before = await items();
    await expect(deploy(...context())).rejects.toThrow('it already has another item');
    expect(await items()).toEqual(before);
    expect(await runs()).toBeGreaterThan(0);
  });

  it('as a construct, it finds the tables that are there, with what they hold, and repairs drift', async () => {
    await documents.send(new DeleteCommand({ TableName: 'DesiredRouteTables', Key: { routeTableId } }));
    const before = await runs();
    await deploy(...synthesized);
    // The emulator creates a stack even over existing tables, so the events must say that it imported them.
    const imported: StackEvent[] = [];
    const pages = paginateDescribeStackEvents({ client: cloudFormation }, { StackName: 'Network' });
    for await (const { StackEvents = [] } of pages)
      imported.push(...StackEvents.filter(({ ResourceStatus }) => ResourceStatus === 'IMPORT_COMPLETE'));
    expect(new Set(imported.map(({ PhysicalResourceId }) => PhysicalResourceId))).toEqual(
      new Set(['DesiredRouteTables', 'RouteTableOrders', 'RouteTableStates']),
    );
    await callLocalEc2('Network');
    expect(await items()).toEqual([
      { routeTableId, routes: [{ destination: '0.0.0.0/0', target: gateway, description: 'internet' }] },
    ]);
    await driftIsRepaired();
    expect(await runs()).toBeGreaterThan(before);
  });

  it('destroyed, it removes the item of the app, and leaves its tables and every route', async () => {
    const other = { routeTableId: 'rtb-0123456789abcdef0', routes: [], mode: 'observe' };
    await documents.send(new PutCommand({ TableName: 'DesiredRouteTables', Item: other }));
    await cdk('destroy', '--force', ...synthesized);
    expect(await items()).toEqual([other]);
    expect(await runs()).toBeGreaterThan(0);
    expect(await defaultTarget()).toBe(gateway);
  });
});
