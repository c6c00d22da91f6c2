import pMap from 'p-map';
import { type Change, changeAsJson } from './core/route/change.ts';
import type { ChangeOutcome, FailureKind } from './core/route/outcome.ts';
import type { Lane } from './core/plan/pace.ts';

export interface Failure {
  readonly kind: FailureKind;
  readonly code: string;
  readonly message: string;
  /** The call may have been carried out anyway: read the table before doing anything else. */
  readonly outcomeUnknown: boolean;
  /** What a person can do about it. */
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

/** Time limits of one call, in milliseconds from now. */
export interface CallLimits {
  /** No request and no retry is sent later than this. */
  readonly sendWithinMs: number;
  /** After this, the caller stops waiting for an answer. */
  readonly withinMs: number;
}

/** The part of EC2 that changes routes. */
export interface RouteWriter {
  /**
   * Carries out one change, or gives up when its time is over. If the request was sent and not answered, the outcome is
   * then unknown. If it was not sent, the change was not made.
   *
   * @throws ChangeFailed and nothing else
   */
  apply(routeTableId: string, change: Change, limits: CallLimits): Promise<void>;
}

/** The pace of our changes: it stays below the limits of EC2's request buckets. Nothing here ever throws. */
export interface Pace {
  /** Resolves when one more call may start, or with false as soon as it is clear that none may start in time. */
  readonly turn: (action: Change['action'], lane: Lane, withinMs: number) => Promise<boolean>;
  /** EC2 throttled a call. */
  readonly throttled: (action: Change['action']) => Promise<void>;
  /** Books the turns of `changes` calls that follow from an edit. Returns when they are likely to start, if that is known. */
  readonly book: (action: Change['action'], changes: number) => Promise<Date | undefined>;
}

export interface Applied {
  /** One per change, in plan order. */
  readonly outcomes: readonly ChangeOutcome[];
  /** The table may not be in the state that the plan expects: read it again before anything else. */
  readonly lookAgain: boolean;
  /** Changes that were skipped because no turn of their lane came in time. */
  readonly noTurn: readonly Change[];
}

/** EC2's request buckets are per account and shared by all callers, so more than a few calls at once gain nothing. */
const callsAtOnce = 4;

/** How long an answer of the checkpoint is valid, from the moment of asking. No request is sent on an older answer. */
const checkpointKeepsMs = 5_000;

/** The minimum of that time that must be left when a call starts, because a call that EC2 throttles is sent again. */
const sendingTakesMs = 2_500;

/** No change waits so long for its turn that less time than this is left for its call: then its outcome might be unknown. */
const callTakesMs = 1_000;

/**
 * Applies changes in three phases: every replace, then every delete, then every create. A phase starts only when all
 * calls of the previous phase have ended. A refused change does not stop the others. A denied change stops the rest,
 * because they would be denied as well. When a change gets no turn in time, the rest of its lane is skipped: so no create
 * of an edit overtakes its deletes.
 *
 * @param world.turn resolves when a change may be sent, or with false if that is not in time
 * @param world.startLeftMs asked before each call: for how many milliseconds from now may calls still run? When none
 *   are left, the rest is skipped. A plan goes stale, because DeleteRoute and ReplaceRoute hit whatever route is there
 *   when they run.
 * @param world.checkpoint asked before each phase, and at least every 5 s within a phase: may we go on? No request
 *   leaves later than 5 s after the question. The rest is skipped when the answer is no or cannot be had.
 */
export async function applyChanges(
  routeTableId: string,
  changes: readonly Change[],
  world: {
    readonly writer: RouteWriter;
    readonly turn: Pace['turn'];
    readonly laneOf: (change: Change) => Lane;
    readonly now: () => Date;
    readonly startLeftMs: () => number;
    readonly checkpoint: () => Promise<boolean>;
  },
): Promise<Applied> {
  const { turn, laneOf, now, startLeftMs } = world;
  const outcomes = new Map<Change, ChangeOutcome>();
  const closed = new Set<Lane>();
  const noTurn: Change[] = [];
  let denied = false;
  let cutShort = false;
  let checkedAt = 0;
  let checking: Promise<void> | undefined;

  const ask = async (): Promise<void> => {
    const askedAt = now().getTime();
    if (!(await world.checkpoint())) cutShort = true;
    checkedAt = askedAt;
  };
  /** Callers that ask at the same time share one question. */
  const check = (): Promise<void> => (checking ??= ask().finally(() => (checking = undefined)));

  const isOver = (): boolean => denied || (cutShort ||= startLeftMs() <= 0);
  const sendLeftMs = (): number => checkedAt + checkpointKeepsMs - now().getTime();

  /** How long the next call may take; undefined when it may not start. */
  const timeToStart = async (change: Change): Promise<CallLimits | undefined> => {
    if (isOver()) return undefined;
    const lane = laneOf(change);
    if (closed.has(lane) || !(await turn(change.action, lane, startLeftMs() - callTakesMs))) {
      closed.add(lane);
      noTurn.push(change);
      return undefined;
    }
    // Ask again if the answer took so long that it had expired when it arrived.
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
        const limits = await timeToStart(change);
        const outcome = limits ? await applyOne(routeTableId, change, limits, world) : skipped(change);
        denied ||= outcome.kind === 'denied';
        outcomes.set(change, outcome);
      },
      { concurrency: callsAtOnce },
    );
  }
  const inPlanOrder = changes.flatMap((change) => outcomes.get(change) ?? []);
  const uncertain = inPlanOrder.some(({ result }) => result === 'unknown');
  return { outcomes: inPlanOrder, lookAgain: !denied && (cutShort || uncertain), noTurn };
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
    // The route is already gone: somebody else deleted it, or an earlier call of ours succeeded and its answer was
    // lost.
    if (change.action === 'delete' && kind === 'stale') return { ...json, result: 'already', code, ...answered() };
    const result = outcomeUnknown || kind === 'stale' ? 'unknown' : 'refused';
    return { ...json, result, kind, code, message, ...(remedy && { remedy }), ...answered() };
  }
}
