import { describe, expect, it } from 'vitest';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { desired, minutesAfter, routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const rogue = '192.0.2.0/24';

const routesOf = ({ ec2 }: InMemoryWorld) => ec2.scenery.routesOf(routeTableId);

/** An item with an unknown target and an unknown field. */
const breakItem = ({ desired }: InMemoryWorld): void =>
  desired.put({ routeTableId, routes: [{ destination: '10.20.0.0/16', target: 'nat' }], rotues: [] });

/** A table in sync whose item has just become invalid. */
async function broken(routes: Readonly<Record<string, string>> = two): Promise<InMemoryWorld> {
  const world = await inSync(routes);
  breakItem(world);
  await world.reconcile({ kind: 'desired' });
  return world;
}

const byMallory = ({ ec2 }: InMemoryWorld) => ec2.as('mallory');
const replaceIn = (world: InMemoryWorld, destination: string, target: string) =>
  byMallory(world).replaceRoute({
    RouteTableId: routeTableId,
    DestinationCidrBlock: destination,
    ...(target.startsWith('tgw') ? { TransitGatewayId: target } : { VpcPeeringConnectionId: target }),
  });
const createIn = (world: InMemoryWorld, destination: string) =>
  byMallory(world).createRoute({
    RouteTableId: routeTableId,
    DestinationCidrBlock: destination,
    TransitGatewayId: 'tgw-aaaaaaaa',
  });

describe('while an item is invalid', () => {
  it('its last valid version is enforced: routes that others replaced, deleted and created are repaired', async () => {
    const world = await broken();
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await byMallory(world).deleteRoute({ RouteTableId: routeTableId, DestinationCidrBlock: '10.21.0.0/16' });
    await createIn(world, rogue);
    await world.event({ name: 'ReplaceRoute', destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa' });
    expect(routesOf(world)).toEqual(two);
    world.clock.advance(10_000);
    await world.reconcile({ kind: 'requeue' });
    expect(world.announcer.events).toContain('Route Drift Healed');
    expect(world.states.runs(routeTableId)).toContainEqual(
      expect.objectContaining({ verifiedAt: world.now().toISOString() }),
    );
  });

  it('the status says Invalid, lists the problems, and says which version is in force', async () => {
    const world = await broken();
    const { phase, reason, problems, inForce, plan } = world.status();
    expect(phase).toBe('Invalid');
    expect(problems?.map(({ path }) => path)).toEqual(['rotues', 'routes[0].target']);
    expect(inForce).toEqual({
      since: '2026-11-23T12:00:00.000Z',
      phase: 'InSync',
      reason: 'every route is as desired',
    });
    expect(reason).toMatch(/^the desired item is invalid: .* and 1 more; its last valid version of 2026-11-23T12:00/);
    expect(plan?.findings.map(({ code }) => code)).toEqual(['invalid-desired', 'invalid-desired']);
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.faults.strike({ naming: '10.20.0.0/16' }, { refused: { code: 'IncorrectState' } });
    await world.reconcile();
    expect(world.status()).toMatchObject({
      phase: 'Invalid',
      reason,
      changedAt: world.status().changedAt,
      inForce: { phase: 'Failed', reason: expect.stringContaining('could not replace 10.20.0.0/16') },
      failures: [{ destination: '10.20.0.0/16' }],
      nextRetry: expect.any(String),
    });
  });

  it('a stored version that the status does not name never comes into force', async () => {
    const world = await inSync(two);
    const item = { routeTableId, routes: [{ destination: '10.20.0.0/16', target: 'tgw-aaaaaaaa' }] };
    // A function stored this version and died. Later the item was edited back, and now it is invalid.
    await world.lastValid.write(routeTableId, { item, since: world.now().toISOString() });
    breakItem(world);
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(two);
    expect(world.status()).toMatchObject({ phase: 'Invalid' });
    expect(world.status()).not.toHaveProperty('inForce');
  });

  it('a delete that only an edit earned waits for approval', async () => {
    const world = await inSync(two);
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 5 });
    world.faults.strike({ action: 'DeleteRoute' }, { refused: { code: 'RequestLimitExceeded' } });
    await world.reconcile({ kind: 'desired' });
    world.faults.clear();
    breakItem(world);
    await createIn(world, rogue);
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(two);
    expect(world.status().plan?.blocked).toEqual({
      code: 'first-deletes',
      deletes: [{ destination: '10.21.0.0/16', target: 'pcx-aaaaaaaa', code: 'first-deletes' }],
      message: expect.stringContaining('while the item is invalid, only routes that appeared are deleted'),
    });
    expect(world.status().inForce?.phase).toBe('Blocked');
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 5 });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('holds, pauses and stops apply to the last valid version', async () => {
    const world = await broken();
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await replaceIn(world, '10.21.0.0/16', 'tgw-aaaaaaaa');
    const hold = { reason: 'test', by: 'alice', until: minutesAfter(60).toISOString() };
    world.orders.put(routeTableId, 'holds', { holds: { '10.20.0.0/16': hold } });
    world.orders.put('*', 'stop', {});
    await world.reconcile();
    expect(world.ec2.journal.lines.filter((line) => !line.includes('tgw'))).toEqual([]);
    expect(world.status()).toMatchObject({ phase: 'Invalid', inForce: { phase: 'Drifted' }, pause: { of: 'fleet' } });
    world.orders.put('*', 'stop');
    await world.reconcile();
    expect(routesOf(world)).toEqual({ ...two, '10.20.0.0/16': 'tgw-aaaaaaaa' });
  });

  it('no approval applies, not even one for the version in force', async () => {
    const world = await inSync(two);
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 0 });
    await world.reconcile({ kind: 'desired' });
    breakItem(world);
    const [at, until] = [world.now().toISOString(), minutesAfter(60, world.now()).toISOString()];
    const hash = desiredHash(desired({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 0 }));
    const routes = [{ destination: '10.21.0.0/16', target: 'pcx-aaaaaaaa' }];
    world.orders.put(routeTableId, 'approval', { routes, by: 'alice', at, until, desiredHash: hash });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(two);
    // The invalid item was an edit, and an edit ends an approval.
    world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 0 });
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(two);
  });

  it('sweeps repair drift that no event reported, and write nothing while the table is as desired', async () => {
    const world = await broken();
    const swept = () => sweep(world, world.invocation());
    await swept();
    world.forget();
    world.clock.advance(5 * 60_000);
    expect(await swept()).toMatchObject({ checked: 1, outOfSync: 1 });
    expect([world.states.writes.get('write'), world.lastValid.calls.get('lastValid.write')]).toEqual([
      undefined,
      undefined,
    ]);
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await swept();
    expect(routesOf(world)).toEqual(two);
  });

  it('the history gets one run for one trouble', async () => {
    const world = await broken();
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    for (let n = 0; n < 4; n++) {
      await world.reconcile();
      world.clock.advance(60_000);
    }
    expect(world.states.runs(routeTableId)).toHaveLength(2);
    expect(world.announcer.events.filter((event) => event.startsWith('Route Reconcile Failed'))).toHaveLength(1);
  });

  it('a missing table is reported as Missing', async () => {
    const world = await inSync({});
    const id = 'rtb-bbbbbbbb';
    world.desired.put({ routeTableId: id, routes: [] });
    await world.reconcile({ kind: 'desired' }, id);
    world.desired.put({ routeTableId: id, routes: 'none' });
    await world.reconcile({ kind: 'desired' }, id);
    expect(world.states.status(id)).toMatchObject({ phase: 'Invalid', inForce: { phase: 'Missing' } });
  });
});

describe('the last valid version', () => {
  it('is the newest version that was reconciled', async () => {
    const world = await inSync(two);
    const edited = { '10.20.0.0/16': 'pcx-bbbbbbbb', '10.21.0.0/16': 'pcx-aaaaaaaa' };
    world.desire(edited);
    await world.reconcile({ kind: 'desired' });
    breakItem(world);
    world.clock.advance(60_000);
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toEqual(edited);
    expect(world.status().inForce?.phase).toBe('InSync');
  });

  it('is stored before its first change, and nothing is changed if that fails', async () => {
    const world = await inSync(two);
    world.desire({ ...two, '10.22.0.0/16': 'pcx-aaaaaaaa' });
    world.lastValid.faults = (call) => {
      if (call === 'lastValid.write') throw new Error('throttled');
    };
    await expect(world.reconcile({ kind: 'desired' })).rejects.toThrow('throttled');
    expect(world.ec2.journal.mutations).toEqual([]);
    world.lastValid.faults = () => {};
    await world.reconcile({ kind: 'desired' });
    expect(routesOf(world)).toMatchObject({ '10.22.0.0/16': 'pcx-aaaaaaaa' });
  });

  it('is written once for each version, and read only while the item is invalid', async () => {
    const world = await inSync(two);
    await world.reconcile();
    await world.event({ name: 'CreateTags' });
    expect(world.lastValid.calls).toEqual(new Map());
    world.desire(two, { maxDeletes: 3 });
    await world.reconcile({ kind: 'desired' });
    await world.reconcile();
    expect(world.lastValid.calls).toEqual(new Map([['lastValid.write', 1]]));
  });

  it('comes into force in the middle of an apply if the item becomes invalid', async () => {
    const world = await inSync(two);
    const more = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`10.${100 + n}.0.0/16`, 'pcx-aaaaaaaa']));
    world.desire({ ...two, ...more });
    world.faults.strike({ action: 'CreateRoute' }, { answersAfterMs: 2_000 });
    let checks = 0;
    world.checkpointFaults = () => {
      if (++checks === 3) breakItem(world);
    };
    await world.reconcile({ kind: 'desired' }, routeTableId, 50);
    world.faults.clear();
    await world.reconcile({ kind: 'requeue' });
    expect(world.status().phase).toBe('Invalid');
    expect(routesOf(world)).toEqual({ ...two, ...more });
  });

  it('does not exist if the item was never valid: nothing is changed', async () => {
    const world = await inSync({});
    const id = 'rtb-bbbbbbbb';
    world.ec2.scenery.table(id, { routes: two });
    world.desired.put({ routeTableId: id, routes: 'none' });
    await world.reconcile({ kind: 'desired' }, id);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.states.status(id)).toMatchObject({
      phase: 'Invalid',
      reason: expect.not.stringContaining('in force'),
    });
    expect(world.states.status(id).inForce).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['invalid itself', { routeTableId, routes: [{ destination: '10.20.0.0/16', target: 'nat' }] }],
    ['of another table', { routeTableId: 'rtb-bbbbbbbb', routes: [] }],
    ['no item at all', 'x'],
  ])('counts as none if it is %s', async (_, item) => {
    const world = await inSync(two);
    await world.lastValid.write(routeTableId, { item, since: world.now().toISOString() });
    breakItem(world);
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.journal.clear();
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().inForce).toBeUndefined();
    // The next valid item stores it again, even if it lists the same routes.
    world.desire(two);
    await world.reconcile({ kind: 'desired' });
    breakItem(world);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().inForce).toMatchObject({ phase: 'InSync' });
  });

  it('is removed when the table is no longer managed', async () => {
    const world = await inSync(two);
    world.desired.delete(routeTableId);
    await world.reconcile({ kind: 'desired', id: 'deletion', deleted: true });
    expect(await world.lastValid.read(routeTableId)).toBeUndefined();
    breakItem(world);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().inForce).toBeUndefined();
  });

  it('is removed even if the item is written again at once', async () => {
    const world = await inSync(two);
    breakItem(world);
    await world.reconcile({ kind: 'desired', id: 'deletion', deleted: true });
    expect(world.status()).toMatchObject({ phase: 'Invalid' });
    expect(world.status().inForce).toBeUndefined();
  });

  it('stays in force if the memory was lost, but deletes nothing then', async () => {
    const world = await broken();
    world.states.lose(routeTableId);
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await createIn(world, rogue);
    await world.reconcile();
    expect(routesOf(world)).toEqual({ ...two, [rogue]: 'tgw-aaaaaaaa' });
    expect(world.status()).toMatchObject({ phase: 'Invalid', inForce: { phase: 'Blocked' } });
  });

  it('stays in force for every later reconcile after the memory was lost', async () => {
    const world = await broken();
    world.states.lose(routeTableId);
    await world.reconcile();
    await replaceIn(world, '10.20.0.0/16', 'tgw-aaaaaaaa');
    await world.reconcile();
    expect(routesOf(world)).toEqual(two);
    expect(world.status()).toHaveProperty('inForce');
  });
});
