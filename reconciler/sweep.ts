import pMap from 'p-map';
import { metricsOfSweep } from './core/announce/metrics.ts';
import type { AllOrders } from './core/desired/all-orders.ts';
import { activePause, isEnforced } from './core/desired/enforcement.ts';
import { managed } from './core/desired/names.ts';
import { plan, targetsToAsk } from './core/plan/plan.ts';
import { type ActualTable, type Target, notATableId, routeTableIdPattern } from './core/route/route.ts';
import { known } from './core/route/known.ts';
import { type Status, countsAs } from './core/status/status.ts';
import { type SweepRecord, type Unread, completedSweep, missingItems } from './core/status/sweep-record.ts';
import type { Orders } from './core/desired/orders.ts';
import { announceWaitingEdits } from './fleet-brake.ts';
import { announceFleetOrders } from './fleet-orders.ts';
import type { Invocation } from './lease.ts';
import type { Glance, SweepWorld, World } from './ports.ts';
import { reconcile, tablesAtOnce } from './reconcile.ts';
import { sharedHealth } from './shared-health.ts';
import { seenHash, wantedNow, wantedOf } from './situation.ts';

// The record names the first 100 tables that could not be read and the first 100 unusable rows, with a reason of at most
// 300 characters each. It may hold each list twice (this sweep and the last completed one), and DynamoDB limits an item
// to 400 KB.
const namedAtMost = 100;
const reasonAtMost = 300;
const keyAtMost = 100;

type Entry = { readonly routeTableId: string; readonly item: unknown };

/**
 * Reads every managed table and reconciles those that need it: the desired state or the table in EC2 has changed since
 * the last reconcile, a reconcile is due (`dueAt`), or there is unsent news. Also ends the management of tables whose
 * item is gone.
 *
 * Items, statuses and tables are read in bulk, page by page. So the number of calls grows with the number of pages, and
 * the memory used grows only with the number of table ids. If a table cannot be read, it counts as unknown and the
 * sweep continues. If time runs out, the position and the counts are recorded. The next invocation continues there, and
 * the last one publishes the totals of the whole sweep.
 *
 * @param everyMs the interval between sweeps, in milliseconds. Readers of the record use it to detect missing sweeps
 */
export async function sweep(world: SweepWorld, invocation: Invocation, everyMs?: number): Promise<SweepRecord> {
  const last = await world.states.readSweep();
  const underWay = last?.cursor === undefined ? undefined : last;
  const startedAt = underWay?.startedAt ?? world.now().toISOString();
  const tally = new Tally(underWay);
  let cursor = underWay?.cursor;
  let cutShort = false;
  let ordered: Promise<AllOrders> | undefined;
  const orders = (): Promise<AllOrders> =>
    (ordered ??= world.orders.all().then(
      (all) => {
        // Each part of a sweep reads the orders again.
        if (!underWay) for (const { routeTableId, reason } of all.unusable) tally.unusable(routeTableId, reason);
        return all;
      },
      (error: unknown) => {
        // The next page tries again.
        ordered = undefined;
        throw error;
      },
    ));
  const seen = new Set<string>();
  try {
    await announceFleetOrders(world, { kind: 'sweep' });
  } catch (error) {
    world.log.error('could not announce the orders for all tables: the next sweep tries again', { error });
  }
  try {
    await announceWaitingEdits(world);
  } catch (error) {
    world.log.error('could not announce the edits that wait: the next sweep tries again', { error });
  }

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
    : {
        endedAt,
        missing: missingItems(lastCompleted, tally.counts.checked + tally.counts.unknown.count),
        ...(await disabledMappings(world)),
      };
  const record = { startedAt, ...tally.counts, ...(everyMs !== undefined && { everyMs }), ...end };
  await world.states.writeSweep(record);
  await world.announcer.announce({ metrics: metricsOfSweep(record, lastCompleted), events: [] });
  if (record.unusable) world.log.warn('some items and orders have no effect', { unusable: record.unusable });
  const { checked, outOfSync, unknown } = record;
  const fields = { checked, outOfSync, unknown: unknown.count, ms: Date.parse(endedAt) - Date.parse(startedAt) };
  if (cutShort) world.log.warn('the sweep ran out of time: the next one continues from here', fields);
  else world.log.info('sweep completed', fields);
  if (!cutShort) await letGoOfItemless(seen, world, invocation);
  return record;
}

/** How many event source mappings are disabled. Empty if Lambda does not answer: unknown never counts as none. */
async function disabledMappings({ mappings, log }: SweepWorld): Promise<Pick<SweepRecord, 'mappingsDisabled'>> {
  try {
    const disabled = await mappings.disabled();
    if (disabled.length > 0) log.warn('event source mappings are disabled', { mappings: disabled });
    return { mappingsDisabled: disabled.length };
  } catch (error) {
    log.error('could not read the event source mappings: the next sweep tries again', { error });
    return {};
  }
}

/**
 * Ends the management of managed tables that have no item: the stream record of its deletion was lost. The memory
 * that earns deletes must not outlive the item.
 *
 * @param seen tables whose item this part of the sweep has read. The items of the others are read again: an item may be
 *   newer than the scan, or an earlier part read it
 */
async function letGoOfItemless(seen: ReadonlySet<string>, world: World, invocation: Invocation): Promise<void> {
  const unseen = (await world.index.tablesUnder(managed)).filter((routeTableId) => !seen.has(routeTableId));
  const there = await world.desired.existing(unseen);
  await pMap(
    unseen.filter((routeTableId) => !there.has(routeTableId)),
    async (routeTableId) => {
      if (world.now() >= invocation.until) return;
      try {
        await reconcile(routeTableId, { kind: 'sweep' }, world, invocation);
      } catch (error) {
        world.log.error('could not reconcile a table', { routeTableId, error });
      }
    },
    { concurrency: tablesAtOnce },
  );
}

/**
 * Reads the tables of one page, and reconciles those that need it, in order, until time runs out.
 *
 * @param orders reads all orders, once for all pages
 * @returns how many tables had their turn: all of them, or those before the first one that did not
 */
async function sweepPage(
  entries: readonly Entry[],
  orders: () => Promise<AllOrders>,
  tally: Tally,
  world: World,
  invocation: Invocation,
): Promise<number> {
  // In a filter, an id such as `rtb-*` would match every table.
  const ids = entries.map(({ routeTableId }) => routeTableId).filter((id) => routeTableIdPattern.test(id));
  let turns = 0;
  let glances: ReadonlyMap<string, Glance>;
  let allOrders: AllOrders;
  const readings = new Map<string, ActualTable>();
  const shared = world.tables.together(ids);
  try {
    const [first] = ids;
    [glances, allOrders] = await Promise.all([
      world.states.glance(ids),
      orders(),
      // The whole page, before any table has its turn.
      first !== undefined && shared(first),
    ]);
    for (const routeTableId of ids) {
      const reading = await shared(routeTableId);
      if (reading) readings.set(routeTableId, reading.table);
    }
  } catch (error) {
    world.log.error('could not read a page of tables', { tables: entries.length, error });
    for (const routeTableId of ids) tally.unknown(routeTableId, error);
    return entries.length;
  }
  let likely: ReadonlyMap<string, readonly Target[]> | undefined;
  const targetHealth = sharedHealth(world.targetHealth, world.now, async (vpcId) => {
    likely ??= likelyTargets(entries, { allOrders, glances, readings, now: world.now() });
    return likely.get(vpcId) ?? [];
  });
  await pMap(
    entries,
    async ({ routeTableId, item }) => {
      if (world.now() >= invocation.until) return;
      turns += 1;
      if (!routeTableIdPattern.test(routeTableId)) return tally.unusable(routeTableId, notATableId);
      const glance = glances.get(routeTableId);
      const now = world.now();
      try {
        const orders = allOrders.of(routeTableId);
        const wanted = await wantedNow(routeTableId, { item, orders }, world);
        const isWatched = 'desired' in wanted && !isEnforced(wanted.desired, now);
        if ('desired' in wanted && activePause(wanted.desired, now)) tally.stopped();
        const seen = seenHash(wanted, orders, (await shared(routeTableId))?.table, now);
        if (glance && !needsReconcile(glance, seen, now) && !isReleased(glance, orders, now)) {
          tally.checked(glance.status, isWatched);
          return;
        }
        const { phase, blackholes, isRead } = await reconcile(
          routeTableId,
          { kind: 'sweep' },
          { ...world, shared, targetHealth },
          invocation,
        );
        if (phase === 'Held') tally.checked(glance?.status ?? { phase: 'Verifying' }, isWatched);
        else tally.checked({ phase, blackholes }, isWatched);
        if (!isRead) tally.notRead(routeTableId);
      } catch (error) {
        world.log.error('could not reconcile a table', { routeTableId, error });
        tally.unknown(routeTableId, error);
      }
    },
    { concurrency: tablesAtOnce },
  );
  return turns;
}

/** The targets about which the tables of a page will probably ask, by VPC: they are asked about together. */
function likelyTargets(
  entries: readonly Entry[],
  {
    allOrders,
    glances,
    readings,
    now,
  }: {
    readonly allOrders: AllOrders;
    readonly glances: ReadonlyMap<string, Glance>;
    readonly readings: ReadonlyMap<string, ActualTable>;
    readonly now: Date;
  },
): ReadonlyMap<string, readonly Target[]> {
  const targets = new Map<string, Target[]>();
  for (const { routeTableId, item } of entries) {
    const orders = allOrders.of(routeTableId);
    const wanted = wantedOf(item, orders, now);
    if (wanted.kind !== 'valid') continue;
    const actual = readings.get(routeTableId);
    if (actual?.vpcId === undefined) continue;
    const glance = glances.get(routeTableId);
    if (glance && !needsReconcile(glance, seenHash(wanted, orders, actual, now), now)) continue;
    const asked = targetsToAsk(wanted.desired, plan(wanted.desired, actual, { now }));
    targets.set(actual.vpcId, [...(targets.get(actual.vpcId) ?? []), ...asked]);
  }
  return targets;
}

/** Whether a reconcile would find anything new. */
const needsReconcile = ({ seen: before, dueAt, hasUnsent }: Glance, seen: string, now: Date): boolean =>
  before !== seen || hasUnsent || (dueAt !== undefined && Date.parse(dueAt) <= now.getTime());

/** Whether a person has approved the edit that the table waits for. */
const isReleased = ({ status: { plan } }: Glance, { edits }: Orders, now: Date): boolean =>
  plan?.blocked?.edit !== undefined &&
  edits !== undefined &&
  edits.until > now &&
  edits.ids.includes(plan.blocked.edit);

type Counts = Pick<SweepRecord, 'checked' | 'outOfSync' | 'unknown' | 'held' | 'unusable'> & {
  readonly observed: number;
  readonly waiting: number;
  readonly stopped: number;
  readonly blackholes: number;
};

/** Counts tables. A table that was not read never counts as in sync. */
class Tally {
  #counts: Counts;

  /** @param before the counts of the earlier parts of the same sweep */
  constructor(before: SweepRecord | undefined) {
    const { checked = 0, outOfSync = 0, observed = 0, waiting = 0, stopped = 0, blackholes = 0 } = before ?? {};
    const unknown = before?.unknown ?? { count: 0, first: [] };
    const { held, unusable } = before ?? {};
    this.#counts = known({ checked, outOfSync, observed, waiting, stopped, blackholes, unknown, held, unusable });
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** @param isWatched nothing in the table may be changed, so its blackholes ring no alarm, and it waits for nobody */
  checked({ phase, blackholes = 0 }: Pick<Status, 'phase' | 'blackholes'>, isWatched: boolean): void {
    const { checked, outOfSync, observed, waiting, blackholes: others } = this.#counts;
    const counted = countsAs(phase);
    const kind = isWatched && counted === 'waiting' ? 'observed' : counted;
    this.#counts = {
      ...this.#counts,
      checked: checked + 1,
      outOfSync: outOfSync + (kind === 'outOfSync' ? 1 : 0),
      observed: observed + (kind === 'observed' ? 1 : 0),
      waiting: waiting + (kind === 'waiting' ? 1 : 0),
      blackholes: others + (isWatched ? 0 : blackholes),
    };
  }

  /** This sweep does not know what is in the table: it vouches for nothing there. */
  notRead(routeTableId: string): void {
    const { count, first } = this.#counts.held ?? { count: 0, first: [] };
    this.#counts = {
      ...this.#counts,
      held: { count: count + 1, first: [...first, routeTableId].slice(0, namedAtMost) },
    };
  }

  stopped(): void {
    this.#counts = { ...this.#counts, stopped: this.#counts.stopped + 1 };
  }

  unknown(routeTableId: string, error: unknown): void {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#counts = { ...this.#counts, unknown: withOneMore(this.#counts.unknown, routeTableId, reason) };
  }

  /** A row that people wrote and that has no effect. It is no table, so it counts as none. */
  unusable(routeTableId: string, reason: string): void {
    this.#counts = { ...this.#counts, unusable: withOneMore(this.#counts.unusable, routeTableId, reason) };
  }
}

function withOneMore({ count, first }: Unread = { count: 0, first: [] }, key: string, reason: string): Unread {
  const named = { routeTableId: key.slice(0, keyAtMost), reason: reason.slice(0, reasonAtMost) };
  return { count: count + 1, first: [...first, named].slice(0, namedAtMost) };
}
