import { z } from 'zod';

const [earliest, latest] = [Date.parse('0000-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

/**
 * An ISO 8601 date and time with a time zone, as people write it. It is in the years 0 to 9999 in UTC too: any other is
 * written with a sign, as +010000-01-01, and what we store with it could not be read again.
 */
export const instant = (expected: string): z.ZodISODateTime => {
  const isStorable = (text: string): boolean => !(Date.parse(text) < earliest || Date.parse(text) > latest);
  return z.iso.datetime({ offset: true, error: expected }).refine(isStorable, { error: expected });
};
