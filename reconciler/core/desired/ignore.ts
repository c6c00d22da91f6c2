import { type Destination, covers, destinationText, isDefaultRoute } from '../route/route.ts';

/** A rule for routes that somebody else owns. A route must match every given field. */
export interface IgnoreEntry {
  readonly destination?: Destination;
  /** An id, or a glob with `*` and `?`. */
  readonly target?: string;
  readonly reason: string;
  /** The entry expires at this time. */
  readonly until?: Date;
}

/** Whether something with an optional end is still active. */
export const isActive = (entry: { readonly until?: Date }, now: Date): boolean => !entry.until || entry.until > now;

/**
 * Whether a route matches every field of an ignore entry. `targetNames` are all names of its target. An entry for a
 * default route matches only that route, not every route inside it.
 */
export function meets(entry: IgnoreEntry, destination: Destination, targetNames: readonly string[]): boolean {
  return (
    (!entry.destination || destinationMeets(entry.destination, destination)) &&
    (!entry.target || targetNames.some((name) => globMatches(entry.target ?? '', name)))
  );
}

function destinationMeets(outer: Destination, destination: Destination): boolean {
  return isDefaultRoute(outer) ? destinationText(outer) === destinationText(destination) : covers(outer, destination);
}

/** Matches `*` (any run of characters) and `?` (any one character). Time is linear in the text for each star. */
export function globMatches(glob: string, text: string): boolean {
  let [g, t] = [0, 0];
  let [star, resume] = [-1, 0];
  while (t < text.length) {
    if (glob[g] === '*') {
      [star, resume] = [g, t];
      g++;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      resume++;
      [g, t] = [star + 1, resume];
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
