import { transitions } from '../../../../reconciler/core/announce/transitions.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import type { ChangeOutcome } from '../../../../reconciler/core/route/outcome.ts';
import type { State, Status } from '../../../../reconciler/core/status/status.ts';
import { routeTableId } from '../../../support/builders.ts';
import { at, destination, memory } from '../status/given.ts';

interface Given extends Partial<Status> {
  readonly minute?: number;
  readonly memory?: Partial<Memory>;
}

export const emptyPlan = {
  routeTableId,
  inSync: true,
  planId: 'b1946ac92492',
  changes: [],
  unchanged: 1,
  leftAlone: [],
  findings: [],
} as const;

/** A state with this remembered of one destination. */
export const state = (remembered: Remembered = {}, given: Given = {}): State =>
  stateOf({ [destination]: remembered }, given);

export function stateOf(destinations: Readonly<Record<string, Remembered>>, given: Given = {}): State {
  const { minute = 0, memory: more, ...status } = given;
  const shown = {
    routeTableId,
    phase: 'InSync',
    reason: 'every route is as desired',
    plan: emptyPlan,
    failures: [],
    trigger: { kind: 'sweep' },
    checkedAt: at(minute),
    changedAt: at(0),
  } as const;
  return { status: { ...shown, ...status }, memory: memory(destinations, more) };
}

/** What is new after a reconcile that began with `before`. */
export const between = (
  before: State | undefined,
  after: State,
  outcomes: readonly ChangeOutcome[] = [],
  calls: readonly ReportedCall[] = [],
) => transitions(before, after, { outcomes, calls, recent: calls });
