import type { Context } from 'aws-lambda';
import { sweep } from '../reconciler/sweep.ts';
import { invocationOf, runtime } from './runtime.ts';

/** Wakes on a schedule: every managed table. */
export async function handler(_event: unknown, context: Context): Promise<void> {
  const { world, sweepEveryMs } = runtime();
  await sweep(world, invocationOf(context), sweepEveryMs);
}
