import type { DesiredTable } from './desired.ts';
import { globMatches, isActive, meets } from './ignore.ts';
import { must } from './schema.ts';
import { known } from '../route/known.ts';
import { type Destination, covers, destinationText, parseDestination } from '../route/route.ts';

/** What the item says about the protection of its table, apart from the routes that it lists. Plain text. */
export interface Policy {
  readonly mode: DesiredTable['mode'];
  readonly unlisted: DesiredTable['unlisted'];
  readonly paused?: { readonly reason: string; readonly until?: string };
  /** Absent if the whole table is managed. */
  readonly scope?: readonly string[];
  readonly ignore: readonly Ignored[];
  /** The listed destinations whose local route may be retargeted. */
  readonly overrideLocal: readonly string[];
}

interface Ignored {
  readonly destination?: string;
  readonly target?: string;
  readonly until?: string;
}

/** The parts of an item that can weaken the protection of its table. `item` stands for its deletion. */
export const policyFields = ['item', 'mode', 'unlisted', 'paused', 'scope', 'ignore', 'overrideLocal'] as const;

/** One way in which an edit protects a table less than before. */
export interface Weakening {
  readonly field: (typeof policyFields)[number];
  /** What the edit took away, and what it put there instead. */
  readonly old: readonly string[];
  readonly new: readonly string[];
}

export function policyOf({ mode, unlisted, paused, scope, ignore, routes }: DesiredTable): Policy {
  return known({
    mode,
    unlisted,
    paused: paused && known({ reason: paused.reason, until: paused.until?.toISOString() }),
    scope: scope?.map(destinationText),
    ignore: ignore.map(({ destination, target, until }) =>
      known({ destination: destination && destinationText(destination), target, until: until?.toISOString() }),
    ),
    overrideLocal: routes
      .filter(({ overrideLocal }) => overrideLocal)
      .map(({ destination }) => destinationText(destination)),
  });
}

/**
 * How an edit weakens the protection of a table. Edits that protect it more, or as much, give an empty list. An ignore
 * entry or a pause that has already ended weakens nothing.
 *
 * @param after undefined if the item was deleted
 */
export function weakenings(before: Policy, after: Policy | undefined, now: Date): readonly Weakening[] {
  if (!after) return [{ field: 'item', old: [`mode ${before.mode}`], new: [] }];
  const wider = after.ignore.filter((entry) => isOn(entry, now) && !before.ignore.some((old) => includes(old, entry)));
  const dropped = before.ignore.filter((old) => !after.ignore.some((entry) => ignoredText(entry) === ignoredText(old)));
  const lost = lostScope(before.scope, after.scope);
  const overrides = after.overrideLocal.filter((destination) => !before.overrideLocal.includes(destination));
  const every: readonly (Weakening | false)[] = [
    before.mode === 'enforce' && after.mode === 'observe' && { field: 'mode', old: ['enforce'], new: ['observe'] },
    before.unlisted === 'delete' && after.unlisted === 'keep' && { field: 'unlisted', old: ['delete'], new: ['keep'] },
    isPausedLonger(before.paused, after.paused, now) && {
      field: 'paused',
      old: pausedTexts(before.paused),
      new: pausedTexts(after.paused),
    },
    lost.length > 0 && { field: 'scope', old: lost, new: after.scope ?? [] },
    wider.length > 0 && { field: 'ignore', old: dropped.map(ignoredText), new: wider.map(ignoredText) },
    overrides.length > 0 && { field: 'overrideLocal', old: [], new: overrides },
  ];
  return every.filter((one) => one !== false);
}

type Ending = { readonly until?: string };

const isOn = ({ until }: Ending, now: Date): boolean =>
  isActive(until === undefined ? {} : { until: new Date(until) }, now);

/** Whether something ends no later than something else. */
const endsBy = (one: Ending, other: Ending): boolean =>
  other.until === undefined || (one.until !== undefined && Date.parse(one.until) <= Date.parse(other.until));

const isPausedLonger = (before: Policy['paused'], after: Policy['paused'], now: Date): boolean =>
  after !== undefined && isOn(after, now) && !(before && endsBy(after, before));

const pausedTexts = (paused: Policy['paused']): readonly string[] =>
  paused ? [`${paused.reason}${untilText(paused)}`] : [];

/** What was managed and is not managed any more. */
function lostScope(before: Policy['scope'], after: Policy['scope']): readonly string[] {
  if (!after) return [];
  if (!before) return ['the whole table'];
  const still = after.map(destinationIn);
  return before.filter((text) => !still.some((scope) => covers(scope, destinationIn(text))));
}

/** Whether every route that meets an entry met this older entry, too. */
function includes(old: Ignored, entry: Ignored): boolean {
  const isInside =
    old.destination === undefined ||
    (entry.destination !== undefined &&
      meets({ destination: destinationIn(old.destination), reason: '' }, destinationIn(entry.destination), []));
  const isAmong =
    old.target === undefined ||
    old.target === entry.target ||
    (entry.target !== undefined && !/[*?]/.test(entry.target) && globMatches(old.target, entry.target));
  return isInside && isAmong && endsBy(entry, old);
}

const destinationIn = (text: string): Destination => must(parseDestination(text));

const ignoredText = ({ destination, target, ...ending }: Ignored): string =>
  `${[destination, target && `target ${target}`].filter(Boolean).join(', ')}${untilText(ending)}`;

const untilText = ({ until }: Ending): string => (until === undefined ? '' : ` until ${until}`);
