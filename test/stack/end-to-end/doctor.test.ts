import { beforeAll, describe, expect, inject, it } from 'vitest';
import { environmentFor } from '../../../local/stack.ts';
import { jsonLines, routectl } from '../../support/routectl.ts';
import { Testbed } from '../support/testbed.ts';

// The deployed parts as a person on call examines them.

const stack = inject('stack');
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

async function findings() {
  const { stdout } = await routectl(['doctor', '--json'], { env: environmentFor(stack) });
  return jsonLines(stdout);
}

describe('routectl doctor', () => {
  it('finds the parts of the stack, and the schedule that somebody disabled', async () => {
    await testbed.schedule('ENABLED');
    const well = await findings();
    for (const check of ['stack', 'rule', 'rule', 'rule', 'mappings', 'mappings', 'schedule'])
      expect(well).toContainEqual({ check, result: 'ok', found: expect.any(String) });
    expect(well).toContainEqual({
      check: 'queue',
      result: 'ok',
      found: expect.stringContaining('UndeliveredEvents is empty'),
    });
    await testbed.schedule('DISABLED');
    expect(await findings()).toContainEqual({
      check: 'schedule',
      result: 'problem',
      found: expect.stringMatching(/^schedule \S+ is disabled: no sweep starts$/),
      todo: expect.any(String),
    });
  });
});
