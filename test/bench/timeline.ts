import type { Call } from '../support/ec2/journal.ts';
import type { Rollout } from '../support/rollout.ts';

const sliceMs = 5 * 60_000;

/**
 * The calls of a fleet edit in slices of 5 minutes: the minute when the slice begins, our calls per second by action, those
 * of another program that works beside us, and the throttled calls of both.
 */
export function timelineOf({ world, mutations }: Rollout): readonly (readonly (string | number)[])[] {
  const { calls } = world.ec2.journal;
  const begins = Math.min(...mutations.map(({ calledAt }) => calledAt.getTime()));
  const ends = Math.max(...mutations.map(({ calledAt }) => calledAt.getTime()));
  const slices = Array.from({ length: Math.ceil((ends - begins + 1) / sliceMs) }, (_, n) => begins + n * sliceMs);
  return slices.map((from, n) => {
    const inSlice = calls.filter(({ calledAt }) => calledAt.getTime() >= from && calledAt.getTime() < from + sliceMs);
    const seconds = Math.min(sliceMs, ends - from + 1) / 1_000;
    const isOther = ({ caller }: Call): boolean => caller === 'another program';
    const perSecond = (action: Call['action'], others = false): string =>
      (inSlice.filter((call) => call.action === action && isOther(call) === others).length / seconds).toFixed(2);
    return [
      n * 5,
      perSecond('DescribeRouteTables'),
      perSecond('DescribeTargets'),
      perSecond('ReplaceRoute'),
      perSecond('CreateRoute'),
      perSecond('ReplaceRoute', true),
      inSlice.filter(({ error }) => error === 'RequestLimitExceeded').length,
    ];
  });
}
