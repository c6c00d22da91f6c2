import type { ChangeJson } from './change.ts';
import type { Look } from './contest.ts';
import type { DesiredTable } from './desired.ts';
import type { ChangeOutcome } from './outcome.ts';
import { destinationText, targetText } from './route.ts';
import { causeOf } from './attribution.ts';
import { knownCause } from './drift.ts';
import { type Status, holdsOf, recordOf } from './status.ts';
import type { Findings } from './verdict.ts';

/** What of a reconcile bears on contests: the writes that put right what others had changed, and what had drifted. */
export function lookOf(
  desired: DesiredTable,
  { drifted, outcomes, calls }: Pick<Findings, 'drifted' | 'outcomes' | 'calls'>,
  before: Status | undefined,
): Look {
  const isHeal = before ? healsOver(before) : () => false;
  const healed = outcomes
    .filter((outcome) => wasWritten(outcome) && isHeal(outcome))
    .map(({ actor: _, ...outcome }) => {
      const actor = (knownCause(outcome, before?.drift) ?? causeOf(outcome, calls))?.actor;
      return { ...outcome, ...(actor && { actor }) };
    });
  return {
    healed,
    ...(drifted && { drifted: new Set(drifted.map(({ destination }) => destinationText(destination))) }),
    wanted: new Map(desired.routes.map((route) => [destinationText(route.destination), targetText(route.target)])),
  };
}

/**
 * Whether a write is known to have come about: EC2 said so, or its answer was lost and a read showed it. One of which
 * nothing was seen is no heal, however often it is tried: EC2 in trouble undoes nothing. Nor is a delete of what was gone.
 */
const wasWritten = ({ action, result }: ChangeOutcome): boolean =>
  result === 'done' || (result === 'already' && action !== 'delete');

/** Whether a write was one that no edit asked for: of what was listed with this target, or appeared in a clean table. */
function healsOver(before: Status): (change: ChangeJson) => boolean {
  const { listed, owned, cleanPolicy } = recordOf(before);
  const known = new Set(holdsOf(before).heals.map(({ destination, target }) => `${destination} ${target}`));
  return ({ destination, to }) => {
    if (known.has(`${destination} ${to}`)) return true;
    const was = owned.get(destination)?.target;
    return to === undefined
      ? cleanPolicy !== undefined && was === undefined
      : listed.has(destination) && (was === undefined || was === to);
  };
}
