import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { environmentFor } from '../../../local/stack.ts';
import { type Ended, jsonLines, routectl } from '../../support/routectl.ts';
import { deleteRoute } from '../support/route-calls.ts';
import { type Routes, Testbed } from '../support/testbed.ts';

const stack = inject('stack');
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const importing = (...args: readonly string[]): Promise<Ended> =>
  routectl(['import', ...args], { env: environmentFor(stack) });

const itemShape = z.looseObject({ routeTableId: z.string() });

describe('tables that are imported and applied', { timeout: 120_000 }, () => {
  it('are in sync without a change of a route; then drift is seen, and in mode enforce repaired', async () => {
    const { network, alice } = testbed;
    const routes: Routes = {
      '0.0.0.0/0': network.natGateway,
      '10.20.0.0/16': network.peering,
      '10.21.0.0/16': network.peering,
      '::/0': network.egressOnlyGateway,
      [network.prefixList]: network.transitGateway,
      '10.88.0.0/16': await testbed.newInterface('444455556666'),
    };
    const tables = await Promise.all(Array.from({ length: 8 }, () => testbed.newTable(routes)));
    const since = await testbed.mark();

    const { code, stdout } = await importing(...tables, '--json');
    expect(code).toBe(0);
    const items = jsonLines(stdout).map((line) => itemShape.parse(line));
    for (const item of items) await testbed.putItem(item);
    for (const table of tables) {
      const { plan } = await testbed.phase(table, 'InSync', { seconds: 60 });
      expect(plan?.leftAlone.map(({ reason }) => reason).toSorted()).toEqual(['ignored', 'local']);
      expect(await testbed.routes(table)).toEqual(routes);
      expect((await testbed.callsOn(table, since)).filter(({ call }) => !call.startsWith('Describe'))).toEqual([]);
    }

    const [first = ''] = tables;
    await alice.send(deleteRoute(first, '10.21.0.0/16'));
    await testbed.phase(first, 'Drifted');
    const item = items.find(({ routeTableId }) => routeTableId === first);
    await testbed.putItem({ ...item, mode: 'enforce' });
    await testbed.has(first, routes);
    await testbed.phase(first, 'InSync');

    const shown = await routectl(['status', ...tables, '--json'], { env: environmentFor(stack) });
    expect({ code: shown.code, rows: jsonLines(shown.stdout) }).toMatchObject({
      code: 0,
      rows: tables.map(() => ({ phase: 'InSync' })),
    });
    const told = await routectl(['history', first, '--since', '1h', '--json'], { env: environmentFor(stack) });
    expect(jsonLines(told.stdout)).toContainEqual(
      expect.objectContaining({ what: 'call DeleteRoute 10.21.0.0/16', who: ['alice'] }),
    );
    expect(told.stdout).toContain('create 10.21.0.0/16');
  });

  it('have the names of their targets in comments', async () => {
    const { network, alice } = testbed;
    await alice.send(
      new CreateTagsCommand({ Resources: [network.peering], Tags: [{ Key: 'Name', Value: 'partner' }] }),
    );
    const table = await testbed.newTable({ '10.20.0.0/16': network.peering });
    const { stdout } = await importing(table);
    expect(stdout).toContain(`- { destination: 10.20.0.0/16, target: ${network.peering} } # partner\n`);
    await expect(importing('rtb-0fffffffffffffff0')).resolves.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('rtb-0fffffffffffffff0: no such route table in this account and Region'),
    });
  });
});
