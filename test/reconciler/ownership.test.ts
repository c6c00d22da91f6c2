import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import { leaseMs } from '../../reconciler/lease.ts';
import { sweep } from '../../reconciler/sweep.ts';
import type { BlockCode } from '../../reconciler/core/memory/memory.ts';
import { desired as desiredTable, minutesAfter, routeTableId } from '../support/builders.ts';
import { type CallGiven, InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// A route that appeared is deleted. The delete of a route that may belong to somebody else waits. Everything is announced.

const minute = 60_000;
const day = 24 * 60 * minute;
const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const withDefault = { ...two, '0.0.0.0/0': 'nat-aaaaaaaa' };
const rogue = '10.99.0.0/16';
const mallory = { arn: 'arn:aws:iam::111122223333:user/mallory' };

/** The destinations whose deletes wait, with the reason. */
const waiting = ({ status }: InMemoryWorld): Record<string, BlockCode> =>
  Object.fromEntries((status().plan?.blocked?.deletes ?? []).map(({ destination, code }) => [destination, code]));

const routesIn = ({ ec2 }: InMemoryWorld): Record<string, string> => ec2.scenery.routesOf(routeTableId);

const blockedEvent = 'Route Plan Blocked (entered)';

/** The message of each announcement of a kind: what happened, and who did it. */
const messages = ({ announcer }: InMemoryWorld, type: DomainEvent['type']): (readonly [string, string])[] =>
  announcer.news
    .flatMap(({ events }) => events)
    .flatMap(({ type: is, detail: { message } }) =>
      is === type && message ? [[message.what, message.who] as const] : [],
    );

/** Mallory creates a route or gives it another target, and an event reports that. */
async function makes(
  world: InMemoryWorld,
  name: 'CreateRoute' | 'ReplaceRoute',
  destination: string,
  target: string,
): Promise<void> {
  world.ec2.scenery.route(routeTableId, destination, target);
  await world.event({ name, destination, target, actor: mallory });
}

it('a local route that somebody retargets is repaired with LocalTarget, and the status names the actor', async () => {
  const world = await inSync(two);
  world.ec2.scenery.target('eni-eeeeeeee');
  world.ec2.scenery.route(routeTableId, '10.0.0.0/16', 'eni-eeeeeeee', { origin: 'CreateRouteTable' });
  await world.event({ name: 'ReplaceRoute', destination: '10.0.0.0/16', target: 'eni-eeeeeeee', actor: mallory });
  expect(world.ec2.journal.mutations).toMatchObject([
    { action: 'ReplaceRoute', input: { DestinationCidrBlock: '10.0.0.0/16', LocalTarget: true } },
  ]);
  world.clock.advance(minute);
  await world.reconcile();
  expect(world.status()).toMatchObject({ phase: 'InSync', lastDrift: { actor: mallory } });
  expect(world.announcer.events).toEqual(['Route Drift Detected', 'Route Drift Healed']);
});

it.each<[string, string, Parameters<InMemoryWorld['desire']>[1]]>([
  ['10.0.0.0/16', 'nat-aaaaaaaa', {}],
  ['2001:db8:1::/56', 'eni-eeeeeeee', {}],
  ['10.0.0.0/16', 'eni-eeeeeeee', { unlisted: 'keep' }],
  ['10.0.0.0/16', 'eni-ffffffff', { unlisted: 'keep' }],
])('the local route %s that leads to %s is put back by a sweep, under %o', async (destination, target, fields) => {
  const world = new InMemoryWorld();
  world.ec2.scenery.table(routeTableId, { routes: two });
  world.ec2.scenery.route(routeTableId, destination, 'local', { origin: 'CreateRouteTable' });
  world.ec2.scenery.foreignInterface('eni-ffffffff');
  world.desire(two, fields);
  await world.settle();
  world.ec2.scenery.route(routeTableId, destination, target, { origin: 'CreateRouteTable' });
  await world.reconcile();
  expect(world.ec2.journal.mutations).toMatchObject([{ action: 'ReplaceRoute', input: { LocalTarget: true } }]);
  expect(messages(world, 'Route Drift Detected')).toEqual([
    [`${destination} leads to ${target} (listed with local)`, expect.stringContaining('unattributed')],
  ]);
});

describe.each(['kubernetes.io/cluster/x', 'KubernetesCluster', 'AmazonFSx'])('a table that mallory tags %s', (tag) => {
  const tagged = async (...destinations: readonly string[]): Promise<InMemoryWorld> => {
    const world = await inSync(two);
    world.ec2.scenery.tag(routeTableId, { [tag]: 'owned' });
    await world.event({ name: 'CreateTags', actor: mallory });
    for (const destination of destinations) await makes(world, 'CreateRoute', destination, 'eni-eeeeeeee');
    return world;
  };

  it.each([
    ['0.0.0.0/1', '128.0.0.0/1'],
    ['::/1', '8000::/1'],
  ])('loses her routes to %s and %s: doubt does not protect public destinations', async (...halves) => {
    const world = await tagged(...halves);
    expect(world.ec2.journal.lines).toEqual(halves.map((half) => `DeleteRoute ${half}`));
    expect(messages(world, 'Route Drift Detected')).toEqual(
      halves.map((half) => [`${half} leads to eni-eeeeeeee and is not listed`, mallory.arn]),
    );
  });

  it.each(['10.200.7.0/24', 'fd00:9::/48', 'pl-aaaaaaaa'])(
    'keeps her route to the private %s until a person decides, and a message says why',
    async (destination) => {
      const world = await tagged(destination);
      expect(world.ec2.journal.mutations).toEqual([]);
      expect(waiting(world)).toEqual({ [destination]: 'maybe-not-ours' });
      expect(messages(world, 'Route Plan Blocked')).toEqual([
        [expect.stringContaining(`${destination} leads to an interface in a table tagged ${tag}`), mallory.arn],
      ]);
    },
  );
});

it('a new route to a detached interface is announced at once, and is deleted when the interface is our own', async () => {
  const world = await inSync(two);
  world.ec2.scenery.interface('eni-eeeeeeee');
  await makes(world, 'CreateRoute', rogue, 'eni-eeeeeeee');
  expect(waiting(world)).toEqual({ [rogue]: 'maybe-not-ours' });
  expect(messages(world, 'Route Plan Blocked')).toEqual([
    [expect.stringContaining(`${rogue} leads to a detached interface`), mallory.arn],
  ]);
  world.clock.advance(minute);
  world.ec2.scenery.interface('eni-eeeeeeee', { instanceId: 'i-eeeeeeee' });
  await world.event({ name: 'AttachNetworkInterface' });
  expect(routesIn(world)).toEqual(two);
  expect(world.states.runs(routeTableId).at(-1)?.outcome).toMatchObject([{ result: 'done', actor: mallory }]);
});

it("a new route to another account's interface waits, and is deleted once it leads to an internet gateway", async () => {
  const world = await inSync(two);
  world.ec2.scenery.foreignInterface('eni-ffffffff');
  await makes(world, 'CreateRoute', rogue, 'eni-ffffffff');
  expect(waiting(world)).toEqual({ [rogue]: 'maybe-not-ours' });
  expect(messages(world, 'Route Plan Blocked')).toEqual([
    [expect.stringContaining(`${rogue} leads to an interface of account`), mallory.arn],
  ]);
  world.clock.advance(minute);
  await makes(world, 'ReplaceRoute', rogue, 'igw-aaaaaaaa');
  expect(routesIn(world)).toEqual(two);
  expect(messages(world, 'Route Drift Detected').at(-1)).toEqual([
    `${rogue} leads to igw-aaaaaaaa and is not listed`,
    mallory.arn,
  ]);
});

it("a listed default route is repaired after somebody leads it to another account's interface", async () => {
  const world = await inSync(withDefault);
  world.ec2.scenery.foreignInterface('eni-ffffffff');
  world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { refused: { code: 'RequestLimitExceeded' } });
  await makes(world, 'ReplaceRoute', '0.0.0.0/0', 'eni-ffffffff');
  world.clock.advance(minute);
  await world.reconcile();
  expect(routesIn(world)).toEqual(withDefault);
  expect(messages(world, 'Route Drift Detected')).toEqual([
    ['0.0.0.0/0 leads to eni-ffffffff (listed with nat-aaaaaaaa)', mallory.arn],
  ]);
});

it('deletes of the blackholes of terminated nodes wait, and one approval permits them all', async () => {
  const world = new InMemoryWorld();
  const pods = { '10.200.1.0/24': 'eni-eeeeeee1', '10.200.2.0/24': 'eni-eeeeeee2' };
  world.ec2.scenery.table(routeTableId, { routes: { ...two, ...pods } });
  for (const eni of Object.values(pods)) world.ec2.scenery.vanish(eni);
  world.desire(two);
  for (let days = 0; days < 3; days++) {
    await world.reconcile();
    world.clock.advance(day);
  }
  expect(waiting(world)).toEqual({ '10.200.1.0/24': 'maybe-not-ours', '10.200.2.0/24': 'maybe-not-ours' });
  world.orders.put(routeTableId, 'approval', {
    routes: Object.entries(pods).map(([destination, target]) => ({ destination, target })),
    by: 'alice',
    at: world.now().toISOString(),
    until: minutesAfter(60, world.now()).toISOString(),
    desiredHash: desiredHash(desiredTable(two)),
  });
  await world.reconcile({ kind: 'person' });
  expect(routesIn(world)).toEqual(two);
});

it('100 rogue routes in a minute are all deleted, in spite of throttling', async () => {
  const world = await inSync(two);
  for (let n = 0; n < 100; n++) world.ec2.scenery.route(routeTableId, `10.99.${n}.0/24`, 'tgw-aaaaaaaa');
  world.faults.strike({ action: 'DeleteRoute', after: 7, times: 1 }, { refused: { code: 'RequestLimitExceeded' } });
  await world.event({ name: 'CreateRoute' });
  expect(Object.keys(routesIn(world)).length).toBeGreaterThan(2);
  for (let looks = 0; looks < 5; looks++) {
    world.clock.advance(5 * minute);
    await world.reconcile();
  }
  expect(routesIn(world)).toEqual(two);
});

it('100 rogue routes are all deleted, although a function dies and mallory makes one of them again and again', async () => {
  const world = await inSync(two);
  const makes = async (reconciles: (call: CallGiven) => Promise<unknown>): Promise<void> => {
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    await reconciles({ name: 'CreateRoute', destination: rogue, target: 'tgw-aaaaaaaa', actor: mallory });
  };
  for (let n = 0; n < 99; n++) {
    const [destination, target] = [`10.99.${n}.0/24`, 'tgw-aaaaaaaa'];
    world.ec2.scenery.route(routeTableId, destination, target);
    const call = world.callOf({ name: 'CreateRoute', destination, target, actor: mallory });
    await world.evidence.keep([{ routeTableId, call }]);
  }
  world.faults.strike({ action: 'DeleteRoute', after: 20 }, { refused: { code: 'RequestLimitExceeded' } });
  await makes(world.deadlyEvent);
  expect(Object.keys(routesIn(world))).toHaveLength(2 + 100 - 20);
  world.faults.clear();
  world.clock.advance(leaseMs);
  for (let round = 0; round < 7; round++) {
    await makes(world.event);
    world.clock.advance(minute);
  }
  expect(world.status()).toMatchObject({ phase: 'Contested', contested: [{ destination: rogue, by: [mallory] }] });
  world.clock.advance(60 * minute);
  await world.reconcile();
  expect(routesIn(world)).toEqual(two);
  const all = [rogue, ...Array.from({ length: 99 }, (_, n) => `10.99.${n}.0/24`)];
  expect(driftAnnounced(world)).toEqual(new Set(all));
});

/** The destinations that announcements of drift name. */
const driftAnnounced = ({ announcer }: InMemoryWorld): ReadonlySet<string> =>
  new Set(
    announcer.news
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === 'Route Drift Detected')
      .flatMap(({ detail }) => detail.changes.map(({ destination }) => destination)),
  );

describe('a route that existed when the table was adopted', () => {
  const old = '10.98.0.0/16';
  const adopted = async (): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: { ...two, [old]: 'tgw-aaaaaaaa' } });
    world.desire(two);
    for (const _ of [1, 2]) {
      await world.reconcile();
      world.clock.advance(minute);
    }
    return world;
  };

  it('is not deleted without approval, and does not delay the delete of a new rogue route', async () => {
    const world = await adopted();
    await makes(world, 'CreateRoute', rogue, 'tgw-aaaaaaaa');
    expect(routesIn(world)).toEqual({ ...two, [old]: 'tgw-aaaaaaaa' });
    expect(waiting(world)).toEqual({ [old]: 'first-deletes' });
    expect(messages(world, 'Route Drift Detected')).toEqual([
      [`${rogue} leads to tgw-aaaaaaaa and is not listed`, mallory.arn],
    ]);
  });

  it('still needs approval after its owner moves it to another target, and that is announced', async () => {
    const world = await adopted();
    await makes(world, 'ReplaceRoute', old, 'pcx-aaaaaaaa');
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(waiting(world)).toEqual({ [old]: 'first-deletes' });
    expect(messages(world, 'Route Drift Detected')).toEqual([
      [`${old} leads to pcx-aaaaaaaa and is not listed`, mallory.arn],
    ]);
  });
});

describe('deletes of routes that came while the table was not watched', () => {
  it('wait if the reconciler was away for 60 days, even for the default route', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.ec2.scenery.route(routeTableId, '0.0.0.0/0', 'nat-aaaaaaaa');
    world.clock.advance(60 * day);
    for (const _ of [1, 2, 3]) {
      await world.reconcile();
      world.clock.advance(minute);
    }
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(waiting(world)).toEqual({ '0.0.0.0/0': 'first-deletes', [rogue]: 'first-deletes' });
  });

  it('wait when the memory of weeks ago is restored from a backup, the default route too', async () => {
    const world = await inSync(two);
    const restore = world.states.backup();
    world.clock.advance(21 * day);
    await world.reconcile();
    world.clock.advance(minute);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.ec2.scenery.route(routeTableId, '0.0.0.0/0', 'nat-aaaaaaaa');
    restore();
    for (const _ of [1, 2, 3]) {
      await world.reconcile();
      world.clock.advance(minute);
    }
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(waiting(world)).toEqual({ '0.0.0.0/0': 'first-deletes', [rogue]: 'first-deletes' });
    expect(world.announcer.events).toContain(blockedEvent);
    world.clock.advance(minute);
    world.ec2.scenery.route(routeTableId, '10.97.0.0/16', 'tgw-aaaaaaaa');
    await world.event({ name: 'CreateRoute' });
    expect(world.ec2.journal.lines).toEqual(['DeleteRoute 10.97.0.0/16']);
  });

  it('wait if the last believed read is too old, although a sweep has read the table since and did not believe it', async () => {
    const world = await inSync(two);
    const every = 5 * minute;
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(10_000);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 20_000 });
    await sweep(world, world.invocation(), every);
    expect(world.status().phase).toBe('Verifying');
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    // The last read that was believed is older than three intervals now, and that sweep is not.
    world.clock.advance(3 * every - 5_000);
    await world.reconcile();
    expect(world.ec2.journal.lines).toEqual(['CreateRoute 10.22.0.0/16 pcx-aaaaaaaa']);
    expect(waiting(world)).toEqual({ [rogue]: 'first-deletes' });
  });

  it('wait if the routes came just before adoption and the first read did not show them', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: two });
    world.desire(two);
    world.clock.advance(minute);
    world.ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    world.clock.advance(2_000);
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { staleMs: 3_000 });
    for (const _ of [1, 2, 3]) {
      await world.reconcile();
      world.clock.advance(minute);
    }
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(waiting(world)).toEqual({ [rogue]: 'first-deletes' });
  });
});
