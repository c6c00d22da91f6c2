import { describe, expect, it } from 'vitest';
import { policyOf, weakenings } from '../../../../reconciler/core/desired/policy.ts';
import { desired, minutesAfter, now } from '../../../support/builders.ts';

type More = Parameters<typeof desired>[1];

const routes = {};
const policy = (more: More = {}) => policyOf(desired(routes, more));
const weakened = (before: More, after: More) => weakenings(policy(before), policy(after), now);

const entry = (fields: object) => ({ ignore: [{ reason: 'x', ...fields }] });
const inAnHour = minutesAfter(60).toISOString();
const anHourAgo = minutesAfter(-60).toISOString();

describe('an edit that weakens the protection of a table is found', () => {
  it.each<[string, More, More, string, readonly string[], readonly string[]]>([
    ['mode observe', {}, { mode: 'observe' }, 'mode', ['enforce'], ['observe']],
    ['unlisted keep', {}, { unlisted: 'keep' }, 'unlisted', ['delete'], ['keep']],
    ['a pause', {}, { paused: { reason: 'test' } }, 'paused', [], ['test']],
    [
      'a longer pause',
      { paused: { reason: 'test', until: inAnHour } },
      { paused: { reason: 'test' } },
      'paused',
      [`test until ${inAnHour}`],
      ['test'],
    ],
    ['a first scope', {}, { scope: ['10.0.0.0/8'] }, 'scope', ['the whole table'], ['10.0.0.0/8']],
    [
      'a narrower scope',
      { scope: ['10.0.0.0/8', '0.0.0.0/0'] },
      { scope: ['10.0.0.0/8'] },
      'scope',
      ['0.0.0.0/0'],
      ['10.0.0.0/8'],
    ],
    ['a new ignore entry', {}, entry({ target: 'eni-*' }), 'ignore', [], ['target eni-*']],
    [
      'a wider ignore entry',
      entry({ destination: '10.200.0.0/16', target: 'i-*' }),
      entry({ destination: '10.200.0.0/16' }),
      'ignore',
      ['10.200.0.0/16, target i-*'],
      ['10.200.0.0/16'],
    ],
    [
      'an ignore entry that ends later',
      entry({ destination: '10.200.0.0/16', until: inAnHour }),
      entry({ destination: '10.200.0.0/16' }),
      'ignore',
      [`10.200.0.0/16 until ${inAnHour}`],
      ['10.200.0.0/16'],
    ],
    [
      'a default route that an entry for everything private did not ignore',
      entry({ destination: '10.0.0.0/8' }),
      {
        ignore: [
          { destination: '10.0.0.0/8', reason: 'x' },
          { destination: '0.0.0.0/0', reason: 'x' },
        ],
      },
      'ignore',
      [],
      ['0.0.0.0/0'],
    ],
  ])('%s', (_, before, after, field, old, now) => {
    expect(weakened(before, after)).toEqual([{ field, old, new: now }]);
  });

  it('overrideLocal', () => {
    const item = (overrideLocal: boolean) =>
      policyOf(desired({}, { routes: [{ destination: '10.0.0.0/16', target: 'eni-aaaaaaaa', overrideLocal }] }));
    expect(weakenings(item(false), item(true), now)).toEqual([
      { field: 'overrideLocal', old: [], new: ['10.0.0.0/16'] },
    ]);
    expect(weakenings(item(true), item(false), now)).toEqual([]);
  });

  it('the deletion of the item', () => {
    expect(weakenings(policy(), undefined, now)).toEqual([{ field: 'item', old: ['mode enforce'], new: [] }]);
  });

  it('several at once, each as its own entry', () => {
    expect(weakened({}, { mode: 'observe', unlisted: 'keep' }).map(({ field }) => field)).toEqual(['mode', 'unlisted']);
  });
});

describe('an edit that protects a table as much as before or more weakens nothing', () => {
  it.each<[string, More, More]>([
    ['nothing changed', entry({ target: 'eni-*' }), entry({ target: 'eni-*' })],
    ['mode enforce', { mode: 'observe' }, { mode: 'enforce' }],
    ['a wider scope', { scope: ['10.0.0.0/16'] }, { scope: ['10.0.0.0/8'] }],
    ['no scope any more', { scope: ['10.0.0.0/16'] }, {}],
    ['an ignore entry that is gone', entry({ target: 'eni-*' }), {}],
    ['a narrower destination', entry({ destination: '10.0.0.0/8' }), entry({ destination: '10.1.0.0/16' })],
    ['a target of a glob that was there', entry({ target: 'eni-*' }), entry({ target: 'eni-aaaaaaaa' })],
    ['another reason', entry({ target: 'eni-*' }), entry({ target: 'eni-*', reason: 'y' })],
    ['an entry that has already ended', {}, entry({ target: 'eni-*', until: anHourAgo })],
    ['a pause that has already ended', {}, { paused: { reason: 'x', until: anHourAgo } }],
    ['a shorter pause', { paused: { reason: 'x' } }, { paused: { reason: 'x', until: inAnHour } }],
    ['fewer deletes without approval', {}, { maxDeletes: 1 }],
  ])('%s', (_, before, after) => {
    expect(weakened(before, after)).toEqual([]);
  });

  it('a glob is inside another only if it has no wildcard of its own', () => {
    expect(weakened(entry({ target: 'eni-?' }), entry({ target: 'eni-*' }))).toHaveLength(1);
  });
});
