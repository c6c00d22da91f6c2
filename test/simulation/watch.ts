import type { Run } from '../../reconciler/core/announce/history.ts';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import type { News } from '../../reconciler/core/announce/news.ts';
import { type Change, changeAsJson } from '../../reconciler/core/route/change.ts';
import { type Orders, everyTable } from '../../reconciler/core/desired/orders.ts';
import type { Evidence, RequeueMessage, StoredState } from '../../reconciler/ports.ts';
import { type World, isUsable } from '../support/ec2/world.ts';
import { Chains, atMessage, longestChain } from './chains.ts';
import type { Faults } from './faults.ts';
import type { FunctionRun } from './function-run.ts';
import type { History } from './history.ts';
import {
  type Answer,
  type Facts,
  type Approved,
  askedBy,
  type Look,
  type Mutation,
  type Read,
  type Round,
  type TableFacts,
  type Version,
  isRescue,
  mayBeUnseen,
  tell,
} from './facts.ts';
import {
  type Invariants,
  type Late,
  type OneSweep,
  atAnswer,
  atCrash,
  atDeath,
  atFinish,
  atKey,
  atComingUp,
  atMutation,
  atOneSweep,
  atQuiet,
  atRead,
  atRest,
  atReturn,
  atStatus,
  atSweep,
  atSweepEnd,
  isSo,
  wasAllowed,
} from './invariants.ts';
import { Announcements, isDetected, isHealed, isLeftAlone, isTargetDown } from './announcements.ts';
import { atAnnouncement, atNews, atNewsEnd, atNewsFinish, atNewsRest } from './announcement-invariants.ts';
import { FleetEdits } from './fleet-edits.ts';
import { Drifts } from './drifts.ts';
import { Fights } from './fights.ts';
import { Halts, Holds, isHalted } from './halts.ts';
import { Instances } from './instances.ts';
import { isDeepStrictEqual } from 'node:util';
import { Memory, type Sight } from './memory.ts';
import { type Pace, PossibleArrivals } from './arrivals.ts';
import type { SweepRecord } from '../../reconciler/core/status/sweep-record.ts';
import { allowedIn, isEnforced, names, wantedAt } from './oracle.ts';
import { deviatingIn, rulesAtEnd, shownTo, sightOf } from './shown.ts';
import { slotAt } from '../support/ec2/world.ts';

export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

/** Records what everybody does and knows, and checks every invariant at its occasion. Keeps the first violation. */
export class Watch implements Facts {
  violation: Violation | undefined;
  readonly tables = new Map<string, TableFacts>();
  /** Tables in which EC2 rejected a create because they are full. */
  readonly full = new Set<string>();
  readonly faults: Faults;
  readonly halts = new Halts();
  readonly holds = new Holds();
  readonly announcements = new Announcements();
  readonly edits = new FleetEdits();
  /** Whether reads lag less than the time for which they may be stale, and all clocks agree. */
  readonly readsAreNearlyFresh: boolean;
  readonly readsMayLagMinutes: boolean;
  readonly #looks = new Map<string, Look>();
  /** The interval between sweeps. */
  sweepEveryMs = 5 * 60_000;
  /** The tables that each sweep read in bulk, and those of which a function had the lease: `function table`. */
  readonly #glimpsed = new Set<string>();
  readonly #leased = new Set<string>();
  /** When the last complete sweep wrote its record, and the functions that could not read it. */
  #sweptAt: number | undefined;
  readonly #knowNoSweep = new Set<string>();
  /** The record of the last sweep. */
  #sweep: SweepRecord | undefined;
  /** The last approval in each table. */
  readonly #lastApprovals = new Map<string, Approved>();
  readonly #history: History;
  /** What EC2 answered each function about targets. */
  readonly #answers = new Map<string, readonly Answer[]>();
  readonly time: () => number;
  readonly holder: (routeTableId: string) => string | undefined;
  readonly refuses: (routeTableId: string, target: string) => boolean;
  readonly isIndexed: (id: string, routeTableId: string) => boolean;
  readonly chains = new Chains();
  readonly instances = new Instances();

  constructor(options: {
    readonly history: History;
    readonly faults: Faults;
    readonly time: () => number;
    readonly holder: (routeTableId: string) => string | undefined;
    readonly refuses: (routeTableId: string, target: string) => boolean;
    readonly isIndexed: (id: string, routeTableId: string) => boolean;
    readonly readsAreNearlyFresh: boolean;
  }) {
    this.#history = options.history;
    this.faults = options.faults;
    this.time = options.time;
    this.holder = options.holder;
    this.refuses = options.refuses;
    this.isIndexed = options.isIndexed;
    this.readsAreNearlyFresh = options.readsAreNearlyFresh;
    this.readsMayLagMinutes = options.faults.knows('reads lag for minutes');
  }

  facts(routeTableId: string): TableFacts {
    let facts = this.tables.get(routeTableId);
    if (!facts) {
      facts = {
        routeTableId,
        versions: [{ index: 0, at: -Infinity, item: undefined }],
        kept: undefined,
        isKeptKnown: false,
        reconciled: undefined,
        mutations: [],
        runs: new Map(),
        arrivals: new PossibleArrivals(() => this.pace),
        local: new Set(),
        owned: new Map(),
        state: undefined,
        planned: undefined,
        unasked: [],
        approvals: [],
        fights: new Fights(),
        drifts: new Drifts(),
        memory: new Memory(() => this.pace),
        dead: new Map(),
        known: new Map(),
        lastReadAt: -Infinity,
        touched: new Map(),
        lostAt: -Infinity,
        undone: new Map(),
        seemsUndone: new Map(),
        reported: [],
      };
      this.tables.set(routeTableId, facts);
    }
    return facts;
  }

  get pace(): Pace {
    return { sweepEveryMs: this.sweepEveryMs, skewMs: this.faults.knows('clock skew') ? 8_000 : 0 };
  }

  version(routeTableId: string): Version {
    const { versions } = this.facts(routeTableId);
    return versions.at(-1) ?? { index: 0, at: -Infinity, item: undefined };
  }

  readonly wasFull = (routeTableId: string): boolean => this.full.has(routeTableId);

  get looks(): Iterable<Look> {
    return this.#looks.values();
  }

  look(by: FunctionRun, routeTableId: string): Look | undefined {
    return this.#looks.get(`${by.name} ${routeTableId}`);
  }

  violate(invariant: string, message: string): void {
    this.#history.note('VIOLATION', invariant, message);
    this.violation ??= { invariant, message };
  }

  // ── the lease ──────────────────────────────────────────────────────────────────────────────────────────────────────

  took(by: FunctionRun, routeTableId: string, leaseEndsAt: number, left: number): void {
    this.#ask(atKey, routeTableId);
    this.#leased.add(`${by.name} ${routeTableId}`);
    this.#looks.set(`${by.name} ${routeTableId}`, {
      by,
      routeTableId,
      leaseEndsAt,
      lookedAt: -Infinity,
      begunAt: -Infinity,
      evidenceAt: -Infinity,
      halts: [],
      reads: 0,
      mutations: [],
      round: noRound(),
      runs: [],
      applying: false,
      handed: left,
    });
  }

  renewed(by: FunctionRun, routeTableId: string, leaseEndsAt: number, left: number): void {
    const look = this.look(by, routeTableId);
    if (!look) return;
    Object.assign(look, { leaseEndsAt, handed: left, applying: false });
  }

  /** @param hop the hops of what was left */
  gaveUp(by: FunctionRun, routeTableId: string, left: number, hop = 0): void {
    const look = this.look(by, routeTableId);
    if (!look) return;
    // At the end of a chain, the next sweep reads the table.
    const hops = Math.max(hop, this.chains.hopOf(by, routeTableId));
    const handed = hops < longestChain ? look.handed + left : 0;
    Object.assign(look, { handed, applying: false });
  }

  /** A message for this table was sent, so nothing that was handed over can be lost. */
  sent(by: FunctionRun, routeTableId: string): void {
    const look = this.look(by, routeTableId);
    if (look) look.handed = 0;
  }

  finished(by: FunctionRun, ok: boolean): void {
    for (const look of [...this.#looks.values()].filter((look) => look.by === by)) {
      if (ok) this.#ask(atFinish, look);
      if (ok) this.#ask(atNewsFinish, look);
      else this.#died(look);
      this.#looks.delete(`${by.name} ${look.routeTableId}`);
    }
  }

  // ── reads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  readsEvidence(by: FunctionRun, routeTableId: string): void {
    const look = this.look(by, routeTableId);
    if (look) look.evidenceAt = this.time();
  }

  readState(by: FunctionRun, routeTableId: string, before: StoredState | undefined): void {
    const look = this.look(by, routeTableId);
    if (!look) return;
    look.applying = false;
    if (before) look.before = before;
    look.round = noRound();
    look.begunAt = this.time();
    this.facts(routeTableId).memory.arrivals.begins();
    delete look.read;
    delete look.checkpoint;
  }

  /** A sweep read a table in bulk. */
  glimpsed(by: FunctionRun, { startedAt, shown }: Read, routeTableId: string): void {
    const table = shown?.world.tables.get(routeTableId);
    if (table) this.facts(routeTableId).arrivals.glimpsed(startedAt, table);
    this.#glimpsed.add(`${by.name} ${routeTableId}`);
  }

  couldNotReadSweep(by: FunctionRun): void {
    this.#knowNoSweep.add(by.name);
  }

  /** A sweep wrote its record. If it is complete, it vouches for the tables that it read and found unchanged. */
  sweepWritten(by: FunctionRun, record: SweepRecord): void {
    const { startedAt, endedAt, unknown, held } = record;
    this.#sweep = record;
    if (endedAt === undefined) return;
    this.#sweptAt = this.time();
    const unread = [...unknown.first.map(({ routeTableId }) => routeTableId), ...(held?.first ?? [])];
    const namesAll = unread.length === unknown.count + (held?.count ?? 0);
    for (const [routeTableId, { memory }] of this.tables) {
      const key = `${by.name} ${routeTableId}`;
      const isRead = namesAll && !unread.includes(routeTableId) && this.#glimpsed.has(key) && !this.#leased.has(key);
      memory.arrivals.vouched(isRead ? Date.parse(startedAt) - by.skewMs : undefined);
    }
  }

  /** Whether the next checkpoint begins a reconcile: it comes before any read, or after one that said to start again. */
  startsAnew(by: FunctionRun, routeTableId: string): boolean {
    const look = this.look(by, routeTableId);
    return look !== undefined && (!look.read || (look.checkpoint !== undefined && !wasAllowed(look)));
  }

  readDesired(by: FunctionRun, routeTableId: string, orders: Orders): void {
    const look = this.look(by, routeTableId);
    if (!look) return;
    const { spec, ...version } = this.version(routeTableId);
    Object.assign(look, {
      version: { ...version, ...(spec && { spec: { ...spec, held: this.holds.rowsOf(routeTableId) } }) },
      halts: this.halts.rowsOf(routeTableId),
      orders,
      lookedAt: this.time(),
      handed: 0,
      applying: false,
    });
    if (look.version) look.round.versions.push(look.version);
    delete look.read;
    delete look.checkpoint;
  }

  /** A function uses the last valid version, if there is one. */
  readLastValid(by: FunctionRun, routeTableId: string, isThere: boolean): void {
    const look = this.look(by, routeTableId);
    const { kept } = this.facts(routeTableId);
    if (!isThere || !kept?.spec || !look?.version || look.version.spec) return;
    const spec = { ...kept.spec, held: this.holds.rowsOf(routeTableId) };
    look.version = { ...look.version, spec, isStandIn: true };
    look.round.versions.splice(-1, 1, look.version);
  }

  keptLastValid(by: FunctionRun, routeTableId: string): void {
    const facts = this.facts(routeTableId);
    facts.kept = this.look(by, routeTableId)?.version;
    facts.isKeptKnown = false;
  }

  readStarts(by: FunctionRun, routeTableId: string, read: Read = { startedAt: this.time(), mutations: [] }): Read {
    const look = this.look(by, routeTableId);
    if (look) {
      look.read = read;
      look.reads += 1;
      look.round.reads.push(read);
      this.#ask(atRead, look);
      look.applying = false;
    }
    return read;
  }

  /** A function uses what a read of many tables showed of this one. */
  readShared(by: FunctionRun, routeTableId: string, { startedAt, shown }: Read): void {
    if (!this.look(by, routeTableId)) return;
    const read = this.readStarts(by, routeTableId, { startedAt, mutations: [], ...(shown && { shown }) });
    this.readAnswered(by, routeTableId, read);
  }

  /** The answer to a read arrived. */
  readAnswered(by: FunctionRun, routeTableId: string, read: Read): void {
    this.facts(routeTableId).lastReadAt = read.startedAt;
    const look = this.look(by, routeTableId);
    const { shown } = read;
    const spec = look?.version?.spec;
    const table = shown?.world.tables.get(routeTableId);
    for (const mutation of this.facts(routeTableId).mutations)
      if (
        shown &&
        table &&
        mutation.endedAt !== undefined &&
        isSo(mutation.destination, mutation.to, table, shown.world)
      )
        mutation.isSeen = true;
    if (!look || !shown || !spec || !table) return;
    const facts = this.facts(routeTableId);
    for (const route of spec.routes) {
      const slot = slotAt(table, route.destination);
      if (!slot || !allowedIn(slot, route, shown.world)) continue;
      own(facts, route.destination, names(slot, shown.world));
    }
    for (const { destination, target } of table.routes) if (target === 'local') facts.local.add(destination);
    const sight = sightOf(read, look);
    if (sight) {
      facts.arrivals.saw(sight);
      const isSwept = this.#sweptAt !== undefined && look.begunAt >= this.#sweptAt;
      facts.memory.saw(sight, { knowsSweep: isSwept && !this.#knowNoSweep.has(by.name) });
    }
  }

  // ── orders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  approved(routeTableId: string, deletes: readonly string[], id: string, until: number): void {
    const facts = this.facts(routeTableId);
    const { versions, state } = facts;
    // The person may have seen the status of an earlier version, such as the last valid one.
    const seenAt = Date.parse(state?.status.checkedAt ?? '') - 10_000;
    const first = versions.findLastIndex(({ at, spec }) => at < seenAt && spec !== undefined);
    const asked = new Set(versions.slice(Math.max(0, first)).map(({ spec }) => askedBy(spec)));
    const at = this.time();
    const approval = { deletes: new Set(deletes), asked, at, id, until, spent: new Set<string>() };
    this.#lastApprovals.set(routeTableId, approval);
    facts.approvals = [
      // A new approval replaces earlier ones.
      ...facts.approvals.map((before) => ({ ...before, until: Math.min(before.until, at) })),
      approval,
    ];
  }

  /** The state of a table is lost. Earlier approvals count as spent. */
  lost(routeTableId: string): void {
    const facts = this.facts(routeTableId);
    this.announcements.lost(routeTableId, facts.state?.unsent);
    facts.drifts.lost(this.announcements.takenOf(routeTableId));
    facts.state = undefined;
    facts.planned = undefined;
    facts.lostAt = this.time();
    facts.owned = new Map();
    facts.local.clear();
    facts.arrivals.forget();
    facts.known.clear();
    facts.fights.over();
    facts.memory.forget();
    facts.dead.clear();
    facts.approvals = [];
    facts.unasked.length = 0;
    for (const mutation of facts.mutations) mutation.isRemembered = false;
  }

  /** A function kept a reported call about a route as evidence. */
  reported({ routeTableId, call }: Parameters<Evidence['keep']>[0][number], world: World): void {
    const { reported } = this.facts(routeTableId);
    const table = world.tables.get(routeTableId);
    if (call.about !== 'route' || call.destination === undefined || !table) return;
    if (reported.some(({ id }) => id === call.id)) return;
    const { id, destination, name } = call;
    const to = name === 'DeleteRoute' ? undefined : call.target;
    const isReal = isSo(destination, to, table, world);
    reported.push({
      id,
      destination,
      ...(to !== undefined && { to }),
      isReal,
      madeAt: Date.parse(call.time),
      keptAt: this.time(),
    });
  }

  /** A call by anybody changed a route, and CloudTrail may report it. */
  made(routeTableId: string, destination: string, who: string, world: World): void {
    const table = world.tables.get(routeTableId);
    this.facts(routeTableId).drifts.made(destination, who, table && slotAt(table, destination)?.target);
  }

  /** An interface got another owner, and so may the routes that lead to it. */
  remarked(): void {
    for (const { drifts } of this.tables.values()) drifts.remarked(this.time());
  }

  /** Makes a backup of everything that is remembered. The result restores it. */
  backup(): () => void {
    const restoreAnnouncements = this.announcements.backup();
    const saved = new Map(
      [...this.tables].map(([routeTableId, facts]) => [
        routeTableId,
        {
          ...facts,
          owned: new Map([...facts.owned].map(([destination, names]) => [destination, new Set(names)])),
          local: new Set(facts.local),
          arrivals: facts.arrivals.copy(),
          memory: facts.memory.copy(),
          known: new Map(facts.known),
          spent: new Map(facts.approvals.map(({ id, spent }) => [id, new Set(spent)])),
        },
      ]),
    );
    return () => {
      for (const [routeTableId, facts] of this.tables) {
        this.lost(routeTableId);
        const saves = saved.get(routeTableId);
        const { state, planned, owned, local, arrivals, memory, known, kept, isKeptKnown, reconciled, spent } =
          saves ?? {};
        // The row of the approval still exists, but the state forgot whether it was spent.
        const approval = this.#lastApprovals.get(routeTableId);
        Object.assign(facts, {
          ...(arrivals && { arrivals }),
          ...(memory && { memory }),
          state,
          planned,
          kept,
          isKeptKnown: isKeptKnown ?? false,
          reconciled,
          owned: owned ?? new Map(),
          approvals: approval ? [{ ...approval, spent: new Set(spent?.get(approval.id)) }] : [],
        });
        for (const destination of local ?? []) facts.local.add(destination);
        for (const [destination, mutation] of known ?? []) facts.known.set(destination, mutation);
      }
      this.#sweptAt = undefined;
      restoreAnnouncements();
    };
  }

  /** The state of EC2 changed. */
  worldChanged(before: World | undefined, after: World): void {
    for (const table of after.tables.values()) {
      const was = before?.tables.get(table.id);
      if (was !== table) this.facts(table.id).drifts.changed(was, table, this.time());
    }
  }

  /** Somebody else changed the static route of a destination. */
  touches(routeTableId: string, destination: string): void {
    const { touched, undone, drifts } = this.facts(routeTableId);
    drifts.touched(destination, this.time());
    touched.set(destination, this.time());
    undone.set(destination, (undone.get(destination) ?? 0) + 1);
  }

  /** A function starts a checkpoint. The last one is no longer valid. */
  checks(by: FunctionRun, routeTableId: string): void {
    delete this.look(by, routeTableId)?.checkpoint;
  }

  checked(by: FunctionRun, routeTableId: string, checkpoint: NonNullable<Look['checkpoint']>): void {
    const look = this.look(by, routeTableId);
    if (look) look.checkpoint = checkpoint;
  }

  // ── writes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  recorded(by: FunctionRun, run: Run): void {
    this.look(by, run.routeTableId)?.runs.push(run);
    const { runs } = this.facts(run.routeTableId);
    runs.set(run.id, { by, at: this.time(), ...runs.get(run.id), run });
  }

  mutationStarts(by: FunctionRun, routeTableId: string, change: Change, withinMs: number): Mutation {
    const look = this.look(by, routeTableId);
    const json = changeAsJson(change);
    const table = look?.read?.shown?.world.tables.get(routeTableId);
    const slot = table && slotAt(table, json.destination);
    const mutation: Mutation = {
      by,
      routeTableId,
      ...json,
      worked: Boolean(slot && table && look?.read?.shown && isUsable(slot, table, look.read.shown.world)),
      startedAt: this.time(),
      withinMs,
      version: look?.version ?? this.version(routeTableId),
      read: look?.read ?? { startedAt: -Infinity, mutations: [] },
    };
    const { mutations, touched, seemsUndone } = this.facts(routeTableId);
    const last = mutations.findLast(({ destination }) => destination === json.destination);
    // A read has shown the last write, and a later one that lags shows the route as it was before.
    if (last?.isSeen && last.to === json.to && (touched.get(json.destination) ?? -Infinity) < (last.landedAt ?? 0))
      seemsUndone.set(json.destination, (seemsUndone.get(json.destination) ?? 0) + 1);
    mutations.push(mutation);
    if (!look?.read) {
      this.violate('every mutation rests on a read', `${tell(mutation)} under no lease, or without a read`);
      return mutation;
    }
    this.#ask(atMutation, mutation, look, this);
    look.read.mutations.push(mutation);
    look.mutations.push(mutation);
    look.round.mutations.push(mutation);
    look.applying = true;
    if (mutation.to !== undefined) this.facts(routeTableId).memory.arrivals.makes(mutation.destination, mutation.to);
    return mutation;
  }

  mutationLanded(mutation: Mutation, changed: boolean, world: World): void {
    Object.assign(mutation, { landedAt: this.time(), changed });
    const { routeTableId, destination, to } = mutation;
    if (changed) this.facts(routeTableId).memory.changed(destination, to);
    const table = world.tables.get(routeTableId);
    const slot = table && slotAt(table, destination);
    if (slot && to !== undefined && names(slot, world).includes(to))
      own(this.facts(routeTableId), destination, names(slot, world));
  }

  mutationEnded(mutation: Mutation, outcome: NonNullable<Mutation['outcome']>): void {
    Object.assign(mutation, { endedAt: this.time(), outcome });
    const { routeTableId, action, destination, read } = mutation;
    if (action === 'delete' && outcome === 'done')
      this.facts(routeTableId).memory.arrivals.makes(destination, undefined);
    if (action === 'delete' && (outcome === 'done' || outcome === 'stale')) {
      this.facts(routeTableId).arrivals.deleted(destination, read.startedAt);
      // EC2 says that it is gone, whoever deleted it. Later reads may be stale.
      this.facts(routeTableId).memory.changed(destination, undefined);
    }
    this.#ask(atAnswer, mutation, this);
  }

  stateWritten(by: FunctionRun, state: StoredState, replaced: StoredState | undefined): void {
    const { status, memory } = state;
    const facts = this.facts(status.routeTableId);
    const look = this.look(by, status.routeTableId);
    facts.state = state;
    if (!look) return;
    look.applying = false;
    this.#ask(atStatus, state, look, replaced, this);
    if (!memory.doubt) facts.planned = plannedIn(look);
    if (!memory.doubt)
      for (const call of facts.reported)
        if (call.keptAt < (look.read?.startedAt ?? -Infinity)) call.answeredAt ??= this.time();
    this.#noteNews(facts, state, look);
    for (const mutation of look.mutations) {
      // A change whose answer was lost is remembered as well, at the latest from the next read.
      const isDone = mutation.outcome === 'done';
      if (!isDone && !(mutation.outcome === 'unknown' && mutation.changed)) continue;
      facts.known.set(mutation.destination, mutation);
      if (mutation.isRemembered) continue;
      mutation.isRemembered = true;
      if (!isDone) continue;
      // Once only: later states of the same function may follow the delete of this route, and what comes after that is new.
      if (mutation.to !== undefined) facts.arrivals.made(mutation.destination, mutation.to, this.time());
      this.#spend(facts, mutation);
      if (!isRescue(mutation)) facts.fights.healed(mutation.destination, mutation.to, mutation.endedAt ?? this.time());
    }
    if (look.version?.spec && !look.version.isStandIn) {
      facts.reconciled = look.version;
      facts.isKeptKnown ||= facts.kept?.index === look.version.index;
    }
    this.#spendUnseen(facts, look, memory);
    this.#learnFrom(facts, state, look);
    if (status.phase === 'Unmanaged') {
      this.announcements.forgot(status.routeTableId);
      facts.reconciled = undefined;
      facts.lostAt = this.time();
      facts.drifts.forget();
      facts.memory.forget();
      facts.dead.clear();
      facts.approvals = [];
      facts.fights.over();
      facts.owned = new Map();
      facts.local.clear();
      facts.arrivals.unmanaged();
      facts.known.clear();
    }
  }

  /** Spends an approval by a delete that a status remembers. A delete without an answer may be made again. */
  #spend({ approvals }: TableFacts, { action, destination, from }: Mutation): void {
    const key = `${destination} ${from}`;
    const covering = approvals.find(({ deletes, spent }) => deletes.has(key) && !spent.has(key));
    if (action === 'delete') covering?.spent.add(key);
  }

  /** Spends an approval for a route that a read did not show, once a status remembers that. */
  #spendUnseen(
    { approvals }: TableFacts,
    { orders, reads, read, routeTableId }: Look,
    { doubt }: StoredState['memory'],
  ): void {
    const approval = approvals.find(({ id }) => id === orders?.approval?.at);
    const table = read?.shown?.world.tables.get(routeTableId);
    // The last of several reads may not have been believed.
    if (!approval || !table || !read?.shown || reads !== 1 || doubt) return;
    for (const key of approval.deletes) {
      const [destination = '', target = ''] = key.split(' ');
      const slot = slotAt(table, destination);
      if (!slot || !names(slot, read.shown.world).includes(target)) approval.spent.add(key);
    }
  }

  /** Learns what the reconciler must remember after it wrote a status, given what it read. */
  #learnFrom(facts: TableFacts, { status: { phase, plan }, memory: { doubt } }: StoredState, look: Look): void {
    const { memory } = facts;
    const { read, round } = look;
    const sight = sightOf(read, look);
    if (!sight) return;
    this.#learnOfTargets(facts, look, sight, doubt !== undefined);
    if (doubt) memory.arrivals.doubted(sight.rules);
    else facts.arrivals.ruled(sight.rules);
    if (doubt || !plan) return;
    // `stale`: EC2 answers that it is gone, whoever deleted it.
    const deleted = round.mutations.filter(
      ({ action, outcome }) => action === 'delete' && (outcome === 'done' || outcome === 'stale'),
    );
    if (round.reads.length === 1) facts.arrivals.wrote(sight, new Set(destinationsOf(deleted)));
    if (round.reads.length === 1) this.#disown(facts, look, sight);
    memory.wrote(sight, {
      isInSync: phase === 'InSync' && sight.isEnforced,
      first: round.reads[0]?.startedAt ?? sight.at,
      reads: round.reads.length,
      now: this.time(),
      written: new Set(destinationsOf(round.mutations)),
    });
  }

  /** A route that is not listed stops being ours when a state rests on a read that shows another one there, or none. */
  #disown({ owned }: TableFacts, { read, mutations }: Look, { spec, table, world }: Sight): void {
    if (!read?.shown || read.shown.asOf < read.startedAt) return;
    for (const [destination, targets] of owned) {
      const slot = slotAt(table, destination);
      const isThere = slot && names(slot, world).some((name) => targets.has(name));
      const isMade = mutations.some((one) => one.destination === destination);
      if (!isThere && !isMade && !wantedAt(spec, destination)) owned.delete(destination);
    }
  }

  /**
   * A state rests on a read and on EC2's answers about listed targets. Answers for another table do not count here. After
   * several reads, it is unknown which of them was believed.
   */
  #learnOfTargets({ dead }: TableFacts, look: Look, { spec, table, world }: Sight, isDoubted: boolean): void {
    const { by, begunAt, round, read } = look;
    for (const [destination, { target }] of dead) {
      const wasListed = round.versions.every((one) => one.spec && wantedAt(one.spec, destination)?.target === target);
      const slot = slotAt(table, destination);
      const isThere = slot && names(slot, world).includes(target);
      const isMade = round.mutations.some((one) => one.destination === destination && one.to === target);
      if (!wasListed || isMade || (isThere && isUsable(slot, table, world))) dead.delete(destination);
    }
    const isAlone = [...this.#looks.values()].filter((one) => one.by === by).length === 1;
    if (isDoubted || !isAlone || round.reads.length !== 1 || round.versions.length !== 1 || !read?.shown) return;
    for (const { destination, target } of spec.routes) {
      const slot = slotAt(table, destination);
      const isThere = slot && names(slot, world).includes(target);
      const isMade = round.mutations.some((one) => one.destination === destination);
      if (target === 'local' || isMade) continue;
      const answer = this.answers(by, target, begunAt).at(-1);
      const isDead = isThere ? !isUsable(slot, table, world) : answer?.isAlive === false;
      if (isDead) dead.set(destination, { target, at: isThere ? read.shown.asOf : (answer?.at ?? read.shown.asOf) });
    }
  }

  /** EC2 answered a function about targets, or did not answer. */
  asked(by: FunctionRun, answers: readonly Answer[]): void {
    this.#answers.set(by.name, [...(this.#answers.get(by.name) ?? []), ...answers]);
  }

  readonly answers = (by: FunctionRun, target: string, since: number): readonly Answer[] =>
    (this.#answers.get(by.name) ?? []).filter((one) => one.target === target && one.at >= since);

  // ── announcements ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Checks the news of a written state, and records it. */
  #noteNews(facts: TableFacts, state: StoredState, look: Look): void {
    const { drifts } = facts;
    const { phase, plan, checkedAt } = state.status;
    const { doubt } = state.memory;
    const news = this.announcements.born(state, look.before);
    const shown = shownTo(look);
    // These routes work, and are left as they are although the item lists another target.
    const kept = (plan?.findings ?? []).flatMap(({ code, destination }) =>
      code === 'target-down' && destination ? [destination] : [],
    );
    const theirs = new Set(destinationsOf((plan?.leftAlone ?? []).filter(({ reason }) => reason === 'maybe-not-ours')));
    const deviating = deviatingIn(look, facts.memory).difference(new Set(kept));
    const found = news.events.filter(isDetected).flatMap(({ detail }) => detail.changes);
    const left = news.events.filter(isLeftAlone).flatMap(({ detail }) => detail.routes);
    const down = destinationsOf(news.events.filter(isTargetDown).flatMap(({ detail }) => detail.failures));
    const over = news.events.filter(isHealed).flatMap(({ detail }) => detail.changes);
    this.#ask(
      atNews,
      {
        state,
        news,
        again: destinationsOf(found).filter(
          // The plan of a dead function may rest on a stale read, which shows announced drift once more.
          (destination) => shown && drifts.isKnown(destination, shown) && !this.#isOfDead(destination, facts, look),
        ),
        ours: destinationsOf(found.filter((change) => this.#isOurs(change, facts, look))),
        // What may be somebody else's is announced again when it changes hands.
        // After an edit, nobody remembers what a function wrote that died.
        leftAgain: destinationsOf(left.filter(({ reason }) => reason !== 'maybe-not-ours')).filter(
          (destination) =>
            shown &&
            drifts.isSameRoute(destination, shown) &&
            !facts.mutations.some(
              (one) => one.destination === destination && one.changed && (one.landedAt ?? 0) >= drifts.lastSeenAt,
            ),
        ),
        leftTwice: destinationsOf(left).filter((destination) => down.includes(destination)),
        leftForNothing: destinationsOf(left).filter(
          (destination) => shown?.routes?.get(destination)?.isToldOf === false,
        ),
        notOver: destinationsOf(over).filter(
          (destination) => doubt ?? (theirs.has(destination) || (shown && deviating.has(destination))),
        ),
      },
      look,
      this,
    );
    this.announcements.wrote(news);
    look.outbox = { unsent: state.unsent, isAnswered: false, isAnnounced: false, isNoted: false };
    if (doubt) drifts.doubted(destinationsOf(look.round.mutations));
    else if (!shown || phase === 'Missing') drifts.startsAnew();
    else {
      const since = drifts.lastSeenAt;
      const isReported = (destination: string, target: string): boolean =>
        facts.reported.some(
          (one) =>
            one.destination === destination &&
            one.to === target &&
            one.madeAt >= since - 1_000 &&
            one.keptAt < look.evidenceAt,
        );
      const isOurs = (destination: string, target: string): boolean =>
        facts.mutations.some(
          (one) =>
            one.destination === destination &&
            one.to === target &&
            ((one.landedAt ?? 0) >= since ||
              // Without an answer, nobody knows whether it landed, unless an event reports that others made the route.
              (one.outcome === 'unknown' &&
                (one.endedAt ?? 0) >= this.time() - staleForMs - this.pace.skewMs &&
                !isReported(destination, target))),
        );
      const isLost = (destination: string): boolean =>
        facts.mutations.some(
          (one) =>
            one.destination === destination &&
            one.by !== look.by &&
            !one.isRemembered &&
            (one.landedAt ?? one.startedAt) >= since,
        );
      // What others undo before any read has shown our write looks like a read that lags.
      const due = [...deviating].filter((destination) => !mayBeUnseen(destination, facts, this));
      drifts.wrote(shown, due, checkedAt, isOurs, isLost);
    }
    for (const destination of destinationsOf(found)) drifts.announces(destination);
    drifts.kept(kept);
  }

  /**
   * Whether only our own writes or an edit can have caused a difference. After an edit, the actor of an older change may
   * be named.
   */
  #isOurs({ destination, actor }: DomainEvent['detail']['changes'][number], facts: TableFacts, look: Look): boolean {
    const { drifts, mutations } = facts;
    const { version, halts, by, round } = look;
    // By the function's clock at its checkpoint, because a pause may end before the state is written.
    const at = look.lookedAt + by.skewMs;
    const isWatched = !version?.spec || !isEnforced(version.spec, at) || isHalted(halts, at);
    const rules = !isWatched && actor === 'unattributed' ? undefined : rulesAtEnd(look);
    const asOf = Math.min(...round.reads.map(({ shown }) => shown?.asOf ?? -Infinity));
    if (!drifts.isUntouched(destination, rules, asOf)) return false;
    // The plan of a dead function may rest on a stale read.
    if (this.#isOfDead(destination, facts, look)) return false;
    // No state remembers the writes of a dead function, or writes without an answer.
    return mutations
      .filter((one) => one.destination === destination && (one.landedAt ?? one.startedAt) > drifts.lastSeenAt)
      .every((one) => round.mutations.includes(one) && one.outcome !== 'unknown');
  }

  /**
   * Whether a function planned to change a destination and died before a state remembered that. The next one announces
   * its run.
   */
  #isOfDead(destination: string, { drifts, runs }: TableFacts, { by }: Look): boolean {
    const ofDead = [...runs.values()].filter((recorded) => recorded.by !== by && recorded.at > drifts.lastSeenAt);
    return ofDead.some(({ run }) => run.plan.changes.some((change) => change.destination === destination));
  }

  /** A function got the answer that its state was written. */
  knowsWritten(by: FunctionRun, routeTableId: string): void {
    const outbox = this.look(by, routeTableId)?.outbox;
    if (outbox) outbox.isAnswered = true;
  }

  announced(by: FunctionRun, news: News, taken: readonly DomainEvent[]): void {
    // Orders for all tables are in no table's state.
    if (news.events.some(({ detail }) => detail.routeTableId === everyTable)) {
      this.announcements.ofAll(taken);
      return;
    }
    this.#ask(atAnnouncement, news, this);
    this.announcements.announced(news, taken);
    const looks = [...this.#looks.values()].filter((look) => look.by === by);
    const look = looks.find(
      ({ outbox }) => outbox?.isAnswered && !outbox.isAnnounced && isDeepStrictEqual(outbox.unsent, news),
    );
    if (look?.outbox) look.outbox.isAnnounced = true;
    // News that an earlier state kept are announced without a new state. The function may not know that it wrote that state.
    const other = look
      ? undefined
      : looks.find(({ outbox }) => !outbox?.unsent || outbox.isNoted || !outbox.isAnswered);
    if (other) other.outbox = { unsent: news, isAnswered: false, isAnnounced: true, isNoted: false };
  }

  /** The state no longer has the news that EventBridge accepted. */
  unsentWritten(by: FunctionRun, routeTableId: string, revision: number, unsent: News | undefined): void {
    const facts = this.facts(routeTableId);
    const outbox = this.look(by, routeTableId)?.outbox;
    if (outbox) outbox.isNoted = true;
    if (facts.state?.revision !== revision) return;
    const { unsent: _, ...rest } = facts.state;
    facts.state = { ...rest, ...(unsent && { unsent }) };
  }

  /** A function died before it announced its news, or before the state recorded that. */
  #died({ outbox }: Look): void {
    if (!outbox?.unsent || outbox.isNoted) return;
    if (outbox.isAnnounced) this.announcements.mayBeRepeated = true;
    this.faults.note(outbox.isAnnounced ? 'death before an announcement is noted' : 'death before an announcement');
  }

  /** Checks the invariants that hold after a sweep without faults. */
  afterSweep(tables: readonly string[], world: World, sweptAt: number): void {
    this.#ask(atSweepEnd, this.#sweep, tables);
    for (const routeTableId of tables) this.#ask(atSweep, this.facts(routeTableId), world, this, sweptAt);
  }

  /** Checks the invariants that hold one minute after a sweep without faults began. `before`: the world at that time. */
  afterOneSweep(tables: readonly string[], sweep: OneSweep): void {
    for (const routeTableId of tables) this.#ask(atOneSweep, this.facts(routeTableId), sweep, this);
  }

  /** Checks the invariants that hold after one more sweep at rest. */
  afterQuiet(tables: readonly string[], restedAt: number): void {
    for (const routeTableId of tables) this.#ask(atQuiet, this.facts(routeTableId), restedAt, this);
  }

  /** Checks the invariants that hold some time after a listed target came up. */
  afterComingUp(late: Late, world: World, due: 'within a minute' | 'within a sweep'): void {
    this.#ask(atComingUp, this.facts(late.routeTableId), late, world, due);
  }

  /** Checks the invariants that hold after the first sweep that follows the death of a target. */
  afterDeath(tables: readonly string[], world: World): void {
    for (const routeTableId of tables) this.#ask(atDeath, this.facts(routeTableId), world, this);
  }

  /** Checks the invariants that hold after that target has come back. `before`: the world without it. */
  afterReturn(tables: readonly string[], before: World, world: World): void {
    for (const routeTableId of tables) this.#ask(atReturn, this.facts(routeTableId), before, world);
  }

  /** A function sends a message. */
  sends(by: FunctionRun, message: RequeueMessage): void {
    this.#ask(atMessage, message, by, this.chains);
  }

  /** Checks the invariants that hold a minute after a crash. `affected`: the tables whose routes lead to the instance. */
  afterCrash(affected: readonly string[], at: number): void {
    for (const facts of this.tables.values()) this.#ask(atCrash, facts, affected, at);
  }

  /** Checks the invariants that hold only at rest. */
  atRest(tables: readonly string[], world: World, time: number): void {
    for (const routeTableId of tables) {
      this.#ask(atRest, this.facts(routeTableId), world, this);
      this.#ask(atNewsRest, this.facts(routeTableId), world, this, time);
    }
    this.#ask(atNewsEnd, this, time);
  }

  #ask<A extends readonly unknown[]>(checks: Invariants<A>, ...about: A): void {
    for (const [name, check] of Object.entries(checks)) {
      const message = check(...about);
      if (message !== undefined) this.violate(name, message);
    }
  }
}

/** For this long, a read may show the table before a write. */
const staleForMs = 30_000;

const noRound = (): Round => ({ reads: [], versions: [], mutations: [] });

const plannedIn = ({ version, round }: Look): TableFacts['planned'] =>
  version && { index: version.index, asOf: Math.min(...round.reads.map(({ shown }) => shown?.asOf ?? -Infinity)) };

const destinationsOf = (list: readonly { readonly destination: string }[]): readonly string[] =>
  list.map(({ destination }) => destination);

function own({ owned }: TableFacts, destination: string, targets: readonly string[]): void {
  owned.set(destination, new Set([...(owned.get(destination) ?? []), ...targets]));
}
