import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { type Status, phases } from '../core/status.ts';

// DynamoDB takes items of 400 KB at most, and each of a table's 2,000 routes may be ours, refused and fought over.

/** So much of a status is stored as it is, in bytes of JSON; that leaves room for the rest, packed. */
const plainAtMost = 250_000;

/** What may be packed away, first what people miss least. */
const packable = [
  'more',
  'recentWrites',
  'openRuns',
  'indexed',
  'drift',
  'replaced',
  'spared',
  'heals',
  'approval',
  'owned',
  'listed',
] as const;

/** A status as DynamoDB keeps it: field by field, and in one piece (`packed`) what would make it too large. */
export function itemOf(status: Status): Record<string, unknown> {
  const plain: Record<string, unknown> = { ...status, item: 'status' };
  const rest: Record<string, unknown> = {};
  for (const field of packable) {
    if (Buffer.byteLength(JSON.stringify(plain)) <= plainAtMost) break;
    rest[field] = status[field];
    delete plain[field];
  }
  return Object.keys(rest).length === 0 ? plain : { ...plain, packed: gzipSync(JSON.stringify(rest)) };
}

/** The status that an item keeps; undefined when nobody can read it. */
export function statusOf({ item: _, packed, ...plain }: Record<string, unknown>): Status | undefined {
  const rest = packed === undefined ? {} : unpacked(packed);
  const status = { ...plain, ...rest };
  return rest && isStatus(status) ? status : undefined;
}

function unpacked(packed: unknown): object | undefined {
  try {
    const value: unknown = packed instanceof Uint8Array ? JSON.parse(gunzipSync(packed).toString()) : undefined;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const strings = z.array(z.string());

/** What decisions rest on. A status without it is as good as lost: then every delete asks a person first. */
const statusShape = z.looseObject({
  routeTableId: z.string(),
  phase: z.enum(phases),
  reason: z.string(),
  failures: z.array(z.looseObject({ action: z.string(), destination: z.string(), attempts: z.number() })),
  checkedAt: z.iso.datetime(),
  changedAt: z.iso.datetime(),
  cleanPolicy: z.string().optional(),
  listed: strings,
  owned: z.array(z.looseObject({ destination: z.string(), target: z.string() })),
  foreign: strings,
  revision: z.number(),
  approval: z
    .looseObject({
      at: z.string(),
      by: z.string(),
      routes: z.array(z.looseObject({ destination: z.string(), target: z.string() })),
    })
    .optional(),
});

const isStatus = (value: unknown): value is Status => statusShape.safeParse(value).success;
