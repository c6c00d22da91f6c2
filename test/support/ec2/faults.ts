import type { Call } from './journal.ts';

/** What happens to one call on its way. Nothing, when it is empty. */
export interface Fate {
  /** EC2 gets to it this many milliseconds after the caller made it. */
  readonly reachesAfterMs?: number;
  /** The caller hears of it this many milliseconds after EC2 got to it. */
  readonly answersAfterMs?: number;
  /** Happens in EC2 just before it gets to this call: somebody else was faster. */
  readonly justBefore?: () => void;
  /** EC2 refuses with this code and does nothing. */
  readonly refused?: { readonly code: string; readonly message?: string };
  /** EC2 answers with a fault of its own, and did it all the same, or did not. */
  readonly serverFault?: 'done' | 'not-done';
  /** No answer ever comes: either the call got lost, or it was carried out and the answer got lost. */
  readonly lost?: 'call' | 'answer';
  /** A read shows what was so this many milliseconds ago. */
  readonly staleMs?: number;
}

/** Decides about every call, once, when it is made. A simulation draws fates from its seed. */
export type Faults = (call: Call) => Fate;

/** Which calls a scripted fault strikes: those that meet all that is given. */
export interface Strike {
  readonly action?: Call['action'];
  readonly caller?: string;
  /** The destination or table id it names. */
  readonly naming?: string;
  /** So many such calls go unharmed first. Default: 0. */
  readonly after?: number;
  /** So many it strikes. Default: all. */
  readonly times?: number;
}

/** Faults told beforehand, for tests that need just this one at just that place. */
export class ScriptedFaults {
  readonly #rules: { readonly on: Strike; readonly fate: Fate; met: number }[] = [];

  strike(on: Strike, fate: Fate): this {
    this.#rules.push({ on, fate, met: 0 });
    return this;
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** All faults that strike a call come together. */
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
