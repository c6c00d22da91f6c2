import { describe, expect, it } from 'vitest';
import type { Pace } from '../../reconciler/apply.ts';
import type { Lane } from '../../reconciler/core/plan/pace.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { minutesAfter, routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

const before = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa', '10.22.0.0/16': 'pcx-aaaaaaaa' };
const edited = {
  '10.20.0.0/16': 'tgw-aaaaaaaa',
  '10.21.0.0/16': 'tgw-aaaaaaaa',
  '10.23.0.0/16': 'tgw-aaaaaaaa',
};

/** A pace under the control of a test. */
class GivenPace implements Pace {
  /** How many turns are left for each lane. */
  readonly left: Record<Lane, number>;
  readonly asked: string[] = [];
  readonly booked: (readonly [action: string, changes: number])[] = [];
  bookedAt: Date | undefined;

  constructor(left: Partial<Record<Lane, number>>, bookedAt?: Date) {
    this.left = { edits: Infinity, drift: Infinity, ...left };
    this.bookedAt = bookedAt;
  }

  readonly turn: Pace['turn'] = async (action, lane) => {
    this.asked.push(`${action} ${lane}`);
    this.left[lane] -= 1;
    return this.left[lane] >= 0;
  };
  readonly throttled = async (): Promise<void> => {};
  readonly book: Pace['book'] = async (...booking) => {
    this.booked.push(booking);
    return this.bookedAt;
  };
}

/** A table in sync, with an edited item and a given pace. */
async function editedTable(pace: GivenPace): Promise<InMemoryWorld> {
  const world = await inSync(before);
  world.pace = pace;
  world.desire(edited);
  return world;
}

const inMinutes = (world: InMemoryWorld, minutes: number): Date => minutesAfter(minutes, world.now());
const message = ({ requeue }: InMemoryWorld) => requeue.sent.at(-1)?.message;
const deliver = (world: InMemoryWorld): Promise<void> => {
  const last = message(world);
  if (!last) throw new TypeError('there is no message');
  return reconcileAgain(last, 'message-1', world, world.invocation());
};

describe('changes', () => {
  it('of an edit take turns of edits, and repairs take turns of drift', async () => {
    const pace = new GivenPace({});
    const world = await editedTable(pace);
    world.ec2.scenery.route(routeTableId, '0.0.0.0/1', 'igw-aaaaaaaa');
    await world.reconcile({ kind: 'desired' });
    expect(pace.asked.sort()).toEqual([
      'create edits',
      'delete drift',
      'delete edits',
      'replace edits',
      'replace edits',
    ]);
    for (const destination of ['10.20.0.0/16', '10.21.0.0/16'])
      world.ec2.scenery.removeRoute(routeTableId, destination);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-bbbbbbbb');
    world.clock.advance(60_000);
    pace.asked.length = 0;
    await world.reconcile();
    expect(pace.asked.sort()).toEqual(['create drift', 'replace drift']);
  });
});

describe('an edit that gets no turn', () => {
  it('waits for the time that is booked for it, and says so', async () => {
    const pace = new GivenPace({ edits: 0 });
    const world = await editedTable(pace);
    pace.bookedAt = inMinutes(world, 3);
    await world.reconcile({ kind: 'desired' });
    const time = inMinutes(world, 3).toISOString();
    expect(world.ec2.journal.lines).toEqual([]);
    expect(pace.booked).toEqual([['replace', 2]]);
    expect(world.status()).toMatchObject({ phase: 'Verifying', nextRetry: time });
    expect(world.status().reason).toContain(`the rest of an edit waits for its turn until about ${time}`);
    expect(world.states.stored(routeTableId).dueAt).toBe(time);

    world.clock.advance(3 * 60_000);
    pace.left.edits = Infinity;
    await deliver(world);
    expect(world.ec2.journal.lines).toHaveLength(4);
    world.clock.advance(5_000);
    await deliver(world);
    expect(world.status()).toMatchObject({ phase: 'InSync' });
    expect(world.memory().turnAt).toBeUndefined();
  });

  it('does not make its creates before its deletes', async () => {
    const pace = new GivenPace({ edits: 2 });
    const world = await editedTable(pace);
    pace.bookedAt = inMinutes(world, 3);
    await world.reconcile({ kind: 'desired' });
    expect(pace.asked).toEqual(['replace edits', 'replace edits', 'delete edits']);
    expect(pace.booked).toEqual([['delete', 1]]);
  });

  it('is not tried before its time by a message or a sweep, which repair drift, and keeps its booking', async () => {
    const pace = new GivenPace({ edits: 0 });
    const world = await editedTable(pace);
    pace.bookedAt = inMinutes(world, 3);
    await world.reconcile({ kind: 'desired' });
    pace.asked.length = 0;
    world.ec2.scenery.route(routeTableId, '0.0.0.0/1', 'igw-aaaaaaaa');
    world.clock.advance(60_000);
    await world.reconcile({ kind: 'sweep' });
    expect(pace.asked).toEqual(['delete drift']);
    expect(pace.booked).toHaveLength(1);
    expect(world.memory().turnAt).toBe(inMinutes(world, 2).toISOString());
  });

  it('is tried at once when the item is edited again', async () => {
    const pace = new GivenPace({ edits: 0 });
    const world = await editedTable(pace);
    pace.bookedAt = inMinutes(world, 3);
    await world.reconcile({ kind: 'desired' });
    pace.left.edits = Infinity;
    world.desire({ ...before, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.journal.lines).toEqual(['ReplaceRoute 10.20.0.0/16 tgw-aaaaaaaa']);
  });

  it('whose turn is an hour away waits with several messages, and no function works on it meanwhile', async () => {
    const pace = new GivenPace({ edits: 0 });
    const world = await editedTable(pace);
    pace.bookedAt = inMinutes(world, 60);
    await world.reconcile({ kind: 'desired' });
    const delays: number[] = [];
    while (true) {
      const { dueAt } = world.requeue.sent.at(-1) ?? {};
      delays.push(((dueAt?.getTime() ?? 0) - world.now().getTime()) / 60_000);
      world.clock.advance((dueAt?.getTime() ?? 0) - world.now().getTime());
      if (world.now() >= pace.bookedAt) break;
      await deliver(world);
    }
    expect(delays).toEqual([15, 15, 15, 15]);
    expect(message(world)).toMatchObject({ hop: 4 });
    expect(world.ec2.journal.counts).toMatchObject({ DescribeRouteTables: 1 });
    pace.left.edits = Infinity;
    await deliver(world);
    expect(world.ec2.journal.lines).toHaveLength(4);
  });

  it('is tried again after a minute if nobody knows when its turn comes', async () => {
    const pace = new GivenPace({ edits: 0 });
    const world = await editedTable(pace);
    await world.reconcile({ kind: 'desired' });
    expect(world.status().nextRetry).toBe(inMinutes(world, 1).toISOString());
  });
});

describe('a repair that gets no turn', () => {
  it('is tried again after 5 s', async () => {
    const world = await inSync(before);
    world.pace = new GivenPace({ drift: 0 });
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await world.reconcile();
    expect(world.status()).toMatchObject({
      phase: 'Verifying',
      nextRetry: new Date(world.now().getTime() + 5_000).toISOString(),
    });
    expect(world.memory().turnAt).toBeUndefined();
  });
});
