import { parentPort, workerData } from 'node:worker_threads';
import type { Told } from './campaign.ts';
import { simulate } from './simulate.ts';

const { first, end, step }: { first: number; end: number; step: number } = workerData;
for (let seed = first; seed < end; seed += step) {
  const { history: _, hash: __, ...told } = await simulate(seed);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(told satisfies Told);
}
