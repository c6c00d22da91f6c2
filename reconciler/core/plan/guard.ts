import { approvedRoutes, isAmong } from './approval.ts';
import { counted } from '../route/counted.ts';
import type { Change } from '../route/change.ts';
import { type Doubt, doubtAbout, ignoreEntryFor, isPrivate } from './doubt.ts';
import { type Arrival, type BlockCode, blockCodes, openDrift, rememberedAt } from '../memory/memory.ts';
import { type Circumstances, isOwned } from './ownership.ts';
import { destinationText, isDefaultRoute, targetNames, targetText } from '../route/route.ts';
import type { DesiredTable } from '../desired/desired.ts';
import { isEnforced } from '../desired/enforcement.ts';
import { isActive, meets } from '../desired/ignore.ts';

/** Deletes that wait for a person. Replaces and creates of the same plan go on, and so do all other deletes. */
export interface Blocked {
  /** The most serious code of `deletes`. */
  readonly code: BlockCode;
  /** Which deletes wait, why, and what a person can do. */
  readonly message: string;
  /** The routes whose deletes wait, in the order of the plan. */
  readonly deletes: readonly WaitingDelete[];
}

export interface WaitingDelete {
  readonly destination: string;
  readonly target: string;
  readonly code: BlockCode;
}

type Delete = Extract<Change, { action: 'delete' }>;

interface Waiting {
  readonly change: Delete;
  readonly code: BlockCode;
}

/**
 * Which deletes of a plan must wait for a person.
 *
 * Deletes are earned. A delete needs no approval in two cases: the route appeared while the table was enforced and
 * watched (`Remembered.arrival`), or an edit removed it from `routes` and it still has the target that was ours. For a
 * default route only the first case counts. If more than `maxDeletes` deletes would go because of edits, all of these
 * wait: a flood of routes that appeared must not stop its own repair. What may belong to somebody else waits even if it
 * is earned, unless its destination is public. An approved delete never waits and does not count.
 *
 * Without a memory (offline, or when a person runs the plan), nobody knows how a route came. Then default routes,
 * doubt and `maxDeletes` decide.
 */
export function blockedDeletes(changes: readonly Change[], unchanged: number, on: Circumstances): Blocked | undefined {
  const approved = approvedRoutes(on.desired, on.memory, on.now);
  const asking = changes.filter(
    (change): change is Delete => change.action === 'delete' && !isAmong(approved, change.destination, change.from),
  );
  const codes = new Map(asking.map((change) => [change, whyItWaits(change, on)]));
  const ours = unchanged + changes.filter(({ action }) => action !== 'create').length;
  const most = on.desired.maxDeletes ?? defaultMaxDeletes(ours);
  const byEdits = asking.filter((change) => !codes.get(change) && arrivalOf(change, on) !== 'appeared');
  if (byEdits.length > most) for (const change of byEdits) codes.set(change, 'too-many-deletes');
  const waiting = asking.flatMap((change): Waiting[] => {
    const code = codes.get(change);
    return code ? [{ change, code }] : [];
  });
  const code = blockCodes.find((one) => waiting.some((other) => other.code === one));
  if (!code) return undefined;
  return {
    code,
    message: on.desired.isLastValid
      ? `${sentenceOf(code, waiting, most, on)}; while the item is invalid, only routes that appeared are deleted: correct the item`
      : `${sentenceOf(code, waiting, most, on)}: approve them, list the routes, or ignore them`,
    deletes: waiting.map(({ change: { destination, from }, code }) => ({
      destination: destinationText(destination),
      target: targetText(from.target),
      code,
    })),
  };
}

/** Half of the routes that are ours, but at least 1 and at most 10. */
const defaultMaxDeletes = (routesThatAreOurs: number): number =>
  Math.max(1, Math.min(10, Math.floor(routesThatAreOurs / 2)));

/** Why a delete waits, whatever else the plan deletes. */
function whyItWaits(change: Delete, on: Circumstances): BlockCode | undefined {
  const { destination } = change;
  if (doubtOf(change, on) && isPrivate(destination, on.actual)) return 'maybe-not-ours';
  const hasAppeared = arrivalOf(change, on) === 'appeared';
  if (!on.memory) return isDefaultRoute(destination) ? 'default-route' : undefined;
  if (hasAppeared) return undefined;
  if (!isOwned({ ...change.from, destination }, on)) return 'first-deletes';
  // The edit that removed the route may be undone, or be part of the one that is invalid.
  if (on.desired.isLastValid) return 'first-deletes';
  if (isDefaultRoute(destination)) return 'default-route';
  return on.desired.routes.length === 0 ? 'last-route' : undefined;
}

const arrivalOf = ({ destination }: Delete, { memory }: Circumstances): Arrival | undefined =>
  rememberedAt(memory, destinationText(destination)).arrival;

const doubtOf = ({ destination, from }: Delete, { actual }: Circumstances): Doubt | undefined =>
  doubtAbout({ ...from, destination }, actual);

// ── what people read ────────────────────────────────────────────────────────────────────────────────────────────────

/** One sentence, about the deletes with the most serious code. */
function sentenceOf(code: BlockCode, all: readonly Waiting[], most: number, on: Circumstances): string {
  const waiting = all.filter((one) => one.code === code).map(({ change }) => change);
  const [first] = waiting;
  const { length } = waiting;
  switch (code) {
    case 'too-many-deletes':
      return `the plan deletes ${counted(length, 'route')}; more than ${most} ${most === 1 ? 'delete needs' : 'deletes need'} approval`;
    case 'maybe-not-ours':
      return `${length} of the routes to delete may belong to somebody else: ${first ? doubtShown(first, on) : ''}`;
    case 'last-route':
      return `an edit emptied routes, which deletes ${counted(length, 'route')}`;
    case 'first-deletes':
      return `${length} of the routes to delete ${length === 1 ? 'needs' : 'need'} approval, because ${length === 1 ? 'it' : 'they'} ${arrivalsShown(waiting, on)}`;
    case 'default-route':
      return 'the delete of a default route needs approval, unless that route has just appeared';
    default:
      return code satisfies never;
  }
}

function doubtShown(change: Delete, on: Circumstances): string {
  const destination = destinationText(change.destination);
  const doubt = doubtOf(change, on);
  const by = openDrift(rememberedAt(on.memory, destination))?.cause?.actor?.arn;
  const entry = doubt && ignoreEntryFor(change.destination, doubt);
  return `${destination} ${doubt?.because}${by === undefined ? '' : `, and ${by} made it`} (to ignore it and its siblings: ${entry})`;
}

/**
 * How routes came whose deletes wait, as predicates. A read shows that a route is there, not when it came: so a route that
 * was first seen during a pause may be older, and one that came before the table was watched again may be younger.
 */
const shown: Readonly<Record<Exclude<Arrival, 'ignored'>, (be: 'was' | 'were') => string>> = {
  appeared: () => 'appeared',
  adopted: (be) => `${be} there when this table was adopted, or came soon after`,
  observed: (be) => `${be} first seen while the item was in mode observe, or soon after`,
  paused: (be) => `${be} first seen while the table was paused or stopped, or soon after`,
  unwatched: () => 'came soon after the policy changed, or while the table was not read often enough',
  'out-of-scope': (be) => `${be} out of scope until the item was edited`,
  kept: (be) => `${be} kept by unlisted: keep until the item was edited`,
  listed: (be) => `${be} at a listed destination, with another target than the item listed`,
};

/** Says of a route that an ignore entry covered whether the entry expired, or somebody edited it. */
function ignoredShown({ destination, from }: Delete, { desired, now }: Circumstances, be: 'was' | 'were'): string {
  const route = { ...from, destination };
  const hasExpired = desired.ignore.some((one) => !isActive(one, now) && meets(one, destination, targetNames(route)));
  return `${be} under an ignore entry ${hasExpired ? 'that expired' : 'until the item was edited'}`;
}

function arrivalShown(change: Delete, on: Circumstances, be: 'was' | 'were'): string {
  if (isOwned({ ...change.from, destination: change.destination }, on)) return 'left routes with an edit';
  const arrival = arrivalOf(change, on) ?? 'unwatched';
  return arrival === 'ignored' ? ignoredShown(change, on, be) : shown[arrival](be);
}

const arrivalsShown = (waiting: readonly Delete[], on: Circumstances): string =>
  [...new Set(waiting.map((change) => arrivalShown(change, on, waiting.length === 1 ? 'was' : 'were')))].join(' or ');

/** The changes of a plan that may go on now: all but the deletes that wait for a person or for creates. */
export function permitted({
  changes,
  blocked,
  waiting = [],
}: {
  readonly changes: readonly Change[];
  readonly blocked?: Blocked;
  readonly waiting?: readonly { readonly destination: string }[];
}): readonly Change[] {
  const held = new Set([...(blocked?.deletes ?? []), ...waiting].map(({ destination }) => destination));
  return changes.filter(({ action, destination }) => action !== 'delete' || !held.has(destinationText(destination)));
}

/** The destinations at which a plan may change something now. */
export const changingIn = (
  plan: Parameters<typeof permitted>[0],
  desired: DesiredTable,
  now: Date,
): ReadonlySet<string> =>
  new Set(isEnforced(desired, now) ? permitted(plan).map(({ destination }) => destinationText(destination)) : []);
