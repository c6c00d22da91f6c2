import { z } from 'zod';
import type { StackTemplate } from './stack.ts';

const joined = z.object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.string())]) });
const text = z.union([z.string(), joined.transform(({ 'Fn::Join': [, parts] }) => parts.join(''))]);
const list = z.union([z.array(text), text.transform((one) => [one])]);
const statement = z.object({
  Effect: z.string(),
  Action: list,
  Resource: list,
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});
const policy = z.object({ Roles: z.array(z.string()), PolicyDocument: z.object({ Statement: z.array(statement) }) });
type Statement = z.infer<typeof statement>;

/** Everything the stack grants to a role by identity policy. */
export function grants(template: StackTemplate, role: string): Statement[] {
  return [...template.all('AWS::IAM::Policy').values()]
    .map((properties) => policy.parse(properties))
    .filter(({ Roles }) => Roles.includes(role))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}

/** What a role may do, by resource. */
export function permissions(template: StackTemplate, role: string): Record<string, string[]> {
  const byResource: Record<string, string[]> = {};
  for (const { Action, Resource } of grants(template, role)) {
    for (const one of Resource) byResource[one] = [...(byResource[one] ?? []), ...Action].sort();
  }
  return byResource;
}

/** A permission of one function. */
export interface Granted<Name extends string = string> {
  readonly name: Name;
  readonly action: string;
  /** What it is granted on, in words. */
  readonly resource: string;
}

/** The permissions of one function, each as an action on one resource. */
export function grantedTo<Name extends string>(name: Name, template: StackTemplate): readonly Granted<Name>[] {
  const all = Object.entries(permissions(template, `${name}Role`)).flatMap(([resource, actions]) =>
    actions.map((action) => ({ name, action, resource: inWords(resource, name) })),
  );
  return [...new Map(all.map((one) => [`${one.action} ${one.resource}`, one])).values()];
}

/** Resources that have no name of their own in a template, by a part of their ARN. */
const words = {
  ':event-bus/': 'event bus',
  ':route-table/': 'route tables',
  ':event-source-mapping:': 'mappings',
};

function inWords(resource: string, name: string): string {
  const [, word] = Object.entries(words).find(([part]) => resource.includes(part)) ?? [];
  return (
    word ??
    resource
      .replace(/\.Arn$/, '')
      .replace('.StreamArn', ' stream')
      .replace(`${name}Logs`, 'own log')
  );
}

/** Whether Lambda itself uses a permission for a function: to log, to receive records and messages, to report failures. */
export const isUsedByLambda = ({ name, action, resource }: Granted): boolean =>
  /^(own log|Failed\w+|\w+ stream)$/.test(resource) ||
  action === 'dynamodb:ListStreams' ||
  (name === 'OnRequeue' && resource === 'Requeue' && action !== 'sqs:SendMessage');
