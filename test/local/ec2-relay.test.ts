import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateRouteCommand,
  DeleteRouteCommand,
  DescribeLocalGatewayRouteTableVpcAssociationsCommand,
  DescribeRouteTablesCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  ReplaceRouteCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../local/cloudtrail-event.ts';
import { endpointFor, startRelay, type RelayOptions } from '../../local/ec2-relay.ts';
import { relayControl } from '../../local/relay-control.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** What EC2 answers to these parameters, if it is something else than usual. */
type Shows = (parameters: Record<string, string>) => { readonly status: number; readonly body: string } | undefined;

/**
 * An EC2 with one table and one internet gateway. A read returns the number of changes made so far as the table's owner. ReplaceRoute fails as
 * it does in moto.
 */
async function fakeEc2(shows?: Shows) {
  const carriedOut: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const parameters = new URLSearchParams(await text(request));
    const action = String(parameters.get('Action'));
    const shown = shows?.(Object.fromEntries(parameters));
    if (shown)
      return response
        .writeHead(shown.status)
        .end(`<?xml version="1.0"?><${action}Response>${shown.body}</${action}Response>`);
    if (action === 'ReplaceRoute')
      return response.writeHead(500).end('<!doctype html><html lang=en><title>500</title>');
    const read = action.startsWith('Describe');
    const gateway =
      '<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId></item></internetGatewaySet>';
    const table = `<routeTableSet><item><ownerId>${carriedOut.length}</ownerId></item></routeTableSet>${gateway}`;
    if (!read) carriedOut.push(action);
    return response.end(
      `<?xml version="1.0"?><${action}Response>${read ? table : '<return>true</return>'}</${action}Response>`,
    );
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  const address = server.address();
  return { carriedOut, upstream: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` };
}

async function relayed(allows: RelayOptions['allows'] = async () => true, shows?: Shows) {
  const { carriedOut, upstream } = await fakeEc2(shows);
  const events: Record<string, unknown>[] = [];
  const states: Record<string, unknown>[] = [];
  const relay = await startRelay({
    upstream,
    accountId: '000000000000',
    region: 'eu-west-1',
    allows,
    publish: async ({ detailType, detail }) => {
      if (detailType === 'AWS API Call via CloudTrail') events.push(detail);
      else states.push(detail);
    },
    log: () => undefined,
  });
  closers.push(() => relay.close());
  const clientOf = (caller?: Caller) =>
    new EC2Client({
      endpoint: caller ? endpointFor(relay.endpoint, caller) : relay.endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'x' },
      maxAttempts: 1,
    });
  const named = (caller: string) => events.filter((event) => JSON.stringify(event).includes(caller));
  return { carriedOut, events, states, named, clientOf, control: relayControl(relay.endpoint) };
}

const describeTables = () => new DescribeRouteTablesCommand({});
const deleteRoute = (cidr = '10.0.0.0/8') =>
  new DeleteRouteCommand({ RouteTableId: 'rtb-1', DestinationCidrBlock: cidr });
const createRoute = (cidr: string) =>
  new CreateRouteCommand({ RouteTableId: 'rtb-1', DestinationCidrBlock: cidr, GatewayId: 'igw-1' });
const writer: Caller = { kind: 'role', name: 'writer' };
const alice: Caller = { kind: 'user', name: 'alice' };

describe('a route call that names something which does not exist', () => {
  const arn = 'arn:aws:networkmanager::000000000000:core-network/core-network-1';
  const odb = 'arn:aws:odb:eu-west-1:000000000000:odb-network/odbnet_1';
  const kinds = [
    ['GatewayId', 'igw-9', 'InvalidGatewayID.NotFound', 'DescribeInternetGateways', 'internetGatewayId'],
    ['GatewayId', 'vgw-9', 'InvalidGatewayID.NotFound', 'DescribeVpnGateways', 'vpnGatewayId'],
    ['GatewayId', 'nat-9', 'InvalidNatGatewayID.NotFound', 'DescribeNatGateways', 'natGatewayId'],
    ['NatGatewayId', 'nat-9', 'InvalidNatGatewayID.NotFound', 'DescribeNatGateways', 'natGatewayId'],
    ['TransitGatewayId', 'tgw-9', 'InvalidTransitGatewayID.NotFound', 'DescribeTransitGateways', 'transitGatewayId'],
    [
      'VpcPeeringConnectionId',
      'pcx-9',
      'InvalidVpcPeeringConnectionID.NotFound',
      'DescribeVpcPeeringConnections',
      'vpcPeeringConnectionId',
    ],
    [
      'NetworkInterfaceId',
      'eni-9',
      'InvalidNetworkInterfaceID.NotFound',
      'DescribeNetworkInterfaces',
      'networkInterfaceId',
    ],
    ['InstanceId', 'i-9', 'InvalidInstanceID.NotFound', 'DescribeInstances', 'instanceId'],
    [
      'EgressOnlyInternetGatewayId',
      'eigw-9',
      'InvalidEgressOnlyInternetGatewayId.NotFound',
      'DescribeEgressOnlyInternetGateways',
      'egressOnlyInternetGatewayId',
    ],
    ['CarrierGatewayId', 'cagw-9', 'InvalidCarrierGatewayID.NotFound', 'DescribeCarrierGateways', 'carrierGatewayId'],
    ['VpcEndpointId', 'vpce-9', 'InvalidVpcEndpointId.NotFound', 'DescribeVpcEndpoints', 'vpcEndpointId'],
    ['DestinationPrefixListId', 'pl-9', 'InvalidPrefixListID.NotFound', 'DescribeManagedPrefixLists', 'prefixListId'],
    ['LocalGatewayId', 'lgw-9', 'InvalidLocalGatewayID.NotFound', undefined, ''],
    ['CoreNetworkArn', arn, 'InvalidCoreNetworkArn.NotFound', undefined, ''],
    ['OdbNetworkArn', odb, 'InvalidOdbNetworkArn.NotFound', undefined, ''],
    ['GatewayId', 'local', 'InvalidGatewayID.NotFound', undefined, ''],
  ] as const;

  it.each(kinds)('is refused as EC2 refuses it: %s %s, %s', async (field, id, code) => {
    const { clientOf, carriedOut } = await relayed();
    for (const Command of [CreateRouteCommand, ReplaceRouteCommand])
      await expect(clientOf().send(new Command({ RouteTableId: 'rtb-1', [field]: id }))).rejects.toMatchObject({
        name: code,
        message: expect.stringContaining(`'${id}' does not exist`),
      });
    expect(carriedOut).toEqual([]);
  });

  it.each(kinds.filter(([, , , list]) => list))(
    'reaches moto if it exists: %s %s',
    async (field, id, _, list, element) => {
      const item = (state: string) => `<set><item><${element}>${id}</${element}>${state}</item><item/></set>`;
      let state = '';
      const { clientOf, carriedOut } = await relayed(undefined, ({ Action }) =>
        Action === list ? { status: 200, body: item(state) } : undefined,
      );
      const create = () => clientOf().send(new CreateRouteCommand({ RouteTableId: 'rtb-1', [field]: id }));
      await create();
      expect(carriedOut).toEqual(['CreateRoute']);
      state = '<state>deleted</state>';
      await expect(create()).rejects.toMatchObject({ name: expect.stringContaining('NotFound') });
    },
  );

  it('reaches moto if nobody can tell', async () => {
    const { clientOf, carriedOut } = await relayed(undefined, ({ Action = '' }) =>
      Action.startsWith('Describe') ? { status: 500, body: '' } : undefined,
    );
    await clientOf().send(createRoute('10.0.0.0/8'));
    expect(carriedOut).toEqual(['CreateRoute']);
  });
});

describe('a read that moto lacks', () => {
  /** An EC2 that knows one endpoint, and no filter. */
  const knowing = async () => {
    const { clientOf } = await relayed(undefined, ({ 'VpcEndpointId.1': id }) =>
      id === 'vpce-1'
        ? { status: 200, body: '<vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId></item></vpcEndpointSet>' }
        : id === 'vpce-9'
          ? { status: 500, body: '<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>' }
          : {
              status: 400,
              body: '<Response><Errors><Error><Code>InvalidVpcEndpointId.NotFound</Code></Error></Errors></Response>',
            },
    );
    return (...ids: readonly string[]) =>
      clientOf().send(new DescribeVpcEndpointsCommand({ Filters: [{ Name: 'vpc-endpoint-id', Values: [...ids] }] }));
  };

  it('filters endpoints by id, and omits those that do not exist', async () => {
    const endpoints = await knowing();
    expect(await endpoints('vpce-0', 'vpce-1')).toMatchObject({ VpcEndpoints: [{ VpcEndpointId: 'vpce-1' }] });
    expect(await endpoints('vpce-0')).toMatchObject({ VpcEndpoints: [] });
  });

  it('fails when moto fails for any of them', async () => {
    await expect((await knowing())('vpce-1', 'vpce-9')).rejects.toThrow();
  });

  it('shows no local gateways: there are none', async () => {
    const { clientOf } = await relayed();
    const associations = new DescribeLocalGatewayRouteTableVpcAssociationsCommand({});
    expect(await clientOf().send(associations)).toMatchObject({ LocalGatewayRouteTableVpcAssociations: [] });
  });
});

describe('a call through the relay', () => {
  it('is carried out and published as an event that names the caller', async () => {
    const { clientOf, carriedOut, events } = await relayed();
    await clientOf(alice).send(deleteRoute());
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(carriedOut).toEqual(['DeleteRoute']);
    expect(events[0]).toMatchObject({
      eventName: 'DeleteRoute',
      awsRegion: 'eu-west-1',
      userIdentity: { type: 'IAMUser', userName: 'alice', accessKeyId: 'AKIAEXAMPLE' },
      requestParameters: { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' },
    });
  });

  it('counts as the operator’s if its endpoint has no path', async () => {
    const { clientOf, events } = await relayed();
    await clientOf().send(deleteRoute());
    await vi.waitFor(() => expect(events).toMatchObject([{ userIdentity: { userName: 'operator' } }]));
  });

  it('publishes no event if it only reads', async () => {
    const { clientOf, events } = await relayed();
    await clientOf(alice).send(describeTables());
    await clientOf(alice).send(deleteRoute());
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(events).toMatchObject([{ eventName: 'DeleteRoute' }]);
  });

  it('fails as in EC2 when the emulator fails', async () => {
    const { clientOf, events } = await relayed();
    const replaceRoute = new ReplaceRouteCommand({ RouteTableId: 'rtb-1', DestinationCidrBlock: '10.0.0.0/8' });
    await expect(clientOf(alice).send(replaceRoute)).rejects.toMatchObject({ name: 'InternalError' });
    await vi.waitFor(() => expect(events).toMatchObject([{ errorCode: 'Server.InternalError' }]));
  });

  it('is recorded in order, with its caller, parameters and error', async () => {
    const { clientOf, control } = await relayed();
    await control.inject({ on: { action: 'DeleteRoute' }, effect: { kind: 'refuse', code: 'InvalidRoute.NotFound' } });
    await clientOf(writer).send(describeTables());
    await expect(clientOf(alice).send(deleteRoute())).rejects.toThrow();
    expect(await control.calls()).toMatchObject([
      { action: 'DescribeRouteTables', caller: 'role/writer' },
      {
        action: 'DeleteRoute',
        caller: 'user/alice',
        parameters: { RouteTableId: 'rtb-1', DestinationCidrBlock: '10.0.0.0/8' },
        error: 'InvalidRoute.NotFound',
      },
    ]);
    await control.forgetCalls();
    expect(await control.calls()).toEqual([]);
  });
});

describe('a role', () => {
  it('is denied as by EC2 without permission for the table it changes', async () => {
    const allows = vi.fn<RelayOptions['allows']>(async (_role, action) => action !== 'DeleteRoute');
    const { clientOf, carriedOut, events } = await relayed(allows);
    await clientOf(writer).send(describeTables());
    await expect(clientOf(writer).send(deleteRoute())).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
      $metadata: { httpStatusCode: 403 },
    });
    expect(allows.mock.calls).toEqual([
      [writer, 'DescribeRouteTables', '*'],
      [writer, 'DeleteRoute', 'arn:aws:ec2:eu-west-1:000000000000:route-table/rtb-1'],
    ]);
    expect(carriedOut).toEqual([]);
    await vi.waitFor(() =>
      expect(events).toMatchObject([{ errorCode: 'Client.UnauthorizedOperation', responseElements: null }]),
    );
  });

  it('is the only kind of caller that is asked for permission', async () => {
    const { clientOf, carriedOut } = await relayed(async () => false);
    await clientOf(alice).send(deleteRoute());
    expect(carriedOut).toEqual(['DeleteRoute']);
  });
});

describe('a fault', () => {
  it('rejects the matching call and lets others pass', async () => {
    const { clientOf, control, carriedOut } = await relayed();
    await control.inject({
      on: { action: 'CreateRoute', naming: ['10.2.0.0/16'] },
      effect: { kind: 'refuse', code: 'RouteLimitExceeded', message: 'a < b', status: 400 },
    });
    const ec2 = clientOf(writer);
    await ec2.send(createRoute('10.1.0.0/16'));
    await expect(ec2.send(createRoute('10.2.0.0/16'))).rejects.toMatchObject({
      name: 'RouteLimitExceeded',
      message: 'a < b',
    });
    await ec2.send(createRoute('10.2.0.0/16'));
    expect(carriedOut).toEqual(['CreateRoute', 'CreateRoute']);
  });

  it('affects the given number of calls, after the given number of calls, of one caller only', async () => {
    const { clientOf, control } = await relayed();
    const effect = { kind: 'refuse', code: 'RequestLimitExceeded', status: 503 } as const;
    await control.inject({ on: { caller: 'role/writer' }, after: 1, times: 2, effect });
    const outcome = (caller: Caller) =>
      clientOf(caller)
        .send(deleteRoute())
        .then(
          () => 'done',
          () => 'refused',
        );
    expect(await outcome(alice)).toBe('done');
    const outcomes = [];
    for (let call = 0; call < 4; call++) outcomes.push(await outcome(writer));
    expect(outcomes).toEqual(['done', 'refused', 'refused', 'done']);
  });

  it('loses the answer of a call that is carried out and whose event is sent', async () => {
    const { clientOf, control, carriedOut, events } = await relayed();
    await control.inject({ on: { action: 'DeleteRoute' }, effect: { kind: 'lose-answer' } });
    await expect(clientOf(writer).send(deleteRoute())).rejects.toThrow(/hang up|ECONNRESET/);
    expect(carriedOut).toEqual(['DeleteRoute']);
    await vi.waitFor(() => expect(events).toMatchObject([{ eventName: 'DeleteRoute' }]));
  });

  it('shows a table as its caller saw it last, like an EC2 that is not consistent yet, whatever is read with it', async () => {
    let changes = 0;
    const { clientOf, control } = await relayed(undefined, ({ Action }) => {
      const one = (id: string) =>
        `<item><routeTableId>${id}</routeTableId><ownerId>${changes}</ownerId><associationSet><item>` +
        `<routeTableAssociationId>rtbassoc-1</routeTableAssociationId><routeTableId>${id}</routeTableId></item></associationSet></item>`;
      const body = `<routeTableSet>${one('rtb-1')}${one('rtb-2')}</routeTableSet>`;
      return Action === 'DescribeRouteTables' ? { status: 200, body } : undefined;
    });
    const read = async (caller: Caller, ...RouteTableIds: string[]) => {
      const { RouteTables } = await clientOf(caller).send(new DescribeRouteTablesCommand({ RouteTableIds }));
      return RouteTables?.map(({ OwnerId }) => OwnerId);
    };
    const naming = ['rtb-1'];
    expect(await read(writer, 'rtb-1')).toEqual(['0', '0']);
    changes = 1;
    expect(await read(alice, 'rtb-1')).toEqual(['1', '1']);
    await control.inject({ on: { caller: 'role/writer', naming }, effect: { kind: 'stale-answer' } });
    expect(await read(writer, 'rtb-1', 'rtb-2')).toEqual(['0', '1']);
    expect(await read(writer, 'rtb-1', 'rtb-2')).toEqual(['1', '1']);
  });

  it('delays a call', async () => {
    const { clientOf, control } = await relayed();
    await control.inject({ on: {}, effect: { kind: 'delay', ms: 200 } });
    const started = performance.now();
    await clientOf(writer).send(describeTables());
    expect(performance.now() - started).toBeGreaterThan(190);
  });

  it('is rejected with the name of its unknown field', async () => {
    const { control } = await relayed();
    const on = { acton: 'CreateRoute' };
    // @ts-expect-error: a misspelt condition would otherwise match every call
    await expect(control.inject({ on, effect: { kind: 'delay', ms: 1 } })).rejects.toThrow(/acton/);
  });
});

describe('events', () => {
  it('are held back and sent later, or dropped, according to the mode', async () => {
    const { clientOf, control, events, named } = await relayed();
    await control.events('hold');
    await clientOf({ kind: 'user', name: 'held' }).send(deleteRoute());
    await control.events('drop');
    expect(events).toEqual([]);
    await clientOf({ kind: 'user', name: 'lost' }).send(deleteRoute());
    await control.events('hold');
    await clientOf({ kind: 'user', name: 'kept' }).send(deleteRoute());
    await sleep(20);
    expect(events).toEqual([]);
    await control.events('send');
    await clientOf({ kind: 'user', name: 'sent' }).send(deleteRoute());
    await vi.waitFor(() => expect(named('user/sent')).toHaveLength(1));
    expect(events.map((event) => Object(event['userIdentity']).userName)).toEqual(['kept', 'sent']);
  });

  it('are sent again after a reset, which also clears faults and recorded calls', async () => {
    const { clientOf, control, events } = await relayed();
    await control.events('drop');
    await control.inject({ on: {}, times: 100, effect: { kind: 'refuse', code: 'X' } });
    await control.reset();
    await clientOf(alice).send(deleteRoute());
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(await control.calls()).toHaveLength(1);
  });
});

describe('the relay reports the states of instances', () => {
  const ids = ['i-0a1b2c3d4e5f60718', 'i-0f1e2d3c4b5a69788'];

  it.each<[string, (client: EC2Client) => Promise<unknown>, readonly string[]]>([
    ['RunInstances', (ec2) => ec2.send(new RunInstancesCommand({ MinCount: 1, MaxCount: 1 })), ['running']],
    ['StartInstances', (ec2) => ec2.send(new StartInstancesCommand({ InstanceIds: ids })), ['running']],
    ['StopInstances', (ec2) => ec2.send(new StopInstancesCommand({ InstanceIds: ids })), ['stopping', 'stopped']],
    [
      'TerminateInstances',
      (ec2) => ec2.send(new TerminateInstancesCommand({ InstanceIds: ids })),
      ['shutting-down', 'terminated'],
    ],
  ])('in the answer to %s, one event each', async (_, call, expected) => {
    const instances = ids.map((id) => `<item><instanceId>${id}</instanceId></item>`).join('');
    const body = `<instancesSet>${instances}</instancesSet>`;
    const { clientOf, states } = await relayed(undefined, () => ({ status: 200, body }));
    await call(clientOf(alice));
    const events = expected.flatMap((state) => ids.map((id) => ({ 'instance-id': id, state })));
    await vi.waitFor(() => expect(states).toEqual(events));
  });

  it('without a call', async () => {
    const { control, states } = await relayed();
    await control.changeInstance('i-0a1b2c3d4e5f60718', 'stopped');
    await vi.waitFor(() => expect(states).toEqual([{ 'instance-id': 'i-0a1b2c3d4e5f60718', state: 'stopped' }]));
  });

  it('and leads a route nowhere while the instance behind its interface is down', async () => {
    const eni = '<networkInterfaceId>eni-0a1b2c3d4e5f60718</networkInterfaceId>';
    const attachment = `<attachment><instanceId>${ids[0]}</instanceId><instanceOwnerId>000000000000</instanceOwnerId></attachment>`;
    const bodies: Readonly<Record<string, string>> = {
      DescribeRouteTables: `<routeTableSet><item><routeSet><item>${eni}<state>active</state></item></routeSet></item></routeTableSet>`,
      DescribeNetworkInterfaces: `<networkInterfaceSet><item>${attachment}${eni}</item></networkInterfaceSet>`,
    };
    const shows: Shows = ({ Action = '' }) => ({ status: 200, body: bodies[Action] ?? '' });
    const { control, clientOf } = await relayed(undefined, shows);
    const state = async () => (await clientOf(alice).send(describeTables())).RouteTables?.[0]?.Routes?.[0]?.State;
    expect(await state()).toBe('active');
    await control.changeInstance(String(ids[0]), 'stopped');
    expect(await state()).toBe('blackhole');
    await control.changeInstance(String(ids[0]), 'running');
    expect(await state()).toBe('active');
  });
});

describe('a relay that is asked to stop', () => {
  const started = async (onStop?: () => void) => {
    const nobody = async () => undefined;
    const relay = await startRelay({
      upstream: 'http://127.0.0.1:1',
      accountId: '000000000000',
      region: 'eu-west-1',
      allows: async () => true,
      publish: nobody,
      log: () => undefined,
      ...(onStop && { onStop }),
    });
    closers.push(() => relay.close());
    return relayControl(relay.endpoint);
  };

  it('tells its stack after it has answered', async () => {
    const stopped = Promise.withResolvers<void>();
    const control = await started(stopped.resolve);
    await control.stop();
    await stopped.promise;
  });

  it('goes on if its stack cannot be stopped from outside', async () => {
    const control = await started();
    await control.stop();
    expect(await control.calls()).toEqual([]);
  });
});
