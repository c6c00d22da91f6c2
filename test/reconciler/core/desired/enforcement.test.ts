import { describe, expect, it } from 'vitest';
import { isEnforced } from '../../../../reconciler/core/desired/enforcement.ts';
import { desired, minutesAfter, now } from '../../../support/builders.ts';

type Given = Parameters<typeof desired>;

const inAnHour = minutesAfter(60).toISOString();

describe('isEnforced', () => {
  it.each<[string, Given, boolean]>([
    ['by default', [{}], true],
    ['in observe mode', [{}, { mode: 'observe' }], false],
    ['under a pause without end', [{}, { paused: { reason: 'x' } }], false],
    ['under a pause to come to its end', [{}, { paused: { reason: 'x', until: inAnHour } }], false],
    ['after a pause', [{}, { paused: { reason: 'x', until: now.toISOString() } }], true],
    [
      'in observe mode after a pause',
      [{}, { mode: 'observe', paused: { reason: 'x', until: now.toISOString() } }],
      false,
    ],
  ])('%s', (_, item, expected) => {
    expect(isEnforced(desired(...item), now)).toBe(expected);
  });
});
