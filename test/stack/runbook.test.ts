import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../local/stack.ts';
import { type AwsCli, hasAwsCli, loadAwsCli } from './support/aws-cli.ts';
import { Testbed } from './support/testbed.ts';
import { localStack } from './support/local-stack.ts';

// Runs the commands of each entry in the runbook as printed, with the AWS CLI alone.

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const [, preparation = ''] = /# Preparation\n[^]*?```sh\n([^]*?)```/.exec(page) ?? [];

/** The commands of each entry. */
const entries = [...page.matchAll(/^#{2,3} (.+)\n([^]*?)(?=^#{1,3} |(?![^]))/gm)].flatMap(
  ([, title = '', text = '']) => {
    const blocks = [...text.matchAll(/^( *)```sh\n([^]*?)^ *```/gm)].map(([, , block = '']) => block);
    return blocks.length > 0 ? [{ title, commands: blocks.join('\n') }] : [];
  },
);

/** These limit the concurrency of the functions. The second one removes all such limits. */
const limiting = ['Function throttles', 'The stop does not work, or DynamoDB is not accessible'];

const others = entries.filter(({ title }) => title !== 'Preparation' && !limiting.includes(title));

const run = promisify(execFile);

/** Version 1 of the AWS CLI, which may be the one here, takes no endpoint for SQS from the environment. */
const sqsOfVersion1 =
  'aws() { if [ "$1" = sqs ]; then command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; else command aws "$@"; fi; }';

describe.skipIf(!hasAwsCli())('each command of the runbook runs as printed:', { timeout: 300_000 }, () => {
  let testbed: Testbed;
  let table: string;
  let mapping: string;
  let cli: AwsCli;

  const onCall = async (commands: string): Promise<string> => {
    const { endpoint, ec2Endpoint, region } = localStack();
    const filledIn = commands
      .replaceAll('rtb-…', table)
      .replaceAll('nat-…', testbed.network.natGateway)
      .replaceAll('subnet-…', testbed.network.subnet)
      .replaceAll('--uuid …', `--uuid ${mapping}`)
      .replaceAll('TRAIL', 'management-events')
      .replaceAll('--destination-cidr-block …', '--destination-cidr-block 0.0.0.0/0');
    const { stdout, stderr } = await run('sh', ['-c', ['set -e', sqsOfVersion1, preparation, filledIn].join('\n')], {
      env: {
        ...process.env,
        ...cli.env,
        EDITOR: 'true',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ENDPOINT_URL: endpoint,
        AWS_ENDPOINT_URL_EC2: ec2Endpoint,
      },
    });
    expect(stderr).not.toMatch(/error|usage:/i);
    return stdout;
  };

  beforeAll(async () => {
    [testbed, cli] = await Promise.all([Testbed.open(), loadAwsCli()]);
    table = await testbed.tableInSync({ '0.0.0.0/0': testbed.network.natGateway });
    await new IAMClient(connect(localStack()).aws).send(new CreateUserCommand({ UserName: 'alice' }));
    mapping = await onCall(
      'aws lambda list-event-source-mappings --output text --query "EventSourceMappings[0].UUID"',
    ).then((text) => text.trim());
    await onCall(
      'aws s3api create-bucket --bucket trails --create-bucket-configuration "LocationConstraint=$AWS_REGION"',
    );
    await onCall('aws cloudtrail create-trail --name TRAIL --s3-bucket-name trails --is-multi-region-trail');
    // Some entries end an order that somebody else gave.
    await onCall('pause_table rtb-… test && resume_table rtb-…');
  });
  afterAll(async () => {
    await onCall('stop_all test && resume_all && each_function delete-function-concurrency');
    cli.stop();
  }, 300_000);

  it.concurrent.each(others)('$title', async ({ commands }) => {
    await onCall(commands);
  });

  it.each(limiting)('%s', async (title) => {
    const { commands = '' } = entries.find((entry) => entry.title === title) ?? {};
    const shown = (await onCall(commands)).match(/"ReservedConcurrentExecutions": 0/g) ?? [];
    // Two answers of each function.
    expect(shown).toHaveLength(title === 'Function throttles' ? 0 : 8);
  });

  it('afterwards, nothing is limited', async () => {
    expect(await onCall('each_function get-function-concurrency')).not.toContain('ReservedConcurrentExecutions');
  });
});
