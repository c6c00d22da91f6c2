import pMap from 'p-map';
import type { ReportedCall } from './core/memory/call.ts';
import { managed } from './core/desired/names.ts';
import { type Trigger, leftOf } from './core/memory/trigger.ts';
import type { Invocation } from './lease.ts';
import type { CallOnTable, World } from './ports.ts';
import { reconcileEach } from './reconcile.ts';

/** An id that a call names, under which an index may know tables. */
interface OtherId {
  readonly id: string;
  /** The call as it concerns a table that is known by this id. */
  readonly call: ReportedCall;
  /** The VPCs whose tables alone are concerned; all of them where this is absent. */
  readonly within?: readonly string[];
}

/** A call, the tables it names, and other ids under which tables may be known. */
export interface Call {
  readonly routeTableIds: readonly string[];
  readonly call: ReportedCall;
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
 * The call is kept as evidence for each of them before anything else is done: whoever reconciles the table next finds it.
 * A call that concerns no managed table keeps nothing and asks nothing of EC2.
 *
 * @throws Error when the evidence was not kept, a table not reconciled, a message not sent, or the index not read; all of
 *   it may be done again
 */
export async function reconcileConcerned(
  { routeTableIds, call, others }: Call,
  world: World,
  invocation: Invocation,
): Promise<void> {
  const found = await pMap(
    others,
    async ({ call, ...other }) =>
      (await tablesKnownBy(other, world)).map((routeTableId): CallOnTable => ({ routeTableId, call })),
    { concurrency: queriesAtOnce },
  );
  const known = found.flat();
  const named = routeTableIds.map((routeTableId): CallOnTable => ({ routeTableId, call }));
  const reached = eachOnce([...known, ...named]);
  const isKnown = new Set(known.map(({ routeTableId }) => routeTableId));
  const isManaged = await managedAmong(
    routeTableIds.filter((routeTableId) => !isKnown.has(routeTableId)),
    world,
  );
  await world.evidence.keep(
    reached.filter(({ routeTableId }) => isKnown.has(routeTableId) || isManaged.has(routeTableId)),
  );

  const trigger: Trigger = { kind: 'event', id: call.id, name: call.name, time: call.time };
  const tables = reached.map(({ routeTableId }) => routeTableId);
  const later = tables.slice(tablesPerInvocation).map((routeTableId, index) => ({
    message: { routeTableId, hop: 0, kinds: leftOf(trigger).kinds },
    delayMs: (1_000 * index) / tablesPerSecond,
  }));
  await world.requeue.sendMany(later);
  await reconcileEach(tables.slice(0, tablesPerInvocation), trigger, world, invocation);
}

/**
 * The managed ones among tables that a call names. The index knows those that were reconciled; a table whose item was
 * written a moment ago, and which nobody has reconciled yet, has that item.
 */
async function managedAmong(routeTableIds: readonly string[], { index, desired }: World): Promise<ReadonlySet<string>> {
  if (routeTableIds.length === 0) return new Set();
  const indexed = await index.thoseUnder(managed, routeTableIds);
  const others = routeTableIds.filter((routeTableId) => !indexed.has(routeTableId));
  if (others.length === 0) return indexed;
  return new Set([...indexed, ...(await desired.existing(others))]);
}

/** A transit gateway may serve many VPCs, and a call about one of them concerns the tables of that one. */
async function tablesKnownBy({ id, within }: Omit<OtherId, 'call'>, { index }: World): Promise<readonly string[]> {
  const tables = await index.tablesUnder(id);
  if (!within || tables.length === 0) return tables;
  const inVpcs = new Set((await Promise.all(within.map((vpcId) => index.tablesUnder(vpcId)))).flat());
  return tables.filter((routeTableId) => inVpcs.has(routeTableId));
}

/** Every table once, with the last of what was found for it, which tells of the targets of those before as well. */
function eachOnce(reached: readonly CallOnTable[]): readonly CallOnTable[] {
  const calls = new Map<string, ReportedCall>();
  for (const { routeTableId, call } of reached) calls.set(routeTableId, withTargetsOf(calls.get(routeTableId), call));
  return [...calls].map(([routeTableId, call]) => ({ routeTableId, call }));
}

function withTargetsOf(before: ReportedCall | undefined, call: ReportedCall): ReportedCall {
  if (!before || !('ids' in before && 'ids' in call)) return call;
  return { ...call, ids: [...new Set([...before.ids, ...call.ids])] };
}
