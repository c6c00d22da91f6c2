import pMap from 'p-map';
import { metricsOfSweep } from './core/announce/metrics.ts';
import { isEnforced } from './core/enforcement.ts';
import { managed } from './core/names.ts';
import { type ActualTable, routeTableIdPattern } from './core/route.ts';
import { type Phase, countsAs } from './core/status/status.ts';
import { type SweepRecord, completedSweep } from './core/sweep-record.ts';
import type { Invocation } from './lease.ts';
import type { Glance, OrdersByTable, World } from './ports.ts';
import { reconcile, tablesAtOnce } from './reconcile.ts';
import { seenHash, wantedOf } from './situation.ts';

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
  let ordered: Promise<OrdersByTable> | undefined;
  const orders = (): Promise<OrdersByTable> => (ordered ??= world.orders.all());
  const seen = new Set<string>();

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
  await world.announcer.announce({ metrics: metricsOfSweep(record), events: [] });
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
        world.log.error('could not reconcile a table', { routeTableId, error });
      }
    },
    { concurrency: tablesAtOnce },
  );
}

/**
 * Reads the tables of one page, and reconciles in order those that need it, until time is up.
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
  let turns = 0;
  let glances: ReadonlyMap<string, Glance>;
  let ordersOf: OrdersByTable;
  let tables: ReadonlyMap<string, ActualTable>;
  try {
    [glances, ordersOf, tables] = await Promise.all([world.states.glance(ids), orders(), readTables(ids, world)]);
  } catch (error) {
    world.log.error('could not read a page of tables', { tables: entries.length, error });
    for (const { routeTableId } of entries) tally.unknown(routeTableId, error);
    return entries.length;
  }
  await pMap(
    entries,
    async ({ routeTableId, item }) => {
      if (world.now() >= invocation.until) return;
      turns += 1;
      const glance = glances.get(routeTableId);
      const now = world.now();
      try {
        const wanted = wantedOf(item, ordersOf(routeTableId), now);
        const isWatched = wanted.kind === 'valid' && !isEnforced(wanted.desired, now);
        const seen = seenHash(wanted, ordersOf(routeTableId), tables.get(routeTableId), now);
        if (glance && !needsReconcile(glance, seen, now)) {
          tally.checked(glance.status.phase, isWatched ? 0 : (glance.status.blackholes ?? 0));
          return;
        }
        const { phase, blackholes } = await reconcile(routeTableId, { kind: 'sweep' }, world, invocation);
        if (phase === 'Held') tally.checked(glance?.status.phase ?? 'Verifying', glance?.status.blackholes ?? 0);
        else tally.checked(phase, isWatched ? 0 : blackholes);
      } catch (error) {
        world.log.error('could not reconcile a table', { routeTableId, error });
        tally.unknown(routeTableId, error);
      }
    },
    { concurrency: tablesAtOnce },
  );
  return turns;
}

/** Whether a reconcile would find anything that the last one has not found. */
const needsReconcile = ({ seen: before, dueAt, hasUnsent }: Glance, seen: string, now: Date): boolean =>
  before !== seen || hasUnsent || (dueAt !== undefined && Date.parse(dueAt) <= now.getTime());

async function readTables(ids: readonly string[], world: World): Promise<ReadonlyMap<string, ActualTable>> {
  const tables = new Map<string, ActualTable>();
  // In a filter an id such as `rtb-*` would mean every table there is.
  const askedFor = ids.filter((id) => routeTableIdPattern.test(id));
  for await (const table of world.tables.readMany(askedFor)) tables.set(table.routeTableId, table);
  return tables;
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

  /** @param blackholes routes of the table that drop their traffic, if the table is enforced */
  checked(phase: Phase, blackholes: number): void {
    this.#checked++;
    this.#blackholes += blackholes;
    const kind = countsAs(phase);
    if (kind === 'observed') this.#observed++;
    if (kind === 'outOfSync') this.#outOfSync++;
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
