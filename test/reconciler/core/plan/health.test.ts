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
  ])('never for %s', (_, slot) => {
    expect(targetsToAsk(item, planned(undefined, slot))).toEqual([]);
  });
});
