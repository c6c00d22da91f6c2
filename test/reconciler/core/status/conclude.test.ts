import { describe, expect, it } from 'vitest';
import { policyHash } from '../../../../reconciler/core/desired/hashes.ts';
import { type Remembered, emptyMemory, rememberedAt, withEach } from '../../../../reconciler/core/memory/memory.ts';
import { type Result, conclude } from '../../../../reconciler/core/status/conclude.ts';
import type { State } from '../../../../reconciler/core/status/status.ts';
import { desired, minutesAfter, now, table } from '../../../support/builders.ts';
import {
  alice,
  at,
  call,
  cause,
  circumstances,
  destination,
  done,
  hijack,
  inSync,
  listed,
  memory,
  other,
  reconciled,
  refused,
  via,
} from './given.ts';

const moved = via(destination, 'tgw-aaaaaaaa');
const wanted = desired(...listed);
const problems = [
  { path: 'routes[0].target', found: '"x"', message: 'expected a target' },
  { path: 'mode', found: '"y"', message: 'expected enforce or observe' },
];

const concluded = (before: State | undefined, result: Result, more: Parameters<typeof circumstances>[0] = {}): State =>
  conclude(before, before?.memory ?? emptyMemory, result, circumstances(more));

/** A table with drift, a refused repair and a call that explains it. */
const inTrouble = (): State =>
  reconciled(inSync(), { minute: 1, routes: [moved], answer: refused, calls: [call({ time: at(1) })] });

const slot = ({ memory }: State): Remembered => rememberedAt(memory, destination);

describe('after a read that is believed', () => {
  it('the memory has the hashes of item and policy', () => {
    const { memory } = inSync();
    expect(memory).toMatchObject({ desiredHash: expect.any(String), policyHash: policyHash(wanted, now) });
    expect(memory).not.toHaveProperty('watched');
  });

  it('the changes that the plan still asks for are remembered, and those that were made are not', () => {
    expect(slot(reconciled(inSync(), { routes: [moved] })).planned).toEqual(hijack);
    expect(slot(reconciled(inSync(), { routes: [moved], answer: done }))).not.toHaveProperty('planned');
  });

  it('a waiting delete is remembered with its reason, and a route with its problem', () => {
    const dead = { ...via(destination), state: 'blackhole' } as const;
    const item = [listed[0], { maxDeletes: 0 }] as typeof listed;
    const { destinations } = reconciled(inSync(), { item, routes: [dead, via(other)] }).memory;
    expect(destinations.get(other)).toMatchObject({ waits: 'first-deletes' });
    expect(destinations.get(destination)).toMatchObject({ troubles: ['blackhole'] });
    const after = reconciled(reconciled(inSync(), { item, routes: [dead, via(other)] })).memory.destinations;
    expect([after.get(other)?.waits, after.get(destination)?.troubles]).toEqual([undefined, undefined]);
  });

  it('a refusal is remembered until its change is made', () => {
    const failed = inTrouble();
    expect(slot(failed).refusal).toMatchObject({ action: 'replace', code: 'RouteLimitExceeded', attempts: 1 });
    expect(slot(reconciled(failed, { minute: 2, routes: [moved], answer: done }))).not.toHaveProperty('refusal');
  });

  it('a repair is remembered with the actor of its drift, even at a later try', () => {
    const repaired = reconciled(inTrouble(), { minute: 2, routes: [moved], answer: done });
    expect(slot(repaired).repairs).toEqual({ target: 'pcx-aaaaaaaa', at: [at(2)], by: [alice] });
  });

  it('a change that an edit asked for is not a repair', () => {
    const edited = reconciled(inSync(), { item: [{ [destination]: 'tgw-bbbbbbbb' }], answer: done });
    expect(slot(edited)).not.toHaveProperty('repairs');
  });

  it('a write is remembered until a later read shows it', () => {
    const { memory } = reconciled(inSync(), { minute: 1, routes: [moved], answer: done });
    expect(memory.lastWriteAt).toBe(at(1));
    expect(memory.destinations.get(destination)?.written).toMatchObject({ target: 'pcx-aaaaaaaa' });
  });

  it('a doubt is over', () => {
    const before = inSync();
    const doubting = { ...before, memory: { ...before.memory, doubt: true as const } };
    expect(reconciled(doubting).memory).not.toHaveProperty('doubt');
  });

  it('a table is watched only while nothing may be changed', () => {
    const observed = reconciled(inSync(), { item: [listed[0], { mode: 'observe' }] });
    expect(observed.memory.watched).toBe(true);
    expect(reconciled(observed).memory).not.toHaveProperty('watched');
  });
});

describe('without an item', () => {
  const unmanaged = (state: State): State =>
    concluded(state, { kind: 'unmanaged' }, { now: minutesAfter(1), deletions: ['deletion-1'] });

  it('the status shows only that the table is Unmanaged', () => {
    const { status } = unmanaged(inTrouble());
    expect(status).toMatchObject({ phase: 'Unmanaged', reason: 'there is no desired item' });
    for (const field of ['plan', 'drift', 'lastDrift']) expect(status).not.toHaveProperty(field);
  });

  it('only recent writes, reported calls, deletions and the approval are remembered', () => {
    const approval = { at: at(0), by: 'alice', routes: [] };
    const repaired = reconciled(inSync(), { minute: 1, routes: [moved], answer: done });
    const before = {
      ...repaired,
      memory: { ...repaired.memory, callsSeen: ['call'], deletions: ['deletion-0'], approval },
    };
    expect(unmanaged(before).memory).toEqual({
      destinations: memory({ [destination]: { written: { target: 'pcx-aaaaaaaa', from: 'tgw-aaaaaaaa' } } })
        .destinations,
      lastWriteAt: at(1),
      callsSeen: ['call'],
      deletions: ['deletion-0', 'deletion-1'],
      approval,
    });
  });

  it('the latest 5 deletions are remembered, each once', () => {
    const deletions = ['1', '2', '2', '3', '4', '5', '6'];
    const { memory } = concluded(undefined, { kind: 'unmanaged' }, { deletions });
    expect(memory.deletions).toEqual(['2', '3', '4', '5', '6']);
  });
});

describe('with an invalid item', () => {
  const invalid = (state: State | undefined, minute = 2): State =>
    concluded(state, { kind: 'invalid', problems }, { now: minutesAfter(minute) });

  it('the first problem is the reason, and all are shown', () => {
    const { status } = invalid(undefined);
    expect(status).toMatchObject({ phase: 'Invalid', problems });
    expect(status.reason).toBe(
      'the desired item is invalid: routes[0].target: expected a target, found "x" and 1 more',
    );
    expect(status.plan).toMatchObject({ inSync: false, changes: [] });
  });

  it('everything of the table is still remembered and its drift is shown', () => {
    const before = inTrouble();
    const after = invalid(before);
    expect(after.memory.destinations).toEqual(before.memory.destinations);
    expect(after.status).toMatchObject({
      drift: [{ ...hijack, cause: { actor: alice } }],
      lastDrift: { actor: alice },
    });
  });

  it('the next valid item counts as new, and no doubt is left', () => {
    const doubting = { ...inSync(), memory: { ...inSync().memory, doubt: true as const } };
    for (const field of ['desiredHash', 'policyHash', 'doubt'])
      expect(invalid(doubting).memory).not.toHaveProperty(field);
    const item: typeof listed = [{ [destination]: 'tgw-bbbbbbbb' }];
    expect(reconciled(invalid(inSync()), { minute: 3, item }).status).not.toHaveProperty('drift');
    expect(reconciled(invalid(inSync()), { minute: 3, item, routes: [moved] }).status).toMatchObject({
      drift: [{ destination, from: 'tgw-aaaaaaaa', to: 'tgw-bbbbbbbb' }],
    });
  });
});

describe('after reads that are not believed', () => {
  const troubled = inTrouble();
  const wrote = withEach(troubled.memory, (one) => ({ ...one, written: { target: 'pcx-aaaaaaaa' } }));
  const before = { ...troubled, memory: { ...wrote, lastWriteAt: at(1.9) } };
  const doubtful = (state: State, more: Parameters<typeof circumstances>[0] = {}, item = wanted): State =>
    concluded(state, { kind: 'doubtful', desired: item, actual: table([moved]) }, { now: minutesAfter(2), ...more });

  it('the status stays, and says that the table is read again in 6 seconds', () => {
    const { status } = doubtful(before);
    const { plan, failures, drift } = before.status;
    expect(status).toMatchObject({ phase: 'Verifying', plan, failures, drift, nextRetry: at(2.1), checkedAt: at(2) });
    expect(status.reason).toBe(
      `reads do not show ${destination} via pcx-aaaaaaaa, last written at ${at(1.9)}: they decide nothing before ${at(2.4)}, unless an event reports that others changed it again`,
    );
  });

  it('the doubt and everything else are remembered', () => {
    const { doubt, ...rest } = doubtful(before).memory;
    expect(doubt).toBe(true);
    expect(rest).toEqual(before.memory);
  });

  it('problems of an earlier item are no longer shown', () => {
    expect(doubtful(concluded(before, { kind: 'invalid', problems })).status).not.toHaveProperty('problems');
  });

  it('a late event still explains drift, in the status too', () => {
    const unexplained = reconciled(inSync(), { minute: 1, routes: [moved], answer: done });
    const after = doubtful(unexplained, { calls: [call()] });
    expect(slot(after).drift).toMatchObject([{ cause }]);
    expect(after.status.drift).toMatchObject([{ cause }]);
  });
});

describe('without a table', () => {
  const missing = (state: State, item = wanted): State =>
    concluded(state, { kind: 'missing', desired: item }, { now: minutesAfter(2) });

  it('the status says so', () => {
    const { status } = missing(inSync());
    expect(status).toMatchObject({
      phase: 'Missing',
      reason: 'EC2 has no such route table in this account and Region',
      plan: { changes: [], findings: [{ code: 'table-not-found' }] },
    });
  });

  it('plans and failures are forgotten, but not which routes are ours', () => {
    const after = slot(missing(inTrouble()));
    expect(after).toMatchObject({ listed: true, ours: 'pcx-aaaaaaaa', drift: [hijack] });
    for (const field of ['planned', 'refusal', 'waits', 'troubles']) expect(after).not.toHaveProperty(field);
  });

  it('no time counts as quiet', () => {
    const contest = { since: at(0), until: at(1), waitMs: 60_000 };
    const repairs = { target: 'pcx-aaaaaaaa', at: [at(0)], by: [alice], contest };
    const state = inSync();
    const contested = { ...state, memory: withEach(state.memory, (one) => ({ ...one, repairs })) };
    expect(slot(missing(contested)).repairs).toEqual(repairs);
    expect(missing(contested).status.contested).toHaveLength(1);
  });

  it('a table is watched only while nothing may be changed', () => {
    const observed = reconciled(inSync(), { item: [listed[0], { mode: 'observe' }] });
    expect(missing(observed).memory).not.toHaveProperty('watched');
    expect(missing(inSync(), desired(listed[0], { mode: 'observe' })).memory.watched).toBe(true);
  });

  it('a doubt about an earlier read is over', () => {
    const state = inSync();
    const doubting = { ...state, memory: { ...state.memory, doubt: true as const } };
    expect(missing(doubting).memory).not.toHaveProperty('doubt');
  });
});
