import { z } from 'zod';
import { entriesAtMost } from './limits.ts';
import { instant as instantOf } from './instant.ts';
import type { IgnoreEntry } from './ignore.ts';
import { type Parsed, parseDestination, parseTarget, routeTableIdPattern } from '../route/route.ts';

const text = (expected: string) => z.string({ error: `expected ${expected}` });
const id = (pattern: RegExp, expected: string) => text(expected).regex(pattern, { error: `expected ${expected}` });
const instant = instantOf('expected an ISO 8601 date and time with a time zone, such as 2027-01-31T00:00:00Z');
const reason = text('a sentence saying why')
  .min(1, { error: 'expected a sentence saying why' })
  .max(256, { error: 'expected at most 256 characters' });

/** A string that one of the parsers in `route.ts` must accept. What the parser expected becomes the message. */
const readable = (expected: string, parse: (text: string) => Parsed<unknown>) =>
  text(expected).check((ctx) => {
    const parsed = parse(ctx.value);
    if (!parsed.ok) {
      ctx.issues.push({ code: 'custom', input: ctx.value, message: `expected ${parsed.expected}` });
    }
  });

// These patterns are for editors only. They are looser than the parsers, which decide what is valid.
const destination = readable('a CIDR block or a prefix list id (pl-…)', parseDestination).meta({
  pattern:
    '^(\\d{1,3}(\\.\\d{1,3}){3}/(3[0-2]|[12]?\\d)|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*/(12[0-8]|1[01]\\d|[1-9]?\\d)|pl-[0-9a-f]+)$',
  examples: ['10.20.0.0/16', '0.0.0.0/0', '2001:db8::/32', '::/0', 'pl-0123456789abcdef0'],
});
const targetPattern =
  '^(local|(igw|vgw|nat|eni|i|pcx|tgw|eigw|cagw|lgw|vpce)-([0-9a-f]{8}|[0-9a-f]{17})|arn:aws[a-z-]*:(networkmanager|odb):.+)$';
const target = readable('the id or ARN of a target, or local', parseTarget).meta({
  pattern: targetPattern,
  examples: ['nat-0123456789abcdef0', 'pcx-0123456789abcdef0', 'tgw-0123456789abcdef0', 'local'],
});

/** The local route always works, so it is nobody's alternate. */
const parseAlternate = (id: string): Parsed<unknown> =>
  id === 'local' ? { ok: false, expected: 'an id or ARN: local cannot be an alternate' } : parseTarget(id);
const alternate = readable('the id or ARN of a target', parseAlternate).meta({
  pattern: targetPattern.replace('local|', ''),
  examples: ['nat-0fedcba9876543210', 'eni-0123456789abcdef0'],
});

export const routeSchema = z.strictObject(
  {
    destination: destination.describe('IPv4 CIDR block, IPv6 CIDR block or prefix list (pl-…).'),
    target: target.describe('What carries the traffic: an id such as nat-… or pcx-…, an ARN, or local.'),
    alternates: z
      .array(alternate, { error: 'expected a list of targets' })
      .refine(({ length }) => length <= 5, { error: 'expected at most 5 targets' })
      .meta({ maxItems: 5 })
      .optional()
      .describe(
        'Other targets that the route may have. If others move it to one of these, it stays there. If its target dies, it is moved to the first that is up.',
      ),
    overrideLocal: z
      .boolean({ error: 'expected true or false' })
      .optional()
      .describe('Must be true to retarget the local route of this destination.'),
    description: text('a text of at most 256 characters')
      .max(256, { error: 'expected at most 256 characters' })
      .optional()
      .describe('Free text, at most 256 characters.'),
  },
  { error: 'expected a route such as { destination: 10.0.0.0/16, target: pcx-… }' },
);

export const ignoreSchema = z
  .strictObject(
    {
      destination: destination
        .optional()
        .describe(
          'Matches routes equal to or inside this CIDR block, or routes of this prefix list. 0.0.0.0/0 and ::/0 match only the default route.',
        ),
      target: id(/^[A-Za-z0-9:/*?._-]{1,256}$/, 'a target id, or a glob such as eni-*')
        .optional()
        .describe('A target id, or a glob such as eni-*.'),
      reason: reason.describe('Why these routes are ignored.'),
      until: instant.optional().describe('The entry expires at this time.'),
    },
    { error: 'expected an entry such as { destination: 10.200.0.0/16, reason: pod routes }' },
  )
  .refine((entry) => entry.destination !== undefined || entry.target !== undefined, {
    error: 'expected a destination, a target, or both',
    // Check this even if other fields are wrong, so that one run reports every problem.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  })
  .meta({ anyOf: [{ required: ['destination'] }, { required: ['target'] }] });

/** The desired item as people write it. Its types, checks and JSON Schema all come from here. */
export const desiredItemSchema = z
  .strictObject(
    {
      routeTableId: id(routeTableIdPattern, 'a route table id: rtb- and 17 (or 8) lower-case hex digits').describe(
        'The route table that this item describes.',
      ),
      routes: z
        .array(routeSchema, { error: 'expected a list of routes; an empty list means that the table should have none' })
        .max(entriesAtMost.routes)
        .describe(
          'Every route that the table should have, apart from routes that others maintain. An empty list means none.',
        ),
      mode: z
        .enum(['enforce', 'observe'], { error: 'expected enforce or observe' })
        .default('enforce')
        .describe('enforce repairs drift; observe only reports it.'),
      unlisted: z
        .enum(['delete', 'keep'], { error: 'expected delete or keep' })
        .default('delete')
        .describe(
          'What happens to unlisted routes that the reconciler may change. delete removes them. keep removes only those that the reconciler wrote.',
        ),
      scope: z
        .array(destination, { error: 'expected a list of CIDR blocks and prefix lists' })
        .min(1, { error: 'expected at least one CIDR block or prefix list; leave scope out to manage the whole table' })
        .max(entriesAtMost.scope)
        .optional()
        .describe('Only destinations equal to or inside one of these are managed.'),
      ignore: z
        .array(ignoreSchema, { error: 'expected a list of entries with destination, target or both, and a reason' })
        .max(entriesAtMost.ignore)
        .default([])
        .describe('Routes that somebody else owns. A route is ignored when it matches every field of one entry.'),
      maxDeletes: z
        .int({ error: 'expected a whole number' })
        .min(0, { error: 'expected 0 or more' })
        .optional()
        .describe(
          'A plan with more deletes than this needs approval. Default: half of the routes, but at least 1 and at most 10.',
        ),
      paused: z
        .strictObject(
          {
            reason: reason.describe('Why the table is paused.'),
            until: instant.optional().describe('The pause ends by itself at this time.'),
          },
          { error: 'expected a pause such as { reason: maintenance, until: 2027-01-31T00:00:00Z }' },
        )
        .optional()
        .describe('While the pause is active, nothing is changed. Drift is still reported.'),
    },
    { error: 'expected a desired item: a map with routeTableId and routes' },
  )
  .meta({ title: 'Desired route table', description: 'What one VPC route table should contain.' });

export type DesiredItem = z.output<typeof desiredItemSchema>;

/** Converts a valid ignore entry to the form that the planner uses. */
export const ignoreEntryOf = ({ destination, target, reason, until }: z.output<typeof ignoreSchema>): IgnoreEntry => ({
  ...(destination !== undefined && { destination: must(parseDestination(destination)) }),
  ...(target !== undefined && { target }),
  reason,
  ...(until !== undefined && { until: new Date(until) }),
});

/** Returns the value of a parsed text that already passed the schema. */
export function must<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new TypeError(`a checked value did not parse: expected ${parsed.expected}`);
  return parsed.value;
}
