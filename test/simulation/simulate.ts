import { Cloud, start } from './cloud.ts';
import { Delivery } from './delivery.ts';
import { type FaultCounts, Faults } from './faults.ts';
import { People } from './people/people.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import type { Violation } from './watch.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** More steps than this are an endless loop. */
const mostSteps = 60_000;

/** One history, which its seed determines. */
export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly faults: FaultCounts;
  /** The number of our mutations. */
  readonly mutations: number;
  readonly violation?: Violation;
  /** Everything that happened, in order. */
  readonly history: () => string[];
  /** Equal for equal histories, to the byte. */
  readonly hash: () => string;
}

/**
 * Runs one history: some minutes of edits, drift and faults, then a time without them. Checks the invariants at every
 * step and at rest.
 */
export async function simulate(seed: number): Promise<Outcome> {
  const scheduler = new Scheduler(start);
  const faults = new Faults(new Random(seed, 1));
  const cloud = new Cloud(scheduler, new Random(seed, 2), faults);
  const delivery = new Delivery(cloud);
  const people = new People(cloud, delivery, new Random(seed, 3));
  const { watch, history } = cloud;
  history.note('seed', String(seed), { faults: faults.kinds, longestLagMs: cloud.longestLagMs });

  const settle = (): void => {
    delivery.collect();
    cloud.settle();
  };
  const run = async (ms: number): Promise<void> => {
    // What has changed outside a step was there before the next step: the first call may already show it.
    settle();
    const end = scheduler.time + ms;
    await scheduler.runUntil(end, () => {
      settle();
      if (scheduler.steps > mostSteps) watch.violate('it comes to rest', `${scheduler.steps} steps and no end`);
      return watch.violation === undefined;
    });
  };
  // A message may wait for a quarter of an hour. Meanwhile sweeps go on, because what an item says may end.
  const sweepAndSettle = async (): Promise<void> => {
    for (let sweeps = 0; sweeps < 10 && !watch.violation; sweeps++) {
      delivery.sweep();
      await run(minute);
      if (delivery.isIdle) return;
      await run(2 * minute);
    }
  };

  const random = new Random(seed, 4);
  const isLong = faults.knows('reads lag for minutes') && random.chance(0.4);
  const busyMs = random.between(1, 6) * minute + (isLong ? random.between(0, 14) * minute : 0);
  const sweepEveryMs = random.pick([1, 3, 5]) * minute;
  delivery.sweepEveryMs = sweepEveryMs;
  watch.sweepEveryMs = sweepEveryMs;
  people.prepare(scheduler.time + busyMs);
  const beBusy = async (ms: number): Promise<void> => {
    for (let at = random.between(1, sweepEveryMs); at < ms; at += sweepEveryMs)
      scheduler.at(scheduler.time + at, () => delivery.sweep());
    await run(ms);
  };
  const restore = await backupWithin(busyMs, cloud, random, beBusy);
  if (faults.strikes('switched off for a while')) {
    const offMs = random.pick([12 * minute, 3 * hour, 2 * day, 60 * day]) + random.between(0, 5 * minute);
    history.note('seed', 'everything is switched off', { offMs });
    delivery.isOff = true;
    people.act(random.between(1, 6), scheduler.time + 10 * minute);
    await run(offMs);
    delivery.isOff = false;
    restore?.();
    history.note('seed', 'everything is on again');
    people.act(random.between(0, 5), scheduler.time + 4 * minute);
    await beBusy(4 * minute);
  } else if (restore) {
    restore();
    await beBusy(2 * minute);
  }

  faults.end();
  people.mend();
  history.note('seed', 'no more faults from here on');
  // Leases of dead functions expire, reads catch up, and retries run.
  await run(100 * second);
  await run(untilReadsAreBelieved(cloud));
  people.poison();
  const sweptAt = scheduler.time;
  const before = { sweptAt, before: cloud.ec2.world, rejected: new Set(cloud.refusals.keys()) };
  delivery.sweep();
  await run(minute);
  if (!watch.violation) watch.afterOneSweep(people.tables, { ...before, world: cloud.ec2.world });
  await run(untilTargetsAreTrusted(cloud));
  await sweepAndSettle();
  if (!watch.violation && delivery.isIdle) watch.afterSweep(people.tables, cloud.ec2.world, sweptAt);
  for (let tries = 0; tries < 8 && !watch.violation; tries++)
    if (!(await laterTries(cloud, sweepAndSettle, run))) break;
  if (!watch.violation) watch.atRest(people.tables, cloud.ec2.world, scheduler.time);

  const restedAt = scheduler.time;
  if (!watch.violation && delivery.isIdle) {
    await sweepAndSettle();
    if (!watch.violation) watch.afterQuiet(people.tables, restedAt);
  }
  const runAndSweep = async (ms: number): Promise<void> => {
    for (let at = sweepEveryMs; at <= ms; at += sweepEveryMs) scheduler.at(scheduler.time + at, () => delivery.sweep());
    await run(ms);
  };
  if (!watch.violation && delivery.isIdle) await comeUpLate(cloud, people, { random, sweepEveryMs, run, runAndSweep });
  if (!watch.violation && delivery.isIdle) await failOver(cloud, delivery, people, sweepAndSettle);
  if (!watch.violation && delivery.isIdle) {
    const crashedAt = scheduler.time;
    const { affected, comeUp } = people.crash();
    await run(minute);
    if (!watch.violation) watch.afterCrash(affected, crashedAt);
    comeUp();
    await run(minute);
  }
  return {
    seed,
    steps: scheduler.steps,
    faults: faults.counts,
    mutations: cloud.mutations,
    ...(watch.violation && { violation: watch.violation }),
    history: () => history.lines(),
    hash: () => history.hash(),
  };
}

/** How long some tables still wait because reads lagged: others may have undone a repair that no read has shown. */
function untilReadsAreBelieved({ watch, scheduler }: Cloud): number {
  const ends = [...watch.tables.values()].map(({ state }) => {
    const { doubt, lag, lastWriteAt } = state?.memory ?? {};
    if (lastWriteAt === undefined || !(doubt || lag)) return 0;
    return Date.parse(lastWriteAt) + (lag?.waitMs ?? 15 * minute) + 10 * second;
  });
  return Math.max(0, Math.max(0, ...ends) - scheduler.time);
}

/** How long some routes still wait because their listed target came up less than 5 minutes ago. */
function untilTargetsAreTrusted({ watch, scheduler }: Cloud): number {
  const ends = [...watch.tables.values()]
    .flatMap(({ state }) => [...(state?.memory.destinations.values() ?? [])])
    .flatMap(({ down }) => (down?.aliveSince === undefined ? [] : Date.parse(down.aliveSince) + 5 * minute));
  return Math.max(0, Math.max(0, ...ends) + 10 * second - scheduler.time);
}

/** Between a sweep that begins and the answer to its last change. */
const sweepTakesMs = 60 * second;

/**
 * An item lists a target that takes minutes to come up, perhaps long before somebody attaches it. It is used within one
 * sweep. If an event reports the call, and the target comes up in the 7 minutes after it, it is used within a minute.
 */
async function comeUpLate(
  { watch, ec2 }: Cloud,
  people: People,
  on: {
    readonly random: Random;
    readonly sweepEveryMs: number;
    readonly run: (ms: number) => Promise<void>;
    readonly runAndSweep: (ms: number) => Promise<void>;
  },
): Promise<void> {
  const { random, sweepEveryMs, run, runAndSweep } = on;
  const late = people.listLate();
  if (!late) return;
  await runAndSweep(random.pick([0, 1, 2, 7, 15, 40]) * minute + random.between(0, minute));
  const isReported = random.chance(0.6);
  if (isReported) late.attach();
  const takesMs = random.between(1, 10) * minute;
  await runAndSweep(takesMs);
  if (watch.violation) return;
  late.comeUp();
  if (isReported && takesMs <= 7 * minute) {
    await run(70 * second);
    if (!watch.violation) watch.afterComingUp(late, ec2.world, 'within a minute');
  } else {
    await runAndSweep(sweepEveryMs);
    await run(sweepTakesMs);
    if (!watch.violation) watch.afterComingUp(late, ec2.world, 'within a sweep');
  }
  await run(2 * minute);
}

/** A target dies at rest: routes move to alternates that are alive within a sweep, and stay there when it is up again. */
async function failOver(
  cloud: Cloud,
  delivery: Delivery,
  people: People,
  sweepAndSettle: () => Promise<void>,
): Promise<void> {
  const { watch, ec2 } = cloud;
  const down = people.takeDown();
  if (!down) return;
  await sweepAndSettle();
  down.comeUp();
  await sweepAndSettle();
  if (!watch.violation && delivery.isIdle) watch.afterDeath(people.tables, ec2.world);
  const before = ec2.world;
  down.comeBack();
  await sweepAndSettle();
  if (!watch.violation) watch.afterReturn(people.tables, before, ec2.world);
}

/** Runs the busy time, and may make a backup in the middle. The result restores it. */
async function backupWithin(
  ms: number,
  cloud: Cloud,
  random: Random,
  beBusy: (ms: number) => Promise<void>,
): Promise<(() => void) | undefined> {
  if (!cloud.faults.strikes('restored from a backup')) {
    await beBusy(ms);
    return undefined;
  }
  const firstMs = random.between(0, ms);
  await beBusy(firstMs);
  cloud.history.note('seed', 'a backup is made');
  const restore = cloud.backup();
  await beBusy(ms - firstMs);
  return () => {
    if ([...cloud.watch.looks].some(({ by }) => !by.isOver)) return;
    // An older state does not tell that an item was deleted and written again. A real restore takes longer than a read of
    // that state counts as fresh.
    const isAnew = [...cloud.watch.tables.values()].some(({ versions }) =>
      versions.slice(0, -1).some(({ item }) => item === undefined),
    );
    if (isAnew) return;
    cloud.history.note('seed', 'the backup is restored');
    restore();
  };
}

/**
 * Waits until rejected changes are retried, by the sweep at the latest, until pauses end, and until contests end after a
 * quiet hour.
 *
 * @returns whether there was anything to wait for
 */
async function laterTries(
  cloud: Cloud,
  sweepAndSettle: () => Promise<void>,
  run: (ms: number) => Promise<void>,
): Promise<boolean> {
  const due = [...cloud.watch.tables.values()].flatMap(({ state, versions }) => {
    const status = state?.status;
    // While an item is invalid, an earlier version is in force.
    const specs = versions.flatMap(({ spec }) => spec ?? []);
    return [
      ...(status?.failures ?? []).flatMap(({ nextRetry }) => (nextRetry === undefined ? [] : Date.parse(nextRetry))),
      // A chain of messages has a maximum length. After that, the sweep reads the table.
      ...(status?.nextRetry ? [Date.parse(status.nextRetry)] : []),
      ...specs
        .flatMap(({ ignore, paused }) => [...ignore, ...(paused ? [paused] : [])])
        .flatMap(({ until }) => until ?? []),
    ];
  });
  const last = Math.max(0, ...due);
  if (last <= cloud.scheduler.time - 20 * minute) return false;
  await run(Math.max(0, last - cloud.scheduler.time) + 10 * second);
  await sweepAndSettle();
  return true;
}
