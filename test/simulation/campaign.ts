import { Worker } from 'node:worker_threads';
import type { FaultCounts } from './faults.ts';
import type { Violation } from './watch.ts';

/** What a worker tells of one seed. */
export interface Told {
  readonly seed: number;
  readonly steps: number;
  readonly mutations: number;
  readonly faults: FaultCounts;
  readonly violation?: Violation;
}

/** What many seeds came to. */
export interface Campaign {
  readonly seeds: number;
  readonly steps: number;
  readonly mutations: number;
  readonly faults: FaultCounts;
  readonly violations: readonly { readonly seed: number; readonly violation: Violation }[];
  readonly seconds: number;
}

/** Runs many seeds on several threads. */
export async function campaign(
  { start, seeds, workers }: { readonly start: number; readonly seeds: number; readonly workers: number },
  progress: (done: number, violations: number) => void = () => {},
): Promise<Campaign> {
  const began = performance.now();
  const faults: FaultCounts = {};
  const violations: { seed: number; violation: Violation }[] = [];
  const total = { seeds: 0, steps: 0, mutations: 0 };
  const threads = Array.from({ length: workers }, (_, index) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: { first: start + index, end: start + seeds, step: workers },
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
      progress(total.seeds, violations.length);
    });
    return over;
  });
  await Promise.all(threads);
  violations.sort((a, b) => a.seed - b.seed);
  return { ...total, faults, violations, seconds: (performance.now() - began) / 1_000 };
}
