import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Reply, refusal, serveEc2 } from '../support/ec2-server.ts';
import { binary } from '../support/routectl.ts';

const workflow = z.object({
  jobs: z.object({
    plan: z.object({
      env: z.record(z.string(), z.string()),
      steps: z.array(
        z.object({
          name: z.string().optional(),
          run: z.string().optional(),
          env: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  }),
});

const file = join(import.meta.dirname, '..', '..', 'examples', 'github-actions', 'route-plan.yml');
const { plan: job } = workflow.parse(parse(readFileSync(file, 'utf8'))).jobs;

/** What a pull request shows in the end. */
interface Shown {
  readonly steps: readonly string[];
  readonly comment: string | undefined;
  readonly ok: boolean;
}

/** Runs the scripts of the workflow in order, as a runner does, until one fails. Only `npm ci` and `gh` are stand-ins. */
async function opened(tables: Readonly<Record<string, string>>, answer: (action: string) => Reply): Promise<Shown> {
  await using server = await serveEc2(() => answer(server.requests.at(-1)?.get('Action') ?? ''));
  const folder = mkdtempSync(join(tmpdir(), 'pull-request-'));
  mkdirSync(join(folder, 'tables'));
  for (const [name, text] of Object.entries(tables)) writeFileSync(join(folder, 'tables', name), text);
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  for (const [name, script] of Object.entries({
    npm: 'exit 0',
    // The last argument is the file with the text of the comment.
    gh: `[ "$*" = "pr comment 7 --edit-last --create-if-none --body-file plan.md" ] && cp plan.md comment.md`,
  })) {
    writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(tools, name), 0o755);
  }
  const env = {
    PATH: `${tools}:${process.env['PATH']}`,
    HOME: folder,
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'x',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const comment = join(folder, 'comment.md');
  const shown = () => (existsSync(comment) ? readFileSync(comment, 'utf8') : undefined);
  const steps: string[] = [];
  for (const { name = '', run, env: more = {} } of job.steps) {
    if (run === undefined) continue;
    steps.push(name);
    const given = {
      ...job.env,
      ROUTECTL: `${process.execPath} ${binary}`,
      ...more,
      ...(more['PULL_REQUEST'] && { PULL_REQUEST: '7' }),
    };
    const ok = await new Promise<boolean>((resolve) => {
      execFile('bash', ['-e', '-c', run], { cwd: folder, env: { ...env, ...given } }, (error) => resolve(!error));
    });
    if (!ok) return { steps, comment: shown(), ok };
  }
  return { steps, comment: shown(), ok: true };
}

const table = `<DescribeRouteTablesResponse><requestId>1</requestId><routeTableSet><item>
  <routeTableId>rtb-00000001</routeTableId><vpcId>vpc-00000001</vpcId><ownerId>111122223333</ownerId><routeSet>
    <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><origin>CreateRouteTable</origin><state>active</state></item>
    <item><destinationCidrBlock>10.20.0.0/16</destinationCidrBlock><vpcPeeringConnectionId>pcx-00000001</vpcPeeringConnectionId><origin>CreateRoute</origin><state>active</state></item>
  </routeSet></item></routeTableSet></DescribeRouteTablesResponse>`;

const ec2 = (action: string): Reply =>
  action === 'DescribeRouteTables' ? { status: 200, body: table } : refusal('UnauthorizedOperation', 403);

const all = ['Install', 'Validate', 'Plan', 'Comment', 'Fail if there is no plan'];

describe('examples/github-actions/route-plan.yml', () => {
  it('comments with changes and impact, and succeeds: a reviewer decides', async () => {
    const item = 'routeTableId: rtb-00000001\nroutes: [{ destination: 10.21.0.0/16, target: pcx-00000001 }]\n';
    const { steps, comment, ok } = await opened({ 'a.yaml': item }, ec2);
    expect({ steps, ok }).toEqual({ steps: all, ok: true });
    expect(comment).toContain('## Route plan: 1 table: 1 out of sync; 1 delete, 1 create\n');
    expect(comment).toContain('| delete | `10.20.0.0/16` | `pcx-00000001` |  |  |\n');
    expect(comment).toContain('| `10.20.0.0/16` | `pcx-00000001` | `no route` |  |\n');
    expect(comment).toContain('| `10.21.0.0/16` | `no route` | `pcx-00000001` |  |\n');
  });

  it('fails at an invalid item, before anything is planned', async () => {
    const { steps, comment, ok } = await opened({ 'a.yaml': 'routeTableId: rtb-00000001\nroutes: 5\n' }, ec2);
    expect({ steps, comment, ok }).toEqual({ steps: all.slice(0, 2), comment: undefined, ok: false });
  });

  it('fails and says so in the comment if EC2 cannot be read', async () => {
    const item = 'routeTableId: rtb-00000001\nroutes: []\n';
    const { steps, comment, ok } = await opened({ 'a.yaml': item }, () => refusal('UnauthorizedOperation', 403));
    expect({ steps, comment, ok }).toEqual({
      steps: all,
      comment: 'There is no plan: see the log of this job.\n',
      ok: false,
    });
  });

  it('shortens a plan that is too long for a comment', async () => {
    const routes = Array.from(
      { length: 900 },
      (_, index) => `{ destination: 10.${32 + (index >> 7)}.${(index & 127) * 2}.0/24, target: pcx-00000001 }`,
    );
    const item = `routeTableId: rtb-00000001\nroutes: [${routes.join(', ')}]\n`;
    const { comment = '', ok } = await opened({ 'a.yaml': item }, ec2);
    expect(ok).toBe(true);
    expect(comment.length).toBeLessThan(65_536);
    expect(comment).toContain('The plan is too long for a comment: see the log of this job.');
  });
});
