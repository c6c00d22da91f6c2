import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CloudTrailClient,
  DescribeTrailsCommand,
  GetEventSelectorsCommand,
  type GetEventSelectorsCommandOutput,
  GetTrailStatusCommand,
} from '@aws-sdk/client-cloudtrail';
import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { EC2Client, type ManagedPrefixList, paginateDescribeManagedPrefixLists } from '@aws-sdk/client-ec2';
import { DescribeRuleCommand, EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { type EvaluationResult, IAMClient, paginateSimulatePrincipalPolicy } from '@aws-sdk/client-iam';
import {
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { SNSClient, paginateListSubscriptionsByTopic } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';

import type { ListSize } from '../core/route/room.ts';
import { type Trail, enoughOf } from './trail.ts';

/** An EC2 call that IAM does not allow a role. */
export interface Denial {
  readonly action: string;
  readonly by: 'nothing allows it' | 'a policy denies it' | 'its permissions boundary' | 'a policy of the organization';
}

/** What a function can do. */
export interface Ability {
  /** Its concurrency is limited to 0, so no invocation starts. */
  readonly isStopped: boolean;
  /** It was deployed with `observeOnly`. */
  readonly onlyObserves: boolean;
  readonly denied: readonly Denial[];
}

/** Reads the parts of a deployment. Changes nothing, and throws what AWS answers. */
export interface DeploymentReader {
  /** The outputs of the stack, by name. Undefined if there is no such stack. */
  outputs(stack: string): Promise<ReadonlyMap<string, string> | undefined>;
  trails(): Promise<readonly Trail[]>;
  rule(name: string): Promise<{ readonly isEnabled: boolean; readonly targets: number }>;
  /** Whether a function can run and do its work. */
  ability(functionName: string): Promise<Ability>;
  /** The states of the event source mappings of a function. */
  mappings(functionName: string): Promise<readonly string[]>;
  schedule(name: string): Promise<{ readonly isEnabled: boolean; readonly expression: string }>;
  /** How many messages wait in a queue, about. */
  messages(queueUrl: string): Promise<number>;
  /** The alarms that notify a topic. */
  alarms(
    topicArn: string,
  ): Promise<readonly { readonly name: string; readonly isRed: boolean; readonly isSilent: boolean }[]>;
  subscriptions(topicArn: string): Promise<{ readonly confirmed: number; readonly pending: number }>;
  /** How many routes of one family a table can have, propagated ones apart. */
  routeQuota(): Promise<number>;
  /** The sizes of all prefix lists in this Region, by id. A list of AWS whose size is not documented is absent. */
  listSizes(): Promise<ReadonlyMap<string, ListSize>>;
}

export function deploymentReader(): DeploymentReader {
  const cloudFormation = new CloudFormationClient({});
  const cloudTrail = new CloudTrailClient({});
  const events = new EventBridgeClient({});

  async function trail(arn: string): Promise<Trail> {
    const [status, selectors] = await Promise.all([
      cloudTrail.send(new GetTrailStatusCommand({ Name: arn })),
      cloudTrail.send(new GetEventSelectorsCommand({ TrailName: arn })),
    ]);
    return { name: arn, isLogging: status.IsLogging === true, recordsWrites: recordsWrites(selectors) };
  }

  return {
    async outputs(StackName) {
      try {
        const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
        return new Map(stack?.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
      } catch (error) {
        // CloudFormation has no code of its own for a stack that does not exist.
        if (error instanceof Error && error.name === 'ValidationError') return undefined;
        throw error;
      }
    },
    async trails() {
      const { trailList = [] } = await cloudTrail.send(new DescribeTrailsCommand({ includeShadowTrails: true }));
      const arns = trailList.flatMap(({ TrailARN }) => TrailARN ?? []);
      return enoughOf(await Promise.allSettled(arns.map(trail)));
    },
    async rule(name) {
      const [{ State }, { Targets = [] }] = await Promise.all([
        events.send(new DescribeRuleCommand({ Name: name })),
        events.send(new ListTargetsByRuleCommand({ Rule: name })),
      ]);
      return { isEnabled: State !== 'DISABLED', targets: Targets.length };
    },
    async ability(FunctionName) {
      const lambda = new LambdaClient({});
      const [concurrency, configuration] = await Promise.all([
        lambda.send(new GetFunctionConcurrencyCommand({ FunctionName })),
        lambda.send(new GetFunctionConfigurationCommand({ FunctionName })),
      ]);
      const { FunctionArn = '', Role, Environment: { Variables = {} } = {} } = configuration;
      const onlyObserves = Variables['OBSERVE_ONLY'] === 'true';
      return {
        isStopped: concurrency.ReservedConcurrentExecutions === 0,
        onlyObserves,
        denied: await denialsOf(`${Role}`, FunctionArn, onlyObserves ? reads : [...reads, ...writes]),
      };
    },
    async mappings(FunctionName) {
      const states: string[] = [];
      for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings(
        { client: new LambdaClient({}) },
        { FunctionName },
      ))
        states.push(...EventSourceMappings.map(({ State }) => State ?? 'unknown'));
      return states;
    },
    async schedule(Name) {
      const { State, ScheduleExpression = '' } = await new SchedulerClient({}).send(new GetScheduleCommand({ Name }));
      return { isEnabled: State === 'ENABLED', expression: ScheduleExpression };
    },
    async messages(QueueUrl) {
      const { Attributes } = await new SQSClient({}).send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
      );
      const count = Number(Attributes?.['ApproximateNumberOfMessages']);
      if (!Number.isInteger(count)) throw new TypeError('SQS answered without a number of messages');
      return count;
    },
    async alarms(topicArn) {
      const found: { name: string; isRed: boolean; isSilent: boolean }[] = [];
      for await (const { MetricAlarms = [], CompositeAlarms = [] } of paginateDescribeAlarms(
        { client: new CloudWatchClient({}) },
        { AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] },
      ))
        for (const { AlarmName = '', StateValue, ActionsEnabled, AlarmActions } of [
          ...MetricAlarms,
          ...CompositeAlarms,
        ])
          if (AlarmActions?.includes(topicArn))
            found.push({ name: AlarmName, isRed: StateValue === 'ALARM', isSilent: ActionsEnabled === false });
      return found;
    },
    async subscriptions(TopicArn) {
      const arns: string[] = [];
      for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic(
        { client: new SNSClient({}) },
        { TopicArn },
      ))
        arns.push(...Subscriptions.map(({ SubscriptionArn = '' }) => SubscriptionArn));
      const confirmed = arns.filter((arn) => arn.startsWith('arn:')).length;
      return { confirmed, pending: arns.length - confirmed };
    },
    async routeQuota() {
      const { Quota } = await new ServiceQuotasClient({}).send(new GetServiceQuotaCommand(routesPerTable));
      if (Quota?.Value === undefined) throw new TypeError('Service Quotas answered without a value');
      return Quota.Value;
    },
    async listSizes() {
      const sizes = new Map<string, ListSize>();
      const pages = paginateDescribeManagedPrefixLists({ client: new EC2Client({}) }, {});
      for await (const { PrefixLists = [] } of pages)
        for (const list of PrefixLists) {
          const size = sizeOf(list);
          if (size && list.PrefixListId !== undefined) sizes.set(list.PrefixListId, size);
        }
      return sizes;
    },
  };
}

const reads = ['ec2:DescribeRouteTables'];
const writes = ['ec2:CreateRoute', 'ec2:ReplaceRoute', 'ec2:DeleteRoute'];

/**
 * The actions that IAM does not allow a role on the route tables of its account. An action that is allowed on some
 * tables only, by tag or VPC, counts as allowed.
 *
 * Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
 */
async function denialsOf(role: string, functionArn: string, actions: readonly string[]): Promise<readonly Denial[]> {
  const [arn, partition, , region, account] = functionArn.split(':');
  const asked = {
    PolicySourceArn: role,
    ActionNames: [...actions],
    ResourceArns: [[arn, partition, 'ec2', region, account, 'route-table/*'].join(':')],
  };
  const denied: Denial[] = [];
  for await (const { EvaluationResults = [] } of paginateSimulatePrincipalPolicy({ client: new IAMClient({}) }, asked))
    denied.push(...EvaluationResults.flatMap((result) => denialIn(result) ?? []));
  return denied;
}

/** Why IAM does not allow an action, as one result of the simulation says. Undefined if it may be allowed. */
export function denialIn({
  EvalActionName: action = '',
  EvalDecision: decision,
  MissingContextValues: missing = [],
  OrganizationsDecisionDetail: organization,
  PermissionsBoundaryDecisionDetail: boundary,
}: EvaluationResult): Denial | undefined {
  if (decision === 'allowed') return undefined;
  if (organization?.AllowedByOrganizations === false) return { action, by: 'a policy of the organization' };
  if (boundary?.AllowedByPermissionsBoundary === false) return { action, by: 'its permissions boundary' };
  if (decision === 'explicitDeny') return { action, by: 'a policy denies it' };
  // The tag or the VPC of a table decides.
  return missing.length > 0 ? undefined : { action, by: 'nothing allows it' };
}

/** "Routes per route table" of Amazon VPC. */
const routesPerTable = { ServiceCode: 'vpc', QuotaCode: 'L-93826ACB' };

/**
 * What AWS's own prefix lists count, by the end of their names:
 * https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
 */
const weights: readonly (readonly [end: string, routes: number])[] = [
  ['.s3', 1],
  ['.dynamodb', 1],
  ['.ec2-instance-connect', 2],
  ['.groundstation', 5],
  ['.s3express', 6],
  ['.vpc-lattice', 10],
  ['.route53-healthchecks', 25],
  ['.cloudfront.origin-facing', 55],
];

/** The size of a prefix list as the quota of a route table counts it. Undefined if AWS does not document it. */
export function sizeOf({
  OwnerId,
  MaxEntries,
  AddressFamily,
  PrefixListName = '',
}: ManagedPrefixList): ListSize | undefined {
  const family = AddressFamily === 'IPv6' ? 'ipv6' : 'ipv4';
  const routes = OwnerId === 'AWS' ? weights.find(([end]) => PrefixListName.endsWith(end))?.[1] : MaxEntries;
  return routes === undefined ? undefined : { family, routes };
}

const ec2 = 'ec2.amazonaws.com';

/** Whether the selectors of a trail include calls that change EC2 resources. */
export function recordsWrites({
  EventSelectors = [],
  AdvancedEventSelectors = [],
}: Pick<GetEventSelectorsCommandOutput, 'EventSelectors' | 'AdvancedEventSelectors'>): boolean {
  const isBasic = EventSelectors.some(
    ({ IncludeManagementEvents = true, ReadWriteType = 'All', ExcludeManagementEventSources = [] }) =>
      IncludeManagementEvents && ReadWriteType !== 'ReadOnly' && !ExcludeManagementEventSources.includes(ec2),
  );
  // All conditions of one selector must hold.
  const isAdvanced = AdvancedEventSelectors.some(({ FieldSelectors = [] }) => {
    const values: Readonly<Record<string, string>> = {
      eventCategory: 'Management',
      readOnly: 'false',
      eventSource: ec2,
    };
    return FieldSelectors.every(({ Field = '', Equals, NotEquals }) => {
      const value = values[Field];
      if (value === undefined) return false;
      return (Equals?.includes(value) ?? true) && !NotEquals?.includes(value);
    });
  });
  return isBasic || isAdvanced;
}
