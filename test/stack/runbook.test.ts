import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { connect } from '../../local/stack.ts';
import { hasAwsCli } from './support/aws-cli.ts';
import { Testbed } from './support/testbed.ts';

// Runs the commands of the symptoms in the runbook as printed, with the AWS CLI alone.

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const [, preparation = ''] = /# Preparation\n[^]*?```sh\n([^]*?)```/.exec(page) ?? [];

/** The commands of each entry. */
const entries = [...page.matchAll(/^#{2,3} (.+)\n([^]*?)(?=^#{1,3} |(?![^]))/gm)].flatMap(
  ([, title = '', text = '']) => {
    const blocks = [...text.matchAll(/^( *)```sh\n([^]*?)^ *```/gm)].map(([, , block = '']) => block);
    return blocks.length > 0 ? [{ title, commands: blocks.join('\n') }] : [];
  },
);

/** The entries for the symptoms. The others use the same functions, and services that the emulators lack. */
const symptoms = entries.filter(({ title }) =>
  [
    'Egress is broken',
    'Traffic is wrong, but the table is InSync',
    'A route flaps',
    'A route came back',
    'A table is Degraded',
    'On an alternate',
    'A route disappeared',
    'Left alone',
    'It does not repair',
    'Contested',
  ].includes(title),
);

const run = promisify(execFile);

describe.skipIf(!hasAwsCli())('each command for a symptom runs as printed:', { timeout: 180_000 }, () => {
  let testbed: Testbed;
  let table: string;

  beforeAll(async () => {
    testbed = await Testbed.open();
    table = await testbed.tableInSync({ '0.0.0.0/0': testbed.network.natGateway });
    await new IAMClient(connect(inject('stack')).aws).send(new CreateUserCommand({ UserName: 'alice' }));
  });

  it.concurrent.each(symptoms)('$title', async ({ commands }) => {
    const { endpoint, ec2Endpoint, region } = inject('stack');
    const script = [
      'set -e',
      preparation,
      commands.replaceAll('rtb-…', table).replaceAll('nat-…', testbed.network.natGateway),
    ].join('\n');
    const { stderr } = await run('sh', ['-c', script], {
      env: {
        ...process.env,
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
  });
});
