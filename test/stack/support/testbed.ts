import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateNetworkInterfaceCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcEndpointCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetScheduleCommand, SchedulerClient, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  UpdateCommand,
  paginateQuery,
  paginateScan,
} from '@aws-sdk/lib-dynamodb';
import { expect } from 'vitest';
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
import { callOn, eventOf } from './cloudtrail-records.ts';
import { everyTable } from '../../../reconciler/core/desired/orders.ts';
import { eventually } from './eventually.ts';
import { DeployedFunctions, type FunctionName, functionNames } from './functions.ts';
import { asWritten, createRoute, deleteRoute } from './route-calls.ts';
import { localStack } from './local-stack.ts';

/** Routes as destination → target. */
export type Routes = Readonly<Record<string, string>>;

/** One EC2 call of the reconciler. */
export interface OwnCall {
  readonly by: FunctionName;
  /** `DescribeRouteTables`, or a mutation with its destination and target: `CreateRoute 10.20.0.0/16 pcx-…`. */
  readonly call: string;
  readonly error?: string;
}

/** A run, as far as tests check it. */
export type StoredRun = Pick<Run, 'trigger' | 'actor' | 'plan' | 'outcome'>;

/**
 * The local stack, in which everything is deployed and runs by itself. Each test creates its own route tables, so that
 * tests can run in parallel.
 */
export class Testbed {
  readonly network: Scenery;
  /** Two people who change routes. */
  readonly alice: EC2Client;
  readonly bob: EC2Client;
  /**
   * Changes routes without an event: it calls EC2 with the role of the sweep, whose calls the rule ignores. To drop
   * events instead would disturb other tests.
   */
  readonly unannounced: EC2Client;
  readonly relay: RelayControl;
  readonly functions: DeployedFunctions;
  /** The tables that no test uses yet. */
  readonly #tables: string[];
  readonly #outputs: StackAddress['outputs'];
  readonly #ec2: EC2Client;
  readonly #documents: DynamoDBDocumentClient;
  readonly #states: TableStates;
  readonly #bus: EventBridgeClient;
  readonly #scheduler: SchedulerClient;
  #subnet: Promise<string> | undefined;

  private constructor(
    address: StackAddress,
    functions: DeployedFunctions,
    sweepRole: string,
    network: Scenery,
    tables: string[],
  ) {
    const { aws, ec2, relay } = connect(address);
    this.network = network;
    this.alice = new EC2Client(ec2({ kind: 'user', name: 'alice' }));
    this.bob = new EC2Client(ec2({ kind: 'user', name: 'bob' }));
    this.unannounced = new EC2Client(ec2({ kind: 'role', name: sweepRole }));
    this.relay = relay;
    this.functions = functions;
    this.#tables = tables;
    this.#outputs = address.outputs;
    this.#ec2 = new EC2Client(ec2());
    this.#documents = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
    this.#states = tableStates(this.#documents, String(address.outputs['StateTableName']));
    this.#bus = new EventBridgeClient(aws);
    this.#scheduler = new SchedulerClient(aws);
  }

  /** Opens a testbed with its own network and tables (enough to run each test twice), and disables the schedule of sweeps. */
  static async open(tablesMade = 60): Promise<Testbed> {
    const address = localStack();
    const { ec2, relay } = connect(address);
    const functions = new DeployedFunctions(address);
    const sweepRole = await functions.roleOf('Sweep');
    // No function must run late because a table was created.
    await relay.events('drop');
    const operator = new EC2Client(ec2());
    const network = await buildScenery(ec2());
    const tables = await Promise.all(Array.from({ length: tablesMade }, () => makeTable(operator, network.vpc)));
    await relay.events('send');
    await relay.forgetCalls();
    const testbed = new Testbed(address, functions, sweepRole, network, tables);
    // A scheduled sweep would repair drift for which a test expects an event, and its calls would be counted.
    await testbed.schedule('DISABLED');
    return testbed;
  }

  // ── route tables ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** A new, unmanaged route table with these routes. */
  async newTable(routes: Routes = {}): Promise<string> {
    const table = this.#tables.pop();
    if (!table) throw new Error('the tests of this file need more route tables: Testbed.open makes them');
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

  /** Makes a gateway endpoint, whose route EC2 puts into these tables. */
  async newEndpoint(tables: readonly string[]): Promise<void> {
    const ServiceName = `com.amazonaws.${await this.#ec2.config.region()}.s3`;
    await this.#ec2.send(
      new CreateVpcEndpointCommand({ VpcId: this.network.vpc, ServiceName, RouteTableIds: [...tables] }),
    );
  }

  /** Tags tables, as the owner of what runs in them does. */
  async tag(tables: readonly string[], Key: string, Value: string): Promise<void> {
    await this.#ec2.send(new CreateTagsCommand({ Resources: [...tables], Tags: [{ Key, Value }] }));
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

  /**
   * A managed and watched route table that is in sync without a change.
   *
   * @param alternates by destination
   */
  async tableInSync(
    routes: Routes,
    policy: object = {},
    alternates: Readonly<Record<string, readonly string[]>> = {},
  ): Promise<string> {
    const table = await this.newTable(routes);
    const listed = Object.entries(routes).map(([destination, target]) => ({
      destination,
      target,
      ...(alternates[destination] && { alternates: alternates[destination] }),
    }));
    await this.putItem({ routeTableId: table, routes: listed, ...policy });
    await this.phase(table, 'InSync');
    await this.letPolicySettle(table);
    return table;
  }

  /** The routes of a table that were created with CreateRoute, as EC2 shows them now. */
  async routes(table: string): Promise<Routes> {
    const { RouteTables: [found] = [] } = await this.#ec2.send(
      new DescribeRouteTablesCommand({ RouteTableIds: [table] }),
    );
    return Object.fromEntries((found?.Routes ?? []).filter(({ Origin }) => Origin === 'CreateRoute').map(asWritten));
  }

  /**
   * Waits until a table has exactly these routes, and until whoever calls next does so in a later second than our write.
   * CloudTrail reports whole seconds: who deletes in the same second what an edit has just created may have done so before,
   * and is believed only after 30 s.
   */
  async has(table: string, routes: Routes, { seconds = 20 } = {}): Promise<void> {
    await eventually(async () => expect(await this.routes(table)).toEqual(routes), { seconds });
    await sleep(1_200);
  }

  /**
   * Lets another table drift, and waits some seconds until it is repaired and verified. By then, all functions
   * that were woken before have run. So a test can show that no function was woken.
   */
  async healsAnother(): Promise<void> {
    const table = await this.tableInSync({ '10.20.0.0/16': this.network.peering });
    await this.alice.send(deleteRoute(table, '10.20.0.0/16'));
    await this.phase(table, 'Verifying');
    await this.phase(table, 'InSync');
  }

  // ── desired items and orders ───────────────────────────────────────────────────────────────────────────────────────

  /** Writes a desired item, as a person or a pipeline does. */
  async desire(table: string, routes: Routes, policy: object = {}): Promise<void> {
    const listed = Object.entries(routes).map(([destination, target]) => ({ destination, target }));
    await this.putItem({ routeTableId: table, routes: listed, ...policy });
  }

  /** Writes a desired item, and waits for the end of a reconcile that uses it. */
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

  /** Writes any item into the table of desired items, valid or not. Edits of other tests leave the fleet brake no trace. */
  async putItem(item: Record<string, unknown>): Promise<void> {
    await this.#documents.send(
      new DeleteCommand({
        TableName: this.#outputs['StateTableName'],
        Key: { routeTableId: everyTable, item: 'brake' },
      }),
    );
    await this.#documents.send(new PutCommand({ TableName: this.#outputs['DesiredTableName'], Item: item }));
  }

  async deleteItem(routeTableId: string): Promise<void> {
    await this.#documents.send(
      new DeleteCommand({ TableName: this.#outputs['DesiredTableName'], Key: { routeTableId } }),
    );
  }

  /** Deletes all items, so that the tables of other tests are not managed. */
  async deleteAllItems(): Promise<void> {
    const TableName = this.#outputs['DesiredTableName'];
    for await (const { Items = [] } of paginateScan({ client: this.#documents }, { TableName }))
      for (const { routeTableId } of Items) await this.deleteItem(String(routeTableId));
  }

  /** Writes an order with one put-item, as a person does. */
  async order(routeTableId: string, order: string, fields: object): Promise<void> {
    const Item = { ...fields, routeTableId, order };
    await this.#documents.send(new PutCommand({ TableName: this.#outputs['OrdersTableName'], Item }));
  }

  // ── stored state ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The stored state of a table. */
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

  /** The runs of a table with an apply, oldest first. */
  async runs(table: string): Promise<StoredRun[]> {
    const items = await this.#history(table);
    return items
      .filter(({ appliedAt }) => appliedAt !== undefined)
      .map(({ trigger, actor, plan, outcome }): StoredRun => ({ trigger, actor, plan, outcome }));
  }

  /** Waits until the runs of a table have `count` outcomes, and returns them. */
  async outcomes(table: string, count: number): Promise<RunOutcome[]> {
    return eventually(async () => {
      const outcomes = (await this.runs(table)).flatMap(({ outcome }) => outcome);
      expect(outcomes).toHaveLength(count);
      return outcomes;
    });
  }

  /** The notices in a table's history: changes to its surroundings. */
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

  async lastSweep(): Promise<SweepRecord | undefined> {
    return this.#states.readSweep();
  }

  // ── the passage of time ────────────────────────────────────────────────────────────────────────────────────────────

  /** Enables or disables the schedule of sweeps. */
  async schedule(State: 'ENABLED' | 'DISABLED'): Promise<void> {
    const Name = this.#outputs['ScheduleName'];
    const { ScheduleExpression, FlexibleTimeWindow, Target } = await this.#scheduler.send(
      new GetScheduleCommand({ Name }),
    );
    await this.#scheduler.send(
      new UpdateScheduleCommand({ Name, ScheduleExpression, FlexibleTimeWindow, Target, State }),
    );
  }

  /**
   * Moves the start of a table's policy a minute into the past, as if the last read came a minute after it. So no later
   * read is due. The unit tests check the real time.
   */
  async letPolicySettle(table: string): Promise<void> {
    await this.#rewrite(table, (state) => {
      if (!state.memory.policySince) throw new Error(`no policy of ${table} is known`);
      const at = new Date(Date.parse(state.memory.policySince.at) - 60_000).toISOString();
      const { dueAt: _, ...rest } = state;
      const { nextRetry: __, ...status } = state.status;
      return { ...rest, status, memory: { ...state.memory, policySince: { ...state.memory.policySince, at } } };
    });
  }

  /** Forgets which turns for changes were given: as if no function had changed a route for a while. */
  async refillBuckets(): Promise<void> {
    const client = this.#documents;
    const TableName = this.#outputs['StateTableName'];
    const rows = {
      TableName,
      KeyConditionExpression: 'routeTableId = :all AND begins_with(#item, :pace)',
      ExpressionAttributeNames: { '#item': 'item' },
      ExpressionAttributeValues: { ':all': everyTable, ':pace': 'pace#' },
    };
    for await (const { Items = [] } of paginateQuery({ client }, rows))
      for (const { routeTableId, item } of Items)
        await client.send(new DeleteCommand({ TableName, Key: { routeTableId, item } }));
  }

  /** Moves the drift of a table that expects an event 16 minutes into the past. The unit tests check the real time. */
  async letEventsBeLate(routeTableId: string): Promise<void> {
    await this.#rewrite(routeTableId, (state) => {
      const waits = [...state.memory.destinations.values()].some(({ drift }) => drift?.at(-1)?.expectsEvent);
      if (!waits) throw new Error(`no drift of ${routeTableId} waits for an event`);
      const foundAt = new Date(Date.now() - 16 * 60_000).toISOString();
      const memory = withEach(state.memory, ({ drift, ...rest }) => ({
        ...rest,
        drift: drift?.map((one) => ({ ...one, foundAt })),
      }));
      return { ...state, memory, dueAt: foundAt };
    });
  }

  /**
   * Moves what is known of targets that are down 5 minutes into the past, as if that time had passed since they were
   * first called alive. The unit tests show with a clock of their own how long a target must be alive.
   */
  async letTargetsBeAlive(routeTableId: string): Promise<void> {
    await this.#rewrite(routeTableId, (state) => {
      const isAlive = [...state.memory.destinations.values()].some(({ down }) => down?.aliveSince);
      if (!isAlive) throw new Error(`no target of ${routeTableId} is called alive again`);
      const aliveSince = new Date(Date.now() - 5 * 60_000).toISOString();
      const memory = withEach(state.memory, ({ down, ...rest }) => ({
        ...rest,
        down: down && { ...down, aliveSince },
      }));
      return { ...state, memory };
    });
  }

  /**
   * Replaces the state of a table once `change` does not throw.
   *
   * Waits until the news of the last reconcile is announced. If the state changed before, the function could not write
   * down that it has announced its news, and the next reconcile would announce it again.
   */
  async #rewrite(table: string, change: (state: StoredState) => StoredState): Promise<void> {
    await eventually(async () => {
      const state = await this.state(table);
      if (!state || state.unsent) throw new Error(`no reconcile of ${table} has ended and announced its news`);
      expect(await this.#states.write({ ...change(state), revision: state.revision + 1 })).toBe(true);
    });
  }

  /** An instance that runs, and its interface. */
  async newInstance(): Promise<{ readonly instance: string; readonly eni: string }> {
    const { Instances } = await this.#ec2.send(
      new RunInstancesCommand({ SubnetId: this.network.subnet, ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1 }),
    );
    const [{ InstanceId: instance, NetworkInterfaces } = {}] = Instances ?? [];
    const eni = NetworkInterfaces?.[0]?.NetworkInterfaceId;
    if (instance === undefined || eni === undefined) throw new Error('EC2 started no instance with an interface');
    return { instance, eni };
  }

  /**
   * Moves the end of a lease into the past, because 70 s are too long for a test. The unit tests check that a lease
   * expires by itself.
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

  // ── events and calls ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Reconciles a table once, with an event that contains only its id. Throws if the invocation fails. */
  async wake(table: string): Promise<void> {
    await this.functions.invoke('OnRouteChange', eventOf(callOn(table)));
  }

  /** Sends CloudTrail records to the event bus, at most ten at a time. */
  async sendRecords(...details: readonly object[]): Promise<void> {
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

  /** The number of EC2 calls so far, as a start for `callsOn`. */
  async mark(): Promise<number> {
    return (await this.relay.calls()).length;
  }

  /** The calls of the reconciler about one table since `mark()`, in order. */
  async callsOn(table: string, since: number): Promise<OwnCall[]> {
    const calls = (await this.relay.calls()).slice(since);
    return calls.flatMap(({ action, caller, parameters, error }) => {
      const [by] = functionNames.filter((name) => caller.startsWith('role/') && caller.includes(`${name}Role`));
      const read = Object.keys(parameters).filter((name) => name.startsWith('Filter.1.Value.'));
      // A sweep reads whole pages. Other functions read a table together with those in the same batch.
      const isRead = read.some((name) => parameters[name] === table) && (read.length === 1 || by !== 'Sweep');
      if (!by || !(isRead || parameters['RouteTableId'] === table)) return [];
      const call = isRead ? action : [action, ...routeIn(parameters)].join(' ');
      return { by, call, ...(error && { error }) };
    });
  }

  /** The calls of all functions that changed a route of these tables since `mark()`, in order. */
  async changesIn(tables: readonly string[], since: number): Promise<string[]> {
    const calls = (await this.relay.calls()).slice(since);
    return calls.flatMap(({ action, caller, parameters }) => {
      const isOurs = caller.startsWith('role/') && tables.includes(parameters['RouteTableId'] ?? '');
      return isOurs ? [[action, ...routeIn(parameters)].join(' ')] : [];
    });
  }

  /** The calls of one function about a table during `act`. */
  async callsDuring(table: string, by: FunctionName, act: () => Promise<unknown>): Promise<string[]> {
    const since = await this.mark();
    await act();
    return (await this.callsOn(table, since)).filter((call) => call.by === by).map(({ call }) => call);
  }
}

/** Destination and target of a mutation. */
function routeIn({ Action: _, Version: __, RouteTableId: ___, ...fields }: Routes): string[] {
  const [destinations, targets] = [true, false].map((isDestination) =>
    Object.keys(fields).filter((name) => name.startsWith('Destination') === isDestination),
  );
  return [...(destinations ?? []), ...(targets ?? [])].map((name) => String(fields[name]));
}

async function makeTable(ec2: EC2Client, VpcId: string): Promise<string> {
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  return String(RouteTable?.RouteTableId);
}
