import { describe, expect, it } from 'vitest';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Down, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import type { Health } from '../../../../reconciler/core/route/health.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { withCauses } from '../../../../reconciler/core/status/down.ts';
import { type Made, rememberRead } from '../../../../reconciler/core/status/remember.ts';
import { desired, minutesAfter, route, table, throughInstance } from '../../../support/builders.ts';
import { alice, at, bob, destination, listed, memory, via } from './given.ts';

const target = 'pcx-aaaaaaaa';
const down: Down = { target, since: at(-10) };
const alive: Down = { ...down, aliveSince: at(-1) };
const fresh: Down = { target, since: at(0) };
const blackhole = { ...via(destination), state: 'blackhole' } as const;
const moved = via(destination, 'tgw-aaaaaaaa');
/** The read before showed the route there, too. */
const stood = { seen: { target: 'tgw-aaaaaaaa' } };

interface Read {
  readonly item?: Parameters<typeof desired>;
  readonly health?: Health;
  readonly made?: readonly Made[];
}

/** What is remembered after one read at noon, and EC2's answer about the listed target. */
function after(before: Remembered, routes: readonly ActualRoute[], more: Read = {}): Remembered {
  const { item = listed, health, made = [] } = more;
  const on = { now: minutesAfter(0), memory: memory({ [destination]: before }) };
  const [wanted, found] = [desired(...item), table(routes)];
  const answer = health && { health: new Map([[target, health]]) };
  const seen = {
    desired: wanted,
    actual: found,
    plan: plan(wanted, found, { ...on, ...answer }),
    now: on.now,
    ...answer,
  };
  return rememberRead(on.memory, seen, made).destinations.get(destination) ?? {};
}

const replacing = (isCertain: boolean): Made[] => {
  const { destination: to, target: with_ } = route(destination, target);
  return [{ change: { action: 'replace', destination: to, from: moved, to: with_ }, isCertain }];
};

describe('a listed target is down', () => {
  it('once a read shows it as a blackhole in its slot, whether or not EC2 can be asked', () => {
    expect(after({}, [blackhole]).down).toEqual(fresh);
    expect(after({}, [blackhole], { health: 'unaskable' }).down).toEqual(fresh);
  });

  it('once EC2 calls it dead, while the route is elsewhere or missing', () => {
    expect(after(stood, [moved], { health: 'dead' }).down).toEqual(fresh);
    expect(after({}, [], { health: 'dead' }).down).toEqual(fresh);
  });

  it('since that was first seen', () => {
    expect(after({ down }, [blackhole]).down).toEqual(down);
    expect(after({ down, ...stood }, [moved], { health: 'dead' }).down).toEqual(down);
  });

  it('not because EC2 calls it alive, cannot be asked, or does not answer', () => {
    for (const answer of [{ health: 'alive' }, { health: 'unaskable' }, {}] as const)
      expect(after({}, [moved], answer).down).toBeUndefined();
  });
});

describe('a target that is down', () => {
  it('counts as alive since EC2 first said so', () => {
    expect(after({ down, ...stood }, [moved], { health: 'alive' }).down).toEqual({ ...down, aliveSince: at(0) });
    expect(after({ down: alive, ...stood }, [moved], { health: 'alive' }).down).toEqual(alive);
  });

  it('starts anew when it dies again', () => {
    expect(after({ down: alive, ...stood }, [moved], { health: 'dead' }).down).toEqual(fresh);
    expect(after({ down: alive }, [blackhole]).down).toEqual(fresh);
  });

  it('dies again by another hand, and the route stays moved by the same one', () => {
    const cause = { id: 'call-1', name: 'StopInstances', time: at(-11) };
    const again = { ...alive, takenDown: cause, seenMovedAt: at(-9), moved: { ...cause, name: 'ReplaceRoute' } };
    expect(after({ down: again, ...stood }, [moved], { health: 'dead' }).down).toEqual({
      ...fresh,
      seenMovedAt: again.seenMovedAt,
      moved: again.moved,
    });
  });

  it.each(['unaskable', undefined] as const)('stays as it was when EC2 answers: %s', (health) => {
    for (const before of [down, alive])
      expect(after({ down: before, ...stood }, [moved], health && { health }).down).toEqual(before);
  });

  it('stays down after others deleted the route', () => {
    expect(after({ down }, []).down).toEqual(down);
  });

  it('is up once a read shows it active in its slot, or EC2 confirmed that we use it again', () => {
    expect(after({ down }, [via(destination)]).down).toBeUndefined();
    expect(after({ down: alive }, [moved], { health: 'alive', made: replacing(true) }).down).toBeUndefined();
  });

  it('stays as it was while nobody knows whether our replace was made', () => {
    expect(after({ down: alive, ...stood }, [moved], { health: 'alive', made: replacing(false) }).down).toEqual(alive);
  });

  it.each<[string, Parameters<typeof desired>]>([
    ['another target', [{ [destination]: 'tgw-bbbbbbbb' }]],
    ['no route', [{}]],
  ])('is forgotten once the item asks for %s', (_, item) => {
    expect(after({ down }, [moved], { item }).down).toBeUndefined();
  });
});

describe('the instance behind a listed interface', () => {
  const item: Parameters<typeof desired> = [{ [destination]: 'eni-aaaaaaaa' }];

  it('is remembered after others moved the route', () => {
    const before = after({}, [throughInstance(destination)], { item });
    expect(before.instances).toEqual({ 'eni-aaaaaaaa': 'i-aaaaaaaa' });
    expect(after(before, [moved], { item }).instances).toEqual(before.instances);
  });

  it('is forgotten with the listed route, and when the item lists another one', () => {
    const before = after({}, [throughInstance(destination)], { item });
    expect(after(before, [moved]).instances).toBeUndefined();
    expect(
      after({ listed: true, instances: { 'eni-aaaaaaaa': 'i-aaaaaaaa' } }, [moved], { item: [{}] }).instances,
    ).toBeUndefined();
  });
});

describe('who is named', () => {
  const call = (
    more: {
      readonly id?: string;
      readonly name?: string;
      readonly time?: string;
      readonly actor?: typeof alice;
      readonly ids?: readonly string[];
    } = {},
  ): ReportedCall => ({
    id: 'call-1',
    name: 'DeleteVpcPeeringConnection',
    time: at(-2),
    actor: alice,
    about: 'target-down',
    ids: [target],
    ...more,
  });
  const move: ReportedCall = {
    id: 'call-2',
    name: 'ReplaceRoute',
    time: at(-1),
    actor: bob,
    about: 'route',
    destination,
    target: 'tgw-aaaaaaaa',
  };
  /** Before this reconcile, the route led to its listed target. */
  const onTarget: Remembered = { seen: { target } };
  /** After a read that shows the route through `kept`, or as listed. */
  const caused = (before: Remembered, kept: string | undefined, calls: readonly ReportedCall[]) => {
    const shown = kept === undefined ? blackhole : via(destination, kept);
    return withCauses(destination, after({ ...onTarget, ...before }, [shown], { health: 'dead' }), { kept, calls });
  };
  const named = (
    calls: readonly ReportedCall[],
    before: Remembered = { down: fresh },
    keptOn: string | undefined = 'tgw-aaaaaaaa',
  ) => {
    const found = caused(before, keptOn, calls);
    return [found?.takenDown?.actor?.arn, found?.moved?.actor?.arn];
  };

  it('for a dead target: who took it down, and who moved the route', () => {
    expect(named([call(), move])).toEqual([alice.arn, bob.arn]);
  });

  it('by the instance behind a listed interface as well', () => {
    const stop = call({ name: 'StopInstances', ids: ['i-aaaaaaaa'] });
    expect(named([stop])).toEqual([undefined, undefined]);
    expect(named([stop], { down: fresh, instances: { [target]: 'i-aaaaaaaa' } })).toEqual([alice.arn, undefined]);
  });

  it('by the first call that took the target down: a later one found it down', () => {
    expect(named([call({ id: 'call-3', time: at(-1), actor: bob }), call()])[0]).toBe(alice.arn);
    expect(named([call({ time: at(-1) })], { down })[0]).toBeUndefined();
  });

  it('not for a target that came up again after the call', () => {
    const start: ReportedCall = {
      ...call({ id: 'call-4', time: at(-1), actor: bob }),
      about: 'target-up',
      ids: [target],
    };
    expect(named([call(), start])[0]).toBeUndefined();
    expect(named([call(), start, call({ id: 'call-5', time: at(0), actor: bob })])[0]).toBe(bob.arn);
  });

  it('for the route: the first call that moved it, even if its event is late', () => {
    const again = { ...move, id: 'call-6', time: at(0), actor: alice };
    expect(named([move, again])[1]).toBe(bob.arn);
    const seen = caused({ down: fresh }, 'tgw-aaaaaaaa', []);
    const late = caused({ ...(seen && { down: seen }), ...stood }, 'tgw-aaaaaaaa', [move]);
    expect(late?.moved?.actor).toEqual(bob);
    const later = [{ ...again, time: at(5) }];
    expect(caused({ ...(late && { down: late }), ...stood }, 'tgw-aaaaaaaa', later)?.moved?.actor).toEqual(bob);
  });

  it('for the route where it is now: whoever moved it before did not move it there', () => {
    const first = caused({ down: fresh }, 'tgw-aaaaaaaa', [move]);
    const before = { ...(first && { down: first }), ...stood };
    const call = { ...move, id: 'call-7', time: at(-0.5), actor: alice, target: 'nat-bbbbbbbb' };
    expect(caused(before, 'nat-bbbbbbbb', [move])?.moved).toBeUndefined();
    expect(caused(before, 'nat-bbbbbbbb', [move, call])?.moved?.actor).toEqual(alice);
    // The reconcile that first saw it there may end before it asks who did that.
    const seen = after(before, [via(destination, 'nat-bbbbbbbb')], { health: 'dead' });
    expect(caused(seen, 'nat-bbbbbbbb', [])?.moved).toBeUndefined();
    expect(caused(seen, 'nat-bbbbbbbb', [move, call])?.moved?.actor).toEqual(alice);
  });

  it('for no route that stood when the item listed the dead target', () => {
    expect(caused({ down: fresh, ...stood }, 'tgw-aaaaaaaa', [move])?.moved).toBeUndefined();
  });

  it('for as long as the target is down, although the calls are forgotten', () => {
    const found = caused({ down: fresh }, 'tgw-aaaaaaaa', [call(), move]);
    const later = caused({ ...(found && { down: found }), ...stood }, 'tgw-aaaaaaaa', []);
    expect([later?.takenDown?.actor, later?.moved?.actor]).toEqual([alice, bob]);
  });

  it('for the route only while it is left alone: it may be on its listed target again', () => {
    const found = caused({ down: fresh }, 'tgw-aaaaaaaa', [call(), move]);
    expect(caused(found ? { down: found } : {}, undefined, [])).not.toHaveProperty('moved');
  });

  it('never for a call about another target or another route', () => {
    expect(named([call({ ids: ['pcx-bbbbbbbb'] }), { ...move, destination: '10.21.0.0/16' }])).toEqual([
      undefined,
      undefined,
    ]);
    expect(named([{ ...move, target: 'igw-aaaaaaaa' }])).toEqual([undefined, undefined]);
  });
});
