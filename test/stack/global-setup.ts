import type { TestProject } from 'vitest/node';
import { type LocalStack, startStack } from '../../local/stack.ts';
import './support/local-stack.ts';

/** Starts a local stack for each worker. All end with the project, or when one of them cannot start. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const starts = await Promise.allSettled(Array.from({ length: project.config.maxWorkers }, start));
  const started = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(started.map((stack) => stack.stop())));
  const failed = starts.find((one) => one.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  project.provide(
    'stacks',
    started.map(({ stop: _, ...address }) => address),
  );
  return stop;
}

const start = (): Promise<LocalStack> =>
  startStack({
    isBuilt: process.env['FUNCTIONS_ARE_BUILT'] === 'yes',
    step: async (name, work) => {
      const begun = performance.now();
      const result = await work();
      console.error(`local stack: ${name} took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      return result;
    },
  });
