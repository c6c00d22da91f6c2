import { describe, expect, it } from 'vitest';
import { desiredHash, policyHash } from '../../../../reconciler/core/desired/hashes.ts';
import { desired, minutesAfter, now } from '../../../support/builders.ts';

type Given = Parameters<typeof desired>;

const inAnHour = minutesAfter(60).toISOString();

const policyOf = (fields: Given[1], at = now, routes: Given[0] = {}) => policyHash(desired(routes, fields), at);

describe('desiredHash', () => {
  const base: Given = [{ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' }];
  const hash = desiredHash(desired(...base));

  it('is the same for an item in another order or spelling', () => {
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
    const reordered: Given = [{ '10.21.0.0/16': 'pcx-aaaaaaaa', '10.20.0.9/16': 'pcx-aaaaaaaa' }];
    expect(desiredHash(desired(...reordered))).toBe(hash);
  });

  it('differs with every other edit', () => {
    const edits: Given[] = [
      base,
      [{ '10.20.0.0/16': 'pcx-aaaaaaaa' }],
      [{ ...base[0], '10.21.0.0/16': 'pcx-bbbbbbbb' }],
      [{ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/17': 'pcx-aaaaaaaa' }],
      [{ ...base[0], '10.21.0.0/16': ['pcx-aaaaaaaa', 'pcx-bbbbbbbb'] }],
      [{ ...base[0], '10.21.0.0/16': ['pcx-aaaaaaaa', 'pcx-bbbbbbbb', 'tgw-aaaaaaaa'] }],
      [{ ...base[0], '10.21.0.0/16': ['pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'pcx-bbbbbbbb'] }],
      [base[0], { routeTableId: 'rtb-bbbbbbbb' }],
      [base[0], { mode: 'observe' }],
      [base[0], { unlisted: 'keep' }],
      [base[0], { scope: ['10.0.0.0/8'] }],
      [base[0], { ignore: [{ target: 'eni-*', reason: 'x' }] }],
      [base[0], { ignore: [{ target: 'eni-*', reason: 'x', until: inAnHour }] }],
      [base[0], { maxDeletes: 0 }],
      [base[0], { maxDeletes: 1 }],
      [base[0], { paused: { reason: 'x' } }],
      [base[0], { paused: { reason: 'x', until: inAnHour } }],
      [{}, { routes: [{ destination: '10.20.0.0/16', target: 'nat-aaaaaaaa' }] }],
      [{}, { routes: [{ destination: '10.20.0.0/16', target: 'nat-aaaaaaaa', overrideLocal: true }] }],
    ];
    expect(new Set(edits.map((edit) => desiredHash(desired(...edit)))).size).toBe(edits.length);
  });
});

describe('policyHash', () => {
  it('does not depend on routes, order or reasons', () => {
    expect(policyOf({})).toMatch(/^[0-9a-f]{12}$/);
    expect(policyOf({ maxDeletes: 3 }, now, { '10.20.0.0/16': 'pcx-aaaaaaaa' })).toBe(policyOf({}));
    expect(policyOf({ scope: ['10.0.0.0/8', '11.0.0.0/8'] })).toBe(policyOf({ scope: ['11.0.0.0/8', '10.0.0.0/8'] }));
    const [eni, nat] = [
      { target: 'eni-*', reason: 'x' },
      { target: 'nat-*', reason: 'x' },
    ];
    expect(policyOf({ ignore: [eni, nat] })).toBe(
      policyOf({ ignore: [nat, { ...eni, reason: 'y', until: inAnHour }] }),
    );
  });

  it('differs with mode, unlisted, scope, ignore and pause', () => {
    const policies: Given[1][] = [
      {},
      { mode: 'observe' },
      { unlisted: 'keep' },
      { scope: ['10.0.0.0/8'] },
      { scope: ['10.0.0.0/8', '11.0.0.0/8'] },
      { ignore: [{ target: 'eni-*', reason: 'x' }] },
      { ignore: [{ destination: '10.0.0.0/8', reason: 'x' }] },
      { ignore: [{ destination: '10.0.0.0/8', target: 'eni-*', reason: 'x' }] },
      { paused: { reason: 'x' } },
    ];
    expect(new Set(policies.map((policy) => policyOf(policy))).size).toBe(policies.length);
  });

  it('and desiredHash are the same for an item that stands in as the last valid version', () => {
    const item = desired({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    const standsIn = { ...item, isLastValid: true } as const;
    expect([desiredHash(standsIn), policyHash(standsIn, now)]).toEqual([desiredHash(item), policyHash(item, now)]);
  });

  it('changes when an ignore entry expires, as if the entry were removed', () => {
    const fields = { ignore: [{ target: 'eni-*', reason: 'x', until: inAnHour }] };
    expect(policyOf(fields, minutesAfter(59))).not.toBe(policyOf({}));
    expect(policyOf(fields, minutesAfter(60))).toBe(policyOf({}));
  });

  it('changes when a pause expires, and depends on the end of each pause', () => {
    const paused = (until: Date) => ({ paused: { reason: 'x', until: until.toISOString() } });
    const policies = [
      policyOf({}),
      policyOf(paused(minutesAfter(60)), minutesAfter(59)),
      policyOf(paused(minutesAfter(60)), minutesAfter(60)),
      policyOf(paused(minutesAfter(50)), minutesAfter(60)),
    ];
    expect(new Set(policies).size).toBe(policies.length);
  });
});
