import { describe, expect, it } from 'vitest';
import type { Drift } from '../../../../reconciler/core/memory/memory.ts';
import { policyHash } from '../../../../reconciler/core/desired/hashes.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import { conclude } from '../../../../reconciler/core/status/conclude.ts';
import type { State } from '../../../../reconciler/core/status/status.ts';
import { desired, minutesAfter, table } from '../../../support/builders.ts';
import {
  type Given,
  alice,
  at,
  call,
  circumstances,
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

// The drift that one reconcile finds.

type Item = NonNullable<Given['item']>;

const moved = via(destination, 'tgw-aaaaaaaa');
const observing: Item = [listed[0], { mode: 'observe' }];
const editing: Item = [{ [destination]: 'tgw-bbbbbbbb' }];
const edit = { action: 'replace', destination, from: 'pcx-aaaaaaaa', to: 'tgw-bbbbbbbb' } as const;

/** The times of all remembered drift. */
const found = ({ memory }: State): string[] =>
  [...memory.destinations.values()].flatMap(({ drift = [] }) => drift.map(({ foundAt }: Drift) => foundAt));

describe('drift is found', () => {
  it.each<[string, Given['answer']]>([
    ['EC2 repairs it', done],
    ['EC2 refuses to repair it', refused],
    ['the outcome of its repair is unknown', () => ({ result: 'unknown' })],
    ['its repair is not tried yet', undefined],
  ])('once, even if %s', (_, answer) => {
    const drifted = reconciled(inSync(), { minute: 1, routes: [moved], answer });
    expect(drifted.status.drift).toMatchObject([{ ...hijack, foundAt: at(1) }]);
  });

  it('once, however often EC2 refuses to repair it', () => {
    let state = inSync();
    for (let minute = 1; minute <= 5; minute++) state = reconciled(state, { minute, routes: [moved], answer: refused });
    expect(found(state)).toEqual([at(1)]);
  });

  it('again when it comes back after a repair that a read has shown', () => {
    let state = inSync();
    for (let minute = 1; minute <= 3; minute++) {
      state = reconciled(state, { minute, routes: [moved], answer: done });
      state = reconciled(state, { minute: minute + 0.5 });
    }
    expect(found(state)).toEqual([at(1), at(2), at(3)]);
  });

  it('once if no read has shown its repair: the read may be older', () => {
    const repaired = reconciled(inSync(), { minute: 1, routes: [moved], answer: done });
    const repeated = reconciled(repaired, { minute: 2, routes: [moved], answer: done });
    expect(found(repeated)).toEqual([at(1)]);
    const elsewhere = reconciled(repeated, { minute: 3, routes: [via(destination, 'igw-aaaaaaaa')], answer: done });
    expect(found(elsewhere)).toEqual([at(1), at(3)]);
  });

  it('in an observed table, and marked as observed', () => {
    const observed = reconciled(inSync(observing), { item: observing, minute: 1, routes: [moved] });
    expect(observed.status.drift).toEqual([{ ...hijack, foundAt: at(1), watched: true, expectsEvent: true }]);
    const again = reconciled(observed, { item: observing, minute: 2, routes: [moved] });
    expect(found(again)).toEqual([at(1)]);
  });

  it('even if its deletes wait for a person', () => {
    const item: Item = [listed[0], { maxDeletes: 0 }];
    const waiting = reconciled(inSync(item), { item, minute: 1, routes: [via(destination), via(other)] });
    expect(waiting.status).toMatchObject({ phase: 'Blocked', drift: [{ action: 'delete', destination: other }] });
  });

  it('after an edit, if others change a route that was written for it', () => {
    const edited = reconciled(inSync(), { item: editing, minute: 1, answer: done });
    const shown = reconciled(edited, { item: editing, minute: 1.1, routes: [via(destination, edit.to)] });
    const drifted = reconciled(shown, { item: editing, minute: 1.2, routes: [via(destination)] });
    expect(drifted.status.drift).toMatchObject([{ ...edit, foundAt: at(1.2) }]);
  });

  it('not after an edit while reads show the route as it was before', () => {
    const edited = reconciled(inSync(), { item: editing, minute: 1, answer: done });
    const stale = reconciled(edited, { item: editing, minute: 1.6, routes: [via(destination)], answer: done });
    expect(stale.status).not.toHaveProperty('drift');
  });

  it('in the reconcile of an edit, if a call explains it', () => {
    const both = { item: editing, minute: 1, routes: [moved], calls: [call({ time: at(1) })], answer: done };
    expect(reconciled(inSync(), both).status.drift).toMatchObject([{ from: 'tgw-aaaaaaaa', cause: { actor: alice } }]);
  });

  it('as the first read of a reconcile showed it, whatever later reads show', () => {
    const before = inSync();
    const [actual, plans] = [
      table([via(destination, 'tgw-cccccccc')]),
      { now: minutesAfter(1), memory: before.memory },
    ];
    const later = plan(desired(...listed), actual, plans);
    const on = circumstances({ now: minutesAfter(1), outcomes: [{ ...hijack, result: 'done' }] });
    const left = { desired: desired(...listed), actual, plan: later, changes: later.changes, isDone: true };
    const { status } = conclude(before, before.memory, { kind: 'planned', ...left }, on);
    expect(status.drift).toMatchObject([hijack]);
  });

  it('by a sweep only if nothing else started the reconcile: only then an event is missing', () => {
    for (const kinds of [['sweep'], ['sweep', 'event'], ['desired']] as const) {
      const [one] = reconciled(inSync(), { minute: 1, routes: [moved], answer: done, kinds }).status.drift ?? [];
      expect(one?.expectsEvent).toBe(kinds.length === 1 && kinds[0] === 'sweep' ? true : undefined);
    }
  });
});

describe('a change that an edit asks for is not drift', () => {
  it.each<[string, Given['answer']]>([
    ['done', done],
    ['refused', refused],
    ['not tried', undefined],
  ])('when it is %s', (_, answer) => {
    const edited = reconciled(inSync(), { item: editing, minute: 1, answer });
    expect(found(edited)).toEqual([]);
  });

  it('if it is made at the second try', () => {
    const edited = reconciled(inSync(), { item: editing, minute: 1, answer: refused });
    expect(found(reconciled(edited, { item: editing, minute: 2, answer: done }))).toEqual([]);
  });

  it('if an ignore entry expires: no call was made', () => {
    const item: Item = [listed[0], { ignore: [{ destination: other, reason: 'x', until: at(60) }] }];
    const routes = [via(destination), via(other)];
    const ignoring = inSync(item, routes);
    expect(policyHash(desired(...item), minutesAfter(61))).not.toBe(ignoring.memory.policyHash);
    expect(found(reconciled(ignoring, { item, routes, minute: 61 }))).toEqual([]);
  });

  it('earlier drift keeps its time and its actor, whatever change now repairs it', () => {
    const drifted = reconciled(inSync(), {
      minute: 1,
      routes: [moved],
      answer: refused,
      calls: [call({ time: at(1) })],
    });
    const edited = reconciled(drifted, { item: editing, minute: 2, routes: [moved], answer: refused });
    expect(edited.status.drift).toMatchObject([{ to: 'tgw-bbbbbbbb', foundAt: at(1), cause: { actor: alice } }]);
  });
});
