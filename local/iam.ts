import { DescribeTagsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import {
  GetRolePolicyCommand,
  type IAMClient,
  ListRolePoliciesCommand,
  SimulateCustomPolicyCommand,
  SimulatePrincipalPolicyCommand,
  type SimulatePolicyResponse,
} from '@aws-sdk/client-iam';
import { z } from 'zod';
import { callerArn } from './cloudtrail-event.ts';
import type { RelayOptions } from './ec2-relay.ts';

/**
 * Asks the emulated IAM what a role may do in the emulated EC2.
 *
 * MiniStack evaluates policies but does not know the tags of EC2 resources, so it treats every condition on them as not
 * met. This function therefore evaluates `StringEquals` conditions on resource tags itself, for the role's inline
 * policies. A statement with any other condition on tags grants nothing.
 */
export function iamPermissions(iam: IAMClient, ec2: EC2Client, accountId: string): RelayOptions['allows'] {
  return async (role, action, resource) => {
    const question = { ActionNames: [`ec2:${action}`], ResourceArns: [resource] };
    const answer = decision(
      await iam.send(new SimulatePrincipalPolicyCommand({ ...question, PolicySourceArn: callerArn(role, accountId) })),
    );
    if (answer !== 'implicitDeny') return answer === 'allowed';

    const onTags = (await inlinePolicies(iam, role.name)).filter((policy) => policy.includes(':ResourceTag/'));
    if (onTags.length === 0) return false;
    const tags = await tagsOf(ec2, resource);
    const PolicyInputList = onTags.map((policy) =>
      JSON.stringify(settleTags(policyDocument.parse(JSON.parse(policy)), tags)),
    );
    return decision(await iam.send(new SimulateCustomPolicyCommand({ ...question, PolicyInputList }))) === 'allowed';
  };
}

function decision({ EvaluationResults }: SimulatePolicyResponse): string | undefined {
  return EvaluationResults?.[0]?.EvalDecision;
}

async function inlinePolicies(iam: IAMClient, RoleName: string): Promise<string[]> {
  try {
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const policies = PolicyNames.map((PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })));
    return (await Promise.all(policies)).map(({ PolicyDocument = '' }) => decodeURIComponent(PolicyDocument));
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchEntityException') return [];
    throw error;
  }
}

async function tagsOf(ec2: EC2Client, resource: string): Promise<ReadonlyMap<string, string>> {
  const id = resource.slice(resource.lastIndexOf('/') + 1);
  const { Tags = [] } = await ec2.send(new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id] }] }));
  return new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

const conditions = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.array(z.string())])));
const policyDocument = z.looseObject({ Statement: z.array(z.looseObject({ Condition: conditions.optional() })) });

/** The policy with its conditions on tags evaluated: a statement whose condition is not met is removed. */
function settleTags({ Statement, ...policy }: z.infer<typeof policyDocument>, tags: ReadonlyMap<string, string>) {
  const settled = Statement.flatMap((statement) => {
    const { StringEquals = {}, ...others } = statement.Condition ?? {};
    const remaining = Object.entries(StringEquals).filter(([key, values]) => {
      const [, tag] = /^(?:aws|ec2):ResourceTag\/(.+)$/.exec(key) ?? [];
      return tag === undefined || ![values].flat().includes(tags.get(tag) ?? '');
    });
    const open = remaining.some(([key]) => key.includes(':ResourceTag/'));
    return open ? [] : [{ ...statement, Condition: { ...others, StringEquals: Object.fromEntries(remaining) } }];
  });
  return { ...policy, Statement: settled };
}
