import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ApplyOptions, apply } from '../../cli/apply.ts';
import { alice, tableNames } from '../support/deployed-cli.ts';
import { item, routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';
import { fileWith, jsonLines } from '../support/routectl.ts';

const deployed = await vi.hoisted(async () => {
  const { DeployedWorld } = await import('../support/deployed-cli.ts');
  return new DeployedWorld();
});

vi.mock(import('../../cli/caller.ts'), async (original) => ({
  ...(await original()),
  enterAws: async () => ({ region: 'eu-west-1', account: '111122223333', arn: alice }),
}));
vi.mock(import('../../reconciler/aws/dynamodb/situation-reader.ts'), () => ({
  situationReader: () => deployed.reader,
}));
vi.mock(import('../../reconciler/aws/dynamodb/desired-writer.ts'), () => ({ desiredWriter: () => deployed.writer }));
vi.mock(import('../../reconciler/aws/ec2/route-tables.ts'), () => ({ ec2RouteTables: () => deployed.world.tables }));
vi.mock(import('../../reconciler/aws/ec2/target-health.ts'), () => ({
  ec2TargetHealth: () => deployed.world.targetHealth,
}));
vi.mock(import('node:timers/promises'), async (original) => ({
  ...(await original()),
  setTimeout: async (ms, value) => {
    await deployed.sleep(ms ?? 0);
    return value as never;
  },
}));

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

const routes = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const other = 'rtb-0b1b2c3d4e5f60719';

beforeEach(async () => deployed.begin(await inSync(routes)));

const fileOf = (...items: readonly object[]): string => fileWith(JSON.stringify(items), 'routes.json');

const applied = (file: string, options: Partial<ApplyOptions> = {}) =>
  apply({ ...tableNames, file: [file], yes: true, ...options }, deployed.terminal);

describe('routectl apply', () => {
  it('shows both differences, writes the item as it is in the file, and follows until the table is in sync', async () => {
    const { world } = deployed;
    const edited = { ...item({ ...routes, '10.21.0.0/16': 'pcx-bbbbbbbb' }), maxDeletes: 3 };
    expect(await applied(fileOf(edited))).toBe(0);
    expect(deployed.text).toContain(`${routeTableId}  item: 2 changes`);
    expect(deployed.text).toMatch(/~ 10\.21\.0\.0\/16 +pcx-aaaaaaaa → pcx-bbbbbbbb\n +\+ maxDeletes +3\n/);
    expect(deployed.text).toMatch(/~ replace +10\.21\.0\.0\/16 +pcx-aaaaaaaa → pcx-bbbbbbbb/);
    expect(await world.desired.read(routeTableId)).toEqual(edited);
    expect(deployed.noted).toContainEqual(expect.stringMatching(/^rtb-\w+: InSync: every route is as desired/));
    expect(deployed.text.split('\n').at(-1)).toBe('1 table: 1 InSync');
  });

  it('writes nothing if the stored items ask for the same, however they are written', async () => {
    const same = { ...item({ '10.21.0.9/16': 'pcx-aaaaaaaa', '10.20.0.0/16': 'pcx-aaaaaaaa' }), mode: 'enforce' };
    expect(await applied(fileOf(same), { yes: false })).toBe(0);
    expect(deployed.noted).toContain('Nothing to write: the stored items ask for the same.');
    expect(await deployed.world.desired.read(routeTableId)).toEqual(item(routes));
  });

  it('refuses without a terminal and without --yes, after it has shown what it would do', async () => {
    const refused = applied(fileOf(item({})), { yes: false });
    await expect(refused).rejects.toThrow('there is no terminal to ask on, and nothing was done');
    expect(deployed.text).toMatch(/- delete +10\.20\.0\.0\/16/);
    expect(await deployed.world.desired.read(routeTableId)).toEqual(item(routes));
  });

  it('plans under the deployed guards: what the reconciler would hold back is held back', async () => {
    expect(await applied(fileOf(item({})))).toBe(3);
    expect(deployed.text).toContain('an edit emptied routes, which deletes 2 routes');
    expect(deployed.text).toContain(`To allow what waits: routectl approve ${routeTableId}`);
    expect(deployed.world.status().phase).toBe('Blocked');
  });

  it('does not overwrite an item that somebody changed since it was shown, and writes the others', async () => {
    const { world } = deployed;
    world.ec2.scenery.table(other, { routes });
    const theirs = { ...item({ ...routes, '10.22.0.0/16': 'pcx-aaaaaaaa' }) };
    deployed.meanwhile = (id) => {
      if (id === routeTableId) world.desired.put({ ...theirs, routeTableId });
    };
    const mine = item({ '10.20.0.0/16': 'pcx-bbbbbbbb' });
    expect(await applied(fileOf(mine, { ...item(routes), routeTableId: other }))).toBe(1);
    expect(deployed.noted).toContain(`${routeTableId}: item not written: somebody changed the item since it was shown`);
    expect(await world.desired.read(routeTableId)).toEqual(theirs);
    expect(await world.desired.read(other)).toEqual({ ...item(routes), routeTableId: other });
    expect(deployed.text.split('\n').at(-1)).toBe('2 tables: 1 changed meanwhile, 1 InSync');
  });

  it('says where the edit overwrites what somebody changed in EC2 since the table was in sync', async () => {
    const { world } = deployed;
    world.orders.put(routeTableId, 'pause', { reason: 'test' });
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await world.event({
      name: 'ReplaceRoute',
      destination: '10.20.0.0/16',
      target: 'tgw-aaaaaaaa',
      actor: { arn: 'arn:aws:iam::111122223333:user/bob' },
    });
    world.orders.put(routeTableId, 'pause');
    await applied(fileOf(item({ ...routes, '10.20.0.0/16': 'pcx-bbbbbbbb' })), { wait: false });
    expect(deployed.text).toMatch(
      /! +overwrites 10\.20\.0\.0\/16: EC2 has tgw-aaaaaaaa \(arn:aws:iam::111122223333:user\/bob at .*\), the stored item asks for pcx-aaaaaaaa, this edit replaces it with pcx-bbbbbbbb/,
    );
  });

  it('says what protects less than before', async () => {
    await applied(fileOf(item(routes, { unlisted: 'keep' })));
    expect(deployed.text).toContain('protects less than before: unlisted: delete → keep');
  });

  it('says what holds a table, and exits with the code of that phase', async () => {
    deployed.world.orders.put(routeTableId, 'pause', { reason: 'change freeze' });
    expect(await applied(fileOf(item({ ...routes, '10.22.0.0/16': 'pcx-aaaaaaaa' })))).toBe(2);
    expect(deployed.text).toContain('Drifted: drift is only reported: the table is paused: change freeze');
  });

  it('gives up after the time to wait, and does not call the table settled', async () => {
    deployed.runs = false;
    expect(await applied(fileOf(item({ '10.20.0.0/16': 'pcx-aaaaaaaa' })), { timeout: '1m' })).toBe(1);
    expect(deployed.text).toContain('Unknown (not settled): it was not reconciled with this item yet');
  });

  it('does not follow with --no-wait', async () => {
    deployed.runs = false;
    expect(await applied(fileOf(item({ '10.20.0.0/16': 'pcx-aaaaaaaa' })), { wait: false })).toBe(0);
    expect(deployed.text.split('\n').at(-1)).toBe('1 table: 1 written');
  });

  it('adopts a table that has no item yet', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId, { routes });
    deployed.begin(world);
    expect(await applied(fileOf(item(routes, { mode: 'observe' })))).toBe(0);
    expect(deployed.text).toContain(`${routeTableId}  item: new`);
  });

  it('touches only the tables of --only, even if others are invalid', async () => {
    const edited = item({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    const file = fileOf(edited, { routeTableId: other, routes: 'all' });
    expect(await applied(file, { only: [routeTableId] })).toBe(0);
    expect(await deployed.world.desired.read(routeTableId)).toEqual(edited);
    await expect(applied(file, { only: ['rtb-0c1b2c3d4e5f60719'] })).rejects.toThrow('no file has such a table');
  });

  it('writes nothing at all if an item is invalid', async () => {
    const file = fileOf(item({}), { routeTableId: other, routes: 'all' });
    expect(await applied(file)).toBe(1);
    expect(deployed.text).toContain('routes  expected a list of routes');
    expect(await deployed.world.desired.read(routeTableId)).toEqual(item(routes));
  });

  it('deletes the items that no file names only with --prune, and only in the version that it read', async () => {
    const { world } = deployed;
    const left = { ...item(routes), routeTableId: other };
    world.desired.put(left);
    const file = fileOf(item(routes));
    await applied(file);
    expect(await world.desired.read(other)).toEqual(left);

    deployed.meanwhile = () => world.desired.put({ ...left, mode: 'observe' });
    expect(await applied(file, { prune: true })).toBe(1);
    expect(await world.desired.read(other)).toEqual({ ...left, mode: 'observe' });

    deployed.meanwhile = () => {};
    expect(await applied(file, { prune: true })).toBe(0);
    expect(deployed.text).toContain('No file names 1 item. Without its item a table is not managed; its routes stay.');
    expect(await world.desired.read(other)).toBeUndefined();
  });

  it('with --json prints one line for each table: item, plan and phase', async () => {
    await applied(fileOf(item({ ...routes, '10.21.0.0/16': 'pcx-bbbbbbbb' })), { json: true });
    expect(jsonLines(deployed.text)).toMatchObject([
      {
        routeTableId,
        item: 'written',
        plan: { changes: [{ action: 'replace', destination: '10.21.0.0/16' }] },
        phase: 'InSync',
        settled: true,
      },
    ]);
  });
});
