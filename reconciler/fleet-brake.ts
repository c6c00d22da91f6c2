import { waitingEditEvent } from './core/announce/events.ts';
import type { DesiredTable } from './core/desired/desired.ts';
import { desiredHash } from './core/desired/hashes.ts';
import type { Braked } from './core/memory/memory.ts';
import { type BrakeRow, askBrake, dependsOnSize, newBrakeRow } from './core/plan/fleet-brake.ts';
import { known } from './core/route/known.ts';
import { completedSweep } from './core/status/sweep-record.ts';
import { everyTable } from './core/desired/orders.ts';
import type { World } from './ports.ts';

/** A push takes a while. The message about it counts the tables that wait after this time. */
const announcedAfterMs = 60 * 1_000;

/** Another function may write the row first. After this many tries, something is wrong. */
const triesAtMost = 50;

/**
 * Asks whether an edit may change a table now, or must wait for a person. The answer yes is valid for one minute.
 *
 * If the brake cannot be read or written, the edit waits without being part of anything, and asks again.
 */
export async function askFleetBrake(
  desired: DesiredTable,
  world: Pick<World, 'states' | 'requeue' | 'now' | 'log'>,
): Promise<Braked | undefined> {
  const { routeTableId } = desired;
  const waits = (edit?: string): Braked =>
    known({ desiredHash: desiredHash(desired), since: world.now().toISOString(), edit });
  const approved = desired.orders?.edits?.ids ?? [];
  try {
    for (let tries = 1; tries <= triesAtMost; tries++) {
      const stored = await world.states.readBrake();
      const row = stored ?? newBrakeRow;
      const now = world.now();
      const tables = dependsOnSize(row, routeTableId, now) ? await fleetSize(world) : 0;
      const answer = askBrake(row, routeTableId, { tables, approved, now });
      if (answer.row && !(await world.states.writeBrake(answer.row, stored?.revision))) continue;
      if (answer.mayGo) return undefined;
      if (answer.row) await askToAnnounce(world);
      return waits(answer.edit.id);
    }
    throw new Error(`other functions wrote the fleet brake ${triesAtMost} times meanwhile`);
  } catch (error) {
    world.log.error('could not ask the fleet brake: what follows from an edit waits', { routeTableId, error });
    return waits();
  }
}

/** How many tables the last completed sweep found. Unknown counts as few. */
async function fleetSize({ states, log }: Pick<World, 'states' | 'log'>): Promise<number> {
  try {
    const last = await states.readSweep();
    return (last && completedSweep(last)?.items) ?? 0;
  } catch (error) {
    log.warn('could not read the record of the last sweep: the fleet brake counts few tables', { error });
    return 0;
  }
}

/** If the message is lost, the next sweep announces the edit. */
async function askToAnnounce({ requeue, log }: Pick<World, 'requeue' | 'log'>): Promise<void> {
  try {
    await requeue.send({ routeTableId: everyTable, hop: 0 }, announcedAfterMs);
  } catch (error) {
    log.warn('could not send a message: the next sweep announces the edit that waits', { error });
  }
}

/**
 * Announces each edit of which tables wait, once for the whole fleet: one push to 300 tables is one message. An edit of
 * which nothing waits any more is not announced.
 */
export async function announceWaitingEdits({
  states,
  index,
  announcer,
  now,
  log,
}: Pick<World, 'states' | 'index' | 'announcer' | 'now' | 'log'>): Promise<void> {
  const row = await states.readBrake();
  const at = now();
  const due = row?.unannounced.filter((edit) => at.getTime() - Date.parse(edit.at) >= announcedAfterMs) ?? [];
  if (!row || due.length === 0) return;
  const waiting = await Promise.all(due.map(async (edit) => ({ edit, tables: await index.tablesUnder(edit.id) })));
  const events = waiting.flatMap(({ edit, tables }) => (tables.length > 0 ? waitingEditEvent(edit, tables, at) : []));
  const rejected = await announcer.announce({ metrics: [], events });
  if (rejected.length > 0)
    return log.error('EventBridge rejected the message about an edit that waits: the next sweep sends it again', {
      edits: due.map(({ id }) => id),
    });
  const after: BrakeRow = {
    ...row,
    revision: row.revision + 1,
    unannounced: row.unannounced.filter((edit) => !due.includes(edit)),
  };
  // If another function has written meanwhile, the edit is announced again, under the same id.
  await states.writeBrake(after, row.revision);
}
