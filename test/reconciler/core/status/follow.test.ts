import { describe, expect, it } from 'vitest';
import { deviationsIn } from '../../../../reconciler/core/status/follow.ts';
import { hijack } from './given.ts';

describe('the deviations that a reconcile saw', () => {
  const { destination, action, from, to } = hijack;

  it('include a change that was tried, although the last read no longer asks for it', () => {
    const deviations = deviationsIn([], [{ ...hijack, result: 'done' }]);
    expect(deviations.get(destination)).toEqual({ action, destination, from, to });
  });

  it('do not include a change that was skipped and is no longer needed', () => {
    expect(deviationsIn([], [{ ...hijack, result: 'skipped' }]).size).toBe(0);
  });
});
