import type { Context } from 'aws-lambda';
import { sweep } from '../reconciler/sweep.ts';
import { invocationOf, mappings, runtime } from './runtime.ts';

/** The answer to a person who starts a sweep by hand. */
interface Swept {
  /** False if time ran out: the next sweep continues there. */
  readonly completed: boolean;
  readonly checked: number;
  readonly outOfSync: number;
  /** Tables that could not be read. */
  readonly unknown: number;
}

/** Runs on a schedule: sweeps every managed table. */
export async function handler(_event: unknown, context: Context): Promise<Swept> {
  const { world, sweepEveryMs } = runtime();
  const { endedAt, checked, outOfSync, unknown } = await sweep(
    { ...world, mappings: mappings() },
    invocationOf(context),
    sweepEveryMs,
  );
  return { completed: endedAt !== undefined, checked, outOfSync, unknown: unknown.count };
}
