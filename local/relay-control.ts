import { z } from 'zod';

/** What the relay saw of one EC2 call. */
export type RelayedCall = z.infer<typeof relayedCall>;
const relayedCall = z.strictObject({
  action: z.string(),
  /** `role/<name>` or `user/<name>`. */
  caller: z.string(),
  parameters: z.record(z.string(), z.string()),
  /** When it came in: ISO 8601. */
  time: z.string(),
  /** EC2's error code, when it was refused. */
  error: z.string().optional(),
});

/** Something that goes wrong with chosen EC2 calls. */
export type Fault = z.infer<typeof fault>;
const fault = z.strictObject({
  /** The calls it strikes: those that meet every condition given. */
  on: z.strictObject({
    action: z.string().optional(),
    /** `role/<name>` or `user/<name>`. */
    caller: z.string().optional(),
    /** Values that must all be among the call's parameters: a table's id, a destination, a target. */
    naming: z.array(z.string()).optional(),
  }),
  /** So many calls that meet the conditions pass before it strikes. Default: 0. */
  after: z.int().min(0).optional(),
  /** So many calls it strikes. Default: 1. */
  times: z.int().min(1).optional(),
  effect: z.discriminatedUnion('kind', [
    /** The call is answered with this error and not carried out. `status` is 400 by default. */
    z.strictObject({
      kind: z.literal('refuse'),
      code: z.string(),
      message: z.string().optional(),
      status: z.int().optional(),
    }),
    /** The call is carried out, its answer never arrives. */
    z.strictObject({ kind: z.literal('lose-answer') }),
    z.strictObject({ kind: z.literal('delay'), ms: z.number() }),
    /** A read gets the answer that this caller last got to the very same read. */
    z.strictObject({ kind: z.literal('stale-answer') }),
  ]),
});

/** `send`: as they happen. `hold`: all of them once sending goes on. `drop`: never. */
export type EventMode = z.infer<typeof eventMode>;
const eventMode = z.enum(['send', 'hold', 'drop']);

/** What a test, or a story, may do to EC2 behind everybody's back. */
export interface RelayControl {
  /** Every call since the relay started or was last told to forget, in the order they came in. */
  calls(): Promise<RelayedCall[]>;
  forgetCalls(): Promise<void>;
  /** What becomes of the events of the calls from now on. */
  events(mode: EventMode): Promise<void>;
  inject(fault: Fault): Promise<void>;
  /** Back to how it started: no faults, events sent (held ones are dropped), no calls remembered. */
  reset(): Promise<void>;
}

/** Where the relay takes commands, below its endpoint. */
export const controlPath = '/control';

/** What goes over the wire, as JSON; the answer is the calls remembered before it was obeyed. */
export type RelayCommand = z.infer<typeof relayCommand>;
export const relayCommand = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('report') }),
  z.strictObject({ do: z.literal('forget-calls') }),
  z.strictObject({ do: z.literal('events'), mode: eventMode }),
  z.strictObject({ do: z.literal('inject'), fault }),
  z.strictObject({ do: z.literal('reset') }),
]);

/** Controls the relay at `endpoint`, from any process. */
export function relayControl(endpoint: string): RelayControl {
  async function tell(command: RelayCommand): Promise<RelayedCall[]> {
    const response = await fetch(endpoint + controlPath, { method: 'POST', body: JSON.stringify(command) });
    if (!response.ok) throw new Error(`the relay refused ${command.do}: ${await response.text()}`);
    return z.array(relayedCall).parse(await response.json());
  }
  return {
    calls: () => tell({ do: 'report' }),
    forgetCalls: async () => void (await tell({ do: 'forget-calls' })),
    events: async (mode) => void (await tell({ do: 'events', mode })),
    inject: async (fault) => void (await tell({ do: 'inject', fault })),
    reset: async () => void (await tell({ do: 'reset' })),
  };
}
