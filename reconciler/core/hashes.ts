import { createHash } from 'node:crypto';
import type { DesiredTable } from './desired.ts';
import { isActive } from './ignore.ts';
import { destinationText, targetText } from './route.ts';

/** Identifies what an item asks for. `approvedPlan` does not count: writing an approval changes nothing else. */
export function desiredHash(desired: DesiredTable): string {
  const { findings: _, approvedPlan: __, ordered: ___, ...item } = desired;
  return hashOf({ ...item, routes: routesText(desired) });
}

/**
 * Identifies the rules under which deletes are earned: what is managed, and whether it is enforced, at `now`. It changes
 * with an edit of mode, unlisted, scope or ignore, with a pause, and when an ignore entry or a pause ends by itself. A
 * pause leaves its mark for as long as it stands somewhere, also when it has ended: what came while nobody looked did not
 * appear under enforcement. Its end tells it from one before it, where nothing else does.
 */
export const policyHash = ({ mode, unlisted, scope, ignore, paused, ordered }: DesiredTable, now: Date): string =>
  hashOf({
    mode,
    unlisted,
    scope: scope?.map(destinationText).sort(),
    ignore: ignore
      .filter((entry) => isActive(entry, now))
      .map(({ destination, target }) => `${destination ? destinationText(destination) : '*'} ${target ?? '*'}`)
      .sort(),
    pauses: [...(paused ? [paused] : []), ...(ordered ?? [])].map((pause) => [
      pause.of,
      pause.at,
      pause.reason,
      pause.until,
      isActive(pause, now),
    ]),
  });

const routesText = ({ routes }: DesiredTable): string[] =>
  routes
    .map(({ destination, target, overrideLocal }) =>
      [destinationText(destination), targetText(target), overrideLocal].join(' '),
    )
    .sort();

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
