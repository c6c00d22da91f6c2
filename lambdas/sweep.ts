import type { Context } from 'aws-lambda';
import { sweep } from '../reconciler/sweep.ts';
import { invocationOf, runtime } from './runtime.ts';

/** What whoever starts a sweep by hand is told of it. */
interface Swept {
  /** False where time ran out: the next one goes on from there. */
  readonly completed: boolean;
  readonly checked: number;
  readonly outOfSync: number;
  /** Tables that could not be looked at. */
  readonly unknown: number;
}

/** Wakes on a schedule: every managed table. */
export async function handler(_event: unknown, context: Context): Promise<Swept> {
  const { world, sweepEveryMs } = runtime();
  const { endedAt, checked, outOfSync, unknown } = await sweep(world, invocationOf(context), sweepEveryMs);
  return { completed: endedAt !== undefined, checked, outOfSync, unknown: unknown.count };
}
