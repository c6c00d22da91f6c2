import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { FaultCounts } from './faults.ts';
import type { Violation } from './watch.ts';

/** What a worker reports about one seed. */
export interface Told {
  readonly seed: number;
  readonly steps: number;
  readonly mutations: number;
  readonly faults: FaultCounts;
  readonly violation?: Violation;
}

/** One seed that violates an invariant. */
export interface Violated {
  readonly seed: number;
  readonly violation: Violation;
}

/** The result of many seeds. */
export interface Campaign {
  readonly seeds: number;
  readonly steps: number;
  readonly mutations: number;
  readonly faults: FaultCounts;
  readonly violations: readonly Violated[];
  readonly seconds: number;
}

/** A random first seed. */
export const anySeed = (): number => randomInt(1, 1_000_000_000);

/** The command that runs the same seeds again. */
export const commandFor = ({ from, seeds }: { readonly from: number; readonly seeds: number }): string =>
  `npm run simulate -- --from ${from} --seeds ${seeds}`;

/** A violation in words, with the command that replays its seed. */
export const tellViolation = ({ seed, violation: { invariant, message } }: Violated): string =>
  `${invariant}: ${message}\n  replay with: npm run simulate -- --seed ${seed}`;

/** Runs many seeds on several threads. */
export async function campaign(
  { from, seeds, workers }: { readonly from: number; readonly seeds: number; readonly workers: number },
  on: {
    readonly progress?: (done: number, violations: number) => void;
    readonly violation?: (violated: Violated) => void;
  } = {},
): Promise<Campaign> {
  const began = performance.now();
  const faults: FaultCounts = {};
  const violations: Violated[] = [];
  const total = { seeds: 0, steps: 0, mutations: 0 };
  const threads = Array.from({ length: workers }, (_, index) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: { first: from + index, end: from + seeds, step: workers },
    });
    const over = new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
    worker.on('message', ({ seed, steps, mutations, faults: struck, violation }: Told) => {
      total.seeds += 1;
      total.steps += steps;
      total.mutations += mutations;
      for (const [kind, count] of Object.entries(struck)) faults[kind] = (faults[kind] ?? 0) + count;
      if (violation) violations.push({ seed, violation });
      if (violation) on.violation?.({ seed, violation });
      on.progress?.(total.seeds, violations.length);
    });
    return over;
  });
  await Promise.all(threads);
  violations.sort((a, b) => a.seed - b.seed);
  return { ...total, faults, violations, seconds: (performance.now() - began) / 1_000 };
}
