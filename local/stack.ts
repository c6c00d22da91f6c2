import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
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
import { accountId, logFolders, region, startEmulators, type Emulators } from './emulators.ts';
import type { ClientConfig } from './client-config.ts';
import { iamPermissions } from './iam.ts';
import { relayControl, type RelayControl } from './relay-control.ts';

/** Where to reach a running local stack. Plain data, so that it can be passed to another process. */
export interface StackAddress {
  /** Everything but EC2. */
  readonly endpoint: string;
  /** EC2 behind the relay, which adds events and permissions to the emulator. */
  readonly ec2Endpoint: string;
  /** The EC2 emulator itself, without the relay. */
  readonly moto: string;
  readonly region: string;
  /** The outputs of the deployed stack, such as table names, function names and queue URLs. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The folder of the logs. */
  readonly logs: string;
}

export interface LocalStack extends StackAddress {
  readonly stop: () => Promise<void>;
}

export interface StackOptions {
  /** Runs one step of the start. A caller can use it to show how long each step takes. */
  readonly step?: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  /** CDK context in addition to what the local stack sets itself. */
  readonly context?: Readonly<Record<string, string>>;
  /**
   * Evaluates the alarms, with periods of 10 s, on metrics taken from log lines and queues.
   * @default false
   */
  readonly watch?: boolean;
  /**
   * The functions are bundled already, and nobody changed them since.
   * @default false - the deployment bundles them
   */
  readonly isBuilt?: boolean;
  /** Called when `npm run local -- --stop` asks this stack to stop. Without it, the stack does not listen to that. */
  readonly onStop?: () => void;
}

/**
 * Starts the whole product on this machine: the emulators, the relay in front of EC2, and the stack, which the CDK's
 * own command line deploys into the emulators.
 *
 * Several local stacks can run side by side. Nothing here can reach a real account. Everything ends with this process.
 *
 * @throws Error with the end of the log of the failed step, after everything has been stopped
 */
export async function startStack({
  step = (_name, work) => work(),
  context = {},
  watch = false,
  isBuilt = false,
  onStop,
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
      ...(onStop && { onStop }),
    });
    if (onStop) writeFileSync(join(emulators.logs, relayFile), relay.endpoint);
    stop = async () => {
      await relay.close();
      await emulators.stop();
    };
    await step('cdk bootstrap', () => bootstrap(emulators));
    const outputs = await step('cdk deploy', () =>
      deploy(
        emulators,
        { ...context, ...(watch && { alarmPeriodSeconds: '10' }), ec2Endpoint: relay.endpoint },
        isBuilt ? ['--build', 'true'] : [],
      ),
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

/** In the folder of the logs: the endpoint of the relay, if the stack can be asked to stop. */
const relayFile = 'relay-endpoint';

/** Asks every local stack of this checkout to stop that listens to it. Returns how many did. */
export async function stopStacks(): Promise<number> {
  const endpoints = logFolders()
    .map((folder) => join(folder, relayFile))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'));
  // A stack that was killed leaves its file, and nobody answers there.
  const asked = await Promise.allSettled(endpoints.map((endpoint) => relayControl(endpoint).stop()));
  return asked.filter(({ status }) => status === 'fulfilled').length;
}

/** Client configurations for a running stack, and the control of its relay. */
export function connect({ endpoint, ec2Endpoint, moto }: StackAddress): {
  readonly aws: ClientConfig;
  readonly ec2: (caller?: Caller) => ClientConfig;
  /** The EC2 emulator itself. Calls made here bypass the relay and publish no events. */
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

/** The variables that point any AWS tool to the stack. Unset `AWS_PROFILE` and similar variables first. */
export function environmentFor({
  endpoint,
  ec2Endpoint,
}: Pick<StackAddress, 'endpoint' | 'ec2Endpoint'>): Record<string, string> {
  return {
    // With a numeric address, S3 clients do not put the bucket name into the host name.
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_EC2: ec2Endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: rootKey,
    AWS_SECRET_ACCESS_KEY: rootKey,
  };
}

/** The end of the logs: EC2 calls, and the output of emulators and functions. */
export function recentLogs({ logs }: Pick<StackAddress, 'logs'>, lines = 60): string {
  return ['relay.log', 'ministack.log'].map((name) => `── ${name}\n${tail(join(logs, name), lines)}`).join('\n');
}

// MiniStack treats this key as the account's root user.
const rootKey = 'test';

function clientConfig(endpoint: string): ClientConfig {
  return { endpoint, region, credentials: { accessKeyId: rootKey, secretAccessKey: rootKey } };
}

async function refuseRealAccounts(aws: ClientConfig): Promise<void> {
  const { Account } = await new STSClient(aws).send(new GetCallerIdentityCommand());
  if (Account !== accountId) throw new Error(`expected the emulators' account ${accountId}, got ${Account}`);
}

/** EventBridge reserves the source `aws.ec2` for AWS, so local events carry `local.ec2`. */
function putEvent(bus: EventBridgeClient): RelayOptions['publish'] {
  return async ({ detailType, detail, time }) => {
    const { Entries } = await bus.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: 'local.ec2',
            DetailType: detailType,
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

/** Prepares the account of the emulators for deployments with the CDK. */
export async function bootstrap(emulators: Emulators): Promise<void> {
  await run('cdk bootstrap', [cdk, 'bootstrap', `aws://${accountId}/${region}`, ...quietly], {
    log: join(emulators.logs, 'bootstrap.log'),
    // A folder without our cdk.json: with it, this command would synthesize the whole app.
    cwd: emulators.scratch,
    env: cdkEnvironment(emulators),
  });
  // The bucket's policy denies plain HTTP, and the emulator supports nothing else.
  const Bucket = `cdk-hnb659fds-assets-${accountId}-${region}`;
  await new S3Client(clientConfig(emulators.ministack)).send(new DeleteBucketPolicyCommand({ Bucket }));
}

async function deploy(
  emulators: Emulators,
  context: Readonly<Record<string, string>>,
  build: readonly string[],
): Promise<Record<string, string>> {
  const outputs = join(emulators.scratch, 'outputs.json');
  const settings = Object.entries({ local: 'true', sweepEveryMinutes: '1', ...context });
  const options = settings.flatMap(([name, value]) => ['--context', `${name}=${value}`]);
  options.push('--output', join(emulators.scratch, 'cdk.out'), '--outputs-file', outputs);
  await run('cdk deploy', [cdk, 'deploy', '--require-approval', 'never', ...build, ...options, ...quietly], {
    log: join(emulators.logs, 'deploy.log'),
    cwd: root,
    env: cdkEnvironment(emulators),
  });
  const stacks = z
    .record(z.string(), z.record(z.string(), z.string()))
    .parse(JSON.parse(readFileSync(outputs, 'utf8')));
  return Object.assign({}, ...Object.values(stacks));
}

/** The environment of the CDK's command line. Passes on none of our variables, profiles or caches, so the CDK cannot reach a real account. */
export function cdkEnvironment({ ministack, scratch }: Emulators): Record<string, string> {
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
