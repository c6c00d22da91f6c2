import type { Known } from '../reconciler/ports.ts';
import type { ShownPhase } from '../reconciler/core/status/freshness.ts';
import { printable } from './printable.ts';

/** How a table stands while somebody waits for its reconcile. */
export interface Followed {
  readonly phase: ShownPhase;
  /** One sentence: why it is in this phase, or why nobody knows yet. */
  readonly reason: string;
  /** The deployed reconciler has reconciled this version of the item, and nothing more happens by itself soon. */
  readonly isSettled: boolean;
  /** The edit of many tables for which the fleet brake holds changes of this table. */
  readonly edit?: string;
}

export interface FollowWorld {
  readonly states: (routeTableIds: readonly string[]) => Promise<ReadonlyMap<string, Known>>;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
  /** From this instant on, nothing is read any more. */
  readonly until: Date;
  /** Receives a line whenever a table enters another phase. */
  readonly note: (text: string) => void;
}

/** The waits between reads: the first results come within seconds, and a fleet takes minutes. */
const firstWaitMs = 1_000;
const longestWaitMs = 5_000;

/**
 * Follows tables until each is settled: in sync, or in a phase that says what holds it. Reads only the states of the
 * tables that are not settled, 100 with one call.
 *
 * @param wanted the `desiredHash` of each item that was written, by table
 * @param released edits that were approved a moment ago: nothing waits for them any more
 */
export async function follow(
  wanted: ReadonlyMap<string, string>,
  world: FollowWorld,
  released: readonly string[] = [],
): Promise<ReadonlyMap<string, Followed>> {
  const shown = new Map([...wanted.keys()].map((id) => [id, unseen]));
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const open = [...shown].filter(([, { isSettled }]) => !isSettled).map(([id]) => id);
    if (open.length === 0 || world.now() >= world.until) return shown;
    await world.sleep(Math.min(waitMs, world.until.getTime() - world.now().getTime()));
    const states = await world.states(open);
    for (const id of open) {
      const next = standing(states.get(id), wanted.get(id), released);
      const isNews = next !== unseen && (next.phase !== shown.get(id)?.phase || next.isSettled);
      if (isNews) world.note(printable(`${id}: ${next.phase}: ${next.reason}`));
      shown.set(id, next);
    }
  }
}

const unseen: Followed = { phase: 'Unknown', reason: 'it was not reconciled with this item yet', isSettled: false };

function standing(known: Known | undefined, hash: string | undefined, released: readonly string[]): Followed {
  const { status, memory } = known?.state ?? {};
  if (!status || !memory || memory.desiredHash !== hash) return unseen;
  const { phase, reason, plan } = status;
  const edit = plan?.blocked?.edit;
  const isReleased = edit !== undefined && released.includes(edit);
  return { phase, reason, isSettled: phase !== 'Verifying' && !memory.doubt && !isReleased, ...(edit && { edit }) };
}
