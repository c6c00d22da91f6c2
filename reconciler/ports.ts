import type { RouteWriter } from './apply.ts';
import type { DomainEvent } from './core/announce/domain-event.ts';
import type { Run } from './core/announce/history.ts';
import type { News } from './core/announce/news.ts';
import type { Orders } from './core/desired/orders.ts';
import type { ReportedCall } from './core/memory/call.ts';
import type { Left, TriggerKind } from './core/memory/trigger.ts';
import type { ActualTable } from './core/route/route.ts';
import type { State } from './core/status/status.ts';
import type { SweepRecord } from './core/status/sweep-record.ts';

/** EC2's route tables. A read that fails throws; it never looks like an empty answer. */
export interface RouteTables extends RouteWriter {
  /** The table as EC2 reports it now, or undefined when there is none with this id. */
  read(routeTableId: string): Promise<ActualTable | undefined>;
  /** Those of the tables that exist, in no order, read in pages. */
  readMany(routeTableIds: readonly string[]): AsyncIterable<ActualTable>;
}

/** The desired items, unparsed: what people wrote. */
export interface DesiredItems {
  /** All items in pages of bounded size, from `cursor` on, each page with the cursor that follows it. */
  pages(cursor?: string): AsyncIterable<DesiredPage>;
  /** Those of the tables that have an item now, by a strongly consistent read. */
  existing(routeTableIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export interface DesiredPage {
  readonly items: readonly { readonly routeTableId: string; readonly item: unknown }[];
  /** The cursor of the page after this one; absent on the last. */
  readonly next?: string;
}

/** A state as it is stored. */
export interface StoredState extends State {
  /** Counts the writes. */
  readonly revision: number;
  /** Identifies what was wanted and read last (`seenHash`). */
  readonly seen?: string;
  /** A sweep reconciles the table from this time on, even if it sees nothing new. ISO 8601, UTC. */
  readonly dueAt?: string;
  /** What was not announced yet, or not all of it. */
  readonly unsent?: News;
}

/** What is stored of one table: nothing yet, a state, or a row that cannot be read. */
export interface Known {
  readonly state?: StoredState;
  readonly isLost?: true;
}

/** A stored state without its memory: enough to tell whether a table needs a reconcile. */
export interface Glance extends Pick<StoredState, 'status' | 'revision' | 'seen' | 'dueAt'> {
  readonly hasUnsent: boolean;
}

/** What is remembered of each table. */
export interface TableStates {
  /** A strongly consistent read. */
  read(routeTableId: string): Promise<Known>;
  /** Those of the tables whose status can be read. May be a moment old. */
  glance(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Glance>>;
  /**
   * Writes a state unless another was written since the one it follows: its `revision` is one higher. The first
   * (revision 1) also takes the place of a row that cannot be read.
   *
   * @returns whether it was written
   */
  write(state: StoredState): Promise<boolean>;
  /** Replaces what is unsent, unless a later state was written. */
  writeUnsent(routeTableId: string, revision: number, unsent: News | undefined): Promise<void>;
  /** Writes or rewrites one run of a table's history. */
  recordRun(run: Run): Promise<void>;
  /** A run as it was last written. Undefined when there is none. */
  readRun(routeTableId: string, id: string): Promise<Run | undefined>;
  readSweep(): Promise<SweepRecord | undefined>;
  writeSweep(sweep: SweepRecord): Promise<void>;
}

/** What people ordered, by table. Orders for all tables are among those of each. */
export type OrdersByTable = (routeTableId: string) => Orders;

/** What people order apart from the items. */
export interface TableOrders {
  /** All orders there are, in one pass. */
  all(): Promise<OrdersByTable>;
}

/** Which managed tables an id concerns: a target, a prefix list, an association, a VPC. May be a reconcile old. */
export interface TableIndex {
  tablesUnder(id: string): Promise<readonly string[]>;
  /** Those of these tables that are under an id, by a strongly consistent read. */
  thoseUnder(id: string, routeTableIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Adds a table under some ids, and takes it from under others. Done again it changes nothing. */
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

/** What events reported of calls about managed tables, for a day after each call was made. */
export interface Evidence {
  /** Keeps calls, at most one of the same id for each table. Done again it changes nothing. When it throws, some may be kept. */
  keep(calls: readonly CallOnTable[]): Promise<void>;
  /** The calls about a table made since `since`, newest first, the newest 300 of them, by a strongly consistent read. */
  of(routeTableId: string, since: Date): Promise<readonly ReportedCall[]>;
}

/** What a function asks for when it takes a lease. */
export interface Claim {
  readonly holder: string;
  readonly now: Date;
  readonly expiresAt: Date;
  /** A lease that this very holder took before this instant may be taken again. */
  readonly retakeBefore: Date;
}

/** One holder per table at a time. Each call is one atomic step. */
export interface Leases {
  /** Takes a lease that is free, expired, or this holder's own from before, with what was left with it. */
  take(
    routeTableId: string,
    claim: Claim,
  ): Promise<{ readonly taken: true; readonly left: Left } | { readonly taken: false; readonly expiresAt: Date }>;
  /**
   * Leaves something with whoever holds the lease at `now`: as the first, as one more, or not at all, as it is free.
   *
   * @param by who leaves it: whoever was the first stays so when the call is repeated
   */
  leave(routeTableId: string, left: Left, by: string, now: Date): Promise<'first' | 'more' | 'free'>;
  /** Ends a lease. When something was left, it is renewed instead, and that is handed over. */
  release(
    routeTableId: string,
    claim: Claim,
  ): Promise<{ readonly released: true } | { readonly released: false; readonly left: Left }>;
  /** Ends a lease whatever was left with it, and says what was. Does nothing to another's lease. */
  drop(routeTableId: string, holder: string): Promise<Left>;
}

/** "Look at this table again." It names a table; nothing else in it is evidence of anything. */
export interface RequeueMessage {
  readonly routeTableId: string;
  /** The `nextRetry` of the status this was sent for: when that has changed, the message is out of date. */
  readonly nextRetry?: string;
  /** How many such messages led to this one. */
  readonly hop: number;
  /** What it was sent for, where that is more than the passing of time. */
  readonly kinds?: readonly TriggerKind[];
  /** The deletions of the item that nobody has taken into account yet, by their ids. */
  readonly deletions?: readonly string[];
}

export interface Requeue {
  /** Delivers a message after `delayMs`, rounded up to seconds; at most 15 minutes, and at once if it is not positive. */
  send(message: RequeueMessage, delayMs: number): Promise<void>;
  /** Sends many at once, each with its own delay. When it throws, some may have been sent. */
  sendMany(messages: readonly { readonly message: RequeueMessage; readonly delayMs: number }[]): Promise<void>;
}

/** Publishes metrics and domain events. */
export interface Announcer {
  /** Publishes all of it, as far as that is possible. Never throws. @returns the events that were rejected */
  announce(news: News): Promise<readonly DomainEvent[]>;
}

/** A structured log: a constant sentence and fields. */
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

/** All that a reconcile touches. */
export interface World {
  readonly tables: RouteTables;
  readonly desired: DesiredItems;
  readonly orders: TableOrders;
  readonly states: TableStates;
  readonly index: TableIndex;
  readonly evidence: Evidence;
  readonly leases: Leases;
  readonly requeue: Requeue;
  readonly announcer: Announcer;
  /** What bears on whether a table may be changed, as it is now, in one strongly consistent read. */
  readonly checkpoint: (routeTableId: string) => Promise<Checkpoint>;
  readonly now: () => Date;
  readonly log: Log;
}
