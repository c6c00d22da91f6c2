import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { type Listed, routeTableId } from '../support/builders.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';

// A route that may have other targets than the listed one: others may move it there, and it leaves a dead target.

const minute = 60_000;
const sweepEvery = 5 * minute;

const destination = '0.0.0.0/0';
const [listed, standby, third] = ['eni-aaaaaaaa', 'eni-bbbbbbbb', 'nat-aaaaaaaa'];
const withAlternates = { '10.20.0.0/16': 'pcx-aaaaaaaa', [destination]: [listed, standby, third] } as const;

const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const failover = { arn: 'arn:aws:sts::111122223333:assumed-role/failover/1' };

/** A table whose default route leads to the first of a pair of firewalls, in sync for a while. */
async function pair(routes: Readonly<Record<string, Listed>> = withAlternates): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  const { scenery } = world.ec2;
  scenery.target('i-aaaaaaaa', { interfaces: [listed] });
  scenery.target('i-bbbbbbbb', { interfaces: [standby] });
  const made = Object.entries(routes).map(([to, target]) => [to, typeof target === 'string' ? target : target[0]]);
  scenery.table(routeTableId, { routes: Object.fromEntries(made) });
  for (const id of [third, 'nat-bbbbbbbb', 'tgw-aaaaaaaa']) scenery.target(id);
  setRunning(world, 'a', true);
  setRunning(world, 'b', true);
  world.desire(routes);
  await world.settle();
  return world;
}

const firewalls = { a: ['i-aaaaaaaa', listed], b: ['i-bbbbbbbb', standby] } as const;

function setRunning(world: InMemoryWorld, which: 'a' | 'b', running: boolean): void {
  const [instance, eni] = firewalls[which];
  world.ec2.scenery.target(instance, { running, interfaces: [eni] });
}

/** Alice stops an instance, and an event reports that. */
async function stops(world: InMemoryWorld, which: 'a' | 'b'): Promise<void> {
  setRunning(world, which, false);
  await world.event({ name: 'StopInstances', actor: alice, tookDown: [firewalls[which][0]] });
}

/** A failover tool moves the route, and an event reports that. */
async function moves(world: InMemoryWorld, target: string): Promise<void> {
  world.ec2.scenery.route(routeTableId, destination, target);
  world.clock.advance(minute);
  await world.event({ name: 'ReplaceRoute', destination, target, actor: failover });
}

const later = async (world: InMemoryWorld, ms = sweepEvery): Promise<void> => {
  world.clock.advance(ms);
  await sweep(world, world.invocation(), sweepEvery);
};

const target = ({ ec2 }: InMemoryWorld): string | undefined => ec2.scenery.routesOf(routeTableId)[destination];

const eventsOf = ({ announcer }: InMemoryWorld) => announcer.news.flatMap(({ events }) => events);

const detailsOf = (world: InMemoryWorld, type: DomainEvent['type']) =>
  eventsOf(world)
    .filter((event) => event.type === type)
    .map(({ detail }) => detail);

describe('others move a route to one of its alternates', () => {
  it('it stays there, and the table is InSync', async () => {
    const world = await pair();
    await moves(world, standby);
    for (let sweeps = 0; sweeps < 3; sweeps++) await later(world);
    expect(target(world)).toBe(standby);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status()).toMatchObject({
      phase: 'InSync',
      reason: 'every route is as desired; 1 route runs on an alternate',
      plan: { inSync: true, unchanged: 2, findings: [{ code: 'on-alternate', destination, target: standby }] },
    });
  });

  it('that is announced once, with its actor and a message, and is no drift', async () => {
    const world = await pair();
    await moves(world, standby);
    for (let sweeps = 0; sweeps < 3; sweeps++) await later(world);
    expect(world.announcer.events).toEqual(['Route Left Alone']);
    expect(detailsOf(world, 'Route Left Alone')).toMatchObject([
      {
        routes: [
          { destination, target: standby, was: listed, reason: 'on-alternate', takesTraffic: true, actor: failover },
        ],
        message: {
          what: `${destination} leads to ${standby} (before: ${listed}; on-alternate)`,
          who: failover.arn,
          next: expect.stringContaining('The item allows these targets, so the routes stay'),
        },
      },
    ]);
  });

  it('a pair that moves it back and forth all day is never contested, and each move to an alternate is announced', async () => {
    const world = await pair();
    for (let times = 0; times < 6; times++) {
      await moves(world, standby);
      await moves(world, listed);
    }
    await moves(world, third);
    await moves(world, standby);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status()).toMatchObject({ phase: 'InSync' });
    expect(world.remembered(destination)).not.toHaveProperty('repairs');
    const moved = eventsOf(world).flatMap((event) => (event.type === 'Route Left Alone' ? event.detail.routes : []));
    expect(moved.map((one) => [one.target, one.was])).toEqual([
      ...Array.from({ length: 6 }, () => [standby, listed]),
      [third, listed],
      [standby, third],
    ]);
  });

  it('the route is ours there: an edit that removes it deletes it', async () => {
    const world = await pair({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.30.0.0/16': ['tgw-aaaaaaaa', third] });
    world.ec2.scenery.route(routeTableId, '10.30.0.0/16', third);
    await later(world);
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('an edit of the target leaves it there, as long as that is still an alternate', async () => {
    const world = await pair();
    await moves(world, standby);
    world.desire({ ...withAlternates, [destination]: [third, standby] });
    await world.reconcile({ kind: 'desired' });
    expect([target(world), world.status().phase]).toEqual([standby, 'InSync']);
    world.desire({ ...withAlternates, [destination]: [third, listed] });
    await world.reconcile({ kind: 'desired' });
    expect(target(world)).toBe(third);
  });

  it('is followed at adoption, without an announcement for each route', async () => {
    const world = await pair();
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired' });
    world.ec2.scenery.route(routeTableId, destination, standby);
    world.desire(withAlternates);
    world.forget();
    await world.settle();
    expect([target(world), eventsOf(world)]).toEqual([standby, []]);
  });
});

describe('the target of a route dies and an alternate is alive', () => {
  it('the route moves to the first alternate that is alive, at once', async () => {
    const world = await pair();
    setRunning(world, 'b', false);
    await stops(world, 'a');
    expect(target(world)).toBe(third);
    world.clock.advance(5_000);
    await world.reconcile({ kind: 'requeue' });
    expect(world.status()).toMatchObject({ phase: 'InSync', plan: { findings: [{ code: 'on-alternate' }] } });
  });

  it('that is one announcement: what was moved, where to, and who took the target down', async () => {
    const world = await pair();
    await stops(world, 'a');
    for (let sweeps = 0; sweeps < 3; sweeps++) await later(world);
    expect(world.announcer.events).toEqual(['Route Blackholed (moved)']);
    expect(detailsOf(world, 'Route Blackholed')).toMatchObject([
      {
        routes: [{ destination, target: listed, movedTo: standby, actor: alice }],
        message: {
          subject: `${routeTableId}: 1 route was moved away from a dead target`,
          what: `${destination} was moved from ${listed} to ${standby}`,
          who: `Route Reconciler moved the routes. Who took the targets down: ${alice.arn}`,
        },
      },
    ]);
    expect(world.announcer.values('RoutesReplaced')).toEqual([1]);
    for (const name of ['Blackholes', 'DriftDetected', 'Contested'] as const)
      expect(world.announcer.values(name)).toEqual([]);
  });

  it('the history says what was moved, why, and who took the target down', async () => {
    const world = await pair();
    await stops(world, 'a');
    await later(world);
    expect(world.states.runs(routeTableId).at(-1)).toMatchObject({
      outcome: [
        {
          action: 'replace',
          destination,
          from: listed,
          to: standby,
          because: 'target-down',
          result: 'done',
          actor: alice,
        },
      ],
      verifiedAt: world.now().toISOString(),
    });
  });

  describe('the event of the call that took the target down arrives after the move:', () => {
    /** EC2 reports the state of the instance within seconds, and CloudTrail the call behind it minutes later. */
    const moved = async (): Promise<{ readonly world: InMemoryWorld; readonly time: string }> => {
      const world = await pair();
      const time = world.now().toISOString();
      setRunning(world, 'a', false);
      world.clock.advance(1_000);
      await world.event({ name: 'stopping', via: 'i-aaaaaaaa', tookDown: ['i-aaaaaaaa'] });
      expect(target(world)).toBe(standby);
      return { world, time };
    };
    const reports = (world: InMemoryWorld, time: string, ids = ['i-aaaaaaaa']) =>
      world.event({ name: 'StopInstances', actor: alice, time, tookDown: ids });
    const actorOfMove = ({ states }: InMemoryWorld): unknown =>
      states.runs(routeTableId).find(({ outcome }) => outcome[0]?.because !== undefined)?.outcome[0]?.actor;

    it('the run of the move names its caller, and nothing is announced again', async () => {
      const { world, time } = await moved();
      expect(actorOfMove(world)).toBe('unattributed');
      world.clock.advance(3 * minute);
      await reports(world, time);
      expect(actorOfMove(world)).toEqual(alice);
      await later(world);
      expect(world.announcer.events).toEqual(['Route Blackholed (moved)']);
    });

    it('also if the route moved back from a dead alternate', async () => {
      const { world } = await moved();
      setRunning(world, 'a', true);
      await later(world);
      const time = world.now().toISOString();
      setRunning(world, 'b', false);
      await later(world, minute);
      expect(target(world)).toBe(listed);
      world.clock.advance(3 * minute);
      await reports(world, time, ['i-bbbbbbbb']);
      expect(world.states.runs(routeTableId).map(({ outcome }) => outcome[0]?.actor)).toEqual(['unattributed', alice]);
    });

    it('also if the function that moved it has died', async () => {
      const world = await pair();
      const time = world.now().toISOString();
      setRunning(world, 'a', false);
      await world.deadlyEvent({ name: 'CreateTags' });
      await later(world);
      await reports(world, time);
      expect(actorOfMove(world)).toEqual(alice);
    });

    it.each<[string, (world: InMemoryWorld, time: string) => Promise<unknown>]>([
      ['is about another target', (world, time) => reports(world, time, ['i-bbbbbbbb'])],
      [
        'is of a call made before the target was last seen up',
        (world, time) => reports(world, new Date(Date.parse(time) - 10 * minute).toISOString()),
      ],
    ])('nobody is named if it %s', async (_, happens) => {
      const { world, time } = await moved();
      world.clock.advance(3 * minute);
      await happens(world, time);
      expect(actorOfMove(world)).toBe('unattributed');
    });

    it('nobody is named for a call made after the move, although no other call is known', async () => {
      const world = await pair();
      setRunning(world, 'a', false);
      await later(world, minute);
      expect(target(world)).toBe(standby);
      world.clock.advance(minute);
      await reports(world, world.now().toISOString());
      expect(actorOfMove(world)).toBe('unattributed');
    });

    it('it is waited for 15 minutes', async () => {
      const { world, time } = await moved();
      await later(world, 15 * minute);
      await world.event();
      expect(world.remembered(destination)).not.toHaveProperty('rescue');
      await reports(world, time);
      expect(actorOfMove(world)).toBe('unattributed');
    });
  });

  it('it stays on the alternate when its target is up again', async () => {
    const world = await pair();
    await stops(world, 'a');
    setRunning(world, 'a', true);
    await world.event({ name: 'StartInstances', cameUp: ['i-aaaaaaaa'] });
    for (let sweeps = 0; sweeps < 3; sweeps++) await later(world);
    expect(target(world)).toBe(standby);
    expect(world.status().phase).toBe('InSync');
  });

  it('and when the alternate dies as well, it moves back, and whoever stopped that one is named', async () => {
    const world = await pair();
    await stops(world, 'a');
    setRunning(world, 'a', true);
    await later(world);
    world.forget();
    await stops(world, 'b');
    expect(target(world)).toBe(listed);
    expect(detailsOf(world, 'Route Blackholed')).toMatchObject([
      { routes: [{ target: standby, movedTo: listed, actor: alice }] },
    ]);
  });

  it('blames nobody for an earlier call that led the route to the target', async () => {
    const world = await pair();
    await moves(world, standby);
    await moves(world, listed);
    setRunning(world, 'a', false);
    await later(world, minute);
    const [run] = world.states.runs(routeTableId).slice(-1);
    expect(run?.outcome).toMatchObject([{ from: listed, to: standby, actor: 'unattributed' }]);
    expect(detailsOf(world, 'Route Blackholed')[0]).not.toHaveProperty('routes.0.actor');
  });

  it('no number of deaths is a contest: nobody undoes a repair', async () => {
    const world = await pair();
    for (let times = 0; times < 5; times++) {
      await stops(world, 'a');
      setRunning(world, 'a', true);
      await later(world, minute);
      await stops(world, 'b');
      setRunning(world, 'b', true);
      await later(world, minute);
    }
    expect(world.ec2.journal.mutations).toHaveLength(10);
    expect(world.remembered(destination)).not.toHaveProperty('repairs');
  });

  it('a function that dies after the move leaves its announcement to the next one', async () => {
    const world = await pair();
    setRunning(world, 'a', false);
    await world.deadlyEvent({ name: 'StopInstances', actor: alice, tookDown: ['i-aaaaaaaa'] });
    expect(target(world)).toBe(standby);
    await later(world);
    await later(world);
    expect(world.announcer.events).toEqual(['Route Blackholed (moved)']);
  });

  it('a move that EC2 refuses is a failure, and the blackhole is announced', async () => {
    const world = await pair();
    world.faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'InvalidNetworkInterfaceID.NotFound' } });
    await stops(world, 'a');
    expect(world.status()).toMatchObject({
      phase: 'Failed',
      blackholes: 1,
      failures: [{ action: 'replace', from: listed, to: standby, because: 'target-down' }],
    });
    expect(world.announcer.events).toContain('Route Blackholed (entered)');
    world.faults.clear();
    await later(world);
    expect(target(world)).toBe(standby);
    await later(world);
    expect(world.announcer.events).toContain('Route Blackholed (left)');
  });

  it.each([{ mode: 'observe' }, { paused: { reason: 'maintenance' } }])(
    'nothing is moved while nothing may be changed: %o',
    async (policy) => {
      const world = await pair();
      world.desire(withAlternates, policy);
      await world.reconcile({ kind: 'desired' });
      await stops(world, 'a');
      expect(target(world)).toBe(listed);
      expect(world.status()).toMatchObject({ phase: 'Drifted', blackholes: 1 });
      expect(world.announcer.events).toContain('Route Blackholed (entered)');
      expect(world.announcer.events).not.toContain('Route Drift Detected');
    },
  );

  it('an edit that adds an alternate moves a blackhole there', async () => {
    const world = await pair({ [destination]: listed });
    await stops(world, 'a');
    expect(world.status().phase).toBe('Degraded');
    world.desire({ [destination]: [listed, standby] });
    await world.reconcile({ kind: 'desired' });
    expect(target(world)).toBe(standby);
  });
});

describe('while neither the target of a route nor an alternate is alive', () => {
  const dead = async (): Promise<InMemoryWorld> => {
    const world = await pair({ [destination]: [listed, standby] });
    setRunning(world, 'b', false);
    await stops(world, 'a');
    return world;
  };

  it('the route stays a blackhole, and the table is Degraded', async () => {
    const world = await dead();
    await later(world);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status()).toMatchObject({ phase: 'Degraded', blackholes: 1 });
    expect(world.status().reason).toContain('traffic is dropped; restore one of its targets');
    expect(world.status().reason).toContain(alice.arn);
  });

  it('every sweep asks EC2 again, so it is moved although no event reports that an alternate is up', async () => {
    const world = await dead();
    await later(world);
    const { revision } = world.states.stored(routeTableId);
    world.ec2.journal.clear();
    await later(world);
    expect(world.ec2.journal.counts['DescribeTargets']).toBe(1);
    expect(world.states.stored(routeTableId).revision).toBe(revision);
    setRunning(world, 'b', true);
    await later(world);
    expect(target(world)).toBe(standby);
    await later(world);
    expect(world.announcer.events).toEqual([
      'Route Blackholed (entered)',
      'Route Blackholed (moved)',
      'Route Blackholed (left)',
    ]);
  });

  it('no sweep asks about a blackhole without alternates', async () => {
    const world = await pair({ [destination]: listed });
    await stops(world, 'a');
    world.ec2.journal.clear();
    await later(world);
    expect(world.ec2.journal.counts['DescribeTargets']).toBeUndefined();
  });
});

describe('a missing route with alternates', () => {
  const deleted = async (world: InMemoryWorld): Promise<void> => {
    world.ec2.scenery.removeRoute(routeTableId, destination);
    await world.event({ name: 'DeleteRoute', destination, actor: failover });
  };

  it('is created with the first alternate that is alive if its target is dead, and that is drift of whoever deleted it', async () => {
    const world = await pair();
    setRunning(world, 'a', false);
    await deleted(world);
    expect(target(world)).toBe(standby);
    expect(detailsOf(world, 'Route Drift Detected')).toMatchObject([
      { changes: [{ action: 'create', destination, to: standby, actor: failover }] },
    ]);
  });

  it('is created with its target if that is alive', async () => {
    const world = await pair();
    await deleted(world);
    expect(target(world)).toBe(listed);
  });

  it('is created with the alternate that comes up first, and its drift is announced once', async () => {
    const world = await pair({ [destination]: [listed, standby] });
    setRunning(world, 'a', false);
    setRunning(world, 'b', false);
    await deleted(world);
    expect(world.status()).toMatchObject({ phase: 'Failed', failures: [{ kind: 'not-ready', code: 'target-down' }] });
    setRunning(world, 'b', true);
    await later(world);
    expect(target(world)).toBe(standby);
    expect(detailsOf(world, 'Route Drift Detected')).toHaveLength(1);
  });

  it('that an edit asks for is no drift, whichever target carries it', async () => {
    const world = await pair({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    setRunning(world, 'a', false);
    setRunning(world, 'b', false);
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa', [destination]: [listed, standby] });
    await world.reconcile({ kind: 'desired' });
    setRunning(world, 'b', true);
    await later(world);
    expect(target(world)).toBe(standby);
    expect(detailsOf(world, 'Route Drift Detected')).toEqual([]);
  });
});

describe('others move a route with alternates to a target that the item does not name', () => {
  it('it is replaced with its target', async () => {
    const world = await pair();
    await moves(world, 'nat-bbbbbbbb');
    expect(target(world)).toBe(listed);
  });

  it('it is replaced with an alternate if the target is dead, and EC2 is asked about all of them with one call', async () => {
    const world = await pair();
    setRunning(world, 'a', false);
    await moves(world, 'nat-bbbbbbbb');
    expect(target(world)).toBe(standby);
    expect(world.ec2.journal.counts['DescribeTargets']).toBe(1);
  });

  it('whoever keeps doing that while the target is dead is contested', async () => {
    const world = await pair();
    setRunning(world, 'a', false);
    for (let times = 0; times < 8; times++) await moves(world, 'nat-bbbbbbbb');
    expect(world.status()).toMatchObject({ phase: 'Contested', contested: [{ target: standby, by: [failover] }] });
  });
});
