import type { DesiredTable } from '../desired/desired.ts';
import type { ReportedCall } from '../memory/call.ts';
import {
  type Lag,
  type Memory,
  type Remembered,
  type Rewritten,
  type Written,
  rememberedAt,
  withEach,
} from '../memory/memory.ts';
import type { ChangeJson } from '../route/change.ts';
import { known } from '../route/known.ts';
import { type ChangeOutcome, mayHaveWritten } from '../route/outcome.ts';
import { type ActualTable, type StaticRoute, destinationText, targetNames, targetText } from '../route/route.ts';
import { slotsOf } from '../plan/slots.ts';
import { causeOf, unspent } from './attribution.ts';
import { type RouteCall, isAboutRoute, isAsAsked } from './call-effects.ts';

// EC2 is eventually consistent: for some seconds after a call, and for minutes during an impairment, a read may show the
// table before the call.

/** For this long after our own write, a read that contradicts it decides nothing. */
const staleForMs = 30_000;

/** If reads lag for longer, that time doubles up to this. */
const staleAtMostMs = 15 * 60 * 1_000;

/** A write that no read has shown is kept for this long after the last write. Sweeps start at least every 15 minutes. */
const unshownKeptMs = 2 * staleAtMostMs;

/** One read of the table. */
export interface TableRead {
  readonly actual: ActualTable;
  readonly readAt: Date;
  /** The destinations at which the plan of this read may change something. */
  readonly changing: () => ReadonlySet<string>;
}

/** What is known besides the read and the memory. */
export interface Aside {
  readonly desired: Pick<DesiredTable, 'routes'>;
  /** Calls by others, whether an earlier reconcile has read them or not. */
  readonly calls: readonly ReportedCall[];
  /** Those of them that we did not know of when we last wrote. */
  readonly unread: readonly ReportedCall[];
  /** The item has changed since the last believed read. */
  readonly isEdited: boolean;
}

/**
 * Whether a read may be older than our own last write, and so decides nothing: it contradicts what we wrote less than
 * 30 s before. Each time that such writes have to be repeated because no read has shown them, that time doubles, up to
 * 15 minutes. An edit of the item waits for 30 s at most.
 *
 * It is still believed in three cases:
 * - others are reported to have changed, after our last write or in the same second (`undoing`), every route that
 *   contradicts it, to what the read shows
 * - it shows what others are reported to have changed elsewhere in the table after our last write
 * - it lacks only writes whose answer was lost and that the item still asks for. If the read is stale, repeating such
 *   a write changes nothing.
 *
 * When the time is over, the plan of the read repeats the writes. Where it does not, such as after the delete of a route
 * that a person approved, the read decides nothing for 15 minutes.
 */
export function isDoubtful(read: TableRead, memory: Memory, { desired, calls, unread, isEdited }: Aside): boolean {
  const sinceMs = msSinceWrite(memory, read.readAt);
  if (sinceMs >= staleAtMostMs) return false;
  const slots = slotsOf(read.actual.routes).static;
  const later = madeSince(memory, calls);
  const unexplained = contradictedIn(slots, memory, desired, sinceMs).filter((destination) => {
    const mayExplain = [...later, ...undoing(destination, memory, unread)];
    return !mayExplain.some((call) => call.destination === destination && isAsAsked(call, slots));
  });
  if (unexplained.length === 0 || later.some((call) => showsNew(call, slots, memory))) return false;
  if (sinceMs < (isEdited ? staleForMs : waitMs(memory))) return true;
  const changing = read.changing();
  return !isEdited && unexplained.some((destination) => !changing.has(destination));
}

/** What a read that decides nothing is waited for. */
export interface Awaited {
  /** The destinations at which a read contradicts our writes. */
  readonly destinations: readonly string[];
  /** From when on such a read is believed. */
  readonly until: Date;
  /** When to read again. */
  readonly readAt: Date;
}

/** Less than a third of the time for which a read may be stale: so another read usually ends the doubt. */
const readAgainAfterMs = 6_000;

/** What to wait for after a doubtful read. The longer reads lag, the less often the table is read. */
export function awaitedAfter(
  actual: ActualTable,
  memory: Memory,
  desired: Pick<DesiredTable, 'routes'>,
  now: Date,
): Awaited {
  const sinceMs = msSinceWrite(memory, now);
  const wroteAt = now.getTime() - sinceMs;
  const untilMs = wroteAt + (sinceMs < waitMs(memory) ? waitMs(memory) : staleAtMostMs);
  return {
    destinations: contradictedIn(slotsOf(actual.routes).static, memory, desired, sinceMs),
    until: new Date(untilMs),
    readAt: new Date(Math.min(untilMs, now.getTime() + Math.max(readAgainAfterMs, sinceMs))),
  };
}

const msSinceWrite = ({ lastWriteAt }: Pick<Memory, 'lastWriteAt'>, now: Date): number =>
  lastWriteAt === undefined ? Infinity : now.getTime() - Date.parse(lastWriteAt);

/** The second in which we last wrote, as CloudTrail reports it. */
const secondOfWrite = ({ lastWriteAt = '' }: Pick<Memory, 'lastWriteAt'>): number =>
  Math.floor(Date.parse(lastWriteAt) / 1_000) * 1_000;

const waitMs = ({ lag }: Memory): number => lag?.waitMs ?? staleForMs;

type Slots = ReadonlyMap<string, StaticRoute>;

/** The destinations at which a read contradicts our writes. A write that a read has shown counts for 30 s. */
function contradictedIn(
  slots: Slots,
  { destinations }: Memory,
  { routes }: Pick<DesiredTable, 'routes'>,
  sinceMs: number,
): readonly string[] {
  const wanted = new Map(routes.map((route) => [destinationText(route.destination), targetText(route.target)]));
  return [...destinations].flatMap(([destination, { written }]) => {
    if (!written || isShownIn(slots, destination, written)) return [];
    const isRepeatable = written.isUncertain && wanted.get(destination) === written.target;
    const isOver = sinceMs >= staleForMs && !isUnshown(written);
    return isRepeatable || isOver ? [] : [destination];
  });
}

function isShownIn(slots: Slots, destination: string, { target }: Written): boolean {
  const slot = slots.get(destination);
  return target === undefined ? !slot : slot !== undefined && targetNames(slot).includes(target);
}

/** Whether EC2 confirmed a write, and no read has shown it. */
const isUnshown = (written: Written | undefined): boolean =>
  written !== undefined && !written.isShown && !written.isUncertain;

/** The reported calls about routes of this table that were certainly made after our last write. */
const madeSince = ({ lastWriteAt = '' }: Pick<Memory, 'lastWriteAt'>, calls: readonly ReportedCall[]) =>
  calls.filter(
    (call): call is RouteCall =>
      // CloudTrail reports whole seconds: a call of the same second may have been made before.
      call.about === 'route' && call.via === undefined && Date.parse(call.time) > Date.parse(lastWriteAt),
  );

/**
 * The calls of the second of our last write that count as made after it. CloudTrail reports whole seconds, so their times
 * do not say which came first. A call came first if we knew of it when we wrote, or if it may have made what we replaced.
 *
 * A call that others made between our read and our write may count too, or one that asked once more for what was there.
 * If a stale read then shows just that moment, our write is repeated, which changes nothing, and that call is announced.
 */
function undoing(destination: string, memory: Memory, unread: readonly ReportedCall[]): readonly RouteCall[] {
  const { written, drift = [] } = rememberedAt(memory, destination);
  if (!written) return [];
  const isOfWrite = (time: string): boolean => Date.parse(time) >= secondOfWrite(memory);
  const cause = drift.findLast(({ appliedAt = '' }) => isOfWrite(appliedAt))?.cause;
  const isFirst = (call: RouteCall): boolean =>
    cause ? call.id === cause.id : causeOf(asChange(destination, written), [call]) !== undefined;
  return unread.filter(
    (call): call is RouteCall => isAboutRoute(call, destination) && isOfWrite(call.time) && !isFirst(call),
  );
}

const asChange = (destination: string, { from, target: to }: Written): ChangeJson =>
  known({
    action: to === undefined ? ('delete' as const) : from === undefined ? ('create' as const) : ('replace' as const),
    destination,
    from,
    to,
  });

/** Whether a read shows what a call changed where we did not write: then it is newer than that call. */
function showsNew(call: RouteCall, slots: Slots, memory: Memory): boolean {
  if (call.destination === undefined || !isAsAsked(call, slots)) return false;
  const { seen, written } = rememberedAt(memory, call.destination);
  const slot = slots.get(call.destination);
  const isSame = slot ? seen !== undefined && targetNames(slot).includes(seen.target) : seen === undefined;
  return !written && !isSame;
}

/**
 * Whether a change only repeats our last write, because no read has shown it: as far as anybody knows, nobody has undone
 * it. Then it is no repair.
 */
export const isRepeat = (
  { to, destination }: ChangeJson,
  { written, drift }: Pick<Rewritten, 'written' | 'drift'>,
  memory: Pick<Memory, 'lastWriteAt'>,
  calls: readonly ReportedCall[],
  now: Date,
): boolean =>
  written !== undefined &&
  isUnshown(written) &&
  written.target === to &&
  msSinceWrite(memory, now) >= staleForMs &&
  !calls.some((call) => isAboutRoute(call, destination) && mayUndo(call, to, memory, drift));

/**
 * Whether a call asks for something else than we wrote, and may have come after that. A call of the same second counts,
 * unless it explains known drift: that drift may be what we repaired.
 */
function mayUndo(
  call: RouteCall,
  to: string | undefined,
  memory: Pick<Memory, 'lastWriteAt'>,
  drift: Rewritten['drift'],
): boolean {
  const laterMs = Date.parse(call.time) - secondOfWrite(memory);
  const mayBeLater = laterMs > 0 || (laterMs === 0 && unspent([call], drift).length > 0);
  return mayBeLater && (call.name === 'DeleteRoute' ? to !== undefined : call.target !== to);
}

/**
 * Whether a believed read may show a route as it was before our write: nobody needs to have changed it since. Within 30 s
 * of the write, such a read is believed only if it is known to be newer.
 */
export const isAsBefore = (
  change: ChangeJson,
  before: Pick<Rewritten, 'written' | 'drift'>,
  memory: Pick<Memory, 'lastWriteAt'>,
  calls: readonly ReportedCall[],
  now: Date,
): boolean => isRepeat(change, before, memory, calls, now) && before.written?.from === change.from;

/**
 * Remembers which of our writes a read has shown, whether it is believed or not. If it shows all of them, reads lag no
 * longer.
 */
export function withShown(memory: Memory, actual: ActualTable): Memory {
  const slots = slotsOf(actual.routes).static;
  const after = withEach(memory, (remembered, destination) => {
    const { written } = remembered;
    return written && !written.isShown && isShownIn(slots, destination, written)
      ? { ...remembered, written: shown(written) }
      : remembered;
  });
  const isBehind = [...after.destinations.values()].some(({ written }) => isUnshown(written));
  return isBehind ? after : known({ ...after, lag: undefined });
}

const shown = ({ isUncertain: _, ...written }: Written): Written => ({ ...written, isShown: true });

/** Forgets a write that a believed read contradicts, unless the plan changes the route there. */
export const writtenAfter = (
  written: Written | undefined,
  { isChanging }: { readonly isChanging: boolean },
): Rewritten['written'] => (isUnshown(written) && !isChanging ? undefined : written);

/**
 * Remembers what this reconcile has written up to `now`. Earlier writes are kept for 30 s after the last one, or until a
 * read shows them, for 30 minutes at most.
 *
 * @param calls by others, known before these writes: a write that they have undone is repeated for that reason
 */
export function rememberWrites(
  memory: Memory,
  outcomes: readonly ChangeOutcome[],
  now: Date,
  calls: readonly ReportedCall[] = [],
): Memory {
  const sinceMs = msSinceWrite(memory, now);
  const writes = outcomes.filter(mayHaveWritten);
  const made = Map.groupBy(writes, ({ destination }) => destination);
  const kept = ({ written }: Remembered): Rewritten['written'] =>
    sinceMs < (isUnshown(written) ? unshownKeptMs : staleForMs) ? written : undefined;
  const repeats = new Set(
    writes.filter((one) => isRepeat(one, rememberedAt(memory, one.destination), memory, calls, now)),
  );
  const rewritten = withEach(
    memory,
    (remembered, destination) =>
      (made.get(destination) ?? []).reduce<Rewritten>(
        (after, one) =>
          // EC2 confirmed the write before, whatever became of its repeat.
          one.result === 'unknown' && repeats.has(one)
            ? { ...after, written: remembered.written }
            : withWrite(after, one),
        { ...remembered, written: kept(remembered) },
      ),
    made.keys(),
  );
  if (writes.length === 0) return rewritten;
  const isBehind = repeats.size > 0;
  const { doubt: _, ...undoubted } = rewritten;
  // Our clock may be late. We wrote after every call that we knew of.
  const wroteAt = Math.max(
    ...writes.map(({ at }) => (at === undefined ? now.getTime() : Date.parse(at))),
    ...calls.map(({ time }) => Date.parse(time)),
  );
  const lag = isBehind ? longerLag(memory) : memory.lag;
  return known({ ...undoubted, lag, lastWriteAt: new Date(wroteAt).toISOString() });
}

/**
 * A write without an answer does not take the place of the write before it, which a read has shown: a later read that shows
 * the new target may be older than both writes.
 */
function withWrite(remembered: Rewritten, { from, to, result }: ChangeOutcome): Rewritten {
  const { written: before, seen } = remembered;
  const isUncertain = result === 'unknown';
  // We write an instance, and EC2 shows its interface.
  const shownTarget = from !== undefined && from === seen?.via ? seen.target : from;
  if (isUncertain && before && !before.isUncertain && before.target === shownTarget)
    return { ...remembered, written: { ...before, isShown: true } };
  return {
    ...remembered,
    written: known({ target: to, from, isUncertain: isUncertain ? (true as const) : undefined }),
  };
}

const longerLag = (memory: Memory): Lag | undefined =>
  memory.lastWriteAt === undefined
    ? undefined
    : {
        since: memory.lag?.since ?? memory.lastWriteAt,
        waitMs: Math.min(staleAtMostMs, 2 * waitMs(memory)),
      };
