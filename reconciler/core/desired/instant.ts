import { z } from 'zod';

const [earliest, latest] = [Date.parse('0000-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

/**
 * An ISO 8601 date and time with a time zone, in the years 0 to 9999 in UTC. JavaScript writes other years with a sign
 * (+010000-01-01), and our own schemas would not read that again.
 *
 * @param expected what to say to people if a text is none
 */
export const instant = (expected: string): z.ZodISODateTime => {
  const isStorable = (text: string): boolean => !(Date.parse(text) < earliest || Date.parse(text) > latest);
  return z.iso.datetime({ offset: true, error: expected }).refine(isStorable, { error: expected });
};
