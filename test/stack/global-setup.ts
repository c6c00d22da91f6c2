import type { TestProject } from 'vitest/node';
import { startStack, type StackAddress } from '../../local/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The local stack that the tests of this project share. */
    readonly stack: StackAddress;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, ...address } = await startStack({
    isBuilt: process.env['FUNCTIONS_ARE_BUILT'] === 'yes',
    step: async (name, work) => {
      const begun = performance.now();
      const result = await work();
      console.error(`local stack: ${name} took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      return result;
    },
  });
  project.provide('stack', address);
  return stop;
}
