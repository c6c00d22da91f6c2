import type { Run } from '../../reconciler/core/announce/history.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import type { Change } from '../../reconciler/core/route/change.ts';
import type { Orders } from '../../reconciler/core/desired/orders.ts';
import type { StoredState } from '../../reconciler/ports.ts';
import type { World } from '../support/ec2/world.ts';
import type { FunctionRun } from './function-run.ts';
import type { Announcements } from './announcements.ts';
import type { PossibleArrivals } from './arrivals.ts';
import type { Drifts } from './drifts.ts';
import type { Fights } from './fights.ts';
import type { Halt, Halts, Holds } from './halts.ts';
import type { Memory } from './memory.ts';
import type { Spec } from './oracle.ts';

// What is known of a history at one moment: what functions believe, and what is true.

/** One version of a desired item. */
export interface Version {
  readonly index: number;
  /** When it was written. */
  readonly at: number;
  readonly item: { readonly routeTableId: string } | undefined;
  /** What it asks for; undefined when it is invalid or was deleted. */
  readonly spec?: Spec;
  /** It is invalid, and what it asks for is what the last valid version did. */
  readonly isStandIn?: true;
}

/** What EC2 told a function of one target. */
export interface Answer {
  readonly target: string;
  readonly at: number;
  /** Undefined when there was no answer. */
  readonly isAlive: boolean | undefined;
}

/** One read of a table in EC2. */
export interface Read {
  readonly startedAt: number;
  /** What it shows: the world as it was then. Undefined until it is answered. */
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
  /** Its answer is waited for that long. */
  readonly withinMs: number;
  readonly version: Version;
  readonly read: Read;
  /** What it replaces worked, as far as the read told. */
  readonly worked: boolean;
  landedAt?: number;
  /** It made a difference when it landed. */
  changed?: boolean;
  endedAt?: number;
  outcome?: 'done' | 'refused' | 'unknown' | 'denied' | 'stale';
}

/** What a function did since it last read the state, which is what the next state says. */
export interface Round {
  readonly reads: Read[];
  /** The versions of item and orders that it went by. */
  readonly versions: Version[];
  readonly mutations: Mutation[];
}

/** What a function has to announce since it wrote a state. */
export interface Outbox {
  readonly unsent: News | undefined;
  /** The function knows that its state was written. */
  isAnswered: boolean;
  isAnnounced: boolean;
  /** What EventBridge took is noted. */
  isNoted: boolean;
}

/** What one function knows of one table, from the moment it took the lease. */
export interface Look {
  readonly by: FunctionRun;
  readonly routeTableId: string;
  leaseEndsAt: number;
  before?: StoredState;
  version?: Version;
  /** The pauses and stops it was told of with that version. */
  halts: readonly Halt[];
  /** All that it was told of orders then. */
  orders?: Orders;
  /** When it last read the state. */
  begunAt: number;
  /** When it last went to see what is desired: all that was left before is answered by this. */
  lookedAt: number;
  read?: Read;
  /** How often it read the table. */
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
  /** Triggers that were handed to it and not answered yet. */
  handed: number;
}

/** What is true of one table, whoever knows it. */
export interface TableFacts {
  readonly routeTableId: string;
  readonly versions: Version[];
  /** What is stored as the last valid version, as the one who stored it read it. */
  kept: Version | undefined;
  /** A status was written that rests on the stored version. */
  isKeptKnown: boolean;
  /** The last valid version that a status names, since the table was last adopted. */
  reconciled: Version | undefined;
  readonly mutations: Mutation[];
  readonly runs: Map<string, Run>;
  /** The routes that anybody may take for ones that came while the table was watched. */
  arrivals: PossibleArrivals;
  /** Local routes that a read showed as EC2 made them. */
  readonly local: Set<string>;
  /** The routes that were ours: listed while there, or written by us. */
  owned: Map<string, Set<string>>;
  /** What is stored of it. */
  state: StoredState | undefined;
  /** What people approved, oldest first. */
  approvals: readonly Approved[];
  readonly fights: Fights;
  readonly drifts: Drifts;
  /** What the reconciler must remember of all that. */
  memory: Memory;
  /** When a written state last rested on the sight of a dead listed target, by destination. */
  readonly dead: Map<string, { readonly target: string; readonly at: number }>;
  /** The latest mutation at each destination that is remembered to be made, or perhaps made; the latter was. */
  readonly known: Map<string, Mutation>;
  /** The second of the latest call by anyone whose event was delivered: a read may be believed for its sake. */
  lastEventAt: number;
  /** When somebody else last changed the static route of a destination. */
  readonly touched: Map<string, number>;
  /** How often somebody else changed the static route of a destination. */
  readonly undone: Map<string, number>;
}

/** A person's consent to these deletes, `destination target` each, for as long as the item asks for the same. */
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

/** What an item asks for, apart from what is ordered, in whatever order and spelling. */
export const askedBy = (spec: Spec | undefined): string => {
  const routes = (spec?.routes ?? []).map((route) => JSON.stringify(route)).sort();
  return JSON.stringify({ ...spec, routes, held: undefined });
};

/** What the invariants may ask. */
export interface Facts {
  readonly time: () => number;
  /** Who holds a table's lease, expired or not. */
  readonly holder: (routeTableId: string) => string | undefined;
  /** EC2 refuses this target in this table, whatever the rules say. */
  readonly refuses: (routeTableId: string, target: string) => boolean;
  /** EC2 has refused a create because the table is full. */
  readonly wasFull: (routeTableId: string) => boolean;
  /** Reads lag less than the time after which two of them are believed, and all clocks agree. */
  readonly readsAreNearlyFresh: boolean;
  readonly readsAreNeverStale: boolean;
  /** What EC2 told a function of a target since then, for whichever table it asked. */
  readonly answers: (by: FunctionRun, target: string, since: number) => readonly Answer[];
  readonly halts: Halts;
  readonly holds: Holds;
  readonly looks: Iterable<Look>;
  readonly announcements: Announcements;
  facts(routeTableId: string): TableFacts;
}

/** A mutation in words. */
export const tell = ({ by, routeTableId, action, destination, from, to }: Mutation): string =>
  [by.name, action, routeTableId, destination, from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(' ');
