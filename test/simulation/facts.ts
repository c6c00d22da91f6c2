import type { FleetEdits } from './fleet-edits.ts';
import type { Faults } from './faults.ts';
import type { Run } from '../../reconciler/core/announce/history.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import type { Change } from '../../reconciler/core/route/change.ts';
import type { Orders } from '../../reconciler/core/desired/orders.ts';
import type { StoredState } from '../../reconciler/ports.ts';
import { type World, slotAt } from '../support/ec2/world.ts';
import type { FunctionRun } from './function-run.ts';
import type { Announcements } from './announcements.ts';
import type { Pace, PossibleArrivals } from './arrivals.ts';
import type { Drifts } from './drifts.ts';
import type { Fights } from './fights.ts';
import type { Halt, Halts, Holds } from './halts.ts';
import type { Instances } from './instances.ts';
import type { Memory } from './memory.ts';
import { type Spec, allowedIn, wantedAt } from './oracle.ts';

// The facts about a history at one moment: what is true, and what functions know.

/** One version of a desired item. */
export interface Version {
  readonly index: number;
  /** When it was written. */
  readonly at: number;
  readonly item: { readonly routeTableId: string } | undefined;
  /** Its content; undefined if it is invalid or was deleted. */
  readonly spec?: Spec;
  /** It is invalid, and `spec` is that of the last valid version. */
  readonly isStandIn?: true;
}

/** The answer of EC2 to a function about one target. */
export interface Answer {
  readonly target: string;
  readonly at: number;
  /** Undefined when there was no answer. */
  readonly isAlive: boolean | undefined;
}

/** One read of a table in EC2. */
export interface Read {
  readonly startedAt: number;
  /** The world that it shows. Undefined until it is answered. */
  shown?: { readonly world: World; readonly asOf: number };
  /** The mutations that rest on it. */
  readonly mutations: Mutation[];
}

/** One mutation that a function asked EC2 for. */
export interface Mutation {
  readonly by: FunctionRun;
  readonly routeTableId: string;
  readonly action: Change['action'];
  readonly destination: string;
  readonly from?: string;
  readonly to?: string;
  readonly startedAt: number;
  /** How long the function waits for its answer. */
  readonly withinMs: number;
  readonly version: Version;
  readonly read: Read;
  /** Whether its read showed the replaced route as working. */
  readonly worked: boolean;
  landedAt?: number;
  /** Whether it changed something when it landed. */
  changed?: boolean;
  endedAt?: number;
  /** A read has shown its target. */
  isSeen?: boolean;
  /** A status remembers it. */
  isRemembered?: boolean;
  outcome?: 'done' | 'refused' | 'unknown' | 'denied' | 'stale';
}

/** What a function did since it last read the state. The next state rests on it. */
export interface Round {
  readonly reads: Read[];
  /** The versions of the item that it used. */
  readonly versions: Version[];
  readonly mutations: Mutation[];
}

/** The news that a function must announce after it wrote a state. */
export interface Outbox {
  readonly unsent: News | undefined;
  /** The function knows that its state was written. */
  isAnswered: boolean;
  isAnnounced: boolean;
  /** The state records what EventBridge accepted. */
  isNoted: boolean;
}

/** What one function knows about one table, since it took the lease. */
export interface Look {
  readonly by: FunctionRun;
  readonly routeTableId: string;
  leaseEndsAt: number;
  before?: StoredState;
  version?: Version;
  /** The pauses and stops that it read with that version. */
  halts: readonly Halt[];
  /** All orders that it read then. */
  orders?: Orders;
  /** When it last read the state. */
  begunAt: number;
  /** When it began to read the reported calls. */
  evidenceAt: number;
  /** When it last read the item. That answers every trigger that was left before. */
  lookedAt: number;
  read?: Read;
  /** The number of its reads of the table. */
  reads: number;
  readonly mutations: Mutation[];
  round: Round;
  outbox?: Outbox;
  readonly runs: Run[];
  checkpoint?: {
    readonly version?: Version;
    readonly orders: Orders;
    readonly holder?: string;
  };
  /** It is in the middle of an apply. */
  applying: boolean;
  /** The number of triggers that were handed to it and are not answered yet. */
  handed: number;
}

/** A stored run, and which function stored it first and when. */
export interface RecordedRun {
  readonly run: Run;
  readonly by: FunctionRun;
  readonly at: number;
}

/** What is true of one table. */
export interface TableFacts {
  readonly routeTableId: string;
  readonly versions: Version[];
  /** The stored last valid version, as the function that stored it read it. */
  kept: Version | undefined;
  /** Whether a status rests on the stored version. */
  isKeptKnown: boolean;
  /** The last valid version on which a status rests, since the table was adopted. */
  reconciled: Version | undefined;
  readonly mutations: Mutation[];
  readonly runs: Map<string, RecordedRun>;
  /** The routes that may count as appeared. */
  arrivals: PossibleArrivals;
  /** Local routes that a read showed as EC2 created them. */
  readonly local: Set<string>;
  /** The targets of routes that were ours: listed while they existed, or written by us. */
  owned: Map<string, Set<string>>;
  /** Its stored state. */
  state: StoredState | undefined;
  /**
   * The version for which its plan was made, and the time that the reads of that function show. After a doubtful read, a
   * state keeps the plan of the state before.
   */
  planned: { readonly index: number; readonly asOf: number } | undefined;
  /** The deletes that edits asked for and nobody approved, with the number of those that could go at that time. */
  readonly unasked: { readonly version: number; readonly destination: string; readonly most: number }[];
  /** The approvals of people, oldest first. */
  approvals: readonly Approved[];
  readonly fights: Fights;
  readonly drifts: Drifts;
  /** What the reconciler must remember. */
  memory: Memory;
  /** When a written state last rested on the sight of a dead listed target, by destination. */
  readonly dead: Map<string, { readonly target: string; readonly at: number }>;
  /** The latest effective mutation at each destination that a status remembers. */
  readonly known: Map<string, Mutation>;
  /** When the last read of the table began that a function got an answer to. */
  lastReadAt: number;
  /** When somebody else last changed the static route of a destination. */
  readonly touched: Map<string, number>;
  /** When its state was last lost, or its item deleted. */
  lostAt: number;
  /** How often somebody else changed the static route of a destination. */
  readonly undone: Map<string, number>;
  /** How often a write that a read had shown was repeated, although nobody had changed the route since. */
  readonly seemsUndone: Map<string, number>;
  /** Calls about routes that a function has kept as evidence. */
  readonly reported: Reported[];
}

/** A reported call about a route. */
export interface Reported {
  readonly id: string;
  readonly destination: string;
  readonly to?: string;
  /** Its effect was there when its event was processed. */
  readonly isReal: boolean;
  /** In whole seconds. */
  readonly madeAt: number;
  readonly keptAt: number;
  /** When a state was first written that rests on a believed read after that. */
  answeredAt?: number;
}

/** A person's approval of these deletes, each as `destination target`. It ends if the item asks for something else. */
export interface Approved {
  readonly deletes: ReadonlySet<string>;
  readonly asked: ReadonlySet<string>;
  readonly at: number;
  /** What identifies it. */
  readonly id: string;
  /** When it ends, if it is not spent before. */
  readonly until: number;
  readonly spent: Set<string>;
}

/** The content of an item as a text, without orders, independent of order and spelling. */
export const askedBy = (spec: Spec | undefined): string => {
  const routes = (spec?.routes ?? []).map((route) => JSON.stringify(route)).sort();
  return JSON.stringify({ ...spec, routes, held: undefined });
};

/** The facts that invariants may use. */
export interface Facts {
  readonly time: () => number;
  /** The holder of a table's lease, even if it has expired. */
  readonly holder: (routeTableId: string) => string | undefined;
  /** Whether EC2 rejects this target in this table, whatever its rules say. */
  readonly refuses: (routeTableId: string, target: string) => boolean;
  /** Whether the index lists a table under an id. */
  readonly isIndexed: (id: string, routeTableId: string) => boolean;
  readonly faults: Faults;
  readonly instances: Instances;
  /** Whether EC2 rejected a create because the table is full. */
  readonly wasFull: (routeTableId: string) => boolean;
  /** Whether reads lag less than the time for which they may be stale, and all clocks agree. */
  readonly readsAreNearlyFresh: boolean;
  readonly readsMayLagMinutes: boolean;
  /** The interval between sweeps, and by how much clocks may differ. */
  readonly pace: Pace;
  /** The answers of EC2 to a function about one target since then, for any table. */
  readonly answers: (by: FunctionRun, target: string, since: number) => readonly Answer[];
  readonly halts: Halts;
  readonly holds: Holds;
  readonly looks: Iterable<Look>;
  readonly announcements: Announcements;
  readonly edits: FleetEdits;
  readonly tables: ReadonlyMap<string, TableFacts>;
  facts(routeTableId: string): TableFacts;
}

/** Whether a route that is as listed leaves a dead target, so that nobody else has changed it. */
export function isRescue({ action, destination, version, read, routeTableId }: Mutation): boolean {
  const table = read.shown?.world.tables.get(routeTableId);
  const route = version.spec && wantedAt(version.spec, destination);
  if (action !== 'replace' || !table || !read.shown) return false;
  return allowedIn(slotAt(table, destination), route, read.shown.world) !== undefined;
}

/** Whether reads may lag for so long that none has shown our last write here, leaving out the one that begins now. */
export function mayBeUnseen(
  destination: string,
  { mutations }: Pick<TableFacts, 'mutations'>,
  { readsMayLagMinutes }: Pick<Facts, 'readsMayLagMinutes'>,
  now?: Mutation,
): boolean {
  const last = mutations.findLast((one) => one !== now && one.destination === destination);
  return readsMayLagMinutes && last !== undefined && !last.isSeen;
}

/** A mutation in words. */
export const tell = ({ by, routeTableId, action, destination, from, to }: Mutation): string =>
  [by.name, action, routeTableId, destination, from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(' ');
