import type { Pace, RouteWriter } from './apply.ts';
import type { DomainEvent } from './core/announce/domain-event.ts';
import type { Run } from './core/announce/history.ts';
import type { FleetOrders, News } from './core/announce/news.ts';
import type { AllOrders } from './core/desired/all-orders.ts';
import type { Orders } from './core/desired/orders.ts';
import type { ReportedCall } from './core/memory/call.ts';
import type { Left, TriggerKind } from './core/memory/trigger.ts';
import type { BrakeRow } from './core/plan/fleet-brake.ts';
import type { Advance, PaceRow, Step } from './core/plan/pace.ts';
import type { Health } from './core/route/health.ts';
import type { ActualTable, Target } from './core/route/route.ts';
import type { State } from './core/status/status.ts';
import type { SweepRecord } from './core/status/sweep-record.ts';

/** EC2's route tables. A failed read throws: it never returns an empty answer. */
export interface RouteTables extends RouteWriter {
  /** The table as EC2 reports it now, even if it is foreign, or undefined if no table has this id. */
  read(routeTableId: string): Promise<ActualTable | undefined>;
  /** The tables among these that exist and are not foreign, read in pages. The order is undefined. */
  readMany(routeTableIds: readonly string[]): AsyncIterable<ActualTable>;
  /** Reads these tables together, as they are asked for. */
  together(routeTableIds: readonly string[]): SharedReads;
}

/** A table as a read showed it that began at this time. */
export interface Reading {
  readonly at: Date;
  readonly table: ActualTable;
}

/**
 * A read of a table among others, if one shows it that began less than 7.5 s ago, and not before `notBefore`. Undefined
 * if the table must be read alone: it is missing or foreign, or somebody has written since.
 *
 * @throws Error when the tables cannot be read
 */
export type SharedReads = (routeTableId: string, notBefore?: Date) => Promise<Reading | undefined>;

/**
 * Asks EC2 which of these targets can carry traffic of a VPC. Never throws.
 *
 * The answer is by id. A target whose call failed is absent from it, and `failures` says why: what is remembered of that
 * target stays as it is. `local` is never in the answer.
 *
 * @param since when the read began that the answer is for. An older answer does not count. Without it, none does
 */
export type TargetHealth = (
  vpcId: string,
  targets: readonly Target[],
  since?: Date,
) => Promise<{ readonly health: ReadonlyMap<string, Health>; readonly failures: readonly unknown[] }>;

/** The desired items as people wrote them, unparsed. */
export interface DesiredItems {
  /** All items from `cursor` on, in pages of bounded size. Each page has the cursor of the next page. */
  pages(cursor?: string): AsyncIterable<DesiredPage>;
  /** The tables among these that have an item now (strongly consistent read). */
  existing(routeTableIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** A version of an item that was valid when it was reconciled. */
export interface LastValid {
  /** The item as it was written. Untrusted, like any item. */
  readonly item: unknown;
  /** When it was first reconciled. ISO 8601, UTC. */
  readonly since: string;
}

/** The last valid version of each item. It stays in force while the item is invalid. */
export interface LastValidItems {
  /** Undefined if there is none, or if it cannot be read (strongly consistent read). */
  read(routeTableId: string): Promise<LastValid | undefined>;
  write(routeTableId: string, version: LastValid): Promise<void>;
  /** Idempotent. */
  remove(routeTableId: string): Promise<void>;
}

export interface DesiredPage {
  readonly items: readonly { readonly routeTableId: string; readonly item: unknown }[];
  /** The cursor of the next page. Absent on the last page. */
  readonly next?: string;
}

/** A state as it is stored. */
export interface StoredState extends State {
  /** Counts the writes. */
  readonly revision: number;
  /** Identifies the desired state and the read of the last reconcile (`seenHash`). */
  readonly seen?: string;
  /** From this time on, a sweep reconciles the table even if nothing is new. ISO 8601, UTC. */
  readonly dueAt?: string;
  /** News that is not announced yet, or only in part. */
  readonly unsent?: News;
}

/** The stored state of one table: none yet, a state, or a row that cannot be read. */
export interface Known {
  readonly state?: StoredState;
  readonly isLost?: true;
}

/** A stored state without its memory: enough to decide whether a table needs a reconcile. */
export interface Glance extends Pick<StoredState, 'status' | 'revision' | 'seen' | 'dueAt'> {
  readonly hasUnsent: boolean;
}

/** The stored states of all tables, their runs, and the sweep record. */
export interface TableStates {
  /** A strongly consistent read. */
  read(routeTableId: string): Promise<Known>;
  /** The states of these tables, as far as they can be read. The read is eventually consistent. */
  glance(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Glance>>;
  /**
   * Writes a state if its `revision` is one higher than the stored one. Otherwise another state was written meanwhile.
   * The first state (revision 1) also replaces a row that cannot be read.
   *
   * @returns whether it was written
   */
  write(state: StoredState): Promise<boolean>;
  /** Replaces the unsent news, unless a later state was written. */
  writeUnsent(routeTableId: string, revision: number, unsent: News | undefined): Promise<void>;
  /** Makes the next sweep reconcile the table, whatever it reads, unless a later state is written before. */
  unsee(routeTableId: string, revision: number): Promise<void>;
  /** Writes or rewrites one run of a table's history. */
  recordRun(run: Run): Promise<void>;
  /** A run as it was last written. Undefined if there is none. */
  readRun(routeTableId: string, id: string): Promise<Run | undefined>;
  /** The runs of a table that began after `since` (ISO 8601, UTC), oldest first (strongly consistent read). */
  runsSince(routeTableId: string, since: string): Promise<readonly Run[]>;
  readSweep(): Promise<SweepRecord | undefined>;
  writeSweep(sweep: SweepRecord): Promise<void>;
  /** The orders for all tables, as last announced. Undefined if none ever was. */
  readFleetOrders(): Promise<FleetOrders | undefined>;
  /**
   * Writes them, unless another function has written meanwhile. `before` is the revision that was read.
   *
   * @returns whether they were written
   */
  writeFleetOrders(announced: FleetOrders, before: number | undefined): Promise<boolean>;
  /** What the fleet brake knows (strongly consistent read). Undefined if there is no row. Throws if it cannot be read. */
  readBrake(): Promise<BrakeRow | undefined>;
  /**
   * Writes it, unless another function has written meanwhile. `before` is the revision that was read.
   *
   * @returns whether it was written
   */
  writeBrake(row: BrakeRow, before: number | undefined): Promise<boolean>;
}

/** The orders that people give outside the desired items. */
export interface TableOrders {
  /** Reads all orders in one pass. */
  all(): Promise<AllOrders>;
  /** The orders for all tables (strongly consistent read). */
  ofAll(): Promise<Orders>;
}

/** Finds managed tables by the id of a target, a prefix list, an association or a VPC, as of their last reconcile. */
export interface TableIndex {
  tablesUnder(id: string): Promise<readonly string[]>;
  /** The tables among these that are listed under an id (strongly consistent read). */
  thoseUnder(id: string, routeTableIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Lists a table under some ids and removes it from others. Idempotent. */
  keep(
    routeTableId: string,
    names: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<void>;
}

/** A call that concerns a table. */
export interface CallOnTable {
  readonly routeTableId: string;
  readonly call: ReportedCall;
}

/** The reported calls about managed tables. Each is kept for one day after it was made. */
export interface Evidence {
  /** Stores calls, each id once for each table. Idempotent. When it throws, some may be stored. */
  keep(calls: readonly CallOnTable[]): Promise<void>;
  /** The newest 300 calls about a table since `since`, newest first (strongly consistent read). */
  of(routeTableId: string, since: Date): Promise<readonly ReportedCall[]>;
}

/** Up to when turns are given, for all functions together (`core/plan/pace.ts`). Each call is one atomic step. */
export interface PaceRows {
  advance(row: PaceRow, step: Step): Promise<Advance>;
}

/** A request for a lease. */
export interface Claim {
  readonly holder: string;
  readonly now: Date;
  readonly expiresAt: Date;
  /** No lease ends later than this. One that does, or has no readable end, is invalid and counts as free. */
  readonly latestEnd: Date;
  /** The same holder may take its lease again if it took it before this instant. */
  readonly retakeBefore: Date;
}

/** One holder per table at a time. Each call is one atomic step. */
export interface Leases {
  /**
   * Takes a lease that is free, expired, invalid, or this holder's own (`retakeBefore`). Returns the triggers left with
   * it. The deletions among them stay with it until they are answered, so that none is lost if this holder dies.
   */
  take(
    routeTableId: string,
    claim: Claim,
  ): Promise<
    | { readonly taken: true; readonly left: Left; readonly wasInvalid?: true }
    | { readonly taken: false; readonly expiresAt: Date }
  >;
  /**
   * Leaves triggers with the holder of the lease at `now`.
   *
   * @param by who leaves them. The first one stays the first when it repeats the call
   * @returns whether they are the `first` that were left, are `more`, or were not left because the lease is `free`
   */
  leave(routeTableId: string, left: Left, by: string, now: Date): Promise<'first' | 'more' | 'free'>;
  /**
   * Ends a lease. If triggers were left with it, renews it instead and returns them.
   *
   * @param answered deletions that a state remembers now
   */
  release(
    routeTableId: string,
    claim: Claim,
    answered: readonly string[],
  ): Promise<{ readonly released: true } | { readonly released: false; readonly left: Left }>;
  /**
   * Ends a lease in any case, and returns the triggers left with it. The next holder gets the deletions that are not
   * answered. Does nothing to another holder's lease.
   */
  drop(routeTableId: string, holder: string, answered: readonly string[]): Promise<Left>;
}

/**
 * Asks for another reconcile of a table or, under the key `*`, to announce edits that wait. It is no evidence that anything
 * happened: nothing is believed but the id.
 */
export interface RequeueMessage {
  readonly routeTableId: string;
  /** The `nextRetry` of the status that caused the message. If the status has another one now, the message is stale. */
  readonly nextRetry?: string;
  /** How many such messages led to this one. */
  readonly hop: number;
  /** The triggers it was sent for. Absent if it was sent only because a time was due. */
  readonly kinds?: readonly TriggerKind[];
}

export interface Requeue {
  /** Delivers a message after `delayMs`: rounded up to seconds, at most 15 minutes, at once if it is 0 or negative. */
  send(message: RequeueMessage, delayMs: number): Promise<void>;
  /** Sends many at once, each with its own delay. When it throws, some may have been sent. */
  sendMany(messages: readonly { readonly message: RequeueMessage; readonly delayMs: number }[]): Promise<void>;
}

/** Publishes metrics and domain events. */
export interface Announcer {
  /**
   * Publishes as much as it can. Never throws.
   *
   * @param routeTableId the table that the metrics count for, if they are of one table
   * @returns the events that were rejected, to be sent again
   */
  announce(news: News, routeTableId?: string): Promise<readonly DomainEvent[]>;
}

/** The event source mappings through which edits, orders and requeue messages reach the functions. */
export interface EventSourceMappings {
  /** The ids of those that are disabled or deleted now. Throws if one of them cannot be read. */
  disabled(): Promise<readonly string[]>;
}

/** A structured log. Each line has a constant sentence and fields. */
export interface Log {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
  /** The same log with these fields on every line. */
  with(fields: object): Log;
}

export interface Checkpoint {
  /** The desired item, unparsed; undefined when there is none. */
  readonly item: unknown;
  readonly orders: Orders;
  /** Who holds the table's lease. */
  readonly holder: string | undefined;
}

/** Everything that a reconcile reads or writes. */
export interface World {
  readonly tables: RouteTables;
  /** Reads of several tables at once. Absent if only one is reconciled. */
  readonly shared?: SharedReads;
  readonly pace: Pace;
  readonly targetHealth: TargetHealth;
  readonly desired: DesiredItems;
  readonly lastValid: LastValidItems;
  readonly orders: TableOrders;
  readonly states: TableStates;
  readonly index: TableIndex;
  readonly evidence: Evidence;
  readonly leases: Leases;
  readonly requeue: Requeue;
  readonly announcer: Announcer;
  /** Everything that decides whether a table may be changed now, in one strongly consistent read. */
  readonly checkpoint: (routeTableId: string) => Promise<Checkpoint>;
  readonly now: () => Date;
  readonly log: Log;
}

/** What a sweep reads in addition. */
export interface SweepWorld extends World {
  readonly mappings: EventSourceMappings;
}
