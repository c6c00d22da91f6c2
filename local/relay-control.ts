import { z } from 'zod';

/** One EC2 call that passed through the relay. */
export type RelayedCall = z.infer<typeof relayedCall>;
const relayedCall = z.strictObject({
  action: z.string(),
  /** `role/<name>` or `user/<name>`. */
  caller: z.string(),
  parameters: z.record(z.string(), z.string()),
  /** When the call arrived (ISO 8601). */
  time: z.string(),
  /** The error code of the answer, if the call failed. */
  error: z.string().optional(),
});

/** A fault injected into selected EC2 calls. */
export type Fault = z.infer<typeof fault>;
const fault = z.strictObject({
  /** Selects the calls that meet every given condition. */
  on: z.strictObject({
    action: z.string().optional(),
    /** `role/<name>` or `user/<name>`. */
    caller: z.string().optional(),
    /** Values that must all appear among the call's parameters, such as a table id, a destination or a target. */
    naming: z.array(z.string()).optional(),
  }),
  /** How many matching calls pass before the fault takes effect. Default: 0. */
  after: z.int().min(0).optional(),
  /** How many calls the fault affects. Default: 1. */
  times: z.int().min(1).optional(),
  effect: z.discriminatedUnion('kind', [
    /** The relay answers with this error and does not carry out the call. `status` defaults to 400. */
    z.strictObject({
      kind: z.literal('refuse'),
      code: z.string(),
      message: z.string().optional(),
      status: z.int().optional(),
    }),
    /** The call is carried out, but its answer never arrives. */
    z.strictObject({ kind: z.literal('lose-answer') }),
    z.strictObject({ kind: z.literal('delay'), ms: z.number() }),
    /** A read shows each table in `naming`, or every table, as this caller's previous read did. */
    z.strictObject({ kind: z.literal('stale-answer') }),
  ]),
});

/** When events are sent. `send`: at once. `hold`: all together when the mode returns to `send`. `drop`: never. */
export type EventMode = z.infer<typeof eventMode>;
const eventMode = z.enum(['send', 'hold', 'drop']);

/** How a test or the demo controls the relay. */
export interface RelayControl {
  /** Every call since the relay started or since `forgetCalls` or `reset`, in order of arrival. */
  calls(): Promise<RelayedCall[]>;
  forgetCalls(): Promise<void>;
  /** Sets the mode for the events of later calls. */
  events(mode: EventMode): Promise<void>;
  inject(fault: Fault): Promise<void>;
  /** EC2 reports a new state of an instance, without a call: a crash. The instance itself is not changed. */
  changeInstance(instanceId: string, state: string): Promise<void>;
  /** Restores the initial state: no faults, no recorded calls, mode `send`. Held events are dropped. */
  reset(): Promise<void>;
  /** Stops the local stack of this relay, if it was started to stay up. */
  stop(): Promise<void>;
}

/** The path below the relay's endpoint that receives commands. */
export const controlPath = '/control';

/** A command, sent as JSON. The answer lists the calls recorded before the command. */
export type RelayCommand = z.infer<typeof relayCommand>;
export const relayCommand = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('report') }),
  z.strictObject({ do: z.literal('forget-calls') }),
  z.strictObject({ do: z.literal('events'), mode: eventMode }),
  z.strictObject({ do: z.literal('inject'), fault }),
  z.strictObject({ do: z.literal('change-instance'), instanceId: z.string(), state: z.string() }),
  z.strictObject({ do: z.literal('reset') }),
  z.strictObject({ do: z.literal('stop') }),
]);

/** Controls the relay at `endpoint`, from any process. */
export function relayControl(endpoint: string): RelayControl {
  async function tell(command: RelayCommand): Promise<RelayedCall[]> {
    const response = await fetch(endpoint + controlPath, { method: 'POST', body: JSON.stringify(command) });
    if (!response.ok) throw new Error(`the relay rejected ${command.do}: ${await response.text()}`);
    return z.array(relayedCall).parse(await response.json());
  }
  return {
    calls: () => tell({ do: 'report' }),
    forgetCalls: async () => void (await tell({ do: 'forget-calls' })),
    events: async (mode) => void (await tell({ do: 'events', mode })),
    inject: async (fault) => void (await tell({ do: 'inject', fault })),
    changeInstance: async (instanceId, state) => void (await tell({ do: 'change-instance', instanceId, state })),
    reset: async () => void (await tell({ do: 'reset' })),
    stop: async () => void (await tell({ do: 'stop' })),
  };
}
