import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { type item, routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Routes that others make or retarget, and that the plan leaves alone.

const minute = 60_000;
const listed = '10.20.0.0/16';
const inside = '10.20.7.0/24';
const apart = '10.99.0.0/16';
const everything = '0.0.0.0/0';
const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const routes = { [listed]: 'pcx-aaaaaaaa', [everything]: 'igw-aaaaaaaa' };
const keep = { unlisted: 'keep' } as const;
const ignoring = { ignore: [{ target: 'tgw-*', reason: 'theirs' }] };

type Fields = Parameters<typeof item>[1];

/** A table that was read under its policy. */
async function watched(
  fields: Fields = {},
  listing: Readonly<Record<string, string>> = routes,
): Promise<InMemoryWorld> {
  const world = await inSync(listing);
  await edit(world, listing, fields);
  world.clock.advance(minute);
  await world.reconcile({ kind: 'requeue' });
  return world;
}

async function edit(
  world: InMemoryWorld,
  listing: Readonly<Record<string, string>>,
  fields: Fields = {},
): Promise<void> {
  world.desire(listing, fields);
  await world.reconcile({ kind: 'desired' });
}

async function sweepLater(world: InMemoryWorld): Promise<void> {
  world.clock.advance(5 * minute);
  await sweep(world, world.invocation());
}

/** Somebody gives a destination this target, and a sweep finds it. */
async function others(world: InMemoryWorld, destination: string, target = 'tgw-aaaaaaaa'): Promise<void> {
  world.ec2.scenery.route(routeTableId, destination, target);
  await sweepLater(world);
}

const events = (world: InMemoryWorld) =>
  world.announcer.news
    .flatMap(({ events }) => events)
    .filter((event): event is Extract<DomainEvent, { type: 'Route Left Alone' }> => event.type === 'Route Left Alone')
    .map(({ detail }) => detail);

/** What was announced, route by route. */
const announced = (world: InMemoryWorld) =>
  events(world).flatMap(({ routes }) => routes.map(({ destination, target, was }) => ({ destination, target, was })));

describe('a route that others make and the plan leaves alone is announced', () => {
  it.each<[string, Fields, string]>([
    ['out-of-scope', { scope: [listed] }, apart],
    ['unlisted-kept', keep, apart],
    ['ignored', ignoring, inside],
    ['ignored', ignoring, '8.8.8.0/24'],
    ['ignored', ignoring, 'pl-aaaaaaaa'],
  ])('as %s', async (reason, fields, destination) => {
    const world = await watched(fields, { [listed]: 'pcx-aaaaaaaa' });
    await others(world, destination);
    expect(events(world)).toMatchObject([
      { routes: [{ destination, target: 'tgw-aaaaaaaa', reason, actor: 'unattributed' }] },
    ]);
    expect(world.announcer.values('RoutesLeftAlone')).toEqual([1]);
  });

  it('as ignored, with a message, if it is the local route with another target', async () => {
    const world = await watched(ignoring);
    world.ec2.scenery.route(routeTableId, '10.0.0.0/16', 'tgw-aaaaaaaa', { origin: 'CreateRouteTable' });
    await sweepLater(world);
    expect(announced(world)).toEqual([{ destination: '10.0.0.0/16', target: 'tgw-aaaaaaaa', was: 'local' }]);
    expect(events(world)[0]?.message?.what).toContain('(before: local; ignored)');
  });

  it('as maybe-not-ours at a listed destination that was never seen as listed', async () => {
    const world = await watched(keep, { [everything]: 'igw-aaaaaaaa' });
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    await others(world, listed, 'pcx-bbbbbbbb');
    world.ec2.scenery.route(routeTableId, listed, 'eni-ffffffff');
    await edit(world, routes, keep);
    expect(events(world).at(-1)).toMatchObject({
      routes: [{ destination: listed, target: 'eni-ffffffff', was: 'pcx-bbbbbbbb', reason: 'maybe-not-ours' }],
    });
  });

  it('with the caller whose call made it, and with the target before', async () => {
    const world = await watched(keep);
    await others(world, apart, 'pcx-bbbbbbbb');
    world.ec2.scenery.route(routeTableId, apart, 'tgw-aaaaaaaa');
    const time = world.now().toISOString();
    await world.event({
      id: 'call-1',
      name: 'ReplaceRoute',
      time,
      actor: alice,
      destination: apart,
      target: 'tgw-aaaaaaaa',
    });
    expect(events(world).at(-1)).toMatchObject({ routes: [{ was: 'pcx-bbbbbbbb', actor: alice }] });
  });

  it('without a caller whose call was long before the last read, or asked for another target', async () => {
    const world = await watched(keep);
    const time = world.now().toISOString();
    await others(world, '10.97.0.0/16');
    world.ec2.scenery.route(routeTableId, apart, 'tgw-aaaaaaaa');
    await world.event({
      id: 'call-1',
      name: 'CreateRoute',
      time,
      actor: alice,
      destination: apart,
      target: 'tgw-aaaaaaaa',
    });
    world.ec2.scenery.route(routeTableId, '10.98.0.0/16', 'tgw-aaaaaaaa');
    await world.event({
      id: 'call-2',
      name: 'CreateRoute',
      time: world.now().toISOString(),
      actor: alice,
      destination: '10.98.0.0/16',
      target: 'pcx-aaaaaaaa',
    });
    expect(events(world).flatMap(({ routes }) => routes.map(({ actor }) => actor))).toEqual([
      'unattributed',
      'unattributed',
      'unattributed',
    ]);
  });

  it('once, and again when it is retargeted, or deleted and made again', async () => {
    const world = await watched(keep);
    await others(world, apart);
    await sweepLater(world);
    expect(announced(world)).toHaveLength(1);
    await others(world, apart, 'pcx-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, apart);
    await sweepLater(world);
    await others(world, apart, 'pcx-aaaaaaaa');
    expect(announced(world)).toEqual([
      { destination: apart, target: 'tgw-aaaaaaaa' },
      { destination: apart, target: 'pcx-aaaaaaaa', was: 'tgw-aaaaaaaa' },
      { destination: apart, target: 'pcx-aaaaaaaa' },
    ]);
  });

  it('in one event with the first 100 of many, those that may take listed traffic first', async () => {
    const world = await watched(keep);
    for (let index = 0; index < 120; index++)
      world.ec2.scenery.route(routeTableId, `10.99.${index}.0/24`, 'pcx-aaaaaaaa');
    await others(world, inside);
    const [event] = events(world);
    expect(event?.routes).toHaveLength(100);
    expect(event?.routes[0]).toMatchObject({ destination: inside, takesTraffic: true });
    expect(event?.moreRoutes).toBe(21);
    expect(event?.message?.what).toMatch(/; and 111 more$/);
  });
});

describe('a person gets a message', () => {
  it.each<[string, string]>([
    ['inside a listed destination', inside],
    ['to a public destination', '128.0.0.0/1'],
    ['to a prefix list, which may hold anything', 'pl-aaaaaaaa'],
  ])('for a route %s', async (_, destination) => {
    const world = await watched(keep);
    await others(world, destination);
    expect(events(world)[0]?.message?.what).toContain(`${destination} leads to tgw-aaaaaaaa (new; unlisted-kept)`);
  });

  it.each<[string, string, string]>([
    ['other private routes, which take no listed traffic', apart, 'tgw-aaaaaaaa'],
    ['routes of gateway endpoints', 'pl-aaaaaaaa', 'vpce-aaaaaaaa'],
  ])('not for %s', async (_, destination, target) => {
    const world = await watched(keep);
    await others(world, destination, target);
    expect(events(world)).toHaveLength(1);
    expect(events(world)[0]).not.toHaveProperty('message');
  });
});

describe('no route is announced as left alone', () => {
  it('because it is ignored and private, whatever default route is listed', async () => {
    const world = await watched(ignoring);
    await others(world, apart);
    expect(announced(world)).toEqual([]);
  });

  it('because it stood when the table was adopted', async () => {
    const world = await watched(keep);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, apart, 'tgw-aaaaaaaa');
    await edit(world, routes, keep);
    expect(announced(world)).toEqual([]);
  });

  it('because an edit leaves it alone from now on', async () => {
    const world = await watched({ maxDeletes: 0 });
    await others(world, apart);
    world.clock.advance(minute);
    await edit(world, routes, keep);
    expect(announced(world)).toEqual([]);
  });

  it('because we wrote it before an edit took it out of the item', async () => {
    const world = await watched();
    await edit(world, { ...routes, [apart]: 'tgw-aaaaaaaa' });
    world.clock.advance(minute);
    await edit(world, routes, { ...keep, scope: [listed, everything] });
    expect(announced(world)).toEqual([]);
  });

  it('because others gave a held destination the target that is listed', async () => {
    const world = await watched({ mode: 'observe' });
    world.ec2.scenery.route(routeTableId, listed, 'tgw-aaaaaaaa');
    await sweepLater(world);
    await edit(world, routes, { ignore: [{ destination: listed, until: '2099-01-01T00:00:00Z', reason: 'x' }] });
    await others(world, listed, 'pcx-aaaaaaaa');
    expect(announced(world)).toEqual([]);
  });
});

describe('a working route that others gave another target while its listed target is down', () => {
  const moved = async (fields: Fields = {}): Promise<InMemoryWorld> => {
    const world = await watched(fields);
    world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await others(world, listed);
    return world;
  };
  const down = ({ announcer }: InMemoryWorld) =>
    announcer.news.flatMap(({ events }) => events).filter(({ detail }) => 'code' in detail);

  it('is announced once, as target-down', async () => {
    const world = await moved();
    expect(down(world)).toMatchObject([{ detail: { code: 'target-down', failures: [{ destination: listed }] } }]);
    expect(announced(world)).toEqual([]);
  });

  it('is announced as left alone if they move it again, or if nothing may be changed', async () => {
    const world = await moved();
    await others(world, listed, 'pcx-bbbbbbbb');
    expect(announced(world)).toEqual([{ destination: listed, target: 'pcx-bbbbbbbb', was: 'tgw-aaaaaaaa' }]);
    const observed = await moved({ mode: 'observe' });
    expect(down(observed)).toEqual([]);
    expect(events(observed)).toMatchObject([{ routes: [{ destination: listed, reason: 'target-down' }] }]);
  });
});
