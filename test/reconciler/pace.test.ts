import { describe, expect, it } from 'vitest';
import type { Lane } from '../../reconciler/core/plan/pace.ts';
import { paceAlone, sharedPace } from '../../reconciler/pace.ts';
import type { Pace } from '../../reconciler/apply.ts';
import { now } from '../support/builders.ts';
import { VirtualClock } from '../support/ec2/clock.ts';
import { InMemoryPaceRows } from '../support/in-memory-stores.ts';
import { type LogLine, logInto } from '../support/in-memory-world.ts';

const second = 1_000;

/** Functions that share one pace. */
class Functions {
  readonly clock = new VirtualClock(now);
  readonly rows = new InMemoryPaceRows();
  readonly lines: LogLine[] = [];
  /** When calls began, in milliseconds since the start: edits, repairs, and those without the shared pace. */
  readonly begun: Record<Lane | 'alone', number[]> = { edits: [], drift: [], alone: [] };
  writes = 0;

  constructor() {
    this.rows.faults = async () => {
      this.writes += 1;
      await this.clock.sleep(8);
    };
  }

  start(): Pace {
    return sharedPace(this.rows, {
      alone: {
        turn: async () => {
          this.begun.alone.push(this.ms());
          return true;
        },
      },
      now: this.clock.now,
      sleep: (ms) => this.clock.sleep(ms),
      log: logInto(this.lines, {}),
    });
  }

  ms(): number {
    return this.clock.now().getTime() - now.getTime();
  }

  /** Makes calls, 4 at a time, until this time. A function that gets no turn tries again after 5 s. */
  async work(pace: Pace, lane: Lane, { callsAtOnce = 4, untilMs = 60 * second } = {}): Promise<void> {
    const call = async (): Promise<void> => {
      while (this.ms() < untilMs)
        if (await pace.turn('replace', lane, 10 * second)) {
          this.begun[lane].push(this.ms());
          await this.clock.sleep(80);
        } else await this.clock.sleep(5 * second);
    };
    await Promise.all(Array.from({ length: callsAtOnce }, call));
  }
}

describe('all functions together', () => {
  it('make 20 calls and 2.25 per second for edits, however many run, and use all of it', async () => {
    const functions = new Functions();
    await Promise.all(Array.from({ length: 30 }, () => functions.work(functions.start(), 'edits')));
    const { edits } = functions.begun;
    const within = edits.filter((ms) => ms <= 60 * second);
    expect(within.length).toBeLessThanOrEqual(20 + 60 * 2.25 + 1);
    expect(within.length).toBeGreaterThanOrEqual(0.95 * (20 + 60 * 2.25));
    // After the burst, no second has more than 3.
    for (let ms = 10 * second; ms < 60 * second; ms += 100)
      expect(edits.filter((one) => one >= ms && one < ms + second).length).toBeLessThanOrEqual(3);
  });

  it('begin a repair within a second, while edits use all turns that they may', async () => {
    const functions = new Functions();
    const edits = Array.from({ length: 10 }, () => functions.work(functions.start(), 'edits'));
    const repair = async (): Promise<number> => {
      await functions.clock.sleep(30 * second);
      const asked = functions.ms();
      expect(await functions.start().turn('replace', 'drift', 10 * second)).toBe(true);
      return functions.ms() - asked;
    };
    expect(await repair()).toBeLessThanOrEqual(second);
    await Promise.all(edits);
  });

  it('repair what an attacker makes 5 times per second, until EC2 throttles', async () => {
    const functions = new Functions();
    await functions.work(functions.start(), 'drift');
    const { drift } = functions.begun;
    expect(drift.length).toBeGreaterThan(50 + 0.9 * 60 * 5);
    expect(drift.length).toBeLessThanOrEqual(50 + 60 * 5 + 1);
  });

  it('slow down when EC2 throttles: repairs take only what edits leave', async () => {
    const functions = new Functions();
    const pace = functions.start();
    await pace.throttled('replace');
    await functions.work(functions.start(), 'drift', { untilMs: 25 * second });
    expect(functions.begun.drift.length).toBeLessThanOrEqual(25 + 25 * 2.5 + 1);
  });
});

describe('a turn', () => {
  it('is refused at once if it is more than 5 s away', async () => {
    const functions = new Functions();
    const pace = functions.start();
    const asked = await Promise.all(Array.from({ length: 60 }, () => pace.turn('create', 'edits', 10 * second)));
    expect(asked.filter((isGiven) => isGiven).length).toBeLessThanOrEqual(20 + 12);
    const before = functions.ms();
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => functions.start().turn('create', 'edits', 10 * second)),
    );
    expect(answers).toContain(false);
    const refusals = Promise.all(Array.from({ length: 3 }, () => functions.start().turn('create', 'edits', 100)));
    expect(await refusals).toEqual([false, false, false]);
    expect(functions.ms() - before).toBeLessThan(6 * second);
  });

  it('costs one write for several calls that wait', async () => {
    const functions = new Functions();
    const pace = functions.start();
    for (let n = 0; n < 5; n++)
      await Promise.all(Array.from({ length: 4 }, () => pace.turn('create', 'edits', 10 * second)));
    expect(functions.writes).toBeLessThanOrEqual(10);
  });
});

describe('without the rows', () => {
  it.each([
    [
      'that cannot be written',
      () => {
        throw new Error('no capacity');
      },
    ],
    ['that do not answer', () => new Promise<void>(() => {})],
  ])('%s, each function keeps its own pace, says so, and tries again after 30 s', async (_, fault) => {
    const functions = new Functions();
    functions.rows.faults = fault;
    const pace = functions.start();
    const turns = (lane: Lane) => Promise.all([1, 2, 3].map(() => pace.turn('delete', lane, 10 * second)));
    expect([await turns('drift'), await turns('edits')]).toEqual([
      [true, true, true],
      [true, true, true],
    ]);
    expect(functions.begun.alone).toHaveLength(6);
    expect(functions.ms()).toBeLessThanOrEqual(2 * second);
    expect(functions.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'could not use the pace of all functions: this function keeps a pace of its own for 30 s'],
    ]);
    functions.rows.faults = () => {};
    functions.clock.advance(30 * second);
    await turns('drift');
    expect(functions.begun.alone).toHaveLength(6);
  });

  it('nobody knows when an edit gets its turns', async () => {
    const functions = new Functions();
    functions.rows.faults = () => {
      throw new Error('no capacity');
    };
    expect(await functions.start().book('create', 50)).toBeUndefined();
    functions.rows.faults = () => {};
    expect(await functions.start().book('create', 50)).toEqual(new Date(now.getTime() + 5 * second));
    expect(await functions.start().book('create', 50)).toEqual(new Date(now.getTime() + 5 * second + 50 * 445));
  });
});

describe('a process alone', () => {
  it('makes 25 calls of each kind at once, and then one in 400 ms', async () => {
    const waits: number[] = [];
    const { turn } = paceAlone({ now: () => 1_000_000, sleep: async (ms) => waits.push(ms) });
    for (const action of ['create', 'delete'] as const) {
      for (let n = 0; n < 25; n++) await turn(action, 'edits', 10 * second);
      expect(waits).toEqual([]);
    }
    for (let n = 0; n < 3; n++) await turn('create', 'edits', 10 * second);
    expect(waits).toEqual([400, 800, 1_200]);
  });
});
