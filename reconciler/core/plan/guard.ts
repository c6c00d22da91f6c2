import { approvedRoutes, isAmong } from './approval.ts';
import { counted } from '../route/counted.ts';
import { type Change, changeAsJson } from '../route/change.ts';
import { type Doubt, doubtAbout, ignoreEntryFor, isPrivate } from './doubt.ts';
import { type Arrival, type BlockCode, type Braked, blockCodes, openDrift, rememberedAt } from '../memory/memory.ts';
import { known } from '../route/known.ts';
import { brakeOn, editsAmong } from './edits.ts';
import { type Circumstances, isOwned } from './ownership.ts';
import { destinationText, isDefaultRoute, targetNames } from '../route/route.ts';
import type { DesiredTable } from '../desired/desired.ts';
import { isEnforced } from '../desired/enforcement.ts';
import { isActive, meets } from '../desired/ignore.ts';

/** Changes that wait for a person. Creates of the same plan go on, and so do all other deletes and replaces. */
export interface Blocked {
  /** The most serious code. */
  readonly code: BlockCode;
  /** Which changes wait, why, and what a person can do. */
  readonly message: string;
  /** The routes whose deletes wait, in the order of the plan. */
  readonly deletes: readonly WaitingChange[];
  /** The routes whose replaces wait for the fleet brake, in the order of the plan. Absent if there are none. */
  readonly replaces?: readonly WaitingChange[];
  /** The edit of many items that the changes of code `fleet-edit` are part of. One approval releases all of it. */
  readonly edit?: string;
}

export interface WaitingChange {
  readonly destination: string;
  readonly target: string;
  readonly code: BlockCode;
}

/** Everything that waits for a person. */
export const waitingIn = (blocked: Pick<Blocked, 'deletes' | 'replaces'> | undefined): readonly WaitingChange[] => [
  ...(blocked?.replaces ?? []),
  ...(blocked?.deletes ?? []),
];

type Delete = Extract<Change, { action: 'delete' }>;

/** Deletes that wait, whatever else the fleet edits. */
type DeleteCode = Exclude<BlockCode, 'fleet-edit'>;

interface Waiting {
  readonly change: Delete;
  readonly code: DeleteCode;
}

/**
 * Which changes of a plan must wait for a person: deletes, and what the fleet brake holds back.
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
export function blockedChanges(changes: readonly Change[], unchanged: number, on: Circumstances): Blocked | undefined {
  const { waiting, most } = waitingDeletes(changes, unchanged, on);
  const codes = new Map<Change, BlockCode>(waiting.map(({ change, code }) => [change, code]));
  const brake = brakeOn(on);
  const braked = brake ? editsAmong(changes, on).filter((change) => !codes.has(change)) : [];
  for (const change of braked) codes.set(change, 'fleet-edit');
  const first = deleteCodes.find((one) => waiting.some(({ code }) => code === one));
  const parts = [
    ...(first ? [deletesText(first, waiting, most, on)] : []),
    ...(brake && braked.length > 0 ? [brakedText(braked, brake)] : []),
  ];
  const code = blockCodes.find((one) => [...codes.values()].includes(one));
  if (!code) return undefined;
  const only = (action: Change['action']): WaitingChange[] =>
    changes.flatMap((change) => {
      const why = codes.get(change);
      if (!why || change.action !== action) return [];
      const { destination, from: target = '' } = changeAsJson(change);
      return [{ destination, target, code: why }];
    });
  const replaces = only('replace');
  return known({
    code,
    message: parts.join('; '),
    deletes: only('delete'),
    replaces: replaces.length > 0 ? replaces : undefined,
    edit: braked.length > 0 ? brake?.edit : undefined,
  });
}

/** The deletes that wait, and how many may go because of edits. */
function waitingDeletes(
  changes: readonly Change[],
  unchanged: number,
  on: Circumstances,
): { readonly waiting: readonly Waiting[]; readonly most: number } {
  const approved = approvedRoutes(on.desired, on.memory, on.now);
  const asking = changes.filter(
    (change): change is Delete => change.action === 'delete' && !isAmong(approved, change.destination, change.from),
  );
  const codes = new Map(asking.map((change) => [change, whyItWaits(change, on)]));
  const byEdits = asking.filter((change) => !codes.get(change) && arrivalOf(change, on) !== 'appeared');
  // Other deletes do not count: otherwise a route that somebody makes would release deletes that wait.
  const ours = unchanged + changes.filter(({ action }) => action === 'replace').length + byEdits.length;
  const most = on.desired.maxDeletes ?? defaultMaxDeletes(ours);
  if (byEdits.length > most) for (const change of byEdits) codes.set(change, 'too-many-deletes');
  const waiting = asking.flatMap((change): Waiting[] => {
    const code = codes.get(change);
    return code ? [{ change, code }] : [];
  });
  return { waiting, most };
}

/** Half of the routes that are ours, but at least 1 and at most 10. */
const defaultMaxDeletes = (routesThatAreOurs: number): number =>
  Math.max(1, Math.min(10, Math.floor(routesThatAreOurs / 2)));

/** Why a delete waits, whatever else the plan deletes. */
function whyItWaits(change: Delete, on: Circumstances): DeleteCode | undefined {
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

const deleteCodes = blockCodes.filter((code) => code !== 'fleet-edit');

const deletesText = (...given: Parameters<typeof sentenceOf>): string =>
  given[3].desired.isLastValid
    ? `${sentenceOf(...given)}; while the item is invalid, only routes that appeared are deleted: correct the item`
    : `${sentenceOf(...given)}: ${given[1].length === 1 ? 'approve it, list the route, or ignore it' : 'approve them, list the routes, or ignore them'}`;

/** What the fleet brake holds back, and how it ends. */
function brakedText(changes: readonly Change[], { edit }: Braked): string {
  const [replaces, deletes] = ['replace', 'delete'].map((action) => changes.filter((one) => one.action === action));
  const what = [
    ...(replaces?.length ? [counted(replaces.length, 'replace')] : []),
    ...(deletes?.length ? [counted(deletes.length, 'delete')] : []),
  ].join(' and ');
  const wait = changes.length === 1 ? 'waits' : 'wait';
  return edit === undefined
    ? `${what} of an edit ${wait}: it cannot be read how many tables edits have changed, and it is read again soon`
    : `${what} of an edit ${wait}, because edits have changed as many tables in 10 minutes as they may: approve the whole edit (npx routectl approve ${edit}), or undo it`;
}

/** One sentence, about the deletes with the most serious code. */
function sentenceOf(code: DeleteCode, all: readonly Waiting[], most: number, on: Circumstances): string {
  const waiting = all.filter((one) => one.code === code).map(({ change }) => change);
  const [first] = waiting;
  const { length } = waiting;
  switch (code) {
    case 'too-many-deletes':
      return `the plan deletes ${counted(length, 'route')}; more than ${most} ${most === 1 ? 'delete needs' : 'deletes need'} approval`;
    case 'maybe-not-ours':
      return `${length === 1 ? 'a route to delete' : `${length} routes to delete`} may belong to somebody else: ${first ? doubtShown(first, on) : ''}`;
    case 'last-route':
      return `an edit emptied routes, which deletes ${counted(length, 'route')}`;
    case 'first-deletes':
      return first && length === 1
        ? `the delete of ${destinationText(first.destination)} needs approval, because the route ${arrivalsShown(waiting, on)}`
        : `${length} deletes need approval, because the routes ${arrivalsShown(waiting, on)}`;
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
  listed: (be) => `${be} at a listed destination, perhaps with another target than the item listed`,
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

/** The changes of a plan that may go on now: all but those that wait for a person or for creates. */
export function permitted({
  changes,
  blocked,
  waiting = [],
}: {
  readonly changes: readonly Change[];
  readonly blocked?: Blocked;
  readonly waiting?: readonly { readonly destination: string }[];
}): readonly Change[] {
  const held = new Set([...waitingIn(blocked), ...waiting].map(({ destination }) => destination));
  return changes.filter(({ action, destination }) => action === 'create' || !held.has(destinationText(destination)));
}

/** The destinations at which a plan may change something now. */
export const changingIn = (
  plan: Parameters<typeof permitted>[0],
  desired: DesiredTable,
  now: Date,
): ReadonlySet<string> =>
  new Set(isEnforced(desired, now) ? permitted(plan).map(({ destination }) => destinationText(destination)) : []);
