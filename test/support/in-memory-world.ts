import { type Memory, type Remembered, rememberedAt } from '../../reconciler/core/memory/memory.ts';
import type { Status } from '../../reconciler/core/status/status.ts';
import type { Actor, ReportedCall, Subject } from '../../reconciler/core/memory/call.ts';
import type { Trigger } from '../../reconciler/core/memory/trigger.ts';
import type { Log, World } from '../../reconciler/ports.ts';
import { type Reconciled, reconcile } from '../../reconciler/reconcile.ts';
import { item, now, ownerId, routeTableId } from './builders.ts';
import { VirtualClock } from './ec2/clock.ts';
import { ScriptedFaults } from './ec2/faults.ts';
import { type Ec2Options, InMemoryEc2 } from './ec2/in-memory-ec2.ts';
import { inMemoryRouteTables } from './ec2/route-tables.ts';
import { inMemoryTargetHealth } from './ec2/target-health.ts';
import {
  InMemoryAnnouncer,
  InMemoryDesiredItems,
  InMemoryEvidence,
  InMemoryLastValidItems,
  InMemoryLeases,
  InMemoryMappings,
  InMemoryRequeue,
  InMemoryTableIndex,
  InMemoryTableOrders,
  InMemoryTableStates,
  type StoreFaults,
} from './in-memory-stores.ts';

/** A line of the log. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: object;
}

/** A world whose table, `routeTableId`, has been in sync with these routes for a while. */
export async function inSync(
  routes: Readonly<Record<string, string>>,
  options?: Partial<Ec2Options>,
): Promise<InMemoryWorld> {
  const world = new InMemoryWorld(options);
  world.ec2.scenery.table(routeTableId, { routes });
  for (const id of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb', 'tgw-aaaaaaaa', 'nat-aaaaaaaa']) world.ec2.scenery.target(id);
  world.desire(routes);
  await world.settle();
  return world;
}

/** The parts of a call that matter to a test. The rest has defaults. */
export interface CallGiven {
  readonly id?: string;
  readonly name?: string;
  readonly time?: string;
  readonly actor?: Actor;
  readonly via?: string;
  readonly destination?: string;
  readonly target?: string;
  readonly notice?: string;
  readonly cameUp?: readonly string[];
  readonly tookDown?: readonly string[];
}

const routeCalls: readonly string[] = ['CreateRoute', 'ReplaceRoute', 'DeleteRoute'];

function subjectOf({ name = '', destination, target, notice, cameUp, tookDown }: CallGiven): Subject {
  if (notice !== undefined) return { about: 'surroundings', notice };
  if (cameUp) return { about: 'target-up', ids: cameUp };
  if (tookDown) return { about: 'target-down', ids: tookDown };
  if (!routeCalls.includes(name)) return { about: 'table' };
  return { about: 'route', ...(destination !== undefined && { destination }), ...(target !== undefined && { target }) };
}

/** Every turn begins at once. */
export const paceOfNobody: World['pace'] = {
  turn: async () => true,
  throttled: async () => {},
  book: async () => undefined,
};

/** Everything a reconcile touches, in memory and under the control of a test. */
export class InMemoryWorld implements World {
  readonly clock = new VirtualClock(now);
  readonly faults = new ScriptedFaults();
  readonly ec2: InMemoryEc2;
  readonly tables: World['tables'];
  pace: World['pace'] = paceOfNobody;
  readonly targetHealth: World['targetHealth'];
  readonly desired = new InMemoryDesiredItems();
  readonly lastValid = new InMemoryLastValidItems();
  readonly orders = new InMemoryTableOrders();
  readonly states = new InMemoryTableStates();
  readonly index = new InMemoryTableIndex();
  readonly evidence = new InMemoryEvidence();
  readonly leases = new InMemoryLeases();
  readonly requeue = new InMemoryRequeue(this.clock.now);
  readonly announcer = new InMemoryAnnouncer();
  readonly mappings = new InMemoryMappings();
  /** How far the clock of the next function is ahead of EC2's. */
  skewMs = 0;
  readonly now = (): Date => new Date(this.clock.now().getTime() + this.skewMs);
  readonly lines: LogLine[] = [];
  readonly log: Log = logInto(this.lines, {});
  checkpointFaults: StoreFaults = () => {};
  #requests = 0;
  #calls = 0;

  constructor(options: Partial<Ec2Options> = {}) {
    this.ec2 = new InMemoryEc2({ clock: this.clock, faults: this.faults.decide, ...options });
    this.tables = inMemoryRouteTables(this.ec2, { accountId: ownerId, now: this.now });
    this.targetHealth = inMemoryTargetHealth(this.ec2);
  }

  readonly checkpoint: World['checkpoint'] = async (routeTableId) => {
    await this.checkpointFaults('checkpoint', routeTableId);
    return {
      item: await this.desired.read(routeTableId),
      orders: this.orders.of(routeTableId),
      holder: this.leases.holder(routeTableId),
    };
  };

  /** An invocation with its own id, in which the function has this many seconds. */
  invocation(seconds = 50): { readonly requestId: string; readonly until: Date } {
    this.#requests += 1;
    return { requestId: `request-${this.#requests}`, until: new Date(this.now().getTime() + seconds * 1_000) };
  }

  readonly reconcile = (
    trigger: Trigger = { kind: 'sweep' },
    id = routeTableId,
    seconds?: number,
  ): Promise<Reconciled> => reconcile(id, trigger, this, this.invocation(seconds));

  /** A call as an event reports it, made now if the test does not say when. */
  readonly callOf = (given: CallGiven = {}): ReportedCall => {
    const { id = `call-${++this.#calls}`, name = 'CreateTags', time = this.now().toISOString(), actor, via } = given;
    return { id, name, time, ...(actor && { actor }), ...(via !== undefined && { via }), ...subjectOf(given) };
  };

  /** Processes an event: keeps its call as evidence, and reconciles the table. */
  readonly event = async (given: CallGiven = {}, id = routeTableId, seconds?: number): Promise<Reconciled> => {
    const call = this.callOf(given);
    await this.evidence.keep([{ routeTableId: id, call }]);
    const trigger = { kind: 'event', id: call.id, name: call.name, time: call.time } as const;
    return this.reconcile(trigger, id, seconds);
  };

  /** A call as an event reports it. The function that reconciles dies before it remembers what it did. Its lease stays. */
  readonly deadlyEvent = async (given: CallGiven = {}): Promise<void> => {
    const death = new Promise<void>((resolve) => {
      this.states.faults = (call) => {
        if (call !== 'write') return undefined;
        resolve();
        return new Promise(() => {});
      };
    });
    await Promise.race([death, this.event(given)]);
    this.states.faults = () => {};
  };

  /**
   * Reconciles a table until it is in sync and watched, so that deletes can be earned. Then forgets all calls.
   *
   * @throws if the table is not in sync afterwards
   */
  readonly settle = async (id = routeTableId): Promise<void> => {
    for (const _ of [1, 2]) {
      await this.reconcile({ kind: 'desired' }, id);
      this.clock.advance(60_000);
    }
    const { phase, reason } = this.states.status(id);
    if (phase !== 'InSync') throw new Error(`${id} is not in sync but ${phase}: ${reason}`);
    this.forget();
  };

  /** Writes the desired item of the table under test. */
  readonly desire = (...given: Parameters<typeof item>): void => this.desired.put({ routeTableId, ...item(...given) });

  /** What is remembered of the table under test. */
  readonly memory = (): Memory => this.states.stored(routeTableId).memory;

  /** What is remembered of one of its destinations. */
  readonly remembered = (destination: string): Remembered => rememberedAt(this.memory(), destination);

  /** The status of the table under test. */
  readonly status = (): Status => this.states.status(routeTableId);

  /** Forgets all calls, writes, messages and log lines so far. */
  readonly forget = (): void => {
    this.ec2.journal.clear();
    this.states.writes.clear();
    this.lastValid.calls.clear();
    this.requeue.sent.length = 0;
    this.announcer.news.length = 0;
    this.lines.length = 0;
  };
}

export const logInto = (lines: LogLine[], always: object): Log => {
  const line =
    (level: LogLine['level']) =>
    (message: string, fields: object = {}): void =>
      void lines.push({ level, message, fields: { ...always, ...fields } });
  return {
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: (fields) => logInto(lines, { ...always, ...fields }),
  };
};
