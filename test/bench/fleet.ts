import { noOrders } from '../../reconciler/core/desired/orders.ts';
import { managed } from '../../reconciler/core/desired/names.ts';
import { seenHash, wantedOf } from '../../reconciler/situation.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { item } from '../support/builders.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';
import { destinationOf, tableIdOf } from '../support/rollout.ts';

export const sweepEveryMs = 5 * 60_000;

/**
 * A fleet of equal tables, in sync and verified. Only the first table is really reconciled: the others get a copy of its
 * status, because the adoption of 10,000 tables takes a minute.
 */
export async function settledFleet(tables: number, routesPerTable: number): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  const { ec2, desired, states, index, requeue } = world;
  ec2.scenery.target('pcx-aaaaaaaa');
  const routes = Object.fromEntries(
    Array.from({ length: routesPerTable }, (_, n) => [destinationOf(n), 'pcx-aaaaaaaa']),
  );
  // Before the first call to EC2: from then on, it remembers each earlier state.
  for (let n = 0; n < tables; n++) ec2.scenery.table(tableIdOf(n), { routes });
  const first = tableIdOf(0);
  desired.put({ ...item(routes), routeTableId: first });
  for (const _ of [1, 2, 3]) {
    world.clock.advance(sweepEveryMs);
    await sweep(world, world.invocation(), sweepEveryMs);
  }
  const stored = states.stored(first);
  const actual = await world.tables.read(first);
  for (let n = 1; n < tables; n++) {
    const routeTableId = tableIdOf(n);
    const wanted = { ...item(routes), routeTableId };
    const seen = seenHash(wantedOf(wanted, noOrders, world.now()), noOrders, actual, world.now());
    desired.put(wanted);
    await states.write({ ...stored, seen, status: { ...stored.status, routeTableId } });
    await index.keep(routeTableId, { add: [managed, 'pcx-aaaaaaaa'], remove: [] });
  }
  requeue.sent.length = 0;
  world.forget();
  return world;
}
