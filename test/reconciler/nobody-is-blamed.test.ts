import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';
import { alice, minute, second, sweepNow, two } from './news/given.ts';

// An actor is named only if the call made the difference.

const carol = { arn: 'arn:aws:iam::111122223333:user/carol' };
const destination = '10.20.0.0/16';

/** Carol asks for the target that a route already has. */
const asksForTheSame = (world: InMemoryWorld) =>
  world.callOf({ name: 'ReplaceRoute', destination, target: 'pcx-aaaaaaaa', actor: carol });

/** Everything that people see of a table: its state, its runs and its announcements. */
const seenOf = (world: InMemoryWorld): string =>
  JSON.stringify([
    world.status().drift,
    world.status().lastDrift,
    world.status().reason,
    world.states.runs(routeTableId).map(({ outcome }) => outcome),
    world.announcer.news,
  ]);

describe('a call that asks for the target that the route already has', () => {
  it.each([
    ['seconds', 20 * second],
    ['minutes', 5 * minute],
  ])('is not blamed for an edit %s later', async (_, ms) => {
    const world = await inSync(two);
    const call = asksForTheSame(world);
    world.clock.advance(5 * second);
    await world.event(call);
    world.clock.advance(ms);
    world.desire({ ...two, [destination]: 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toMatchObject({ [destination]: 'tgw-aaaaaaaa' });
    expect(world.status().lastDrift).toBeUndefined();
    expect(seenOf(world)).not.toContain(carol.arn);
    const { values } = world.announcer;
    expect([values('DriftDetected'), values('HealLatency'), values('RoutesReplaced')]).toEqual([[], [], [1]]);
  });

  it('is not blamed for an edit that its event meets, nor shown as what triggered the change', async () => {
    const world = await inSync(two);
    const call = asksForTheSame(world);
    await world.evidence.keep([{ routeTableId, call }]);
    world.desire({ ...two, [destination]: 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(seenOf(world)).not.toContain(carol.arn);
    expect(world.status()).toMatchObject({ trigger: { kind: 'desired' } });
    const run = world.states.runs(routeTableId).at(-1);
    expect(run).not.toHaveProperty('actor');
    expect(run?.outcome).toMatchObject([{ action: 'replace', result: 'done' }]);
    expect(run?.outcome[0]).not.toHaveProperty('actor');
  });

  it('leaves drift that an edit meets unattributed, and says so of nothing else', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    world.desire({ ...two, [destination]: 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    const outcome = world.states.runs(routeTableId).at(-1)?.outcome ?? [];
    expect(outcome.map(({ action, actor }) => [action, actor])).toEqual([
      ['replace', undefined],
      ['create', 'unattributed'],
    ]);
  });

  it('is not blamed for an edit of an observed table, even if its event is late', async () => {
    const world = await inSync(two);
    world.desire(two, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    const call = asksForTheSame(world);
    world.clock.advance(minute);
    world.desire({ ...two, [destination]: 'tgw-aaaaaaaa' }, { mode: 'observe' });
    await world.reconcile({ kind: 'desired' });
    world.clock.advance(minute);
    await world.event(call);
    expect(seenOf(world)).not.toContain(carol.arn);
  });

  it('is not blamed for what somebody else changed before', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, destination, 'tgw-aaaaaaaa');
    const hijack = world.callOf({ name: 'ReplaceRoute', destination, target: 'tgw-aaaaaaaa', actor: alice });
    world.clock.advance(5 * second);
    const again = world.callOf({ name: 'ReplaceRoute', destination, target: 'tgw-aaaaaaaa', actor: carol });
    await world.evidence.keep([{ routeTableId, call: hijack }]);
    await world.event(again);
    expect(world.status().lastDrift?.actor).toEqual(alice);
    expect(seenOf(world)).not.toContain(carol.arn);
  });

  it('is not blamed for a route that waits, or that is left alone', async () => {
    const world = await inSync(two);
    const rogue = '10.99.0.0/16';
    world.ec2.scenery.foreignInterface('eni-ffffffff');
    world.ec2.scenery.route(routeTableId, rogue, 'eni-ffffffff');
    await sweepNow(world);
    world.clock.advance(5 * minute);
    await world.event({ name: 'ReplaceRoute', destination: rogue, target: 'eni-ffffffff', actor: carol });
    expect(seenOf(world)).not.toContain(carol.arn);
  });
});

describe('a call that took a target down', () => {
  it.each<[string, Parameters<InMemoryWorld['desire']>[0]]>([
    ['that drops traffic', two],
    ['that moves to an alternate', { ...two, [destination]: ['pcx-aaaaaaaa', 'pcx-bbbbbbbb'] }],
  ])(
    'is not blamed for a route %s when the target is down again and no event reported its start',
    async (_, listed) => {
      const world = await inSync(two);
      const { scenery } = world.ec2;
      scenery.vanish('pcx-aaaaaaaa');
      await world.event({ name: 'DeleteVpcPeeringConnection', tookDown: ['pcx-aaaaaaaa'], actor: carol });
      expect(seenOf(world)).toContain(carol.arn);
      world.clock.advance(minute);
      scenery.target('pcx-aaaaaaaa');
      world.desire(listed);
      await world.reconcile({ kind: 'desired' });
      expect(world.status().phase).toBe('InSync');
      world.clock.advance(minute);
      world.announcer.news.length = 0;
      const runs = world.states.runs(routeTableId).length;
      scenery.vanish('pcx-aaaaaaaa');
      await world.reconcile();
      expect(world.status().phase).not.toBe('InSync');
      expect(JSON.stringify([world.status().reason, world.announcer.news])).not.toContain(carol.arn);
      expect(JSON.stringify(world.states.runs(routeTableId).slice(runs))).not.toContain(carol.arn);
    },
  );
});
