import pMap from 'p-map';
import { type Change, changeAsJson } from './core/change.ts';
import type { ChangeOutcome, FailureKind } from './core/outcome.ts';

export interface Failure {
  readonly kind: FailureKind;
  readonly code: string;
  readonly message: string;
  /** The call may have been carried out all the same: look before doing anything else. */
  readonly outcomeUnknown: boolean;
  /** What would mend it, in words for a person. */
  readonly remedy?: string;
}

/** EC2 refused one change, or did not answer. */
export class ChangeFailed extends Error {
  override readonly name = 'ChangeFailed';
  readonly failure: Failure;

  constructor(failure: Failure, options: { cause: unknown }) {
    super(`${failure.code}: ${failure.message}`, options);
    this.failure = failure;
  }
}

/** The part of EC2 that changes routes. */
export interface RouteWriter {
  /** Resolves when the pace below EC2's request buckets lets one more call of this kind start. */
  turn(action: Change['action']): Promise<void>;
  /**
   * Carries out one change, or gives up after `withinMs` milliseconds with an unknown outcome.
   *
   * @throws ChangeFailed and nothing else
   */
  apply(routeTableId: string, change: Change, withinMs: number): Promise<void>;
}

export interface Applied {
  /** In the order of the plan, one per change. */
  readonly outcomes: readonly ChangeOutcome[];
  /** The table is not, or may not be, as the plan thought it would be now: read it again before anything else. */
  readonly lookAgain: boolean;
}

/** EC2's buckets are per account and shared with everybody: a few calls at once are as fast as it lets us be. */
const callsAtOnce = 4;

/** How long a checkpoint's answer holds inside a phase. */
const checkpointKeepsMs = 5_000;

/**
 * Applies changes in three phases: every replace, then every delete, then every create. A phase starts only when all
 * calls of the one before have ended. One refusal never stops the others; a denial stops the rest, as they would all
 * meet it.
 *
 * @param world.startLeftMs how many milliseconds from now calls may still run, asked before each of them; when none are
 *   left, the rest is skipped. DeleteRoute and ReplaceRoute hit whatever is there by then, so a plan does not keep.
 * @param world.checkpoint asked before each phase, and within one at least every 5 s: may we go on? The rest is skipped
 *   after a no, and after an answer that could not be had.
 */
export async function applyChanges(
  routeTableId: string,
  changes: readonly Change[],
  world: {
    readonly writer: RouteWriter;
    readonly now: () => Date;
    readonly startLeftMs: () => number;
    readonly checkpoint: () => Promise<boolean>;
  },
): Promise<Applied> {
  const { writer, now, startLeftMs } = world;
  const outcomes = new Map<Change, ChangeOutcome>();
  let denied = false;
  let cutShort = false;
  let checkedAt = 0;
  let checking: Promise<void> | undefined;

  const check = async (): Promise<void> => {
    checkedAt = now().getTime();
    if (!(await world.checkpoint())) cutShort = true;
  };

  /** How long the next call may take; 0 when it may not start. */
  const timeToStart = async (action: Change['action']): Promise<number> => {
    if (denied || cutShort) return 0;
    await writer.turn(action);
    if (now().getTime() - checkedAt >= checkpointKeepsMs) checking = check();
    await checking;
    const leftMs = startLeftMs();
    cutShort ||= leftMs <= 0;
    return denied || cutShort ? 0 : leftMs;
  };

  for (const action of ['replace', 'delete', 'create'] as const) {
    const phase = changes.filter((change) => change.action === action);
    if (phase.length > 0 && !denied && !cutShort) await (checking = check());
    await pMap(
      phase,
      async (change) => {
        const withinMs = await timeToStart(action);
        const outcome = withinMs > 0 ? await applyOne(routeTableId, change, withinMs, world) : skipped(change);
        denied ||= outcome.kind === 'denied';
        outcomes.set(change, outcome);
      },
      { concurrency: callsAtOnce },
    );
  }
  const inPlanOrder = changes.flatMap((change) => outcomes.get(change) ?? []);
  const uncertain = inPlanOrder.some(({ result }) => result === 'unknown');
  return { outcomes: inPlanOrder, lookAgain: !denied && (cutShort || uncertain) };
}

const skipped = (change: Change): ChangeOutcome => ({ ...changeAsJson(change), result: 'skipped' });

async function applyOne(
  routeTableId: string,
  change: Change,
  withinMs: number,
  { writer, now }: { readonly writer: RouteWriter; readonly now: () => Date },
): Promise<ChangeOutcome> {
  const startedAt = now().getTime();
  const json = changeAsJson(change);
  const answered = (): Pick<ChangeOutcome, 'ms' | 'at'> => ({
    ms: now().getTime() - startedAt,
    at: now().toISOString(),
  });
  try {
    await writer.apply(routeTableId, change, withinMs);
    return { ...json, result: 'done', ...answered() };
  } catch (error) {
    if (!(error instanceof ChangeFailed)) throw error;
    const { kind, code, message, remedy, outcomeUnknown } = error.failure;
    // The route to delete is gone: somebody was faster, or our own lost answer was a success.
    if (change.action === 'delete' && kind === 'stale') return { ...json, result: 'already', code, ...answered() };
    const result = outcomeUnknown || kind === 'stale' ? 'unknown' : 'refused';
    return { ...json, result, kind, code, message, ...(remedy && { remedy }), ...answered() };
  }
}
