import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../../local/stack.ts';
import { type Granted, grantedTo, isUsedByLambda } from '../../support/grants.ts';
import { queueEvent, streamEvent } from '../../support/lambda.ts';
import { StackTemplate } from '../../support/stack.ts';
import { callOn, eventOf } from '../support/cloudtrail-records.ts';
import { type DeployedName, functionNames } from '../support/functions.ts';
import { localStack } from '../support/local-stack.ts';
import { createRoute, replaceRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';

// Takes each permission away from the functions that have it, lets these functions do everything they can do, and looks
// for the failure. A permission that nobody misses is not needed. A failure that nobody sees is a fault, too.

const template = new StackTemplate({ local: true, ec2Endpoint: 'http://127.0.0.1:5000' });
const names: readonly DeployedName[] = [...functionNames, 'Widget'];
const own = names.flatMap((name) => grantedTo(name, template)).filter((one) => !isUsedByLambda(one));

const steps = [...Map.groupBy(own, ({ action, resource }) => `${action} on ${resource}`)].map(([permission, all]) => ({
  permission,
  all,
}));

/** A listed route, which somebody has moved. */
const moved = '10.20.0.0/16';

/** How each function shows the failure, by permission. */
const shown: string[] = [];

let testbed: Testbed;
let lambda: LambdaClient;
let logs: CloudWatchLogsClient;
/** Targets of every kind that EC2 can be asked about, by destination. */
let targets: Readonly<Record<string, string>>;

beforeAll(async () => {
  testbed = await Testbed.open(steps.length * names.length);
  const { aws } = connect(localStack());
  [lambda, logs] = [new LambdaClient(aws), new CloudWatchLogsClient(aws)];
  // Each function is invoked by this test alone.
  await testbed.relay.events('drop');
  await Promise.all([testbed.functions.deafen('OnDesiredChange'), testbed.functions.deafen('OnRequeue')]);
  const { network } = testbed;
  const unknown = '0a1b2c3d4e5f60718';
  targets = {
    '10.101.0.0/16': network.internetGateway,
    '10.102.0.0/16': network.natGateway,
    '10.103.0.0/16': network.peering,
    '10.104.0.0/16': network.transitGateway,
    '10.105.0.0/16': (await testbed.newInstance()).eni,
    '10.106.0.0/16': `i-${unknown}`,
    '10.107.0.0/16': `vgw-${unknown}`,
    '10.108.0.0/16': `cagw-${unknown}`,
    '10.109.0.0/16': `vpce-${unknown}`,
    '10.110.0.0/16': `lgw-${unknown}`,
    '2001:db8:5::/48': network.egressOnlyGateway,
  };
});
afterAll(async () => {
  await testbed.deleteAllItems();
  console.log(shown.join('\n'));
});

/** A table with a route to replace, one to delete, and routes to create through every kind of target. */
async function drifted(): Promise<string> {
  const { network, alice } = testbed;
  const listed = { [moved]: network.peering };
  const table = await testbed.newTable(listed);
  await testbed.desire(table, listed);
  await testbed.wake(table);
  await testbed.letPolicySettle(table);
  await alice.send(replaceRoute(table, moved, network.natGateway));
  await alice.send(createRoute(table, '203.0.113.0/24', network.natGateway));
  await testbed.desire(table, { ...listed, ...targets });
  return table;
}

/** What a function does with a table. */
const payloadsFor = (table: string): Readonly<Record<DeployedName, readonly object[]>> => ({
  OnRouteChange: [eventOf(callOn(table))],
  OnDesiredChange: [streamEvent(table)],
  OnRequeue: [queueEvent(JSON.stringify({ routeTableId: table, hop: 0, kinds: ['requeue'] }))],
  Sweep: [{}],
  Widget: [{}, { routeTableId: table }],
});

/** Invokes a function. Returns its errors. */
async function errorsOf(name: DeployedName, table: string): Promise<readonly string[]> {
  const FunctionName = localStack().outputs[`${name}FunctionName`];
  const errors: string[] = [];
  for (const payload of payloadsFor(table)[name]) {
    const { FunctionError, Payload } = await lambda.send(
      new InvokeCommand({ FunctionName, Payload: JSON.stringify(payload) }),
    );
    if (FunctionError) errors.push(`${Payload?.transformToString()}`);
  }
  return errors;
}

/** The messages of the warnings and errors that a function has logged about this action since then. */
async function complaintsOf(name: DeployedName, action: string, startTime: number): Promise<readonly string[]> {
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
  const { logGroupName } = logGroups.find((group) => group.logGroupName?.includes(`${name}Logs`)) ?? {};
  const complaints: string[] = [];
  for await (const { events = [] } of paginateFilterLogEvents({ client: logs }, { logGroupName, startTime }))
    for (const { message = '' } of events) {
      const [, level] = /"level":"(\w+)"/.exec(message) ?? [];
      if (message.includes(`perform: ${action}`) && (level === 'WARN' || level === 'ERROR'))
        complaints.push(/"message":"([^"]*)"/.exec(message)?.[1] ?? '');
    }
  return complaints;
}

/** How the failure of a function shows. Undefined if it does not. */
async function failureOf(
  { name, action }: Granted<DeployedName>,
  table: string,
  errors: readonly string[],
  since: number,
): Promise<string | undefined> {
  const [complaint] = await complaintsOf(name, action, since);
  if (complaint !== undefined) return `logs "${complaint}"`;
  if (errors.some((error) => error.includes(`perform: ${action}`))) return 'fails';
  const failures = (await testbed.status(table))?.failures ?? [];
  const denied = failures.find((failure) => `ec2:${failure.action}Route`.toLowerCase() === action.toLowerCase());
  return denied && `status ${denied.code}`;
}

const resourceIn = ({ resource }: Granted): string => {
  const { outputs } = localStack();
  const table = (name: string): string => `arn:aws:dynamodb:*:*:table/${outputs[name]}`;
  const named: Readonly<Record<string, string>> = {
    DesiredRouteTables: table('DesiredTableName'),
    RouteTableOrders: table('OrdersTableName'),
    RouteTableStates: table('StateTableName'),
    Requeue: `arn:aws:sqs:*:*:${outputs['RequeueQueueUrl']?.split('/').at(-1)}`,
    'event bus': 'arn:aws:events:*:*:event-bus/default',
    'route tables': 'arn:aws:ec2:*:*:route-table/*',
    mappings: 'arn:aws:lambda:*:*:event-source-mapping:*',
  };
  return named[resource] ?? resource;
};

it.each(steps)('without $permission, each function that has it fails visibly', { retry: 0 }, async (step) => {
  await testbed.refillBuckets();
  const tables = new Map(await Promise.all(step.all.map(async ({ name }) => [name, await drifted()] as const)));
  const since = Date.now();
  const ends = await Promise.all(
    step.all.map((one) => testbed.functions.denyOn(one.name, one.action, resourceIn(one))),
  );
  const errors = new Map<DeployedName, readonly string[]>();
  const invoke = async ({ name }: Granted<DeployedName>): Promise<unknown> =>
    errors.set(name, await errorsOf(name, tables.get(name) ?? ''));
  try {
    // The sweep would do the work of the others.
    await Promise.all(step.all.filter(({ name }) => name !== 'Sweep').map(invoke));
    await Promise.all(step.all.filter(({ name }) => name === 'Sweep').map(invoke));
  } finally {
    await Promise.all(ends.map((end) => end()));
  }
  const failures = await Promise.all(
    step.all.map(async (one) => {
      const failure = await failureOf(one, tables.get(one.name) ?? '', errors.get(one.name) ?? [], since);
      return { name: one.name, failure };
    }),
  );
  await Promise.all([...tables.values()].map((table) => testbed.deleteItem(table)));
  const ways = Map.groupBy(failures, ({ failure }) => failure);
  for (const [failure, those] of ways)
    shown.push(`${step.permission}: ${failure} (${those.map(({ name }) => name).join(', ')})`);
  expect(failures.filter(({ failure }) => failure === undefined)).toEqual([]);
});
