import { createWriteStream, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { DeleteBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { z } from 'zod';
import { run, tail } from './child.ts';
import type { Caller } from './cloudtrail-event.ts';
import { startWatching } from './cloudwatch/watch.ts';
import { endpointFor, startRelay, type RelayOptions } from './ec2-relay.ts';
import { accountId, region, startEmulators, type Emulators } from './emulators.ts';
import { iamPermissions } from './iam.ts';
import { relayControl, type RelayControl } from './relay-control.ts';

/** Where a running local stack is found; plain data, so that it can be handed to another process. */
export interface StackAddress {
  /** Everything but EC2. */
  readonly endpoint: string;
  /** EC2, with events, permissions and what else the relay adds to the emulator. */
  readonly ec2Endpoint: string;
  /** The EC2 emulator behind the relay, as it is. */
  readonly moto: string;
  readonly region: string;
  /** What the deployed stack says about itself: table and function names, queue URLs and the like. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The folder of its logs. */
  readonly logs: string;
}

export interface LocalStack extends StackAddress {
  readonly stop: () => Promise<void>;
}

export interface StackOptions {
  /** Carries out one step of the start; for whoever wants to show what takes how long. */
  readonly step?: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  /** CDK context besides what the local stack itself sets. */
  readonly context?: Readonly<Record<string, string>>;
  /**
   * Makes the alarms real: metrics of log lines and queues, and alarms that follow them, in periods of 10 s.
   * @default false
   */
  readonly watch?: boolean;
}

/**
 * Brings up the whole product on this machine: the emulators, the relay in front of EC2, and the stack deployed into
 * them by the CDK's own command line.
 *
 * Any number of them run side by side. Nothing here can reach a real account. Everything ends with this process.
 *
 * @throws with the end of the log of the step that failed; what had been started is stopped by then.
 */
export async function startStack({
  step = (_name, work) => work(),
  context = {},
  watch = false,
}: StackOptions = {}): Promise<LocalStack> {
  const emulators = await step('emulators', startEmulators);
  let stop = emulators.stop;
  try {
    const aws = clientConfig(emulators.ministack);
    await refuseRealAccounts(aws);
    const relay = await startRelay({
      upstream: emulators.moto,
      accountId,
      region,
      allows: iamPermissions(new IAMClient(aws), new EC2Client(clientConfig(emulators.moto)), accountId),
      publish: putEvent(new EventBridgeClient(aws)),
      log: lineLog(join(emulators.logs, 'relay.log')),
    });
    stop = async () => {
      await relay.close();
      await emulators.stop();
    };
    await step('cdk bootstrap', () => bootstrap(emulators));
    const outputs = await step('cdk deploy', () =>
      deploy(emulators, { ...context, ...(watch && { alarmPeriodSeconds: '10' }), ec2Endpoint: relay.endpoint }),
    );
    const { ministack: endpoint, moto, logs } = emulators;
    if (watch) {
      const watching = startWatching(aws, { log: lineLog(join(logs, 'alarms.log')) });
      const stopTheRest = stop;
      stop = async () => {
        await watching.stop();
        await stopTheRest();
      };
    }
    return { endpoint, ec2Endpoint: relay.endpoint, moto, region, outputs, logs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What an AWS client needs to reach the local stack. */
export interface ClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The ways into a running stack: for the clients of any service, for EC2 as a certain caller, and behind the scenes. */
export function connect({ endpoint, ec2Endpoint, moto }: StackAddress): {
  readonly aws: ClientConfig;
  readonly ec2: (caller?: Caller) => ClientConfig;
  /** EC2 as the emulator plays it, past the relay: nobody is told of what is done there. */
  readonly moto: ClientConfig;
  readonly relay: RelayControl;
} {
  return {
    aws: clientConfig(endpoint),
    ec2: (caller) => clientConfig(caller ? endpointFor(ec2Endpoint, caller) : ec2Endpoint),
    moto: clientConfig(moto),
    relay: relayControl(ec2Endpoint),
  };
}

/** The variables that point any AWS tool to the stack; `AWS_PROFILE` and the like must not be set beside them. */
export function environmentFor({
  endpoint,
  ec2Endpoint,
}: Pick<StackAddress, 'endpoint' | 'ec2Endpoint'>): Record<string, string> {
  return {
    // With a numeric address S3 keeps bucket names out of the host name.
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_EC2: ec2Endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: rootKey,
    AWS_SECRET_ACCESS_KEY: rootKey,
  };
}

/** The latest EC2 calls, and what the emulators and functions logged last. */
export function recentLogs({ logs }: Pick<StackAddress, 'logs'>, lines = 60): string {
  return ['relay.log', 'ministack.log'].map((name) => `── ${name}\n${tail(join(logs, name), lines)}`).join('\n');
}

// MiniStack takes this key for the account's root user.
const rootKey = 'test';

function clientConfig(endpoint: string): ClientConfig {
  return { endpoint, region, credentials: { accessKeyId: rootKey, secretAccessKey: rootKey } };
}

async function refuseRealAccounts(aws: ClientConfig): Promise<void> {
  const { Account } = await new STSClient(aws).send(new GetCallerIdentityCommand());
  if (Account !== accountId) throw new Error(`expected the emulators' account ${accountId}, got ${Account}`);
}

/** As EventBridge allows the source `aws.ec2` to AWS alone, events carry one of our own. */
function putEvent(bus: EventBridgeClient): RelayOptions['publish'] {
  return async (detail, time) => {
    const { Entries } = await bus.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: 'local.ec2',
            DetailType: 'AWS API Call via CloudTrail',
            Detail: JSON.stringify(detail),
            Time: time,
          },
        ],
      }),
    );
    const [entry] = Entries ?? [];
    if (entry?.ErrorCode) throw new Error(`${entry.ErrorCode}: ${entry.ErrorMessage}`);
  };
}

const root = join(import.meta.dirname, '..');
const cdk = join(root, 'node_modules', '.bin', 'cdk');
const quietly = ['--no-notices', '--no-version-reporting', '--ci'];

async function bootstrap(emulators: Emulators): Promise<void> {
  await run('cdk bootstrap', [cdk, 'bootstrap', `aws://${accountId}/${region}`, ...quietly], {
    log: join(emulators.logs, 'bootstrap.log'),
    // Away from our cdk.json: with it, the whole app would be synthesized here already.
    cwd: emulators.scratch,
    env: cdkEnvironment(emulators),
  });
  // The bucket's policy denies plain HTTP, which is all that the emulator speaks.
  const Bucket = `cdk-hnb659fds-assets-${accountId}-${region}`;
  await new S3Client(clientConfig(emulators.ministack)).send(new DeleteBucketPolicyCommand({ Bucket }));
}

async function deploy(
  emulators: Emulators,
  context: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const outputs = join(emulators.scratch, 'outputs.json');
  const settings = Object.entries({ local: 'true', sweepEveryMinutes: '1', ...context });
  const options = settings.flatMap(([name, value]) => ['--context', `${name}=${value}`]);
  options.push('--output', join(emulators.scratch, 'cdk.out'), '--outputs-file', outputs);
  await run('cdk deploy', [cdk, 'deploy', '--require-approval', 'never', ...options, ...quietly], {
    log: join(emulators.logs, 'deploy.log'),
    cwd: root,
    env: cdkEnvironment(emulators),
  });
  const stacks = z
    .record(z.string(), z.record(z.string(), z.string()))
    .parse(JSON.parse(readFileSync(outputs, 'utf8')));
  return Object.assign({}, ...Object.values(stacks));
}

/** No variable of ours, no profile and no cache under our home gets through, so no real account can be meant. */
function cdkEnvironment({ ministack, scratch }: Emulators): Record<string, string> {
  return {
    ...environmentFor({ endpoint: ministack, ec2Endpoint: ministack }),
    PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
    HOME: scratch,
    TMPDIR: scratch,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
  };
}

function lineLog(path: string): (line: string) => void {
  const stream = createWriteStream(path, { flags: 'a' });
  return (line) => void stream.write(`${new Date().toISOString()} ${line}\n`);
}
