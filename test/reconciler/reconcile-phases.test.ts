import { describe, expect, it } from 'vitest';
import { minutesAfter, now, routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// Which phase a table is in, and what its status says.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const rogue = '10.99.0.0/16';

describe('an invalid item', () => {
  const bad = { routeTableId, routes: [{ destination: '10.20.0.0', target: 'nat' }], mod: 'enforce' };

  it('changes no route, and the status shows every problem', async () => {
    const { ec2, desired, reconcile, status } = await inSync(two);
    desired.put(bad);
    await reconcile({ kind: 'desired' });
    expect(ec2.journal.mutations).toEqual([]);
    expect(status()).toMatchObject({
      phase: 'Invalid',
      reason: expect.stringContaining('the desired item is invalid'),
      problems: [{ path: 'mod' }, { path: 'routes[0].destination' }, { path: 'routes[0].target' }],
    });
  });

  it('loses no earned delete: the next valid item repairs', async () => {
    const { ec2, desired, desire, reconcile, status } = await inSync(two);
    desired.put(bad);
    await reconcile({ kind: 'desired' });
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    desire(two);
    await reconcile({ kind: 'desired' });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
    expect(status()).not.toHaveProperty('problems');
  });
});

describe('the status', () => {
  it('has the Name tag of the table as the last read showed it, and its mode', async () => {
    const { ec2, desire, reconcile, status } = await inSync(two);
    ec2.scenery.tag(routeTableId, { Name: 'private-a' });
    desire(two, { mode: 'observe' });
    await reconcile({ kind: 'desired' });
    expect(status()).toMatchObject({ name: 'private-a', mode: 'observe' });
    ec2.scenery.untag(routeTableId, 'Name');
    desire(two);
    await reconcile({ kind: 'desired' });
    expect(status()).not.toHaveProperty('name');
    expect(status()).not.toHaveProperty('mode');
  });
});

describe('a table', () => {
  it('that no longer exists is Missing, and no change is tried', async () => {
    const { ec2, reconcile, status } = await inSync(two);
    ec2.scenery.deleteTable(routeTableId);
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    expect(status()).toMatchObject({ phase: 'Missing', plan: { findings: [{ code: 'table-not-found' }] } });
  });

  it('whose item was deleted is Unmanaged, keeps its routes, and loses its earned deletes', async () => {
    const { ec2, desired, reconcile, status, memory } = await inSync(two);
    ec2.scenery.route(routeTableId, rogue, 'tgw-aaaaaaaa');
    desired.delete(routeTableId);
    await reconcile({ kind: 'desired' });
    expect(ec2.journal.calls).toEqual([]);
    expect(status()).toMatchObject({ phase: 'Unmanaged', failures: [] });
    // The table stays in the index until everything is announced.
    expect(memory()).toMatchObject({ destinations: new Map(), indexed: ['managed'] });
    await reconcile();
    expect(memory()).toEqual({ destinations: new Map(), unindexed: ['managed'] });
  });

  it('that was never managed leaves no trace', async () => {
    const { ec2, states, event } = new InMemoryWorld();
    ec2.scenery.table(routeTableId, { routes: two });
    expect(await event()).toEqual({ routeTableId, phase: 'Unmanaged', blackholes: 0, isRead: false });
    expect(ec2.journal.calls).toEqual([]);
    expect(await states.read(routeTableId)).toEqual({});
  });

  it('whose listed destination holds somebody else’s route is Failed, and the status names that route', async () => {
    const { ec2, desire, reconcile, status } = await inSync(two);
    ec2.scenery.foreignInterface('eni-ffffffff');
    ec2.scenery.route(routeTableId, '10.40.0.0/16', 'eni-ffffffff');
    ec2.scenery.vanish('pcx-aaaaaaaa');
    desire({ ...two, '10.40.0.0/16': 'pcx-aaaaaaaa' });
    await reconcile();
    expect(ec2.journal.mutations).toEqual([]);
    expect(status()).toMatchObject({ phase: 'Failed', reason: expect.stringContaining('eni-ffffffff') });
  });

  it('with a route to a missing target is Degraded: the route is as desired and drops its traffic', async () => {
    const { ec2, reconcile, status } = await inSync(two);
    ec2.scenery.vanish('pcx-aaaaaaaa');
    await reconcile();
    expect(ec2.journal.mutations).toEqual([]);
    expect(status()).toMatchObject({ phase: 'Degraded', plan: { inSync: true } });
    expect(status().plan?.findings).toMatchObject([{ code: 'blackhole' }, { code: 'blackhole' }]);
  });
});

describe('drift that may not be repaired', () => {
  it.each([
    ['observed', { mode: 'observe' }, 'the item is in mode observe'],
    ['paused', { paused: { reason: 'maintenance' } }, 'paused: maintenance'],
    ['paused until later', { paused: { reason: 'x', until: minutesAfter(60 * 24).toISOString() } }, 'paused: x'],
  ])('is Drifted when %s', async (_, fields, reason) => {
    const { ec2, desire, reconcile, status } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    desire(two, fields);
    await reconcile();
    expect(ec2.journal.mutations).toEqual([]);
    expect(status()).toMatchObject({
      phase: 'Drifted',
      reason: expect.stringContaining(reason),
      plan: { changes: [{ action: 'create', destination: '10.20.0.0/16', to: 'pcx-aaaaaaaa' }] },
    });
  });

  it('is repaired after the pause ends', async () => {
    const { ec2, desire, reconcile, clock } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    desire(two, { paused: { reason: 'maintenance', until: minutesAfter(5).toISOString() } });
    await reconcile();
    clock.advance(10 * 60_000);
    await reconcile();
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });
});

describe('deletes that wait for a person', () => {
  it('are held back while replaces and creates go on', async () => {
    const world = new InMemoryWorld();
    const { ec2, desire, reconcile, status } = world;
    ec2.scenery.table(routeTableId, { routes: { '10.20.0.0/16': 'tgw-aaaaaaaa', [rogue]: 'tgw-aaaaaaaa' } });
    ec2.scenery.target('pcx-aaaaaaaa');
    desire(two);
    await reconcile();
    expect(ec2.journal.lines).toEqual([
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
      'CreateRoute 10.21.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(status()).toMatchObject({
      phase: 'Blocked',
      plan: { blocked: { code: 'first-deletes', deletes: [{ destination: rogue }] } },
    });
  });

  it('are made after they are approved', async () => {
    const { ec2, desire, orders, reconcile, status, memory, clock, now } = new InMemoryWorld();
    ec2.scenery.table(routeTableId, { routes: { ...two, [rogue]: 'tgw-aaaaaaaa' } });
    desire(two);
    await reconcile();
    expect(status().phase).toBe('Blocked');
    clock.advance(60_000);
    orders.put(routeTableId, 'approval', {
      routes: [{ destination: rogue, target: 'tgw-aaaaaaaa' }],
      by: 'alice',
      at: now().toISOString(),
      until: new Date(now().getTime() + 60_000).toISOString(),
      desiredHash: memory().desiredHash,
    });
    await reconcile({ kind: 'person' });
    expect(ec2.journal.lines).toEqual([`DeleteRoute ${rogue}`]);
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });
});

describe('a status', () => {
  it('says what was changed, why, when, and who caused it', async () => {
    const { ec2, event, status, memory, remembered, clock } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const actor = { arn: 'arn:aws:iam::111122223333:user/alice', sourceIp: '203.0.113.24' };
    const time = clock.now().toISOString();
    await event({ id: 'event-1', name: 'DeleteRoute', time, actor });
    expect(status()).toMatchObject({
      routeTableId,
      phase: 'Verifying',
      reason: '1 change made, not seen in a read yet',
      plan: { planId: expect.stringMatching(/^[0-9a-f]{12}$/), changes: [{ action: 'create' }], unchanged: 1 },
      failures: [],
      trigger: { kind: 'event', id: 'event-1', name: 'DeleteRoute', time },
      actor,
      checkedAt: time,
      changedAt: time,
      listed: 2,
      drift: [{ destination: '10.20.0.0/16' }],
    });
    expect(memory()).toMatchObject({
      desiredHash: expect.stringMatching(/^[0-9a-f]{12}$/),
      policyHash: expect.stringMatching(/^[0-9a-f]{12}$/),
      lastWriteAt: time,
    });
    expect(remembered('10.20.0.0/16')).toMatchObject({
      listed: true,
      ours: 'pcx-aaaaaaaa',
      written: { target: 'pcx-aaaaaaaa' },
    });
    expect(remembered('10.21.0.0/16')).toMatchObject({ listed: true, ours: 'pcx-aaaaaaaa' });
  });

  it('is not written if EC2 lists the same routes in another order', async () => {
    const { ec2, reconcile, states } = await inSync(two);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa');
    await reconcile();
    expect([...states.writes]).toEqual([]);
  });

  it('keeps the time of the last change of phase, and since when the table is in sync', async () => {
    const { reconcile, status, clock } = await inSync(two);
    const { changedAt, inSyncSince, checkedAt } = status();
    expect([changedAt, inSyncSince]).toEqual([now.toISOString(), now.toISOString()]);
    clock.advance(25 * 60 * 60_000);
    await reconcile();
    expect(status()).toMatchObject({ changedAt, inSyncSince, checkedAt });
  });

  it('is not rewritten to show that it is fresh: the sweep record does that', async () => {
    const { reconcile, states, clock } = await inSync(two);
    for (let minutes = 0; minutes < 2 * 24 * 60; minutes += 5) {
      clock.advance(5 * 60_000);
      await reconcile();
    }
    expect([...states.writes]).toEqual([]);
  });
});
