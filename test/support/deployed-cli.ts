import { isDeepStrictEqual } from 'node:util';
import { vi } from 'vitest';
import type { DesiredWriter } from '../../reconciler/aws/dynamodb/desired-writer.ts';
import type { FleetReader } from '../../reconciler/aws/dynamodb/fleet-reader.ts';
import type { OrderWriter } from '../../reconciler/aws/dynamodb/order-writer.ts';
import type { SituationReader } from '../../reconciler/aws/dynamodb/situation-reader.ts';
import { z } from 'zod';
import type { Caller } from '../../cli/caller.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { targetText } from '../../reconciler/core/route/route.ts';
import type { Known, TargetHealth } from '../../reconciler/ports.ts';
import { InMemoryWorld } from './in-memory-world.ts';

export const tableNames = {
  desiredTable: 'DesiredRouteTables',
  ordersTable: 'RouteTableOrders',
  stateTable: 'RouteTableStates',
};

export const alice = 'arn:aws:iam::111122223333:user/alice';

const known: Caller = { region: 'eu-west-1', account: '111122223333', arn: alice };

const itemShape = z.looseObject({ routeTableId: z.string() });

/**
 * A deployment in memory, as commands of `routectl` reach it: the stores of a world, and a reconciler that wakes up when
 * an item is written and while a command waits.
 */
export class DeployedWorld {
  world = new InMemoryWorld();
  caller: Caller = known;
  /** What others do just before an item is written. */
  meanwhile: (routeTableId: string) => void = () => {};
  /** Whether the reconciler runs. */
  runs = true;
  /** What a person answers. Absent if there is no terminal. */
  answer: ((question: string) => boolean) | undefined;
  /** What was printed, and what was noted, by the commands so far. */
  printed: string[] = [];
  noted: string[] = [];
  /** The targets that commands have asked EC2 about, one list for each time. */
  asked: (readonly string[])[] = [];
  readonly terminal: Terminal = {
    print: (text) => void this.printed.push(text),
    note: (text) => void this.noted.push(text),
    look: { paint: (_, text) => text },
  };

  /** Begins anew with this world. */
  begin(world: InMemoryWorld): void {
    this.world = world;
    this.meanwhile = () => {};
    this.runs = true;
    this.answer = undefined;
    this.caller = known;
    this.printed = [];
    this.noted = [];
    this.asked = [];
    vi.setSystemTime(world.now());
  }

  get text(): string {
    return this.printed.join('\n');
  }

  /** Asks about targets, and keeps what was asked. */
  readonly targetHealth: TargetHealth = (vpcId, targets) => {
    this.asked.push(targets.map(targetText).toSorted());
    return this.world.targetHealth(vpcId, targets);
  };

  readonly reader: SituationReader = {
    of: async (ids) => {
      const orders = await this.world.orders.all();
      const found = await Promise.all(
        ids.map(async (id) => {
          const known = await this.world.states.read(id);
          return [id, { item: await this.world.desired.read(id), orders: orders.of(id), known }] as const;
        }),
      );
      return new Map(found);
    },
    states: async (ids) => {
      const found = await Promise.all(
        ids.map(async (id): Promise<readonly [string, Known]> => [id, await this.world.states.read(id)]),
      );
      return new Map(found);
    },
    managed: async () => {
      const ids: string[] = [];
      for await (const { items } of this.world.desired.pages()) ids.push(...items.map((item) => item.routeTableId));
      return ids.sort();
    },
    sweep: () => this.world.states.readSweep(),
  };

  readonly writer: DesiredWriter = {
    put: async (item, before) => {
      const { routeTableId } = itemShape.parse(item);
      this.meanwhile(routeTableId);
      if (!isDeepStrictEqual(await this.world.desired.read(routeTableId), before)) return false;
      this.world.desired.put({ ...item, routeTableId });
      if (this.runs) await this.world.reconcile({ kind: 'desired' }, routeTableId);
      return true;
    },
    remove: async (routeTableId, before) => {
      this.meanwhile(routeTableId);
      if (!isDeepStrictEqual(await this.world.desired.read(routeTableId), before)) return false;
      this.world.desired.delete(routeTableId);
      return true;
    },
  };

  readonly fleetReader: FleetReader = {
    fleet: async () => {
      const [ids, orders] = await Promise.all([this.reader.managed(), this.world.orders.all()]);
      const tables = ids.map((routeTableId) => ({
        routeTableId,
        status: this.world.states.status(routeTableId),
        orders: orders.of(routeTableId),
      }));
      return { tables, sweep: await this.world.states.readSweep(), stops: orders.of('*').pauses };
    },
    table: async () => {
      throw new Error('no test reads a single table');
    },
  };

  readonly orderWriter: OrderWriter = {
    pause: async (scope, { until, at, ...order }) => {
      const [id, name] = scope === 'fleet' ? ['*', 'stop'] : [scope.routeTableId, 'pause'];
      this.world.orders.put(id, name, { ...order, at: at.toISOString(), ...(until && { until: until.toISOString() }) });
      return undefined;
    },
    resume: async (scope) => {
      const [id, name] = scope === 'fleet' ? ['*', 'stop'] : [scope.routeTableId, 'pause'];
      this.world.orders.put(id, name);
      return 'ended';
    },
    hold: async (id, destination, { at, until, ...order }) => {
      const hold = { ...order, at: at.toISOString(), ...(until && { until: until.toISOString() }) };
      this.world.orders.put(id, 'holds', { holds: { [destination]: hold } });
    },
    release: async (id) => {
      this.world.orders.put(id, 'holds');
      return 'ended';
    },
    approveEdit: async (edit, { at, until, by }) => {
      const edits = new Set([edit]);
      this.world.orders.put('*', 'approval', { edits, by, at: at.toISOString(), until: until.toISOString() });
      if (this.runs) for (const id of await this.reader.managed()) await this.world.reconcile({ kind: 'person' }, id);
    },
    approve: async (id, { until, ...approval }) => {
      this.world.orders.put(id, 'approval', { ...approval, until: until.toISOString() });
      if (this.runs) await this.world.reconcile({ kind: 'desired' }, id);
    },
  };

  /** Lets time pass, and the reconciler verify what it wrote. */
  readonly sleep = async (ms: number): Promise<void> => {
    this.world.clock.advance(ms);
    vi.setSystemTime(this.world.now());
    if (!this.runs) return;
    for (const { message, dueAt } of this.world.requeue.sent.splice(0)) {
      if (dueAt <= this.world.now()) await this.world.reconcile({ kind: 'requeue' }, message.routeTableId);
      else this.world.requeue.sent.push({ message, dueAt });
    }
  };
}
