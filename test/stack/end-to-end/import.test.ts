import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { environmentFor } from '../../../local/stack.ts';
import { type Ended, jsonLines, routectl } from '../../support/routectl.ts';
import { deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { type Routes, Testbed } from '../support/testbed.ts';
import { localStack } from '../support/local-stack.ts';

const stack = localStack();
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open(104);
});

const command = (...args: readonly string[]): Promise<Ended> => routectl(args, { env: environmentFor(stack) });

/** The story that docs/adopt.md tells. */
describe('an account of 50 tables that is adopted', { timeout: 120_000 }, () => {
  it('is in sync without a change of a route; drift is seen, then repaired; one drift is held, then accepted', async () => {
    const { network, alice } = testbed;
    const [theirs, pods] = await Promise.all([testbed.newInterface('444455556666'), testbed.newInstance()]);
    const egress: Routes = { '0.0.0.0/0': network.natGateway, '::/0': network.egressOnlyGateway };
    const shapes: readonly Routes[] = [
      egress,
      { ...egress, '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering },
      { '0.0.0.0/0': network.internetGateway, [network.prefixList]: network.transitGateway },
      { ...egress, '10.88.0.0/16': theirs },
      { ...egress, '10.200.1.0/24': pods.eni },
    ];
    const tables = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => ({ id: await testbed.newTable(shapes[n % 5]), shape: n % 5 })),
    );
    const ofShape = (shape: number) => tables.flatMap((one) => (one.shape === shape ? one.id : []));
    await testbed.tag(ofShape(4), 'kubernetes.io/cluster/blue', 'owned');
    await testbed.newEndpoint(ofShape(2));
    const ids = tables.map(({ id }) => id);
    const since = await testbed.mark();
    const changes = () => testbed.changesIn(ids, since);

    // Import, and look at what is not ours.
    const folder = mkdtempSync(join(tmpdir(), 'routectl-adopt-'));
    expect(await command('import', ...ids, '--out-dir', folder)).toMatchObject({ code: 0 });
    const files = ids.map((id) => join(folder, `${id}.yaml`));
    expect(await command('plan', '-f', ...files)).toMatchObject({ code: 0 });
    const leftOut = (id: string) => readFileSync(join(folder, `${id}.yaml`), 'utf8');
    for (const id of ofShape(2)) expect(leftOut(id)).toMatch(/# {3}pl-\w+ → vpce-\w+: of a gateway endpoint/);
    for (const id of ofShape(3)) expect(leftOut(id)).toMatch(/ignore:\n.*10\.88\.0\.0\/16.*444455556666/);
    for (const id of ofShape(4)) expect(leftOut(id)).toMatch(/ignore:\n.*10\.200\..*kubernetes\.io\/cluster\/blue/);

    // Observe: nothing is changed.
    const applied = await command('apply', '-f', ...files, '--yes', '--json');
    expect(applied.code).toBe(0);
    expect(jsonLines(applied.stdout)).toMatchObject(ids.map(() => ({ phase: 'InSync', settled: true })));
    expect(await changes()).toEqual([]);

    // Drift is seen, and not repaired.
    const [lost = '', moved = ''] = ofShape(1);
    await alice.send(deleteRoute(lost, '10.21.0.0/16'));
    await alice.send(replaceRoute(moved, '10.20.0.0/16', network.otherPeering));
    for (const table of [lost, moved]) await testbed.phase(table, 'Drifted');
    expect(await changes()).toEqual([]);

    // Keep what one of them is now, and enforce all.
    const held = await command('hold', moved, '10.20.0.0/16', '--for', '1h', '--reason', 'migration');
    expect(held.stdout).toContain(`Held: 10.20.0.0/16 in ${moved} stays at ${network.otherPeering} until `);
    for (const file of files) writeFileSync(file, readFileSync(file, 'utf8').replace('mode: observe\n', ''));
    expect(await command('apply', '-f', ...files, '--yes')).toMatchObject({ code: 0 });
    expect(await testbed.routes(lost)).toEqual(shapes[1]);
    expect(await changes()).toEqual([`CreateRoute 10.21.0.0/16 ${network.peering}`]);

    // Accept it.
    const patch = await command('accept', moved, '10.20.0.0/16', '--patch');
    expect(patch.stdout).toContain(`after: { destination: 10.20.0.0/16, target: ${network.otherPeering} }\n`);
    expect(await command('accept', moved, '10.20.0.0/16', '--yes')).toMatchObject({ code: 0 });
    expect(await command('hold', moved, '10.20.0.0/16', '--end')).toMatchObject({ code: 0 });
    await testbed.wake(moved);
    await testbed.phase(moved, 'InSync');
    expect(await testbed.routes(moved)).toEqual({ ...shapes[1], '10.20.0.0/16': network.otherPeering });

    const shown = await command('status', ...ids, '--json');
    expect({ code: shown.code, rows: jsonLines(shown.stdout) }).toMatchObject({
      code: 0,
      rows: ids.map(() => ({ phase: 'InSync' })),
    });
    expect(await changes()).toHaveLength(1);
    const told = await command('history', lost, '--since', '1h', '--json');
    expect(jsonLines(told.stdout)).toContainEqual(
      expect.objectContaining({ what: 'call DeleteRoute 10.21.0.0/16', who: ['alice'] }),
    );
    expect(told.stdout).toContain('create 10.21.0.0/16');
  });
});

describe('a table that is imported', () => {
  it('has the names of its targets in comments', async () => {
    const { network, alice } = testbed;
    await alice.send(
      new CreateTagsCommand({ Resources: [network.peering], Tags: [{ Key: 'Name', Value: 'partner' }] }),
    );
    const table = await testbed.newTable({ '10.20.0.0/16': network.peering });
    const { stdout } = await command('import', table);
    expect(stdout).toContain(`- { destination: 10.20.0.0/16, target: ${network.peering} } # partner\n`);
    await expect(command('import', 'rtb-0fffffffffffffff0')).resolves.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('rtb-0fffffffffffffff0: no such route table in this account and Region'),
    });
  });
});
