import { describe, expect, it } from 'vitest';
import type { ChangeOutcome } from '../../../../reconciler/core/route/outcome.ts';
import { type Status, isBelieved } from '../../../../reconciler/core/status/status.ts';
import { actual, local, route } from '../../../support/builders.ts';
import {
  type Given,
  at,
  call,
  destination,
  done,
  hijack,
  inSync,
  listed,
  other,
  reconciled,
  refused,
  via,
} from './given.ts';

const moved = via(destination, 'tgw-aaaaaaaa');
const dead = actual(route(destination, 'pcx-aaaaaaaa'), { state: 'blackhole' });

const after = (given: Given): Status => reconciled(inSync(), { minute: 1, ...given }).status;

/** The state after the change `moved` got this answer from EC2. */
const answered = (answer: Omit<ChangeOutcome, 'action' | 'destination'>): Status =>
  after({ routes: [moved], answer: () => answer });

/** A route that was repaired 6 times within 6 minutes, after one more reconcile if one is given. */
function contested(more?: Given): Status {
  let state = inSync();
  for (let minute = 1; minute <= 6; minute++) {
    const calls = [call({ id: `call-${minute}`, time: at(minute) })];
    state = reconciled(state, { minute, routes: [moved], answer: done, calls });
  }
  return more ? reconciled(state, { routes: [moved], ...more }).status : state.status;
}

describe('a table is', () => {
  it.each<[Status['phase'], string, string, Given]>([
    ['InSync', 'it is as desired', 'every route is as desired', {}],
    ['Verifying', 'changes were made', '1 change made, not seen in a read yet', { routes: [moved], answer: done }],
    [
      'Verifying',
      'a part of the plan follows',
      'the plan is applied in part: the rest follows',
      { routes: [moved], isDone: false },
    ],
    [
      'Drifted',
      'drift is only observed',
      'drift is only reported: the item is in mode observe',
      { item: [listed[0], { mode: 'observe' }], routes: [moved] },
    ],
    [
      'Drifted',
      'it is paused',
      'drift is only reported: the table is paused: maintenance',
      { item: [listed[0], { paused: { reason: 'maintenance' } }], routes: [moved] },
    ],
    [
      'Failed',
      'EC2 refused a change',
      `could not replace ${destination}: RouteLimitExceeded`,
      { routes: [moved], answer: refused },
    ],
    [
      'Failed',
      'others hold a listed destination',
      `${destination} is the local route of a VPC CIDR block; to retarget it, set overrideLocal: true`,
      { routes: [local(destination)] },
    ],
  ])('%s if %s', (phase, _, reason, given) => {
    expect(after(given)).toMatchObject({ phase, reason });
  });

  it('Blocked if deletes wait for a person', () => {
    const status = after({ item: [listed[0], { maxDeletes: 0 }], routes: [via(destination), via(other)] });
    expect(status).toMatchObject({
      phase: 'Blocked',
      plan: { blocked: { code: 'first-deletes', deletes: [{ destination: other, code: 'first-deletes' }] } },
    });
    expect(status.reason).toBe(status.plan?.blocked?.message);
  });

  it('Verifying if a pause ended between the read and the conclusion: nothing was tried yet', () => {
    const status = after({ routes: [] });
    expect(status).toMatchObject({ phase: 'Verifying', reason: expect.stringContaining('not applied yet') });
    expect(status.nextRetry).toBeDefined();
  });

  it('InSync if it is observed and as desired', () => {
    expect(after({ item: [listed[0], { mode: 'observe' }] }).phase).toBe('InSync');
  });

  it('Contested if others keep undoing a repair, with their names', () => {
    expect(contested()).toMatchObject({
      phase: 'Contested',
      reason:
        `${destination} was repaired 6 times in short order and changed again by ` +
        `arn:aws:iam::111122223333:user/alice; it is not repaired before ${at(7)}`,
      contested: [{ destination, target: 'pcx-aaaaaaaa', repairs: 6, until: at(7) }],
    });
  });
});

describe('of several reasons, the status names', () => {
  it('a failure before a block', () => {
    const routes = [moved, via(other)];
    const status = after({ item: [listed[0], { maxDeletes: 0 }], routes, answer: refused });
    expect(status.phase).toBe('Failed');
    expect(status.plan?.blocked?.deletes).toMatchObject([{ destination: other }]);
  });

  it('a failure before a contest, and a contest before a block', () => {
    expect(contested({ minute: 7, answer: refused }).phase).toBe('Failed');
    const item = [listed[0], { maxDeletes: 0 }] as typeof listed;
    const detached = actual(route(other, 'eni-aaaaaaaa'), { state: 'blackhole' });
    const both = contested({ minute: 6.5, item, routes: [moved, detached] });
    expect([both.phase, both.plan?.blocked?.deletes]).toMatchObject(['Contested', [{ destination: other }]]);
  });

  it('a block before changes that are made', () => {
    const routes = [moved, via(other)];
    expect(after({ item: [listed[0], { maxDeletes: 0 }], routes, answer: done }).phase).toBe('Blocked');
  });

  it('the first failure, and how many more there are', () => {
    const item = [{ ...listed[0], [other]: 'pcx-aaaaaaaa' }] as typeof listed;
    const status = after({ item, routes: [moved], answer: refused });
    expect(status.reason).toBe(`could not replace ${destination}: RouteLimitExceeded, and 1 more`);
    expect(status.failures?.map((one) => one.destination)).toEqual([destination, other]);
  });

  it.each([
    ['its remedy', { remedy: 'ask for more', message: 'too many', code: 'x' }, 'ask for more'],
    ['else its message', { message: 'too many', code: 'x' }, 'too many'],
    ['else its code', { code: 'x' }, 'x'],
  ])('of a failure %s', (_, said, expected) => {
    const { reason } = answered({ result: 'refused', kind: 'rejected', ...said });
    expect(reason).toBe(`could not replace ${destination}: ${expected}`);
  });

  it('changes that were made before a pause', () => {
    const item = [{ ...listed[0], [other]: 'pcx-aaaaaaaa' }, { paused: { reason: 'x' } }] as typeof listed;
    const answer = ({ action }: { action: string }) => ({ result: action === 'replace' ? 'done' : 'skipped' }) as const;
    expect(after({ item, routes: [moved], answer })).toMatchObject({ phase: 'Verifying', plan: { inSync: false } });
  });
});

describe('a status', () => {
  it('shows drift until a read shows it as desired again', () => {
    const drifted = reconciled(inSync(), { minute: 1, routes: [moved], answer: done });
    expect(drifted.status.drift).toMatchObject([{ ...hijack, foundAt: at(1), byUs: true }]);
    const repaired = reconciled(drifted, { minute: 2 });
    expect(repaired.status).not.toHaveProperty('drift');
    expect(repaired.status.lastDrift).toMatchObject({ foundAt: at(1), routes: 1, healedAt: at(2) });
  });

  // Ended drift is forgotten 15 minutes after it was found, but the status must keep when it was over.
  it('shows when drift was over that lasted longer than events are awaited', () => {
    const calls = [call({ time: at(1) })];
    const drifted = reconciled(inSync(), { minute: 1, routes: [moved], answer: refused, calls });
    const repaired = reconciled(drifted, { minute: 30, routes: [moved], answer: done });
    expect(reconciled(repaired, { minute: 31 }).status.lastDrift).toMatchObject({ healedAt: at(31) });
  });

  it('counts the routes that drop their traffic', () => {
    expect(after({ routes: [dead] })).toMatchObject({ phase: 'Degraded', blackholes: 1 });
    expect(after({})).not.toHaveProperty('blackholes');
  });

  it('does not count a route that is kept from a dead target', () => {
    const replaced = reconciled(inSync(), { item: [{ [destination]: 'nat-aaaaaaaa' }], answer: done, minute: 1 });
    const item = [{ [destination]: 'nat-aaaaaaaa' }] as typeof listed;
    const gone = actual(route(destination, 'nat-aaaaaaaa'), { state: 'blackhole' });
    const died = reconciled(replaced, { item, routes: [gone], minute: 2 });
    expect(died.status).toMatchObject({ phase: 'Degraded', blackholes: 1 });
    const kept = reconciled(died, { item, routes: [via(destination)], minute: 3 });
    expect(kept.status.phase).toBe('Degraded');
    expect(kept.status).not.toHaveProperty('blackholes');
  });

  it('says how many routes the item lists, and in which VPC the table is', () => {
    expect(after({})).toMatchObject({ listed: 1, vpcId: 'vpc-aaaaaaaa' });
  });

  it('shows a pause with its end', () => {
    const paused = { reason: 'maintenance', until: at(60) };
    expect(after({ item: [listed[0], { paused }] }).pause).toEqual({ ...paused, of: 'item', until: at(60) });
  });

  it('shows at most 100 of each list, and counts the rest of the plan', () => {
    const routes = Object.fromEntries(Array.from({ length: 103 }, (_, n) => [`10.20.${n}.0/24`, 'pcx-aaaaaaaa']));
    const status = after({ item: [routes], routes: [], answer: refused });
    expect([status.failures, status.plan?.changes].map((list) => list?.length)).toEqual([100, 100]);
    expect(status.plan?.omitted?.changes).toBe(3);
  });
});

describe('the next reconcile comes', () => {
  it('5 seconds after a write, or an answer that was lost', () => {
    const soon = new Date(Date.parse(at(1)) + 5_000).toISOString();
    for (const result of ['done', 'unknown'] as const) expect(answered({ result }).nextRetry).toBe(soon);
  });

  it('when the first refusal may be tried again', () => {
    const { nextRetry, failures } = answered({ result: 'refused', kind: 'not-ready' });
    expect(nextRetry).toBe(failures[0]?.nextRetry);
    expect(nextRetry).toMatch(/^2026-11-23T12:01:1[45]/);
  });

  it('with the sweep after a refusal that only sweeps retry', () => {
    expect(answered(refused())).not.toHaveProperty('nextRetry');
  });

  it('not for a refusal while nothing may be changed', () => {
    const failed = reconciled(inSync(), { minute: 1, routes: [moved], answer: refused });
    const observed = reconciled(failed, { minute: 2, routes: [moved], item: [listed[0], { mode: 'observe' }] });
    expect(observed.status).toMatchObject({ phase: 'Drifted', failures: [{ destination }] });
    expect(observed.status).not.toHaveProperty('nextRetry');
  });

  it('when a contest ends, if nothing is due before', () => {
    expect(contested().nextRetry).toBe(at(6 + 5 / 60));
    expect(contested({ minute: 6.5, answer: undefined }).nextRetry).toBe(at(7));
  });

  it('at no set time if nothing waits or nothing may be changed', () => {
    expect(after({})).not.toHaveProperty('nextRetry');
    expect(after({ item: [listed[0], { mode: 'observe' }], routes: [moved] })).not.toHaveProperty('nextRetry');
  });
});

it('only a state after a believed read counts as believed', () => {
  const state = inSync();
  expect(isBelieved(state)).toBe(true);
  expect(isBelieved({ ...state, memory: { ...state.memory, doubt: true } })).toBe(false);
  for (const phase of ['Invalid', 'Missing', 'Unmanaged'] as const)
    expect(isBelieved({ ...state, status: { ...state.status, phase } })).toBe(false);
});
