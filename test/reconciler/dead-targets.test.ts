import { describe, expect, it } from 'vitest';
import { sweep } from '../../reconciler/sweep.ts';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

const minute = 60_000;
const sweepEvery = 5 * minute;

const destination = '0.0.0.0/0';
const listed = { '10.20.0.0/16': 'pcx-aaaaaaaa', [destination]: 'eni-aaaaaaaa' };
const rescued = { ...listed, [destination]: 'nat-aaaaaaaa' };

const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const failover = { arn: 'arn:aws:sts::111122223333:assumed-role/failover/1' };

/** A table whose default route leads to the interface of an instance, in sync for a while. */
async function throughInstance(): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  world.ec2.scenery.target('i-aaaaaaaa');
  world.ec2.scenery.table(routeTableId, { routes: listed });
  for (const id of ['nat-aaaaaaaa', 'nat-bbbbbbbb']) world.ec2.scenery.target(id);
  world.desire(listed);
  await world.settle();
  return world;
}

const setRunning = (world: InMemoryWorld, running: boolean): void =>
  world.ec2.scenery.target('i-aaaaaaaa', { running, interfaces: ['eni-aaaaaaaa'] });

const dies = (world: InMemoryWorld): void => setRunning(world, false);

/** An HA tool moves the route to a target that works, once. */
async function rescue(world: InMemoryWorld): Promise<void> {
  world.ec2.scenery.route(routeTableId, destination, 'nat-aaaaaaaa');
  await world.event({ name: 'ReplaceRoute', destination, target: 'nat-aaaaaaaa', actor: failover });
}

const routes = ({ ec2 }: InMemoryWorld): Record<string, string> => ec2.scenery.routesOf(routeTableId);

const eventsOf = ({ announcer }: InMemoryWorld) => announcer.news.flatMap(({ events }) => events);

const later = async (world: InMemoryWorld, ms = sweepEvery): Promise<void> => {
  world.clock.advance(ms);
  await sweep(world, world.invocation(), sweepEvery);
};

/** The moments at which an HA tool may act. */
const moments = [
  ['before we saw the blackhole', rescue],
  [
    'after we saw the blackhole',
    async (world: InMemoryWorld): Promise<void> => {
      await world.reconcile();
      world.clock.advance(minute);
      await rescue(world);
    },
  ],
] as const;

describe.each(moments)('the instance of a listed interface dies, and an HA tool moves the route %s', (_, act) => {
  /** CloudTrail reports who stopped the instance. */
  const moved = async (): Promise<InMemoryWorld> => {
    const world = await throughInstance();
    dies(world);
    const stop = world.callOf({ name: 'StopInstances', actor: alice, tookDown: ['i-aaaaaaaa'] });
    await world.evidence.keep([{ routeTableId, call: stop }]);
    await act(world);
    return world;
  };

  it('the route stays, and the table is Degraded', async () => {
    const world = await moved();
    for (let sweeps = 0; sweeps < 5; sweeps++) await later(world);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(routes(world)).toEqual(rescued);
    expect(world.status()).toMatchObject({
      phase: 'Degraded',
      plan: { inSync: false, changes: [], findings: [{ code: 'target-down', destination, target: 'eni-aaaaaaaa' }] },
    });
  });

  it('the reason names the route, the dead target and both actors, for as long as it lasts', async () => {
    const world = await moved();
    await later(world);
    world.clock.advance(60 * minute);
    await later(world);
    const { reason } = world.status();
    for (const part of [destination, 'eni-aaaaaaaa', 'nat-aaaaaaaa', alice.arn, failover.arn])
      expect(reason).toContain(part);
  });

  it('that is announced once, and its end', async () => {
    const world = await moved();
    await later(world);
    const told = () =>
      eventsOf(world)
        .filter(({ detail }) => 'code' in detail && detail.code === 'target-down')
        .map(({ detail }) => [detail.message?.subject, 'state' in detail && detail.state]);
    const entered = [`${routeTableId}: 1 route works on another target because the listed one is down`, 'entered'];
    expect(told()).toEqual([entered]);
    setRunning(world, true);
    await later(world);
    await later(world);
    expect(told()).toEqual([entered, [`${routeTableId}: no route waits for a target that is down any more`, 'left']]);
  });

  it('the route moves back when the instance has run for 5 minutes, and not before', async () => {
    const world = await moved();
    await later(world);
    setRunning(world, true);
    await later(world, minute);
    const seenAlive = world.now().getTime();
    expect(routes(world)).toEqual(rescued);
    await later(world, 4 * minute);
    expect(routes(world)).toEqual(rescued);
    expect(Date.parse(world.status().nextRetry ?? '')).toBe(seenAlive + 5 * minute);
    world.clock.advance(seenAlive + 5 * minute - world.now().getTime());
    await world.reconcile({ kind: 'requeue' });
    expect(routes(world)).toEqual(listed);
    world.clock.advance(minute);
    await world.reconcile();
    expect(world.status().phase).toBe('InSync');
  });

  it('the table is read again at once if the 5 minutes end while EC2 is asked about targets', async () => {
    const world = await moved();
    setRunning(world, true);
    await later(world, minute);
    const backAt = world.now().getTime() + 5 * minute;
    world.clock.advance(5 * minute - 1);
    world.faults.strike({ action: 'DescribeTargets', times: 1 }, { justBefore: () => world.clock.advance(100) });
    await world.reconcile({ kind: 'requeue' });
    expect(routes(world)).toEqual(rescued);
    expect(Date.parse(world.status().nextRetry ?? '')).toBe(backAt);
    await world.reconcile({ kind: 'requeue' });
    expect(routes(world)).toEqual(listed);
  });

  it('the 5 minutes start anew when the instance dies again', async () => {
    const world = await moved();
    setRunning(world, true);
    await later(world, 3 * minute);
    dies(world);
    await later(world, minute);
    setRunning(world, true);
    await later(world, minute);
    await later(world, 4 * minute);
    expect(routes(world)).toEqual(rescued);
    await later(world, minute);
    expect(routes(world)).toEqual(listed);
  });

  it('moving back is drift of whoever moved the route, and no event is missed', async () => {
    const world = await moved();
    await later(world, 60 * minute);
    setRunning(world, true);
    await later(world);
    await later(world);
    expect(eventsOf(world).filter(({ type }) => type === 'Route Drift Detected')).toMatchObject([
      { detail: { changes: [{ destination, actor: failover }] } },
    ]);
    await later(world, 20 * minute);
    expect(world.announcer.values('MissedByEvents')).toEqual([]);
  });

  it('a Describe that fails leaves it as it is', async () => {
    const world = await moved();
    await later(world);
    setRunning(world, true);
    await later(world, minute);
    world.faults.strike({ action: 'DescribeTargets' }, { refused: { code: 'UnauthorizedOperation' } });
    await later(world, 30 * minute);
    expect(routes(world)).toEqual(rescued);
    expect(world.status().phase).toBe('Degraded');
    expect(world.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('could not ask EC2') }),
    );
    world.faults.clear();
    await later(world);
    expect(routes(world)).toEqual(listed);
  });
});

describe('while a listed target is down, EC2 is asked again', () => {
  const down = async (): Promise<InMemoryWorld> => {
    const world = await throughInstance();
    dies(world);
    await rescue(world);
    await later(world);
    setRunning(world, true);
    world.ec2.journal.clear();
    return world;
  };
  const asked = ({ ec2 }: InMemoryWorld): number => ec2.journal.counts['DescribeTargets'] ?? 0;

  it('by every sweep: no event may report that the target is up', async () => {
    const world = await down();
    for (const times of [1, 2]) {
      await later(world, minute);
      expect(asked(world)).toBe(times);
    }
  });

  it('by a reported call, such as StartInstances', async () => {
    const world = await down();
    await world.event({ name: 'StartInstances', cameUp: ['i-aaaaaaaa'] });
    expect(asked(world)).toBe(1);
    expect(world.remembered(destination).down?.aliveSince).toBe(world.now().toISOString());
  });

  it('by an edit elsewhere in the item', async () => {
    const world = await down();
    world.desire({ ...listed, '10.21.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.remembered(destination).down?.aliveSince).toBe(world.now().toISOString());
    expect(routes(world)).toMatchObject({ [destination]: 'nat-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('and an edit that lists another target is followed at once', async () => {
    const world = await down();
    world.desire({ ...listed, [destination]: 'nat-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(routes(world)).toMatchObject({ [destination]: 'nat-bbbbbbbb' });
  });

  it('and an edit that lists the target that works ends it', async () => {
    const world = await down();
    world.desire(rescued);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().phase).toBe('InSync');
    expect(world.remembered(destination)).not.toHaveProperty('down');
  });

  it('but the state is not written again while nothing is new', async () => {
    const world = await down();
    dies(world);
    await later(world);
    const { revision } = world.states.stored(routeTableId);
    await later(world);
    expect(world.states.stored(routeTableId).revision).toBe(revision);
  });
});

it('drift is not over while its route is kept because the listed target is down', async () => {
  const world = await inSync({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
  const drifts = () => eventsOf(world).flatMap(({ type }) => (type.startsWith('Route Drift') ? [type] : []));
  world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { mode: 'observe' });
  await world.reconcile({ kind: 'desired' });
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  await later(world);
  world.ec2.scenery.detach('pcx-aaaaaaaa');
  await world.event();
  expect(world.status().plan?.findings).toMatchObject([{ code: 'target-down' }]);
  world.ec2.scenery.target('pcx-aaaaaaaa');
  for (let sweeps = 0; sweeps < 3; sweeps++) await later(world);
  expect(world.status().plan?.changes).toHaveLength(1);
  expect(drifts()).toEqual(['Route Drift Detected']);
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
  await later(world);
  expect(drifts()).toEqual(['Route Drift Detected', 'Route Drift Healed']);
});

describe('a listed target comes back, and no event reports that: sweeps find it', () => {
  it('when somebody runs another instance with its interface', async () => {
    const world = await throughInstance();
    world.ec2.scenery.detach('eni-aaaaaaaa');
    await rescue(world);
    await later(world);
    expect(world.status().phase).toBe('Degraded');
    world.ec2.scenery.target('i-cccccccc', { interfaces: ['eni-aaaaaaaa'] });
    await later(world);
    expect(routes(world)).toEqual(rescued);
    await later(world);
    expect(routes(world)).toEqual(listed);
  });

  it('when another account accepts the peering connection', async () => {
    const world = await throughInstance();
    const moved = { ...listed, '10.20.0.0/16': 'nat-aaaaaaaa' };
    world.ec2.scenery.detach('pcx-aaaaaaaa');
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'nat-aaaaaaaa');
    await later(world);
    expect([routes(world), world.status().phase]).toEqual([moved, 'Degraded']);
    world.ec2.scenery.target('pcx-aaaaaaaa');
    await later(world);
    expect(routes(world)).toEqual(moved);
    await later(world);
    expect(routes(world)).toEqual(listed);
  });
});

describe('a kind of target that EC2 cannot be asked about', () => {
  const network = 'arn:aws:networkmanager::111122223333:core-network/core-network-0a1b2c3d';
  const through = { '10.20.0.0/16': network };
  const elsewhere = { '10.20.0.0/16': 'tgw-aaaaaaaa' };
  const seenDead = async (): Promise<InMemoryWorld> => {
    const world = await inSync(through);
    world.ec2.scenery.vanish(network);
    await later(world);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.scenery.target(network);
    return world;
  };

  it('is dead once it was seen as a blackhole here', async () => {
    const world = await seenDead();
    for (let sweeps = 0; sweeps < 4; sweeps++) await later(world);
    expect(routes(world)).toEqual(elsewhere);
    expect(world.status()).toMatchObject({ phase: 'Degraded', plan: { findings: [{ code: 'target-down' }] } });
  });

  it('until that route is edited', async () => {
    const world = await seenDead();
    await later(world);
    world.desire(elsewhere);
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    world.desire(through);
    await world.reconcile({ kind: 'desired' });
    expect(routes(world)).toEqual(through);
  });

  it('is alive before that: drift is repaired', async () => {
    const world = await inSync(through);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await later(world);
    expect(routes(world)).toEqual(through);
  });
});

describe('a missing route whose target is dead', () => {
  const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'tgw-aaaaaaaa' };

  it('is not created, and is retried as not-ready until the target is up', async () => {
    const world = await inSync(two);
    world.ec2.scenery.detach('pcx-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await world.event({ name: 'DeleteRoute', destination: '10.20.0.0/16' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status()).toMatchObject({
      phase: 'Failed',
      failures: [
        { action: 'create', kind: 'not-ready', code: 'target-down', remedy: expect.stringContaining('accept') },
      ],
    });
    world.ec2.scenery.target('pcx-aaaaaaaa');
    world.clock.advance(Date.parse(world.status().nextRetry ?? '') - world.now().getTime());
    await world.reconcile({ kind: 'requeue' });
    expect(routes(world)).toEqual(two);
  });

  it('keeps the route that it is meant to take over from', async () => {
    const world = await inSync({ '10.20.0.0/15': 'pcx-aaaaaaaa' });
    world.ec2.scenery.detach('tgw-aaaaaaaa');
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    expect(routes(world)).toEqual({ '10.20.0.0/15': 'pcx-aaaaaaaa', '10.20.0.0/16': 'pcx-aaaaaaaa' });
    expect(world.status().plan?.waiting).toEqual([
      { destination: '10.20.0.0/15', creates: ['10.20.0.0/16', '10.21.0.0/16'] },
    ]);
  });

  it('is created when EC2 cannot be asked: nothing is known against its target', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    world.faults.strike({ action: 'DescribeTargets' }, { serverFault: 'not-done' });
    await world.event({ name: 'DeleteRoute', destination: '10.20.0.0/16' });
    expect(routes(world)).toEqual(two);
  });
});

describe('a deleted NAT gateway', () => {
  const through = { '10.20.0.0/16': 'pcx-aaaaaaaa', [destination]: 'nat-aaaaaaaa' };
  const deleted = async (): Promise<{ readonly world: InMemoryWorld; readonly at: string }> => {
    const world = await inSync(through);
    const at = world.now().toISOString();
    // EC2 takes a minute to delete it.
    await world.event({ name: 'DeleteNatGateway', actor: alice, tookDown: ['nat-aaaaaaaa'] });
    world.ec2.scenery.vanish('nat-aaaaaaaa');
    await later(world, minute);
    return { world, at };
  };
  const named = (world: InMemoryWorld, at: string): void => {
    const { reason } = world.status();
    expect(reason).toContain(`DeleteNatGateway of ${alice.arn} at ${at} took nat-aaaaaaaa down`);
    expect(reason).toContain('it will not come back, list another target');
  };

  it('is named with who deleted it and when, whatever happens later, until the route has another target', async () => {
    const { world, at } = await deleted();
    named(world, at);
    await world.event({ name: 'CreateTags', actor: failover });
    await world.event({ name: 'DeleteNatGateway', actor: failover, tookDown: ['nat-aaaaaaaa'] });
    named(world, at);
    world.clock.advance(48 * 60 * minute);
    await later(world);
    await world.event({ name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa', actor: failover });
    expect(world.status().phase).toBe('Degraded');
    named(world, at);
    expect(world.status().reason).not.toContain(failover.arn);
    world.ec2.scenery.target('nat-bbbbbbbb');
    world.desire({ ...through, [destination]: 'nat-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    await later(world, minute);
    expect(world.status()).toMatchObject({ phase: 'InSync', reason: 'every route is as desired' });
  });

  it('is named beside whatever else is the matter with the table', async () => {
    const { world, at } = await deleted();
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    world.ec2.scenery.route(routeTableId, '10.99.0.0/16', 'eni-ffffffff');
    await later(world);
    expect(world.status()).toMatchObject({ phase: 'Blocked', blackholes: 1 });
    named(world, at);
    world.desire(through, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    expect(world.status()).toMatchObject({ phase: 'Drifted', blackholes: 1 });
    named(world, at);
  });
});

it.each([
  ['DeleteVpcPeeringConnection', 'pcx-aaaaaaaa', true],
  ['DeleteTransitGateway', 'tgw-aaaaaaaa', true],
  ['DeleteVpcEndpoints', 'vpce-aaaaaaaa', true],
  ['DeleteEgressOnlyInternetGateway', 'eigw-aaaaaaaa', true],
  ['DeleteCarrierGateway', 'cagw-aaaaaaaa', true],
  ['DeleteNetworkInterface', 'eni-bbbbbbbb', true],
  ['DeleteTransitGatewayVpcAttachment', 'tgw-aaaaaaaa', false],
  ['DetachInternetGateway', 'igw-aaaaaaaa', false],
  ['DetachVpnGateway', 'vgw-aaaaaaaa', false],
  ['StopInstances', 'eni-bbbbbbbb', false],
  // Another instance may be launched with the interface.
  ['TerminateInstances', 'eni-bbbbbbbb', false],
  ['EC2 Instance State-change Notification: terminated', 'eni-bbbbbbbb', false],
  ['TerminateInstances', 'i-bbbbbbbb', true],
  ['EC2 Instance State-change Notification: terminated', 'i-bbbbbbbb', true],
])(
  'after %s, nobody is promised that %s comes back, and it is given up only if it cannot: %s',
  async (name, id, ends) => {
    const listed = { [id.startsWith('eigw') ? '2001:db8:99::/48' : '10.30.0.0/16']: id };
    const world = await inSync(listed);
    world.ec2.scenery.vanish(id);
    await world.event({ name, actor: alice, tookDown: [id] });
    const { phase, reason, plan } = world.status();
    expect(phase).toBe('Degraded');
    expect(reason.includes('it will not come back')).toBe(ends);
    expect(JSON.stringify([reason, plan])).not.toContain('until');
  },
);

describe('a blackhole in a listed slot', () => {
  it('that no event explains is named with the time of the first read that showed it', async () => {
    const world = await throughInstance();
    dies(world);
    await later(world);
    const since = world.now().toISOString();
    await later(world, 60 * minute);
    expect(world.status().reason).toContain(`eni-aaaaaaaa was first seen down at ${since}`);
  });

  it('makes the table Degraded, and names who took the target down', async () => {
    const world = await throughInstance();
    dies(world);
    await world.event({ name: 'StopInstances', actor: alice, tookDown: ['i-aaaaaaaa'] });
    expect(world.status()).toMatchObject({ phase: 'Degraded', blackholes: 1 });
    expect(world.status().reason).toContain(alice.arn);
    setRunning(world, true);
    await later(world);
    expect(world.status().phase).toBe('InSync');
  });

  it.each([
    ['is counted as waiting for a person', {}, { waiting: 1, observed: 0, blackholes: 1 }],
    ['rings no alarm while the item only observes', { mode: 'observe' }, { waiting: 0, observed: 1, blackholes: 0 }],
  ])('%s', async (_, policy, counts) => {
    const world = await throughInstance();
    world.desire(listed, policy);
    await world.reconcile({ kind: 'desired' });
    dies(world);
    for (const _ of [1, 2]) {
      world.clock.advance(sweepEvery);
      expect(await sweep(world, world.invocation(), sweepEvery)).toMatchObject({ outOfSync: 0, ...counts });
    }
  });

  it('of somebody else is replaced even with a dead target: nothing is lost', async () => {
    const world = await throughInstance();
    dies(world);
    world.ec2.scenery.route(routeTableId, destination, 'nat-bbbbbbbb');
    world.ec2.scenery.vanish('nat-bbbbbbbb');
    await world.event({ name: 'ReplaceRoute', destination });
    expect(routes(world)).toEqual(listed);
  });
});
