import type { DeploymentReader } from '../reconciler/aws/deployment-reader.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableNames } from '../reconciler/aws/dynamodb/checkpoint.ts';
import type { FleetReader, FleetTable } from '../reconciler/aws/dynamodb/fleet-reader.ts';
import { type ListSize, type Occupied, occupiedBy } from '../reconciler/core/route/room.ts';
import { tablesInEc2 } from './actual-tables.ts';
import { type DeploymentOptions, deployment } from './deployment.ts';
import {
  type Finding,
  abilityAnswer,
  alarmsAnswer,
  headroomAnswer,
  itemsAnswer,
  mappingsAnswer,
  queueAnswer,
  ruleAnswer,
  scheduleAnswer,
  subscriptionsAnswer,
  stackAnswer,
  sweepAnswer,
  trailAnswer,
} from './doctor-checks.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { failedCall } from './failure.ts';
import { fleetReaderOf } from './fleet.ts';
import { type Format, columns, sections, tally } from './layout.ts';
import { printable } from './printable.ts';
import { idsChecked } from './pause.ts';
import { roundTrip } from './round-trip.ts';
import type { Terminal } from './terminal.ts';

export interface DoctorOptions extends DeploymentOptions {
  /** The name of the CloudFormation stack. */
  readonly stack: string;
  /** A managed table to tag for a moment, to time the event of that call. */
  readonly roundTrip?: string;
}

/** A check: its name, what it needs, and how it is answered. */
interface Check {
  readonly check: string;
  readonly permission: string;
  readonly answer: () => Promise<Omit<Finding, 'check'>>;
}

/** `routectl doctor`: checks every part that a repair depends on, and says what to do. Changes no route. */
export async function doctor(options: DoctorOptions, { print, note, look }: Terminal): Promise<ExitCode> {
  const [tagged] = options.roundTrip === undefined ? [] : idsChecked([options.roundTrip]);
  const open = await deployment(options, { note });
  const [{ deploymentReader }, stored] = await Promise.all([
    import('../reconciler/aws/deployment-reader.ts'),
    fleetReaderOf(open),
  ]);
  const reader = deploymentReader();
  const checks = [
    trailCheck(reader),
    ...fleetChecks(stored, open, reader),
    ...(await stackChecks(options.stack, reader)),
    ...(tagged === undefined ? [] : [roundTripCheck(tagged, stored, note)]),
  ];
  const findings = await Promise.all(checks.map(findingOf));
  if (options.json) for (const finding of findings) print(JSON.stringify(finding));
  else {
    const rows = findings.map(({ check, result, found, todo }) => {
      const { mark, format } = looks[result];
      const advice = todo === undefined ? '' : `; ${look.paint('bold', 'to do')}: ${printable(todo)}`;
      return [look.paint(format, `${mark} ${result}`), check, `${printable(found)}${advice}`];
    });
    print(sections(columns(rows, look.width)));
  }
  note(tally(findings.map(({ result }) => result)));
  const has = (...results: readonly Finding['result'][]): boolean =>
    findings.some(({ result }) => results.includes(result));
  if (has('problem', 'unknown')) return exitCode.failed;
  return has('warning') ? exitCode.drift : exitCode.ok;
}

const looks = {
  ok: { mark: '✓', format: 'green' },
  warning: { mark: '!', format: 'yellow' },
  problem: { mark: '✗', format: 'red' },
  unknown: { mark: '?', format: 'yellow' },
} as const satisfies Record<Finding['result'], { mark: string; format: Format }>;

/** What cannot be read is unknown: it may be broken. */
async function findingOf({ check, permission, answer }: Check): Promise<Finding> {
  try {
    return { check, ...(await answer()) };
  } catch (error) {
    const { message } = failedCall('could not be read', error, permission);
    return { check, result: 'unknown', found: message, todo: `allow ${permission}, or check it by hand` };
  }
}

const trailCheck = (reader: DeploymentReader): Check => ({
  check: 'trail',
  permission: 'cloudtrail:DescribeTrails, GetTrailStatus and GetEventSelectors',
  answer: async () => trailAnswer(await reader.trails()),
});

function fleetChecks(stored: FleetReader, open: TableNames, reader: DeploymentReader): Check[] {
  const fleet = stored.fleet();
  // Each check reports its own failure.
  fleet.catch(() => {});
  const permission = `dynamodb:Scan, GetItem and BatchGetItem of ${open.desiredTable}, ${open.ordersTable} and ${open.stateTable}`;
  return [
    { check: 'sweep', permission, answer: async () => sweepAnswer((await fleet).sweep, new Date()) },
    {
      check: 'items',
      permission,
      answer: async () => itemsAnswer((await fleet).tables, (await fleet).sweep),
    },
    {
      check: 'headroom',
      permission: `servicequotas:GetServiceQuota, ec2:DescribeManagedPrefixLists, ec2:DescribeRouteTables, and ${permission}`,
      answer: async () => {
        const { tables } = await fleet;
        const [quota, sizes] = await Promise.all([reader.routeQuota(), reader.listSizes()]);
        return headroomAnswer(await occupied(tables, sizes), quota);
      },
    },
  ];
}

const roundTripCheck = (id: string, reader: FleetReader, note: Terminal['note']): Check => ({
  check: 'round trip',
  permission: 'ec2:CreateTags and ec2:DeleteTags',
  answer: async () => {
    const { tables } = await reader.fleet();
    if (!tables.some(({ routeTableId }) => routeTableId === id))
      return { result: 'problem', found: `${id} is not managed`, todo: 'give a table that "routectl status" lists' };
    const { ec2TableTag } = await import('../reconciler/aws/ec2/table-tag.ts');
    note(`tagging ${id} and waiting for the event of that call, at most 5 minutes`);
    return roundTrip(id, { tag: ec2TableTag(), reader, now: () => new Date(), sleep });
  },
});

async function occupied(
  tables: readonly FleetTable[],
  sizes: ReadonlyMap<string, ListSize>,
): Promise<ReadonlyMap<string, Occupied>> {
  const { ec2RouteTables } = await import('../reconciler/aws/ec2/route-tables.ts');
  const actual = await tablesInEc2(
    ec2RouteTables(),
    tables.map(({ routeTableId }) => routeTableId),
  );
  return new Map([...actual].map(([id, { routes }]) => [id, occupiedBy(routes, sizes)]));
}

async function stackChecks(stack: string, reader: DeploymentReader): Promise<Check[]> {
  const asked = reader.outputs(stack);
  const outputs = await asked.catch(() => undefined);
  const check: Check = {
    check: 'stack',
    permission: 'cloudformation:DescribeStacks',
    answer: async () => stackAnswer(stack, await asked),
  };
  return [check, ...(outputs ? partsOf(outputs, reader) : [])];
}

/** The dead-letter queues, by the output that names them. */
const queues = ['UndeliveredEvents', 'FailedInvocations', 'FailedRecords', 'FailedRequeues'] as const;

/** The checks of everything that the stack names. */
function partsOf(outputs: ReadonlyMap<string, string>, reader: DeploymentReader): Check[] {
  const output = (name: string): string => outputs.get(name) ?? '';
  const rules = ['RuleName', 'SurroundingCallsRuleName', 'TagCallsRuleName', 'InstanceStatesRuleName'].map(output);
  const functions = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep'].map((name) =>
    output(`${name}FunctionName`),
  );
  const mappings = [
    { name: output('OnDesiredChangeFunctionName'), expected: 2 },
    { name: output('OnRequeueFunctionName'), expected: 1 },
  ];
  const [schedule, topic] = [output('ScheduleName'), output('AlarmTopicArn')];
  return [
    ...rules.map((name) => ({
      check: 'rule',
      permission: 'events:DescribeRule and ListTargetsByRule',
      answer: async () => ruleAnswer(name, await reader.rule(name)),
    })),
    ...functions.map((name) => ({
      check: 'function',
      permission: 'lambda:GetFunctionConcurrency, GetFunctionConfiguration and iam:SimulatePrincipalPolicy',
      answer: async () => abilityAnswer(name, await reader.ability(name)),
    })),
    ...mappings.map(({ name, expected }) => ({
      check: 'mappings',
      permission: 'lambda:ListEventSourceMappings',
      answer: async () => mappingsAnswer(name, await reader.mappings(name), expected),
    })),
    {
      check: 'schedule',
      permission: 'scheduler:GetSchedule',
      answer: async () => scheduleAnswer(schedule, await reader.schedule(schedule)),
    },
    ...queues.map((name) => ({
      check: 'queue',
      permission: 'sqs:GetQueueAttributes',
      answer: async () => {
        const url = output(`${name}QueueUrl`);
        return queueAnswer(name, url, await reader.messages(url));
      },
    })),
    {
      check: 'alarms',
      permission: 'cloudwatch:DescribeAlarms',
      answer: async () => alarmsAnswer(await reader.alarms(topic)),
    },
    {
      check: 'subscriptions',
      permission: 'sns:ListSubscriptionsByTopic',
      answer: async () => subscriptionsAnswer(topic, await reader.subscriptions(topic)),
    },
  ];
}
