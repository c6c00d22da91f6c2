import { createHash } from 'node:crypto';
import type { DesiredTable } from './desired.ts';
import { pausesOf } from './enforcement.ts';
import { isActive } from './ignore.ts';
import { destinationText, targetText } from './route.ts';

/** Identifies what an item asks for, whatever is ordered apart from it. */
export function desiredHash(desired: DesiredTable): string {
  const { findings: _, orders: __, ...item } = desired;
  return hashOf({ ...item, routes: routesText(desired) });
}

/**
 * Identifies the rules under which deletes are earned: what is managed, and whether it is enforced, at `now`. It changes
 * with an edit of mode, unlisted, scope or ignore, with a pause or a hold, and when an ignore entry, a pause or a hold
 * ends by itself. A pause or hold leaves its mark for as long as it stands somewhere, also when it has ended: what came
 * under it did not appear by itself. Its end tells it from one before it, where nothing else does.
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
    .map(({ destination, target, overrideLocal }) =>
      [destinationText(destination), targetText(target), overrideLocal].join(' '),
    )
    .sort();

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
