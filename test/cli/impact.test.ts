import { describe, expect, it } from 'vitest';
import { fileWith, jsonLines, routectl } from '../support/routectl.ts';

const route = (fields: Readonly<Record<string, string>>, more = { Origin: 'CreateRoute', State: 'active' }) => ({
  ...fields,
  ...more,
});
const answer = (...routes: readonly object[]): string =>
  fileWith(
    JSON.stringify({
      RouteTables: [{ RouteTableId: 'rtb-00000001', VpcId: 'vpc-00000001', OwnerId: '111122223333', Routes: routes }],
    }),
    'answer.json',
  );
const local = route(
  { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local' },
  { Origin: 'CreateRouteTable', State: 'active' },
);
const egress = route({ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-00000001' });
const peer = route({ DestinationCidrBlock: '10.20.0.0/16', VpcPeeringConnectionId: 'pcx-00000001' });
const branches = route({ DestinationPrefixListId: 'pl-00000001', TransitGatewayId: 'tgw-00000001' });

const item = (routes: string, more = ''): string =>
  fileWith(`routeTableId: rtb-00000001\nroutes: [${routes}]\n${more}`);
const plan = (actual: string, file: string, ...args: readonly string[]) =>
  routectl(['plan', ...args, '-f', file, '--actual', actual], { offline: true });

describe('routectl plan --impact', () => {
  it('shows the addresses whose path changes, and those that lose their path', async () => {
    const file = item('{ destination: 0.0.0.0/0, target: nat-00000001 }', 'maxDeletes: 5\n');
    const { code, stdout } = await plan(answer(local, egress, peer), file, '--impact');
    expect(code).toBe(2);
    expect(stdout).toContain(
      [
        '  impact  0.0.0.0/0 except 10.0.0.0/16, 10.20.0.0/16  igw-00000001 → nat-00000001',
        '          10.20.0.0/16                                pcx-00000001 → nat-00000001',
      ].join('\n'),
    );
    expect((await plan(answer(local, peer), item('', 'maxDeletes: 5\n'), '--impact')).stdout).toContain(
      '  impact  10.20.0.0/16  pcx-00000001 → no route\n',
    );
  });

  it('marks what happens only once a delete is approved', async () => {
    const { code, stdout } = await plan(answer(local, egress, peer), item(''), '--impact');
    expect(code).toBe(3);
    expect(stdout).toContain(
      [
        '  impact  0.0.0.0/0 except 10.0.0.0/16, 10.20.0.0/16  igw-00000001 → no route  held back',
        '          10.20.0.0/16                                pcx-00000001 → igw-00000001 → no route  the last one held back',
      ].join('\n'),
    );
  });

  it('says that no address changes its path, if routes change and paths do not', async () => {
    const halves = ['10.20.0.0/17', '10.20.128.0/17'].map((block) => `{ destination: ${block}, target: pcx-00000001 }`);
    const { stdout } = await plan(answer(local, peer), item(halves.join(', ')), '--impact');
    expect(stdout).toContain('  impact  no address changes its path\n');
  });

  it('says which prefix lists are unknown', async () => {
    const file = item('{ destination: pl-00000001, target: tgw-00000002 }');
    const { stdout } = await plan(answer(local, branches), file, '--impact');
    expect(stdout).toContain('pl-00000001  tgw-00000001 → tgw-00000002; its addresses could not be read');
  });

  it('adds the impact to the JSON of a plan, and only if it is asked for', async () => {
    const [actual, file] = [
      answer(local, peer, branches),
      item('{ destination: pl-00000001, target: tgw-00000001 }', 'maxDeletes: 5\n'),
    ];
    expect(jsonLines((await plan(actual, file, '--impact', '--json')).stdout)).toMatchObject([
      {
        changes: [{ action: 'delete', destination: '10.20.0.0/16' }],
        impact: {
          changes: [
            { block: '10.20.0.0/16', except: [], before: [{ target: 'pcx-00000001', state: 'active' }], after: [] },
          ],
          unread: [
            {
              destination: 'pl-00000001',
              before: { target: 'tgw-00000001', state: 'active' },
              after: { target: 'tgw-00000001', state: 'active' },
            },
          ],
        },
      },
    ]);
    expect(jsonLines((await plan(actual, file, '-o', 'json')).stdout)[0]).not.toHaveProperty('impact');
  });

  it('shows no impact of a table that is in sync or missing', async () => {
    const inSync = await plan(
      answer(local, peer),
      item('{ destination: 10.20.0.0/16, target: pcx-00000001 }'),
      '--impact',
    );
    expect(inSync).toMatchObject({ code: 0, stdout: expect.not.stringContaining('impact') });
    expect(await plan(fileWith('{"RouteTables": []}', 'answer.json'), item(''), '--impact')).toMatchObject({
      code: 1,
      stdout: expect.not.stringContaining('impact'),
    });
  });
});

describe('routectl plan -o markdown', () => {
  it('shows changes and impact as tables', async () => {
    const { code, stdout } = await plan(answer(local, egress, peer), item(''), '-o', 'markdown');
    expect(code).toBe(3);
    expect(stdout).toBe(`## Route plan: 1 table: 1 blocked; 2 delete

### 🟣 \`rtb-00000001\` blocked: 2 changes, 1 held back, 0 as desired, 1 left alone

| change | destination | from | to |  |
| --- | --- | --- | --- | --- |
| delete | \`0.0.0.0/0\` | \`igw-00000001\` |  | held back |
| delete | \`10.20.0.0/16\` | \`pcx-00000001\` |  |  |

| addresses | path before | path after |  |
| --- | --- | --- | --- |
| \`0.0.0.0/0 except 10.0.0.0/16, 10.20.0.0/16\` | \`igw-00000001\` | \`no route\` | held back |
| \`10.20.0.0/16\` | \`pcx-00000001\` | \`igw-00000001\` → \`no route\` | the last one held back |

**Blocked** (default-route)

\`\`\`text
the delete of a default route needs approval, unless that route has just appeared: approve it, list the route, or ignore it
\`\`\`
`);
  });

  it('keeps the texts of others in code, so that they neither render nor mention anybody', async () => {
    const reason = '"``` @everyone <img src=x> | [x](http://example.com) ```"';
    const file = item(
      '',
      `ignore: [{ destination: 10.20.0.0/16, reason: ${reason}, until: "2020-01-01T00:00:00Z" }]\n`,
    );
    const { stdout } = await plan(answer(local, peer), file, '-o', 'markdown');
    // A fence ends only at a run of backticks that is as long as its own.
    const [, fence = '', body = ''] = /^(`{4,})text\n([^]*?)\n\1$/m.exec(stdout) ?? [];
    expect({ fence, body }).toEqual({ fence: '````', body: expect.stringContaining('@everyone <img src=x>') });
    expect(stdout.replace(body, '')).not.toContain('everyone');
  });

  it('shows every problem of an invalid item', async () => {
    const { code, stdout } = await plan(answer(local), item('5'), '-o', 'markdown');
    expect(code).toBe(1);
    expect(stdout).toMatch(/### ❌ `rtb-00000001` invalid: 1 problem\n\n```text\n\S+routes\.yaml:2:10 {2}routes\[0\] /);
  });

  it('is not JSON as well', async () => {
    expect(await plan(answer(local), item(''), '-o', 'markdown', '--json')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("option '--json' cannot be used with option '-o, --output <format>'"),
    });
  });
});
