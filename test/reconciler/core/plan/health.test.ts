import { describe, expect, it } from 'vitest';
import { plan, targetsToAsk } from '../../../../reconciler/core/plan/plan.ts';
import type { Health } from '../../../../reconciler/core/route/health.ts';
import { actual, desired, local, now, route, table } from '../../../support/builders.ts';

const destination = '10.20.0.0/16';
const wanted = route(destination, 'nat-aaaaaaaa');
const failover = route(destination, 'eni-bbbbbbbb');

const item = desired({ [destination]: 'nat-aaaaaaaa' });

/** The plan for one route in this slot, when EC2 says this about the listed target. */
const planned = (health: Health | undefined, slot = actual(failover)) =>
  plan(item, table([local('10.0.0.0/16'), slot]), {
    now,
    ...(health && { health: new Map([['nat-aaaaaaaa', health]]) }),
  });

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
          target: 'nat-aaaaaaaa',
          message: `${destination} works through eni-bbbbbbbb and is left alone: EC2 shows that nat-aaaaaaaa cannot carry its traffic now`,
        },
      ],
    });
  });

  it.each(['alive', 'unaskable', undefined] as const)(
    'is replaced when EC2 says of the listed target: %s',
    (health) => {
      expect(planned(health)).toMatchObject({ changes: [{ action: 'replace', to: wanted.target }], findings: [] });
    },
  );
});

describe('a dead listed target', () => {
  it('still replaces a blackhole: nothing is lost', () => {
    const blackhole = actual(failover, { state: 'blackhole' });
    expect(planned('dead', blackhole)).toMatchObject({ changes: [{ action: 'replace', to: wanted.target }] });
  });

  it('does not matter to a route that is as desired', () => {
    expect(planned('dead', actual(wanted))).toMatchObject({ inSync: true, unchanged: 1, findings: [] });
  });
});

describe('EC2 is asked about the targets', () => {
  it('that would replace a working route', () => {
    expect(targetsToAsk(planned(undefined))).toEqual([wanted.target]);
  });

  it.each([
    ['no drift', actual(wanted)],
    ['a blackhole to replace', actual(failover, { state: 'blackhole' })],
  ])('never for %s', (_, slot) => {
    expect(targetsToAsk(planned(undefined, slot))).toEqual([]);
  });

  it('never for a missing route', () => {
    expect(targetsToAsk(plan(item, table([]), { now }))).toEqual([]);
  });
});
