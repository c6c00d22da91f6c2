import { createHash } from 'node:crypto';
import type { DesiredTable } from './desired.ts';
import { type ActualTable, destinationText, targetNames, targetText } from './route.ts';
import type { ReportedCall } from './memory/call.ts';

/** What we wrote, and so what a read should show; without a target the destination should be gone. */
export interface RecentWrite {
  readonly destination: string;
  readonly target?: string;
  /** Its answer was lost, and no read has shown it: perhaps it was none. */
  readonly isUncertain?: true;
}

/** A read that was not believed: what it showed, and when (ISO 8601, UTC). */
export interface Doubt {
  readonly seen: string;
  readonly at: string;
}

/** EC2 is eventually consistent: so long after our own write a read may still show the time before it. */
export const staleForMs = 30_000;

/** Two reads this far apart that show the same are believed. */
const agreesAfterMs = 10_000;

/**
 * Whether a read may be older than our own last write, and so must decide nothing: it contradicts what we wrote less
 * than 30 s ago. It is believed all the same when a later route call by somebody else is new, or when it shows what an
 * equally doubtful read showed at least 10 s before. So it is when what it lacks is a write whose answer was lost and
 * which `desired` still asks for: if the read is stale, to write the same once more changes nothing.
 *
 * @param newCalls the calls that no earlier look knew
 */
export function isDoubtful(
  actual: ActualTable,
  readAt: Date,
  memory: { readonly lastWriteAt?: string; readonly recentWrites?: readonly RecentWrite[]; readonly doubt?: Doubt },
  newCalls: readonly ReportedCall[],
  desired: Pick<DesiredTable, 'routes'>,
): boolean {
  const { lastWriteAt, recentWrites = [], doubt } = memory;
  if (lastWriteAt === undefined || readAt.getTime() - Date.parse(lastWriteAt) >= staleForMs) return false;
  const wanted = new Map(desired.routes.map((route) => [destinationText(route.destination), targetText(route.target)]));
  const isRepeatable = ({ destination, target, isUncertain }: RecentWrite): boolean =>
    isUncertain === true && wanted.get(destination) === target;
  const telling = recentWrites.filter((write) => !isRepeatable(write));
  if (!contradicts(actual, telling)) return false;
  // CloudTrail tells whole seconds.
  const wroteInSecond = Math.floor(Date.parse(lastWriteAt) / 1_000) * 1_000;
  const changedRoutes = ({ about, via, time }: ReportedCall): boolean =>
    about === 'route' && via === undefined && Date.parse(time) >= wroteInSecond;
  if (newCalls.some(changedRoutes)) return false;
  const confirmed = doubt?.seen === fingerprint(actual) && readAt.getTime() - Date.parse(doubt.at) >= agreesAfterMs;
  return !confirmed;
}

/** Remembers a doubtful read; one that shows what the last showed keeps its time, so that they can agree. */
export function doubtAbout(actual: ActualTable, readAt: Date, before: Doubt | undefined): Doubt {
  const seen = fingerprint(actual);
  return before?.seen === seen ? before : { seen, at: readAt.toISOString() };
}

function contradicts(actual: ActualTable, writes: readonly RecentWrite[]): boolean {
  const slots = new Map(
    actual.routes
      .filter(({ origin }) => origin !== 'propagated' && origin !== 'advertised')
      .map((route) => [destinationText(route.destination), targetNames(route)]),
  );
  return writes.some(({ destination, target }) => {
    const names = slots.get(destination);
    return target === undefined ? names !== undefined : !names?.includes(target);
  });
}

function fingerprint({ routes }: ActualTable): string {
  const lines = routes.map((route) =>
    [destinationText(route.destination), targetText(route.target), route.origin].join(' '),
  );
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 12);
}
