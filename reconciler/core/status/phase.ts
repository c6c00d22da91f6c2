import type { DesiredTable } from '../desired/desired.ts';
import { activePause, isEnforced } from '../desired/enforcement.ts';
import { isOutOfSync } from '../desired/finding.ts';
import type { Problem } from '../desired/problem.ts';
import { isStateChange } from '../memory/call.ts';
import { type Cause, type Down, type Memory, rememberedAt } from '../memory/memory.ts';
import type { Plan } from '../plan/plan.ts';
import { counted } from '../route/counted.ts';
import { type ChangeOutcome, mayHaveWritten } from '../route/outcome.ts';
import type { Contested, Failure, Status } from './status.ts';

// The phase of a table, and the one sentence that says why.

/** What decides the phase, besides the plan. */
interface Looked {
  /** Nothing is left that may be tried now. */
  readonly isDone: boolean;
  readonly failures: readonly Failure[];
  readonly contested: readonly Contested[];
  readonly outcomes: readonly ChangeOutcome[];
  readonly memory: Memory;
  readonly now: Date;
  /** The rest of an edit waits for its turn until this time. */
  readonly turnAt?: Date | undefined;
}

/** Which phase a table is in, and why. Whatever the phase, the reason says which listed routes drop their traffic. */
export function phaseOf(desired: DesiredTable, plan: Plan, on: Looked): Pick<Status, 'phase' | 'reason'> {
  const degraded = degradedBecause(plan, on.memory);
  const { phase, reason } = mostSerious(desired, plan, on, degraded);
  return { phase, reason: degraded === undefined || phase === 'Degraded' ? reason : `${reason}; ${degraded}` };
}

function mostSerious(
  desired: DesiredTable,
  plan: Plan,
  { isDone, failures, contested, outcomes, now, turnAt }: Looked,
  degraded: string | undefined,
): Pick<Status, 'phase' | 'reason'> {
  const made = outcomes.filter(mayHaveWritten).length;
  if (!isEnforced(desired, now) && !plan.inSync && made === 0)
    return { phase: 'Drifted', reason: `drift is only reported: ${whyNotEnforced(desired, now)}` };
  const [failure] = failures;
  if (failure) {
    const { action, destination, remedy, message, code } = failure;
    const more = failures.length > 1 ? `, and ${failures.length - 1} more` : '';
    const left = waitsText(plan);
    return {
      phase: 'Failed',
      reason: `could not ${action} ${destination}: ${remedy ?? message ?? code}${more}${left}`,
    };
  }
  const [contest] = contested;
  if (contest) return { phase: 'Contested', reason: contestedBecause(contest, now) };
  if (!isDone && turnAt) {
    const until = `until about ${turnAt.toISOString()}`;
    return {
      phase: 'Verifying',
      reason: `the rest of an edit waits for its turn ${until}: all functions together stay below EC2's request limits`,
    };
  }
  if (!isDone) return { phase: 'Verifying', reason: 'the plan is applied in part: the rest follows' };
  if (plan.blocked) return { phase: 'Blocked', reason: plan.blocked.message };
  if (made > 0) return { phase: 'Verifying', reason: `${counted(made, 'change')} made, not seen in a read yet` };
  const finding = plan.findings.find((one) => isOutOfSync(one) && one.code !== 'target-down');
  if (degraded !== undefined && !finding && plan.changes.length === 0) return { phase: 'Degraded', reason: degraded };
  if (plan.inSync) return { phase: 'InSync', reason: inSyncBecause(plan) };
  // A pause may end between the read and this conclusion: then nothing was tried yet.
  return finding
    ? { phase: 'Failed', reason: finding.message }
    : { phase: 'Verifying', reason: 'the plan is not applied yet: the table is read again' };
}

function inSyncBecause({ findings }: Plan): string {
  const { length } = findings.filter(({ code }) => code === 'on-alternate');
  const elsewhere =
    length === 0 ? '' : `; ${counted(length, 'route')} ${length === 1 ? 'runs on an alternate' : 'run on alternates'}`;
  return `every route is as desired${elsewhere}`;
}

/** Why listed routes drop their traffic or run on another target, and who caused that. */
function degradedBecause({ findings }: Plan, memory: Memory): string | undefined {
  const [first, ...others] = ['target-down', 'blackhole'].flatMap((code) =>
    findings.filter((finding) => finding.code === code),
  );
  if (!first) return undefined;
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  return `${first.message}${causedBy(rememberedAt(memory, first.destination ?? '').down)}${more}`;
}

/** Calls that delete a target for ever. Gateways can be attached to a VPC again. */
const deletesForEver = /^(Delete(?!TransitGatewayVpcAttachment|LocalGatewayRouteTableVpcAssociation)|RejectVpcPeering)/;

/** What ends an instance for ever. Its interface may outlive it, and can be attached to another instance. */
const endsInstance = /^TerminateInstances$|: (shutting-down|terminated)$/;

/** Who took a listed target down and who moved the route, and when, as far as events report it. */
export function causedBy(down: Down | undefined): string {
  if (!down) return '';
  const { target, since, takenDown, moved } = down;
  const by = ({ name, actor, time }: Cause): string => `${name} of ${actor?.arn ?? 'somebody'} at ${time}`;
  const isFinal =
    takenDown !== undefined &&
    (deletesForEver.test(takenDown.name) || (target.startsWith('i-') && endsInstance.test(takenDown.name)));
  const end = isFinal ? ': it will not come back, list another target' : '';
  return [
    takenDown
      ? isStateChange(takenDown)
        ? `the instance of ${target} went down at ${takenDown.time}, and no event names a caller${end}`
        : `${by(takenDown)} took ${target} down${end}`
      : `${target} was first seen down at ${since}, and no event reports a cause`,
    ...(moved ? [`${by(moved)} moved the route`] : []),
  ]
    .map((part) => `; ${part}`)
    .join('');
}

/** Names the deletes that wait for creates. */
function waitsText({ waiting: [first, ...others] = [] }: Plan): string {
  if (!first) return '';
  const until = `until a read shows ${first.creates[0]}`;
  return others.length === 0
    ? `; the delete of ${first.destination} waits ${until}`
    : `; the deletes of ${first.destination} and ${others.length} more wait, the first ${until}`;
}

function whyNotEnforced(desired: DesiredTable, now: Date): string {
  const pause = activePause(desired, now);
  if (!pause) return 'the item is in mode observe';
  const by = pause.by === undefined ? '' : ` (by ${pause.by})`;
  return `${pause.of === 'fleet' ? 'all tables are stopped' : 'the table is paused'}: ${pause.reason}${by}`;
}

function contestedBecause({ destination, repairs, by, until }: Contested, now: Date): string {
  const others = by.length > 0 ? by.map(({ arn }) => arn).join(', ') : 'somebody whom no event names';
  const next = Date.parse(until) > now.getTime() ? `; it is not repaired before ${until}` : '';
  return `${destination} was repaired ${repairs} times in short order and changed again by ${others}${next}`;
}

export function invalidBecause([first, ...others]: readonly Problem[]): string {
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `the desired item is invalid: ${first?.path}: ${first?.message}, found ${first?.found}${more}`;
}
