import type { Environment } from 'aws-cdk-lib';
import type { Node } from 'constructs';
import { z } from 'zod';

/** The settings of one deployment, read from the CDK context. */
export interface Settings {
  /**
   * Deploys to the emulators of the local stack: deletes all data with the stack, and accepts events from `local.ec2`.
   */
  readonly local: boolean;
  /** The EC2 endpoint for the functions, without a trailing slash; only with `local`. */
  readonly ec2Endpoint?: string | undefined;
  /** Minutes between two sweeps. */
  readonly sweepEveryMinutes?: number | undefined;
  /** How many days to keep a table's history. */
  readonly historyDays?: number | undefined;
  /** One period for all alarms except those on sweeps, in seconds; only with `local`. */
  readonly alarmPeriodSeconds?: number | undefined;
  /** If set, only tables with this tag may be changed. */
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
}

/** The account of the emulators. A local stack is never deployed to any other account. */
const localAccount = '000000000000';

const wholeMinutes = 'expected a whole number of minutes';
const wholeDays = 'expected a whole number of days';

// `cdk -c key=value` passes text and cdk.json passes JSON values; both are accepted.
const schema = z.object({
  local: z.union([z.boolean(), z.stringbool()], 'expected true or false').default(false),
  ec2Endpoint: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  sweepEveryMinutes: z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], wholeMinutes)
    .pipe(z.int(wholeMinutes).min(1, 'expected at least 1 minute').max(1440, 'expected at most 1440 minutes (a day)'))
    .optional(),
  historyDays: z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], wholeDays)
    .pipe(z.int(wholeDays).min(1, 'expected at least 1 day').max(3650, 'expected at most 3650 days'))
    .optional(),
  alarmPeriodSeconds: z
    .union([z.literal([10, 30, 60]), z.enum(['10', '30', '60']).transform(Number)], 'expected 10, 30 or 60')
    .optional(),
  managedTag: z
    .string('expected key=value')
    .regex(/^[^=]+=.+$/, 'expected key=value')
    .transform((tag) => ({ key: tag.slice(0, tag.indexOf('=')), value: tag.slice(tag.indexOf('=') + 1) }))
    .optional(),
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
