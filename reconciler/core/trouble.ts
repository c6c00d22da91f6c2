import type { PlanJson } from './plan.ts';
import { type Status, holdsOf } from './status.ts';

/** What keeps a table from being as it should until somebody does something: a key for each, the same while it lasts. */
export interface Troubles {
  /** What does not pass at once: refusals, destinations held by others, an item that is refused, a table that is gone. */
  readonly failing: readonly string[];
  /** Of these, what does not pass by itself either. */
  readonly lasting: readonly string[];
  /** Destinations whose deletes wait for a person. */
  readonly blocked: readonly string[];
  /** Destinations that others do not let go of. */
  readonly contested: readonly string[];
  /** Destinations whose traffic is dropped. */
  readonly blackholes: readonly string[];
}

const none: Troubles = { failing: [], lasting: [], blocked: [], contested: [], blackholes: [] };

/** So often in a row a change fails in a passing way until it no longer seems to pass. */
const triesUntilLasting = 3;

/**
 * The troubles of a table, by what its status says and not by its phase: that goes from `Failed` to `Verifying` and back
 * whenever something else is put right. In a table that is only watched nothing fails, and nobody is waited for.
 */
export function troublesIn(status: Status | undefined): Troubles {
  if (!status || status.phase === 'Unmanaged') return none;
  const { phase, reason, plan, watched, doubt, told } = status;
  const { failures, heals } = holdsOf(status);
  if (phase === 'Invalid') return { ...none, ...told, failing: [...(told?.failing ?? []), `Invalid ${reason}`] };
  if (doubt && told) return told;
  if (phase === 'Missing') return { ...none, failing: [phase], lasting: watched ? [] : [phase] };
  const findings = plan?.findings ?? [];
  const found = (...codes: readonly string[]) => findings.filter(({ code }) => codes.includes(code));
  const key = ({ action, destination, to }: Status['failures'][number]) => `${action} ${destination} ${to}`;
  const lasting = failures.filter(
    ({ kind, attempts }) => kind === 'rejected' || kind === 'denied' || attempts >= triesUntilLasting,
  );
  const held = found('not-ours', 'no-local-route', 'local-override-left').map(keyOfFinding);
  // That a heal led into a blackhole is counted with the blackholes.
  const intoBlackhole = found('healed-into-blackhole').map(keyOfFinding);
  const failing = [...failures.filter(({ kind }) => kind === 'not-ready'), ...lasting];
  return {
    failing: watched ? [] : [...new Set([...failing.map(key), ...held, ...intoBlackhole])],
    lasting: watched ? [] : [...lasting.map(key), ...held],
    blocked: watched ? [] : (plan?.blocked?.deletes ?? []),
    contested: heals.filter(({ contest }) => contest).map(({ destination }) => destination),
    blackholes: plan ? droppedIn(plan) : [],
  };
}

/** The destinations whose traffic is dropped: not those where a route that works is kept from a target that drops it. */
export function droppedIn({ findings, leftAlone }: Pick<PlanJson, 'findings' | 'leftAlone'>): readonly string[] {
  const kept = new Set(
    leftAlone.filter(({ reason }) => reason === 'healed-into-blackhole').map(({ destination }) => destination),
  );
  const dropped = findings
    .filter(({ code }) => code === 'blackhole' || code === 'healed-into-blackhole')
    .map(({ destination = '' }) => destination);
  return [...new Set(dropped)].filter((destination) => !kept.has(destination));
}

const keyOfFinding = ({ code, destination }: { readonly code: string; readonly destination?: string }): string =>
  `${code} ${destination}`;

/** What stays known of a table while its item is refused: whether it is over nobody can tell. */
export const toldBefore = (before: Status | undefined): Troubles =>
  before?.phase === 'Invalid' ? (before.told ?? none) : troublesIn(before);

/** Those that were not there before. */
export const newIn = (now: readonly string[], before: readonly string[]): readonly string[] => {
  const known = new Set(before);
  return now.filter((trouble) => !known.has(trouble));
};
