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

/** How long a call has, in milliseconds from now. */
export interface CallLimits {
  /** Nothing is sent later than this, for the first time or again. */
  readonly sendWithinMs: number;
  /** Nobody waits for an answer any longer. */
  readonly withinMs: number;
}

/** The part of EC2 that changes routes. */
export interface RouteWriter {
  /** Resolves when the pace below EC2's request buckets lets one more call of this kind start. */
  turn(action: Change['action']): Promise<void>;
  /**
   * Carries out one change, or gives up when its time is over: with an unknown outcome when it has been sent and not
   * answered, as not done otherwise.
   *
   * @throws ChangeFailed and nothing else
   */
  apply(routeTableId: string, change: Change, limits: CallLimits): Promise<void>;
}

export interface Applied {
  /** In the order of the plan, one per change. */
  readonly outcomes: readonly ChangeOutcome[];
  /** The table is not, or may not be, as the plan thought it would be now: read it again before anything else. */
  readonly lookAgain: boolean;
}

/** EC2's buckets are per account and shared with everybody: a few calls at once are as fast as it lets us be. */
const callsAtOnce = 4;

/** How long a checkpoint's answer holds, from when it was asked for: nothing is sent to EC2 on an older one. */
const checkpointKeepsMs = 5_000;

/** Every call begins with at least so much of that left, as one that EC2 throttles is sent again. */
const sendingTakesMs = 2_500;

/**
 * Applies changes in three phases: every replace, then every delete, then every create. A phase starts only when all
 * calls of the one before have ended. One refusal never stops the others; a denial stops the rest, as they would all
 * meet it.
 *
 * @param world.startLeftMs how many milliseconds from now calls may still run, asked before each of them; when none are
 *   left, the rest is skipped. DeleteRoute and ReplaceRoute hit whatever is there by then, so a plan does not keep.
 * @param world.checkpoint asked before each phase, and within one at least every 5 s: may we go on? No request leaves
 *   later than 5 s after it was asked. The rest is skipped after a no, and after an answer that could not be had.
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

  const ask = async (): Promise<void> => {
    const askedAt = now().getTime();
    if (!(await world.checkpoint())) cutShort = true;
    checkedAt = askedAt;
  };
  /** Asks once for all who want to know at the same time. */
  const check = (): Promise<void> => (checking ??= ask().finally(() => (checking = undefined)));

  const isOver = (): boolean => denied || (cutShort ||= startLeftMs() <= 0);
  const sendLeftMs = (): number => checkedAt + checkpointKeepsMs - now().getTime();

  /** How long the next call may take; undefined when it may not start. */
  const timeToStart = async (action: Change['action']): Promise<CallLimits | undefined> => {
    if (isOver()) return undefined;
    await writer.turn(action);
    // Again, if the answer was so long under way that it is too old by now.
    while (!isOver() && sendLeftMs() < sendingTakesMs) await check();
    const withinMs = startLeftMs();
    return isOver() ? undefined : { withinMs, sendWithinMs: Math.min(sendLeftMs(), withinMs) };
  };

  for (const action of ['replace', 'delete', 'create'] as const) {
    const phase = changes.filter((change) => change.action === action);
    if (phase.length > 0 && !isOver()) await check();
    await pMap(
      phase,
      async (change) => {
        const limits = await timeToStart(action);
        const outcome = limits ? await applyOne(routeTableId, change, limits, world) : skipped(change);
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
  limits: CallLimits,
  { writer, now }: { readonly writer: RouteWriter; readonly now: () => Date },
): Promise<ChangeOutcome> {
  const startedAt = now().getTime();
  const json = changeAsJson(change);
  const answered = (): Pick<ChangeOutcome, 'ms' | 'at'> => ({
    ms: now().getTime() - startedAt,
    at: now().toISOString(),
  });
  try {
    await writer.apply(routeTableId, change, limits);
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
