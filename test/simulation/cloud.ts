import { bulkReads } from '../../reconciler/bulk-reads.ts';
import { ChangeFailed, type Pace } from '../../reconciler/apply.ts';
import { sharedPace } from '../../reconciler/pace.ts';
import type { Change } from '../../reconciler/core/route/change.ts';
import { type ActualTable, targetText } from '../../reconciler/core/route/route.ts';
import { nothingLeft } from '../../reconciler/core/memory/trigger.ts';
import type { DomainEvent } from '../../reconciler/core/announce/domain-event.ts';
import type {
  Announcer,
  DesiredItems,
  Evidence,
  Glance,
  Known,
  LastValidItems,
  Leases,
  Log,
  PaceRows,
  Requeue,
  RouteTables,
  TableIndex,
  TableStates,
  TargetHealth,
  SweepWorld,
} from '../../reconciler/ports.ts';
import type { Fate } from '../support/ec2/faults.ts';
import { InMemoryEc2 } from '../support/ec2/in-memory-ec2.ts';
import type { Call } from '../support/ec2/journal.ts';
import { paceOfNobody } from '../support/in-memory-world.ts';
import { inMemoryRouteTables } from '../support/ec2/route-tables.ts';
import { inMemoryTargetHealth } from '../support/ec2/target-health.ts';
import { type World as Ec2World, isUsable, slotAt } from '../support/ec2/world.ts';
import {
  InMemoryDesiredItems,
  InMemoryEvidence,
  InMemoryLastValidItems,
  InMemoryLeases,
  InMemoryPaceRows,
  InMemoryRequeue,
  InMemoryTableIndex,
  InMemoryTableOrders,
  InMemoryTableStates,
} from '../support/in-memory-stores.ts';
import type { Faults } from './faults.ts';
import type { FunctionRun } from './function-run.ts';
import { History } from './history.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Answer, Mutation, Read } from './facts.ts';
import { Watch } from './watch.ts';

export const start = new Date('2026-11-23T12:00:00Z');

/** Codes with which EC2 rejects a target. */
export type Refusals = Map<string, { readonly code: string; readonly message?: string }>;

/** A question about targets, and the world that the answer shows. */
interface Asking {
  /** The world that each call shows. */
  readonly shown: Ec2World[];
}

type Calling =
  | { readonly mutation: Mutation; readonly withinMs: number }
  | { readonly read: Read; /** Absent for a bulk read. */ readonly routeTableId?: string }
  | { readonly asking: Asking };

/** For some minutes, reads show a table as it was. */
interface Impairment {
  /** Absent if it is all of them. */
  readonly routeTableId?: string;
  readonly since: number;
  readonly until: number;
  /** By how much reads lag. Absent if they show the beginning of the impairment until its end. */
  readonly lagMs?: number;
}

/** EC2, the stores and the queue, as functions see them: through calls that take time and may fail. */
export class Cloud {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly faults: Faults;
  readonly history: History;
  readonly watch: Watch;
  readonly ec2: InMemoryEc2;
  readonly desired = new InMemoryDesiredItems();
  readonly lastValid = new InMemoryLastValidItems();
  readonly orders = new InMemoryTableOrders();
  readonly states = new InMemoryTableStates();
  readonly index = new InMemoryTableIndex();
  readonly evidence = new InMemoryEvidence();
  readonly leases = new InMemoryLeases();
  readonly pace = new InMemoryPaceRows();
  readonly queue: InMemoryRequeue;
  /** Targets that EC2 rejects, and tables for which it denies our writes. */
  readonly refusals: Refusals = new Map();
  readonly denied = new Set<string>();
  /** Tables in which every mutation ends in a server fault, until the faults end. */
  readonly #troubled = new Set<string>();
  /** The maximum lag of reads. */
  readonly longestLagMs: number;
  /** The number of mutations by functions. */
  mutations = 0;
  /** Lets somebody else change a route just before our call arrives. */
  meddle: (routeTableId: string, destination: string) => void = () => {};
  /** Lets somebody edit an item during its apply. */
  edit: (routeTableId: string) => void = () => {};
  /** Receives every call that EC2 carried out, by anybody, and whether the route that it is about is another one now. */
  onEffect: (call: Call, isMade: boolean) => void = () => {};
  /** The previous state of each table, which an inconsistent read may return. */
  readonly #lastGlances = new Map<string, Glance>();
  readonly #worlds: { readonly since: number; readonly world: Ec2World }[] = [];
  /** Tables whose row exists but cannot be parsed. */
  readonly unreadable = new Set<string>();
  /** A call that always fails: what, and the table. */
  broken: string | undefined;
  /** EventBridge rejects all events before this instant. */
  #busBackAt = -Infinity;
  /** The calls that EC2 processed in this step, with our mutation if it is one. */
  readonly #arrived = new Map<Call, Mutation | undefined>();
  #impairment: Impairment | undefined;
  /** The mutation of the function that is calling EC2 now. */
  #calling: Calling | undefined;

  constructor(scheduler: Scheduler, random: Random, faults: Faults) {
    this.scheduler = scheduler;
    this.random = random;
    this.faults = faults;
    this.history = new History(() => scheduler.time);
    this.longestLagMs = random.chance(0.5) ? 9_000 : 20_000;
    this.watch = new Watch({
      history: this.history,
      faults,
      time: () => scheduler.time,
      holder: (routeTableId) => this.leases.holder(routeTableId),
      isIndexed: (id, routeTableId) => this.index.lists(id, routeTableId),
      refuses: (routeTableId, target) => this.refusals.has(target) || this.denied.has(routeTableId),
      readsAreNearlyFresh: !faults.knows('reads lag for minutes', 'clock skew'),
    });
    this.queue = new InMemoryRequeue(scheduler.now);
    this.ec2 = new InMemoryEc2({ clock: scheduler, faults: (call) => this.#fateOf(call) });
  }

  /** Makes a backup of the table of states. The result restores it, while no function runs. */
  backup(): () => void {
    const restores = [this.states, this.lastValid, this.index, this.watch].map((one) => one.backup());
    return () => {
      for (const restore of restores) restore();
      this.unreadable.clear();
      this.#lastGlances.clear();
    };
  }

  /** Records what the last step changed in EC2. Called after each step. */
  settle(): void {
    const world = this.ec2.world;
    const before = this.#worlds.at(-1)?.world;
    if (before !== world) {
      this.watch.worldChanged(before, world);
      this.#worlds.push({ since: this.scheduler.time, world });
    }
    for (const [call, mutation] of this.#arrived) {
      const { changed, error } = call;
      this.history.note('EC2', `${call.caller} ${call.action}`, { ...call.input, changed, ...(error && { error }) });
      if (mutation) this.watch.mutationLanded(mutation, changed, world);
      if (changed) this.onEffect(call, routeOf(call, before) !== routeOf(call, world));
    }
    this.#arrived.clear();
  }

  #asOf(instant: number): { readonly since: number; readonly world: Ec2World } | undefined {
    return this.#worlds.findLast(({ since }) => since <= instant) ?? this.#worlds[0];
  }

  // ── what happens to calls to EC2 ───────────────────────────────────────────────────────────────────────────────────

  #fateOf(call: Call): Fate {
    const { random, faults } = this;
    const usual: Fate = { reachesAfterMs: random.skewed(5, 120), answersAfterMs: random.skewed(5, 80) };
    const arrives = (mutation?: Mutation) => (): void => {
      this.#arrived.set(call, mutation);
    };
    const calling = this.#calling;
    if (!calling) return call.action.startsWith('Describe') ? usual : { ...usual, justBefore: arrives() };
    if ('asking' in calling) return { ...usual, ...this.#fateOfAsking(calling.asking) };
    if ('read' in calling) return { ...usual, ...this.#fateOfRead(calling) };
    const { mutation, withinMs } = calling;
    return {
      ...usual,
      ...this.#fateOfMutation(mutation, withinMs),
      justBefore: () => {
        if (faults.strikes('other writer between read and write'))
          this.meddle(mutation.routeTableId, mutation.destination);
        arrives(mutation)();
      },
    };
  }

  #fateOfRead({ read, routeTableId }: Extract<Calling, { readonly read: Read }>): Fate {
    const { random, faults } = this;
    if (faults.strikes('failed read'))
      return random.pick<Fate>([{ serverFault: 'not-done' }, { lost: 'answer' }, { refused: { code: 'Unavailable' } }]);
    const lagMs = random.chance(0.5) ? random.skewed(200, this.longestLagMs) : random.between(1_000, this.longestLagMs);
    const staleMs = Math.max(faults.strikes('stale read') ? lagMs : 0, this.#lagOf(routeTableId));
    return {
      ...this.#slowness(),
      staleMs,
      justBefore: () => {
        const asOf = this.scheduler.time - staleMs;
        const then = this.#asOf(asOf);
        if (then) read.shown = { world: then.world, asOf };
      },
    };
  }

  /** By how much reads of a table lag, or bulk reads. An impairment may begin now. */
  #lagOf(routeTableId: string | undefined): number {
    const { random, faults, scheduler } = this;
    const { time } = scheduler;
    if (faults.over) return 0;
    if ((this.#impairment?.until ?? 0) <= time && faults.strikes('reads lag for minutes')) {
      const ofOne = random.chance(0.5) && routeTableId !== undefined;
      this.#impairment = {
        since: time,
        until: time + random.between(60_000, 15 * 60_000),
        ...(ofOne && { routeTableId }),
        ...(random.chance(0.5) && { lagMs: random.between(60_000, 5 * 60_000) }),
      };
      this.history.note('EC2', 'reads lag from now on', this.#impairment);
    }
    const lag = this.#impairment;
    if (!lag || lag.until <= time) return 0;
    const isAffected = lag.routeTableId === undefined || lag.routeTableId === routeTableId;
    return isAffected ? (lag.lagMs ?? time - lag.since) : 0;
  }

  #fateOfAsking(asking: Asking): Fate {
    const { random, faults } = this;
    if (faults.strikes('failed Describe of targets'))
      return random.pick<Fate>([
        { serverFault: 'not-done' },
        { lost: 'answer' },
        { refused: { code: 'RequestLimitExceeded' } },
      ]);
    const staleMs = faults.strikes('stale Describe of targets') ? random.between(200, 4_000) : 0;
    return {
      ...this.#slowness(),
      staleMs,
      justBefore: () => {
        const then = this.#asOf(this.scheduler.time - staleMs);
        if (then) asking.shown.push(then.world);
      },
    };
  }

  #fateOfMutation(mutation: Mutation, withinMs: number): Fate {
    const { random, faults } = this;
    const refused = mutation.to === undefined ? undefined : this.refusals.get(mutation.to);
    if (this.denied.has(mutation.routeTableId)) return { refused: { code: 'UnauthorizedOperation' } };
    if (refused) return { refused };
    if (faults.strikes('throttle')) return { refused: { code: 'RequestLimitExceeded' } };
    const place = `${mutation.routeTableId} ${mutation.destination}`;
    if (faults.strikes('server errors for a while')) this.#troubled.add(place);
    if (this.#troubled.has(place) && !faults.over) return { serverFault: 'not-done' };
    if (faults.strikes('server error, not done')) return { serverFault: 'not-done' };
    if (faults.strikes('server error, done')) return { serverFault: 'done' };
    if (faults.strikes('lost call')) return { lost: 'call' };
    if (faults.strikes('lost answer')) return { lost: 'answer' };
    if (faults.strikes('call arrives after its caller gave up'))
      return { reachesAfterMs: withinMs + random.between(100, 3_000) };
    return this.#slowness();
  }

  #slowness(): Fate {
    if (!this.faults.strikes('slow call')) return {};
    const ms = this.random.skewed(500, 9_000);
    return this.random.chance(0.5) ? { reachesAfterMs: ms } : { answersAfterMs: ms };
  }

  // ── the ports of one function ──────────────────────────────────────────────────────────────────────────────────────

  worldOf(fn: FunctionRun): SweepWorld {
    const log = this.#log(fn);
    const pace = this.#pace(fn, log);
    return {
      tables: this.#tables(fn, pace),
      pace,
      targetHealth: this.#targetHealth(fn),
      desired: this.#desired(fn),
      orders: {
        all: () => this.#store(fn, 'orders.all', () => this.orders.all()),
        ofAll: () => this.#store(fn, 'orders.ofAll', () => this.orders.ofAll()),
      },
      lastValid: this.#lastValid(fn),
      states: this.#states(fn),
      index: this.#index(fn),
      evidence: this.#evidence(fn),
      leases: this.#leases(fn),
      requeue: this.#requeue(fn),
      announcer: this.#announcer(fn),
      mappings: { disabled: async () => [] },
      checkpoint: async (routeTableId) => {
        const isFirst = this.watch.startsAnew(fn, routeTableId);
        this.watch.checks(fn, routeTableId);
        const { version, orders, holder } = await this.#store(fn, `checkpoint ${routeTableId}`, async () => {
          const read = {
            version: this.watch.version(routeTableId),
            orders: this.orders.of(routeTableId),
            holder: this.leases.holder(routeTableId),
          };
          if (isFirst) this.watch.readDesired(fn, routeTableId, read.orders);
          else if (this.faults.strikes('desired edit in mid-apply')) this.edit(routeTableId);
          return read;
        });
        if (!isFirst)
          this.watch.checked(fn, routeTableId, { version, orders, ...(holder !== undefined && { holder }) });
        return { item: version.item, orders, holder };
      },
      now: fn.now,
      log,
    };
  }

  /** The pace that all functions share. Functions that are not simulated may have used it up for a while. */
  #pace(fn: FunctionRun, log: Log): Pace {
    const { pace: rows, faults, random, scheduler } = this;
    const advance: PaceRows['advance'] = (row, step) => {
      const work = (): ReturnType<PaceRows['advance']> => rows.advance(row, step);
      return this.#store(fn, `pace.advance ${row}`, work, work);
    };
    const pace = sharedPace(
      { advance },
      {
        alone: paceOfNobody,
        now: fn.now,
        sleep: (ms) => new Promise<void>((wake) => scheduler.at(scheduler.time + Math.max(0, ms), wake)),
        log,
      },
    );
    const useUp = (action: Change['action'], parts: readonly ('edits' | 'drift' | 'rest')[]): void => {
      const until = scheduler.time + random.skewed(200, 8_000);
      for (const part of parts) rows.put(`${action}#${part}`, until);
    };
    return {
      ...pace,
      turn: (action, lane, withinMs) => {
        if (faults.strikes('paced by the token bucket'))
          useUp(action, random.chance(0.7) ? ['edits'] : ['edits', 'drift', 'rest']);
        return fn.outlives(pace.turn(action, lane, withinMs));
      },
      book: (action, changes) => fn.outlives(pace.book(action, changes)),
    };
  }

  #tables(fn: FunctionRun, { throttled }: Pace): RouteTables {
    const tables = inMemoryRouteTables(this.ec2, { caller: fn.name, throttled });
    const ask = <T>(calling: Calling, call: () => Promise<T>): Promise<T> => {
      this.#calling = calling;
      try {
        return call();
      } finally {
        this.#calling = undefined;
      }
    };
    const read = async (routeTableId: string): Promise<ActualTable | undefined> => {
      const read = this.watch.readStarts(fn, routeTableId);
      this.history.note(fn.name, `reads ${routeTableId}`);
      try {
        const table = await fn.outlives(ask({ read, routeTableId }, () => tables.read(routeTableId)));
        this.watch.readAnswered(fn, routeTableId, read);
        const lagMs = this.scheduler.time - (read.shown?.asOf ?? 0);
        this.history.note(fn.name, `has read ${routeTableId}, as of ${lagMs} ms ago`, table && routesIn(table));
        return table;
      } catch (error) {
        this.history.note(fn.name, `could not read ${routeTableId}`, error);
        throw error;
      }
    };
    const apply: RouteTables['apply'] = async (routeTableId, change, limits) => {
      const { withinMs } = limits;
      this.mutations += 1;
      const mutation = this.watch.mutationStarts(fn, routeTableId, change, withinMs);
      const { action, destination, from, to } = mutation;
      const told = `${action} ${routeTableId} ${destination}`;
      this.history.note(fn.name, told, { from, to, withinMs });
      try {
        await fn.outlives(ask({ mutation, withinMs }, () => tables.apply(routeTableId, change, limits)));
        this.watch.mutationEnded(mutation, 'done');
        this.history.note(fn.name, `${told}: done`);
      } catch (error) {
        if (error instanceof ChangeFailed && error.failure.code === 'RouteLimitExceeded')
          this.watch.full.add(routeTableId);
        this.watch.mutationEnded(mutation, outcomeOf(error));
        this.history.note(fn.name, `${told}: failed`, error);
        throw error;
      }
    };
    const readMany = async function* (
      this: Cloud,
      ids: readonly string[],
      reads = new Map<string, Read>(),
    ): AsyncGenerator<ActualTable, undefined> {
      const pages = tables.readMany(ids)[Symbol.asyncIterator]();
      // One call shows all tables.
      const read: Read = { startedAt: this.scheduler.time, mutations: [] };
      while (true) {
        const next = await fn.outlives(ask({ read }, () => pages.next()));
        if (next.done === true) return undefined;
        this.watch.glimpsed(fn, read, next.value.routeTableId);
        reads.set(next.value.routeTableId, read);
        yield next.value;
      }
    };
    const together: RouteTables['together'] = (ids) => {
      const reads = new Map<string, Read>();
      const shared = bulkReads(ids, { readMany: (some) => readMany.call(this, some, reads), now: fn.now });
      return async (routeTableId, notBefore) => {
        const reading = await shared(routeTableId, notBefore);
        const read = reads.get(routeTableId);
        if (reading && read) this.watch.readShared(fn, routeTableId, read);
        return reading;
      };
    };
    return { read, apply, together, readMany: readMany.bind(this) };
  }

  /** Asks EC2 about targets. An answer may be a few seconds old, or fail. */
  #targetHealth(fn: FunctionRun): TargetHealth {
    const health = inMemoryTargetHealth(this.ec2, fn.name);
    return async (vpcId, targets) => {
      const asking: Asking = { shown: [] };
      this.#calling = { asking };
      const asked = health(vpcId, targets);
      this.#calling = undefined;
      const answer = await fn.outlives(asked);
      const shown = answer.failures.length === 0 ? asking.shown : [];
      const answers = targets.flatMap((one): Answer[] => {
        const target = targetText(one);
        if (target === 'local' || answer.health.get(target) === 'unaskable') return [];
        // If the calls show different states, it is unknown which of them is about this target.
        const [isAlive, ...others] = new Set(shown.map((world) => isUsable({ target }, { vpcId }, world)));
        return [{ target, at: this.scheduler.time, isAlive: others.length === 0 ? isAlive : undefined }];
      });
      this.watch.asked(fn, answers);
      this.history.note(fn.name, 'asked about targets', Object.fromEntries(answer.health));
      return answer;
    };
  }

  #desired(fn: FunctionRun): DesiredItems {
    const pages = async function* (this: Cloud, cursor?: string): ReturnType<DesiredItems['pages']> {
      const pages = this.desired.pages(cursor)[Symbol.asyncIterator]();
      while (true) {
        const next = await this.#store(fn, 'desired.pages', () => pages.next());
        if (next.done === true) return;
        yield next.value;
      }
    };
    return {
      pages: pages.bind(this),
      existing: (routeTableIds) => this.#store(fn, 'desired.existing', () => this.desired.existing(routeTableIds)),
    };
  }

  #lastValid(fn: FunctionRun): LastValidItems {
    const { lastValid, watch } = this;
    return {
      read: (routeTableId) =>
        this.#store(fn, `lastValid.read ${routeTableId}`, async () => {
          const version = await lastValid.read(routeTableId);
          watch.readLastValid(fn, routeTableId, version !== undefined);
          return version;
        }),
      write: (routeTableId, version) => {
        const write = async (): Promise<void> => {
          await lastValid.write(routeTableId, version);
          watch.keptLastValid(fn, routeTableId);
        };
        return this.#store(fn, `lastValid.write ${routeTableId}`, write, write);
      },
      remove: (routeTableId) => {
        const remove = (): Promise<void> => lastValid.remove(routeTableId);
        return this.#store(fn, `lastValid.remove ${routeTableId}`, remove, remove);
      },
    };
  }

  #states(fn: FunctionRun): TableStates {
    const { states } = this;
    return {
      read: (routeTableId) =>
        this.#store(fn, `states.read ${routeTableId}`, async () => {
          const known: Known = this.unreadable.has(routeTableId) ? { isLost: true } : await states.read(routeTableId);
          this.watch.readState(fn, routeTableId, known.state);
          return known;
        }),
      glance: (routeTableIds) =>
        this.#store(fn, 'states.glance', async () => {
          const glances = await states.glance(routeTableIds);
          const isStale = this.faults.strikes('stale status in bulk read');
          return isStale
            ? new Map([...glances].map(([id, glance]) => [id, this.#lastGlances.get(id) ?? glance]))
            : glances;
        }),
      write: (state) => {
        const { routeTableId, phase, reason } = state.status;
        const write = async (): Promise<boolean> => {
          const last = (await states.glance([routeTableId])).get(routeTableId);
          const before = this.watch.facts(routeTableId).state;
          const written = await states.write(state);
          if (!written) return false;
          this.unreadable.delete(routeTableId);
          if (last) this.#lastGlances.set(routeTableId, last);
          this.watch.stateWritten(fn, state, before);
          return true;
        };
        return this.#store(fn, `states.write ${routeTableId} ${phase}: ${reason}`, write, write).then((written) => {
          if (written) this.watch.knowsWritten(fn, routeTableId);
          return written;
        });
      },
      writeUnsent: (routeTableId, revision, unsent) => {
        const write = async (): Promise<void> => {
          await states.writeUnsent(routeTableId, revision, unsent);
          this.watch.unsentWritten(fn, routeTableId, revision, unsent);
        };
        return this.#store(fn, `states.writeUnsent ${routeTableId} ${revision}`, write, write).catch(
          (error: unknown) => {
            this.watch.announcements.mayBeRepeated = true;
            throw error;
          },
        );
      },
      unsee: (routeTableId, revision) => {
        const write = async (): Promise<void> => states.unsee(routeTableId, revision);
        return this.#store(fn, `states.unsee ${routeTableId} ${revision}`, write, write);
      },
      recordRun: (run) => {
        const record = async (): Promise<void> => {
          await states.recordRun(run);
          this.watch.recorded(fn, run);
        };
        return this.#store(fn, `states.recordRun ${run.routeTableId} ${run.id}`, record, record);
      },
      readRun: (routeTableId, id) =>
        this.#store(fn, `states.readRun ${routeTableId} ${id}`, () => states.readRun(routeTableId, id)),
      runsSince: (routeTableId, since) =>
        this.#store(fn, `states.runsSince ${routeTableId} ${since}`, () => states.runsSince(routeTableId, since)),
      readSweep: () =>
        this.#store(fn, 'states.readSweep', () => states.readSweep()).catch((error: unknown) => {
          this.watch.couldNotReadSweep(fn);
          throw error;
        }),
      writeSweep: (record) =>
        this.#store(fn, 'states.writeSweep', async () => {
          await states.writeSweep(record);
          this.watch.sweepWritten(fn, record);
        }),
      readFleetOrders: () => this.#store(fn, 'states.readFleetOrders', () => states.readFleetOrders()),
      readBrake: () => this.#store(fn, 'states.readBrake', () => states.readBrake()),
      writeBrake: (row, before) => {
        const write = async (): Promise<boolean> => states.writeBrake(row, before);
        return this.#store(fn, `states.writeBrake ${row.revision}`, write, write);
      },
      writeFleetOrders: (announced, before) =>
        this.#store(fn, 'states.writeFleetOrders', () => states.writeFleetOrders(announced, before)),
    };
  }

  #index(fn: FunctionRun): TableIndex {
    const { index } = this;
    const keep: TableIndex['keep'] = (routeTableId, names) =>
      this.#store(
        fn,
        `index.keep ${routeTableId}`,
        () => index.keep(routeTableId, names),
        () => index.keep(routeTableId, names),
      );
    return {
      keep,
      tablesUnder: (id) => this.#store(fn, `index.tablesUnder ${id}`, () => index.tablesUnder(id)),
      thoseUnder: (id, ids) => this.#store(fn, `index.thoseUnder ${id}`, () => index.thoseUnder(id, ids)),
    };
  }

  #evidence(fn: FunctionRun): Evidence {
    const { evidence } = this;
    return {
      keep: (calls) => {
        const keep = async (): Promise<void> => {
          await evidence.keep(calls);
          for (const kept of calls) this.watch.reported(kept, this.ec2.world);
        };
        return this.#store(fn, `evidence.keep ${calls.map(({ call }) => call.id).join(' ')}`, keep, keep);
      },
      of: (routeTableId, since) => {
        this.watch.readsEvidence(fn, routeTableId);
        return this.#store(fn, `evidence.of ${routeTableId}`, () => evidence.of(routeTableId, since));
      },
    };
  }

  #leases(fn: FunctionRun): Leases {
    const { leases, watch } = this;
    const endsAt = (expiresAt: Date): number => expiresAt.getTime() - fn.skewMs;
    // If the answer is lost, the triggers are lost to the function. But the first one to leave any has sent a message.
    const unknown = (routeTableId: string) => (error: unknown) => {
      watch.sent(fn, routeTableId);
      throw error;
    };
    // A call that fails before it is done takes nothing: the hops stay with the lease. If only its answer is lost, the
    // function does not know them.
    const received =
      (routeTableId: string, took: { readonly hop: number }) =>
      <T>(answer: T): T => {
        watch.chains.receives(fn, routeTableId, took.hop);
        return answer;
      };
    return {
      take: (routeTableId, claim) => {
        const took = { hop: 0 };
        const take = async (): ReturnType<Leases['take']> => {
          const taken = await leases.take(routeTableId, claim);
          took.hop = taken.taken ? watch.chains.takes(routeTableId) : 0;
          if (taken.taken) watch.took(fn, routeTableId, endsAt(claim.expiresAt), taken.left.kinds.length);
          return taken;
        };
        const again = (): ReturnType<Leases['take']> => {
          watch.sent(fn, routeTableId);
          return take();
        };
        const call = `leases.take ${routeTableId}`;
        return this.#store(fn, call, take, again).then(received(routeTableId, took), unknown(routeTableId));
      },
      leave: (routeTableId, left, by, now) => {
        const leave = async (): ReturnType<Leases['leave']> => {
          const result = await leases.leave(routeTableId, left, by, now);
          if (result !== 'free') watch.chains.leaves(fn, routeTableId);
          return result;
        };
        return this.#store(fn, `leases.leave ${routeTableId}`, leave, leave);
      },
      release: (routeTableId, claim, answered) => {
        const took = { hop: 0 };
        return this.#store(
          fn,
          `leases.release ${routeTableId}`,
          async () => {
            const released = await leases.release(routeTableId, claim, answered);
            if (released.released) watch.gaveUp(fn, routeTableId, 0);
            else took.hop = watch.chains.takes(routeTableId);
            if (!released.released)
              watch.renewed(fn, routeTableId, endsAt(claim.expiresAt), released.left.kinds.length);
            return released;
          },
          // The first call removed the triggers, and its answer was lost. Deletions stay until they are answered.
          async (first) => {
            if (first.released) return first;
            watch.sent(fn, routeTableId);
            took.hop = 0;
            return { released: false, left: { ...nothingLeft, deletions: first.left.deletions } };
          },
        ).then(received(routeTableId, took), unknown(routeTableId));
      },
      drop: (routeTableId, holder, answered) => {
        const took = { hop: 0 };
        return this.#store(
          fn,
          `leases.drop ${routeTableId}`,
          async () => {
            const left = await leases.drop(routeTableId, holder, answered);
            if (left.kinds.length > 0) took.hop = watch.chains.takes(routeTableId);
            watch.gaveUp(fn, routeTableId, left.kinds.length, took.hop);
            return left;
          },
          async () => {
            watch.sent(fn, routeTableId);
            took.hop = 0;
            return nothingLeft;
          },
        ).then(received(routeTableId, took), unknown(routeTableId));
      },
    };
  }

  /** Metrics go to the log. EventBridge accepts all events, some, or none for a while. */
  #announcer(fn: FunctionRun): Announcer {
    const { faults, random, scheduler } = this;
    return {
      announce: async (news) => {
        await fn.pause(random.skewed(1, 12));
        if (faults.strikes('EventBridge away for a while'))
          this.#busBackAt = scheduler.time + random.between(5_000, random.chance(0.2) ? 1_800_000 : 120_000);
        const isAway = this.#busBackAt > scheduler.time && !faults.over;
        const taken = news.events.filter(() => !isAway && !faults.strikes('event rejected'));
        const isLost = taken.length > 0 && faults.strikes('answer of EventBridge lost');
        const rejected: readonly DomainEvent[] = isLost
          ? news.events
          : news.events.filter((event) => !taken.includes(event));
        this.watch.announced(fn, news, taken);
        this.history.note(fn.name, `announces, and EventBridge takes ${taken.length}`, news);
        await fn.pause(random.skewed(1, 12));
        return rejected;
      },
    };
  }

  #requeue(fn: FunctionRun): Requeue {
    const requeue: Requeue = {
      sendMany: async (messages) => {
        for (const { message, delayMs } of messages) await requeue.send(message, delayMs);
      },
      send: (message, delayMs) => {
        this.watch.sends(fn, message);
        const send = async (): Promise<void> => {
          await this.queue.send(message, delayMs);
          this.watch.sent(fn, message.routeTableId);
        };
        return this.#store(fn, `requeue.send ${message.routeTableId} in ${delayMs} ms`, send, send).catch(
          (error: unknown) => {
            // If the queue rejects a message, the function fails, or leaves the table to the sweep.
            this.watch.sent(fn, message.routeTableId);
            throw error;
          },
        );
      },
    };
    return requeue;
  }

  /** A call to a store. It takes time, may fail before or after it was carried out, and may be repeated by the SDK. */
  async #store<T>(fn: FunctionRun, call: string, work: () => Promise<T>, again?: (first: T) => Promise<T>): Promise<T> {
    const { faults, random, history } = this;
    const latencyMs = (): number =>
      faults.strikes('slow store') ? random.skewed(200, 6_000) : faults.strikes('hang') ? 90_000 : random.skewed(1, 12);
    await fn.pause(latencyMs());
    if (call === this.broken || faults.strikes('store failure, not done')) {
      history.note(fn.name, `${call}: fails, not done`);
      await fn.pause(latencyMs());
      throw new Error(`${call} failed`);
    }
    let answer = await work();
    history.note(fn.name, call, typeof answer === 'function' ? undefined : answer);
    if (faults.strikes('store failure, done')) {
      history.note(fn.name, `${call}: fails, although done`);
      await fn.pause(latencyMs());
      throw new Error(`${call} failed`);
    }
    if (again && faults.strikes('store answer lost, call repeated')) {
      await fn.pause(latencyMs());
      answer = await again(answer);
      history.note(fn.name, `${call}: repeated by the SDK`, answer);
    }
    await fn.pause(latencyMs());
    return answer;
  }

  #log(fn: FunctionRun): Log {
    const note = (message: string, fields?: object): void => this.history.note(fn.name, `says "${message}"`, fields);
    const log: Log = { info: note, warn: note, error: note, with: () => log };
    return log;
  }
}

const routesIn = ({ routes }: ActualTable): string[] =>
  routes.map(({ spelling, target }) => `${spelling}→${'id' in target ? target.id : target.kind}`);

function outcomeOf(error: unknown): NonNullable<Mutation['outcome']> {
  if (!(error instanceof ChangeFailed)) return 'unknown';
  const { kind, outcomeUnknown } = error.failure;
  if (outcomeUnknown) return 'unknown';
  return kind === 'denied' ? 'denied' : kind === 'stale' ? 'stale' : 'refused';
}

/** Where the route leads that a call is about. */
function routeOf({ input }: Call, world: Ec2World | undefined): string | undefined {
  const table = world?.tables.get(String(input['RouteTableId']));
  const named = Object.entries(input).find(([key]) => key.startsWith('Destination'))?.[1];
  return table && slotAt(table, String(named))?.target;
}
