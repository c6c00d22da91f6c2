import { describe, expect, it } from 'vitest';
import { attribution, rememberedCalls, unspent } from '../../../reconciler/core/attribution.ts';
import type { ChangeJson } from '../../../reconciler/core/change.ts';
import type { Trigger } from '../../../reconciler/core/trigger.ts';
import { minutesAfter, now } from '../../support/builders.ts';

const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const bob = { arn: 'arn:aws:iam::111122223333:user/bob' };
const destination = '10.20.0.0/16';

const call = (more: Partial<Trigger> = {}): Trigger => ({
  kind: 'event',
  name: 'ReplaceRoute',
  time: now.toISOString(),
  actor: alice,
  destination,
  ...more,
});
const replaced = { action: 'replace', destination, from: 'tgw-aaaaaaaa', to: 'pcx-aaaaaaaa' } as const;

const rogue = { action: 'delete', destination, from: 'tgw-aaaaaaaa' } as const;

describe('who caused a drift', () => {
  it.each([
    ['ReplaceRoute', replaced],
    ['CreateRoute', replaced],
    ['DeleteRoute', { action: 'create', destination, to: 'pcx-aaaaaaaa' }],
    ['CreateRoute', rogue],
  ] as const)('is the caller of %s, where that explains it', (name, change) => {
    expect(attribution(change, [call({ name })])).toEqual({ actor: alice });
  });

  it.each<[string, ChangeJson, Trigger]>([
    ['a call about another destination', replaced, call({ destination: '10.21.0.0/16' })],
    ['a call that does something else', replaced, call({ name: 'DeleteRoute' })],
    ['a deletion of what was found', rogue, call({ name: 'DeleteRoute' })],
    ['a call to another target', replaced, call({ target: 'igw-aaaaaaaa' })],
    ['a call about the target only', replaced, { kind: 'event', name: 'DeleteTransitGateway', actor: alice }],
  ])('is not told by %s: then there are candidates only', (_, change, seen) => {
    expect(attribution(change, [seen])).toEqual({ actor: 'unattributed', candidates: [alice] });
  });

  it('is the last of several, by the time of the calls and not of their events', () => {
    const calls = [
      call({ actor: bob, time: minutesAfter(2).toISOString() }),
      call({ time: minutesAfter(1).toISOString() }),
    ];
    expect(attribution(replaced, calls)).toEqual({ actor: bob });
  });

  it('is nobody whose change another has undone since', () => {
    const undone = [call(), call({ actor: bob, target: 'pcx-aaaaaaaa', time: minutesAfter(1).toISOString() })];
    expect(attribution(replaced, undone)).toEqual({ actor: 'unattributed', candidates: [alice, bob] });
  });

  it('may have named an instance where EC2 shows its interface', () => {
    expect(attribution({ ...replaced, from: 'eni-aaaaaaaa' }, [call({ target: 'i-aaaaaaaa' })])).toEqual({
      actor: alice,
    });
  });
});

it('candidates are the latest few: an item has room for a hundred outcomes', () => {
  const calls = Array.from({ length: 20 }, (_, n) =>
    call({ actor: { arn: `user/${n}` }, destination: '10.99.0.0/16', time: minutesAfter(n).toISOString() }),
  );
  expect(attribution(replaced, calls).candidates?.map(({ arn }) => arn)).toEqual(['user/17', 'user/18', 'user/19']);
});

describe('a call explains no drift', () => {
  const found = { ...replaced, foundAt: minutesAfter(1).toISOString() };

  it('that is not the drift it explained before: events come twice', () => {
    const known = { ...found, cause: { id: 'event-1' } };
    const again = call({ id: 'event-1', time: minutesAfter(5).toISOString() });
    expect(unspent([again], [known])).toEqual([]);
  });

  it('that was found after an earlier one of the same destination was put right', () => {
    expect(unspent([call()], [found])).toEqual([]);
    expect(unspent([call({ destination: '10.21.0.0/16' })], [found])).toHaveLength(1);
  });

  it('unless it may have been made after that: CloudTrail tells whole seconds', () => {
    const applied = { ...found, appliedAt: new Date(minutesAfter(1).getTime() + 700).toISOString() };
    expect(unspent([call({ time: minutesAfter(1).toISOString() })], [applied])).toHaveLength(1);
  });
});

describe('a call that showed no effect', () => {
  it('is remembered for a quarter of an hour, unless it did', () => {
    expect(rememberedCalls([call()], new Set(), minutesAfter(14.9))).toEqual([call()]);
    expect(rememberedCalls([call()], new Set(), minutesAfter(15))).toEqual([]);
    expect(rememberedCalls([call()], new Set([destination]), now)).toEqual([]);
  });

  it('is one of at most 20, the latest', () => {
    const calls = Array.from({ length: 30 }, (_, n) => call({ id: String(n) }));
    expect(rememberedCalls(calls, new Set(), now).map(({ id }) => id)).toEqual(calls.slice(10).map(({ id }) => id));
  });

  it('is none of a sweep, nor of a person nobody knows, nor one about no route', () => {
    const { actor: _, ...nobody } = call();
    const { destination: __, ...about } = call();
    expect(rememberedCalls([{ kind: 'sweep' }, nobody, about], new Set(), now)).toEqual([]);
  });
});
