import { describe, expect, it } from 'vitest';
import type { Drift, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import {
  type DriftSight,
  type Found,
  driftAfter,
  isMissed,
  missedAt,
} from '../../../../reconciler/core/status/drift.ts';
import { minutesAfter } from '../../../support/builders.ts';
import { alice, at, bob, call, cause, destination, hijack } from './given.ts';

interface Reconcile extends Partial<Omit<DriftSight, 'now'>>, Partial<Found> {
  readonly minute?: number;
}

/** The drift of one destination after one more reconcile. */
function reconcile(before: Remembered, { minute = 0, isBelieved = true, deviation, outcome, ...more }: Reconcile) {
  const sight = { now: minutesAfter(minute), calls: [], isRollout: false, isWatched: false, bySweep: false, ...more };
  return driftAfter({ ...before, awaited: before.written }, { isBelieved, deviation, outcome }, sight);
}

const found: Drift = { ...hijack, foundAt: at(0) };
const repaired: Drift = { ...found, appliedAt: at(0), byUs: true };
const again = { ...hijack, from: 'tgw-bbbbbbbb' } as const;

describe('drift', () => {
  it('is found when a read shows a change that no edit asked for', () => {
    expect(reconcile({}, { deviation: hijack })).toEqual([found]);
  });

  it('is found once, however often it is read', () => {
    expect(reconcile({ drift: [found], planned: hijack }, { minute: 60, deviation: hijack })).toEqual([found]);
  });

  it('is found again when somebody changes the route once more', () => {
    expect(reconcile({ drift: [found], planned: hijack }, { minute: 1, deviation: again })).toEqual([
      { ...found, endedAt: at(1) },
      { ...again, foundAt: at(1) },
    ]);
  });

  it('is found again when it comes back after a repair', () => {
    const before = { drift: [repaired], written: { target: hijack.to } };
    expect(reconcile(before, { minute: 1, deviation: hijack })).toEqual([
      { ...repaired, endedAt: at(1) },
      { ...hijack, foundAt: at(1) },
    ]);
  });

  it('is found when others undo a planned change that was made, even if its write is forgotten', () => {
    const before = { planned: hijack, seen: { target: hijack.to } };
    expect(reconcile(before, { minute: 2, deviation: hijack })).toEqual([{ ...hijack, foundAt: at(2) }]);
    expect(reconcile({ ...before, drift: [repaired] }, { minute: 2, deviation: hijack })).toEqual([
      { ...repaired, endedAt: at(2) },
      { ...hijack, foundAt: at(2) },
    ]);
  });

  it('is found where our write may not be shown yet if others may have undone it, even if nobody can be named', () => {
    const written = { target: hijack.to, from: hijack.from };
    const again = { minute: 1, deviation: hijack, lastWriteAt: at(0) };
    expect(reconcile({ written }, again)).toEqual([]);
    const calls = [call({ id: 'call-1', actor: alice }), call({ id: 'call-2', actor: bob })];
    expect(reconcile({ written }, { ...again, calls })).toEqual([{ ...hijack, foundAt: at(1) }]);
  });

  it('ends when a read shows the route as desired', () => {
    expect(reconcile({ drift: [repaired] }, { minute: 1 })).toEqual([{ ...repaired, endedAt: at(1) }]);
  });

  it('stays open while no read is believed', () => {
    expect(reconcile({ drift: [found] }, { minute: 1, isBelieved: false })).toEqual([found]);
    expect(reconcile({}, { isBelieved: false, deviation: hijack })).toEqual([]);
  });

  it('names the call that caused it', () => {
    expect(reconcile({}, { deviation: hijack, calls: [call()] })).toEqual([{ ...found, cause }]);
  });
});

describe('drift that comes back', () => {
  it('is not explained by a call that explained it before: events arrive twice', () => {
    const before = { drift: [{ ...repaired, cause }], written: { target: hijack.to } };
    const calls = [call({ time: at(1) })];
    expect(reconcile(before, { minute: 1, deviation: hijack, calls })).toEqual([
      { ...repaired, cause, endedAt: at(1) },
      { ...hijack, foundAt: at(1) },
    ]);
  });
});

describe('a repair', () => {
  it.each([
    ['done', { appliedAt: at(2), byUs: true }],
    ['already', { appliedAt: at(2) }],
    ['refused', {}],
    ['unknown', {}],
    ['skipped', {}],
  ] as const)('with the result %s adds %o', (result, expected) => {
    const outcome = { ...hijack, result, at: at(2) };
    expect(reconcile({}, { deviation: hijack, outcome })).toEqual([{ ...found, ...expected }]);
  });

  it('by somebody else does not count as ours, even if ours came before', () => {
    const outcome = { ...hijack, result: 'already', at: at(2) } as const;
    expect(reconcile({ drift: [repaired] }, { isBelieved: false, outcome })).toEqual([{ ...found, appliedAt: at(2) }]);
  });
});

describe('an edit of item or policy', () => {
  it('causes no drift', () => {
    expect(reconcile({}, { deviation: hijack, isRollout: true })).toEqual([]);
  });

  it('hides no drift that a call explains', () => {
    const seen = { deviation: hijack, isRollout: true, calls: [call()], readBefore: at(0) };
    expect(reconcile({}, seen)).toEqual([{ ...found, cause }]);
  });

  it('causes no drift of a route that stood before, whoever asked for the target that it had', () => {
    const before = { seen: { target: hijack.from } };
    const edit = { deviation: hijack, isRollout: true, calls: [call()], readBefore: at(0) };
    expect(reconcile(before, edit)).toEqual([]);
    expect(reconcile(before, { ...edit, isWatched: true })).toEqual([]);
  });

  it('leaves nobody blamed who changed the route before somebody changed it once more', () => {
    const before = { drift: [{ ...found, cause }], planned: hijack, seen: { target: hijack.from } };
    const edit = { minute: 1, deviation: again, isRollout: true };
    expect(reconcile(before, edit)).toEqual([
      { ...found, cause, endedAt: at(1) },
      { ...again, foundAt: at(1) },
    ]);
  });

  it('moves a route back that others moved while its target was down: whoever moved it caused that, and no deletion', () => {
    const down = { target: hijack.to, since: at(-9), seenMovedAt: at(-8), moved: cause };
    const before = { down, seen: { target: hijack.from } };
    expect(reconcile(before, { deviation: hijack })).toEqual([{ ...found, cause }]);
    const missing = { action: 'create', destination, to: hijack.to } as const;
    expect(reconcile(before, { deviation: missing })).toEqual([{ ...missing, foundAt: at(0) }]);
  });

  it('is no drift when the first item is written: the route was there before', () => {
    expect(reconcile({}, { deviation: hijack, isRollout: true, calls: [call()] })).toEqual([]);
  });

  it('hides no drift: the last read showed the route as desired, so others changed it since', () => {
    const before = { seen: { target: hijack.to } };
    const edit = { minute: 2, deviation: hijack, isRollout: true, readBefore: at(1) };
    expect(reconcile(before, edit)).toEqual([{ ...hijack, foundAt: at(2) }]);
    // A call that was made before that read did not do it.
    expect(reconcile(before, { ...edit, calls: [call()] })).toEqual([{ ...hijack, foundAt: at(2) }]);
    // Reads may lag.
    expect(reconcile(before, { ...edit, calls: [call()], readBefore: at(0.5) })).toEqual([
      { ...hijack, foundAt: at(2), cause },
    ]);
  });

  it('that comes after a call of ours without an answer causes no drift', () => {
    const before = { seen: { target: 'igw-aaaaaaaa' }, written: { target: hijack.from, isUncertain: true } } as const;
    const edit = { minute: 2, deviation: hijack, isRollout: true, readBefore: at(1) };
    expect(reconcile(before, edit)).toEqual([]);
    expect(reconcile({ seen: before.seen }, edit)).toEqual([{ ...hijack, foundAt: at(2) }]);
  });

  it('hides no interface that others put in the place of a listed instance, also after our own write', () => {
    const before = { seen: { target: 'i-aaaaaaaa', via: 'eni-aaaaaaaa' }, written: { target: 'i-aaaaaaaa' } };
    const foreign = { action: 'replace', destination, from: 'eni-ffffffff', to: 'i-aaaaaaaa' } as const;
    const edit = { minute: 2, deviation: foreign, isRollout: true, readBefore: at(1) };
    expect(reconcile(before, edit)).toEqual([{ ...foreign, foundAt: at(2) }]);
  });

  it('hides no new route and no deletion', () => {
    const edit = { minute: 2, isRollout: true, readBefore: at(1) };
    const rogue = { action: 'delete', destination, from: 'tgw-aaaaaaaa' } as const;
    expect(reconcile({}, { ...edit, deviation: rogue })).toEqual([{ ...rogue, foundAt: at(2) }]);
    const missing = { action: 'create', destination, to: hijack.to } as const;
    const seen = { target: hijack.to };
    expect(reconcile({ seen }, { ...edit, deviation: missing })).toEqual([{ ...missing, foundAt: at(2) }]);
    // Both were there, or not there, before the edit.
    expect(reconcile({ seen: { target: rogue.from } }, { ...edit, deviation: rogue })).toEqual([]);
    expect(reconcile({}, { ...edit, deviation: missing })).toEqual([]);
  });

  it('causes no drift later, until its change is made', () => {
    expect(reconcile({ planned: hijack }, { deviation: hijack })).toEqual([]);
    const uncertain = { target: hijack.to, isUncertain: true } as const;
    for (const written of [uncertain, { target: 'tgw-aaaaaaaa' }, {}])
      expect(reconcile({ planned: hijack, written }, { deviation: hijack })).toEqual([]);
  });

  it('hides no drift of a route that was written for it', () => {
    const before = { planned: hijack, written: { target: hijack.to } };
    expect(reconcile(before, { deviation: hijack })).toEqual([found]);
  });

  it('keeps drift that was found before, with the change that now repairs it', () => {
    const removal = { action: 'delete', destination, from: hijack.from } as const;
    const after = reconcile({ drift: [{ ...found, cause }] }, { minute: 1, deviation: removal, isRollout: true });
    expect(after).toEqual([{ ...removal, foundAt: at(0), cause }]);
  });
});

describe('a late event', () => {
  const late = { minute: 2, calls: [call()] };

  it('explains drift that is still open', () => {
    expect(reconcile({ drift: [found], planned: hijack }, { ...late, deviation: hijack })).toEqual([
      { ...found, cause },
    ]);
  });

  it('explains drift that has ended', () => {
    const ended = { ...repaired, endedAt: at(1) };
    expect(reconcile({ drift: [ended] }, late)).toEqual([{ ...ended, cause }]);
  });

  it('explains drift while no read is believed', () => {
    expect(reconcile({ drift: [found] }, { ...late, isBelieved: false })).toEqual([{ ...found, cause }]);
  });

  it('does not explain drift that was found before the call', () => {
    const calls = [call({ time: at(1) })];
    const before = { drift: [found], planned: hijack, seen: { target: hijack.from } };
    expect(reconcile(before, { ...late, calls, deviation: hijack })).toEqual([found]);
  });

  // The call that caused the first drift is spent for the second only if it was made in an earlier second than the repair.
  it('explains one drift only, even within one second', () => {
    const quick = { ...hijack, foundAt: '2026-11-23T12:00:00.300Z', appliedAt: '2026-11-23T12:00:00.900Z' };
    const after = reconcile({ drift: [quick] }, { ...late, deviation: hijack });
    expect(after.map((one) => one.cause?.id)).toEqual(['call-1', undefined]);
  });
});

describe('ended drift', () => {
  const ended = { ...repaired, endedAt: at(1) };

  it('is kept for 15 minutes after it was found', () => {
    expect(reconcile({ drift: [ended] }, { minute: 14.9 })).toEqual([ended]);
    expect(reconcile({ drift: [ended] }, { minute: 15 })).toEqual([]);
  });

  it('is kept at most 8 times, the latest', () => {
    const many = Array.from({ length: 9 }, (_, n) => ({ ...ended, foundAt: at(n / 10), endedAt: at(n / 10) }));
    expect(reconcile({ drift: many }, { minute: 2 })).toEqual(many.slice(1));
  });

  it('is kept beside drift that is open, which never expires', () => {
    const open = { ...found, foundAt: at(2) };
    const seen = { minute: 600, deviation: hijack };
    expect(reconcile({ drift: [ended, open], planned: hijack }, seen)).toEqual([open]);
  });
});

describe('drift that only a sweep found', () => {
  const bySweep = { deviation: hijack, bySweep: true };
  const unreported: Drift = { ...found, expectsEvent: true };

  it('expects an event', () => {
    expect(reconcile({}, bySweep)).toEqual([unreported]);
  });

  it.each<[string, Reconcile]>([
    ['an event woke us too', { bySweep: false }],
    ['a call explains it', { calls: [call()] }],
    ['the item or its policy changed', { isRollout: true, isWatched: true }],
  ])('expects none if %s', (_, more) => {
    const [one] = reconcile({}, { ...bySweep, ...more });
    expect(one).toMatchObject(hijack);
    expect(one).not.toHaveProperty('expectsEvent');
  });

  it('counts as missed after 15 minutes without an event', () => {
    expect(missedAt(unreported)).toBe(minutesAfter(15).getTime());
    expect([14.9, 15].map((minute) => isMissed(unreported, minutesAfter(minute)))).toEqual([false, true]);
  });

  it('does not count as missed if an event reported it, or if none was expected', () => {
    expect(isMissed({ ...unreported, cause }, minutesAfter(60))).toBe(false);
    expect(isMissed(found, minutesAfter(60))).toBe(false);
  });

  it('expects no event once it was missed, so that it is counted once', () => {
    const seen = { ...bySweep, minute: 15 };
    expect(reconcile({ drift: [unreported], planned: hijack }, seen)).toEqual([found]);
  });
});

describe('in a table where nothing may be changed', () => {
  it('every difference that the first read shows is drift, and is marked as watched', () => {
    const before = { seen: { target: hijack.from } };
    const first = { deviation: hijack, isWatched: true, isRollout: true };
    expect(reconcile(before, first)).toEqual([{ ...found, watched: true, stood: true }]);
  });

  it('a route that others changed is drift, also if the item is edited as well', () => {
    for (const isRollout of [true, false])
      expect(reconcile({}, { deviation: hijack, isWatched: true, isRollout, readBefore: at(0) })).toEqual([
        { ...found, watched: true },
      ]);
  });

  it('drift is found once', () => {
    const before = { drift: [{ ...found, watched: true as const }], planned: hijack };
    expect(reconcile(before, { minute: 5, deviation: hijack, isWatched: true })).toEqual(before.drift);
  });
});
