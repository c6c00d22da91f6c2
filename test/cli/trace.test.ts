import { describe, expect, it } from 'vitest';
import { type Reply, identity, refusal, serveEc2 } from '../support/ec2-server.ts';
import { fileWith, fixture, jsonLines, routectl } from '../support/routectl.ts';

const answer = fixture('describe-route-tables.json');
const traced = (...args: readonly string[]) => routectl(['trace', ...args, '--actual', answer], { offline: true });
const [quiet, busy, withLists] = ['rtb-0b1b2c3d4e5f60719', 'rtb-0c1b2c3d4e5f6071a', 'rtb-0a1b2c3d4e5f60718'] as const;
const planOf = (routeTableId: string, routes: string) =>
  fileWith(`routeTableId: ${routeTableId}\nroutes: [${routes}]\n`);

describe('routectl trace --actual', () => {
  it('names the route with the longest prefix, its target and its state', async () => {
    expect(await traced(quiet, '10.20.3.4')).toEqual({
      code: 0,
      stdout: `10.20.3.4 from ${quiet}  vpc-0b1b2b3b4b5b6b7b8\n\n  now  igw-0c0c0c0c0c0c0c0c0  by 0.0.0.0/0, static\n`,
      stderr: '',
    });
    expect((await traced(quiet, '10.0.3.4')).stdout).toContain('now  local  by 10.0.0.0/16');
  });

  it('says that traffic is dropped where no route carries it', async () => {
    const { code, stdout } = await traced(quiet, '2001:db8::1');
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('now  no route  traffic is dropped'),
    });
  });

  it('shows the path after the plan of a file, and exits with 2 if it changes', async () => {
    const file = planOf(quiet, '{ destination: 0.0.0.0/0, target: nat-0123456789abcdef0 }');
    const { code, stdout } = await traced(quiet, '8.8.8.8', '-f', file);
    expect({ code, stdout }).toMatchObject({
      code: 2,
      stdout: expect.stringContaining(`after  nat-0123456789abcdef0  by 0.0.0.0/0, static [the plan of ${file}]`),
    });
    expect(await traced(quiet, '10.0.0.1', '-f', file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('after  the same'),
    });
  });

  it('says that a change waits for approval, and exits with 3', async () => {
    const { code, stdout } = await traced(busy, '10.32.0.1', '-f', planOf(busy, ''));
    expect({ code, stdout }).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('traffic is dropped, once the deletes that wait are approved'),
    });
  });

  it('shows the path until approval, if that is a third one', async () => {
    const routes = ['10.32.0.0/16', '10.0.0.0/8'].map((DestinationCidrBlock, index) => ({
      DestinationCidrBlock,
      TransitGatewayId: `tgw-0000000${index + 1}`,
      Origin: 'CreateRoute',
      State: 'active',
    }));
    const both = [...routes, { ...routes[0], DestinationCidrBlock: '0.0.0.0/0', TransitGatewayId: 'tgw-00000003' }];
    const saved = fileWith(JSON.stringify({ RouteTables: [{ RouteTableId: busy, Routes: both }] }), 'answer.json');
    // The delete of the default route waits, the others do not.
    const { code, stdout } = await routectl(
      [
        'trace',
        busy,
        '10.32.0.1',
        '-f',
        fileWith(`routeTableId: ${busy}\nroutes: []\nmaxDeletes: 5\n`),
        '--actual',
        saved,
      ],
      { offline: true },
    );
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /now +tgw-00000001 +by 10\.32\.0\.0\/16, static\n +after +tgw-00000003 +by 0\.0\.0\.0\/0, static\n +then +no route +traffic is dropped, once/,
    );
  });

  it('guesses nothing about prefix lists: the path is unknown, and what stands otherwise is named', async () => {
    const { code, stdout } = await traced(withLists, '8.8.8.8');
    expect(code).toBe(1);
    expect(stdout).toContain(
      'now  unknown  the addresses of pl-0123456789abcdef0 (to tgw-0123456789abcdef0), pl-6da54004 (to vpce-0f0f0f0f0f0f0f0f0) could not be read; otherwise nat-0123456789abcdef0 (blackhole: drops traffic), by 0.0.0.0/0, static\n',
    );
  });

  it('with --json prints one document', async () => {
    const file = planOf(busy, '');
    const { stdout } = await traced(busy, '10.32.0.1', '-f', file, '--json');
    expect(jsonLines(stdout)).toEqual([
      {
        address: '10.32.0.1',
        routeTableId: busy,
        vpcId: 'vpc-0b1b2b3b4b5b6b7b8',
        now: {
          path: 'forwards',
          routes: [
            {
              destination: '10.32.0.0/16',
              block: '10.32.0.0/16',
              target: 'tgw-0123456789abcdef0',
              state: 'active',
              origin: 'created',
            },
          ],
        },
        after: {
          path: 'none',
          routes: [],
          from: `the plan of ${file}`,
          changed: true,
          meanwhile: { path: 'forwards', routes: [expect.objectContaining({ destination: '10.32.0.0/16' })] },
        },
      },
    ]);
    expect(jsonLines((await traced(withLists, '8.8.8.8', '--json')).stdout)).toMatchObject([
      { now: { path: 'unknown', unread: [{ destination: 'pl-0123456789abcdef0' }, { destination: 'pl-6da54004' }] } },
    ]);
  });

  it.each([
    ['what is no address', [quiet, '10.0.0.0/8'], '"10.0.0.0/8" is not an address: expected one IPv4 or IPv6 address'],
    ['what is neither a subnet nor a table', ['vpc-0b1b2b3b', '10.0.0.1'], '"vpc-0b1b2b3b" is neither a subnet nor'],
    [
      'a table that is not there',
      ['rtb-0f1b2c3d4e5f6071f', '10.0.0.1'],
      'rtb-0f1b2c3d4e5f6071f: no such route table in',
    ],
    [
      'a subnet without EC2',
      ['subnet-00000001', '10.0.0.1'],
      'a saved answer does not show the subnets of main tables',
    ],
    ['a file without the table', [quiet, '10.0.0.1', '-f', planOf(busy, '')], `there is no item of ${quiet}`],
    [
      'an invalid item',
      [quiet, '10.0.0.1', '-f', planOf(quiet, '5')],
      `the item of ${quiet} is invalid: run "routectl`,
    ],
  ])('refuses %s in one sentence', async (_, args, sentence) => {
    const { code, stdout, stderr } = await traced(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/^routectl: [^\n]+\n$/);
  });
});

describe('routectl trace in EC2', () => {
  const xml = (call: string, body: string): string =>
    `<${call}Response><requestId>1</requestId>${body}</${call}Response>`;
  const item = (fields: Readonly<Record<string, string>>): string =>
    `<item>${Object.entries(fields)
      .map(([name, value]) => `<${name}>${value}</${name}>`)
      .join('')}<origin>CreateRoute</origin><state>active</state></item>`;
  const tables = (id?: string): string =>
    xml(
      'DescribeRouteTables',
      `<routeTableSet>${
        id === undefined
          ? ''
          : `<item><routeTableId>${id}</routeTableId><vpcId>vpc-00000001</vpcId><routeSet>${[
              item({ destinationCidrBlock: '0.0.0.0/0', natGatewayId: 'nat-00000001' }),
              item({ destinationPrefixListId: 'pl-00000001', transitGatewayId: 'tgw-00000001' }),
            ].join('')}</routeSet></item>`
      }</routeTableSet>`,
    );
  const subnets = (...ids: readonly string[]): string =>
    xml(
      'DescribeSubnets',
      `<subnetSet>${ids.map((id) => `<item><subnetId>${id}</subnetId><vpcId>vpc-00000001</vpcId></item>`).join('')}</subnetSet>`,
    );
  const entries = (...blocks: readonly string[]): string =>
    xml(
      'GetManagedPrefixListEntries',
      `<entrySet>${blocks.map((cidr) => `<item><cidr>${cidr}</cidr></item>`).join('')}</entrySet>`,
    );

  /** Answers STS, and each call by its name. Everything else is denied, DynamoDB included. */
  async function tracedIn(
    answers: Readonly<Record<string, (asked: URLSearchParams) => string>>,
    ...args: readonly string[]
  ) {
    const next = (): Reply => {
      const asked = server.requests.at(-1);
      const action = asked?.get('Action') ?? '';
      if (action === 'GetCallerIdentity') return identity;
      const body = answers[action];
      return asked && body ? { status: 200, body: body(asked) } : refusal('UnauthorizedOperation', 403);
    };
    await using server = await serveEc2(next);
    return await routectl(['trace', ...args], {
      env: {
        AWS_ENDPOINT_URL: server.endpoint,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'x',
      },
    });
  }

  const line = 'AWS account 123456789012, Region eu-west-1, as arn:aws:iam::123456789012:user/alice\n';
  const filterOf = (asked: URLSearchParams): string => asked.get('Filter.1.Name') ?? '';
  const associated = {
    DescribeRouteTables: () => tables('rtb-00000001'),
    GetManagedPrefixListEntries: () => entries('10.30.0.0/16'),
  };

  it('finds the table that is associated with a subnet, and reads its prefix lists', async () => {
    const { code, stdout } = await tracedIn(associated, 'subnet-00000001', '10.30.1.1');
    expect(code).toBe(0);
    expect(stdout).toContain('10.30.1.1 from rtb-00000001  vpc-00000001  associated with subnet-00000001\n');
    expect(stdout).toContain('now  tgw-00000001  by 10.30.0.0/16 in prefix list pl-00000001\n');
    expect((await tracedIn(associated, 'subnet-00000001', '10.31.1.1')).stdout).toContain(
      'now  nat-00000001  by 0.0.0.0/0',
    );
  });

  it('finds the main table of the VPC for a subnet without an association', async () => {
    const main = {
      ...associated,
      DescribeRouteTables: (asked: URLSearchParams) =>
        filterOf(asked) === 'vpc-id' && asked.get('Filter.2.Name') === 'association.main'
          ? tables('rtb-00000002')
          : tables(),
      DescribeSubnets: () => subnets('subnet-00000001'),
    };
    const { stdout } = await tracedIn(main, 'subnet-00000001', '10.30.1.1');
    expect(stdout).toContain('from rtb-00000002  vpc-00000001  main table of the VPC, serves subnet-00000001\n');
    const { code, stderr } = await tracedIn(
      { ...main, DescribeSubnets: () => subnets() },
      'subnet-00000001',
      '10.30.1.1',
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `${line}routectl: subnet-00000001: no such subnet in this account and Region\n`,
    });
  });

  it('calls the path unknown if a prefix list cannot be read, and names the permission', async () => {
    const { GetManagedPrefixListEntries: _, ...denied } = associated;
    const { code, stdout, stderr } = await tracedIn(denied, 'rtb-00000001', '10.30.1.1');
    expect(code).toBe(1);
    expect(stdout).toContain(
      'now  unknown  the addresses of pl-00000001 (to tgw-00000001) could not be read; otherwise nat-00000001',
    );
    expect(stderr).toContain(
      'could not read the entries of pl-00000001: the AWS credentials do not allow this call: they need ec2:GetManagedPrefixListEntries',
    );
  });

  it('calls the path unknown if an entry of a prefix list is no block', async () => {
    const odd = { ...associated, GetManagedPrefixListEntries: () => entries('10.30.0.0/16', 'everything') };
    expect(await tracedIn(odd, 'rtb-00000001', '8.8.8.8')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('could not read the entries of pl-00000001'),
    });
  });

  it('goes on without a deployment, and says so', async () => {
    const { code, stderr } = await tracedIn(associated, 'rtb-00000001', '10.30.1.1');
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /\ncould not read the desired item and the history .*; so the trace shows the route tables alone\n$/,
      ),
    });
  });
});
