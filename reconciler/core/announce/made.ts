import { type Actor, type ReportedCall, msSinceCall } from '../memory/call.ts';
import type { Drift } from '../memory/memory.ts';
import { mayHaveWritten } from '../route/outcome.ts';
import { type ActualRoute, destinationText, sortedBy, targetNames } from '../route/route.ts';
import type { Run } from './history.ts';

/** What is recorded of how a route came to its target. */
export interface Made {
  /** ISO 8601, UTC. When the route got its target or, if it was only found, when a read first showed it. */
  readonly at: string;
  /** `call`: somebody called EC2. `repair`: the reconciler did. `found`: a read showed it, and no event reported a call. */
  readonly how: 'call' | 'repair' | 'found';
  /** The API call of somebody else. */
  readonly call?: string;
  /** Who called or, for a repair, who made it necessary. Absent if only the item asked for it, or if nobody is known. */
  readonly actor?: Actor;
}

/** Something that is recorded about a destination. Without a target, its route was deleted. */
interface Entry extends Made {
  readonly target?: string | undefined;
}

/** What is recorded of a table: its runs, the reported calls, and drift that has not ended. */
export interface Recorded {
  readonly runs: readonly Run[];
  readonly calls: readonly ReportedCall[];
  readonly drift?: readonly Drift[];
}

/**
 * How a route came to its target. Undefined if the records do not know, or if the latest one contradicts the route: then
 * something happened that nothing recorded.
 */
export function madeBy(route: ActualRoute, { runs, calls, drift = [] }: Recorded): Made | undefined {
  const destination = destinationText(route.destination);
  const entries = [
    ...runs.flatMap((run) => entriesOfRun(run, destination)),
    ...calls.flatMap((call) => entriesOfCall(call, destination)),
    ...drift.flatMap((one) => entriesOfDrift(one, destination)),
  ];
  const names = targetNames(route);
  const isOfRoute = ({ target }: Entry): boolean => target !== undefined && names.includes(target);
  const newestFirst = sortedBy(entries, ({ at }) => at).toReversed();
  const [newest] = newestFirst;
  if (!newest) return undefined;
  // Calls have whole seconds, so the order within a second is unknown.
  const from = newestFirst.findIndex((entry) => isOfRoute(entry) && msSinceCall(entry.at, newest.at) === 0);
  if (from < 0) return undefined;
  // Later calls for the same target changed nothing.
  const later = newestFirst.slice(from).findIndex((entry) => !isOfRoute(entry));
  const made = newestFirst[later < 0 ? newestFirst.length - 1 : from + later - 1];
  if (!made) return undefined;
  const { target: _, ...rest } = made;
  return rest;
}

const entriesOfRun = (run: Run, destination: string): Entry[] =>
  run.outcome
    .filter((outcome) => outcome.destination === destination && outcome.result !== 'already' && mayHaveWritten(outcome))
    .map(({ at, to, actor }) => ({
      at: at ?? run.appliedAt ?? run.detectedAt,
      how: 'repair',
      target: to,
      ...(actor && actor !== 'unattributed' && { actor }),
    }));

function entriesOfCall(call: ReportedCall, destination: string): Entry[] {
  if (call.about !== 'route' || call.destination !== destination) return [];
  return [
    { at: call.time, how: 'call', call: call.name, target: call.target, ...(call.actor && { actor: call.actor }) },
  ];
}

/** The change that would repair drift begins with what somebody made. */
function entriesOfDrift({ destination: where, from, foundAt, cause }: Drift, destination: string): Entry[] {
  if (where !== destination || from === undefined) return [];
  if (!cause) return [{ at: foundAt, how: 'found', target: from }];
  return [{ at: cause.time, how: 'call', call: cause.name, target: from, ...(cause.actor && { actor: cause.actor }) }];
}
