import { describe, expect, it } from 'vitest';
import { type CallLimits, applyChanges } from '../../reconciler/apply.ts';
import { now, route, routeTableId } from '../support/builders.ts';
import { VirtualClock } from '../support/ec2/clock.ts';

// A call may be sent only while the last answer of the checkpoint is valid.

const second = 1_000;

/** Applies `calls` creates and records, for each call, the time left to send it and its time since the checkpoint. */
async function applied(calls: number, times: { readonly callMs: number; readonly checkpointMs: number }) {
  const clock = new VirtualClock(now);
  const msUntil = (at: Date): number => at.getTime() - clock.now().getTime();
  const end = new Date(now.getTime() + 10 * second);
  let checkedAt = -Infinity;
  const sent: { readonly leftMs: number; readonly afterCheckpointMs: number }[] = [];
  const { outcomes } = await applyChanges(
    routeTableId,
    Array.from({ length: calls }, (_, n) => {
      const { destination, target } = route(`10.${n}.0.0/16`, 'pcx-aaaaaaaa');
      return { action: 'create', destination, to: target } as const;
    }),
    {
      writer: {
        apply: async (_id: string, _change: unknown, { sendWithinMs }: CallLimits) => {
          sent.push({ leftMs: sendWithinMs, afterCheckpointMs: clock.now().getTime() + sendWithinMs - checkedAt });
          await clock.sleep(times.callMs);
        },
      },
      turn: async () => true,
      laneOf: () => 'edits',
      now: clock.now,
      startLeftMs: () => msUntil(end),
      checkpoint: async () => {
        checkedAt = clock.now().getTime();
        await clock.sleep(times.checkpointMs);
        return true;
      },
    },
  );
  return { sent, results: outcomes.map(({ result }) => result) };
}

describe('a call', () => {
  it.each([0, 300, 900, 2_400])(
    'that takes %d ms is sent at most 5 s after a checkpoint, and starts with time left to send it',
    async (callMs) => {
      const { sent } = await applied(12, { callMs, checkpointMs: 20 });
      expect(sent.length).toBeGreaterThan(3);
      for (const { leftMs, afterCheckpointMs } of sent) {
        expect(afterCheckpointMs).toBeLessThanOrEqual(5 * second);
        expect(leftMs).toBeGreaterThan(0);
      }
    },
  );

  it('does not start if the answer of the checkpoint took too long', async () => {
    const { sent, results } = await applied(2, { callMs: 0, checkpointMs: 4 * second });
    expect(sent).toEqual([]);
    expect(results).toEqual(['skipped', 'skipped']);
  });
});
