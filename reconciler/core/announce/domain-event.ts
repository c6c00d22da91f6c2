import { z } from 'zod';
import { policyFields } from '../desired/policy.ts';

/** The source of our events. Rules filter by it, and our functions may use no other source. */
export const eventSource = 'route-reconciler';

const time = z.iso.datetime().describe('UTC');

const actor = z.object({
  arn: z.string().describe("the caller's ARN, or the AWS service that called"),
  sourceIp: z.string().optional(),
  userAgent: z.string().optional(),
  invokedBy: z.string().optional().describe("the AWS service that called in the actor's name"),
});

const change = z.object({
  action: z.enum(['replace', 'delete', 'create']).describe('the change that repairs the difference'),
  destination: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  actor: z
    .union([actor, z.literal('unattributed')])
    .optional()
    .describe('who caused the difference; named only if call, table and destination match'),
});

const message = z.object({
  subject: z.string().describe('one line: which table, and what is the matter'),
  what: z.string(),
  who: z.string(),
  next: z.string().describe('what a person can do about it'),
});

const common = {
  id: z.string().describe('the same each time this event is sent, so that a receiver can drop repeats'),
  routeTableId: z.string(),
  phase: z.string().describe('the phase the table is in now; `*` if the event concerns all tables'),
  reason: z.string().describe('one sentence: why'),
  at: time.describe('when the table was reconciled'),
  trigger: z.object({
    kind: z.string(),
    id: z.string().optional(),
    name: z.string().optional(),
    time: time.optional(),
  }),
  planId: z.string().optional(),
  changes: z.array(change).describe('at most 100'),
  omitted: z.int().optional().describe('how many more changes there were'),
  message: message
    .optional()
    .describe('the same for people, in four lines; present if the event is sent to the topic of the alarms'),
};

const state = z.enum(['entered', 'left']).describe('`left` reports the recovery');

/** The content of each event, by its `detail-type`. Fields may be added later, and are never renamed. */
export const detailSchemas = {
  'Route Drift Detected': z.object({
    ...common,
    enforced: z.boolean().describe('whether it is repaired; if not, the table is in mode observe, paused or stopped'),
  }),
  'Route Drift Healed': z.object({
    ...common,
    since: time.describe('when the first of these routes was found changed'),
  }),
  'Route Reconcile Failed': z.object({
    ...common,
    state,
    code: z
      .literal('target-down')
      .optional()
      .describe('present if routes are not replaced because their listed targets are down'),
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
    replaces: z.array(z.string()).optional().describe('the destinations whose replaces wait for a person'),
    edit: z.string().optional().describe('the edit of many items that waits; one approval releases all of it'),
    tables: z
      .object({ count: z.int(), first: z.array(z.string()) })
      .optional()
      .describe('the tables that wait for the edit, the first 100; only if the event concerns all tables'),
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
    notice: z.string().describe('what somebody changed around the table; it is not repaired'),
    actor: actor.optional(),
  }),
  'Route Left Alone': z.object({
    ...common,
    routes: z
      .array(
        z.object({
          destination: z.string(),
          target: z.string(),
          was: z.string().optional().describe('the target before; absent if there was no route'),
          reason: z.string().describe('why it is left alone, as in the plan'),
          takesTraffic: z
            .boolean()
            .describe('it may take traffic of a listed route: its destination is public, or lies inside a listed one'),
          actor: z.union([actor, z.literal('unattributed')]),
        }),
      )
      .describe('routes that others made or retargeted and the plan leaves alone; at most 100'),
    moreRoutes: z.int().optional().describe('how many more routes there were'),
  }),
  'Route Blackholed': z.object({
    ...common,
    state: z
      .enum(['entered', 'moved', 'left'])
      .describe('`moved`: routes left a dead target for another of their targets; `left`: no route drops its traffic'),
    routes: z
      .array(
        z.object({
          destination: z.string(),
          target: z.string().optional(),
          movedTo: z.string().optional().describe('where the route was moved'),
          actor: actor.optional().describe('who took the target down, if an event reported it'),
        }),
      )
      .describe('routes that began to drop their traffic, or that were moved; at most 100'),
  }),
  'Route Policy Changed': z.object({
    ...common,
    weakened: z
      .array(z.object({ field: z.enum(policyFields), old: z.array(z.string()), new: z.array(z.string()) }))
      .describe('how an edit of the item protects the table less than before; `item`: it was deleted'),
  }),
  'Route Order Given': z.object({
    ...common,
    state: z.enum(['entered', 'left']).describe('`left`: it ended or was removed'),
    order: z.object({
      kind: z.enum(['pause', 'stop', 'approval', 'hold']),
      destination: z.string().optional().describe('of a hold'),
      reason: z.string().optional(),
      by: z.string().optional().describe('a claim: whoever wrote the order chose this text'),
      at: z.string().optional().describe('a claim, like `by`'),
      until: time.optional(),
      routes: z
        .array(z.object({ destination: z.string(), target: z.string() }))
        .optional()
        .describe('of an approval'),
      moreRoutes: z.int().optional().describe('how many more routes the approval has'),
      edits: z.array(z.string()).optional().describe('of an approval for all tables'),
    }),
  }),
} as const;

export type DetailType = keyof typeof detailSchemas;

/** An event for people: four lines without control characters. */
export type Message = z.infer<typeof message>;

/** One transition, to be announced. */
export type DomainEvent = {
  [T in DetailType]: { readonly type: T; readonly detail: z.infer<(typeof detailSchemas)[T]> };
}[DetailType];
