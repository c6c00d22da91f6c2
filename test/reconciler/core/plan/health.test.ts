import { describe, expect, it } from 'vitest';
import { plan, targetsToAsk } from '../../../../reconciler/core/plan/plan.ts';
import type { Down } from '../../../../reconciler/core/memory/memory.ts';
import type { Health } from '../../../../reconciler/core/route/health.ts';
import { actual, desired, local, memory, minutesAfter, now, route, table } from '../../../support/builders.ts';

const destination = '10.20.0.0/16';
const target = 'nat-aaaaaaaa';
const wanted = route(destination, target);
const failover = route(destination, 'eni-bbbbbbbb');

const item = desired({ [destination]: target });

const dead: Down = { target, since: minutesAfter(-30).toISOString() };
const aliveFor = (minutes: number): Down => ({ ...dead, aliveSince: minutesAfter(-minutes).toISOString() });

/** The plan for one route in this slot, when EC2 says this about the listed target, and this is remembered of it. */
const planned = (
  health: Health | undefined,
  slot: ReturnType<typeof actual> | undefined = actual(failover),
  down?: Down,
) =>
  plan(item, table([local('10.0.0.0/16'), ...(slot ? [slot] : [])]), {
    now,
    ...(health && { health: new Map([[target, health]]) }),
    ...(down && { memory: memory({ [destination]: { listed: true, down } }) }),
  });

const back = { changes: [{ action: 'replace', to: wanted.target }], findings: [] };
const kept = { changes: [], findings: [{ code: 'target-down' }] };

describe('a working route to another target', () => {
  it('is left alone while EC2 calls the listed target dead', () => {
    expect(planned('dead')).toMatchObject({
      inSync: false,
      changes: [],
      leftAlone: [{ reason: 'local' }, { route: { target: failover.target }, reason: 'target-down' }],
      findings: [
        {
          code: 'target-down',
          destination,
          target,
          message: `${destination} works through eni-bbbbbbbb and is left alone: EC2 shows that ${target} cannot carry its traffic now`,
        },
      ],
    });
  });

  it.each(['alive', 'unaskable', undefined] as const)(
    'is replaced when nothing is known against the listed target, and EC2 says of it: %s',
    (health) => {
      expect(planned(health)).toMatchObject(back);
    },
  );

  it('moves back when the listed target has been alive for 5 minutes, and not before', () => {
    expect(planned('alive', undefined, aliveFor(5))).toMatchObject(back);
    expect(planned('alive', undefined, aliveFor(4.9))).toMatchObject(kept);
    expect(planned('alive', undefined, dead)).toMatchObject(kept);
  });

  it('stays when the listed target dies again before that', () => {
    expect(planned('dead', undefined, aliveFor(5))).toMatchObject(kept);
  });

  it.each(['unaskable', undefined] as const)('stays where it was dead before, and EC2 says now: %s', (health) => {
    expect(planned(health, undefined, dead)).toMatchObject(kept);
    expect(planned(health, undefined, aliveFor(60))).toMatchObject(kept);
  });

  it('is replaced once the item lists another target than the one that was dead', () => {
    expect(planned('alive', undefined, { ...dead, target: 'nat-bbbbbbbb' })).toMatchObject(back);
    expect(planned('unaskable', undefined, { ...dead, target: 'nat-bbbbbbbb' })).toMatchObject(back);
  });
});

describe('a dead listed target', () => {
  it('still replaces a blackhole: nothing is lost', () => {
    const blackhole = actual(failover, { state: 'blackhole' });
    expect(planned('dead', blackhole)).toMatchObject({ changes: [{ action: 'replace', to: wanted.target }] });
  });

  it('does not matter to a route that is as desired', () => {
    expect(planned('dead', actual(wanted))).toMatchObject({ inSync: true, unchanged: 1, findings: [] });
  });

  it('leaves the create of a missing route in the plan, so that deletes wait for it', () => {
    const wide = { ...memory({ '10.20.0.0/15': { ours: 'pcx-aaaaaaaa', listed: true } }) };
    const found = table([actual(route('10.20.0.0/15', 'pcx-aaaaaaaa'))]);
    const { changes, waiting } = plan(item, found, { now, memory: wide, health: new Map([[target, 'dead']]) });
    expect(changes).toMatchObject([{ action: 'delete' }, { action: 'create', to: wanted.target }]);
    expect(waiting).toEqual([{ destination: '10.20.0.0/15', creates: [destination] }]);
  });
});

describe('a route with alternates', () => {
  const [first, second, third] = ['nat-aaaaaaaa', 'tgw-aaaaaaaa', 'pcx-aaaaaaaa'];
  const listing = desired({ [destination]: [first, second, third] });
  const at = (id: string, more: Parameters<typeof actual>[1] = {}) => actual(route(destination, id), more);
  const dropping = { state: 'blackhole' } as const;

  /** The plan when EC2 says this about the targets. */
  const decided = (
    slot: ReturnType<typeof actual> | undefined,
    health: Readonly<Record<string, Health>> = {},
    down?: Down,
  ) =>
    plan(listing, table(slot ? [slot] : []), {
      now,
      health: new Map(Object.entries(health)),
      ...(down && { memory: memory({ [destination]: { listed: true, down } }) }),
    });
  const movesTo = (id: string) => ({ changes: [{ action: 'replace', to: route(destination, id).target }] });
  const rescues = (id: string) => ({ changes: [{ ...movesTo(id).changes[0], because: 'target-down' }] });

  it('is as desired on an active alternate, and stays there, whatever EC2 says of its target', () => {
    for (const health of ['alive', 'dead', 'unaskable'] as const)
      expect(decided(at(third), { [first]: health })).toMatchObject({
        inSync: true,
        changes: [],
        unchanged: 1,
        leftAlone: [],
        findings: [
          {
            code: 'on-alternate',
            destination,
            target: third,
            message: `${destination} runs on ${third}, an alternate of ${first}, and stays there`,
          },
        ],
      });
  });

  it('is as desired on an alternate that looks like somebody else’s', () => {
    const own = desired({ [destination]: [first, 'eni-bbbbbbbb'] });
    const foreign = at('eni-bbbbbbbb', { instance: { ownerId: '999988887777' } });
    expect(plan(own, table([foreign]), { now, memory: memory() })).toMatchObject({ inSync: true, unchanged: 1 });
  });

  it.each<[string, string, Readonly<Record<string, Health>>, string]>([
    ['the first alternate that is alive', first, { [first]: 'dead', [second]: 'dead', [third]: 'alive' }, third],
    ['alternates in the order of the item', first, { [first]: 'dead', [third]: 'alive', [second]: 'alive' }, second],
    ['its target before alternates', second, { [first]: 'alive', [second]: 'dead', [third]: 'alive' }, first],
    ['another alternate', second, { [first]: 'dead', [second]: 'dead', [third]: 'alive' }, third],
    ['its target, if EC2 cannot be asked about it', second, { [first]: 'unaskable', [second]: 'dead' }, first],
  ])('moves from a blackhole to %s', (_, from, health, to) => {
    expect(decided(at(from, dropping), health)).toMatchObject(rescues(to));
  });

  it('says where a blackhole moves, and that it was a blackhole', () => {
    expect(decided(at(first, dropping), { [first]: 'dead', [second]: 'alive' }).findings).toEqual([
      {
        code: 'blackhole',
        destination,
        target: first,
        message: `${destination} is routed to ${first} as desired, but that target is gone or detached: the route moves to ${second}, which is up`,
      },
    ]);
  });

  it.each<[string, string, Readonly<Record<string, Health>>]>([
    ['no target is alive', first, { [first]: 'dead', [second]: 'dead', [third]: 'dead' }],
    ['no target is alive, and it is on an alternate', second, { [first]: 'dead', [second]: 'dead', [third]: 'dead' }],
    ['its own target is alive again', first, { [first]: 'alive', [second]: 'alive' }],
    ['EC2 did not answer', first, {}],
    ['EC2 cannot be asked about its target or any other', first, { [first]: 'unaskable', [second]: 'unaskable' }],
  ])('stays a blackhole while %s', (_, on, health) => {
    expect(decided(at(on, dropping), health)).toMatchObject({
      changes: [],
      unchanged: 1,
      findings: [{ code: 'blackhole', target: on }],
    });
  });

  it('stays a blackhole while an ignore entry suspends it', () => {
    const until = minutesAfter(60).toISOString();
    const held = desired({ [destination]: [first, second] }, { ignore: [{ target: 'nat-*', reason: 'x', until }] });
    const health = new Map([[second, 'alive' as const]]);
    expect(plan(held, table([at(first, dropping)]), { now, health }).changes).toEqual([]);
  });

  it.each([
    ['its target, if that is alive', { [first]: 'alive', [second]: 'alive' }, first],
    ['the first alternate that is alive, if its target is dead', { [first]: 'dead', [third]: 'alive' }, third],
  ] as const)('that others moved elsewhere is replaced with %s', (_, health, to) => {
    expect(decided(at('eni-bbbbbbbb'), health)).toMatchObject(movesTo(to));
    expect(decided(at('eni-bbbbbbbb', dropping), health)).toMatchObject(movesTo(to));
    expect(decided(at('eni-bbbbbbbb'), health).changes[0]).not.toHaveProperty('because');
  });

  it('that others moved elsewhere stays while neither its target nor an alternate is alive', () => {
    const none = { [first]: 'dead', [second]: 'dead', [third]: 'unaskable' } as const;
    expect(decided(at('eni-bbbbbbbb'), none)).toMatchObject(kept);
  });

  it('that others moved elsewhere goes to an alternate while its target is not alive for 5 minutes', () => {
    const health = { [first]: 'alive', [second]: 'alive' } as const;
    expect(decided(at('eni-bbbbbbbb'), health, aliveFor(1))).toMatchObject(movesTo(second));
    expect(decided(at('eni-bbbbbbbb'), health, aliveFor(5))).toMatchObject(movesTo(first));
  });

  it.each([
    ['with its target, if nothing is known against it', {}, first],
    ['with the first alternate that is alive, if its target is dead', { [first]: 'dead', [third]: 'alive' }, third],
    ['with its target, if no alternate is alive: that is retried', { [first]: 'dead', [second]: 'dead' }, first],
  ] as const)('that is missing is created %s', (_, health, to) => {
    expect(decided(undefined, health)).toMatchObject({
      changes: [{ action: 'create', to: route(destination, to).target }],
    });
  });

  it('that lists another target now stays where it is, if that is still an alternate', () => {
    const edited = desired({ [destination]: [third, first] });
    expect(plan(edited, table([at(first)]), { now, memory: memory() })).toMatchObject({ inSync: true, unchanged: 1 });
  });

  it.each([
    ['is missing', undefined],
    ['was moved elsewhere', at('eni-bbbbbbbb')],
    ['was moved elsewhere and is a blackhole', at('eni-bbbbbbbb', dropping)],
    ['is a blackhole', at(first, dropping)],
    ['is a blackhole on an alternate', at(second, dropping)],
  ])('makes EC2 be asked about all its targets when it %s', (_, slot) => {
    expect(targetsToAsk(listing, decided(slot))).toEqual([first, second, third].map((id) => route('::/0', id).target));
  });

  it.each([
    ['works', at(first)],
    ['works on an alternate', at(second)],
  ])('makes nobody ask EC2 while it %s', (_, slot) => {
    expect(targetsToAsk(listing, decided(slot))).toEqual([]);
  });
});

describe('EC2 is asked about the targets', () => {
  it('that would replace a working route', () => {
    expect(targetsToAsk(item, planned(undefined))).toEqual([wanted.target]);
  });

  it('that would carry a missing route', () => {
    expect(targetsToAsk(item, plan(item, table([]), { now }))).toEqual([wanted.target]);
  });

  it('that were dead before, while a route works on another target', () => {
    expect(targetsToAsk(item, planned(undefined, undefined, dead))).toEqual([wanted.target]);
  });

  it.each([
    ['no drift', actual(wanted)],
    ['a blackhole to replace', actual(failover, { state: 'blackhole' })],
    ['a blackhole without alternates', actual(wanted, { state: 'blackhole' })],
  ])('never for %s', (_, slot) => {
    expect(targetsToAsk(item, planned(undefined, slot))).toEqual([]);
  });
});
