import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChangeJson } from '../../../../reconciler/core/route/change.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Drift } from '../../../../reconciler/core/memory/memory.ts';
import { actorOf, causeOf, lateCause, takenDownBy, unspent } from '../../../../reconciler/core/status/attribution.ts';
import { alice, at, bob, call, cause, destination, hijack, other } from './given.ts';

const rogue = { action: 'delete', destination, from: 'tgw-aaaaaaaa' } as const;
const removed = { action: 'create', destination, to: 'pcx-aaaaaaaa' } as const;
const { target: _, ...untargeted } = call();

describe('the cause of a change', () => {
  it.each<[string, ChangeJson]>([
    ['ReplaceRoute', hijack],
    ['CreateRoute', hijack],
    ['CreateRoute', rogue],
    ['ReplaceRoute', rogue],
    ['DeleteRoute', removed],
  ])('is the call %s, if it made the change necessary: %o', (name, change) => {
    expect(causeOf(change, [call({ name })])).toEqual({ ...cause, name });
  });

  it.each<[string, ReportedCall, ChangeJson]>([
    ['about another destination', call({ destination: other }), hijack],
    ['with another target', call({ target: 'igw-aaaaaaaa' }), hijack],
    ['with an instance, if EC2 shows no interface', call({ target: 'i-aaaaaaaa' }), hijack],
    ['that did something else', call({ name: 'DeleteRoute' }), hijack],
    ['that deleted what is still there', call({ name: 'DeleteRoute' }), rogue],
    ['that made what is missing', call({ name: 'CreateRoute' }), removed],
    ['about the target only', { ...call(), about: 'target-down', ids: ['tgw-aaaaaaaa'] }, hijack],
  ])('is no call %s', (_, reported, change) => {
    expect(causeOf(change, [reported])).toBeUndefined();
  });

  it('may be a call whose event names no target', () => {
    expect(causeOf(hijack, [untargeted])).toEqual(cause);
  });

  it('may be a call that names an instance, if EC2 shows its interface', () => {
    expect(causeOf({ ...hijack, from: 'eni-aaaaaaaa' }, [call({ target: 'i-aaaaaaaa' })])).toEqual(cause);
  });

  it('is known without an actor if the event names none', () => {
    const { actor: _, ...nobody } = call();
    const { actor: __, ...expected } = cause;
    expect(causeOf(hijack, [nobody])).toEqual(expected);
  });

  it('is the first of several equal calls: whoever asks for what is there changes nothing', () => {
    const again = call({ id: 'call-2', time: at(1), actor: bob });
    expect(causeOf(hijack, [again, call()])?.actor).toEqual(alice);
    const away = call({ id: 'call-0', time: at(0.5), target: 'igw-aaaaaaaa' });
    expect(causeOf(hijack, [again, call(), away])?.actor).toEqual(bob);
  });

  it('is unknown if several people may have been first: CloudTrail reports whole seconds', () => {
    const twin = call({ id: 'call-2', actor: bob });
    expect(causeOf(hijack, [call(), twin])).toBeUndefined();
    expect(causeOf(hijack, [call(), call({ id: 'call-2' })])?.actor).toEqual(alice);
    // If Bob's repair came between the two calls of Alice, she moved the route twice. If it came first, once.
    const repair = call({ id: 'call-3', target: 'pcx-aaaaaaaa', actor: bob });
    expect(causeOf(hijack, [call(), repair, call({ id: 'call-2', time: at(1), actor: bob })])).toBeUndefined();
  });

  it('is unknown if the last call undid the one before', () => {
    expect(causeOf(hijack, [call(), call({ time: at(1), target: 'pcx-aaaaaaaa' })])).toBeUndefined();
  });

  it('is the call of the last second that explains the change: CloudTrail reports whole seconds', () => {
    const repair = call({ id: 'call-2', target: 'pcx-aaaaaaaa', actor: bob });
    for (const calls of [
      [call(), repair],
      [repair, call()],
    ])
      expect(causeOf(hijack, calls)).toEqual(cause);
  });

  it('depends on the times of the calls, not on the order of their events', () => {
    const calls = ['tgw-aaaaaaaa', 'igw-aaaaaaaa', 'tgw-aaaaaaaa'].map((target, n) =>
      call({ id: `call-${n}`, time: at(n), target }),
    );
    const orders = fc.shuffledSubarray(calls, { minLength: calls.length });
    fc.assert(fc.property(orders, (order) => causeOf(hijack, order)?.id === 'call-2'));
  });
});

describe('the actor behind a change', () => {
  const found: Drift = { ...hijack, foundAt: at(0), cause };

  it('is known from a call', () => {
    expect(actorOf(hijack, {}, [call()])).toEqual(alice);
  });

  it('is unknown if the read before showed the same route', () => {
    expect(actorOf(hijack, { seen: { target: hijack.from } }, [call()])).toBeUndefined();
    expect(actorOf(hijack, { seen: { target: 'i-aaaaaaaa', via: hijack.from } }, [call()])).toBeUndefined();
    expect(actorOf(removed, {}, [call({ name: 'DeleteRoute' })])).toBeUndefined();
    expect(actorOf(removed, { seen: { target: removed.to } }, [call({ name: 'DeleteRoute' })])).toEqual(alice);
  });

  it('is unknown if no call explains the change', () => {
    expect(actorOf(hijack, {}, [])).toBeUndefined();
  });

  it('is known from the drift that the change repairs, even at a later try or with another change', () => {
    expect(actorOf(hijack, { drift: [found] }, [])).toEqual(alice);
    expect(actorOf(rogue, { drift: [found] }, [])).toEqual(alice);
  });

  it.each<[string, Drift]>([
    ['was repaired', { ...found, appliedAt: at(1) }],
    ['has ended', { ...found, endedAt: at(1) }],
    ['had another target', { ...found, from: 'tgw-bbbbbbbb' }],
  ])('is not taken from drift that %s', (_, drift) => {
    expect(actorOf(hijack, { drift: [drift] }, [])).toBeUndefined();
  });

  it('is not taken from a call that explained drift before', () => {
    const over = { ...found, endedAt: at(1) };
    expect(actorOf(hijack, { drift: [over] }, [call({ time: at(5) })])).toBeUndefined();
  });
});

describe('a call is spent', () => {
  const found: Drift = { ...hijack, foundAt: at(1) };

  it('once it has explained drift: events arrive twice', () => {
    expect(unspent([call({ time: at(5) })], [{ ...found, cause }])).toEqual([]);
  });

  it('once drift of its destination was found or repaired after it', () => {
    expect(unspent([call()], [found])).toEqual([]);
    expect(unspent([call({ time: at(2) })], [{ ...found, appliedAt: at(3) }])).toEqual([]);
  });

  it('not by drift of another destination', () => {
    const elsewhere = call({ destination: other });
    expect(unspent([elsewhere], [{ ...found, cause }])).toEqual([elsewhere]);
  });

  it('not within the second of the repair: CloudTrail reports whole seconds', () => {
    const appliedAt = new Date(Date.parse(at(1)) + 700).toISOString();
    expect(unspent([call({ time: at(1) })], [{ ...found, appliedAt }])).toHaveLength(1);
  });
});

describe('a late call', () => {
  const found: Drift = { ...hijack, foundAt: at(2) };
  const lateFor = (one: Drift, reported: ReportedCall, ...others: readonly Drift[]) =>
    lateCause(one, [reported], [...others, one]);

  it('explains drift that was found after it', () => {
    expect(lateFor(found, call())).toEqual(cause);
    expect(lateFor(found, call({ time: at(2) }))).toEqual({ ...cause, time: at(2) });
  });

  it('explains no drift that was found before it', () => {
    expect(lateFor(found, call({ time: at(3) }))).toBeUndefined();
  });

  it('explains no drift of another destination, nor a change to another target', () => {
    expect(lateFor(found, call({ destination: other }))).toBeUndefined();
    expect(lateFor(found, call({ target: 'igw-aaaaaaaa' }))).toBeUndefined();
  });

  it('explains no second drift', () => {
    expect(lateFor(found, call(), { ...hijack, foundAt: at(4), cause })).toBeUndefined();
  });

  it('explains the first drift after it, not a later one', () => {
    const earlier: Drift = { ...hijack, foundAt: at(1), endedAt: at(1.5) };
    expect(lateFor(found, call(), earlier)).toBeUndefined();
    expect(lateCause(earlier, [call()], [earlier, found])).toEqual(cause);
  });
});

describe('who took an instance down', () => {
  const eni = 'eni-aaaaaaaa';
  const remembered = { instances: { [eni]: 'i-aaaaaaaa' } };
  const ids = ['i-aaaaaaaa'];
  const stop = (time = at(0)): ReportedCall => ({
    id: 'call-1',
    name: 'StopInstances',
    time,
    actor: bob,
    about: 'target-down',
    ids,
  });
  const state = (name: string, minutes: number): ReportedCall => ({
    id: name,
    name: `EC2 Instance State-change Notification: ${name}`,
    time: at(minutes),
    about: name === 'running' ? 'target-up' : 'target-down',
    ids,
  });
  const who = (...calls: readonly ReportedCall[]) => takenDownBy(eni, remembered, calls);

  it('is the caller, whose call EC2 reports as states as well', () => {
    expect(who(stop(), state('stopping', 0), state('stopped', 1))?.actor).toEqual(bob);
    expect(who(state('stopping', 0), stop(at(1 / 60)))?.actor).toEqual(bob);
  });

  it('is nobody if only the states are reported, whoever stopped it before or stops it afterwards', () => {
    const crash = state('stopped', 3);
    expect(who(crash)).toEqual({ id: crash.id, name: crash.name, time: crash.time });
    expect(who(crash, stop(at(4)))).toEqual(who(crash));
    expect(who(stop(), state('stopped', 1), state('running', 2), crash)).toEqual(who(crash));
  });
});
