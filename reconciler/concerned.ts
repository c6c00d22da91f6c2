import pMap from 'p-map';
import type { Trigger } from './core/trigger.ts';
import type { Invocation } from './lease.ts';
import type { World } from './ports.ts';
import { type Reached, reconcileEach } from './reconcile.ts';

/** An id that a call names, under which an index may know tables. */
export interface OtherId {
  readonly id: string;
  readonly trigger: Trigger;
  /** The VPCs whose tables alone are concerned; all of them where this is absent. */
  readonly within?: readonly string[];
}

/** A call, the tables it names, and other ids under which tables may be known. */
interface Call {
  readonly routeTableIds: readonly string[];
  readonly trigger: Trigger;
  readonly others: readonly OtherId[];
}

/** More tables than this are not one invocation's work. */
const tablesPerInvocation = 20;

/** The rest is looked at so many a second: EC2's buckets are shared by the whole account. */
const tablesPerSecond = 10;

const queriesAtOnce = 8;

/**
 * Reconciles every managed table that a call concerns: those it names, and those the index knows under an id it names.
 * When they are many, such as at the end of a transit gateway, most of them are left to the requeue queue.
 *
 * A call that concerns no managed table asks nothing of EC2.
 *
 * @throws Error when a table could not be looked at, a message not sent, or the index not read; all of it may be done again
 */
export async function reconcileConcerned(call: Call, world: World, invocation: Invocation): Promise<void> {
  const { routeTableIds, trigger, others } = call;
  const found = await pMap(
    others,
    async ({ trigger, ...other }) =>
      (await tablesKnownBy(other, world)).map((routeTableId): Reached => ({ routeTableId, trigger })),
    { concurrency: queriesAtOnce },
  );
  const named = routeTableIds.map((routeTableId): Reached => ({ routeTableId, trigger }));
  // A table that the call names needs no index.
  const reached = [...eachOnce([...found.flat(), ...named])];
  const later = reached.slice(tablesPerInvocation).map(({ routeTableId, trigger }, index) => ({
    message: { routeTableId, hop: 0, triggers: [trigger] },
    delayMs: (1_000 * index) / tablesPerSecond,
  }));
  await world.requeue.sendMany(later);
  await reconcileEach(reached.slice(0, tablesPerInvocation), world, invocation);
}

/** A transit gateway may serve many VPCs, and a call about one of them concerns the tables of that one. */
async function tablesKnownBy({ id, within }: Omit<OtherId, 'trigger'>, { index }: World): Promise<readonly string[]> {
  const tables = await index.tablesUnder(id);
  if (!within || tables.length === 0) return tables;
  const inVpcs = new Set((await Promise.all(within.map((vpcId) => index.tablesUnder(vpcId)))).flat());
  return tables.filter((routeTableId) => inVpcs.has(routeTableId));
}

/** Every table once, by its last trigger, which tells of the targets of those before as well. */
function eachOnce(reached: readonly Reached[]): Iterable<Reached> {
  const tables = new Map<string, Reached>();
  for (const { routeTableId, trigger } of reached) {
    const cameUp = [...(tables.get(routeTableId)?.trigger.cameUp ?? []), ...(trigger.cameUp ?? [])];
    tables.set(routeTableId, { routeTableId, trigger: { ...trigger, ...(cameUp.length > 0 && { cameUp }) } });
  }
  return tables.values();
}
