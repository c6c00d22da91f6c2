import type { ShownPhase } from '../reconciler/core/status/freshness.ts';
import type { Run, RunOutcome } from '../reconciler/core/announce/history.ts';
import type { LastDrift } from '../reconciler/core/memory/memory.ts';
import { type Actor, msSinceCall } from '../reconciler/core/memory/call.ts';
import type { Hold } from '../reconciler/core/desired/orders.ts';
import type { Status } from '../reconciler/core/status/status.ts';
import { isDone } from '../reconciler/core/route/outcome.ts';
import { type Html, html } from './html.ts';

/** A time in readable form: UTC, to the second. */
export const secondsOf = (iso: string): string => iso.slice(0, 19).replace('T', ' ');

export const timeOf = (iso: string | undefined): Html | undefined =>
  iso === undefined ? undefined : html`<time datetime="${iso}">${secondsOf(iso)}</time>`;

/** A duration in its two largest units. */
export function lengthOf(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The time since a call. CloudTrail reports only the second of the call, so a finer figure would be made up. */
export function lengthSinceCall(calledAt: string, until: string): string {
  const ms = msSinceCall(calledAt, until);
  if (ms === 0) return 'less than 1 s';
  return ms < 60_000 ? `${ms / 1_000} s` : lengthOf(ms);
}

/**
 * How long a drift lasted: from the call that caused it if an event reported one, else from the read that found it.
 * Undefined while the drift lasts.
 */
export function healedIn({ calledAt, foundAt, appliedAt, healedAt }: LastDrift): string | undefined {
  const end = appliedAt ?? healedAt;
  if (end === undefined) return undefined;
  if (calledAt !== undefined) return lengthSinceCall(calledAt, end);
  return end === foundAt ? 'as found' : lengthOf(Date.parse(end) - Date.parse(foundAt));
}

/** Whether and when a drift was repaired. */
export const repairOf = (lastDrift: LastDrift): string => {
  const time = healedIn(lastDrift);
  if (lastDrift.appliedAt === undefined && time !== undefined && time !== 'as found') return `ended after ${time}`;
  return time === undefined
    ? 'not repaired yet'
    : time === 'as found'
      ? 'repaired when it was found'
      : `repaired in ${time}`;
};

/**
 * How long the repairs of a run took: from the call that triggered it, if that call made them necessary. Undefined if
 * the run repaired nothing.
 */
export function repairTimeOf({ outcome, appliedAt, trigger, actor, detectedAt }: Run): string | undefined {
  const repairs = outcome.filter(isDone);
  if (appliedAt === undefined || repairs.length === 0) return undefined;
  const isCause = repairs.some((one) => actor && one.actor !== 'unattributed' && one.actor?.arn === actor.arn);
  return isCause && trigger.time !== undefined
    ? lengthSinceCall(trigger.time, appliedAt)
    : lengthOf(Date.parse(appliedAt) - Date.parse(detectedAt));
}

/** Follows the named actor, who must not be blamed for drift that others caused. */
export const andOthers = ({ others }: LastDrift): string => (others ? ' and others' : '');

/** The distinguishing part of an actor's ARN: session, role and session, or user. */
export const nameOfActor = ({ arn }: Actor): string =>
  (arn.split(':').at(-1) ?? arn).replace(/^(assumed-role|user)\//, '').replace(/^AWSReservedSSO_[^/]*\//, '');

/** An actor by name. Hovering shows the full details. */
export const actorOf = (actor: Actor): Html => {
  const { arn, sourceIp, userAgent, invokedBy } = actor;
  const more = [arn, sourceIp && `from ${sourceIp}`, userAgent && `with ${userAgent}`, invokedBy && `by ${invokedBy}`];
  return html`<span class="rr-long" title="${more.filter(Boolean).join(' ')}">${nameOfActor(actor)}</span>`;
};

/** What made a change necessary, if nobody but the item did. */
export const onlyTheItem = 'the item asks for it';

/** Who made a change necessary, by name. */
export const nameOfCause = ({ actor }: Pick<RunOutcome, 'actor'>): string =>
  actor === undefined ? onlyTheItem : actor === 'unattributed' ? 'not reported by any event' : nameOfActor(actor);

/** All known details of an actor. */
export const actorInFull = ({ arn, sourceIp, userAgent, invokedBy }: Actor): Html =>
  html`<code class="rr-long">${arn}</code>${sourceIp !== undefined && html` from <code>${sourceIp}</code>`}${
      userAgent !== undefined && html` with ${userAgent}`
    }${invokedBy !== undefined && html` through ${invokedBy}`}`;

/** Who caused the drift that a change repaired. */
export const whoCaused = ({ actor }: { readonly actor?: RunOutcome['actor'] }): Html | string =>
  actor === undefined || actor === 'unattributed' ? 'not reported by any event' : actorInFull(actor);

/** Why nothing in a table is changed. Undefined if the table is enforced. */
export function haltOf({ mode, pause }: Pick<Status, 'mode' | 'pause'>): string | undefined {
  if (!pause) return mode && `Mode ${mode}: drift is only reported`;
  const { reason, of, by, until } = pause;
  const who = by === undefined ? '' : ` by ${by}`;
  const end = until === undefined ? '' : ` until ${secondsOf(until)} UTC`;
  return `${of === 'fleet' ? 'Stopped with all tables' : 'Paused'}${who}${end}: ${reason}`;
}

/** A destination that is left as it is, and for how long. */
export function heldText({ destination, by, until, reason }: Hold): string {
  const who = by === undefined ? '' : ` by ${by}`;
  const end = until === undefined ? '' : ` until ${secondsOf(until.toISOString())} UTC`;
  return `${destination} is held${who}${end}: ${reason}`;
}

/** One character for each phase. */
export const symbols: Readonly<Record<ShownPhase, string>> = {
  InSync: '✓',
  Degraded: '↓',
  Verifying: '…',
  Drifted: '≠',
  Contested: '⇄',
  Blocked: '⊘',
  Failed: '✕',
  Invalid: '!',
  Missing: '∅',
  Unmanaged: '–',
  Unknown: '?',
};

/** A phase as symbol, word and colour; the word alone is sufficient. */
export const phaseBadge = (phase: ShownPhase): Html =>
  html`<span class="rr-phase rr-${phase}"><span aria-hidden="true">${symbols[phase]}</span> ${phase}</span>`;
