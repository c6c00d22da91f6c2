import { describe, expect, it } from 'vitest';
import { tablesInAnswer } from '../../cli/actual-tables.ts';
import { planEach } from '../../cli/plan.ts';
import { targetText } from '../../reconciler/core/route/route.ts';
import { fileWith, fixture, jsonLines, routectl } from '../support/routectl.ts';

const answer = fixture('describe-route-tables.json');
const plan = (...args: readonly string[]) => routectl(['plan', ...args], { offline: true });
const item = (routeTableId: string, fields = 'routes: []'): string => `---\nrouteTableId: ${routeTableId}\n${fields}\n`;

// The tables of the fixture.
const inSync = item('rtb-0b1b2c3d4e5f60719', 'routes: [{ destination: 0.0.0.0/0, target: igw-0c0c0c0c0c0c0c0c0 }]');
const drifted = item('rtb-0b1b2c3d4e5f60719', 'routes: [{ destination: 0.0.0.0/0, target: nat-0c0c0c0c0c0c0c0c0 }]');
const blocked = item('rtb-0c1b2c3d4e5f6071a');
const missing = item('rtb-0f1b2c3d4e5f6071f');
const invalid = item('rtb-0a1b2c3d4e5f60718', 'routes: 5');

describe('routectl plan --actual', () => {
  it('prints the plan of each table as one line of JSON, without network or credentials', async () => {
    const { code, stdout, stderr } = await plan('--json', '-f', fixture('routes.yaml'), '--actual', answer);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: '3 tables: 1 out of sync, 1 in sync, 1 blocked; 1 replace, 3 delete, 1 create\n',
    });
    const [first, second, third] = jsonLines(stdout);
    expect(first).toEqual({
      routeTableId: 'rtb-0a1b2c3d4e5f60718',
      inSync: false,
      planId: expect.stringMatching(/^[0-9a-f]{12}$/),
      changes: [
        { action: 'replace', destination: '10.20.0.0/16', from: 'pcx-0aaaaaaaaaaaaaaaa', to: 'pcx-0bbbbbbbbbbbbbbbb' },
        { action: 'delete', destination: '10.99.0.0/16', from: 'igw-0c0c0c0c0c0c0c0c0' },
        { action: 'create', destination: '10.21.0.0/16', to: 'pcx-0bbbbbbbbbbbbbbbb' },
      ],
      unchanged: 4,
      leftAlone: [
        { destination: '10.0.0.0/16', target: 'local', reason: 'local' },
        { destination: '10.200.4.0/24', target: 'eni-0e0e0e0e0e0e0e0e0', reason: 'ignored' },
        { destination: '192.168.0.0/24', target: 'vgw-0a0a0a0a0a0a0a0a0', reason: 'propagated' },
        { destination: '192.168.1.0/24', target: 'vgw-0a0a0a0a0a0a0a0a0', reason: 'propagated' },
        { destination: '2600:1f14:abc:de00::/56', target: 'local', reason: 'local' },
        { destination: 'pl-6da54004', target: 'vpce-0f0f0f0f0f0f0f0f0', reason: 'gateway-endpoint' },
      ],
      findings: [
        expect.objectContaining({ code: 'blackhole', destination: '0.0.0.0/0' }),
        expect.objectContaining({ code: 'overlaps-desired', destination: '10.200.4.0/24' }),
        expect.objectContaining({ code: 'overlaps-desired', destination: '192.168.1.0/24' }),
        expect.objectContaining({ code: 'shadows-propagated', destination: '192.168.0.0/24' }),
      ],
    });
    expect(second).toMatchObject({ routeTableId: 'rtb-0b1b2c3d4e5f60719', inSync: true, changes: [], unchanged: 1 });
    expect(third).toMatchObject({
      blocked: {
        code: 'too-many-deletes',
        deletes: [{ destination: '10.32.0.0/16' }, { destination: '10.33.0.0/16' }],
      },
    });
  });

  it.each([
    ['0 in sync', 0, inSync],
    ['2 for drift', 2, drifted],
    ['3 for deletes that wait', 3, blocked],
    ['1 for a table that does not exist', 1, missing],
    ['1 for an invalid item', 1, invalid],
    ['2 before 0', 2, drifted + item('rtb-0a1b2c3d4e5f60718', 'routes: []\nunlisted: keep')],
    ['3 before 2', 3, blocked + drifted],
    ['1 before 3', 1, blocked + missing],
  ])('ends with %s', async (_, code, items) => {
    expect(await plan('-f', fileWith(items), '--actual', answer)).toMatchObject({ code });
  });

  it('plans the other tables if one item is invalid and another table does not exist', async () => {
    const { stdout } = await plan('--json', '-f', fileWith(invalid + missing + inSync), '--actual', answer);
    expect(jsonLines(stdout)).toMatchObject([
      { routeTableId: 'rtb-0a1b2c3d4e5f60718', invalid: [{ path: 'routes', found: '5', line: 3 }] },
      { routeTableId: 'rtb-0f1b2c3d4e5f6071f', inSync: false, findings: [{ code: 'table-not-found' }] },
      { routeTableId: 'rtb-0b1b2c3d4e5f60719', inSync: true },
    ]);
  });

  it('reads an answer of the AWS CLI from standard input', async () => {
    const stdin = JSON.stringify({ RouteTables: [{ RouteTableId: 'rtb-0a1b2c3d', Routes: [] }] });
    const { code } = await routectl(['plan', '-f', fileWith(item('rtb-0a1b2c3d')), '--actual', '-'], { stdin });
    expect(code).toBe(0);
  });

  describe('takes what the AWS CLI prints', () => {
    const routes = [
      {
        DestinationCidrBlock: '0.0.0.0/0',
        GatewayId: 'igw-0c0c0c0c',
        Origin: 'CreateRoute',
        State: 'active',
        NatGatewayId: null,
      },
    ];
    const table = { RouteTableId: 'rtb-0a1b2c3d', Routes: routes };
    const yaml = `RouteTables:
- Associations: []
  OwnerId: '111122223333'
  RouteTableId: rtb-0a1b2c3d
  Routes:
  - DestinationCidrBlock: 0.0.0.0/0
    GatewayId: igw-0c0c0c0c
    Origin: CreateRoute
    State: active
  Tags: []
`;
    it.each([
      ['an answer', JSON.stringify({ RouteTables: [table], NextToken: null })],
      ['a list, of --query RouteTables', JSON.stringify([table])],
      ["one table, of --query 'RouteTables[0]'", JSON.stringify(table)],
      ['nulls, of a --query that names fields', JSON.stringify([{ ...table, VpcId: null, OwnerId: null, Tags: null }])],
      ['a tag without a value', JSON.stringify([{ ...table, Tags: [{ Key: 'Name', Value: null }] }])],
      ['YAML, of --output yaml', yaml],
    ])('%s', async (_, answer) => {
      const file = fileWith(item('rtb-0a1b2c3d', 'routes: [{ destination: 0.0.0.0/0, target: igw-0c0c0c0c }]'));
      expect(await plan('-f', file, '--actual', fileWith(answer, 'answer'))).toMatchObject({ code: 0, stderr: '' });
    });
  });

  it('leaves a route alone if it has members of an unknown kind', async () => {
    const route = { DestinationCidrBlock: '10.9.0.0/16', Hops: [{ Id: 'x' }], Origin: 'CreateRoute', State: 'active' };
    const newer = fileWith(JSON.stringify({ RouteTables: [{ RouteTableId: 'rtb-0a1b2c3d', Routes: [route] }] }));
    const { code, stdout } = await plan('--json', '-f', fileWith(item('rtb-0a1b2c3d')), '--actual', newer);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ leftAlone: [{ destination: '10.9.0.0/16', reason: 'unknown' }] }]);
  });

  it('uses colours only on a terminal', async () => {
    const args = ['plan', '-f', fixture('routes.yaml'), '--actual', answer];
    expect((await routectl(args)).stdout).not.toContain('\u001B[');
    expect((await routectl(args, { env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001B[33m~ replace\u001B[39m');
    expect((await routectl(args, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).toContain('~ replace');
  });
});

describe('planEach', () => {
  it('asks EC2 about the targets of all tables of a VPC in one go', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `rtb-000000${(n + 16).toString(16)}`);
    const tables = ids.map((RouteTableId) => ({
      RouteTableId,
      VpcId: 'vpc-00000001',
      Routes: [
        { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-00000001', Origin: 'CreateRoute', State: 'active' },
      ],
    }));
    const saved = fileWith(JSON.stringify({ RouteTables: tables }), 'answer.json');
    const moved = (id: string, n: number) =>
      item(id, `routes: [{ destination: 0.0.0.0/0, target: nat-0000000${n % 3} }]`);
    const asked: (readonly [string, readonly string[]])[] = [];
    const plans = await planEach(
      [fileWith(ids.map(moved).join(''))],
      () => tablesInAnswer(saved),
      async (vpcId, targets) => {
        asked.push([vpcId, targets.map(targetText)]);
        return { health: new Map(), failures: [] };
      },
    );
    expect(asked).toEqual([['vpc-00000001', ['nat-00000000', 'nat-00000001', 'nat-00000002']]]);
    expect(plans.map((one) => 'plan' in one && one.plan.changes.length)).toEqual(ids.map(() => 1));
  });
});
