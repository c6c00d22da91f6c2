import { describe, expect, it } from 'vitest';
import { campaign } from './campaign.ts';
import { faultKinds } from './faults.ts';
import { simulate } from './simulate.ts';

const seeds = 2_000;

describe('the simulation', () => {
  it(`holds every invariant in ${seeds} histories, with every kind of fault`, { timeout: 300_000 }, async () => {
    const { violations, faults, seeds: ran } = await campaign({ start: 1, seeds, workers: 2 });
    expect(violations).toEqual([]);
    expect(ran).toBe(seeds);
    expect(faultKinds.filter((kind) => faults[kind] === undefined)).toEqual([]);
  });

  it('tells the same history twice for one seed, to the byte', async () => {
    for (const seed of [3, 14, 159, 265, 3589]) {
      const [once, again] = [await simulate(seed), await simulate(seed)];
      expect(again.hash()).toBe(once.hash());
    }
  });

  it('tells other histories for other seeds', async () => {
    const [one, other] = [await simulate(1), await simulate(2)];
    expect(other.hash()).not.toBe(one.hash());
  });
});
