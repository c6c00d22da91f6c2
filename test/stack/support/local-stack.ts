import { inject } from 'vitest';
import type { StackAddress } from '../../../local/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The local stacks that the files of this project share, one for each worker. */
    readonly stacks: readonly StackAddress[];
  }
}

/** The local stack of this worker. No other file uses it at the same time. */
export function localStack(): StackAddress {
  const stack = inject('stacks')[Number(process.env['VITEST_POOL_ID']) - 1];
  if (!stack) throw new Error(`no local stack was started for worker ${process.env['VITEST_POOL_ID']}`);
  return stack;
}
