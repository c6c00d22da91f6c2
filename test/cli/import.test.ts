import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Reply, refusal, serveEc2 } from '../support/ec2-server.ts';
import { fileWith, fixture, jsonLines, routectl } from '../support/routectl.ts';

const answer = fixture('describe-route-tables.json');
const run = (...args: readonly string[]) => routectl(args, { offline: true });
const imported = (...args: readonly string[]) => run('import', '--actual', answer, ...args);

describe('routectl import --actual', () => {
  it('writes every table as an item that is in sync and only observed', async () => {
    const { code, stdout } = await imported('--all');
    const planned = await run('plan', '--json', '-f', fileWith(stdout), '--actual', answer);
    expect({ code, planned: planned.code }).toEqual({ code: 0, planned: 0 });
    expect(jsonLines(planned.stdout)).toMatchObject([{ changes: [] }, { changes: [] }, { changes: [] }]);
    expect(stdout.match(/^mode: observe$/gm)).toHaveLength(3);
  });

  it('names in comments the table, what drops its traffic, and what a service maintains', async () => {
    const { stdout } = await imported('rtb-0a1b2c3d4e5f60718');
    expect(stdout).toContain('# private-a, vpc-0b1b2b3b4b5b6b7b8\nrouteTableId: rtb-0a1b2c3d4e5f60718\n');
    expect(stdout).toContain('target: nat-0123456789abcdef0 } # drops its traffic: a blackhole\n');
    expect(stdout).toContain('#   pl-6da54004 → vpce-0f0f0f0f0f0f0f0f0: of a gateway endpoint\n');
  });

  it('begins with the schema line, whose path leads to the schema', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'routectl-'));
    await imported('--all', '--out-dir', folder);
    const [first = '', ...others] = readdirSync(folder).toSorted();
    expect([first, ...others]).toEqual(
      ['rtb-0a1b2c3d4e5f60718', 'rtb-0b1b2c3d4e5f60719', 'rtb-0c1b2c3d4e5f6071a'].map((id) => `${id}.yaml`),
    );
    const [, schema = ''] =
      /^# yaml-language-server: \$schema=(.+)$/m.exec(readFileSync(join(folder, first), 'utf8')) ?? [];
    expect(readFileSync(join(folder, schema), 'utf8')).toContain('"routeTableId"');
  });

  it('overwrites no file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'routectl-'));
    const file = join(folder, 'rtb-0a1b2c3d4e5f60718.yaml');
    writeFileSync(file, 'mine\n');
    const { code, stderr } = await imported('--all', '--out-dir', folder);
    expect({ code, text: readFileSync(file, 'utf8') }).toEqual({ code: 1, text: 'mine\n' });
    expect(stderr).toContain(`could not write ${file}: it exists; to merge into it, use --file`);
  });

  it('shows no control character of a tag', async () => {
    const table = {
      RouteTableId: 'rtb-00000001',
      Routes: [],
      Tags: [{ Key: 'Name', Value: 'a\u001B[2J\nroutes: []' }],
    };
    const { stdout } = await run('import', '--all', '--actual', fileWith(JSON.stringify({ RouteTables: [table] })));
    expect(stdout).toContain('# a\\u{1b}[2J\\u{a}routes: []\n');
  });

  it('with --json prints one item for each table', async () => {
    const { stdout } = await imported('rtb-0b1b2c3d4e5f60719', '--json');
    expect(jsonLines(stdout)).toEqual([
      {
        routeTableId: 'rtb-0b1b2c3d4e5f60719',
        mode: 'observe',
        routes: [{ destination: '0.0.0.0/0', target: 'igw-0c0c0c0c0c0c0c0c0' }],
      },
    ]);
  });
});

describe('routectl import --file', () => {
  it('changes no byte of a file that covers everything', async () => {
    const { stdout } = await imported('--all');
    const file = fileWith(stdout);
    await imported('--all', '--file', file);
    expect(readFileSync(file, 'utf8')).toBe(stdout);
  });

  it('adds what the items do not cover, and keeps comments, order and layout', async () => {
    const file = fileWith(`# our tables
- routeTableId: rtb-0a1b2c3d4e5f60718
  mode: observe # for now
  routes:
    # egress
    - destination: 0.0.0.0/0
      target: nat-0123456789abcdef0
    - { destination: 10.21.0.0/16, target: pcx-0aaaaaaaaaaaaaaaa } # planned
  ignore:
    - { destination: 10.200.0.0/16, reason: pods }
- routeTableId: rtb-0c1b2c3d4e5f6071a
  routes: []
`);
    await imported('--all', '--file', file);
    expect(readFileSync(file, 'utf8')).toBe(`# our tables
- routeTableId: rtb-0a1b2c3d4e5f60718
  mode: observe # for now
  routes:
    # egress
    - destination: 0.0.0.0/0
      target: nat-0123456789abcdef0
    - { destination: 10.21.0.0/16, target: pcx-0aaaaaaaaaaaaaaaa } # planned
    - { destination: 10.20.0.0/16, target: pcx-0aaaaaaaaaaaaaaaa }
    - { destination: 10.99.0.0/16, target: igw-0c0c0c0c0c0c0c0c0 }
    - { destination: 192.168.0.0/24, target: vgw-0a0a0a0a0a0a0a0a0 }
    - { destination: ::/0, target: eigw-0123456789abcdef0 }
    - { destination: pl-0123456789abcdef0, target: tgw-0123456789abcdef0 }
  ignore:
    - { destination: 10.200.0.0/16, reason: pods }
- routeTableId: rtb-0c1b2c3d4e5f6071a
  routes:
    - { destination: 10.31.0.0/16, target: tgw-0123456789abcdef0 }
    - { destination: 10.32.0.0/16, target: tgw-0123456789abcdef0 }
    - { destination: 10.33.0.0/16, target: tgw-0123456789abcdef0 }
---
# vpc-0b1b2b3b4b5b6b7b8
routeTableId: rtb-0b1b2c3d4e5f60719
mode: observe
routes:
  - { destination: 0.0.0.0/0, target: igw-0c0c0c0c0c0c0c0c0 }
# No item lists these routes: EC2 or a service maintains them.
#   10.0.0.0/16 → local: the local route of the VPC
`);
  });

  it('changes nothing if an item in the file is invalid', async () => {
    const text = 'routeTableId: rtb-0a1b2c3d4e5f60718\nroutes: 5\n';
    const file = fileWith(text);
    const { code, stderr } = await imported('--all', '--file', file);
    expect({ code, text: readFileSync(file, 'utf8') }).toEqual({ code: 1, text });
    expect(stderr).toContain(`rtb-0a1b2c3d4e5f60718 is invalid: run "routectl validate -f ${file}"`);
  });
});

describe('routectl import refuses', () => {
  it.each([
    ['no table at all', [], 'name the tables to import'],
    ['--all with a condition', ['--all', '--tag', 'team=network'], 'name the tables to import'],
    ['what is no id', ['rtb-0'], '"rtb-0" is not a route table id'],
    ['a tag without a value', ['--tag', 'team'], '--tag team: expected key=value'],
    ['an unknown id', ['rtb-0f1b2c3d4e5f6071f'], 'rtb-0f1b2c3d4e5f6071f: no such route table'],
    ['a condition that no table meets', ['--tag', 'team=x'], 'no route table was found under these conditions'],
    ['two places to write to', ['--all', '--out-dir', 'a', '--file', 'b'], 'give --out-dir or --file, not both'],
  ])('%s, in one sentence', async (_, args, sentence) => {
    const { code, stdout, stderr } = await imported(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('routectl import from EC2', () => {
  const xml = (call: string, body: string): string =>
    `<${call}Response><requestId>1</requestId>${body}</${call}Response>`;
  const answers: Readonly<Record<string, string>> = {
    DescribeRouteTables: xml(
      'DescribeRouteTables',
      `<routeTableSet>${[
        ['rtb-00000001', '111122223333'],
        ['rtb-00000002', '444455556666'],
        ['rtb-00000003', '111122223333'],
      ]
        .map(
          ([id, owner]) =>
            `<item><routeTableId>${id}</routeTableId><vpcId>vpc-00000001</vpcId><ownerId>${owner}</ownerId><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-00000001</natGatewayId><origin>CreateRoute</origin><state>active</state></item></routeSet></item>`,
        )
        .join('')}</routeTableSet>`,
    ),
    DescribeNatGateways: xml(
      'DescribeNatGateways',
      '<natGatewaySet><item><natGatewayId>nat-00000009</natGatewayId><routeTableId>rtb-00000003</routeTableId></item></natGatewaySet>',
    ),
    DescribeTags: xml(
      'DescribeTags',
      '<tagSet><item><resourceId>nat-00000001</resourceId><key>Name</key><value>egress</value></item></tagSet>',
    ),
    GetCallerIdentity: xml(
      'GetCallerIdentity',
      '<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn><Account>111122223333</Account></GetCallerIdentityResult>',
    ),
  };

  async function importedFrom(known: Readonly<Record<string, string>>, ...args: readonly string[]) {
    const asked: () => Reply = () => {
      const body = known[server.requests.at(-1)?.get('Action') ?? ''];
      return body === undefined ? refusal('UnauthorizedOperation', 403) : { status: 200, body };
    };
    await using server = await serveEc2(asked);
    const ended = await routectl(['import', ...args], {
      env: {
        AWS_ENDPOINT_URL: server.endpoint,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'x',
      },
    });
    return { ...ended, requests: server.requests.map((request) => Object.fromEntries(request)) };
  }

  it('skips and names the tables of other accounts and those of regional NAT gateways', async () => {
    const { code, stdout, stderr } = await importedFrom(answers, '--all');
    expect(code).toBe(0);
    expect(stdout.match(/^routeTableId: .*$/gm)).toEqual(['routeTableId: rtb-00000001']);
    expect(stderr).toContain('skipped rtb-00000002: it belongs to account 444455556666\n');
    expect(stderr).toContain('skipped rtb-00000003: a regional NAT gateway keeps it\n');
  });

  it('asks EC2 for the tables of a VPC with a tag, in one call', async () => {
    const { requests } = await importedFrom(answers, '--vpc', 'vpc-00000001', '--tag', 'team=network');
    expect(requests.map(({ Action = '' }) => Action).toSorted()).toEqual([
      'DescribeNatGateways',
      'DescribeRouteTables',
      'DescribeTags',
      'GetCallerIdentity',
    ]);
    expect(requests.find(({ Action }) => Action === 'DescribeRouteTables')).toMatchObject({
      'Filter.1.Name': 'vpc-id',
      'Filter.1.Value.1': 'vpc-00000001',
      'Filter.2.Name': 'tag:team',
      'Filter.2.Value.1': 'network',
    });
  });

  it('goes on without names if tags cannot be read, and says so', async () => {
    const { DescribeTags: _, ...others } = answers;
    const { code, stdout, stderr } = await importedFrom(others, 'rtb-00000001', '--vpc', 'vpc-00000001');
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('could not read Name tags') });
    expect(stdout).toContain('target: nat-00000001 }\n');
  });

  it('fails in one sentence if tables cannot be read', async () => {
    const { code, stdout, stderr } = await importedFrom({}, '--all');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('could not read route tables from EC2');
  });
});
