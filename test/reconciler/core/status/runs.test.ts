import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transitions } from '../../../../reconciler/core/announce/transitions.ts';
import { type Memory, emptyMemory, rememberedAt, withEach } from '../../../../reconciler/core/memory/memory.ts';
import { conclude } from '../../../../reconciler/core/status/conclude.ts';
import { type RecordedRun, withRuns } from '../../../../reconciler/core/status/follow.ts';
import type { State } from '../../../../reconciler/core/status/status.ts';
import {
  type Given,
  at,
  circumstances,
  destination,
  done,
  hijack,
  inSync,
  memory,
  other,
  reconciled,
  refused,
  via,
} from './given.ts';

const moved = via(destination, 'tgw-aaaaaaaa');
const run = (id: string, about = destination): RecordedRun => ({ id, destinations: [about], about: new Set([about]) });
const drifted = (): State => reconciled(inSync(), { minute: 1, routes: [moved], answer: done });

/** A state that remembers these runs as well. */
const remembering = (state: State, ...runs: readonly RecordedRun[]): State => ({
  ...state,
  memory: withRuns(state.memory, runs),
});
const driftIn = ({ memory }: State) => rememberedAt(memory, destination).drift;

describe('a run', () => {
  const open = remembering(drifted(), run('run-1'));

  it('stays open until a read shows its destinations as desired', () => {
    expect(open.memory.openRuns).toEqual([{ id: 'run-1', destinations: [destination] }]);
    expect(reconciled(open, { minute: 2, routes: [moved] }).memory.openRuns).toHaveLength(1);
    expect(reconciled(open, { minute: 2, routes: [moved], answer: done }).memory.openRuns).toHaveLength(1);
    expect(reconciled(open, { minute: 2 }).memory).not.toHaveProperty('openRuns');
  });

  it('stays open while no read is believed', () => {
    const problems = [{ path: '', found: 'x', message: 'y' }];
    const after = conclude(open, open.memory, { kind: 'invalid', problems }, circumstances());
    expect(after.memory.openRuns).toHaveLength(1);
  });

  it('is one of the latest 5', () => {
    const runs = ['1', '2', '3', '4', '5', '6'].map((id) => run(id));
    expect(withRuns(drifted().memory, runs).openRuns?.map(({ id }) => id)).toEqual(['2', '3', '4', '5', '6']);
  });

  it('is named by the drift that it is about: the first and the latest', () => {
    const third = ['run-1', 'run-2', 'run-3'].reduce((state, id) => remembering(state, run(id)), drifted());
    expect(driftIn(third)).toMatchObject([{ ...hijack, runs: ['run-1', 'run-3'] }]);
  });

  it('is not named by drift that it is not about, nor by drift that has ended', () => {
    expect(driftIn(remembering(drifted(), run('run-1', other)))?.[0]).not.toHaveProperty('runs');
    const ended = reconciled(drifted(), { minute: 2 });
    expect(driftIn(remembering(ended, run('run-1')))?.[0]).not.toHaveProperty('runs');
  });

  it('changes nothing if there is none', () => {
    const state = drifted();
    expect(remembering(state)).toEqual(state);
  });
});

describe('the dates of a status', () => {
  it('say when the table was reconciled, and since when it is in its phase', () => {
    const again = reconciled(inSync(), { minute: 5 });
    expect(again.status).toMatchObject({ checkedAt: at(5), changedAt: at(0), inSyncSince: at(0) });
    const later = reconciled(again, { minute: 6, routes: [moved], answer: done });
    expect(later.status).toMatchObject({ phase: 'Verifying', checkedAt: at(6), changedAt: at(6) });
    expect(later.status).not.toHaveProperty('inSyncSince');
    expect(reconciled(later, { minute: 7 }).status.inSyncSince).toBe(at(7));
  });

  it('come with the trigger and the actor of the reconcile', () => {
    const trigger = { kind: 'event', id: 'call-1', name: 'ReplaceRoute', time: at(0) } as const;
    const actor = { arn: 'arn:aws:iam::111122223333:user/alice' };
    expect(reconciled(undefined, { waker: { trigger, actor } }).status).toMatchObject({ trigger, actor });
  });
});

describe('withEach', () => {
  it('forgets destinations without any field', () => {
    const destinations = fc.dictionary(
      fc.ipV4(),
      fc.record({ ours: fc.string(), foreign: fc.constant(true as const) }, { requiredKeys: [] }),
    );
    fc.assert(
      fc.property(destinations, (given) => {
        const before: Memory = memory(given);
        const without = withEach(before, ({ ours: _, ...rest }) => rest, [destination]).destinations;
        const expected = Object.entries(given).filter(([, { foreign }]) => foreign);
        expect(Object.fromEntries(without)).toEqual(
          Object.fromEntries(expected.map(([key]) => [key, { foreign: true }])),
        );
      }),
    );
  });

  it('does not change its input', () => {
    const before = memory({ [destination]: { ours: 'pcx-aaaaaaaa' } });
    withEach(before, () => ({ ours: undefined }));
    expect(before).toEqual(memory({ [destination]: { ours: 'pcx-aaaaaaaa' } }));
    expect(emptyMemory.destinations.size).toBe(0);
  });
});

it('a table that stays as it is has no transitions: a second identical reconcile brings nothing new', () => {
  const target = fc.constantFrom('pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'eni-aaaaaaaa');
  const state = fc.constantFrom('active' as const, 'blackhole' as const);
  const routes = fc
    .dictionary(fc.constantFrom(destination, other, '0.0.0.0/0'), fc.tuple(target, state))
    .map((all) => Object.entries(all).map(([to, [target, state]]) => ({ ...via(to, target), state })));
  const fields = fc.constantFrom<Record<string, unknown>>(
    {},
    { mode: 'observe' },
    { unlisted: 'keep' },
    { maxDeletes: 0 },
  );
  fc.assert(
    fc.property(routes, routes, fields, fc.constantFrom(undefined, refused), (first, second, fields, answer) => {
      const item: Given['item'] = [{ [destination]: 'pcx-aaaaaaaa' }, fields];
      const given = { item, routes: second, answer };
      const before = reconciled(reconciled(undefined, { item, routes: first }), { ...given, minute: 1 });
      const after = reconciled(before, { ...given, minute: 2, answer: undefined });
      const { found, repaired, ended, explained, missed, entered, left } = transitions(before, after, {
        outcomes: [],
        calls: [],
        recent: [],
      });
      expect([found, repaired, ended, explained, missed, Object.values(entered).flat()].flat()).toEqual([]);
      expect(left.size).toBe(0);
    }),
  );
});
