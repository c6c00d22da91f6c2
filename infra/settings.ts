import { type Environment, RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';
import { z } from 'zod';

/** The settings of one deployment, read from the CDK context. `RouteReconcilerProps` explains those not explained here. */
export type Settings = Readonly<z.output<typeof schema>>;

/** The account of the emulators. A local stack is never deployed to any other account. */
const localAccount = '000000000000';

/** `cdk -c key=value` passes text and cdk.json passes JSON values; both are accepted. */
const whole = (
  unit: string,
  {
    min,
    max,
    ...limits
  }: { readonly min: number; readonly max: number; readonly atLeast: string; readonly atMost: string },
) => {
  const expected = `expected a whole number of ${unit}`;
  return z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], expected)
    .pipe(
      z.int(expected).min(min, `expected at least ${limits.atLeast}`).max(max, `expected at most ${limits.atMost}`),
    );
};
const yesOrNo = z.union([z.boolean(), z.stringbool()], 'expected true or false');
const arn = (service: string, example: string) =>
  z
    .string(`expected an ARN such as ${example}`)
    .regex(new RegExp(`^arn:[^:]+:${service}:`), `expected an ARN such as ${example}`);
const tableName = z
  .string('expected the name of a DynamoDB table')
  .regex(/^[\w.-]{3,255}$/, 'expected the name of a DynamoDB table')
  .optional();
const vpcId = /^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/;
const vpcIds = 'expected VPC ids, separated by commas';
const retentionDays = Object.values(RetentionDays).filter(
  (days) => typeof days === 'number' && days !== RetentionDays.INFINITE,
);
const retention = `expected one of ${retentionDays.join(', ')}`;
const removalPolicies = [
  RemovalPolicy.RETAIN,
  RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  RemovalPolicy.DESTROY,
] as const;
const rolePath = 'expected a path that begins and ends with /';

const schema = z.object({
  /** Deploys to the emulators of the local stack: deletes all data with the stack, and accepts events from `local.ec2`. */
  local: yesOrNo.default(false),
  /** The EC2 endpoint for the functions, without a trailing slash; only with `local`. */
  ec2Endpoint: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  /** Minutes between two sweeps. */
  sweepEveryMinutes: whole('minutes', {
    min: 1,
    atLeast: '1 minute',
    max: 1440,
    atMost: '1440 minutes (a day)',
  }).optional(),
  /** How many days to keep a table's history. */
  historyDays: whole('days', { min: 1, atLeast: '1 day', max: 3650, atMost: '3650 days' }).optional(),
  /** How many days to keep the functions' logs. */
  logRetentionDays: z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], retention)
    .refine((days) => retentionDays.includes(days), retention)
    .optional(),
  /** One period for all alarms except those on sweeps, in seconds; only with `local`. */
  alarmPeriodSeconds: z
    .union([z.literal([10, 30, 60]), z.enum(['10', '30', '60']).transform(Number)], 'expected 10, 30 or 60')
    .optional(),
  /** If set, only tables with this tag may be changed. */
  managedTag: z
    .string('expected key=value')
    .regex(/^[^=]+=.+$/, 'expected key=value')
    .transform((tag) => ({ key: tag.slice(0, tag.indexOf('=')), value: tag.slice(tag.indexOf('=') + 1) }))
    .optional(),
  /** If set, only tables of these VPCs may be changed. */
  managedVpcIds: z
    .union([z.array(z.string()), z.string().transform((text) => text.split(/\s*,\s*/))], vpcIds)
    .refine((ids) => ids.length > 0 && ids.every((id) => vpcId.test(id)), vpcIds)
    .optional(),
  observeOnly: yesOrNo.optional(),
  createTrail: yesOrNo.optional(),
  desiredTableName: tableName,
  ordersTableName: tableName,
  stateTableName: tableName,
  alarmTopicArn: arn('sns', 'arn:aws:sns:eu-west-1:111122223333:alarms').optional(),
  encryptionKeyArn: arn('kms', 'arn:aws:kms:eu-west-1:111122223333:key/…').optional(),
  permissionsBoundaryArn: arn('iam', 'arn:aws:iam::111122223333:policy/boundary').optional(),
  rolePath: z
    .string(rolePath)
    .regex(/^\/([\x21-\x7E]+\/)?$/, rolePath)
    .optional(),
  roleNamePrefix: z
    .string('expected at most 40 characters of a role name')
    .regex(/^[\w+=,.@-]{1,40}$/, 'expected at most 40 characters of a role name')
    .optional(),
  reservedConcurrency: whole('invocations', { min: 1, atLeast: '1', max: 1000, atMost: '1000' }).optional(),
  removalPolicy: z.enum(removalPolicies, `expected one of ${removalPolicies.join(', ')}`).optional(),
});

/**
 * Reads the settings of one deployment from the CDK context.
 *
 * @throws Error that names every unusable context value, what was found and what was expected
 */
export function readSettings(context: Node, environment: Environment = {}): Settings {
  const found = Object.fromEntries(Object.keys(schema.shape).map((key) => [key, context.tryGetContext(key)]));
  const { data, error } = schema.safeParse(found);
  const problems = (error?.issues ?? []).map(
    ({ path: [key], message }) => `${String(key)}: ${message}, got ${JSON.stringify(found[String(key)])}`,
  );
  if (data?.ec2Endpoint && !data.local)
    problems.push('ec2Endpoint: allowed only for the local stack (add -c local=true)');
  if (data?.alarmPeriodSeconds && !data.local)
    problems.push('alarmPeriodSeconds: allowed only for the local stack (add -c local=true)');
  if (data?.local && environment.account && environment.account !== localAccount) {
    problems.push(`local: the local stack uses account ${localAccount}, but the credentials belong to another account`);
  }
  if (!data || problems.length > 0) throw new Error(`CDK context:\n  ${problems.join('\n  ')}`);
  return data;
}
