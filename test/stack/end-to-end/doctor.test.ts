import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentFor } from '../../../local/stack.ts';
import { jsonLines, routectl } from '../../support/routectl.ts';
import { Testbed } from '../support/testbed.ts';
import { localStack } from '../support/local-stack.ts';

// The deployed parts as a person on call examines them.

const stack = localStack();
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const finding = z.object({ check: z.string(), result: z.string(), found: z.string(), todo: z.string().optional() });

async function findings(...options: readonly string[]) {
  const { stdout } = await routectl(['doctor', '--json', ...options], { env: environmentFor(stack) });
  return jsonLines(stdout);
}

describe('routectl doctor', () => {
  it('finds the parts of the stack, and the schedule that somebody disabled', async () => {
    await testbed.schedule('ENABLED');
    const well = await findings();
    for (const check of ['stack', 'rule', 'rule', 'rule', 'function', 'mappings', 'mappings', 'schedule'])
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

  it('finds functions that are stopped, and those whose role may not change routes', async () => {
    const { functions } = testbed;
    const ends = await Promise.all([
      functions.throttle('OnRequeue'),
      functions.denyOn('Sweep', 'ec2:ReplaceRoute', '*'),
    ]);
    let found: Awaited<ReturnType<typeof findings>> = [];
    try {
      found = await findings();
    } finally {
      await Promise.all(ends.map((end) => end()));
    }

    const abilities = z
      .array(finding)
      .parse(found)
      .filter(({ check }) => check === 'function');
    expect(abilities.map(({ result }) => result)).toEqual(['ok', 'ok', 'problem', 'problem']);
    expect(abilities[2]).toMatchObject({
      found: expect.stringContaining('is stopped: its concurrency is limited to 0'),
      todo: expect.stringContaining('aws lambda delete-function-concurrency --function-name'),
    });
    expect(abilities[3]).toMatchObject({
      found: expect.stringContaining('may not call ec2:ReplaceRoute (a policy denies it)'),
    });
  });

  it('times the event of a call that changes no route', async () => {
    const routes = { '10.20.0.0/16': testbed.network.peering };
    const table = await testbed.tableInSync(routes);
    expect(await findings('--round-trip', table)).toContainEqual({
      check: 'round trip',
      result: 'ok',
      found: expect.stringMatching(/^the event of a call reached rtb-\S+ within \S+ m?s$/),
    });
    await testbed.has(table, routes);
  });
});
