import { beforeAll, describe, expect, it } from 'vitest';
import { type Rollout, overBucket, rollOut, tableIdOf } from '../support/rollout.ts';

// One edit of many tables, released by a person. Many functions carry it out, as Lambda runs them.

const half = { burst: 25, perSecond: 2.5 };

describe('an edit of 20 tables with 20 routes each', () => {
  let edit: Rollout;
  beforeAll(async () => {
    edit = await rollOut(20, 20);
  });

  it('ends: every table is in sync, with one call per change', () => {
    const phases = Array.from({ length: 20 }, (_, n) => edit.world.states.status(tableIdOf(n)).phase);
    expect(new Set(phases)).toEqual(new Set(['InSync']));
    expect(edit.mutations).toHaveLength(edit.changes);
    expect(edit.metric).toBe(edit.changes);
    expect(edit.functions.failures).toEqual([]);
  });

  it('takes at most 1.2 times as long as half of the bucket does', () => {
    expect(edit.tookMs).toBeLessThanOrEqual(1.2 * (edit.changes / half.perSecond) * 1_000);
  });

  it('never uses more than half of the bucket, and EC2 throttles neither us nor another program', () => {
    expect(overBucket(edit.mutations, 'ReplaceRoute', half)).toBeLessThanOrEqual(0);
    expect(edit.throttled).toEqual({ us: 0, others: 0 });
  });

  it('needs no chain of more than 12 messages', () => {
    expect(edit.functions.longestChain).toBeLessThanOrEqual(12);
  });
});
