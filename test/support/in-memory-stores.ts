import { copyOf } from './copy.ts';
import { type DomainEvent, detailSchemas } from '../../reconciler/core/announce/domain-event.ts';
import { type ReportedCall, callsReadAtMost } from '../../reconciler/core/memory/call.ts';
import type { MetricName } from '../../reconciler/core/announce/metrics.ts';
import type { FleetOrders, News } from '../../reconciler/core/announce/news.ts';
import { type AllOrders, allOrders } from '../../reconciler/core/desired/all-orders.ts';
import { type Orders, everyTable, ordersOf } from '../../reconciler/core/desired/orders.ts';
import type { Run } from '../../reconciler/core/announce/history.ts';
import type { Status } from '../../reconciler/core/status/status.ts';
import type { SweepRecord } from '../../reconciler/core/status/sweep-record.ts';
import type { BrakeRow } from '../../reconciler/core/plan/fleet-brake.ts';
import { type Advance, type PaceRow, type Step, advance } from '../../reconciler/core/plan/pace.ts';
import { type Left, nothingLeft, together } from '../../reconciler/core/memory/trigger.ts';
import type {
  Announcer,
  Claim,
  DesiredItems,
  DesiredPage,
  EventSourceMappings,
  Evidence,
  Glance,
  Known,
  LastValid,
  LastValidItems,
  Leases,
  PaceRows,
  Requeue,
  RequeueMessage,
  StoredState,
  TableIndex,
  TableOrders,
  TableStates,
} from '../../reconciler/ports.ts';

/** Called before each call to a store. Throws if the call must fail. */
export type StoreFaults = (call: string, routeTableId?: string) => void | Promise<void>;

const itemsPerPage = 100;

/**
 * The desired items in memory. Like any store it keeps copies: nobody can change what is stored by changing what was
 * written or read.
 */
export class InMemoryDesiredItems implements DesiredItems {
  faults: StoreFaults = () => {};
  readonly #items = new Map<string, unknown>();

  /** Writes an item as a person would, whatever is in it. */
  put(item: { readonly routeTableId: string; readonly [field: string]: unknown }): void {
    this.#items.set(item.routeTableId, copyOf(item));
  }

  delete(routeTableId: string): void {
    this.#items.delete(routeTableId);
  }

  async read(routeTableId: string): Promise<unknown> {
    await this.faults('read', routeTableId);
    return copyOf(this.#items.get(routeTableId));
  }

  async existing(routeTableIds: readonly string[]): Promise<ReadonlySet<string>> {
    await this.faults('existing');
    return new Set(routeTableIds.filter((routeTableId) => this.#items.has(routeTableId)));
  }

  async *pages(cursor?: string): AsyncGenerator<DesiredPage, undefined> {
    const ids = [...this.#items.keys()].sort().filter((id) => cursor === undefined || id > cursor);
    for (let start = 0; start === 0 || start < ids.length; start += itemsPerPage) {
      await this.faults('pages');
      const page = ids.slice(start, start + itemsPerPage);
      const last = page.at(-1);
      yield {
        items: page.map((routeTableId) => ({ routeTableId, item: copyOf(this.#items.get(routeTableId)) })),
        ...(start + itemsPerPage < ids.length && last !== undefined && { next: last }),
      };
    }
    return undefined;
  }
}

/** The last valid items, in memory. Copies go in and copies come out. */
export class InMemoryLastValidItems implements LastValidItems {
  faults: StoreFaults = () => {};
  /** The number of reads and writes. */
  readonly calls = new Map<string, number>();
  readonly #versions = new Map<string, LastValid>();

  async read(routeTableId: string): Promise<LastValid | undefined> {
    await this.#called('lastValid.read', routeTableId);
    return copyOf(this.#versions.get(routeTableId));
  }

  async write(routeTableId: string, version: LastValid): Promise<void> {
    await this.#called('lastValid.write', routeTableId);
    this.#versions.set(routeTableId, copyOf(version));
  }

  async remove(routeTableId: string): Promise<void> {
    await this.#called('lastValid.remove', routeTableId);
    this.#versions.delete(routeTableId);
  }

  /** A backup of all rows; calling what it returns restores it. */
  backup(): () => void {
    const rows = [...this.#versions];
    return () => {
      this.#versions.clear();
      for (const [routeTableId, version] of rows) this.#versions.set(routeTableId, version);
    };
  }

  async #called(call: string, routeTableId: string): Promise<void> {
    await this.faults(call, routeTableId);
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }
}

/** The orders, in memory. */
export class InMemoryTableOrders implements TableOrders {
  faults: StoreFaults = () => {};
  readonly #rows = new Map<string, Record<string, unknown>>();

  /** Writes one row as a person would, whatever is in it; without fields, the row is removed. */
  put(routeTableId: string, order: string, fields?: object): void {
    const key = JSON.stringify([routeTableId, order]);
    if (fields) this.#rows.set(key, { ...copyOf(fields), routeTableId, order });
    else this.#rows.delete(key);
  }

  /** The orders that concern a table, as they are now. */
  of(routeTableId: string): Orders {
    const concern = [...this.#rows].filter(([key]) => [routeTableId, everyTable].includes(JSON.parse(key)[0]));
    return ordersOf(concern.map(([, row]) => copyOf(row)));
  }

  async ofAll(): Promise<Orders> {
    await this.faults('ofAll');
    return this.of(everyTable);
  }

  async all(): Promise<AllOrders> {
    await this.faults('all');
    return allOrders([...this.#rows.values()].map((row) => copyOf(row)));
  }
}

/** The states, runs and sweep record, in memory. Copies go in and copies come out. */
export class InMemoryTableStates implements TableStates {
  faults: StoreFaults = () => {};
  /** How often each kind of write was made: `write` → 1, `recordRun` → 2. */
  readonly writes = new Map<string, number>();
  readonly #states = new Map<string, StoredState>();
  readonly #runs = new Map<string, Run>();
  #sweep: SweepRecord | undefined;
  #fleetOrders: FleetOrders | undefined;
  #brake: BrakeRow | undefined;

  /** The stored state of a table, for tests. */
  stored(routeTableId: string): StoredState {
    const state = this.#states.get(routeTableId);
    if (!state) throw new TypeError(`nothing is stored of ${routeTableId}`);
    return copyOf(state);
  }

  /** A table's status, for tests. */
  status(routeTableId: string): Status {
    return this.stored(routeTableId).status;
  }

  /** A table's history, oldest first. */
  runs(routeTableId: string): readonly Run[] {
    return this.#runsAfter(routeTableId, '');
  }

  async read(routeTableId: string): Promise<Known> {
    await this.faults('read', routeTableId);
    const state = this.#states.get(routeTableId);
    return state ? { state: copyOf(state) } : {};
  }

  async glance(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Glance>> {
    await this.faults('glance');
    const found = routeTableIds.flatMap((id) => this.#states.get(id) ?? []);
    return new Map(
      found.map(({ memory: _, unsent, ...rest }) => [
        rest.status.routeTableId,
        copyOf({ ...rest, hasUnsent: unsent !== undefined }),
      ]),
    );
  }

  /** A backup of all rows but the history; calling what it returns restores it. */
  backup(): () => void {
    const [rows, sweep, fleetOrders, brake] = [[...this.#states], this.#sweep, this.#fleetOrders, this.#brake];
    return () => {
      this.#states.clear();
      for (const [routeTableId, state] of rows) this.#states.set(routeTableId, state);
      this.#sweep = sweep;
      this.#fleetOrders = fleetOrders;
      this.#brake = brake;
    };
  }

  /** Loses the state of a table, as a restore of the DynamoDB table does. */
  lose(routeTableId: string): void {
    this.#states.delete(routeTableId);
  }

  async write(state: StoredState): Promise<boolean> {
    const { routeTableId } = state.status;
    await this.#writing('write', routeTableId);
    const before = this.#states.get(routeTableId);
    if (before && before.revision !== state.revision - 1) return false;
    this.#states.set(routeTableId, copyOf(state));
    return true;
  }

  async writeUnsent(routeTableId: string, revision: number, unsent: News | undefined): Promise<void> {
    await this.#writing('writeUnsent', routeTableId);
    const state = this.#states.get(routeTableId);
    if (state?.revision !== revision) return;
    const { unsent: _, ...rest } = state;
    this.#states.set(routeTableId, { ...rest, ...(unsent && { unsent: copyOf(unsent) }) });
  }

  async unsee(routeTableId: string, revision: number): Promise<void> {
    await this.#writing('unsee', routeTableId);
    const state = this.#states.get(routeTableId);
    if (state?.revision !== revision) return;
    const { seen: _, ...rest } = state;
    this.#states.set(routeTableId, rest);
  }

  async recordRun(run: Run): Promise<void> {
    await this.#writing('recordRun', run.routeTableId);
    this.#runs.set(`${run.routeTableId} ${run.id}`, copyOf(run));
  }

  async readRun(routeTableId: string, id: string): Promise<Run | undefined> {
    await this.faults('readRun', routeTableId);
    return copyOf(this.#runs.get(`${routeTableId} ${id}`));
  }

  async runsSince(routeTableId: string, since: string): Promise<readonly Run[]> {
    await this.faults('runsSince', routeTableId);
    return this.#runsAfter(routeTableId, `${since}~`);
  }

  #runsAfter(routeTableId: string, id: string): readonly Run[] {
    return [...this.#runs]
      .filter(([, run]) => run.routeTableId === routeTableId && run.id > id)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, run]) => copyOf(run));
  }

  async readSweep(): Promise<SweepRecord | undefined> {
    await this.faults('readSweep');
    return copyOf(this.#sweep);
  }

  async writeSweep(sweep: SweepRecord): Promise<void> {
    await this.#writing('writeSweep');
    this.#sweep = copyOf(sweep);
  }

  async readFleetOrders(): Promise<FleetOrders | undefined> {
    await this.faults('readFleetOrders');
    return copyOf(this.#fleetOrders);
  }

  async writeFleetOrders(announced: FleetOrders, before: number | undefined): Promise<boolean> {
    await this.#writing('writeFleetOrders');
    if (this.#fleetOrders?.revision !== before) return false;
    this.#fleetOrders = copyOf(announced);
    return true;
  }

  async readBrake(): Promise<BrakeRow | undefined> {
    await this.faults('readBrake');
    return copyOf(this.#brake);
  }

  async writeBrake(row: BrakeRow, before: number | undefined): Promise<boolean> {
    await this.#writing('writeBrake');
    if (this.#brake?.revision !== before) return false;
    this.#brake = copyOf(row);
    return true;
  }

  /** The row of the fleet brake, for tests. */
  get brake(): BrakeRow | undefined {
    return copyOf(this.#brake);
  }

  async #writing(call: string, routeTableId?: string): Promise<void> {
    await this.faults(call, routeTableId);
    this.writes.set(call, (this.writes.get(call) ?? 0) + 1);
  }
}

/** The index from ids to the tables that they concern, in memory. */
export class InMemoryTableIndex implements TableIndex {
  faults: StoreFaults = () => {};
  readonly #tables = new Map<string, Set<string>>();

  /** A backup of all rows; calling what it returns restores it. */
  backup(): () => void {
    const rows = [...this.#tables].map(([id, tables]) => [id, [...tables]] as const);
    return () => {
      this.#tables.clear();
      for (const [id, tables] of rows) this.#tables.set(id, new Set(tables));
    };
  }

  /** Whether a table is listed under an id. */
  lists(id: string, routeTableId: string): boolean {
    return this.#tables.get(id)?.has(routeTableId) ?? false;
  }

  async tablesUnder(id: string): Promise<readonly string[]> {
    await this.faults('tablesUnder');
    return [...(this.#tables.get(id) ?? [])].sort();
  }

  async thoseUnder(id: string, routeTableIds: readonly string[]): Promise<ReadonlySet<string>> {
    await this.faults('thoseUnder');
    return new Set(routeTableIds.filter((routeTableId) => this.#tables.get(id)?.has(routeTableId)));
  }

  async keep(routeTableId: string, { add, remove }: Parameters<TableIndex['keep']>[1]): Promise<void> {
    await this.faults('keep', routeTableId);
    for (const id of add) this.#tables.set(id, (this.#tables.get(id) ?? new Set()).add(routeTableId));
    for (const id of remove) this.#tables.get(id)?.delete(routeTableId);
  }
}

/** The calls that events reported, in memory. Copies go in and copies come out. Nothing expires. */
export class InMemoryEvidence implements Evidence {
  faults: StoreFaults = () => {};
  readonly #rows = new Map<string, Map<string, ReportedCall>>();

  async keep(calls: Parameters<Evidence['keep']>[0]): Promise<void> {
    await this.faults('keep', calls[0]?.routeTableId);
    for (const { routeTableId, call } of calls) {
      const rows = this.#rows.get(routeTableId) ?? new Map<string, ReportedCall>();
      this.#rows.set(routeTableId, rows.set(`${call.time}#${call.id}`, copyOf(call)));
    }
  }

  async of(routeTableId: string, since: Date): Promise<readonly ReportedCall[]> {
    await this.faults('of', routeTableId);
    return [...(this.#rows.get(routeTableId) ?? [])]
      .filter(([key]) => key >= since.toISOString())
      .sort(([one], [other]) => (one < other ? 1 : -1))
      .slice(0, callsReadAtMost)
      .map(([, call]) => copyOf(call));
  }
}

/** The rows of the pace, in memory. */
export class InMemoryPaceRows implements PaceRows {
  faults: StoreFaults = () => {};
  readonly #rows = new Map<PaceRow, unknown>();

  /** Writes whatever somebody writes into a row. */
  put(row: PaceRow, tat: unknown): void {
    this.#rows.set(row, tat);
  }

  async advance(row: PaceRow, step: Step): Promise<Advance> {
    await this.faults('advance');
    const answer = advance(this.#rows.get(row), step);
    if (answer.isGiven) this.#rows.set(row, answer.from + step.byMs);
    return answer;
  }
}

interface Lease {
  /** Absent if nobody holds it: only what was left is kept. */
  readonly holder?: string;
  readonly takenAt: Date;
  readonly expiresAt: Date;
  readonly left: Left;
  /** The first one to leave something with the holder. */
  readonly firstBy?: string;
}

/** Leases in memory. Each call is atomic. */
export class InMemoryLeases implements Leases {
  faults: StoreFaults = () => {};
  readonly #leases = new Map<string, Lease>();

  /** The holder of a table's lease, even if it has expired. */
  holder(routeTableId: string): string | undefined {
    return this.#leases.get(routeTableId)?.holder;
  }

  async take(
    routeTableId: string,
    { holder, now, expiresAt, latestEnd, retakeBefore }: Claim,
  ): ReturnType<Leases['take']> {
    await this.faults('take', routeTableId);
    const lease = this.#leases.get(routeTableId);
    const isFree =
      !lease ||
      lease.expiresAt <= now ||
      lease.expiresAt > latestEnd ||
      (lease.holder === holder && lease.takenAt <= retakeBefore);
    if (!isFree) return { taken: false, expiresAt: lease.expiresAt };
    const left = { ...nothingLeft, deletions: lease?.left.deletions ?? [] };
    this.#leases.set(routeTableId, { holder, takenAt: now, expiresAt, left });
    const wasInvalid = lease !== undefined && lease.expiresAt > latestEnd;
    return { taken: true, left: lease?.left ?? nothingLeft, ...(wasInvalid && { wasInvalid }) };
  }

  async leave(routeTableId: string, left: Left, by: string, now: Date): ReturnType<Leases['leave']> {
    await this.faults('leave', routeTableId);
    const lease = this.#leases.get(routeTableId);
    if (!lease || lease.expiresAt <= now) return 'free';
    const firstBy = lease.firstBy ?? by;
    this.#leases.set(routeTableId, { ...lease, left: together(lease.left, left), firstBy });
    return firstBy === by ? 'first' : 'more';
  }

  async release(
    routeTableId: string,
    { holder, now, expiresAt }: Claim,
    answered: readonly string[],
  ): ReturnType<Leases['release']> {
    await this.faults('release', routeTableId);
    const lease = this.#leases.get(routeTableId);
    if (lease?.holder !== holder) return { released: true };
    if (lease.left.kinds.length === 0) {
      this.#leases.delete(routeTableId);
      return { released: true };
    }
    const left = without(lease.left, answered);
    this.#leases.set(routeTableId, {
      holder,
      takenAt: now,
      expiresAt,
      left: { ...nothingLeft, deletions: left.deletions },
    });
    return { released: false, left };
  }

  async drop(routeTableId: string, holder: string, answered: readonly string[]): Promise<Left> {
    await this.faults('drop', routeTableId);
    const lease = this.#leases.get(routeTableId);
    if (lease?.holder !== holder) return nothingLeft;
    const left = without(lease.left, answered);
    const ended = new Date(0);
    if (left.deletions.length === 0) this.#leases.delete(routeTableId);
    else
      this.#leases.set(routeTableId, {
        takenAt: ended,
        expiresAt: ended,
        left: { ...nothingLeft, deletions: left.deletions },
      });
    return left;
  }
}

const without = (left: Left, answered: readonly string[]): Left => ({
  ...left,
  deletions: left.deletions.filter((id) => !answered.includes(id)),
});

/** The requeue queue in memory. It delivers nothing by itself: the test or the simulation does. */
export class InMemoryRequeue implements Requeue {
  faults: StoreFaults = () => {};
  /** The messages that were sent and not removed, in order. */
  readonly sent: { readonly message: RequeueMessage; readonly dueAt: Date }[] = [];
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  async send(message: RequeueMessage, delayMs: number): Promise<void> {
    await this.faults('send', message.routeTableId);
    const wholeSeconds = Math.min(900, Math.max(0, Math.ceil(delayMs / 1_000)));
    this.sent.push({
      message: copyOf(message),
      dueAt: new Date(this.#now().getTime() + wholeSeconds * 1_000),
    });
  }

  async sendMany(messages: Parameters<Requeue['sendMany']>[0]): Promise<void> {
    for (const { message, delayMs } of messages) await this.send(message, delayMs);
  }
}

/** The event source mappings, in memory. */
export class InMemoryMappings implements EventSourceMappings {
  /** While it throws, Lambda does not answer. */
  faults: StoreFaults = () => {};
  readonly idle = new Set<string>();

  async disabled(): Promise<readonly string[]> {
    await this.faults('disabled');
    return [...this.idle];
  }
}

/** An announcer in memory. It keeps all news in order, and throws for an event that breaks its schema. */
export class InMemoryAnnouncer implements Announcer {
  /** While it throws, events are rejected. */
  faults: StoreFaults = () => {};
  readonly news: News[] = [];

  async announce({ metrics, events }: News): Promise<readonly DomainEvent[]> {
    for (const { type, detail } of events) detailSchemas[type].parse(detail);
    const isTaken = await this.#isTaken(events);
    this.news.push({ metrics, events: isTaken ? events : [] });
    return isTaken ? [] : events;
  }

  async #isTaken(events: readonly DomainEvent[]): Promise<boolean> {
    try {
      await this.faults('announce', events[0]?.detail.routeTableId ?? '*');
      return true;
    } catch {
      return false;
    }
  }

  /** The type of each announced event, with its state if it has one. */
  get events(): readonly string[] {
    return this.news.flatMap(({ events }) =>
      events.map(({ type, detail }) => ('state' in detail ? `${type} (${detail.state})` : type)),
    );
  }

  /** Every published value of a metric. */
  readonly values = (name: MetricName): readonly number[] =>
    this.news.flatMap(({ metrics }) => metrics.filter((metric) => metric.name === name).map(({ value }) => value));
}
