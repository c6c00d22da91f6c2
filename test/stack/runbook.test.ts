import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { Testbed } from './support/testbed.ts';

// Runs every command of the runbook as printed, with the AWS CLI alone.

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const [, preparation = ''] = /# Preparation\n[^]*?```sh\n([^]*?)```/.exec(page) ?? [];

/** The commands of each entry. Several entries have a second block, indented in a list. */
const entries = [...page.matchAll(/^#{2,3} (.+)\n([^]*?)(?=^#{1,3} |(?![^]))/gm)].flatMap(
  ([, title = '', text = '']) => {
    const blocks = [...text.matchAll(/^( *)```sh\n([^]*?)^ *```/gm)].map(([, , block = '']) => block);
    return blocks.length > 0 ? [{ title, commands: blocks.join('\n') }] : [];
  },
);

/** Services and calls that the emulators lack. The AWS CLI only checks the syntax of these commands. */
const notEmulated = [
  'cloudtrail *',
  'dynamodb restore-table-to-point-in-time *',
  'lambda *-function-concurrency *',
  'lambda update-event-source-mapping *',
  'sns subscribe *',
];

const run = promisify(execFile);

const hasCli = ((): boolean => {
  try {
    execFileSync('aws', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe('the runbook', () => {
  it('has three commands for each symptom and each alarm, the stop first if there is one', () => {
    expect(entries.length).toBeGreaterThan(30);
    const firsts = entries.map(({ commands }) => commands.split(' ')[0]?.trim());
    expect(
      firsts.filter((first) => /^(pause_table|stop_all|each_function)$/.test(String(first))).length,
    ).toBeGreaterThan(20);
  });
});

describe.skipIf(!hasCli)('each command of the runbook runs as printed:', { timeout: 180_000 }, () => {
  let testbed: Testbed;
  let table: string;

  beforeAll(async () => {
    testbed = await Testbed.open();
    table = await testbed.tableInSync({ '0.0.0.0/0': testbed.network.natGateway });
  });

  it.each(entries)('$title', async ({ commands }) => {
    const { endpoint, ec2Endpoint, region } = inject('stack');
    const script = [
      'set -e',
      `aws() { case "$* " in ${notEmulated.join('|').replaceAll(' ', '\\ ')}) command aws "$@" --generate-cli-skeleton output > /dev/null ;; *) command aws "$@" ;; esac; }`,
      preparation,
      commands
        .replaceAll('rtb-…', table)
        .replaceAll('nat-…', testbed.network.natGateway)
        .replace('--destination-cidr-block …', '--destination-cidr-block 0.0.0.0/0')
        .replace('--uuid …', '--uuid 00000000-0000-0000-0000-000000000000'),
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
