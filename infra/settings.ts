import type { Environment } from 'aws-cdk-lib';
import type { Node } from 'constructs';
import { z } from 'zod';

/** What one deployment may choose, as read from the CDK context. */
export interface Settings {
  /** Deploys to the emulators of the local stack: nothing is kept, and events of source `local.ec2` count as well. */
  readonly local: boolean;
  /** Where the functions reach EC2, without a trailing slash; only with `local`. */
  readonly ec2Endpoint?: string | undefined;
  /** Minutes between two sweeps. */
  readonly sweepEveryMinutes?: number | undefined;
  /** For how many days a table's history is kept. */
  readonly historyDays?: number | undefined;
  /** One period for all alarms but those on sweeps, in seconds; only with `local`. */
  readonly alarmPeriodSeconds?: number | undefined;
  /** Only tables that carry this tag may be changed. */
  readonly managedTag?: { readonly key: string; readonly value: string } | undefined;
}

/** The account of the emulators: nothing local is ever deployed to another one. */
const localAccount = '000000000000';

const wholeMinutes = 'expected a whole number of minutes';
const wholeDays = 'expected a whole number of days';

// `cdk -c key=value` hands over text, cdk.json any JSON value: both spellings are accepted.
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
 * @throws Error that names every context value that cannot be used, what was found and what would be right
 */
export function readSettings(context: Node, environment: Environment = {}): Settings {
  const found = Object.fromEntries(Object.keys(schema.shape).map((key) => [key, context.tryGetContext(key)]));
  const { data, error } = schema.safeParse(found);
  const problems = (error?.issues ?? []).map(
    ({ path: [key], message }) => `${String(key)}: ${message}, got ${JSON.stringify(found[String(key)])}`,
  );
  if (data?.ec2Endpoint && !data.local) problems.push('ec2Endpoint: only the local stack has one (add -c local=true)');
  if (data?.alarmPeriodSeconds && !data.local)
    problems.push('alarmPeriodSeconds: only the local stack has one (add -c local=true)');
  if (data?.local && environment.account && environment.account !== localAccount) {
    problems.push(
      `local: the local stack lives in account ${localAccount}, but the credentials are of another account`,
    );
  }
  if (!data || problems.length > 0) throw new Error(`CDK context:\n  ${problems.join('\n  ')}`);
  return data;
}
