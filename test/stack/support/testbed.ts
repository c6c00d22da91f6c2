import { randomUUID } from 'node:crypto';
import {
  CreateNetworkInterfaceCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  DescribeRouteTablesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { SQSClient, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { GetScheduleCommand, SchedulerClient, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  UpdateCommand,
  paginateScan,
} from '@aws-sdk/lib-dynamodb';
import { expect, inject } from 'vitest';
import { accountId } from '../../../local/emulators.ts';
import { attachedByTag } from '../../../local/interfaces.ts';
import type { RelayControl } from '../../../local/relay-control.ts';
import { type Scenery, buildScenery } from '../../../local/scenery.ts';
import { type StackAddress, connect } from '../../../local/stack.ts';
import { tableStates } from '../../../reconciler/aws/dynamodb/state-table.ts';
import type { Run, RunOutcome } from '../../../reconciler/core/announce/history.ts';
import type { Actor } from '../../../reconciler/core/memory/call.ts';
import { withEach } from '../../../reconciler/core/memory/memory.ts';
import type { Phase, Status } from '../../../reconciler/core/status/status.ts';
import type { SweepRecord } from '../../../reconciler/core/status/sweep-record.ts';
import type { StoredState, TableStates } from '../../../reconciler/ports.ts';
import { eventually } from './eventually.ts';
import { asWritten, createRoute, deleteRoute } from './route-calls.ts';

/** Routes as destination → target. */
export type Routes = Readonly<Record<string, string>>;

/** The deployed functions, as the outputs and roles of the stack name them. */
export type FunctionName = 'OnRouteChange' | 'OnDesiredChange' | 'OnRequeue' | 'Sweep';

/** One EC2 call of the reconciler. */
export interface OwnCall {
  readonly by: FunctionName;
  /** `DescribeRouteTables`, or a mutation with its destination and target: `CreateRoute 10.20.0.0/16 pcx-…`. */
  readonly call: string;
  readonly error?: string;
}

/** A run as the state table has it. */
export type StoredRun = Pick<Run, 'trigger' | 'actor' | 'plan' | 'outcome'>;

/**
 * The local stack as tests use it: everything is deployed and runs by itself. Each test makes route tables of its own,
 * and so can run beside the others.
 */
export class Testbed {
  readonly network: Scenery;
  /** Two people who change routes. */
  readonly alice: EC2Client;
  readonly bob: EC2Client;
  /**
   * EC2 without witnesses: its changes are made by the role of the sweep, whose events the rule leaves out, so nobody is
   * told. Unlike dropping events this does not disturb the tests beside this one.
   */
  readonly unannounced: EC2Client;
  readonly relay: RelayControl;
  /** Made, and not yet used by a test. */
  readonly #tables: string[];
  readonly #outputs: StackAddress['outputs'];
  readonly #ec2: EC2Client;
  readonly #documents: DynamoDBDocumentClient;
  readonly #states: TableStates;
  readonly #lambda: LambdaClient;
  readonly #bus: EventBridgeClient;
  readonly #scheduler: SchedulerClient;
  readonly #iam: IAMClient;
  readonly #sqs: SQSClient;
  #subnet: Promise<string> | undefined;

  private constructor(address: StackAddress, network: Scenery, sweepRole: string, tables: string[]) {
    const { aws, ec2, relay } = connect(address);
    this.network = network;
    this.alice = new EC2Client(ec2({ kind: 'user', name: 'alice' }));
    this.bob = new EC2Client(ec2({ kind: 'user', name: 'bob' }));
    this.unannounced = new EC2Client(ec2({ kind: 'role', name: sweepRole }));
    this.relay = relay;
    this.#tables = tables;
    this.#outputs = address.outputs;
    this.#ec2 = new EC2Client(ec2());
    this.#documents = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
    this.#states = tableStates(this.#documents, String(address.outputs['StateTableName']));
    this.#lambda = new LambdaClient(aws);
    this.#bus = new EventBridgeClient(aws);
    this.#scheduler = new SchedulerClient(aws);
    this.#iam = new IAMClient(aws);
    this.#sqs = new SQSClient(aws);
  }

  /** Opens a testbed with a network of its own, in which no sweep comes by itself. */
  static async open(): Promise<Testbed> {
    const address = inject('stack');
    const { aws, ec2, relay } = connect(address);
    const role = await roleOf(new LambdaClient(aws), address.outputs['SweepFunctionName']);
    // Nobody is to come late, because a table was made, to what a test does to it.
    await relay.events('drop');
    const operator = new EC2Client(ec2());
    const network = await buildScenery(ec2());
    const tables = await Promise.all(Array.from({ length: tablesMade }, () => makeTable(operator, network.vpc)));
    await relay.events('send');
    await relay.forgetCalls();
    const testbed = new Testbed(address, network, role, tables);
    // It would answer for drift that a test means for an event, and its calls would be counted.
    await testbed.schedule('DISABLED');
    return testbed;
  }

  /** Lets the schedule start sweeps, or not. */
  async schedule(State: 'ENABLED' | 'DISABLED'): Promise<void> {
    const Name = this.#outputs['ScheduleName'];
    const { ScheduleExpression, FlexibleTimeWindow, Target } = await this.#scheduler.send(
      new GetScheduleCommand({ Name }),
    );
    await this.#scheduler.send(
      new UpdateScheduleCommand({ Name, ScheduleExpression, FlexibleTimeWindow, Target, State }),
    );
  }

  /** A route table that nobody manages yet, with these routes. */
  async newTable(routes: Routes = {}): Promise<string> {
    const table = this.#tables.pop();
    if (!table) throw new Error(`the tests of this file need more than ${tablesMade} route tables`);
    await Promise.all(
      Object.entries(routes).map(([destination, target]) =>
        this.unannounced.send(createRoute(table, destination, target)),
      ),
    );
    return table;
  }

  /** A network interface. It is attached to nothing, or to an instance of the account that is given. */
  async newInterface(attachedBy?: string): Promise<string> {
    const made = new CreateNetworkInterfaceCommand({ SubnetId: await this.subnet });
    const { NetworkInterface } = await this.#ec2.send(made);
    const id = String(NetworkInterface?.NetworkInterfaceId);
    if (attachedBy !== undefined)
      await this.#ec2.send(
        new CreateTagsCommand({ Resources: [id], Tags: [{ Key: attachedByTag, Value: attachedBy }] }),
      );
    return id;
  }

  /** The subnet of the interfaces. */
  get subnet(): Promise<string> {
    this.#subnet ??= this.#newSubnet();
    return this.#subnet;
  }

  async #newSubnet(): Promise<string> {
    const made = new CreateSubnetCommand({ VpcId: this.network.vpc, CidrBlock: '10.0.88.0/24' });
    return String((await this.#ec2.send(made)).Subnet?.SubnetId);
  }

  /** A route table that is managed and watched, and has been found as desired without a change. */
  async tableInSync(routes: Routes, policy: object = {}): Promise<string> {
    const table = await this.newTable(routes);
    await this.desire(table, routes, policy);
    await this.phase(table, 'InSync');
    await this.letPolicySettle(table);
    return table;
  }

  /**
   * Moves the start of a table's policy a minute into the past, as if a minute had gone by before the last read. So no
   * later read is due. The unit tests show with a clock of their own how long a policy takes to settle.
   */
  async letPolicySettle(table: string): Promise<void> {
    await eventually(async () => {
      const state = await this.state(table);
      if (!state?.memory.policySince) throw new Error(`no policy of ${table} is known`);
      const at = new Date(Date.parse(state.memory.policySince.at) - 60_000).toISOString();
      const memory = { ...state.memory, policySince: { ...state.memory.policySince, at } };
      const { dueAt: _, ...rest } = state;
      const { nextRetry: __, ...status } = state.status;
      expect(await this.#states.write({ ...rest, status, memory, revision: state.revision + 1 })).toBe(true);
    });
  }

  /** Writes a desired item, as a person or a pipeline would. */
  async desire(table: string, routes: Routes, policy: object = {}): Promise<void> {
    const listed = Object.entries(routes).map(([destination, target]) => ({ destination, target }));
    await this.putItem({ routeTableId: table, routes: listed, ...policy });
  }

  /** Writes a desired item, and waits until a reconcile has ended that knows it. */
  async edit(table: string, routes: Routes, policy: object = {}): Promise<Status> {
    const before = await this.state(table);
    await this.desire(table, routes, policy);
    return eventually(async () => {
      const state = await this.state(table);
      const isCorrected = before?.status.phase === 'Invalid' && state?.status.phase !== 'Invalid';
      if (!state || (state.memory.desiredHash === before?.memory.desiredHash && !isCorrected))
        throw new Error('the edit is not reconciled yet');
      return state.status;
    });
  }

  /** Writes just this into the table of desired items, whatever it is. */
  async putItem(item: Record<string, unknown>): Promise<void> {
    await this.#documents.send(new PutCommand({ TableName: this.#outputs['DesiredTableName'], Item: item }));
  }

  async deleteItem(routeTableId: string): Promise<void> {
    await this.#documents.send(
      new DeleteCommand({ TableName: this.#outputs['DesiredTableName'], Key: { routeTableId } }),
    );
  }

  /** The routes that somebody made in a table, as EC2 has them now. */
  async routes(table: string): Promise<Routes> {
    const { RouteTables: [found] = [] } = await this.#ec2.send(
      new DescribeRouteTablesCommand({ RouteTableIds: [table] }),
    );
    return Object.fromEntries((found?.Routes ?? []).filter(({ Origin }) => Origin === 'CreateRoute').map(asWritten));
  }

  /** Waits until a table has just these routes. */
  async has(table: string, routes: Routes, { seconds = 20 } = {}): Promise<void> {
    await eventually(async () => expect(await this.routes(table)).toEqual(routes), { seconds });
  }

  /** All that is stored of a table. */
  async state(table: string): Promise<StoredState | undefined> {
    const { state, isLost } = await this.#states.read(table);
    if (isLost) throw new Error(`the state of ${table} cannot be read`);
    return state;
  }

  async status(table: string): Promise<Status | undefined> {
    return (await this.state(table))?.status;
  }

  /** Waits until the status of a table is in this phase, and returns it. */
  async phase(table: string, phase: Phase, { seconds = 20 } = {}): Promise<Status> {
    return eventually(
      async () => {
        const status = await this.status(table);
        if (status?.phase !== phase) throw new Error(`expected ${phase}, found ${status?.phase}: ${status?.reason}`);
        return status;
      },
      { seconds },
    );
  }

  /** The runs of a table that were carried out, oldest first. */
  async runs(table: string): Promise<StoredRun[]> {
    const items = await this.#history(table);
    return items
      .filter(({ appliedAt }) => appliedAt !== undefined)
      .map(({ trigger, actor, plan, outcome }): StoredRun => ({ trigger, actor, plan, outcome }));
  }

  /** Gives an order as a person would, with one put-item. */
  async order(routeTableId: string, order: string, fields: object): Promise<void> {
    const Item = { ...fields, routeTableId, order };
    await this.#documents.send(new PutCommand({ TableName: this.#outputs['OrdersTableName'], Item }));
  }

  /** What is in a table's history that is not healed. */
  async notices(table: string): Promise<{ readonly notice: string; readonly actor: Actor }[]> {
    const items = await this.#history(table);
    return items.filter(({ notice }) => notice !== undefined).map(({ notice, actor }) => ({ notice, actor }));
  }

  async #history(table: string) {
    const { Items = [] } = await this.#documents.send(
      new QueryCommand({
        TableName: this.#outputs['StateTableName'],
        KeyConditionExpression: 'routeTableId = :table AND begins_with(#item, :run)',
        ExpressionAttributeNames: { '#item': 'item' },
        ExpressionAttributeValues: { ':table': table, ':run': 'run#' },
        ConsistentRead: true,
      }),
    );
    return Items;
  }

  /** The outcomes of all runs of a table, once there are `count`. */
  async outcomes(table: string, count: number): Promise<RunOutcome[]> {
    return eventually(async () => {
      const outcomes = (await this.runs(table)).flatMap(({ outcome }) => outcome);
      expect(outcomes).toHaveLength(count);
      return outcomes;
    });
  }

  async lastSweep(): Promise<SweepRecord | undefined> {
    return this.#states.readSweep();
  }

  /** Lets one invocation look at a table, as an event does that tells nothing but its id; throws if it fails. */
  async wake(table: string): Promise<void> {
    await this.invoke('OnRouteChange', eventOf(callOn(table)));
  }

  /** Calls a function and waits for its end; throws if it fails. */
  async invoke(name: FunctionName, payload: unknown): Promise<void> {
    const { FunctionError, Payload } = await this.#lambda.send(
      new InvokeCommand({ FunctionName: this.#outputs[`${name}FunctionName`], Payload: JSON.stringify(payload) }),
    );
    if (FunctionError) throw new Error(`${name} failed: ${Payload?.transformToString()}`);
  }

  /** Puts CloudTrail records on the event bus, at most ten at a time. */
  async tell(...details: readonly object[]): Promise<void> {
    const { FailedEntryCount } = await this.#bus.send(
      new PutEventsCommand({
        Entries: details.map((detail) => ({
          Source: 'local.ec2',
          DetailType: 'AWS API Call via CloudTrail',
          Detail: JSON.stringify(detail),
        })),
      }),
    );
    expect(FailedEntryCount ?? 0).toBe(0);
  }

  /**
   * Lets another table drift, be healed and be verified, which takes some seconds. Whoever was woken before has come by
   * then: for tests which show that nobody came.
   */
  async healsAnother(): Promise<void> {
    const table = await this.tableInSync({ '10.20.0.0/16': this.network.peering });
    await this.alice.send(deleteRoute(table, '10.20.0.0/16'));
    await this.phase(table, 'Verifying');
    await this.phase(table, 'InSync');
  }

  /**
   * Takes a permission on one route table from a function's role; whatever its own policy grants.
   *
   * @returns what gives it back
   */
  async deny(name: FunctionName, Action: string, table: string): Promise<() => Promise<unknown>> {
    return this.denyOn(name, Action, `arn:aws:ec2:*:*:route-table/${table}`);
  }

  /** The same for any resource, as a policy names it. */
  async denyOn(name: FunctionName, Action: string, Resource: string): Promise<() => Promise<unknown>> {
    const RoleName = await roleOf(this.#lambda, this.#outputs[`${name}FunctionName`]);
    const PolicyName = `Deny-${Action}-${Resource}`.replaceAll(/[^\w-]/g, '-').slice(0, 128);
    const Statement = [{ Effect: 'Deny', Action, Resource }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await this.#iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
    let given: Promise<unknown> | undefined;
    return () => (given ??= this.#iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  }

  /** Lets a function be called as by an event: at once, and again by Lambda when it fails. */
  async trigger(name: FunctionName, payload: unknown): Promise<void> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    await this.#lambda.send(
      new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(payload) }),
    );
  }

  /**
   * Lets no call of a function through any more.
   *
   * @returns what lets them through again
   */
  async throttle(name: FunctionName): Promise<() => Promise<unknown>> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    await this.#lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    return () => this.#lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  }

  /**
   * Takes a function's settings, so that it crashes whatever wakes it, as after a deployment that went wrong.
   *
   * @returns what gives them back
   */
  async cripple(name: FunctionName): Promise<() => Promise<unknown>> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    const { Environment: { Variables = {} } = {} } = await this.#lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );
    const set = (variables: Record<string, string>) =>
      this.#lambda.send(
        new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: variables } }),
      );
    await set({});
    return () => set(Variables);
  }

  /**
   * Lets a function listen no longer to its queue or streams.
   *
   * @returns what lets it listen again
   */
  async deafen(name: FunctionName): Promise<() => Promise<unknown>> {
    const { EventSourceMappings = [] } = await this.#lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: this.#outputs[`${name}FunctionName`] }),
    );
    const listen = (Enabled: boolean) =>
      Promise.all(
        EventSourceMappings.map(({ UUID }) =>
          this.#lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled })),
        ),
      );
    await listen(false);
    return () => listen(true);
  }

  /**
   * Lets edits and requeue messages that fail be given up within seconds, else it takes an hour and 18 minutes. For edits
   * AWS wants a minute at the least.
   *
   * @returns what gives them their time back
   */
  async giveUpSoon(): Promise<() => Promise<unknown>> {
    const { EventSourceMappings = [] } = await this.#lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: this.#outputs['OnDesiredChangeFunctionName'] }),
    );
    const set = (MaximumRecordAgeInSeconds: number, VisibilityTimeout: number) =>
      Promise.all([
        ...EventSourceMappings.map(({ UUID }) =>
          this.#lambda.send(new UpdateEventSourceMappingCommand({ UUID, MaximumRecordAgeInSeconds })),
        ),
        this.#sqs.send(
          new SetQueueAttributesCommand({
            QueueUrl: this.#outputs['RequeueQueueUrl'],
            Attributes: { VisibilityTimeout: String(VisibilityTimeout) },
          }),
        ),
      ]);
    await set(5, 1);
    return () => set(3_600, 360);
  }

  /** Lets nothing be managed any more, so that no table of other tests is looked at. */
  async forgetAll(): Promise<void> {
    const TableName = this.#outputs['DesiredTableName'];
    for await (const { Items = [] } of paginateScan({ client: this.#documents }, { TableName }))
      for (const { routeTableId } of Items) await this.deleteItem(String(routeTableId));
  }

  /**
   * Moves the drift of a table that waits for an event into the past, as if a quarter of an hour had gone by. How long
   * that is, the unit tests show with a clock of their own.
   */
  async letEventsBeLate(routeTableId: string): Promise<void> {
    const state = await this.state(routeTableId);
    const waits = [...(state?.memory.destinations.values() ?? [])].some(({ drift }) => drift?.at(-1)?.expectsEvent);
    if (!state || !waits) throw new Error(`no drift of ${routeTableId} waits for an event`);
    const foundAt = new Date(Date.now() - 16 * 60_000).toISOString();
    const memory = withEach(state.memory, ({ drift, ...rest }) => ({
      ...rest,
      drift: drift?.map((one) => ({ ...one, foundAt })),
    }));
    const isWritten = await this.#states.write({ ...state, memory, dueAt: foundAt, revision: state.revision + 1 });
    expect(isWritten).toBe(true);
  }

  /** Kills every process of a function, whatever it is at: MiniStack does so when its configuration is written. */
  async killWorkers(name: FunctionName): Promise<void> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    await this.#lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 60 }));
  }

  /**
   * Moves the end of a lease into the past, as if its time had passed: 70 s are long for a test. What is known only by
   * waiting, that a lease ends at all, the unit tests show with a clock of their own.
   */
  async letLeaseExpire(routeTableId: string): Promise<void> {
    await this.#documents.send(
      new UpdateCommand({
        TableName: this.#outputs['StateTableName'],
        Key: { routeTableId, item: 'lease' },
        UpdateExpression: 'SET expiresAt = :past',
        ConditionExpression: 'attribute_exists(holder)',
        ExpressionAttributeValues: { ':past': new Date(Date.now() - 1_000).toISOString() },
      }),
    );
  }

  /** How the relay calls a function. */
  async callerOf(name: FunctionName): Promise<string> {
    return `role/${await roleOf(this.#lambda, this.#outputs[`${name}FunctionName`])}`;
  }

  /** How many EC2 calls there were so far, to count from. */
  async mark(): Promise<number> {
    return (await this.relay.calls()).length;
  }

  /** The calls that the reconciler made about this one table since `mark()`, in the order they came in. */
  async callsOn(table: string, since: number): Promise<OwnCall[]> {
    const calls = (await this.relay.calls()).slice(since);
    return calls.flatMap(({ action, caller, parameters, error }) => {
      const [by] = functionNames.filter((name) => caller.startsWith('role/') && caller.includes(`${name}Role`));
      // A sweep's reads of whole pages name more tables than one.
      const isRead = parameters['Filter.1.Value.1'] === table && !parameters['Filter.1.Value.2'];
      if (!by || !(isRead || parameters['RouteTableId'] === table)) return [];
      const call = isRead ? action : [action, ...routeIn(parameters)].join(' ');
      return { by, call, ...(error && { error }) };
    });
  }

  /** What one function called about a table while something was done. */
  async callsDuring(table: string, by: FunctionName, act: () => Promise<unknown>): Promise<string[]> {
    const since = await this.mark();
    await act();
    return (await this.callsOn(table, since)).filter((call) => call.by === by).map(({ call }) => call);
  }
}

/** How many route tables the tests of one file may use. */
const tablesMade = 30;

const functionNames: readonly FunctionName[] = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep'];

/** Destination and target of a mutation. */
function routeIn({ Action: _, Version: __, RouteTableId: ___, ...fields }: Routes): string[] {
  const [destinations, targets] = [true, false].map((isDestination) =>
    Object.keys(fields).filter((name) => name.startsWith('Destination') === isDestination),
  );
  return [...(destinations ?? []), ...(targets ?? [])].map((name) => String(fields[name]));
}

/** The ARN of a person who calls. */
export const arnOf = (user: 'alice' | 'bob'): string => `arn:aws:iam::${accountId}:user/${user}`;

/** What a CloudTrail record of an EC2 call that names a table needs to be taken for one. */
export const callOn = (routeTableId: string, detail: object = {}): object => ({
  eventSource: 'ec2.amazonaws.com',
  eventName: 'AssociateRouteTable',
  eventID: randomUUID(),
  eventTime: new Date().toISOString(),
  recipientAccountId: accountId,
  userIdentity: { type: 'IAMUser', arn: arnOf('bob') },
  requestParameters: { routeTableId },
  ...detail,
});

/** The event that EventBridge makes of a CloudTrail record. */
export const eventOf = (detail: unknown): object => ({ 'detail-type': 'AWS API Call via CloudTrail', detail });

async function makeTable(ec2: EC2Client, VpcId: string): Promise<string> {
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  return String(RouteTable?.RouteTableId);
}

async function roleOf(lambda: LambdaClient, FunctionName: string | undefined): Promise<string> {
  const { Role } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return String(Role?.split('/').at(-1));
}
