import type { Actor, ReportedCall } from '../../reconciler/core/memory/call.ts';
import { sweep } from '../../reconciler/sweep.ts';
import type { Fleet } from '../../report/fleet-view.ts';
import type { TableView } from '../../report/table-page.ts';
import { item } from './builders.ts';
import { InMemoryWorld } from './in-memory-world.ts';

const second = 1_000;
const minute = 60 * second;

const account = '123456789012';
const people: Readonly<Record<string, Actor>> = {
  alice: {
    arn: `arn:aws:sts::${account}:assumed-role/AWSReservedSSO_NetworkAdmin_1a2b3c4d5e6f7a8b/alice@example.com`,
    sourceIp: '198.51.100.23',
    userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)',
  },
  pipeline: {
    arn: `arn:aws:sts::${account}:assumed-role/deploy-pipeline/run-4711`,
    sourceIp: 'cloudformation.amazonaws.com',
    userAgent: 'cloudformation.amazonaws.com',
    invokedBy: 'cloudformation.amazonaws.com',
  },
  legacy: {
    arn: `arn:aws:sts::${account}:assumed-role/legacy-failover/i-0a1b2c3d4e5f60718`,
    sourceIp: '10.0.4.17',
    userAgent: 'Boto3/1.40.2 Python/3.12.4',
  },
};

const usual = {
  '0.0.0.0/0': 'nat-0a1b2c3d4e5f60718',
  '10.20.0.0/16': 'pcx-0a1b2c3d4e5f60718',
  '10.21.0.0/16': 'pcx-0a1b2c3d4e5f60718',
  'pl-0a1b2c3d4e5f60718': 'tgw-0a1b2c3d4e5f60718',
};

const vpc = 'vpc-0a1b2c3d4e5f60718';

const tables = Array.from({ length: 12 }, (_, index) => `rtb-0${index.toString(16)}a1b2c3d4e5f607${index % 10}`);

/**
 * A fleet with a table in every phase, produced by the real reconciler: statuses, history and sweep record.
 *
 * @param words the free text of people, in actors and user agents
 */
export async function eventfulFleet(
  words: Partial<Actor> = {},
): Promise<{ readonly fleet: Fleet; readonly tables: readonly TableView[] }> {
  const world = new InMemoryWorld();
  const { ec2, desired, clock } = world;
  ec2.scenery.vpc(vpc, { blocks: ['10.0.0.0/16'], subnets: ['10.0.1.0/24'] });
  for (const target of [...Object.values(usual), 'pcx-0ffffffffffffffff', 'igw-0a1b2c3d4e5f60718'])
    ec2.scenery.target(target, { vpcs: [vpc] });
  for (const [index, id] of tables.entries()) {
    ec2.scenery.table(id, { routes: usual, vpc, tags: { Name: `private-${index}` } });
    if (index % 4 === 0) ec2.scenery.propagate(id, '10.99.0.0/16');
    desired.put({ ...item(usual), routeTableId: id });
    await world.settle(id);
  }
  const [failed, blocked, contested, invalid, missing, watched, healed, unseen] = tables.map(String);

  const drift = async (
    id = '',
    who: Actor = { arn: '' },
    destination = '10.20.0.0/16',
    target = 'igw-0a1b2c3d4e5f60718',
  ) => {
    ec2.scenery.route(id, destination, target);
    const time = world.now().toISOString();
    clock.advance(1_400);
    const call = {
      id: `event-${id}-${time}`,
      name: 'ReplaceRoute',
      time,
      actor: { ...who, ...words },
      destination,
      target,
    };
    await world.event(call, id);
    clock.advance(8 * second);
    await world.reconcile({ kind: 'requeue' }, id);
    clock.advance(3 * minute);
  };

  await drift(healed, people['alice']);
  await drift(healed, people['pipeline'], '0.0.0.0/0');
  ec2.scenery.removeRoute(unseen ?? '', '10.21.0.0/16');
  // It is there, but not for the route API.
  ec2.scenery.target('pcx-0dddddddddddddddd', { vpcs: [vpc] });
  world.faults.strike(
    { action: 'CreateRoute', naming: 'pcx-0dddddddddddddddd' },
    { refused: { code: 'InvalidVpcPeeringConnectionID.NotFound' } },
  );
  desired.put({ ...item({ ...usual, '10.40.0.0/16': 'pcx-0dddddddddddddddd' }), routeTableId: `${failed}` });
  for (let index = 0; index < 11; index++)
    ec2.scenery.route(`${blocked}`, `192.168.${index}.0/24`, 'igw-0a1b2c3d4e5f60718');
  await drift(blocked, people['alice']);
  for (let round = 0; round < 7; round++) await drift(contested, people['legacy'], '10.21.0.0/16');
  desired.put({ routeTableId: `${invalid}`, routes: [{ destination: '10.20.0.0', target: 'nat' }] });
  ec2.scenery.deleteTable(`${missing}`);
  desired.put({ ...item(usual, { mode: 'observe' }), routeTableId: `${watched}` });
  ec2.scenery.route(`${watched}`, '10.20.0.0/16', 'igw-0a1b2c3d4e5f60718');
  await sweep(world, world.invocation(), 5 * minute);
  clock.advance(40 * second);

  const calls = new Map<string, readonly ReportedCall[]>();
  for (const id of tables) calls.set(id, await world.evidence.of(id, new Date(0)));
  const now = world.now();
  const sweepRecord = await world.states.readSweep();
  const known = tables.map((routeTableId) => ({
    routeTableId,
    status: world.states.status(routeTableId),
    orders: world.orders.of(routeTableId),
  }));
  // The sweep could not read the last table.
  const last = `${tables.at(-1)}`;
  const unknown = {
    count: 1,
    first: [{ routeTableId: last, reason: 'RequestLimitExceeded: Request limit exceeded.' }],
  };
  return {
    fleet: { tables: known, sweep: sweepRecord && { ...sweepRecord, unknown }, stops: [], now },
    tables: known.map(({ routeTableId, status }) => ({
      routeTableId,
      status,
      runs: world.states.runs(routeTableId).toReversed(),
      calls: calls.get(routeTableId) ?? [],
      sweep: sweepRecord,
      now,
    })),
  };
}
