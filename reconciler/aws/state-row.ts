import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { DomainEvent } from '../core/announce/domain-event.ts';
import type { Metric } from '../core/announce/metrics.ts';
import type { News } from '../core/announce/news.ts';
import { known } from '../core/known.ts';
import { type Memory, type Rewritten, withEach } from '../core/memory/memory.ts';
import { type Status, phases } from '../core/status/status.ts';
import type { Actor } from '../core/memory/call.ts';
import type { Glance, StoredState } from '../ports.ts';

// DynamoDB takes items of 400 KB at most, and each of a table's 2,000 routes may drift, be refused and be contested.

/** A row larger than this, in bytes, loses what people miss least. The rest of 400 KB is room for names and numbers. */
const rowAtMost = 380_000;

const actorsAtMost = 100;

/** A state as DynamoDB keeps it: the status attribute by attribute, the memory in one gzipped attribute. */
export function rowOf({ status, memory, unsent, ...rest }: StoredState): Record<string, unknown> {
  const plain = { ...status, ...rest, item: 'status', ...(unsent && { unsent: packNews(unsent) }) };
  const roomFor = rowAtMost - sizeOf(plain);
  let packed = pack(memory);
  let left = memory;
  for (const sacrifice of sacrifices) {
    if (packed.byteLength <= roomFor) break;
    left = sacrifice(left);
    packed = pack(left);
  }
  return { ...plain, memory: packed };
}

const sizeOf = ({ unsent, ...plain }: Record<string, unknown>): number =>
  Buffer.byteLength(JSON.stringify(plain)) + (unsent instanceof Uint8Array ? unsent.byteLength : 0);

/** What a memory can spare, first what people miss least. What deletes are earned by is never among it. */
const sacrifices: readonly ((memory: Memory) => Memory)[] = [
  forgetting(({ refusal, ...rest }) => {
    if (!refusal) return rest;
    const { message: _, remedy: __, ...bare } = refusal;
    return { ...rest, refusal: bare };
  }),
  forgetting(({ drift, ...rest }) => ({ ...rest, drift: drift?.filter(({ endedAt }) => endedAt === undefined) })),
  forgetting(({ drift, ...rest }) => ({ ...rest, drift: drift?.map(({ cause: _, runs: __, ...bare }) => bare) })),
  forgetting(({ repairs, ...rest }) => ({ ...rest, repairs: repairs && { ...repairs, by: repairs.by.slice(-1) } })),
  forgetting(({ repairs, ...rest }) => ({ ...rest, repairs: repairs?.contest && repairs })),
];

function forgetting(spare: (remembered: Rewritten) => Rewritten): (memory: Memory) => Memory {
  return (memory) => ({ ...withEach(memory, spare), forgotten: (memory.forgotten ?? 0) + 1 });
}

// ── the memory in one attribute ─────────────────────────────────────────────────────────────────────────────────────

/** Two lines of JSON, gzipped: the texts that repeat, then the memory with a number in the place of each. */
function pack({ destinations, ...table }: Memory): Uint8Array {
  const targets = new Numbered<string>(Infinity);
  const actors = new Numbered<Actor>(actorsAtMost);
  const body = JSON.stringify({ ...table, destinations: Object.fromEntries(destinations) }, (key, value: unknown) => {
    if (targetKeys.has(key) && typeof value === 'string') return targets.numberOf(value, value);
    if (key === 'actor') return actors.numberOf(JSON.stringify(value), value as Actor);
    if (key === 'by' && Array.isArray(value))
      return (value as Actor[]).flatMap((actor) => actors.numberOf(JSON.stringify(actor), actor) ?? []);
    return value;
  });
  return gzipSync(`${JSON.stringify({ targets: targets.values, actors: actors.values })}\n${body}`);
}

const targetKeys: ReadonlySet<string> = new Set(['from', 'to', 'target', 'ours']);

/** Numbers values in the order in which they come. */
class Numbered<T> {
  readonly values: T[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Undefined for a new value when there are too many. */
  numberOf(key: string, value: T): number | undefined {
    const before = this.#numbers.get(key);
    if (before !== undefined || this.values.length >= this.#most) return before;
    this.#numbers.set(key, this.values.length);
    return this.values.push(value) - 1;
  }
}

/** @throws Error when `packed` is anything but what `pack` made */
function unpack(packed: unknown): Memory {
  const [tables = '', body = ''] = gunzipSync(z.instanceof(Uint8Array).parse(packed)).toString().split('\n');
  const { targets, actors } = tablesShape.parse(JSON.parse(tables));
  const parsed: unknown = JSON.parse(body, (key, value: unknown) => {
    if (targetKeys.has(key) && typeof value === 'number') return targets[value];
    if (key === 'actor' && typeof value === 'number') return actors[value];
    if (key === 'by' && Array.isArray(value)) return value.map((number) => actors[Number(number)]);
    return value;
  });
  const { destinations, ...table } = memoryShape.parse(parsed);
  return { ...table, destinations: new Map(Object.entries(destinations)) } as Memory;
}

// ── what a row must contain to be believed ──────────────────────────────────────────────────────────────────────────

const text = z.string();
const time = z.iso.datetime();
const flag = z.literal(true).optional();
const actorShape = z.looseObject({ arn: text });
const changeShape = z.looseObject({ action: z.enum(['create', 'replace', 'delete']), destination: text });

const tablesShape = z.object({ targets: z.array(text), actors: z.array(actorShape) });

const rememberedShape = z.looseObject({
  listed: flag,
  ours: text.optional(),
  overrodeLocal: flag,
  foreign: flag,
  spared: flag,
  onTrial: z.looseObject({ target: text, deadSince: time.optional() }).optional(),
  planned: changeShape.optional(),
  waits: text.optional(),
  troubles: z.array(text).optional(),
  refusal: z.looseObject({ action: text, attempts: z.number(), nextRetry: time }).optional(),
  repairs: z
    .looseObject({
      at: z.array(time),
      by: z.array(actorShape),
      contest: z.looseObject({ since: time, until: time, waitMs: z.number() }).optional(),
      quietSince: time.optional(),
    })
    .optional(),
  written: z.looseObject({ target: text.optional() }).optional(),
  drift: z
    .array(changeShape.extend({ foundAt: time, appliedAt: time.optional(), endedAt: time.optional() }))
    .optional(),
});

const memoryShape = z.looseObject({
  destinations: z.record(text, rememberedShape),
  desiredHash: text.optional(),
  policyHash: text.optional(),
  cleanPolicy: text.optional(),
  watched: flag,
  lastWriteAt: time.optional(),
  doubt: z.looseObject({ seen: text, at: time }).optional(),
  lastDrift: z.looseObject({ foundAt: time, routes: z.number() }).optional(),
  openRuns: z.array(z.looseObject({ id: text, destinations: z.array(text) })).optional(),
  deletions: z.array(text).optional(),
  callsSeen: z.array(text).optional(),
  indexed: z.array(text).optional(),
});

const listOf = (shape: z.ZodType) => z.array(shape).optional();

const statusShape = z.looseObject({
  routeTableId: text,
  phase: z.enum(phases),
  reason: text,
  trigger: z.looseObject({ kind: text }),
  checkedAt: time,
  changedAt: time,
  nextRetry: time.optional(),
  failures: z.array(changeShape.extend({ attempts: z.number(), nextRetry: time })),
  drift: listOf(changeShape.extend({ foundAt: time })),
  contested: listOf(z.looseObject({ destination: text, by: z.array(actorShape) })),
  problems: listOf(z.looseObject({ path: text, message: text })),
  plan: z
    .looseObject({
      planId: text,
      changes: z.array(changeShape),
      leftAlone: z.array(z.looseObject({ destination: text })),
      findings: z.array(z.looseObject({ code: text, message: text })),
    })
    .optional(),
});

const rowShape = z.object({ revision: z.number(), seen: text.optional(), dueAt: time.optional() });

/** The state of a row without its memory. Undefined when it cannot be read. */
export function glanceOf(row: Record<string, unknown>): Glance | undefined {
  const { item: _, memory: __, unsent, revision, seen, dueAt, ...status } = row;
  const beside = rowShape.safeParse({ revision, seen, dueAt });
  if (!beside.success || !isStatus(status)) return undefined;
  return { status, ...known(beside.data), hasUnsent: unsent !== undefined };
}

const isStatus = (value: unknown): value is Status => statusShape.safeParse(value).success;

/** The state that a row keeps. Undefined when it cannot be read: then it counts as lost. */
export function stateOf(row: Record<string, unknown>): StoredState | undefined {
  const glance = glanceOf(row);
  if (!glance) return undefined;
  const { hasUnsent: _, ...rest } = glance;
  try {
    const unsent = row['unsent'] === undefined ? undefined : unsentOf(row['unsent']);
    return known({ ...rest, memory: unpack(row['memory']), unsent });
  } catch {
    return undefined;
  }
}

const newsShape = z.object({
  metrics: z.array(z.custom<Metric>((value) => metricShape.safeParse(value).success)),
  events: z.array(z.custom<DomainEvent>((value) => eventShape.safeParse(value).success)),
});

const metricShape = z.object({ name: text, value: z.number() });
const eventShape = z.object({ type: text, detail: z.looseObject({ routeTableId: text, at: text, id: text }) });

export const packNews = (news: News): Uint8Array => gzipSync(JSON.stringify(news));

const unsentOf = (packed: unknown): News =>
  newsShape.parse(JSON.parse(gunzipSync(z.instanceof(Uint8Array).parse(packed)).toString()));
