import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it, vi } from 'vitest';
import { accountId, region, startEmulators } from '../../local/emulators.ts';
import { connect } from '../../local/stack.ts';
import { localStack } from './support/local-stack.ts';

const root = join(import.meta.dirname, '..', '..');

describe('emulators', () => {
  it('run side by side and leave nothing behind, not even function workers', async () => {
    const [one, other] = await Promise.all([startEmulators(), startEmulators()]);
    try {
      expect(new Set([one.ministack, one.moto, other.ministack, other.moto]).size).toBe(4);
      expect(one.scratch).not.toBe(other.scratch);

      const pulse = join(other.scratch, '..', `pulse-${process.pid}`);
      await startRestlessFunction(one, pulse);
      await vi.waitFor(() => expect(sizeOf(pulse)).toBeGreaterThan(0), 5000);
      await one.stop();

      expect(existsSync(one.scratch)).toBe(false);
      expect(readFileSync(join(one.logs, 'ministack.log'), 'utf8')).toContain('cold start');
      for (const endpoint of [one.ministack, one.moto]) await expect(fetch(endpoint)).rejects.toThrow();
      const before = sizeOf(pulse);
      await sleep(300);
      expect(sizeOf(pulse)).toBe(before);

      expect((await fetch(`${other.ministack}/_ministack/health`)).status).toBe(200);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  });
});

/** Deploys and calls a function whose worker keeps writing to a file. */
async function startRestlessFunction({ ministack, scratch }: { ministack: string; scratch: string }, pulse: string) {
  const folder = join(scratch, 'function');
  mkdirSync(folder);
  const source = `import { appendFileSync } from 'node:fs';
    setInterval(() => appendFileSync(${JSON.stringify(pulse)}, 'x'), 20);
    process.on('SIGTERM', () => {});
    export const handler = async () => process.version;`;
  writeFileSync(join(folder, 'index.mjs'), source);
  const python = join(root, '.venv', 'bin', 'python');
  execFileSync(python, ['-m', 'zipfile', '-c', 'code.zip', 'index.mjs'], { cwd: folder });

  const aws = { endpoint: ministack, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const AssumeRolePolicyDocument = document([]);
  const { Role } = await new IAMClient(aws).send(
    new CreateRoleCommand({ RoleName: 'restless', AssumeRolePolicyDocument }),
  );
  const lambda = new LambdaClient(aws);
  const FunctionName = 'restless';
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: Role?.Arn,
      Code: { ZipFile: readFileSync(join(folder, 'code.zip')) },
    }),
  );
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName }));
  expect(Payload?.transformToString()).toBe(JSON.stringify(process.version));
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

// moto answers that this gateway does not exist. That answer is enough to show that the call arrived.
const createRoute = (RouteTableId: string) =>
  new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '198.51.100.0/24', GatewayId: 'igw-1' });

const document = (Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });

describe('EC2 in the local stack', () => {
  const stack = localStack();
  const { aws, ec2 } = connect(stack);
  const anyTable = async () => {
    const { RouteTables = [] } = await new EC2Client(ec2()).send(new DescribeRouteTablesCommand());
    return String(RouteTables[0]?.RouteTableId);
  };

  it('publishes a call on the event bus', async () => {
    const sqs = new SQSClient(aws);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'seen' }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    const bus = new EventBridgeClient(aws);
    const EventPattern = JSON.stringify({ source: ['local.ec2'], detail: { userIdentity: { userName: ['seen'] } } });
    await bus.send(new PutRuleCommand({ Name: 'seen', EventPattern }));
    await bus.send(new PutTargetsCommand({ Rule: 'seen', Targets: [{ Id: 'seen', Arn: Attributes?.QueueArn }] }));

    const routeTableId = await anyTable();
    const calling = new EC2Client(ec2({ kind: 'user', name: 'seen' })).send(createRoute(routeTableId));
    await expect(calling).rejects.toThrow('igw-1');

    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    expect(JSON.parse(Messages[0]?.Body ?? '{}')).toMatchObject({
      source: 'local.ec2',
      'detail-type': 'AWS API Call via CloudTrail',
      account: accountId,
      region,
      detail: {
        eventName: 'CreateRoute',
        errorCode: 'Client.InvalidGatewayID.NotFound',
        requestParameters: { routeTableId, destinationCidrBlock: '198.51.100.0/24', gatewayId: 'igw-1' },
      },
    });
  });

  it('lists the tables with a route in a given state', async () => {
    const client = new EC2Client(ec2());
    const vpcOf = async (CidrBlock: string) => (await client.send(new CreateVpcCommand({ CidrBlock }))).Vpc?.VpcId;
    const [VpcId, PeerVpcId] = [await vpcOf('10.0.0.0/16'), await vpcOf('10.9.0.0/16')];
    const { VpcPeeringConnection } = await client.send(new CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId }));
    const { VpcPeeringConnectionId } = VpcPeeringConnection ?? {};
    await client.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    const { RouteTable } = await client.send(new CreateRouteTableCommand({ VpcId }));
    const { RouteTableId } = RouteTable ?? {};
    const route = { RouteTableId, DestinationCidrBlock: '10.9.0.0/16', VpcPeeringConnectionId };
    await client.send(new CreateRouteCommand(route));
    const tablesIn = async (state: string) => {
      const Filters = [
        { Name: 'route.state', Values: [state] },
        { Name: 'vpc-id', Values: [`${VpcId}`] },
      ];
      const { RouteTables = [] } = await client.send(new DescribeRouteTablesCommand({ Filters }));
      return RouteTables.map(({ RouteTableId, Routes }) => [RouteTableId, Routes?.length]);
    };
    expect(await tablesIn('blackhole')).toEqual([]);
    expect(await tablesIn('active')).toHaveLength(2);

    await client.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));

    expect(await tablesIn('blackhole')).toEqual([[RouteTableId, 2]]);
    expect(await tablesIn('active')).toHaveLength(2);
  });

  it('allows a role only what its policy allows', async () => {
    const routeTableId = await anyTable();
    const client = await role('one-table', {
      Action: 'ec2:CreateRoute',
      Resource: `arn:aws:ec2:${region}:${accountId}:route-table/${routeTableId}`,
    });
    await expect(client.send(createRoute(routeTableId))).rejects.toThrow('igw-1');
    await expect(client.send(createRoute('rtb-other'))).rejects.toMatchObject(denied);
    await expect(client.send(new DescribeRouteTablesCommand())).rejects.toMatchObject(denied);
    const stranger = new EC2Client(ec2({ kind: 'role', name: 'unknown' }));
    await expect(stranger.send(createRoute(routeTableId))).rejects.toMatchObject(denied);
  });

  it('allows a role whose grant depends on a tag to change only tagged tables', async () => {
    const client = await role('by-tag', {
      Action: 'ec2:CreateRoute',
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/managed-by': 'route-reconciler', 'aws:RequestedRegion': region } },
    });
    const [tagged = '', other = '', untagged = ''] = await newTables(3);
    await tag(tagged, 'managed-by', 'route-reconciler');
    await tag(other, 'managed-by', 'somebody');
    await expect(client.send(createRoute(tagged))).rejects.toThrow('igw-1');
    await expect(client.send(createRoute(other))).rejects.toMatchObject(denied);
    await expect(client.send(createRoute(untagged))).rejects.toMatchObject(denied);
  });

  const denied = { name: 'UnauthorizedOperation' };

  async function role(RoleName: string, statement: object): Promise<EC2Client> {
    const iam = new IAMClient(aws);
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: document([]) }));
    const PolicyDocument = document([{ Effect: 'Allow', ...statement }]);
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'grant', PolicyDocument }));
    return new EC2Client(ec2({ kind: 'role', name: RoleName }));
  }

  async function newTables(count: number): Promise<string[]> {
    const client = new EC2Client(ec2());
    const { Vpc } = await client.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    const made = Array.from({ length: count }, () => client.send(new CreateRouteTableCommand({ VpcId: Vpc?.VpcId })));
    return (await Promise.all(made)).map(({ RouteTable }) => String(RouteTable?.RouteTableId));
  }

  async function tag(resource: string, Key: string, Value: string): Promise<void> {
    await new EC2Client(ec2()).send(new CreateTagsCommand({ Resources: [resource], Tags: [{ Key, Value }] }));
  }
});
