import pMap from 'p-map';
import type { ReportedCall } from './core/memory/call.ts';
import { managed } from './core/desired/names.ts';
import { type Trigger, leftOf } from './core/memory/trigger.ts';
import { clockSkewMs } from './core/status/possible-times.ts';
import type { Invocation } from './lease.ts';
import type { CallOnTable, World } from './ports.ts';
import { reconcileEach } from './reconcile.ts';

/** An id in a call by which the index may find tables. */
interface OtherId {
  readonly id: string;
  /** The call, as it is reported for a table found by this id. */
  readonly call: ReportedCall;
  /** If present, the call concerns only the tables in these VPCs. */
  readonly within?: readonly string[];
}

/** A call, the tables it names, and other ids by which the index may find tables. */
export interface Call {
  readonly routeTableIds: readonly string[];
  readonly call: ReportedCall;
  readonly others: readonly OtherId[];
}

/** One invocation reconciles at most this many tables. */
const tablesPerInvocation = 20;

/** The requeue queue delivers the other tables at this rate: the whole account shares EC2's request buckets. */
const tablesPerSecond = 10;

const queriesAtOnce = 8;

/** A row of evidence has at most this many ids. */
const idsAtMost = 100;

/**
 * Reconciles every managed table that a call concerns: those it names, and those that the index finds by an id it
 * names. If there are more than 20, such as after the deletion of a transit gateway, the others go to the requeue
 * queue.
 *
 * The call is first stored as evidence for each table, so that the next reconcile finds it, whichever invocation does
 * it. Tables that are not managed cost nothing, however many the call names: if it concerns no managed table, nothing is
 * stored and EC2 is not called.
 *
 * @throws Error when the evidence is not stored, a table is not reconciled, a message is not sent, or the index is not
 *   read. All of it can be repeated
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
  const now = world.now();
  const concerned = reached
    .filter(({ routeTableId }) => isKnown.has(routeTableId) || isManaged.has(routeTableId))
    .map((one) => ({ ...one, call: { ...one.call, time: notLater(one.call.time, now) } }));
  await world.evidence.keep(concerned);

  const trigger: Trigger = { kind: 'event', id: call.id, name: call.name, time: notLater(call.time, now) };
  const tables = concerned.map(({ routeTableId }) => routeTableId);
  const later = tables.slice(tablesPerInvocation).map((routeTableId, index) => ({
    message: { routeTableId, hop: 0, kinds: leftOf(trigger).kinds },
    delayMs: (1_000 * index) / tablesPerSecond,
  }));
  await world.requeue.sendMany(later);
  await reconcileEach(tables.slice(0, tablesPerInvocation), trigger, world, invocation);
}

/** Reconciles all tables that wait for edits which a person has approved, a few per second. */
export async function wakeReleased({ orders, index, requeue, now }: World): Promise<void> {
  const { edits } = await orders.ofAll();
  if (!edits || edits.until <= now()) return;
  const tables = await Promise.all(edits.ids.map((id) => index.tablesUnder(id)));
  await requeue.sendMany(
    [...new Set(tables.flat())].map((routeTableId, position) => ({
      message: { routeTableId, hop: 0 },
      delayMs: (1_000 * position) / tablesPerSecond,
    })),
  );
}

/**
 * The managed tables among those that a call names. The index lists the tables that were reconciled. A table whose item
 * was written a moment ago may not be reconciled yet: then the item shows that it is managed.
 */
async function managedAmong(routeTableIds: readonly string[], { index, desired }: World): Promise<ReadonlySet<string>> {
  if (routeTableIds.length === 0) return new Set();
  const indexed = await index.thoseUnder(managed, routeTableIds);
  const others = routeTableIds.filter((routeTableId) => !indexed.has(routeTableId));
  if (others.length === 0) return indexed;
  return new Set([...indexed, ...(await desired.existing(others))]);
}

/** A transit gateway may serve many VPCs. A call about one VPC concerns only the tables of that VPC. */
async function tablesKnownBy({ id, within }: Omit<OtherId, 'call'>, { index }: World): Promise<readonly string[]> {
  const tables = await index.tablesUnder(id);
  if (!within || tables.length === 0) return tables;
  const inVpcs = new Set((await Promise.all(within.map((vpcId) => index.tablesUnder(vpcId)))).flat());
  return tables.filter((routeTableId) => inVpcs.has(routeTableId));
}

/** Every table once, with the last call found for it. This call also names the targets of the calls before it. */
function eachOnce(reached: readonly CallOnTable[]): readonly CallOnTable[] {
  const calls = new Map<string, ReportedCall>();
  for (const { routeTableId, call } of reached) calls.set(routeTableId, withTargetsOf(calls.get(routeTableId), call));
  return [...calls].map(([routeTableId, call]) => ({ routeTableId, call }));
}

function withTargetsOf(before: ReportedCall | undefined, call: ReportedCall): ReportedCall {
  if (!before || !('ids' in before && 'ids' in call)) return call;
  return { ...call, ids: [...new Set([...before.ids, ...call.ids])].slice(0, idsAtMost) };
}

/** A call of the future would explain every later change, and its row would never expire. It counts as made now. */
const notLater = (time: string, now: Date): string =>
  Date.parse(time) > now.getTime() + clockSkewMs ? now.toISOString() : time;
