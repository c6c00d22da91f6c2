import type { FleetReader } from '../reconciler/aws/dynamodb/fleet-reader.ts';
import type { TableTag } from '../reconciler/aws/ec2/table-tag.ts';
import { lengthOf } from '../report/words.ts';
import type { Finding } from './doctor-checks.ts';

/** CloudTrail delivers most events within seconds to minutes. */
const patienceMs = 5 * 60 * 1_000;
const pollMs = 2_000;

export interface RoundTripWorld {
  readonly tag: TableTag;
  readonly reader: Pick<FleetReader, 'table'>;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/**
 * Tags a managed table, waits until the reconciler has recorded the event of that call, and takes the tag off again. This
 * shows that trail, rule, function and tables work together. No route changes.
 */
export async function roundTrip(
  routeTableId: string,
  { tag, reader, now, sleep }: RoundTripWorld,
): Promise<Omit<Finding, 'check'>> {
  const start = now();
  // Calls have whole seconds.
  const since = new Date(Math.floor(start.getTime() / 1_000) * 1_000);
  const took = (): number => now().getTime() - start.getTime();
  await tag.put(routeTableId, start.toISOString());
  try {
    while (took() < patienceMs) {
      await sleep(pollMs);
      const { calls } = await reader.table(routeTableId, since);
      if (calls.some(({ name }) => name === 'CreateTags'))
        return { result: 'ok', found: `the event of a call reached ${routeTableId} within ${lengthOf(took())}` };
    }
    return {
      result: 'problem',
      found: `no event of a call reached ${routeTableId} within ${lengthOf(patienceMs)}`,
      todo: 'see the checks of trail, rule and queue, and the log of the function OnRouteChange',
    };
  } finally {
    await tag.remove(routeTableId);
  }
}
