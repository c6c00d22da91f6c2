import { describe, expect, it } from 'vitest';
import { attribution, causeOf, mayExplain, unspent } from '../../../reconciler/core/attribution.ts';
import type { ChangeJson } from '../../../reconciler/core/change.ts';
import type { Actor, ReportedCall } from '../../../reconciler/core/memory/call.ts';
import { minutesAfter, now } from '../../support/builders.ts';

const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const bob = { arn: 'arn:aws:iam::111122223333:user/bob' };
const destination = '10.20.0.0/16';

interface Given {
  readonly id?: string;
  readonly name?: string;
  readonly time?: string;
  readonly actor?: Actor;
  readonly destination?: string;
  readonly target?: string;
}

const call = (given: Given = {}): ReportedCall => ({
  id: 'event-0',
  name: 'ReplaceRoute',
  time: now.toISOString(),
  actor: alice,
  about: 'route',
  destination,
  ...given,
});

const aboutTarget: ReportedCall = {
  id: 'event-0',
  name: 'DeleteTransitGateway',
  time: now.toISOString(),
  actor: alice,
  about: 'target-down',
  ids: ['tgw-aaaaaaaa'],
};

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

  it.each<[string, ChangeJson, ReportedCall]>([
    ['a call about another destination', replaced, call({ destination: '10.21.0.0/16' })],
    ['a call that does something else', replaced, call({ name: 'DeleteRoute' })],
    ['a deletion of what was found', rogue, call({ name: 'DeleteRoute' })],
    ['a call to another target', replaced, call({ target: 'igw-aaaaaaaa' })],
    ['a call about the target only', replaced, aboutTarget],
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
    const known = { ...found, cause: { id: 'event-1', name: 'ReplaceRoute', time: now.toISOString() } };
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

describe('two calls of the same second', () => {
  it('leave open which was the last: the one that explains what was found is named', () => {
    const [made, undone] = [call({ id: 'event-1' }), call({ id: 'event-2', name: 'DeleteRoute', actor: bob })];
    for (const calls of [
      [made, undone],
      [undone, made],
    ]) {
      expect(causeOf(replaced, calls)?.actor).toEqual(alice);
      expect(causeOf({ action: 'create', destination, to: 'pcx-aaaaaaaa' }, calls)?.actor).toEqual(bob);
    }
  });
});

describe('a call may explain what a read shows', () => {
  it('when it is new, however long ago it was made', () => {
    const [late, other] = [call(), aboutTarget];
    expect(mayExplain([late, other], [late, other], minutesAfter(60))).toEqual([late, other]);
  });

  it('when it is about a route, for a quarter of an hour: the reads since may be older than it', () => {
    expect(mayExplain([call(), aboutTarget], [], minutesAfter(14.9))).toEqual([call()]);
    expect(mayExplain([call(), aboutTarget], [], minutesAfter(15))).toEqual([]);
  });
});
