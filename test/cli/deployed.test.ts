import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { type AcceptOptions, accept } from '../../cli/accept.ts';
import { type ApplyOptions, apply } from '../../cli/apply.ts';
import { type ApproveOptions, approve } from '../../cli/approve.ts';
import { type HoldOptions, hold } from '../../cli/hold.ts';
import { resume } from '../../cli/pause.ts';
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
  enterAws: async () => deployed.caller,
}));
vi.mock(import('../../cli/consent.ts'), async (original) => {
  const { agreed } = await original();
  return { agreed: async (question) => deployed.answer?.(question) ?? agreed(question) };
});
vi.mock(import('../../reconciler/aws/dynamodb/order-writer.ts'), () => ({ orderWriter: () => deployed.orderWriter }));
vi.mock(import('../../reconciler/aws/dynamodb/fleet-reader.ts'), () => ({ fleetReader: () => deployed.fleetReader }));
vi.mock(import('../../reconciler/aws/dynamodb/situation-reader.ts'), () => ({
  situationReader: () => deployed.reader,
}));
vi.mock(import('../../reconciler/aws/dynamodb/desired-writer.ts'), () => ({ desiredWriter: () => deployed.writer }));
vi.mock(import('../../reconciler/aws/dynamodb/desired-table.ts'), () => ({
  desiredItems: () => deployed.world.desired,
}));
vi.mock(import('../../reconciler/aws/ec2/route-tables.ts'), () => ({ ec2RouteTables: () => deployed.world.tables }));
vi.mock(import('../../reconciler/aws/ec2/target-health.ts'), () => ({
  ec2TargetHealth: () => deployed.targetHealth,
}));
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<object>()),
  setTimeout: (ms: number) => deployed.sleep(ms),
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

  it('does not hold back what the reconciler would delete at once: a route that appeared', async () => {
    deployed.world.ec2.scenery.route(routeTableId, '192.168.0.0/16', 'tgw-aaaaaaaa');
    expect(await applied(fileOf(item(routes, { maxDeletes: 0 })))).toBe(0);
    expect(deployed.text).toMatch(/- delete +192\.168\.0\.0\/16 +tgw-aaaaaaaa\n/);
  });

  it('asks EC2 once about the targets of many tables in one VPC', async () => {
    const { world } = deployed;
    const ids = [routeTableId, other, 'rtb-0c1b2c3d4e5f60719'];
    for (const id of ids.slice(1)) world.ec2.scenery.table(id, { routes });
    const edited = item({ ...routes, '10.20.0.0/16': 'pcx-bbbbbbbb', '10.22.0.0/16': 'nat-aaaaaaaa' });
    await applied(fileOf(...ids.map((id) => ({ ...edited, routeTableId: id }))), { wait: false });
    expect(deployed.text.match(/~ replace +10\.20\.0\.0\/16/g)).toHaveLength(3);
    expect(deployed.asked).toEqual([['nat-aaaaaaaa', 'pcx-bbbbbbbb']]);
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

  it.each([true, false])('asks for many tables at once, and releases the fleet brake: %s', async (yes) => {
    const { world } = deployed;
    const ids = Array.from({ length: 8 }, (_, n) => `rtb-0000000${n}`);
    for (const id of ids) {
      world.ec2.scenery.table(id, { routes });
      world.desired.put({ ...item(routes), routeTableId: id });
      await world.reconcile({ kind: 'desired' }, id);
    }
    world.clock.advance(12 * 60_000);
    vi.setSystemTime(world.now());
    const edited = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-bbbbbbbb' };
    const file = fileOf(...ids.map((id) => ({ ...item(edited), routeTableId: id })));
    const asked: string[] = [];
    deployed.answer = (question) => {
      asked.push(question);
      return !question.includes('fleet brake') || yes;
    };
    expect(await applied(file, { yes: false })).toBe(yes ? 0 : 3);
    expect(asked).toEqual(['Write 8 items?', 'Replace or delete routes in all 8 tables, and release the fleet brake?']);
    const changed = ids.filter((id) => world.ec2.scenery.routesOf(id)['10.21.0.0/16'] === 'pcx-bbbbbbbb');
    expect(changed).toHaveLength(yes ? 8 : 5);
    if (!yes) expect(deployed.text).toMatch(/^To allow what waits: routectl approve edit-[0-9a-f]{12}$/m);
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

describe('routectl accept', () => {
  const accepted = (destination: string, options: Partial<AcceptOptions> = {}) =>
    accept(routeTableId, destination, { ...tableNames, yes: true, ...options }, deployed.terminal);
  const stored = () => deployed.world.desired.read(routeTableId);
  const listed = (routes: object[]) => ({ ...item({}, { maxDeletes: 3 }), routes });
  const described = { destination: '10.20.0.7/16', target: 'pcx-aaaaaaaa', description: 'partner' };

  beforeEach(() => {
    deployed.world.orders.put(routeTableId, 'pause', { reason: 'failover' });
    deployed.world.desired.put({ routeTableId, ...listed([described]) });
  });

  it.each([
    ['another target', '10.20.0.0/16', [{ ...described, target: 'tgw-aaaaaaaa' }]],
    ['an unlisted route', '10.30.0.0/16', [described, { destination: '10.30.0.0/16', target: 'pcx-bbbbbbbb' }]],
    ['that there is no route', '10.20.0.0/16', []],
  ])('takes %s into the item, and leaves everything else in it', async (what, destination, routes) => {
    const { scenery } = deployed.world.ec2;
    if (what === 'that there is no route') scenery.removeRoute(routeTableId, '10.20.0.0/16');
    else scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    scenery.route(routeTableId, '10.30.0.0/16', 'pcx-bbbbbbbb');
    expect(await accepted(destination)).toBe(0);
    expect(await stored()).toEqual(listed(routes));
  });

  it('exchanges the target and the alternate on which the route runs', async () => {
    deployed.world.desired.put({
      routeTableId,
      ...listed([{ ...described, alternates: ['tgw-aaaaaaaa', 'pcx-bbbbbbbb'] }]),
    });
    deployed.world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await accepted('10.20.0.0/16');
    expect(await stored()).toEqual(
      listed([{ ...described, target: 'tgw-aaaaaaaa', alternates: ['pcx-aaaaaaaa', 'pcx-bbbbbbbb'] }]),
    );
  });

  it('has nothing to do if the item asks for what EC2 has', async () => {
    expect(await accepted('10.20.0.0/16')).toBe(0);
    expect(deployed.text).toContain('Nothing to accept');
    expect(await accepted('10.0.0.0/16')).toBe(0);
  });

  it('prints what to change in a file with --patch, and writes nothing', async () => {
    deployed.world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await accepted('10.20.0.0/16', { patch: true });
    expect(parse(deployed.text)).toEqual({
      routeTableId,
      before: described,
      after: { ...described, target: 'tgw-aaaaaaaa' },
    });
    expect(deployed.text).toContain(
      '\nbefore: { destination: 10.20.0.7/16, target: pcx-aaaaaaaa, description: partner }\n',
    );
    expect(await stored()).toEqual(listed([described]));
  });

  it('prints --patch as one valid document, whatever a description contains, with control characters visible', async () => {
    const odd = { ...described, description: 'a: [b]\u001B[31m \u202Ec # d\n---\ne' };
    deployed.world.desired.put({ routeTableId, ...listed([odd]) });
    deployed.world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await accepted('10.20.0.0/16', { patch: true });
    expect(parse(deployed.text)).toEqual({ routeTableId, before: odd });
    expect(deployed.text).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u);
  });

  it('prints --patch as JSON with --json', async () => {
    deployed.world.ec2.scenery.route(routeTableId, '10.30.0.0/16', 'pcx-bbbbbbbb');
    await accepted('10.30.0.0/16', { patch: true, json: true });
    const after = { destination: '10.30.0.0/16', target: 'pcx-bbbbbbbb' };
    expect(jsonLines(deployed.text)).toEqual([{ routeTableId, destination: '10.30.0.0/16', accepted: false, after }]);
  });

  it('writes nothing if somebody changed the item since it was shown', async () => {
    deployed.world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    deployed.meanwhile = () => deployed.world.desired.put({ routeTableId, ...listed([]) });
    await expect(accepted('10.20.0.0/16')).rejects.toThrow('since it was shown: nothing was written');
    expect(await stored()).toEqual(listed([]));
  });

  it('refuses what would make the item invalid, and a table without an item', async () => {
    deployed.world.desired.put({ routeTableId, ...listed([]), scope: ['192.168.0.0/16'] });
    await expect(accepted('10.20.0.0/16')).rejects.toThrow(
      '10.20.0.0/16 cannot be accepted: with it the item would be',
    );
    deployed.world.desired.delete(routeTableId);
    await expect(accepted('10.20.0.0/16')).rejects.toThrow('has no desired item');
  });
});

describe('routectl hold', () => {
  const held = (destination: string, options: Partial<HoldOptions> = {}) =>
    hold(routeTableId, destination, { ...tableNames, for: '2h', ...options }, deployed.terminal);

  it.each([
    ['10.20.0.7/16', /^Held: 10\.20\.0\.0\/16 in rtb-\w+ stays at pcx-aaaaaaaa until 20\S+Z\.$/],
    ['10.30.0.0/16', /^Held: 10\.30\.0\.0\/16 in rtb-\w+ stays without a static route until 20\S+Z\.$/],
  ])('prints the route that it holds: %s', async (destination, sentence) => {
    expect(await held(destination)).toBe(0);
    expect(deployed.text).toMatch(sentence);
  });

  it('says so if the route that it holds drops traffic', async () => {
    deployed.world.ec2.scenery.vanish('pcx-aaaaaaaa');
    await held('10.20.0.0/16');
    expect(deployed.text).toContain('stays at pcx-aaaaaaaa (blackhole: drops traffic) until ');
  });

  it('prints the route with --json', async () => {
    await held('10.20.0.0/16', { json: true });
    await held('10.30.0.0/16', { json: true });
    expect(jsonLines(deployed.text)).toMatchObject([
      { destination: '10.20.0.0/16', route: { target: 'pcx-aaaaaaaa', state: 'active' } },
      { destination: '10.30.0.0/16', route: null },
    ]);
  });

  it('holds even if EC2 cannot be read, and says that it does not know the route', async () => {
    vi.spyOn(deployed.world.tables, 'readMany').mockImplementation(() => {
      throw new Error('RequestLimitExceeded');
    });
    expect(await held('10.20.0.0/16')).toBe(0);
    expect(deployed.text).toMatch(/^Held: 10\.20\.0\.0\/16 in rtb-\w+ stays as it is until /);
    expect(deployed.noted.join('\n')).toContain('the route that it holds is unknown');
    expect((await deployed.world.orders.all()).of(routeTableId).holds).toMatchObject([{ destination: '10.20.0.0/16' }]);
  });
});

describe('routectl approve', () => {
  const approved = (ids: readonly string[], options: Partial<ApproveOptions> = {}) =>
    approve(ids, { ...tableNames, yes: true, ...options }, deployed.terminal);
  const rogue = { '172.16.0.0/12': 'tgw-aaaaaaaa' };
  const destinations = async (id: string) =>
    (await deployed.world.tables.read(id))?.routes.map(({ spelling }) => spelling);

  /** Two tables, in each of which one delete waits. */
  beforeEach(async () => {
    const world = new InMemoryWorld();
    for (const id of [routeTableId, other]) {
      world.ec2.scenery.table(id, { routes: { ...routes, ...rogue } });
      world.desired.put({ ...item(routes), routeTableId: id });
      await world.reconcile({ kind: 'desired' }, id);
      await world.reconcile({ kind: 'desired' }, id);
    }
    deployed.begin(world);
  });

  it('approves what waits in several tables, and waits until the routes are gone', async () => {
    expect(await approved([routeTableId, other])).toBe(0);
    expect(deployed.text).toContain(`Approved by ${alice} until`);
    expect(deployed.text).toContain('2 deletes, and no other.');
    expect(deployed.noted).toEqual(expect.arrayContaining([`${routeTableId}: gone`, `${other}: gone`]));
    for (const id of [routeTableId, other]) expect(await destinations(id)).not.toContain('172.16.0.0/12');
  });

  it('takes the id of a plan, and approves nothing if no table has that plan now', async () => {
    const { planId = '' } = deployed.world.states.status(other).plan ?? {};
    expect(await approved([planId])).toBe(0);
    expect(await destinations(other)).not.toContain('172.16.0.0/12');
    expect(await destinations(routeTableId)).toContain('172.16.0.0/12');
    await expect(approved([planId])).rejects.toThrow(`no table has a plan ${planId} now, and nothing was approved`);
  });

  it('is refused if nobody can say who approves', async () => {
    deployed.caller = { region: 'eu-west-1' };
    await expect(approved([routeTableId])).rejects.toThrow('an approval needs an author');
    expect(await destinations(routeTableId)).toContain('172.16.0.0/12');
  });

  it('says what is still there when time is up', async () => {
    deployed.runs = false;
    expect(await approved([routeTableId], { json: true })).toBe(2);
    expect(jsonLines(deployed.text)).toMatchObject([
      { routeTableId, approved: [{ destination: '172.16.0.0/12' }], gone: false },
    ]);
    expect(deployed.noted).toContainEqual(expect.stringMatching(/still there after 2 minutes: 172\.16\.0\.0\/12/));
  });

  it('does not wait with --no-wait, or for a table that is not enforced', async () => {
    deployed.runs = false;
    expect(await approved([routeTableId], { wait: false })).toBe(0);
    deployed.world.orders.put(other, 'pause', { reason: 'test' });
    expect(await approved([other])).toBe(0);
  });
});

describe('routectl resume', () => {
  const resumed = (ids: readonly string[], options: { all?: boolean; json?: boolean } = {}) =>
    resume(ids, { ...tableNames, ...options }, deployed.terminal);

  it.each([
    ['a stop of all tables', 'all tables are stopped, which "routectl resume --all" ends: incident (by bob)'],
    ['a pause in the item', 'it is paused in the item: maintenance'],
    ['mode observe', 'the item is in mode observe'],
  ])('says that %s still holds the table', async (what, sentence) => {
    const { orders, desired } = deployed.world;
    orders.put(routeTableId, 'pause', { reason: 'test' });
    if (what === 'a stop of all tables') orders.put('*', 'stop', { reason: 'incident', by: 'bob' });
    if (what === 'a pause in the item')
      desired.put({ routeTableId, ...item(routes, { paused: { reason: 'maintenance' } }) });
    if (what === 'mode observe') desired.put({ routeTableId, ...item(routes, { mode: 'observe' }) });
    await resumed([routeTableId], { json: true });
    expect(jsonLines(deployed.text)).toEqual([{ routeTableId, resumed: true, stillHeld: sentence }]);
    await resumed([routeTableId]);
    expect(deployed.noted).toContain(`${routeTableId} is still not enforced: ${sentence}`);
    expect(deployed.noted.filter((line) => line.includes('Drift is repaired now'))).toEqual([]);
  });

  it('says after the stop of all tables which tables have a pause of their own', async () => {
    deployed.world.orders.put(routeTableId, 'pause', { reason: 'test' });
    deployed.world.orders.put('*', 'stop', { reason: 'incident' });
    await resumed([], { all: true });
    expect(deployed.noted).toContain(`${routeTableId} is still not enforced: it is paused: test`);
  });

  it('says nothing of the kind if nothing else holds', async () => {
    deployed.world.orders.put(routeTableId, 'pause', { reason: 'test' });
    await resumed([routeTableId]);
    expect(deployed.noted).toEqual([expect.stringMatching(/^Drift is repaired now/)]);
  });
});
