import { Failure } from './failure.ts';

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** A time such as `2h`, in milliseconds. Undefined if it is none. */
export function lengthIn(text: string): number | undefined {
  const [, count, name] = /^(\d{1,4})([smhd])$/.exec(text) ?? [];
  const unit = Object.entries(units).find(([known]) => known === name)?.[1];
  return unit === undefined ? undefined : Number(count) * unit * 1_000;
}

/**
 * An instant with its time zone. Undefined if it is none.
 *
 * @throws Failure for a day such as February 30, which `Date` takes for a day in March
 */
function instantIn(text: string): Date | undefined {
  const instant = new Date(text);
  const [, day] = /^(\d{4}-\d\d-\d\d)T.*(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  if (day === undefined || Number.isNaN(instant.getTime())) return undefined;
  if (!new Date(day).toISOString().startsWith(day)) throw new Failure(`${text}: there is no such day`);
  return instant;
}

const example = 'an instant with its time zone, such as 2027-01-31T18:00:00Z';

/**
 * When an order ends by itself, if it does.
 *
 * @throws Failure
 */
export function endOf(
  { until, for: duration }: { readonly until?: string; readonly for?: string },
  now: Date,
): Date | undefined {
  if (until !== undefined && duration !== undefined) throw new Failure('give --until or --for, not both');
  if (duration === undefined && until === undefined) return undefined;
  const ms = duration === undefined ? undefined : lengthIn(duration);
  if (duration !== undefined && !ms) throw new Failure(`--for ${duration}: expected a time such as 30m, 2h or 1d`);
  const end = ms === undefined ? instantIn(until ?? '') : new Date(now.getTime() + ms);
  if (!end) throw new Failure(`--until ${until}: expected ${example}`);
  if (end <= now) throw new Failure(`--until ${end.toISOString()} is in the past: the order would have no effect`);
  return end;
}

/**
 * From when on to show: an instant, or a time before now.
 *
 * @throws Failure
 */
export function startOf(since: string, now: Date): Date {
  const ms = lengthIn(since);
  const start = ms === undefined ? instantIn(since) : new Date(now.getTime() - ms);
  if (!start) throw new Failure(`--since ${since}: expected a time such as 2h or 7d, or ${example}`);
  return start;
}
