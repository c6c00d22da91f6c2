import type { Change } from './change.ts';
import type { DesiredRoute } from './desired.ts';
import { activeHold } from './enforcement.ts';
import type { Finding } from './finding.ts';
import { isActive, meets } from './ignore.ts';
import {
  type Circumstances,
  type LeftAloneReason,
  type StaticRoute,
  ignoringEntry,
  isKnownDead,
  localReason,
  overriddenByUs,
  whyNotDelete,
  whyNotReplace,
} from './ours.ts';
import { destinationText, sameTarget, targetText } from './route.ts';
import type { LeftAlone } from './slots.ts';

/** The decision about one destination. */
export interface Decision {
  readonly change?: Change;
  readonly unchanged?: true;
  readonly leftAlone?: LeftAlone;
  readonly findings?: readonly Finding[];
}

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
  if (sameTarget(target, slot)) return { unchanged: true, findings: health(slot, on) };
  const reason = whyNotReplace(wanted, slot, on);
  if (!reason) return { change: { action: 'replace', destination, from: slot, to: target } };
  if (reason === 'healed-into-blackhole') return notAgain(wanted, slot);
  const entry = reason === 'ignored' ? ignoringEntry(slot, on) : undefined;
  return entry?.until ? suspended(wanted, slot, entry, 'ignored') : notOurs(wanted, slot, reason);
}

/** Decides about a static route whose destination is not listed. */
export function decideUnlisted(slot: StaticRoute, on: Circumstances): Decision {
  const reason = whyNotDelete(slot, on);
  if (!reason) return { change: { action: 'delete', destination: slot.destination, from: slot } };
  const leftAlone = { route: slot, reason };
  if (reason !== 'local-overridden' || !overriddenByUs(slot, on)) return { leftAlone };
  const destination = destinationText(slot.destination);
  const message = `${destination} still overrides the local route because an earlier version of the item asked for it; to reset it, list it with target local`;
  return {
    leftAlone,
    findings: [{ code: 'local-override-left', destination, target: targetText(slot.target), message }],
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
  return {
    findings: [findingAt(wanted, 'ignored-until', `${what}${end}: ${reason}`)],
    ...(slot && { leftAlone: { route: slot, reason: localReason(slot) ?? because } }),
  };
}

function notOurs(wanted: DesiredRoute, route: StaticRoute, reason: LeftAloneReason): Decision {
  const isLocal = reason === 'local' || reason === 'local-overridden';
  const sentence = isLocal
    ? 'is the local route of a VPC CIDR block; to retarget it, set overrideLocal: true'
    : `has a route to ${targetText(route.target)} that is not ours to change (${reason})`;
  return { leftAlone: { route, reason }, findings: [findingAt(wanted, 'not-ours', sentence)] };
}

function absent(wanted: DesiredRoute, on: Circumstances): Decision {
  const { destination, target } = wanted;
  if (target.kind === 'local') return withoutLocalRoute(wanted);
  // While a dead route is absent, a wider route may carry the traffic. Somebody may have deleted the dead route for
  // that reason, so do not create it again.
  return isKnownDead(wanted, on) ? notAgain(wanted) : { change: { action: 'create', destination, to: target } };
}

function notAgain(wanted: DesiredRoute, route?: StaticRoute): Decision {
  const until = `until the item or ${targetText(wanted.target)} changes`;
  const sentence = route
    ? `works through ${targetText(route.target)} and is left alone ${until}: an earlier replace with that target dropped its traffic`
    : `was deleted and is not created again ${until}: an earlier replace with that target dropped its traffic`;
  return {
    ...(route && { leftAlone: { route, reason: 'healed-into-blackhole' } }),
    findings: [findingAt(wanted, 'healed-into-blackhole', sentence)],
  };
}

const withoutLocalRoute = (wanted: DesiredRoute): Decision => ({
  findings: [
    findingAt(
      wanted,
      'no-local-route',
      'has no local route: EC2 creates local routes only for the CIDR blocks of the VPC; remove the route from the item',
    ),
  ],
});

function health(slot: StaticRoute, { record }: Circumstances): Finding[] {
  if (slot.state !== 'blackhole' && slot.state !== 'filtered') return [];
  const destination = destinationText(slot.destination);
  const target = targetText(slot.target);
  if (slot.state === 'blackhole' && record?.replaced.has(destination)) {
    const message = `${destination} worked until it was replaced as desired; its new target ${target} drops the traffic: correct the item or restore that target`;
    return [{ code: 'healed-into-blackhole', destination, target, message }];
  }
  const consequence = {
    blackhole: 'but that target is gone or detached: traffic is dropped until the target is back',
    filtered: 'but EC2 reports the route as filtered: it may not forward traffic',
  }[slot.state];
  const message = `${destination} is routed to ${target} as desired, ${consequence}`;
  return [{ code: slot.state, destination, target, message }];
}

function findingAt(wanted: DesiredRoute, code: Finding['code'], sentence: string): Finding {
  const destination = destinationText(wanted.destination);
  return { code, destination, target: targetText(wanted.target), message: `${destination} ${sentence}` };
}
