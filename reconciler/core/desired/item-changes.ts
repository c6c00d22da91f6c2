import type { DesiredItem } from './schema.ts';
import { canonicalText, destinationOrder, parseDestination, sortedBy } from '../route/route.ts';

/** One difference between two versions of an item. Values are as people read them. */
export interface ItemChange {
  /** A field of the item, such as `mode`. For an entry of a list, also its key: `ignore 10.200.0.0/16 eni-*`. */
  readonly field: string;
  /** The destination of a listed route. Absent for every other field. */
  readonly destination?: string;
  readonly before?: string;
  readonly after?: string;
}

/**
 * What an edit of an item changes: first the routes in the order of destinations, then the other fields. Empty if both
 * versions ask for the same, however they are written. Descriptions and reasons count.
 *
 * @param before undefined if there was no item, or none that is valid
 */
export function itemChanges(before: DesiredItem | undefined, after: DesiredItem): readonly ItemChange[] {
  const [old, edited] = [before ? partsOf(before) : new Map<string, Part>(), partsOf(after)];
  const keys = [...new Set([...old.keys(), ...edited.keys()])];
  const changed = keys.flatMap((key): (ItemChange & { readonly order: string })[] => {
    const [was, is] = [old.get(key), edited.get(key)];
    const part = is ?? was;
    if (!part || was?.text === is?.text) return [];
    const { order, field, destination } = part;
    return [
      {
        order,
        field,
        ...(destination !== undefined && { destination }),
        ...(was && { before: was.text }),
        ...(is && { after: is.text }),
      },
    ];
  });
  return sortedBy(changed, ({ order }) => order).map(({ order: _, ...change }) => change);
}

/** One part of an item that can change by itself. */
interface Part {
  readonly field: string;
  readonly destination?: string;
  readonly text: string;
  readonly order: string;
}

function partsOf(item: DesiredItem): ReadonlyMap<string, Part> {
  const { routes, ignore, scope, mode, unlisted, maxDeletes, paused } = item;
  const field = (name: string, text: string, key = ''): Part => ({
    field: key === '' ? name : `${name} ${key}`,
    text,
    order: `2 ${name} ${key}`,
  });
  const parts: readonly Part[] = [
    ...routes.map(({ destination, ...route }): Part => {
      const parsed = parseDestination(destination);
      const order = `1 ${parsed.ok ? destinationOrder(parsed.value) : destination}`;
      return { field: 'routes', destination: canonicalText(destination), text: routeText(route), order };
    }),
    field('mode', mode),
    field('unlisted', unlisted),
    ...(scope ? [field('scope', scope.map(canonicalText).toSorted().join(', '))] : []),
    // Two entries may be about the same routes.
    ...[...Map.groupBy(ignore, keyOfIgnored)].map(([key, entries]) =>
      field('ignore', entries.map(endingText).toSorted().join('; '), key),
    ),
    ...(maxDeletes === undefined ? [] : [field('maxDeletes', String(maxDeletes))]),
    ...(paused ? [field('paused', endingText(paused))] : []),
  ];
  return new Map(parts.map((part) => [`${part.field} ${part.destination ?? ''}`, part]));
}

const keyOfIgnored = ({ destination, target }: DesiredItem['ignore'][number]): string =>
  [destination && canonicalText(destination), target].filter(Boolean).join(' ');

const endingText = ({ reason, until }: { readonly reason: string; readonly until?: string | undefined }): string =>
  [reason, until && `until ${until}`].filter(Boolean).join(', ');

function routeText({
  target,
  alternates = [],
  overrideLocal,
  description,
}: Omit<DesiredItem['routes'][number], 'destination'>): string {
  return [
    target,
    ...(alternates.length > 0 ? [`or ${alternates.join(', ')}`] : []),
    ...(overrideLocal ? ['overrideLocal'] : []),
    ...(description === undefined ? [] : [`"${description}"`]),
  ].join(' ');
}
