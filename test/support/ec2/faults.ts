import type { Call } from './journal.ts';

/** The faults of one call. An empty object means none. */
export interface Fate {
  /** EC2 processes the call this many milliseconds after the caller made it. */
  readonly reachesAfterMs?: number;
  /** The caller gets the answer this many milliseconds after EC2 processed the call. */
  readonly answersAfterMs?: number;
  /** Runs just before EC2 processes the call, for a change by somebody else who was faster. */
  readonly justBefore?: () => void;
  /** EC2 rejects the call with this code and changes nothing. */
  readonly refused?: { readonly code: string; readonly message?: string };
  /** EC2 answers with a server fault, whether it carried out the call (`done`) or not. */
  readonly serverFault?: 'done' | 'not-done';
  /** No answer arrives: either the call is lost, or the call is carried out and its answer is lost. */
  readonly lost?: 'call' | 'answer';
  /** A read shows the state of this many milliseconds ago. */
  readonly staleMs?: number;
}

/** Decides the faults of every call, once, when it is made. A simulation derives them from its seed. */
export type Faults = (call: Call) => Fate;

/** Selects the calls of a scripted fault: those that meet every given condition. */
export interface Strike {
  readonly action?: Call['action'];
  readonly caller?: string;
  /** The destination or table id that the call names. */
  readonly naming?: string;
  /** How many matching calls pass first. Default: 0. */
  readonly after?: number;
  /** How many calls the fault affects. Default: all. */
  readonly times?: number;
}

/** Scripted faults, for tests that need a certain fault at a certain call. */
export class ScriptedFaults {
  readonly #rules: { readonly on: Strike; readonly fate: Fate; met: number }[] = [];

  strike(on: Strike, fate: Fate): this {
    this.#rules.push({ on, fate, met: 0 });
    return this;
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Combines all faults that match a call. */
  readonly decide: Faults = (call) => Object.assign({}, ...this.#rules.map((rule) => struckBy(rule, call)));
}

function struckBy(rule: { readonly on: Strike; readonly fate: Fate; met: number }, call: Call): Fate {
  const { action, caller, naming, after = 0, times = Infinity } = rule.on;
  const meets =
    (action === undefined || action === call.action) &&
    (caller === undefined || caller === call.caller) &&
    (naming === undefined || Object.values(call.input).includes(naming));
  if (!meets) return {};
  rule.met += 1;
  return rule.met > after && rule.met <= after + times ? rule.fate : {};
}
