import type { RouteWriter } from './apply.ts';
import type { ActualTable } from './core/route.ts';
import type { Run, Status, SweepRecord } from './core/status.ts';

/** EC2's route tables. A read that fails throws; it never looks like an empty answer. */
export interface RouteTables extends RouteWriter {
  /** The table as EC2 reports it now, or undefined when there is none with this id. */
  read(routeTableId: string): Promise<ActualTable | undefined>;
  /** Those of the tables that exist, in no order, read in pages. */
  readMany(routeTableIds: readonly string[]): AsyncIterable<ActualTable>;
}

/** The desired items, unparsed: what people wrote. */
export interface DesiredItems {
  /** A strongly consistent read; undefined when there is no item. */
  read(routeTableId: string): Promise<unknown>;
  /** All items in pages of bounded size, from `cursor` on, each page with the cursor that follows it. */
  pages(cursor?: string): AsyncIterable<DesiredPage>;
}

export interface DesiredPage {
  readonly items: readonly { readonly routeTableId: string; readonly item: unknown }[];
  /** The cursor of the page after this one; absent on the last. */
  readonly next?: string;
}

/** What is remembered of each table. */
export interface TableStates {
  /** A strongly consistent read; undefined when the table was never reconciled. */
  read(routeTableId: string): Promise<Status | undefined>;
  /** Those of the tables that have a status; may be a moment old. */
  readMany(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Status>>;
  write(status: Status): Promise<void>;
  /** Writes or rewrites one run of a table's history. */
  recordRun(run: Run): Promise<void>;
  readSweep(): Promise<SweepRecord | undefined>;
  writeSweep(sweep: SweepRecord): Promise<void>;
}

/** A structured log: a constant sentence and fields. */
export interface Log {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
  /** The same log with these fields on every line. */
  with(fields: object): Log;
}

/** All that a reconcile touches. */
export interface World {
  readonly tables: RouteTables;
  readonly desired: DesiredItems;
  readonly states: TableStates;
  readonly now: () => Date;
  readonly log: Log;
}
