import { isDeepStrictEqual } from 'node:util';
import pMap from 'p-map';
import { type DesiredTable, parseDesired } from './core/desired.ts';
import { managed, namesOf } from './core/names.ts';
import { type Plan, plan, planAsJson } from './core/plan.ts';
import { permitted } from './core/guard.ts';
import { isEnforced, underOrders } from './core/enforcement.ts';
import type { Orders } from './core/orders.ts';
import { desiredHash, policyHash } from './core/hashes.ts';
import { isParked } from './core/retry.ts';
import { type ActualTable, routeTableIdPattern } from './core/route.ts';
import { type Phase, type Status, remembered, summaryOf } from './core/status.ts';
import { type SweepRecord, completedSweep } from './core/sweep-record.ts';
import type { OrdersByTable, World } from './ports.ts';
import { announce } from './announce.ts';
import { newsOfSweep } from './core/news.ts';
import { isMissed } from './core/drift.ts';
import { droppedIn } from './core/trouble.ts';
import { statusKeepsMs } from './core/verdict.ts';
import type { Invocation } from './lease.ts';
import { reconcile, tablesAtOnce } from './reconcile.ts';

/**
 * How many of the tables that could not be looked at are named in the record, and with how many characters of a reason:
 * a page of them, for each of the two sweeps that it may speak of. DynamoDB takes items of 400 KB.
 */
const namedAtMost = 100;
const reasonAtMost = 300;

type Entry = { readonly routeTableId: string; readonly item: unknown };

/**
 * Looks at every managed table and reconciles those that need it: drifted, not yet verified, failed, or with a status
 * that has grown old; and at those whose item is gone, though nobody told of its deletion.
 *
 * Desired items, statuses and tables are read in bulk, page by page, so calls grow with pages, and memory by the ids of
 * tables alone. A table that cannot be looked at is counted as unknown, and the others go on. When time runs out, the
 * place and what was counted are remembered: the next invocation goes on from there, and speaks of the whole at its end.
 *
 * @param everyMs how often a sweep starts, in milliseconds: who reads its record knows by that whether sweeps are missing
 */
export async function sweep(world: World, invocation: Invocation, everyMs?: number): Promise<SweepRecord> {
  const last = await world.states.readSweep();
  const underWay = last?.cursor === undefined ? undefined : last;
  const startedAt = underWay?.startedAt ?? world.now().toISOString();
  const tally = new Tally(underWay);
  let cursor = underWay?.cursor;
  let cutShort = false;
  const seen = new Set<string>();
  let ordered: Promise<OrdersByTable> | undefined;
  const orders = (): Promise<OrdersByTable> => (ordered ??= world.orders.all());

  for await (const { items, next } of world.desired.pages(cursor)) {
    const looked = await sweepPage(items, orders, tally, world, invocation);
    for (const { routeTableId } of items) seen.add(routeTableId);
    const isWhole = looked === items.length;
    cursor = isWhole ? next : (items[looked - 1]?.routeTableId ?? cursor);
    cutShort = !isWhole || (next !== undefined && world.now() >= invocation.until);
    if (cutShort) break;
  }

  const endedAt = world.now().toISOString();
  const lastCompleted = last && completedSweep(last);
  const end = cutShort
    ? { ...(cursor !== undefined && { cursor }), ...(lastCompleted && { lastCompleted }) }
    : { endedAt };
  const record = { startedAt, ...tally.counts(), ...(everyMs !== undefined && { everyMs }), ...end };
  await world.states.writeSweep(record);
  await announce(newsOfSweep(record), world);
  const { checked, outOfSync, unknown } = record;
  const fields = { checked, outOfSync, unknown: unknown.count, ms: Date.parse(endedAt) - Date.parse(startedAt) };
  if (cutShort) world.log.warn('sweep cut short, the next one goes on from here', fields);
  else world.log.info('sweep completed', fields);
  if (!cutShort) await letGoOfItemless(seen, world, invocation);
  return record;
}

/**
 * Ends the management of tables that are known as managed and have no item: the record of its deletion was lost on its
 * way to us. What they earned must not outlive the item.
 *
 * @param seen tables that have an item; the others are asked for theirs, as it may be newer than this sweep's scan, or an
 *   earlier part of a sweep in parts saw it
 */
async function letGoOfItemless(seen: ReadonlySet<string>, world: World, invocation: Invocation): Promise<void> {
  const unseen = (await world.index.tablesUnder(managed)).filter((routeTableId) => !seen.has(routeTableId));
  const there = await world.desired.existing(unseen);
  await pMap(
    unseen.filter((routeTableId) => !there.has(routeTableId)),
    async (routeTableId) => {
      if (world.now() >= invocation.until) return;
      try {
        const { phase } = await reconcile(routeTableId, { kind: 'sweep' }, world, invocation);
        // Where its status was lost as well, nothing else takes it out of the index.
        if (phase === 'Unmanaged') await world.index.keep(routeTableId, { add: [], remove: [managed] });
      } catch (error) {
        world.log.error('could not look at a table', { routeTableId, error });
      }
    },
    { concurrency: tablesAtOnce },
  );
}

/**
 * Looks at the tables of one page, in order, until time is up.
 *
 * @param orders reads what is ordered, once for all pages
 * @returns how many had their turn: all, or those before the first that had not
 */
async function sweepPage(
  entries: readonly Entry[],
  orders: () => Promise<OrdersByTable>,
  tally: Tally,
  world: World,
  invocation: Invocation,
): Promise<number> {
  const ids = entries.map(({ routeTableId }) => routeTableId);
  let looked = 0;
  let statuses: ReadonlyMap<string, Status>;
  let ordersFor: OrdersByTable;
  let tables: ReadonlyMap<string, ActualTable>;
  try {
    [statuses, ordersFor, tables] = await Promise.all([world.states.readMany(ids), orders(), readTables(ids, world)]);
  } catch (error) {
    world.log.error('could not look at a page of tables', { tables: entries.length, error });
    for (const { routeTableId } of entries) tally.unknown(routeTableId, error);
    return entries.length;
  }
  await pMap(
    entries,
    async ({ routeTableId, item }) => {
      if (world.now() >= invocation.until) return;
      looked += 1;
      const status = statuses.get(routeTableId);
      const seen = sightOf(item, ordersFor(routeTableId), tables.get(routeTableId), status, world.now());
      tally.seen(seen);
      if (status && !needsReconcile(seen, status, world.now())) {
        tally.checked(status.phase);
        return;
      }
      try {
        const { phase } = await reconcile(routeTableId, { kind: 'sweep' }, world, invocation);
        tally.checked(phase === 'Held' ? (status?.phase ?? 'Verifying') : phase);
      } catch (error) {
        world.log.error('could not look at a table', { routeTableId, error });
        tally.unknown(routeTableId, error);
      }
    },
    { concurrency: tablesAtOnce },
  );
  return looked;
}

async function readTables(ids: readonly string[], world: World): Promise<ReadonlyMap<string, ActualTable>> {
  const tables = new Map<string, ActualTable>();
  // In a filter an id such as `rtb-*` would mean every table there is.
  const askedFor = ids.filter((id) => routeTableIdPattern.test(id));
  for await (const table of world.tables.readMany(askedFor)) tables.set(table.routeTableId, table);
  return tables;
}

/** What a sweep sees of one table. */
interface Sight {
  readonly desired: DesiredTable;
  readonly isEnforced: boolean;
  /** What would be done about it, and what there is to know; absent where EC2 has no such table. */
  readonly at?: { readonly actual: ActualTable; readonly plan: Plan };
}

/** Undefined where the item is refused. */
function sightOf(
  item: unknown,
  orders: Orders,
  actual: ActualTable | undefined,
  status: Status | undefined,
  now: Date,
): Sight | undefined {
  const parsed = parseDesired(item, now);
  if (!parsed.ok) return undefined;
  const desired = underOrders(parsed.table, orders);
  const record = remembered(status, orders);
  return {
    desired,
    isEnforced: isEnforced(desired, now),
    ...(actual && { at: { actual, plan: plan(desired, actual, { now, record }) } }),
  };
}

/** Whether a reconcile would find anything that the table's status does not say already. */
function needsReconcile(seen: Sight | undefined, status: Status, now: Date): boolean {
  if (now.getTime() - Date.parse(status.checkedAt) >= statusKeepsMs) return true;
  if (status.drift?.some((one) => isMissed(one, now.getTime()))) return true;
  if (!seen) return status.phase !== 'Invalid';
  const { desired, at } = seen;
  const same = status.desiredHash === desiredHash(desired) && status.policyHash === policyHash(desired, now);
  if (!at) return !same || status.phase !== 'Missing';
  const isDue = status.nextRetry !== undefined && Date.parse(status.nextRetry) <= now.getTime();
  if (!same || isDue || status.phase === 'Missing') return true;
  if (!isDeepStrictEqual(namesOf(desired, at.actual), status.indexed ?? [])) return true;
  const waits = permitted(at.plan).filter((change) => !isParked(change, status, [], now));
  if (waits.length > 0 && seen.isEnforced) return true;
  return !isDeepStrictEqual(summaryOf(at.plan), status.plan);
}

type Counts = Pick<SweepRecord, 'checked' | 'outOfSync' | 'observed' | 'blackholes' | 'unknown'>;

/** Counts tables. One that was not checked never counts as in sync. */
class Tally {
  #checked: number;
  #outOfSync: number;
  #observed: number;
  #blackholes: number;
  #unknown: number;
  readonly #first: { readonly routeTableId: string; readonly reason: string }[];

  /** @param soFar what the earlier parts of the same sweep counted */
  constructor(soFar: Counts = nothingYet) {
    const { checked, outOfSync, observed = 0, blackholes = 0, unknown } = soFar;
    this.#checked = checked;
    this.#outOfSync = outOfSync;
    this.#observed = observed;
    this.#blackholes = blackholes;
    this.#unknown = unknown.count;
    this.#first = [...unknown.first];
  }

  seen(sight: Sight | undefined): void {
    if (sight?.isEnforced && sight.at) this.#blackholes += droppedIn(planAsJson(sight.at.plan)).length;
  }

  checked(phase: Phase): void {
    this.#checked++;
    if (phase === 'Drifted') this.#observed++;
    else if (phase !== 'InSync' && phase !== 'Verifying') this.#outOfSync++;
  }

  unknown(routeTableId: string, error: unknown): void {
    this.#unknown++;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (this.#first.length < namedAtMost) this.#first.push({ routeTableId, reason: reason.slice(0, reasonAtMost) });
  }

  counts(): Counts {
    return {
      checked: this.#checked,
      outOfSync: this.#outOfSync,
      observed: this.#observed,
      blackholes: this.#blackholes,
      unknown: { count: this.#unknown, first: this.#first },
    };
  }
}

const nothingYet: Counts = { checked: 0, outOfSync: 0, unknown: { count: 0, first: [] } };
