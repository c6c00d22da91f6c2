import {
  AcceptVpcPeeringConnectionCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endpointFor } from '../../local/ec2-relay.ts';
import { connect, environmentFor } from '../../local/stack.ts';
import { type Ended, fileWith, jsonLines, routectl } from '../support/routectl.ts';
import { localStack } from './support/local-stack.ts';

const stack = localStack();
const { ec2: configFor, relay } = connect(stack);
const ec2 = new EC2Client(configFor({ kind: 'user', name: 'alice' }));
const bob = endpointFor(stack.ec2Endpoint, { kind: 'user', name: 'bob' });

/** Runs routectl as bob. */
const asBob = (...args: readonly string[]): Promise<Ended> =>
  routectl(args, { env: environmentFor({ ...stack, ec2Endpoint: bob }) });

/** The route calls that bob made, by action. */
async function calls(): Promise<string[]> {
  const all = await relay.calls();
  return all.filter(({ caller }) => caller === 'user/bob').map(({ action }) => action);
}

let vpc: string;
let igw: string;
let pcx: string;

// The deployed functions are not part of these tests.
beforeAll(async () => {
  await relay.events('drop');
  vpc = await createVpc('10.0.0.0/16');
  const gateway = await ec2.send(new CreateInternetGatewayCommand());
  igw = there(gateway.InternetGateway?.InternetGatewayId);
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: vpc }));
  const PeerVpcId = await createVpc('10.20.0.0/16');
  const peering = await ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId: vpc, PeerVpcId }));
  pcx = there(peering.VpcPeeringConnection?.VpcPeeringConnectionId);
  await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: pcx }));
});
beforeEach(async () => {
  await relay.reset();
  await relay.events('drop');
});
afterAll(() => relay.reset());

describe('routectl reconcile', () => {
  it('repairs a table with one call for each change, verifies it, and makes no further call', async () => {
    const id = await createTable({ '0.0.0.0/0': igw, '10.20.0.0/16': igw, '10.99.0.0/16': igw });
    const file = fileFor(id);
    const { code, stdout, stderr } = await asBob('reconcile', '--json', '-f', file);
    const done = { result: 'done', ms: expect.any(Number), at: expect.any(String) };
    expect({ code, stdout: jsonLines(stdout) }).toEqual({
      code: 0,
      stdout: [
        expect.objectContaining({
          routeTableId: id,
          inSync: false,
          outcome: [
            { action: 'replace', destination: '10.20.0.0/16', from: igw, to: pcx, ...done },
            { action: 'delete', destination: '10.99.0.0/16', from: igw, ...done },
            { action: 'create', destination: '10.21.0.0/16', to: pcx, ...done },
          ],
          verified: true,
        }),
      ],
    });
    expect(stderr).toContain(`${id}: create 10.21.0.0/16 to ${pcx}: done\n`);
    expect(await routesOf(id)).toEqual({ '0.0.0.0/0': igw, '10.20.0.0/16': pcx, '10.21.0.0/16': pcx });
    const writes = (await calls()).filter((action) => !action.startsWith('Describe'));
    expect(writes).toEqual(['ReplaceRoute', 'DeleteRoute', 'CreateRoute']);

    await relay.forgetCalls();
    expect(await asBob('reconcile', '-f', file)).toMatchObject({ code: 0, stdout: expect.stringContaining('in sync') });
    expect(await calls()).toEqual(['DescribeRouteTables']);
  });

  it('changes what it can of several tables: one is missing, and in one EC2 rejects a route', async () => {
    const [refused, healed] = [await createTable(), await createTable({ '10.99.0.0/16': igw })];
    await relay.inject({
      on: { action: 'CreateRoute', naming: [refused, '10.21.0.0/16'] },
      effect: { kind: 'refuse', code: 'RouteLimitExceeded', message: 'The maximum number of routes has been reached.' },
    });
    const { code, stdout } = await asBob(
      'reconcile',
      '--json',
      '-f',
      fileFor(refused, 'rtb-0f0f0f0f0f0f0f0f0', healed),
    );
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toMatchObject([
      {
        routeTableId: refused,
        outcome: [{ result: 'done' }, { result: 'done' }, { result: 'refused', code: 'RouteLimitExceeded' }],
        verified: false,
      },
      { findings: [{ code: 'table-not-found' }], outcome: [], verified: false },
      { routeTableId: healed, verified: true },
    ]);
    expect(await routesOf(refused)).toEqual({ '0.0.0.0/0': igw, '10.20.0.0/16': pcx });
    expect(await routesOf(healed)).toEqual({ '0.0.0.0/0': igw, '10.20.0.0/16': pcx, '10.21.0.0/16': pcx });
  });

  it('changes nothing on a dry run, or when the tables cannot be read', async () => {
    const id = await createTable();
    expect(await asBob('reconcile', '--dry-run', '-f', fileFor(id))).toMatchObject({ code: 2 });
    await relay.inject({
      on: { action: 'DescribeRouteTables', caller: 'user/bob' },
      times: 10,
      effect: { kind: 'refuse', code: 'UnauthorizedOperation', message: 'You are not authorized.', status: 403 },
    });
    expect(await asBob('reconcile', '--json', '-f', fileFor(id))).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^AWS account 000000000000, Region \S+, as arn:\S+\nroutectl: could not read route tables from EC2: the AWS credentials do not allow this call: they need ec2:DescribeRouteTables \(You are not authorized\)\n$/,
      ),
    });
    expect(await routesOf(id)).toEqual({});
  });
});

describe('routectl plan', () => {
  it('reads many tables in one call, and prints a plan for each', async () => {
    const ids = [
      await createTable(),
      await createTable({ '0.0.0.0/0': igw, '10.20.0.0/16': pcx, '10.21.0.0/16': pcx }),
    ];
    const { code, stdout } = await asBob('plan', '--json', '-f', fileFor(...ids));
    expect(code).toBe(2);
    expect(jsonLines(stdout)).toMatchObject([
      {
        routeTableId: ids[0],
        inSync: false,
        changes: [{ action: 'create' }, { action: 'create' }, { action: 'create' }],
      },
      { routeTableId: ids[1], inSync: true, changes: [], unchanged: 3 },
    ]);
    const [read, ...asked] = await calls();
    expect(read).toBe('DescribeRouteTables');
    // One call for each kind of target that the plan depends on.
    expect(asked.toSorted()).toEqual(['DescribeInternetGateways', 'DescribeVpcPeeringConnections']);
  });
});

/** The same three routes for each of the tables. */
function fileFor(...ids: readonly string[]): string {
  const routes = [
    { destination: '0.0.0.0/0', target: igw },
    { destination: '10.20.0.0/16', target: pcx },
    { destination: '10.21.0.0/16', target: pcx },
  ];
  return fileWith(JSON.stringify(ids.map((routeTableId) => ({ routeTableId, routes }))), 'routes.json');
}

async function createVpc(CidrBlock: string): Promise<string> {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock }));
  return there(Vpc?.VpcId);
}

async function createTable(routes: Readonly<Record<string, string>> = {}): Promise<string> {
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId: vpc }));
  const RouteTableId = there(RouteTable?.RouteTableId);
  for (const [DestinationCidrBlock, GatewayId] of Object.entries(routes)) {
    const target = GatewayId === pcx ? { VpcPeeringConnectionId: pcx } : { GatewayId };
    await ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock, ...target }));
  }
  return RouteTableId;
}

/** The routes that somebody created: destinations and their gateways. */
async function routesOf(id: string): Promise<Record<string, string | undefined>> {
  const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [id] }));
  const made = (RouteTables?.[0]?.Routes ?? []).filter(({ GatewayId }) => GatewayId !== 'local');
  return Object.fromEntries(
    made.map((route) => [route.DestinationCidrBlock ?? '', route.GatewayId ?? route.VpcPeeringConnectionId]),
  );
}

function there(id: string | undefined): string {
  if (id === undefined) throw new TypeError('EC2 made something and did not say its id');
  return id;
}
