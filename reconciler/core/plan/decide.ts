import type { Change } from '../route/change.ts';
import { type DesiredRoute, listedTargetOf } from '../desired/desired.ts';
import { activeHold } from '../desired/enforcement.ts';
import { doubtAbout } from './doubt.ts';
import { isDead, rescueFor, targetFor } from './down.ts';
import type { Finding } from '../desired/finding.ts';
import { isActive, meets } from '../desired/ignore.ts';
import type { LeftAloneReason } from '../memory/memory.ts';
import {
  type Circumstances,
  ignoringEntry,
  localReason,
  overriddenByUs,
  isRetargetedLocal,
  isUnread,
  whyLeftAlone,
  whyNotReplace,
} from './ownership.ts';
import { type StaticRoute, type Target, destinationText, targetText } from '../route/route.ts';
import type { LeftAlone } from './slots.ts';

/** The decision about one destination, with what an operator should know about it. */
export type Decision = { readonly findings: readonly Finding[] } & (
  | { readonly kind: 'change'; readonly change: Change }
  /** The listed route is as desired. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'left-alone'; readonly route: LeftAlone }
  /** There is no route, and none is created. */
  | { readonly kind: 'absent' }
);

const changed = (change: Change, findings: readonly Finding[] = []): Decision => ({ kind: 'change', change, findings });

/** A route that is not changed. `route` is undefined where there is none. */
const untouched = (route: StaticRoute | undefined, reason: LeftAloneReason, findings: readonly Finding[]): Decision =>
  route ? { kind: 'left-alone', route: { route, reason }, findings } : { kind: 'absent', findings };

/** Decides about a listed destination. `slot` is the static route of that destination, if there is one. */
export function decideListed(wanted: DesiredRoute, slot: StaticRoute | undefined, on: Circumstances): Decision {
  const { destination, target } = wanted;
  const hold = activeHold(on.desired, destination, on.now);
  if (hold) return suspended(wanted, slot, hold, 'held');
  const suspension = on.desired.ignore.find(
    (entry) => isActive(entry, on.now) && meets(entry, destination, [targetText(target)]),
  );
  if (suspension) return suspended(wanted, slot, suspension, 'ignored');
  if (!slot) return absent(wanted, on);
  const current = listedTargetOf(wanted, slot);
  if (current) return asListed(wanted, slot, current, on);
  const reason = whyNotReplace(wanted, slot, on);
  if (!reason)
    return changed({ action: 'replace', destination, from: slot, to: targetFor(wanted, slot, on) ?? target });
  if (reason === 'target-down') return targetDown(wanted, slot, on);
  const entry = reason === 'ignored' ? ignoringEntry(slot, on) : undefined;
  return entry?.until ? suspended(wanted, slot, entry, 'ignored') : notOurs(wanted, slot, reason, on);
}

/** Decides about a static route whose destination is not listed. */
export function decideUnlisted(slot: StaticRoute, on: Circumstances): Decision {
  const reason = whyLeftAlone(slot, on);
  if (!reason)
    return isRetargetedLocal(slot, on)
      ? changed({ action: 'replace', destination: slot.destination, from: slot, to: { kind: 'local' } })
      : changed({ action: 'delete', destination: slot.destination, from: slot });
  return untouched(slot, reason, reason === 'local-overridden' ? [localOverride(slot, on)] : []);
}

function localOverride(slot: StaticRoute, on: Circumstances): Finding {
  const destination = destinationText(slot.destination);
  const target = targetText(slot.target);
  return overriddenByUs(slot, on)
    ? {
        code: 'local-override-left',
        destination,
        target,
        message: `${destination} still overrides the local route because an earlier version of the item asked for it; to reset it, list it with target local`,
      }
    : {
        code: 'local-overridden',
        destination,
        target,
        message: `the local route ${destination} leads to ${target} since before this table was adopted; to reset it, list it with target local; to keep it, list it with overrideLocal: true`,
      };
}

function suspended(
  wanted: DesiredRoute,
  slot: StaticRoute | undefined,
  { reason, until }: { readonly reason: string; readonly until?: Date },
  because: 'held' | 'ignored',
): Decision {
  const what = because === 'held' ? 'is held' : 'is suspended';
  const end = until ? ` until ${until.toISOString()}` : '';
  const finding = findingAt(wanted, 'ignored-until', `${what}${end}: ${reason}`);
  return untouched(slot, (slot && localReason(slot)) ?? because, [finding]);
}

function notOurs(wanted: DesiredRoute, route: StaticRoute, reason: LeftAloneReason, on: Circumstances): Decision {
  const isLocal = reason === 'local' || reason === 'local-overridden';
  const target = targetText(route.target);
  const doubt = reason === 'maybe-not-ours' && doubtAbout(route, on.actual);
  const sentence = isLocal
    ? 'is the local route of a VPC CIDR block; to retarget it, set overrideLocal: true'
    : doubt
      ? `has a route to ${target} that may belong to somebody else: it ${doubt.because}; approve the route to have it replaced, or take the destination out of routes`
      : isUnread(route)
        ? `has a route whose target cannot be read (${target}): delete the route, and the listed one is created, or take the destination out of routes`
        : `has a route to ${target} that is not ours to change (${reason})`;
  return untouched(route, reason, [findingAt(wanted, 'not-ours', sentence)]);
}

function absent(wanted: DesiredRoute, on: Circumstances): Decision {
  const { destination, target } = wanted;
  if (target.kind === 'local') return withoutLocalRoute(wanted);
  return changed({ action: 'create', destination, to: targetFor(wanted, undefined, on) ?? target });
}

/** A route with its listed target or an alternate. It stays there, unless that is a blackhole and another one is alive. */
function asListed(wanted: DesiredRoute, slot: StaticRoute, current: Target, on: Circumstances): Decision {
  const { destination } = wanted;
  const isDropping = slot.state === 'blackhole';
  const rescue = isDropping && !whyNotReplace(wanted, slot, on) ? rescueFor(wanted, current, on) : undefined;
  const findings = [
    ...health(wanted, slot, rescue),
    ...(current === wanted.target || isDropping ? [] : [onAlternate(wanted, current)]),
  ];
  return rescue
    ? changed({ action: 'replace', destination, from: slot, to: rescue, because: 'target-down' }, findings)
    : { kind: 'unchanged', findings };
}

function onAlternate(wanted: DesiredRoute, alternate: Target): Finding {
  const destination = destinationText(wanted.destination);
  const target = targetText(alternate);
  const message = `${destination} runs on ${target}, an alternate of ${targetText(wanted.target)}, and stays there`;
  return { code: 'on-alternate', destination, target, message };
}

/** A working route that is not replaced with a dead target. */
function targetDown(wanted: DesiredRoute, route: StaticRoute, on: Circumstances): Decision {
  const target = targetText(wanted.target);
  const why = isDead(wanted, on)
    ? `EC2 shows that ${target} cannot carry its traffic now`
    : `${target} was down, and the route moves back when it has been up for 5 minutes`;
  const sentence = `works through ${targetText(route.target)} and is left alone: ${why}`;
  return untouched(route, 'target-down', [findingAt(wanted, 'target-down', sentence)]);
}

const withoutLocalRoute = (wanted: DesiredRoute): Decision => ({
  kind: 'absent',
  findings: [
    findingAt(
      wanted,
      'no-local-route',
      'has no local route: EC2 creates local routes only for the CIDR blocks of the VPC; remove the route from the item',
    ),
  ],
});

function health({ alternates }: DesiredRoute, slot: StaticRoute, rescue: Target | undefined): Finding[] {
  if (slot.state !== 'blackhole' && slot.state !== 'filtered') return [];
  const destination = destinationText(slot.destination);
  const target = targetText(slot.target);
  const end = rescue
    ? `the route moves to ${targetText(rescue)}, which is up`
    : `traffic is dropped; ${alternates.length > 0 ? 'restore one of its targets' : 'restore the target or, if it was deleted, list another one'}`;
  const consequence = {
    blackhole: `but that target is gone or detached: ${end}`,
    filtered: 'but EC2 reports the route as filtered: it may not forward traffic',
  }[slot.state];
  const message = `${destination} is routed to ${target} as desired, ${consequence}`;
  return [{ code: slot.state, destination, target, message }];
}

function findingAt(wanted: DesiredRoute, code: Finding['code'], sentence: string): Finding {
  const destination = destinationText(wanted.destination);
  return { code, destination, target: targetText(wanted.target), message: `${destination} ${sentence}` };
}
