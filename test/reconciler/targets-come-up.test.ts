import { describe, expect, it } from 'vitest';
import { ec2Call } from '../../reconciler/aws/ec2/cloudtrail.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { reconcileConcerned } from '../../reconciler/wake.ts';
import { minutesAfter, ownerId, routeTableId } from '../support/builders.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';
import { minute, second, two } from './news/given.ts';

// A route is created soon after what it needs is there: its target, an attachment, a subnet, or room in the table.

/** A table in sync, and an item that lists one more route. */
async function listing(destination: string, target: string, options = {}): Promise<InMemoryWorld> {
  const world = new InMemoryWorld(options);
  world.ec2.scenery.table(routeTableId, { routes: two });
  world.desire({ ...two, [destination]: target });
  await world.reconcile({ kind: 'desired' });
  expect(world.status().phase).toBe('Failed');
  return world;
}

/** Lets time pass: messages arrive when they are due, and a sweep comes every 5 minutes. */
async function pass(world: InMemoryWorld, ms: number, sweepEveryMs = 5 * minute): Promise<void> {
  const end = world.now().getTime() + ms;
  const nextSweep = (): number => (Math.floor(world.now().getTime() / sweepEveryMs) + 1) * sweepEveryMs;
  while (true) {
    const due = Math.min(...world.requeue.sent.map(({ dueAt }) => dueAt.getTime()));
    const [at, isMessage] = due <= nextSweep() ? [due, true] : [nextSweep(), false];
    if (at > end) break;
    world.clock.advance(Math.max(0, at - world.now().getTime()));
    if (isMessage) {
      const index = world.requeue.sent.findIndex(({ dueAt }) => dueAt.getTime() === due);
      const [sent] = world.requeue.sent.splice(index, 1);
      if (sent) await reconcileAgain(sent.message, `message-${at}`, world, world.invocation());
    } else await sweep(world, world.invocation(), sweepEveryMs);
  }
  world.clock.advance(end - world.now().getTime());
}

let events = 0;

/** A call as EventBridge delivers it. */
async function called(
  world: InMemoryWorld,
  eventName: string,
  requestParameters: object,
  responseElements: object = {},
): Promise<void> {
  const time = world.now().toISOString().replace(/\.\d+/, '');
  const event = {
    'detail-type': 'AWS API Call via CloudTrail',
    detail: {
      eventSource: 'ec2.amazonaws.com',
      eventName,
      eventTime: time,
      eventID: `event-${++events}`,
      recipientAccountId: ownerId,
      requestParameters,
      responseElements,
    },
  };
  const call = ec2Call(event, ownerId);
  if (call) await reconcileConcerned(call, world, world.invocation());
}

const isThere = ({ ec2 }: InMemoryWorld, destination: string): boolean =>
  destination in ec2.scenery.routesOf(routeTableId);

/** How long it takes until the route is created, in milliseconds. */
async function msUntilCreated(world: InMemoryWorld, destination: string, atMost: number): Promise<number> {
  const from = world.now().getTime();
  while (!isThere(world, destination) && world.now().getTime() - from < atMost) await pass(world, second);
  return world.now().getTime() - from;
}

const [outside, inside] = ['10.22.0.0/16', '10.0.1.0/24'];

describe('a transit gateway', () => {
  const attach = (world: InMemoryWorld): Promise<void> =>
    called(world, 'CreateTransitGatewayVpcAttachment', {
      CreateTransitGatewayVpcAttachmentRequest: { VpcId: 'vpc-aaaaaaaa', TransitGatewayId: 'tgw-cccccccc' },
    });
  const unattached = async (): Promise<InMemoryWorld> => {
    const world = await listing(outside, 'tgw-cccccccc');
    world.ec2.scenery.target('tgw-cccccccc', { vpcs: [] });
    return world;
  };

  it.each([0.5, 2, 5, 7])(
    'that is available %f minutes after the call that attaches it is used within a minute, although its route was listed half an hour before',
    async (minutes) => {
      const world = await unattached();
      await pass(world, 31 * minute + 7 * second);
      await attach(world);
      await pass(world, minutes * minute);
      expect(isThere(world, outside)).toBe(false);
      world.ec2.scenery.target('tgw-cccccccc');
      expect(await msUntilCreated(world, outside, hour)).toBeLessThanOrEqual(minute);
      await pass(world, 10 * second);
      expect(world.status().phase).toBe('InSync');
    },
  );

  it.each([5, 10, 20, 30, 40])(
    'is used within a minute, although another route waits for its own gateway since %f s earlier',
    async (seconds) => {
      const world = await unattached();
      world.ec2.scenery.target('tgw-dddddddd', { vpcs: [] });
      await pass(world, 31 * minute + 7 * second);
      world.desire({ ...two, [outside]: 'tgw-cccccccc', '10.23.0.0/16': 'tgw-dddddddd' });
      await world.reconcile({ kind: 'desired' });
      await pass(world, minute + seconds * second);
      await attach(world);
      // No sweep comes: its message would begin a new chain.
      await pass(world, 4 * minute, hour);
      world.ec2.scenery.target('tgw-cccccccc');
      expect(await msUntilCreated(world, outside, minute)).toBeLessThan(minute);
    },
  );

  it('that no event reports is used within a sweep', async () => {
    const world = await unattached();
    await pass(world, 31 * minute + 7 * second);
    world.ec2.scenery.target('tgw-cccccccc');
    expect(await msUntilCreated(world, outside, hour)).toBeLessThanOrEqual(5 * minute);
  });

  it('is waited for with few messages: no chain is longer than 12', async () => {
    const world = await unattached();
    const hops: number[] = [];
    const send = world.requeue.send.bind(world.requeue);
    world.requeue.send = (message, delayMs) => {
      hops.push(message.hop);
      return send(message, delayMs);
    };
    await pass(world, 12 * minute, hour);
    expect(Math.max(...hops)).toBe(12);
    expect(world.requeue.sent).toEqual([]);
    // The sequence is over, and now only sweeps try.
    expect(world.status()).not.toHaveProperty('nextRetry');
  });

  it('is not asked for by events about other things', async () => {
    const world = await unattached();
    await pass(world, 31 * minute);
    world.ec2.scenery.target('tgw-cccccccc');
    world.forget();
    for (let calls = 0; calls < 3; calls++) await world.event({ name: 'CreateRoute', destination: '10.20.0.0/16' });
    expect(world.ec2.journal.mutations).toEqual([]);
  });
});

describe('an internet gateway', () => {
  const answer = 'route table rtb-aaaaaaaa and network gateway igw-cccccccc belong to different networks';

  it('that was attached a moment ago is used within seconds, though EC2 says that it is in another network', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: two });
    world.ec2.scenery.target('igw-cccccccc');
    world.faults.strike(
      { action: 'CreateRoute', times: 1 },
      { refused: { code: 'InvalidParameterValue', message: answer } },
    );
    world.desire({ ...two, '0.0.0.0/0': 'igw-cccccccc' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().failures).toMatchObject([
      { kind: 'not-ready', remedy: expect.stringContaining('attach the internet gateway to the VPC of this table') },
    ]);
    expect(await msUntilCreated(world, '0.0.0.0/0', hour)).toBeLessThanOrEqual(20 * second);
  });

  it('that is attached a moment later is used within seconds', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: two });
    world.ec2.scenery.detach('igw-cccccccc');
    world.desire({ ...two, '0.0.0.0/0': 'igw-cccccccc' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().failures).toMatchObject([
      { kind: 'not-ready', remedy: expect.stringContaining('attach igw-cccccccc to the VPC of this table') },
    ]);
    world.clock.advance(3 * second);
    world.ec2.scenery.target('igw-cccccccc');
    expect(await msUntilCreated(world, '0.0.0.0/0', hour)).toBeLessThanOrEqual(15 * second);
  });

  it('that is attached days later is used as soon as the call is reported', async () => {
    const world = await listing('0.0.0.0/0', 'igw-cccccccc');
    await pass(world, 3 * hour, hour);
    world.ec2.scenery.target('igw-cccccccc');
    await called(world, 'AttachInternetGateway', { internetGatewayId: 'igw-cccccccc', vpcId: 'vpc-aaaaaaaa' });
    expect(isThere(world, '0.0.0.0/0')).toBe(true);
  });
});

describe('a route inside the VPC, listed before its subnet exists', () => {
  const early = async (): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: two });
    world.ec2.scenery.target('nat-cccccccc');
    world.desire({ ...two, [inside]: 'nat-cccccccc' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status().failures).toMatchObject([{ kind: 'rejected', code: 'InvalidParameterValue' }]);
    await pass(world, 3 * hour + 7 * minute);
    expect(isThere(world, inside)).toBe(false);
    world.ec2.scenery.vpc('vpc-aaaaaaaa', { subnets: [inside] });
    return world;
  };

  it('is created when the subnet is', async () => {
    const world = await early();
    await called(world, 'CreateSubnet', { vpcId: 'vpc-aaaaaaaa', cidrBlock: inside });
    expect(isThere(world, inside)).toBe(true);
  });

  it('is created within an hour if no event reports the subnet', async () => {
    const world = await early();
    expect(await msUntilCreated(world, inside, 2 * hour)).toBeLessThanOrEqual(hour);
  });
});

describe('a full table', () => {
  it('gets its route when others delete one', async () => {
    const world = await listing(outside, 'pcx-aaaaaaaa', { routesPerFamily: 2 });
    await pass(world, 3 * hour + 7 * minute);
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa', [outside]: 'pcx-aaaaaaaa' });
    // The record of the edit is lost. The other route goes by hand.
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    await world.event({ name: 'DeleteRoute', destination: '10.21.0.0/16' });
    expect(isThere(world, outside)).toBe(true);
  });
});

describe('a table that EC2 does not let us write', () => {
  const denied = async (): Promise<InMemoryWorld> => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes: two });
    world.ec2.scenery.target('tgw-aaaaaaaa');
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'UnauthorizedOperation' } });
    world.desire({ ...two, [outside]: 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    return world;
  };

  it('is left alone until the next sweep, whatever others change', async () => {
    const world = await denied();
    world.forget();
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await world.event({ name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa' });
    expect(world.ec2.journal.mutations).toEqual([]);
    world.faults.clear();
    await pass(world, 5 * minute);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [outside]: 'pcx-aaaaaaaa' });
  });

  it('is repaired within a sweep, even if the denied change is no longer wanted', async () => {
    const world = await denied();
    world.ec2.scenery.route(routeTableId, outside, 'pcx-aaaaaaaa');
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await world.event({ name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa' });
    await pass(world, 5 * minute);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ ...two, [outside]: 'pcx-aaaaaaaa' });
  });

  it('is written at once when its tags change', async () => {
    const world = await denied();
    world.faults.clear();
    await world.event({ name: 'CreateTags' });
    expect(isThere(world, outside)).toBe(true);
  });
});

it('a target that stays away is announced once, even if only the time has passed since the last reconcile', async () => {
  const world = await listing(outside, 'tgw-cccccccc');
  await pass(world, 11 * minute, hour);
  world.announcer.news.length = 0;
  // Nothing is tried: the next sweep does that.
  for (let messages = 0; messages < 3; messages++) await world.reconcile({ kind: 'requeue' });
  expect(world.announcer.events).toEqual(['Route Reconcile Failed (entered)']);
});

describe('a fault of EC2', () => {
  it('delays a repair by one sweep at most', async () => {
    for (const minutes of [1, 3, 6, 9, 14, 27]) {
      const world = new InMemoryWorld();
      world.ec2.scenery.table(routeTableId, { routes: two });
      world.desire({ ...two, [outside]: 'pcx-aaaaaaaa' });
      world.faults.strike({ action: 'CreateRoute' }, { serverFault: 'not-done' });
      await world.reconcile({ kind: 'desired' });
      await pass(world, minutes * minute + 11 * second);
      world.faults.clear();
      expect(world.now().getTime()).toBeGreaterThan(minutesAfter(minutes).getTime());
      expect(await msUntilCreated(world, outside, hour)).toBeLessThanOrEqual(5 * minute);
    }
  });
});

const hour = 60 * minute;
