import { reconcile } from '../../reconciler/reconcile.ts';
import { wakeReleased } from '../../reconciler/wake.ts';
import { item } from './builders.ts';
import type { Action, Call } from './ec2/journal.ts';
import { ec2Buckets } from './ec2/in-memory-ec2.ts';
import { Functions } from './functions.ts';
import { InMemoryWorld } from './in-memory-world.ts';

const second = 1_000;
const minute = 60 * second;

export const tableIdOf = (n: number): string => `rtb-${n.toString(16).padStart(8, '0')}`;
export const destinationOf = (n: number): string => `10.${64 + (n >> 8)}.${n & 255}.0/24`;

const routesTo = (target: string, routes: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: routes }, (_, n) => [destinationOf(n), target]));

/** A fleet that has been in sync for a while, under EC2's request buckets. Each call to EC2 takes 100 ms. */
export async function fleetOf(tables: number, routes: number): Promise<InMemoryWorld> {
  const world = new InMemoryWorld({ buckets: ec2Buckets });
  world.faults.strike({}, { reachesAfterMs: 60, answersAfterMs: 40 });
  for (const target of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb']) world.ec2.scenery.target(target);
  const listed = routesTo('pcx-aaaaaaaa', routes);
  for (let n = 0; n < tables; n++) {
    world.ec2.scenery.table(tableIdOf(n), { routes: listed });
    world.desired.put({ ...item(listed), routeTableId: tableIdOf(n) });
  }
  for (let n = 0; n < tables; n++) await world.settle(tableIdOf(n));
  world.clock.advance(5 * minute);
  await world.reconcile({ kind: 'sweep' }, tableIdOf(0));
  return world;
}

/** What happened while an edit of many tables was carried out. */
export interface Rollout {
  readonly world: InMemoryWorld;
  readonly functions: Functions;
  readonly changes: number;
  /** Our mutations since the edit. */
  readonly mutations: readonly Call[];
  /** From the approval to the last mutation. */
  readonly tookMs: number;
  /** How long drift in another table stayed, each time it was caused. */
  readonly driftMs: readonly number[];
  /** How often EC2 throttled us, and the other writer of the account. */
  readonly throttled: { readonly us: number; readonly others: number };
  /** The routes replaced, as the metrics tell. */
  readonly metric: number;
}

/**
 * Edits all routes of all tables but one. A person releases the fleet brake at once. Meanwhile, another program of the
 * account replaces 2 routes per second, and somebody deletes a route of the last table every 5 minutes.
 */
export async function rollOut(tables: number, routes: number): Promise<Rollout> {
  const world = await fleetOf(tables + 1, routes);
  const functions = new Functions(world);
  const { clock, ec2 } = world;
  const others = ec2.as('another program');
  ec2.scenery.table('rtb-ffffffff', { routes: { '10.9.0.0/16': 'pcx-aaaaaaaa' } });
  const quiet = tableIdOf(tables);
  const edited = Array.from({ length: tables }, (_, n) => tableIdOf(n));
  const listed = routesTo('pcx-bbbbbbbb', routes);
  for (const routeTableId of edited) world.desired.put({ ...item(listed), routeTableId });
  world.forget();
  await functions.edited(edited);

  const startedAt = clock.now().getTime();
  const at = clock.now().toISOString();
  const until = new Date(startedAt + 12 * 60 * minute).toISOString();
  const edits = new Set([world.states.brake?.edit?.id ?? '']);
  world.orders.put('*', 'approval', { edits, by: 'alice', at, until });
  await functions.run((one) => wakeReleased(one));

  let isOver = false;
  const write = async (): Promise<void> => {
    for (let n = 0; ; n++) {
      await clock.sleep(500);
      if (isOver) return;
      const VpcPeeringConnectionId = n % 2 === 0 ? 'pcx-bbbbbbbb' : 'pcx-aaaaaaaa';
      await others
        .replaceRoute({ RouteTableId: 'rtb-ffffffff', DestinationCidrBlock: '10.9.0.0/16', VpcPeeringConnectionId })
        .catch(() => undefined);
    }
  };
  const driftMs: number[] = [];
  const drift = async (): Promise<void> => {
    for (let n = 0; ; n++) {
      await clock.sleep(5 * minute);
      if (isOver) return;
      const RouteTableId = quiet;
      await others.deleteRoute({ RouteTableId, DestinationCidrBlock: destinationOf(n) });
      const deletedAt = clock.now().getTime();
      const call = world.callOf({ name: 'DeleteRoute', destination: destinationOf(n) });
      await world.evidence.keep([{ routeTableId: quiet, call }]);
      await functions.run((one, invocation) =>
        reconcile(quiet, { kind: 'event', id: call.id, name: call.name, time: call.time }, one, invocation),
      );
      const repaired = ec2.journal.calls.findLast(
        ({ action, input }) => action === 'CreateRoute' && input['RouteTableId'] === quiet,
      );
      driftMs.push((repaired?.endedAt?.getTime() ?? Infinity) - deletedAt);
    }
  };
  const besides = [write(), drift()];
  await functions.deliver(startedAt + 4 * 60 * minute);
  isOver = true;
  await Promise.all(besides);

  const ours = ec2.journal.mutations.filter(({ caller }) => caller !== 'another program');
  const mutations = ours.filter(({ input }) => input['RouteTableId'] !== quiet);
  const isThrottled = ({ error }: Call): boolean => error === 'RequestLimitExceeded';
  const metrics = world.announcer.news.flatMap((news) => news.metrics);
  return {
    world,
    functions,
    changes: tables * routes,
    mutations,
    tookMs: Math.max(...mutations.map(({ endedAt }) => endedAt?.getTime() ?? Infinity)) - startedAt,
    driftMs,
    throttled: {
      us: ours.filter(isThrottled).length,
      others: ec2.journal.mutations.filter((call) => !ours.includes(call) && isThrottled(call)).length,
    },
    metric: metrics.filter(({ name }) => name === 'RoutesReplaced').reduce((sum, { value }) => sum + value, 0),
  };
}

/** By how much calls of an action ever exceeded a bucket, in calls. 0 or less: never. */
export function overBucket(
  calls: readonly Call[],
  action: Action,
  { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
): number {
  let tokens = burst;
  let countedAt = -Infinity;
  let least = burst;
  const times = calls.filter((call) => call.action === action).map(({ reachedAt }) => reachedAt?.getTime() ?? 0);
  for (const time of times.sort((a, b) => a - b)) {
    tokens = Math.min(burst, tokens + ((time - countedAt) / second) * perSecond) - 1;
    countedAt = time;
    least = Math.min(least, tokens);
  }
  return -least;
}
