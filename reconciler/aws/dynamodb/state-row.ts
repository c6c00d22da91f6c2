import { z } from 'zod';
import { type DetailType, type DomainEvent, detailSchemas } from '../../core/announce/domain-event.ts';
import { type Metric, metricUnits } from '../../core/announce/metrics.ts';
import { type News, withFirst } from '../../core/announce/news.ts';
import type { ChangeJson } from '../../core/route/change.ts';
import type { Finding } from '../../core/desired/finding.ts';
import type { Blocked, WaitingChange } from '../../core/plan/guard.ts';
import type { Waiting } from '../../core/plan/takeover.ts';
import { known } from '../../core/route/known.ts';
import type { Actor } from '../../core/memory/call.ts';
import {
  type Cause,
  type Contest,
  type Braked,
  type Down,
  type Drift,
  type Lag,
  type LastDrift,
  type Memory,
  type OpenRun,
  type PolicySince,
  type Refusal,
  type Remembered,
  type RememberedApproval,
  type Rescue,
  type Repairs,
  type Rewritten,
  type Seen,
  type Written,
  withEach,
} from '../../core/memory/memory.ts';
import type { ApprovedRoute, GivenOrder } from '../../core/desired/orders.ts';
import type { Policy } from '../../core/desired/policy.ts';
import { isPossibleMemory, isPossibleStatus } from '../../core/status/possible-times.ts';
import type { Problem } from '../../core/desired/problem.ts';
import {
  type Contested,
  type Failure,
  type InForce,
  type PlanSummary,
  type ShownPause,
  type State,
  type Status,
  phases,
} from '../../core/status/status.ts';
import type { ShownTrigger } from '../../core/memory/trigger.ts';
import type { Glance, StoredState } from '../../ports.ts';
import { isUnpackable, pack, unpack } from './pack.ts';

// DynamoDB takes items of 400 KB at most, and each of a table's 2,000 routes may drift, be refused and be contested.

/**
 * A row larger than this, in bytes, loses what people miss least. So does one whose memory would not be unpacked again. The
 * rest of 400 KB is room for names and numbers.
 */
const rowAtMost = 380_000;

/** Of this, what is not announced yet may take so much. */
const newsAtMost = 60_000;

/** A state as DynamoDB keeps it: the status attribute by attribute, the memory in one packed attribute. */
export function rowOf({ status, memory, unsent, ...rest }: StoredState): Record<string, unknown> {
  const beside = { ...rest, item: 'status', ...(unsent && { unsent: packNews(unsent) }) };
  const layOut = (state: State): Row => ({ ...state.status, ...beside, memory: pack(withEntries(state.memory)) });
  const whole = layOut({ status, memory });
  if (fits(whole)) return whole;
  let left: State = { status, memory: { ...memory, forgotten: (memory.forgotten ?? 0) + 1 } };
  const sparer = sacrifices.map((sacrifice) => (left = sacrifice(left)));
  // Packing takes the most time, and each of these is smaller than the one before: halving finds the first that fits.
  let row = layOut(left);
  for (let [first, last] = [0, sparer.length - 1]; first < last;) {
    const middle = Math.floor((first + last) / 2);
    const one = layOut(sparer[middle] ?? left);
    if (fits(one)) [row, last] = [one, middle];
    else first = middle + 1;
  }
  return row;
}

interface Row extends Record<string, unknown> {
  readonly memory: Uint8Array;
}

const fits = (row: Row): boolean => sizeOf(row) <= rowAtMost && isUnpackable(row.memory);

const sizeOf = (row: Record<string, unknown>): number =>
  Object.values(row)
    .map((value) => (value instanceof Uint8Array ? value.byteLength : Buffer.byteLength(JSON.stringify(value) ?? '')))
    .reduce((sum, bytes) => sum + bytes, 0);

/** Packs what is not announced yet: the first events for which there is room, and how many are dropped. */
export function packNews(news: News): Uint8Array {
  for (let most = news.events.length; ; most = Math.floor(most / 2)) {
    const packed = pack(withFirst(news, most));
    if ((packed.byteLength <= newsAtMost && isUnpackable(packed)) || most === 0) return packed;
  }
}

const withEntries = ({ destinations, ...table }: Memory): object => ({ ...table, destinations: [...destinations] });

// ── what a row can spare ────────────────────────────────────────────────────────────────────────────────────────────

type Sacrifice = (state: State) => State;

/** First what people miss least. What deletes are earned by is never among it. */
const sacrifices: readonly Sacrifice[] = [
  showing(20),
  forgetting(({ refusal, ...rest }) => {
    if (!refusal) return rest;
    const { message: _, remedy: __, ...bare } = refusal;
    return { ...rest, refusal: bare };
  }),
  forgetting(({ drift, ...rest }) => ({ ...rest, drift: drift?.filter(({ endedAt }) => endedAt === undefined) })),
  // If somebody creates and deletes thousands of routes, each one that appeared is remembered for 24 hours. Without that, a
  // new route there must appear again before its delete is earned.
  forgetting((one) => (one.emptySince !== undefined && one.arrival === 'appeared' && !one.listed ? {} : one)),
  forgetting(({ drift, rescue: _, ...rest }) => ({
    ...rest,
    drift: drift?.map(({ cause: __, runs: ___, ...bare }) => bare),
  })),
  forgetting(({ repairs, ...rest }) => ({ ...rest, repairs: repairs && { ...repairs, by: repairs.by.slice(-1) } })),
  forgetting(({ repairs, ...rest }) => ({ ...rest, repairs: repairs?.contest && repairs })),
  showing(5),
  forgetting(({ repairs, ...rest }) => ({ ...rest, repairs: repairs && { ...repairs, at: repairs.at.slice(-1) } })),
  forgetting(({ drift: _, ...rest }) => rest),
  forgetting(({ listed, ours, overrodeLocal, seenAsListed, wasLocal, seen, arrival, emptySince, instances, down }) => ({
    listed,
    ours,
    overrodeLocal,
    seenAsListed,
    wasLocal,
    seen,
    arrival,
    emptySince,
    instances,
    down: down && bare(down),
  })),
];

/** Without who took the target down and who moved the route. */
const bare = ({ takenDown: _, moved: __, ...rest }: Down): Down => rest;

function forgetting(spare: (remembered: Remembered) => Rewritten): Sacrifice {
  return ({ status, memory }) => ({ status, memory: withEach(memory, spare) });
}

/** Shows only the first of the routes that fail, are contested or drifted. The memory knows them all. */
function showing(most: number): Sacrifice {
  return ({ status, memory }) => {
    const [contested, drift] = [status.contested?.slice(0, most), status.drift?.slice(0, most)];
    const failures = status.failures.slice(0, most);
    return { status: { ...status, ...known({ failures, contested, drift }) }, memory };
  };
}

// ── what a row must contain to be believed ──────────────────────────────────────────────────────────────────────────

/** Shapes for every field of a type, so that none is forgotten here. Fields of a later version are let through. */
type ShapesOf<T> = Record<keyof T, z.ZodType>;

const text = z.string();
const number = z.number();
const time = z.iso.datetime();
const flag = z.literal(true).optional();

const optional = { text: text.optional(), number: number.optional(), time: time.optional() };

/** An actor: whatever is remembered of a call must be readable again. */
export const actorShape = z.looseObject({
  arn: text,
  sourceIp: optional.text,
  userAgent: optional.text,
  invokedBy: optional.text,
} satisfies ShapesOf<Actor>);

const changeFields = {
  action: z.enum(['create', 'replace', 'delete']),
  destination: text,
  from: optional.text,
  to: optional.text,
  because: optional.text,
} satisfies ShapesOf<ChangeJson>;

const { destination: _, ...ofRefused } = changeFields;

const refusalFields = {
  ...ofRefused,
  kind: optional.text,
  code: optional.text,
  message: optional.text,
  remedy: optional.text,
  attempts: number,
  since: optional.time,
  triedSince: optional.time,
  nextRetry: optional.time,
} satisfies ShapesOf<Refusal>;

const cause = z.looseObject({ id: text, name: text, time, actor: actorShape.optional() } satisfies ShapesOf<Cause>);

const drift = z.looseObject({
  ...changeFields,
  foundAt: time,
  watched: flag,
  stood: flag,
  cause: cause.optional(),
  expectsEvent: flag,
  appliedAt: optional.time,
  byUs: flag,
  endedAt: optional.time,
  runs: z.array(text).optional(),
} satisfies ShapesOf<Drift>);

const repairs = z.looseObject({
  target: optional.text,
  at: z.array(time),
  by: z.array(actorShape),
  contest: z.looseObject({ since: time, until: time, waitMs: number } satisfies ShapesOf<Contest>).optional(),
  quietSince: optional.time,
} satisfies ShapesOf<Repairs>);

const remembered = z.looseObject({
  listed: flag,
  ours: optional.text,
  overrodeLocal: flag,
  inForce: optional.text,
  seenAsListed: flag,
  wasLocal: flag,
  seen: z
    .looseObject({
      target: text,
      via: optional.text,
      state: optional.text,
      ownerId: optional.text,
      leftAlone: optional.text,
      takesTraffic: flag,
    } satisfies ShapesOf<Seen>)
    .optional(),
  arrival: optional.text,
  emptySince: optional.time,
  down: z
    .looseObject({
      target: text,
      since: time,
      upAt: optional.time,
      aliveSince: optional.time,
      takenDown: cause.optional(),
      seenMovedAt: optional.time,
      moved: cause.optional(),
    } satisfies ShapesOf<Down>)
    .optional(),
  rescue: z
    .looseObject({
      target: text,
      since: time,
      upAt: optional.time,
      takenDown: cause.optional(),
      run: optional.text,
    } satisfies ShapesOf<Rescue>)
    .optional(),
  instances: z.record(z.string(), text).optional(),
  planned: z.looseObject(changeFields).optional(),
  waits: optional.text,
  troubles: z.array(text).optional(),
  refusal: z.looseObject(refusalFields).optional(),
  repairs: repairs.optional(),
  written: z
    .looseObject({
      target: optional.text,
      from: optional.text,
      isUncertain: flag,
      isShown: flag,
    } satisfies ShapesOf<Written>)
    .optional(),
  drift: z.array(drift).optional(),
} satisfies ShapesOf<Remembered>);

const lastDrift = z.looseObject({
  foundAt: time,
  routes: number,
  actor: actorShape.optional(),
  others: flag,
  calledAt: optional.time,
  appliedAt: optional.time,
  healedAt: optional.time,
} satisfies ShapesOf<LastDrift>);

const route = z.looseObject({ destination: text, target: text } satisfies ShapesOf<ApprovedRoute>);

const texts = z.array(text);

const policy = z.looseObject({
  mode: text,
  unlisted: text,
  paused: z.looseObject({ reason: text, until: optional.time }).optional(),
  scope: texts.optional(),
  ignore: z.array(z.looseObject({ destination: optional.text, target: optional.text, until: optional.time })),
  overrideLocal: texts,
} satisfies ShapesOf<Policy>);

/** An order as it is remembered. */
export const orderShape = z.custom<GivenOrder>((value) => order.safeParse(value).success);

const order = z.looseObject({
  kind: text,
  destination: optional.text,
  reason: optional.text,
  by: optional.text,
  at: optional.text,
  until: optional.time,
  routes: z.array(route).optional(),
  moreRoutes: optional.number,
  edits: z.array(text).optional(),
} satisfies ShapesOf<GivenOrder>);

const memoryShape = z.looseObject({
  destinations: z.array(z.tuple([text, remembered])),
  desiredHash: optional.text,
  policyHash: optional.text,
  lastValid: optional.text,
  policy: policy.optional(),
  orders: z.array(order).optional(),
  readAt: optional.time,
  readForCallAt: optional.time,
  turnAt: optional.time,
  policySince: z
    .looseObject({ policy: text, at: time, before: text, isWatched: flag } satisfies ShapesOf<PolicySince>)
    .optional(),
  watched: flag,
  lastWriteAt: optional.time,
  braked: z.looseObject({ desiredHash: text, since: time, edit: optional.text } satisfies ShapesOf<Braked>).optional(),
  lag: z.looseObject({ since: time, waitMs: number } satisfies ShapesOf<Lag>).optional(),
  doubt: flag,
  lastDrift: lastDrift.optional(),
  approval: z
    .looseObject({ at: text, by: text, routes: z.array(route) } satisfies ShapesOf<RememberedApproval>)
    .optional(),
  openRuns: z.array(z.looseObject({ id: text, destinations: z.array(text) } satisfies ShapesOf<OpenRun>)).optional(),
  deletions: z.array(text).optional(),
  callsSeen: z.array(text).optional(),
  forgotten: optional.number,
  indexed: z.array(text).optional(),
  unindexed: z.array(text).optional(),
} satisfies ShapesOf<Memory>);

const waitingChanges = z.array(
  z.looseObject({ destination: text, target: text, code: text } satisfies ShapesOf<WaitingChange>),
);

const planShape = z.looseObject({
  routeTableId: text,
  inSync: z.boolean(),
  planId: text,
  changes: z.array(z.looseObject(changeFields)),
  unchanged: number,
  leftAlone: z.array(z.looseObject({ destination: text, target: text, reason: text })),
  findings: z.array(
    z.looseObject({
      code: text,
      destination: optional.text,
      target: optional.text,
      message: text,
    } satisfies ShapesOf<Finding>),
  ),
  blocked: z
    .looseObject({
      code: text,
      message: text,
      deletes: waitingChanges,
      replaces: waitingChanges.optional(),
      edit: optional.text,
    } satisfies ShapesOf<Blocked>)
    .optional(),
  waiting: z.array(z.looseObject({ destination: text, creates: z.array(text) } satisfies ShapesOf<Waiting>)).optional(),
  omitted: z.looseObject({ changes: number, leftAlone: number, findings: number }).optional(),
} satisfies ShapesOf<PlanSummary>);

const statusShape = z.looseObject({
  routeTableId: text,
  phase: z.enum(phases),
  reason: text,
  vpcId: optional.text,
  name: optional.text,
  mode: z.literal('observe').optional(),
  listed: optional.number,
  plan: planShape.optional(),
  blackholes: optional.number,
  problems: z.array(z.looseObject({ path: text, found: text, message: text } satisfies ShapesOf<Problem>)).optional(),
  failures: z.array(z.looseObject({ ...changeFields, ...refusalFields } satisfies ShapesOf<Failure>)),
  contested: z
    .array(
      z.looseObject({
        destination: text,
        target: optional.text,
        repairs: number,
        by: z.array(actorShape),
        until: time,
      } satisfies ShapesOf<Contested>),
    )
    .optional(),
  drift: z.array(drift).optional(),
  lastDrift: lastDrift.optional(),
  trigger: z.looseObject({
    kind: text,
    id: optional.text,
    name: optional.text,
    time: optional.text,
    via: optional.text,
  } satisfies ShapesOf<ShownTrigger>),
  actor: actorShape.optional(),
  checkedAt: time,
  changedAt: time,
  inSyncSince: optional.time,
  nextRetry: optional.time,
  inForce: z.looseObject({ since: time, phase: z.enum(phases), reason: text } satisfies ShapesOf<InForce>).optional(),
  pause: z
    .looseObject({
      reason: text,
      of: text,
      by: optional.text,
      at: optional.text,
      until: optional.text,
    } satisfies ShapesOf<ShownPause>)
    .optional(),
} satisfies ShapesOf<Status>);

const besideShape = z.object({ revision: number, seen: optional.text, dueAt: optional.time });

const metricShape = z.object({ name: z.string().refine((name) => name in metricUnits), value: number });
const eventShape = z.object({
  type: z.custom<DetailType>((type) => typeof type === 'string' && Object.hasOwn(detailSchemas, type)),
  detail: z.unknown(),
});

/** An event that is not announced yet. */
export const unsentEventShape = z.custom<DomainEvent>((value) => {
  const event = eventShape.safeParse(value);
  return event.success && detailSchemas[event.data.type].safeParse(event.data.detail).success;
});

const newsShape = z.object({
  metrics: z.array(z.custom<Metric>((value) => metricShape.safeParse(value).success)),
  events: z.array(unsentEventShape),
});

/** The state of a row without its memory. Undefined when it cannot be read, or when no reconcile before `now` wrote it. */
export function glanceOf(row: Record<string, unknown>, now: Date): Glance | undefined {
  const { item: _, memory: __, unsent, revision, seen, dueAt, ...status } = row;
  const beside = besideShape.safeParse({ revision, seen, dueAt });
  if (!beside.success || !isStatus(status) || !isPossibleStatus(status, beside.data.dueAt, now)) return undefined;
  return { status, ...known(beside.data), hasUnsent: unsent !== undefined };
}

const isStatus = (value: unknown): value is Status => statusShape.safeParse(value).success;

/** The state that a row keeps. Undefined when it cannot be read: then it counts as lost. */
export function stateOf(row: Record<string, unknown>, now: Date): StoredState | undefined {
  const glance = glanceOf(row, now);
  if (!glance) return undefined;
  const { hasUnsent: _, ...rest } = glance;
  try {
    const unsent = row['unsent'] === undefined ? undefined : newsShape.parse(unpack(row['unsent']));
    const memory = memoryOf(unpack(row['memory']));
    return isPossibleMemory(memory, now) ? known({ ...rest, memory, unsent }) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error when it is anything but a memory with its destinations as entries */
function memoryOf(value: unknown): Memory {
  if (!isStoredMemory(value)) throw new TypeError('expected a memory with its destinations as entries');
  return { ...value, destinations: new Map(value.destinations) };
}

/** A memory as JSON has it: a map is a list of its entries. */
type StoredMemory = Omit<Memory, 'destinations'> & {
  readonly destinations: readonly (readonly [string, Remembered])[];
};

const isStoredMemory = (value: unknown): value is StoredMemory => memoryShape.safeParse(value).success;
