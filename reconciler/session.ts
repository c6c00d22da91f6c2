import { callKeptMs } from './core/memory/call.ts';
import type { Run } from './core/announce/history.ts';
import type { Memory } from './core/memory/memory.ts';
import type { Vouched } from './core/status/arrival.ts';
import { vouchOf } from './core/status/sweep-record.ts';
import { type Occasion, type Waker, wakerOf } from './core/memory/trigger.ts';
import { History, runsOnTop } from './history.ts';
import type { Invocation } from './lease.ts';
import type { Known, Log, World } from './ports.ts';
import { type Evidence, evidenceOf } from './situation.ts';

/** A table whose lease we hold. */
export interface Leased {
  readonly routeTableId: string;
  readonly world: World;
  readonly log: Log;
  readonly invocation: Invocation;
}

/** One reconcile of a table whose lease we hold, with everything known at its start. */
export interface Session extends Leased {
  readonly occasion: Occasion;
  readonly known: Known;
  readonly evidence: Evidence;
  readonly waker: Waker;
  readonly history: History;
  /** Runs that no state remembers: their functions died after they had recorded their plans. */
  readonly forgotten: readonly Run[];
  /** The last sweep that read the table, or found it as remembered. */
  readonly vouched?: Vouched | undefined;
}

/** Begins a reconcile: reads the stored state of the table and the reported calls. */
export async function begin(table: Leased, occasion: Occasion): Promise<Session> {
  const { routeTableId, world } = table;
  const now = world.now();
  const [known, calls] = await Promise.all([
    world.states.read(routeTableId),
    world.evidence.of(routeTableId, new Date(now.getTime() - callKeptMs)),
  ]);
  if (known.isLost) table.log.error('the status cannot be read: the table is adopted anew, and deletes wait');
  const before = known.state?.memory;
  const evidence = evidenceOf(calls, before, now);
  const waker = wakerOf(occasion, evidence.all, evidence.unread);
  return {
    ...table,
    occasion,
    known,
    evidence,
    waker,
    history: new History(routeTableId, { waker, before: known.state, evidence }, world),
    forgotten: known.state ? await runsOnTop(known.state, world) : [],
    vouched: await lastVouch(table, before),
  };
}

/**
 * A younger read is fresh for 3 minutes, however often sweeps start: at most once a minute. It needs no sweep to vouch for
 * it. A reconcile that begins now reads the table at most a minute later.
 */
const freshForMs = (3 - 1) * 60 * 1_000;

/** Whether the last read of a table is so old that only a sweep can vouch for what came since. */
export const needsVouch = (memory: Pick<Memory, 'readAt'> | undefined, now: Date): boolean =>
  memory?.readAt !== undefined && now.getTime() - Date.parse(memory.readAt) >= freshForMs;

/** How often sweeps start, and whether the last one vouches for a table. If it cannot be read, nobody vouches, and new routes wait for a person. */
async function lastVouch(
  { routeTableId, world, log }: Leased,
  memory: Pick<Memory, 'readAt'> | undefined,
): Promise<Vouched | undefined> {
  if (!needsVouch(memory, world.now())) return undefined;
  try {
    return vouchOf(await world.states.readSweep(), routeTableId);
  } catch (error) {
    log.warn('could not read the record of the last sweep', { error });
    return undefined;
  }
}
