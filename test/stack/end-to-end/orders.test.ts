import { CreateManagedPrefixListCommand, CreateTagsCommand, CreateVpcEndpointCommand } from '@aws-sdk/client-ec2';
import pMap from 'p-map';
import { beforeAll, describe, expect, it } from 'vitest';
import { accountId } from '../../../local/emulators.ts';
import { environmentFor } from '../../../local/stack.ts';
import { type Ended, atTerminal, jsonLines, routectl } from '../../support/routectl.ts';
import { createRoute, deleteRoute } from '../support/route-calls.ts';
import { type Routes, Testbed } from '../support/testbed.ts';
import { localStack } from '../support/local-stack.ts';

const stack = localStack();
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

/** Runs routectl as an operator. */
async function operator(...args: readonly string[]): Promise<Ended> {
  const ended = await routectl(args, { env: environmentFor(stack) });
  if (ended.code !== 0) throw new Error(`routectl ${args.join(' ')}: ${ended.stderr}`);
  return ended;
}

/** The route of a gateway endpoint, which only its service may change, and a route through a file system's interface. */
async function serviceRoutes(): Promise<{ readonly endpoint: Routes; readonly fileSystem: Routes }> {
  const { network, alice } = testbed;
  const { VpcEndpoint } = await alice.send(
    new CreateVpcEndpointCommand({
      VpcId: network.vpc,
      ServiceName: `com.amazonaws.${stack.region}.s3`,
      VpcEndpointType: 'Gateway',
    }),
  );
  const { PrefixList } = await alice.send(
    new CreateManagedPrefixListCommand({ PrefixListName: 's3', AddressFamily: 'IPv4', MaxEntries: 1 }),
  );
  return {
    endpoint: { [`${PrefixList?.PrefixListId}`]: `${VpcEndpoint?.VpcEndpointId}` },
    fileSystem: { '10.88.0.0/16': await testbed.newInterface(accountId) },
  };
}

/** The ignore entry in the message of a blocked plan. */
const ignoreEntryIn = (message = ''): unknown => JSON.parse(/\{.*\}/.exec(message)?.[0] ?? message);

describe('twenty tables that are adopted at once', { timeout: 120_000 }, () => {
  it('lose no route until a person approves, and from then on rogue routes are deleted at once', async () => {
    const { network, alice } = testbed;
    const listed = { '10.20.0.0/16': network.peering, '10.30.0.0/16': network.otherPeering };
    const others = { '172.16.0.0/12': network.transitGateway, '0.0.0.0/0': network.natGateway };
    const { endpoint, fileSystem } = await serviceRoutes();
    const found = { ...others, ...endpoint, ...fileSystem };
    const tables = await Promise.all(
      Array.from({ length: 20 }, () => testbed.newTable({ '10.30.0.0/16': network.peering, ...found })),
    );
    // FSx tags the tables whose routes it maintains.
    await alice.send(
      new CreateTagsCommand({ Resources: tables, Tags: [{ Key: 'AmazonFSx', Value: 'ManagedByAmazonFSx' }] }),
    );
    const since = await testbed.mark();

    await Promise.all(tables.map((table) => testbed.desire(table, listed, { maxDeletes: 5 })));

    // Twenty tables at once are one edit. A person releases it.
    const adopted = await pMap(tables, (table) => testbed.phase(table, 'Blocked', { seconds: 60 }));
    const edits = [...new Set(adopted.flatMap(({ plan }) => plan?.blocked?.edit ?? []))];
    expect(edits.length).toBeGreaterThan(0);
    const waiting = tables.filter((_, index) => adopted[index]?.plan?.blocked?.edit !== undefined);
    expect(waiting.length).toBeGreaterThanOrEqual(5);
    for (const table of waiting) expect(await testbed.routes(table)).toMatchObject({ '10.30.0.0/16': network.peering });
    await operator('approve', ...edits, '--yes');
    await pMap(waiting, (table) => testbed.has(table, { ...listed, ...found }, { seconds: 60 }));

    for (const table of tables) {
      const { plan } = await testbed.phase(table, 'Blocked', { seconds: 60 });
      expect(plan?.blocked).toMatchObject({
        code: 'maybe-not-ours',
        deletes: [
          { destination: '0.0.0.0/0', code: 'first-deletes' },
          { destination: '10.88.0.0/16', code: 'maybe-not-ours' },
          { destination: '172.16.0.0/12', code: 'first-deletes' },
        ],
      });
      expect(ignoreEntryIn(plan?.blocked?.message)).toEqual({
        destination: '10.88.0.0/16',
        target: 'eni-*',
        reason: expect.any(String),
      });
      expect(plan?.leftAlone.map(({ reason }) => reason).sort()).toEqual(['gateway-endpoint', 'local']);
      expect(await testbed.routes(table)).toEqual({ ...listed, ...found });
      const calls = (await testbed.callsOn(table, since)).map(({ call }) => call.replace(/ .*/, ''));
      // A call that does not reach EC2 is made again after the others.
      expect(calls.filter((call) => call !== 'DescribeRouteTables').toSorted()).toEqual([
        'CreateRoute',
        'ReplaceRoute',
      ]);
    }

    const [first = '', second = '', third = ''] = tables;
    const approved = await operator('approve', first, '--yes', '--json');
    expect(jsonLines(approved.stdout)).toMatchObject([
      {
        routeTableId: first,
        approved: [
          { destination: '0.0.0.0/0', target: network.natGateway },
          { destination: '10.88.0.0/16', target: fileSystem['10.88.0.0/16'] },
          { destination: '172.16.0.0/12', target: network.transitGateway },
        ],
        by: expect.stringContaining('arn:aws:'),
      },
    ]);
    expect(approved.stderr).toContain('172.16.0.0/12');
    // Only the approval itself wakes the reconciler.
    await testbed.has(first, { ...listed, ...endpoint });
    // An approval for one table does not apply to others.
    await testbed.wake(second);
    expect(await testbed.routes(second)).toEqual({ ...listed, ...found });

    // Whoever knows the owner pastes the entry from the message into the item.
    const { plan } = await testbed.phase(third, 'Blocked');
    const ignore = [ignoreEntryIn(plan?.blocked?.message)];
    const { plan: left } = await testbed.edit(third, listed, { maxDeletes: 5, ignore });
    expect(left?.blocked?.deletes.map(({ destination }) => destination)).toEqual(['0.0.0.0/0', '172.16.0.0/12']);
    expect(left?.leftAlone).toContainEqual({
      destination: '10.88.0.0/16',
      target: fileSystem['10.88.0.0/16'],
      reason: 'ignored',
    });

    await operator('approve', ...tables.slice(1), '--yes');
    await pMap(tables.slice(1), (table) =>
      testbed.has(table, { ...listed, ...endpoint, ...(table === third && fileSystem) }, { seconds: 60 }),
    );
    await testbed.phase(third, 'InSync');
    await testbed.has(third, { ...listed, ...endpoint, ...fileSystem });
    await testbed.phase(first, 'InSync');
    await testbed.letPolicySettle(first);
    await alice.send(createRoute(first, '192.168.0.0/16', network.transitGateway));
    await testbed.has(first, { ...listed, ...endpoint });
    expect(jsonLines((await operator('approve', first, '--json')).stdout)).toEqual([
      { routeTableId: first, approved: [] },
    ]);
  });
});

it('routectl approve shows the deletes, and approves them only if the answer is yes', async () => {
  const { network } = testbed;
  const listed = { '10.20.0.0/16': network.peering };
  const table = await testbed.newTable({ ...listed, '172.16.0.0/12': network.transitGateway });
  await testbed.desire(table, listed);
  await testbed.phase(table, 'Blocked');
  const approve = (answer: string) =>
    atTerminal(['approve', table], { env: { ...environmentFor(stack), NO_COLOR: '1' }, stdin: `${answer}\n` });

  const refused = await approve('');
  expect(refused.stdout).toMatch(
    new RegExp(
      `- delete +172\\.16\\.0\\.0/12 +${network.transitGateway} .*Delete 1 route from ${table}\\? \\[y/N\\]`,
      's',
    ),
  );
  expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('nothing was approved') });
  await testbed.wake(table);
  expect(await testbed.routes(table)).toHaveProperty(['172.16.0.0/12']);

  expect(await approve('y')).toMatchObject({ code: 0, stdout: expect.stringContaining('Approved by arn:aws:') });
  await testbed.has(table, listed);
});

describe('a table that is paused with routectl', () => {
  it('stays paused whatever a pipeline writes, and is repaired when it is resumed, except for deletes of routes that came meanwhile', async () => {
    const { network, alice } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    const { stdout, stderr } = await operator('pause', table, '--reason', 'failover test');
    expect(stdout + stderr).toMatch(/Paused: nothing is changed in rtb-.*Lift it: routectl resume rtb-/s);

    await alice.send(deleteRoute(table, '10.20.0.0/16'));
    await alice.send(createRoute(table, '192.168.0.0/16', network.transitGateway));
    await testbed.edit(table, { ...routes, '10.30.0.0/16': network.otherPeering });

    const { reason, pause } = await testbed.phase(table, 'Drifted');
    expect(reason).toContain('failover test');
    expect(pause).toMatchObject({ of: 'table', by: expect.stringContaining('arn:aws:') });
    expect(await testbed.routes(table)).toEqual({ '192.168.0.0/16': network.transitGateway });

    await operator('resume', table);
    expect((await operator('resume', table)).stdout).toContain(`the pause of ${table} had ended before`);
    await testbed.has(table, {
      ...routes,
      '10.30.0.0/16': network.otherPeering,
      '192.168.0.0/16': network.transitGateway,
    });
    expect((await testbed.phase(table, 'Blocked')).plan?.blocked?.deletes).toMatchObject([
      { destination: '192.168.0.0/16' },
    ]);
  });

  it('cannot be paused until a time in the past, and an order needs a table', async () => {
    const env = environmentFor(stack);
    for (const args of [['rtb-0a1b2c3d', '--until', '2020-01-01T00:00:00Z'], ['rtb-1'], ['--all', 'rtb-0a1b2c3d'], []])
      expect(await routectl(['pause', ...args, '--reason', 'x'], { env })).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('a destination that is held', () => {
  it('stays as it is while others are repaired, and is repaired when the hold ends', async () => {
    const { network, alice } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    const held = await operator('hold', table, '10.20.0.7/16', '--for', '1h', '--reason', 'failover test');
    expect(held.stdout).toContain(`Held: 10.20.0.0/16 in ${table} stays at ${network.peering} until `);
    for (const destination of Object.keys(routes)) await alice.send(deleteRoute(table, destination));
    await testbed.has(table, { '10.21.0.0/16': network.peering });
    const { plan } = await testbed.phase(table, 'InSync');
    expect(plan?.findings).toMatchObject([{ code: 'ignored-until', destination: '10.20.0.0/16' }]);

    const ended = await operator('hold', table, '10.20.0.0/16', '--end', '--json');
    expect(jsonLines(ended.stdout)).toEqual([{ routeTableId: table, destination: '10.20.0.0/16', released: true }]);
    await testbed.has(table, routes);
  });
});

describe('a stop of all tables', () => {
  it('needs one put-item in which only the key must be right, and ends with routectl resume', async () => {
    const { network, alice } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await testbed.order('*', 'stop', { why: 'incident', until: 'when I say so' });
    try {
      await alice.send(deleteRoute(table, '10.20.0.0/16'));
      const { reason } = await testbed.phase(table, 'Drifted');
      expect(reason).toContain('all tables are stopped');
    } finally {
      await operator('resume', '--all');
    }
    await testbed.wake(table);
    await testbed.has(table, routes);
  });

  it('lets no change start 5 s later, even during an apply, and the rest is changed after the stop ends', async () => {
    const { network, relay } = testbed;
    const twelve = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`10.${n + 40}.0.0/16`, network.peering]));
    const table = await testbed.tableInSync({});
    // Four calls at once, two seconds each: the apply takes six seconds if it is not stopped.
    await relay.inject({
      on: { action: 'CreateRoute', naming: [table] },
      times: 12,
      effect: { kind: 'delay', ms: 3_000 },
    });
    await testbed.desire(table, twelve);
    const firstCalls = async () =>
      (await relay.calls()).filter(
        ({ action, parameters }) => action === 'CreateRoute' && parameters['RouteTableId'] === table,
      );
    while ((await firstCalls()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));

    await operator('pause', '--all', '--reason', 'incident');
    const stoppedAt = Date.now();
    try {
      const { reason } = await testbed.phase(table, 'Drifted', { seconds: 40 });
      expect(reason).toContain('incident');
      const made = await firstCalls();
      expect(made.length).toBeLessThan(12);
      expect(made.filter(({ time }) => Date.parse(time) > stoppedAt + 5_000)).toEqual([]);
    } finally {
      await operator('resume', '--all');
    }
    await testbed.wake(table);
    await testbed.has(table, twelve, { seconds: 40 });
  });
});
