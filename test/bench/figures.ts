import { reconcileTables } from '../../cli/reconcile-table.ts';
import type { Planned } from '../../cli/planned.ts';
import type { ReportedCall } from '../../reconciler/core/memory/call.ts';
import { plan } from '../../reconciler/core/plan/plan.ts';
import { reconcile } from '../../reconciler/reconcile.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { together } from '../../reconciler/bulk-reads.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { desired, item, routeTableId } from '../support/builders.ts';
import { ec2Buckets } from '../support/ec2/in-memory-ec2.ts';
import { Functions } from '../support/functions.ts';
import { InMemoryWorld, inSync, paceOfNobody } from '../support/in-memory-world.ts';
import { type Figure, figure } from './figure.ts';
import { type Rollout, destinationOf, overBucket, rollOut, tableIdOf } from '../support/rollout.ts';

// What the issue of speed asks for, as counts and ratios. Time is virtual, so every run gives the same figures.

const second = 1_000;
const minute = 60 * second;

const counted = (world: InMemoryWorld, action: string): number => world.ec2.journal.counts[action] ?? 0;

/** Tables with one route each, in sync and watched. */
async function smallTables(tables: number): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  const routes = { [destinationOf(0)]: 'pcx-aaaaaaaa' };
  for (const target of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb']) world.ec2.scenery.target(target);
  for (let n = 0; n < tables; n++) {
    world.ec2.scenery.table(tableIdOf(n), { routes });
    world.desired.put({ ...item(routes), routeTableId: tableIdOf(n) });
  }
  for (const _ of [1, 2, 3]) {
    world.clock.advance(5 * minute);
    await sweep(world, world.invocation(50 * 60));
  }
  world.clock.advance(5 * minute);
  world.forget();
  return world;
}

/** Leads the route of each of these tables elsewhere. */
function drift({ ec2 }: InMemoryWorld, tables: number): void {
  for (let n = 0; n < tables; n++) {
    ec2.scenery.removeRoute(tableIdOf(n), destinationOf(0));
    ec2.scenery.route(tableIdOf(n), destinationOf(0), 'pcx-bbbbbbbb');
  }
}

async function oneTable(): Promise<readonly Figure[]> {
  const routes = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [destinationOf(n), 'pcx-aaaaaaaa']));
  const world = await inSync(routes);
  await world.reconcile();
  const calm = counted(world, 'DescribeRouteTables');
  for (let n = 0; n < 10; n++) world.ec2.scenery.removeRoute(routeTableId, destinationOf(n));
  world.forget();
  await world.reconcile();
  world.clock.advance(5 * second);
  await world.reconcile();
  const calls = Object.values(world.ec2.journal.counts).reduce((sum, count) => sum + count, 0);
  return [
    figure('one reconcile without drift: reads', calm, 'calls', 1),
    figure('10 routes of one table repaired: calls', calls, 'calls', 1 + 10 + 1 + 1),
  ];
}

async function sweeps(): Promise<readonly Figure[]> {
  const [tables, drifted] = [1_000, 250];
  const world = await smallTables(tables);
  drift(world, drifted);
  await sweep(world, world.invocation(50 * 60));
  const swept = { ...world.ec2.journal.counts };
  const messages = world.requeue.sent.splice(0).map(({ message }) => message);
  world.forget();
  world.clock.advance(6 * second);
  for (let start = 0; start < messages.length; start += 100) {
    const batch = messages.slice(start, start + 100);
    const ids = batch.map((message) => message.routeTableId);
    const all = together(world, ids);
    await Promise.all(
      batch.map((message, n) => reconcileAgain(message, `message-${start + n}`, all, world.invocation())),
    );
  }
  return [
    figure('sweep of 1,000 tables, 250 drifted: reads', swept['DescribeRouteTables'] ?? 0, 'calls', tables / 100),
    figure('  questions about targets', swept['DescribeTargets'] ?? 0, 'calls', Math.ceil(drifted / 100)),
    figure('  mutations per change', (swept['ReplaceRoute'] ?? 0) / drifted, 'calls', 1),
    figure('  reads that verify it', counted(world, 'DescribeRouteTables'), 'calls', Math.ceil(drifted / 100)),
  ];
}

async function cli(): Promise<readonly Figure[]> {
  const world = await smallTables(100);
  drift(world, 50);
  const planned: Planned[] = [];
  const now = world.now();
  for await (const actual of world.tables.readMany(Array.from({ length: 100 }, (_, n) => tableIdOf(n)))) {
    const wanted = { ...desired({ [destinationOf(0)]: 'pcx-aaaaaaaa' }), routeTableId: actual.routeTableId };
    planned.push({ desired: wanted, actual, now, plan: plan(wanted, actual, { now }) });
  }
  await reconcileTables(planned, {
    tables: world.tables,
    pace: paceOfNobody,
    targetHealth: world.targetHealth,
    now: world.now,
    sleep: (ms) => world.clock.sleep(ms),
    until: new Date(now.getTime() + 10 * minute),
    interrupted: new AbortController().signal,
    verifyMs: 30 * second,
    note: () => undefined,
  });
  return [
    figure('routectl reconcile, 100 tables, 50 drifted: reads', counted(world, 'DescribeRouteTables'), 'calls', 3),
    figure('  questions about targets', counted(world, 'DescribeTargets'), 'calls', 1),
  ];
}

const half = { burst: 25, perSecond: 2.5 };

async function fleetEdit(done: (rollout: Rollout) => void): Promise<readonly Figure[]> {
  const [tables, routes] = [100, 50];
  const rollout = await rollOut(tables, routes);
  done(rollout);
  const { changes, mutations, tookMs, functions, driftMs, throttled, metric, world } = rollout;
  const settled = Array.from({ length: tables }, (_, n) => world.states.status(tableIdOf(n)).phase);
  return [
    figure('fleet edit, 100 tables × 50 routes: mutations per change', mutations.length / changes, 'calls', 1.05),
    figure('  model time ÷ (changes ÷ 2.5 per second)', tookMs / second / (changes / half.perSecond), 'ratio', 1.2),
    figure('  calls above half of the bucket', Math.max(0, overBucket(mutations, 'ReplaceRoute', half)), 'calls', 0),
    figure('  throttled calls, ours and those of another program', throttled.us + throttled.others, 'calls', 0),
    figure('  longest chain of messages', functions.longestChain, 'messages', 12),
    figure('  reads per changed table', counted(world, 'DescribeRouteTables') / tables, 'calls', 10),
    figure('  drift in another table until it is repaired', Math.max(...driftMs) / second, 'seconds', 60),
    figure('  changes that the metric misses', Math.abs(changes - metric), 'changes', 0),
    figure('  failed functions', functions.failures.length, 'functions', 0),
    figure('  tables not in sync at the end', settled.filter((phase) => phase !== 'InSync').length, 'tables', 0),
  ];
}

/** Runs a function for an event that reports a call, 3 s after the call. */
async function report(functions: Functions, id: string, call: ReportedCall): Promise<void> {
  const { clock, evidence } = functions.world;
  await clock.sleep(3 * second);
  await evidence.keep([{ routeTableId: id, call }]);
  const trigger = { kind: 'event', id: call.id, name: call.name, time: call.time } as const;
  await functions.run((one, invocation) => reconcile(id, trigger, one, invocation));
}

/** Somebody makes 5 routes per second for some minutes, half of them to public destinations. */
export async function flood(minutes = 2): Promise<readonly Figure[]> {
  const routes = { '10.20.0.0/16': 'pcx-aaaaaaaa' };
  const world = await inSync(routes, { buckets: ec2Buckets, routesPerFamily: 1_000 });
  world.ec2.scenery.target('igw-aaaaaaaa');
  world.faults.strike({}, { reachesAfterMs: 60, answersAfterMs: 40 });
  const functions = new Functions(world);
  const { clock, ec2 } = world;
  const attacker = ec2.as('attacker');
  const made = minutes * 300;
  const running: Promise<unknown>[] = [];
  const madeAt = new Map<string, number>();
  const attack = async (): Promise<void> => {
    for (let n = 0; n < made; n++) {
      await clock.sleep(200);
      const destination = `${n % 2 === 0 ? 52 : 10}.${100 + (n >> 8)}.${n & 255}.0/24`;
      const input = { RouteTableId: routeTableId, DestinationCidrBlock: destination, GatewayId: 'igw-aaaaaaaa' };
      await attacker.createRoute(input).catch(() => undefined);
      madeAt.set(destination, clock.now().getTime());
      const call = world.callOf({ name: 'CreateRoute', destination, target: 'igw-aaaaaaaa' });
      running.push(report(functions, routeTableId, call));
    }
  };
  const attacked = attack();
  await Promise.all([attacked, functions.deliver(clock.now().getTime() + minutes * minute)]);
  const left = Object.keys(ec2.scenery.routesOf(routeTableId)).length - 1;
  await Promise.all(running);
  await functions.deliver(clock.now().getTime() + 10 * minute);
  const after = Object.keys(ec2.scenery.routesOf(routeTableId)).length - 1;
  const deletes = ec2.journal.mutations.filter(({ action, changed }) => action === 'DeleteRoute' && changed);
  const lasted = (isPublic: boolean): number => {
    const all = deletes.flatMap(({ input: { DestinationCidrBlock: destination }, reachedAt }) => {
      const text = String(destination);
      return text.startsWith('52.') === isPublic ? (reachedAt?.getTime() ?? Infinity) - (madeAt.get(text) ?? 0) : [];
    });
    return all.sort((x, y) => x - y)[Math.floor(all.length / 2)] ?? Infinity;
  };
  return [
    figure(
      `flood of 5 routes per second for ${minutes} minutes: routes left at its end, of those made`,
      left / made,
      'ratio',
      0.2,
    ),
    figure('  routes left in the end', after, 'routes', 0),
    figure('  deletes per route made', deletes.length / made, 'calls', 1),
    figure('  life of a public route, relative to a private one (medians)', lasted(true) / lasted(false), 'ratio', 1),
    figure('  life of a public route (median)', lasted(true) / second, 'seconds', 60),
    figure('  failed functions', functions.failures.length, 'functions', 0),
  ];
}

/** 1,000 events on 10 tables within 10 s. Each is a route that somebody leads elsewhere. */
async function storm(): Promise<readonly Figure[]> {
  const [tables, events] = [10, 1_000];
  const world = await smallTables(tables);
  world.faults.strike({}, { reachesAfterMs: 60, answersAfterMs: 40 });
  const functions = new Functions(world);
  const { clock, ec2 } = world;
  const running: Promise<unknown>[] = [];
  for (let n = 0; n < events; n++) {
    const id = tableIdOf(n % tables);
    const [destination, target] = [destinationOf(0), 'pcx-bbbbbbbb'];
    ec2.scenery.route(id, destination, target);
    running.push(report(functions, id, world.callOf({ name: 'ReplaceRoute', destination, target })));
    await clock.sleep(10);
  }
  await Promise.all(running);
  const reads = counted(world, 'DescribeRouteTables');
  const ours = ec2.journal.mutations;
  const atOnce = ours.map(
    ({ input, calledAt, endedAt }) =>
      ours.filter(
        (other) =>
          other.input['RouteTableId'] === input['RouteTableId'] &&
          other.calledAt < (endedAt ?? calledAt) &&
          (other.endedAt ?? other.calledAt) > calledAt,
      ).length,
  );
  await functions.deliver(clock.now().getTime() + 40 * minute);
  const wrong = Array.from({ length: tables }, (_, n) => ec2.scenery.routesOf(tableIdOf(n))[destinationOf(0)]);
  return [
    figure('storm of 1,000 events on 10 tables in 10 s: reads', reads, 'calls', 60),
    figure('  writers of one table at the same time', Math.max(...atOnce), 'writers', 1),
    figure('  repairs', ours.length, 'calls', 60),
    figure('  tables left drifted', wrong.filter((target) => target !== 'pcx-aaaaaaaa').length, 'tables', 0),
    figure('  failed functions', functions.failures.length, 'functions', 0),
  ];
}

/** A mistake is pushed to 300 tables at once, and undone. */
async function brake(): Promise<readonly Figure[]> {
  const world = await smallTables(300);
  const push = async (target: string): Promise<void> => {
    for (let n = 0; n < 300; n++)
      world.desired.put({ ...item({ [destinationOf(0)]: target }), routeTableId: tableIdOf(n) });
    const ids = Array.from({ length: 300 }, (_, n) => tableIdOf(n));
    await Promise.all(ids.map((id) => world.reconcile({ kind: 'desired' }, id)));
  };
  await push('pcx-bbbbbbbb');
  const changed = counted(world, 'ReplaceRoute');
  await push('pcx-aaaaaaaa');
  const undone = counted(world, 'ReplaceRoute') - changed;
  return [
    figure('mistake pushed to 300 tables: tables changed before the brake', changed, 'tables', 15),
    figure('  tables changed when it is undone', undone, 'tables', 15),
  ];
}

/** @param edited receives what happened in the fleet edit */
export async function figures(edited: (rollout: Rollout) => void): Promise<readonly Figure[]> {
  const all: Figure[] = [];
  for (const measure of [oneTable, sweeps, cli, () => fleetEdit(edited), storm, () => flood(), brake])
    all.push(...(await measure()));
  return all;
}
