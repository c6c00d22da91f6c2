import type { ChangeJson } from '../route/change.ts';
import type { TroubleCode } from '../desired/finding.ts';
import type { FailureKind } from '../route/outcome.ts';
import { known } from '../route/known.ts';
import type { ApprovedRoute, GivenOrder } from '../desired/orders.ts';
import type { Policy } from '../desired/policy.ts';
import type { Actor } from './call.ts';

// Types and queries only. `status/` decides what is remembered. All times are ISO 8601, UTC.

/** What the next reconcile of a table needs to know about the earlier ones. People see `Status` instead. */
export interface Memory {
  /** By destination, in canonical form. Destinations without anything to remember are absent. */
  readonly destinations: ReadonlyMap<string, Remembered>;
  /** Identifies the item and the policy of the last reconcile. */
  readonly desiredHash?: string;
  readonly policyHash?: string;
  /** Identifies the item that is stored as the last valid version. */
  readonly lastValid?: string;
  /** The policy of the last valid item. An edit that weakens it is announced. */
  readonly policy?: Policy;
  /** The orders for this table that were in force at the last reconcile. Each is announced once. */
  readonly orders?: readonly GivenOrder[];
  /** When the last believed read was made. Whether a route appeared is judged by it. */
  readonly readAt?: string;
  /** Since when the policy holds under which the table is reconciled, and what was before. */
  readonly policySince?: PolicySince;
  /** The last reconcile was not allowed to change anything: mode `observe`, a pause or a stop. */
  readonly watched?: true;
  /** When we last wrote to the table. `Remembered.written` holds what we wrote. */
  readonly lastWriteAt?: string;
  /** The fleet brake holds back what an edit of this item asks for. */
  readonly braked?: Braked;
  /** Reads lag behind our writes, longer than usual. */
  readonly lag?: Lag;
  /** The last read was not believed. */
  readonly doubt?: true;
  /** When to read again, because a read did not show what a reported call did. */
  readonly readForCallAt?: string;
  /** When the changes of an edit are likely to get their turns. They wait until then. */
  readonly turnAt?: string;
  readonly lastDrift?: LastDrift;
  /** The approval that was read last, and its unspent routes. */
  readonly approval?: RememberedApproval;
  /** Runs whose destinations no read has shown as desired yet, at most 5. */
  readonly openRuns?: readonly OpenRun[];
  /** Ids of the latest deletions of the item that were taken into account. */
  readonly deletions?: readonly string[];
  /** Short hashes of the calls that an earlier reconcile has read. All others are new. */
  readonly callsSeen?: readonly string[];
  /** How often the row had to drop details to stay below 380 KB. */
  readonly forgotten?: number;
  /** Ids under which the index finds the table for certain. */
  readonly indexed?: readonly string[];
  /** Ids that the table left, and those that a failed write may have added: the index may still list it under them. */
  readonly unindexed?: readonly string[];
}

/** Everything remembered of one destination. */
export interface Remembered {
  /** The item listed it. */
  readonly listed?: true;
  /** The route here is ours under this target: listed and seen as desired, or written by us. */
  readonly ours?: string;
  /** We retargeted the local route here. It must not be mistaken for a route that can be deleted. */
  readonly overrodeLocal?: true;
  /**
   * The target that was in force here while the table was enforced: the route had it, we gave it, or it was listed while
   * there was no route. A replace with another one follows from an edit (`plan/edits.ts`).
   */
  readonly inForce?: string;
  /** A read has shown the listed target here. Until then, what looks like somebody else's is not replaced. */
  readonly seenAsListed?: true;
  /** The last read showed the local route of a VPC CIDR block here, as EC2 made it. */
  readonly wasLocal?: true;
  /** The static route here, as the last believed read showed it. */
  readonly seen?: Seen;
  /** How the static route came here. Decided once, when a read first shows the route. */
  readonly arrival?: Arrival;
  /** When a read first showed no static route here any more. The arrival is kept for 24 hours after that. */
  readonly emptySince?: string;
  /** The listed target cannot carry traffic, as far as we know. Stays until a read shows it active here. */
  readonly down?: Down;
  readonly rescue?: Rescue;
  /** The instances behind the listed interface and its alternates, as the last reads of them here showed. */
  readonly instances?: Readonly<Record<string, string>>;
  /** The change that the last plan still asked for here. */
  readonly planned?: ChangeJson;
  /** Why the delete or replace here waits for a person. */
  readonly waits?: BlockCode;
  /** Problems that the last plan found here and that no change of ours repairs. */
  readonly troubles?: readonly TroubleCode[];
  readonly refusal?: Refusal;
  readonly repairs?: Repairs;
  /** What we wrote here last: for 30 s after `Memory.lastWriteAt`, or until a read shows it. */
  readonly written?: Written;
  /** Oldest first. Only the last can be open. Ended drift is kept for 15 minutes: its event may still arrive. */
  readonly drift?: readonly Drift[];
}

/**
 * How a static route came to its destination. `appeared`: while the table was enforced and watched, so its delete needs
 * no approval. Every other value says why nobody can know that.
 */
export const arrivals = [
  'appeared',
  /** It was there when the table was adopted. */
  'adopted',
  /** It came in mode `observe`, during a pause or a stop, or while the table was not read often enough. */
  'observed',
  'paused',
  'unwatched',
  /** The item left it alone: an ignore entry, the scope, or `unlisted: keep`. */
  'ignored',
  'out-of-scope',
  'kept',
  /** The item listed its destination. */
  'listed',
] as const;

export type Arrival = (typeof arrivals)[number];

/** The start of a policy, and how routes count that came before it was in force for long enough. */
export interface PolicySince {
  /** Identifies the policy. */
  readonly policy: string;
  readonly at: string;
  readonly before: Extract<Arrival, 'adopted' | 'observed' | 'paused' | 'unwatched'>;
  /** Under this policy nothing may be changed. */
  readonly isWatched?: true;
}

/** Why we may not change an actual route, or may not change it now. */
export type LeftAloneReason =
  | 'local'
  | 'local-overridden'
  | 'propagated'
  | 'advertised'
  | 'gateway-endpoint'
  | 'lattice'
  | 'unknown'
  | 'ignored'
  | 'held'
  /** It stands at a listed destination and may belong to somebody else. */
  | 'maybe-not-ours'
  /** It works, and its listed target is down. */
  | 'target-down'
  | 'out-of-scope'
  | 'unlisted-kept';

/**
 * The static route that a read showed at a destination, or that we wrote there since. The next read compares with it:
 * others have made a route that is new, or retargeted one that has another target.
 */
export interface Seen {
  readonly target: string;
  /** The interface that EC2 shows, if `target` is the instance behind it. */
  readonly via?: string;
  /** Absent if the route is active. */
  readonly state?: string;
  /** The account that owns the interface the route leads to. */
  readonly ownerId?: string;
  /** Why it is left alone. Absent if it is not, or if that is not announced (`status/seen.ts`). */
  readonly leftAlone?: LeftAloneReason | 'on-alternate';
  /** It may take traffic of a listed route: its destination is public, a prefix list, or lies inside a listed one. */
  readonly takesTraffic?: true;
}

/** Why a change waits for a person, the most serious first. Replaces wait only as `fleet-edit`. */
export const blockCodes = [
  'too-many-deletes',
  'maybe-not-ours',
  'last-route',
  'first-deletes',
  'default-route',
  'fleet-edit',
] as const;

export type BlockCode = (typeof blockCodes)[number];

/** An item whose replaces and deletes the fleet brake holds back. */
export interface Braked {
  readonly desiredHash: string;
  /** When it began to wait. An approval releases only what waited when it was given. */
  readonly since: string;
  /** The edit of many items that this one is part of. Absent if the brake could not be asked. */
  readonly edit?: string;
}

/** An approval and its unspent routes: every read since has shown them, and we have not changed them. */
export interface RememberedApproval {
  readonly at: string;
  readonly by: string;
  readonly routes: readonly ApprovedRoute[];
}

/** A listed target that a read showed as a blackhole, or that EC2 called dead when it was asked. */
export interface Down {
  readonly target: string;
  /** When that was first seen. */
  readonly since: string;
  /** When the read before that showed it up here. Calls from before that read did not take it down. */
  readonly upAt?: string;
  /** Since when EC2 calls it alive again. */
  readonly aliveSince?: string;
  /** The call that took it down, if an event reported one. */
  readonly takenDown?: Cause;
  /** When a read first showed that others had moved the route to the target it has now. */
  readonly seenMovedAt?: string;
  /** The call that moved the route to another target, if an event reported one. */
  readonly moved?: Cause;
}

/**
 * The last move of ours away from a dead target. Kept for 15 minutes: the event of the call that took the target down may
 * still arrive.
 */
export interface Rescue extends Pick<Down, 'target' | 'since' | 'upAt' | 'takenDown'> {
  /** The run that records the move. */
  readonly run?: string;
}

/** A change that EC2 refused, or whose outcome is unknown. */
export interface Refusal extends Omit<ChangeJson, 'destination'> {
  readonly kind?: FailureKind;
  readonly code?: string;
  readonly message?: string;
  /** What a person can do about it. */
  readonly remedy?: string;
  /** How many times in a row it failed, since its cause was last expected to be gone (`withRevivals`). */
  readonly attempts: number;
  /** Since when its target is not ready. */
  readonly since?: string;
  /** Since when a change whose target is not ready is retried often: its target was expected to come up. */
  readonly triedSince?: string;
  /** When it is retried. Absent: by the next sweep. A sweep retries it earlier, unless it was rejected (`parkedBy`). */
  readonly nextRetry?: string;
}

/** Recent repairs of one destination, and who made them necessary. */
export interface Repairs {
  /** The target it was repaired to. Absent where a route was deleted. */
  readonly target?: string;
  /** The times of the latest 8 repairs, oldest first. */
  readonly at: readonly string[];
  /** Who changed the route, if a reported call names them. At most 5, the latest last. */
  readonly by: readonly Actor[];
  /** Somebody keeps undoing the repair. */
  readonly contest?: Contest;
  /** Every read since then has shown the route as desired. */
  readonly quietSince?: string;
}

export interface Contest {
  readonly since: string;
  /** It is not repaired before this time. */
  readonly until: string;
  /** How long it waits after the last repair. Doubles with each repair, up to 10 minutes. */
  readonly waitMs: number;
}

/** A write of ours that a read should show. */
export interface Written {
  /** Absent after a delete. */
  readonly target?: string;
  /** The target of the route before. Absent after a create. */
  readonly from?: string;
  /** The answer was lost and no read has shown the write: it may not have happened. */
  readonly isUncertain?: true;
  /** A read has shown it. */
  readonly isShown?: true;
}

/** Writes were repeated because no read had shown them. */
export interface Lag {
  /** When the first of them was made. */
  readonly since: string;
  /** For this long after the last write, a read that contradicts it decides nothing. */
  readonly waitMs: number;
}

/** One destination that somebody else changed, with the change that repairs it. */
export interface Drift extends ChangeJson {
  /** When a read first showed it. */
  readonly foundAt: string;
  /** It was found while nothing could be changed: observed, paused or stopped. */
  readonly watched?: true;
  /** The read before showed the same route: no call since made the difference, but an edit. */
  readonly stood?: true;
  /** The call that caused it, if an event reported one. */
  readonly cause?: Cause;
  /** A sweep found it, and no event has reported it yet. */
  readonly expectsEvent?: true;
  /** When EC2 confirmed the repair. */
  readonly appliedAt?: string;
  /** The repair was our call. */
  readonly byUs?: true;
  /** When a read showed it as desired again, or changed once more. */
  readonly endedAt?: string;
  /** Runs that record what was done about it: the first and the latest. */
  readonly runs?: readonly string[];
}

/** A call that caused what a read shows. */
export interface Cause {
  readonly id: string;
  readonly name: string;
  readonly time: string;
  readonly actor?: Actor;
}

/** The latest drift of a table: all that one read found, and its repair. */
export interface LastDrift {
  readonly foundAt: string;
  /** How many routes had changed. */
  readonly routes: number;
  /** Who caused it, and when. `others`: somebody else, or somebody unknown, changed other routes of it. */
  readonly actor?: Actor;
  readonly others?: true;
  readonly calledAt?: string;
  /** When all of it was repaired, and when a read first showed that. */
  readonly appliedAt?: string;
  readonly healedAt?: string;
}

/** A run that waits until a read shows its destinations as desired. */
export interface OpenRun {
  readonly id: string;
  readonly destinations: readonly string[];
}

/** The memory of a table that was never reconciled, or whose memory was lost: every delete waits for a person. */
export const emptyMemory: Memory = { destinations: new Map() };

/** The memory of one destination. Empty if nothing is remembered. */
export const rememberedAt = (memory: Memory | undefined, destination: string): Remembered =>
  memory?.destinations.get(destination) ?? {};

/** The destinations for which something holds. */
export function destinationsWhere(
  { destinations }: Memory,
  holds: (remembered: Remembered) => unknown,
): readonly string[] {
  return [...destinations].filter(([, remembered]) => holds(remembered)).map(([destination]) => destination);
}

/** The drift here that has not ended. */
export const openDrift = ({ drift }: Pick<Rewritten, 'drift'>): Drift | undefined => {
  const last = drift?.at(-1);
  return last && last.endedAt === undefined ? last : undefined;
};

/** Rewrites every destination of a memory. Drops the destinations of which nothing is left. */
export function withEach(
  memory: Memory,
  rewrite: (remembered: Remembered, destination: string) => Rewritten,
  more: Iterable<string> = [],
): Memory {
  const destinations = new Map<string, Remembered>();
  for (const destination of new Set([...memory.destinations.keys(), ...more])) {
    const remembered = known(rewrite(rememberedAt(memory, destination), destination));
    if (Object.keys(remembered).length > 0) destinations.set(destination, remembered);
  }
  return { ...memory, destinations };
}

/** A `Remembered` under construction: fields set to `undefined` are dropped. */
export type Rewritten = { readonly [Field in keyof Remembered]?: Remembered[Field] | undefined };
