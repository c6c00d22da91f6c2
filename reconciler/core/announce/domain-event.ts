import { z } from 'zod';

/** Where our events come from: what rules filter by, and the only source our functions may use. */
export const eventSource = 'route-reconciler';

const time = z.iso.datetime().describe('UTC');

const actor = z.object({
  arn: z.string().describe("the caller's ARN, or the AWS service that called"),
  sourceIp: z.string().optional(),
  userAgent: z.string().optional(),
  invokedBy: z.string().optional().describe("the AWS service that called in the actor's name"),
});

const change = z.object({
  action: z.enum(['replace', 'delete', 'create']).describe('what puts the difference right'),
  destination: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  actor: z
    .union([actor, z.literal('unattributed')])
    .optional()
    .describe('who caused the difference; named only where call, table and destination match'),
});

const common = {
  id: z.string().describe('the same each time this event is sent, so that a receiver can drop repeats'),
  routeTableId: z.string(),
  phase: z.string().describe('the phase the table is in now'),
  reason: z.string().describe('one sentence: why'),
  at: time.describe('when the table was looked at'),
  trigger: z.object({
    kind: z.string(),
    id: z.string().optional(),
    name: z.string().optional(),
    time: time.optional(),
  }),
  planId: z.string().optional(),
  changes: z.array(change).describe('at most 100'),
  omitted: z.int().optional().describe('how many changes there were beyond those'),
};

const state = z.enum(['entered', 'left']).describe('`left` tells the end: the recovery');

/** What each event tells, by its `detail-type`. Fields are added to it over time, and never renamed. */
export const detailSchemas = {
  'Route Drift Detected': z.object({
    ...common,
    enforced: z.boolean().describe('whether it is put right; else the table is only watched, paused or stopped'),
  }),
  'Route Drift Healed': z.object({
    ...common,
    since: time.describe('when the first of these routes was found changed'),
  }),
  'Route Reconcile Failed': z.object({
    ...common,
    state,
    failures: z.array(
      z.object({
        action: z.string(),
        destination: z.string(),
        to: z.string().optional(),
        code: z.string().optional(),
        message: z.string().optional(),
        remedy: z.string().optional(),
      }),
    ),
  }),
  'Route Plan Blocked': z.object({
    ...common,
    state,
    code: z.string().optional(),
    deletes: z.array(z.string()).describe('the destinations whose deletes wait for a person'),
  }),
  'Route Table Contested': z.object({
    ...common,
    state,
    contests: z.array(
      z.object({ destination: z.string(), target: z.string().optional(), heals: z.int(), by: z.array(actor) }),
    ),
  }),
  'Route Table Changed': z.object({
    ...common,
    notice: z.string().describe('what somebody changed around the table, which is not healed'),
    actor: actor.optional(),
  }),
} as const;

export type DetailType = keyof typeof detailSchemas;

/** One thing that came to be, told once to whoever listens. */
export type DomainEvent = {
  [T in DetailType]: { readonly type: T; readonly detail: z.infer<(typeof detailSchemas)[T]> };
}[DetailType];
