import { beforeAll, expect, it } from 'vitest';
import { environmentFor } from '../../../local/stack.ts';
import { type Ended, atTerminal, fileWith, jsonLines, routectl } from '../../support/routectl.ts';
import { deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { type Routes, Testbed } from '../support/testbed.ts';
import { localStack } from '../support/local-stack.ts';

const stack = localStack();
const env = environmentFor(stack);
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const fileFor = (routeTableId: string, routes: Routes): string =>
  fileWith(
    JSON.stringify({
      routeTableId,
      routes: Object.entries(routes).map(([destination, target]) => ({ destination, target })),
    }),
    'routes.json',
  );

it(
  'a table is applied; it drifts; one destination is held, then accepted; nothing is written without consent',
  { timeout: 120_000 },
  async () => {
    const { network, alice } = testbed;
    const wanted = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.newTable({ '10.20.0.0/16': network.peering });
    const file = fileFor(table, wanted);
    const command = (...args: readonly string[]): Promise<Ended> => routectl(args, { env });

    const refused = await atTerminal(['apply', '-f', file], { env: { ...env, NO_COLOR: '1' }, stdin: 'n\n' });
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('Write 1 item? [y/N]') });
    expect(refused.stdout).toMatch(/\+ create +10\.21\.0\.0\/16 +pcx-.*nothing was written/s);
    expect(await testbed.status(table)).toBeUndefined();

    const applied = await command('apply', '-f', file, '--yes', '--json');
    expect({ code: applied.code, lines: jsonLines(applied.stdout) }).toMatchObject({
      code: 0,
      lines: [{ routeTableId: table, item: 'written', phase: 'InSync', settled: true }],
    });
    expect(applied.stderr).toMatch(/^AWS account 000000000000, Region /);
    expect(await testbed.routes(table)).toEqual(wanted);

    // Whoever made the route, it stays while it is held; others are repaired.
    await command('hold', table, '10.20.0.0/16', '--for', '1h', '--reason', 'failover test');
    await alice.send(replaceRoute(table, '10.20.0.0/16', network.otherPeering));
    await alice.send(deleteRoute(table, '10.21.0.0/16'));
    const moved = { ...wanted, '10.20.0.0/16': network.otherPeering };
    await testbed.has(table, moved);
    expect((await command('status', table)).stdout).toMatch(/held +10\.20\.0\.0\/16 is held by arn:.*: failover test/);

    const patch = await command('accept', table, '10.20.0.0/16', '--patch');
    expect(patch.stdout).toContain(`after: { destination: 10.20.0.0/16, target: ${network.otherPeering} }\n`);
    expect(await command('accept', table, '10.20.0.0/16', '--yes')).toMatchObject({ code: 0 });
    await command('hold', table, '10.20.0.0/16', '--end');
    await testbed.wake(table);
    await testbed.phase(table, 'InSync');
    expect(await testbed.routes(table)).toEqual(moved);

    // The file is older than the item now.
    const again = await command('apply', '-f', file);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no terminal to ask on') });
    expect(again.stdout).toContain(`~ 10.20.0.0/16  ${network.otherPeering} → ${network.peering}`);
    expect(await testbed.routes(table)).toEqual(moved);
  },
);
