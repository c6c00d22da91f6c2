import { createHash } from 'node:crypto';
import { type DesiredTable, targetsOf } from './desired.ts';
import { pausesOf } from './enforcement.ts';
import { isActive } from './ignore.ts';
import { destinationText, targetText } from '../route/route.ts';

/** Identifies what an item asks for, whatever is ordered apart from it. */
export function desiredHash(desired: DesiredTable): string {
  const { findings: _, orders: __, isLastValid: ___, ...item } = desired;
  return hashOf({ ...item, routes: routesText(desired) });
}

/**
 * Identifies the policy at `now`: what is managed, and whether it is enforced. Deletes are earned under one policy.
 *
 * The hash changes when somebody edits mode, unlisted, scope or ignore, when a pause or hold is added or removed, and when
 * an ignore entry, a pause or a hold ends by itself. A pause or hold stays in the hash for as long as it is written down
 * anywhere, even after it has ended: routes that appeared while nobody was watching did not appear under enforcement. Its
 * end is in the hash because it may be all that distinguishes it from an earlier one.
 */
export const policyHash = (desired: DesiredTable, now: Date): string => {
  const { mode, unlisted, scope, ignore, orders } = desired;
  return hashOf({
    mode,
    unlisted,
    scope: scope?.map(destinationText).sort(),
    ignore: ignore
      .filter((entry) => isActive(entry, now))
      .map(({ destination, target }) => `${destination ? destinationText(destination) : '*'} ${target ?? '*'}`)
      .sort(),
    pauses: pausesOf(desired).map((pause) => [pause.of, pause.at, pause.reason, pause.until, isActive(pause, now)]),
    holds: orders?.holds.map((hold) => [hold.destination, hold.at, hold.until, isActive(hold, now)]) ?? [],
  });
};

const routesText = ({ routes }: DesiredTable): string[] =>
  routes
    .map((route) =>
      [destinationText(route.destination), route.overrideLocal, ...targetsOf(route).map(targetText)].join(' '),
    )
    .sort();

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
