import { describe, expect, it } from 'vitest';
import { observeOnly } from '../../reconciler/observe-only.ts';
import { reconcile } from '../../reconciler/reconcile.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// A deployment that only observes.

const routes = { '10.20.0.0/16': 'pcx-aaaaaaaa' };
const moved = { '10.20.0.0/16': 'pcx-bbbbbbbb' };

/** A table whose route somebody moved. */
async function drifted(): Promise<InMemoryWorld> {
  const world = await inSync(routes);
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-bbbbbbbb');
  world.clock.advance(60_000);
  return world;
}

describe('a deployment that only observes', () => {
  it.each([
    [
      'a reconcile',
      (world: InMemoryWorld) => reconcile(routeTableId, { kind: 'sweep' }, observeOnly(world), world.invocation()),
    ],
    ['a sweep', (world: InMemoryWorld) => sweep(observeOnly(world), world.invocation())],
  ])('reports drift and repairs nothing: %s', async (_, run) => {
    const world = await drifted();
    await run(world);
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(moved);
    expect(world.status()).toMatchObject({ phase: 'Drifted', mode: 'observe' });
  });

  it('repairs again when it no longer only observes', async () => {
    const world = await drifted();
    await sweep(observeOnly(world), world.invocation());
    world.clock.advance(60_000);
    await sweep(world, world.invocation());
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(routes);
  });

  it('repairs nothing under the last valid version of an item that is invalid now', async () => {
    const world = await drifted();
    world.desired.put({ routeTableId, routes: [], mode: 'watch' });
    await sweep(observeOnly(world), world.invocation());
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status()).toMatchObject({ phase: 'Invalid' });
  });

  it('still reports a mode that no item may have', async () => {
    const world = await drifted();
    world.desired.put({ routeTableId, routes: [], mode: 'watch' });
    await sweep(observeOnly(world), world.invocation());
    expect(world.status()).toMatchObject({ phase: 'Invalid', problems: [{ path: 'mode' }] });
  });
});
