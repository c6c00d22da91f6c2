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
 * Identifies the policy at `now`: what is managed, and whether it is enforced. Deletes are earned under one policy.
 *
 * The hash changes when somebody edits mode, unlisted, scope or ignore, when a pause is added or removed, and when an
 * ignore entry or a pause ends by itself. A pause stays in the hash for as long as it is written down anywhere, even
 * after it has ended: routes that appeared while nobody was watching did not appear under enforcement. The end of a
 * pause is in the hash because it may be all that distinguishes it from an earlier pause.
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
