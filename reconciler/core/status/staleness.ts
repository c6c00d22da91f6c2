import { createHash } from 'node:crypto';
import type { DesiredTable } from '../desired/desired.ts';
import { known } from '../route/known.ts';
import type { ReportedCall } from '../memory/call.ts';
import { type Doubt, type Memory, type Written, withEach } from '../memory/memory.ts';
import { type ChangeOutcome, mayHaveWritten } from '../route/outcome.ts';
import { type ActualTable, destinationText, isStatic, targetNames, targetText } from '../route/route.ts';

/**
 * EC2 is eventually consistent: for this long after our own write, a read may still show the table before the write.
 */
const staleForMs = 30_000;

/** A read is believed if an equal read was made this long before. */
const agreesAfterMs = 10_000;

/**
 * Whether a read may be older than our own last write, and so decides nothing: it contradicts what we wrote less than
 * 30 s before.
 *
 * It is still believed in three cases:
 * - an event reported a later call by somebody else about a route of this table
 * - a read at least 10 s earlier showed the same
 * - it lacks only writes whose answer was lost and that `desired` still asks for. If the read is stale, repeating such
 *   a write changes nothing.
 *
 * @param calls those that no earlier reconcile has read
 */
export function isDoubtful(
  actual: ActualTable,
  readAt: Date,
  memory: Memory,
  calls: readonly ReportedCall[],
  desired: Pick<DesiredTable, 'routes'>,
): boolean {
  const { lastWriteAt, doubt } = memory;
  if (lastWriteAt === undefined || readAt.getTime() - Date.parse(lastWriteAt) >= staleForMs) return false;
  const wanted = new Map(desired.routes.map((route) => [destinationText(route.destination), targetText(route.target)]));
  const expected = [...memory.destinations].flatMap(([destination, { written }]) => {
    const isRepeatable = written?.isUncertain === true && wanted.get(destination) === written.target;
    return written && !isRepeatable ? [{ destination, target: written.target }] : [];
  });
  if (!contradicts(actual, expected)) return false;
  // CloudTrail reports whole seconds.
  const wroteInSecond = Math.floor(Date.parse(lastWriteAt) / 1_000) * 1_000;
  const isLater = ({ about, via, time }: ReportedCall): boolean =>
    about === 'route' && via === undefined && Date.parse(time) >= wroteInSecond;
  if (calls.some(isLater)) return false;
  const isConfirmed = doubt?.seen === fingerprint(actual) && readAt.getTime() - Date.parse(doubt.at) >= agreesAfterMs;
  return !isConfirmed;
}

/**
 * Remembers a doubtful read. If it shows the same as the last one, the earlier time is kept, so that both can agree.
 */
export function doubtAbout(actual: ActualTable, readAt: Date, before: Doubt | undefined): Doubt {
  const seen = fingerprint(actual);
  return before?.seen === seen ? before : { seen, at: readAt.toISOString() };
}

function contradicts(
  actual: ActualTable,
  writes: readonly { readonly destination: string; readonly target: string | undefined }[],
): boolean {
  const slots = new Map(
    actual.routes.filter(isStatic).map((route) => [destinationText(route.destination), targetNames(route)]),
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

/**
 * Remembers what this reconcile has written up to `now`. Earlier writes are kept for 30 s after the last one. A write
 * ends a doubt: a read from before it cannot confirm a read after it.
 */
export function rememberWrites(memory: Memory, outcomes: readonly ChangeOutcome[], now: Date): Memory {
  const { lastWriteAt: before } = memory;
  const isRecent = before !== undefined && now.getTime() - Date.parse(before) < staleForMs;
  const wrote = new Map(
    outcomes
      .filter(mayHaveWritten)
      .map(({ destination, to, result }): [string, Written] => [
        destination,
        known({ target: to, isUncertain: result === 'unknown' ? (true as const) : undefined }),
      ]),
  );
  if (wrote.size === 0 && isRecent) return memory;
  const rewritten = withEach(
    memory,
    (remembered, destination) => ({
      ...remembered,
      written: wrote.get(destination) ?? (isRecent ? remembered.written : undefined),
    }),
    wrote.keys(),
  );
  if (wrote.size === 0) return rewritten;
  const { doubt: _, ...undoubted } = rewritten;
  return { ...undoubted, lastWriteAt: now.toISOString() };
}
