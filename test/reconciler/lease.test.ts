import { describe, expect, it } from 'vitest';
import { leaseMarginMs, leaseMs } from '../../reconciler/lease.ts';
import { reconcile } from '../../reconciler/reconcile.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { minutesAfter, routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// One function at a time writes a table. It also does the work that others left with it.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };

/** Takes the lease as a function that then dies. */
const takeAndDie = (world: InMemoryWorld, holder = 'dead') =>
  world.leases.take(routeTableId, {
    holder,
    now: world.now(),
    expiresAt: new Date(world.now().getTime() + leaseMs),
    retakeBefore: new Date(0),
    latestEnd: minutesAfter(10, world.now()),
  });

describe('a storm of events for one table', () => {
  it('causes two reads by one writer', async () => {
    const { ec2, faults, event } = await inSync(two);
    faults.strike({}, { answersAfterMs: 50 });
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const storm = Array.from({ length: 200 }, () => event());
    const phases = (await Promise.all(storm)).map(({ phase }) => phase);
    expect(phases.filter((phase) => phase === 'Held')).toHaveLength(199);
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DescribeTargets: 1, CreateRoute: 1 });
  });

  it('sends one message, due when the lease has expired by every clock', async () => {
    const { faults, event, requeue, clock } = await inSync(two);
    faults.strike({}, { answersAfterMs: 50 });
    const dueAt = new Date(clock.now().getTime() + leaseMs + leaseMarginMs);
    await Promise.all([event(), event(), event()]);
    expect(requeue.sent).toEqual([{ message: { routeTableId, hop: 1 }, dueAt }]);
  });

  it('does not delay another table', async () => {
    const { ec2, faults, event, desired } = await inSync(two);
    ec2.scenery.table('rtb-bbbbbbbb');
    desired.put({ routeTableId: 'rtb-bbbbbbbb', routes: [] });
    faults.strike({}, { answersAfterMs: 50 });
    const both = await Promise.all([event(), event({}, 'rtb-bbbbbbbb')]);
    expect(both.map(({ phase }) => phase)).toEqual(['InSync', 'InSync']);
  });

  it('is handed on if its holder runs out of time, with the kinds of the triggers that were left', async () => {
    const { ec2, faults, event, requeue, clock } = await inSync(two);
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { answersAfterMs: 6_000 });
    const holder = event({}, routeTableId, 5);
    expect(await event()).toMatchObject({ phase: 'Held' });
    await holder;
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    const message = { routeTableId, hop: 1, kinds: ['event'] };
    expect(requeue.sent).toContainEqual({ message, dueAt: clock.now() });
  });

  it('is not lost if its holder fails: the next function knows the actor', async () => {
    const world = await inSync(two);
    const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { refused: { code: 'InternalError' } });
    world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, { answersAfterMs: 100 });
    const holder = world.event();
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const call = { name: 'DeleteRoute', actor: alice, destination: '10.20.0.0/16' };
    expect(await world.event(call)).toMatchObject({ phase: 'Held' });
    await expect(holder).rejects.toThrow('InternalError');
    const sent = world.requeue.sent.find(({ message }) => message.kinds);
    await reconcileAgain(sent?.message ?? { routeTableId, hop: 0 }, 'message-1', world, world.invocation());
    expect(world.states.runs(routeTableId)).toMatchObject([{ outcome: [{ actor: alice }] }]);
  });
});

describe('a lease', () => {
  it('of a dead holder is taken after it has expired', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await takeAndDie(world);
    expect(await world.event()).toMatchObject({ phase: 'Held' });
    expect(world.ec2.journal.calls).toEqual([]);
    const [message] = world.requeue.sent;
    world.clock.advance((message?.dueAt.getTime() ?? 0) - world.now().getTime());
    expect(await world.reconcile({ kind: 'requeue' })).toMatchObject({ phase: 'Verifying' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });

  it('that ends in the year 9999 is taken at once, and logged', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await world.leases.take(routeTableId, {
      holder: 'nobody',
      now: world.now(),
      expiresAt: new Date('9999-12-31T23:59:59Z'),
      latestEnd: new Date('9999-12-31T23:59:59Z'),
      retakeBefore: new Date(0),
    });
    await world.reconcile();
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(world.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'took over a lease whose end no function could have written', fields: { routeTableId } },
    ]);
  });

  it('of a dead request is taken by its retry', async () => {
    const world = await inSync(two);
    await takeAndDie(world, 'request');
    const retry = () =>
      reconcile(routeTableId, { kind: 'desired', id: '1' }, world, {
        requestId: 'request',
        until: new Date(world.now().getTime() + 50_000),
      });
    expect(await retry()).toMatchObject({ phase: 'Held' });
    world.clock.advance(61_000);
    expect(await retry()).toMatchObject({ phase: 'InSync' });
  });

  it('that another function took over stops the work, and no status is written', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    const overtaken = async (call: string): Promise<void> => {
      if (call !== 'checkpoint' || world.ec2.journal.mutations.length === 0) return;
      world.clock.advance(leaseMs);
      await takeAndDie(world, 'somebody else');
    };
    world.checkpointFaults = overtaken;
    await world.reconcile();
    expect(world.ec2.journal.lines).toEqual(['ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa']);
    expect(world.states.writes.has('write')).toBe(false);
    expect(world.leases.holder(routeTableId)).toBe('somebody else');
  });

  it('lets no call start in its last 10 seconds', async () => {
    const hundred = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`10.1.${n}.0/24`, 'pcx-aaaaaaaa']));
    const { ec2, desire, faults, reconcile, clock } = await inSync(two);
    desire({ ...two, ...hundred });
    faults.strike({ action: 'CreateRoute' }, { answersAfterMs: 5_000 });
    const takenAt = clock.now().getTime();
    await reconcile({ kind: 'desired' }, routeTableId, 1_000);
    const last = Math.max(...ec2.journal.mutations.map(({ calledAt }) => calledAt.getTime()));
    expect(last - takenAt).toBeLessThan(leaseMs - 10_000);
  });
});

describe('an item that is edited while its plan is applied', () => {
  it('stops the old plan, and a new plan follows', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    world.faults.strike(
      { action: 'ReplaceRoute', times: 1 },
      { justBefore: () => world.desire({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.22.0.0/16': 'pcx-aaaaaaaa' }) },
    );
    await world.reconcile();
    expect(world.ec2.journal.lines).toEqual([
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
      'CreateRoute 10.22.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(world.status()).toMatchObject({ phase: 'Verifying', listed: 2 });
    expect(world.remembered('10.22.0.0/16').listed).toBe(true);
  });

  it('or deleted stops every further change', async () => {
    const world = await inSync(two);
    world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    world.ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    world.faults.strike({ action: 'ReplaceRoute' }, { justBefore: () => world.desired.delete(routeTableId) });
    await world.reconcile();
    expect(world.ec2.journal.lines).toEqual(['ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa']);
    expect(world.status().phase).toBe('Unmanaged');
  });
});

describe('a chain of messages', () => {
  const retried = async (hop: number) => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    const answer = () => reconcileAgain({ routeTableId, hop }, `message-${hop}`, world, world.invocation());
    return { world, answer };
  };
  const sent = ({ requeue }: InMemoryWorld) => requeue.sent.map(({ message: { hop } }) => hop);

  /** The second of two rounds repairs something, too. */
  const inTwoRounds = ({ faults, ec2 }: InMemoryWorld) => {
    faults.strike({ action: 'DescribeRouteTables', times: 1 }, { answersAfterMs: 100 });
    const justBefore = () => ec2.scenery.removeRoute(routeTableId, '10.21.0.0/16');
    faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { justBefore });
  };

  it('goes on where it was if another function does its work', async () => {
    const { world, answer } = await retried(7);
    inTwoRounds(world);
    await Promise.all([world.reconcile(), answer()]);
    // The message in case the holder dies, and one after each of its two rounds.
    expect(sent(world)).toEqual([8, 1, 8]);
  });

  it('goes on where it was if its function does the work of another', async () => {
    const { world, answer } = await retried(7);
    inTwoRounds(world);
    await Promise.all([answer(), world.reconcile()]);
    expect(sent(world)).toEqual([1, 8, 8]);
  });

  it('goes on where it was if the function that does its work dies', async () => {
    const { world, answer } = await retried(7);
    await takeAndDie(world);
    await answer();
    expect(sent(world)).toEqual([8]);
    world.requeue.sent.length = 0;
    world.clock.advance(2 * leaseMs);
    await world.reconcile();
    expect(sent(world)).toEqual([8]);
  });

  it('goes on where it was if the function that does its work runs out of time or fails', async () => {
    for (const fate of [{ answersAfterMs: 6_000 }, { refused: { code: 'InternalError' }, answersAfterMs: 100 }]) {
      const { world, answer } = await retried(7);
      world.faults.strike({ action: 'DescribeRouteTables', times: 1 }, fate);
      const holder = world.reconcile({ kind: 'sweep' }, routeTableId, 5).catch(() => {});
      await answer();
      await holder;
      expect(world.requeue.sent.map(({ message }) => message)).toContainEqual({
        routeTableId,
        hop: 8,
        kinds: ['requeue'],
      });
    }
  });

  it('ends after 12 hops, whoever holds the lease: then the sweep reads the table', async () => {
    const { world, answer } = await retried(12);
    await takeAndDie(world);
    await answer();
    expect(world.requeue.sent).toEqual([]);
    world.clock.advance(2 * leaseMs);
    await world.reconcile();
    expect(world.requeue.sent).toEqual([]);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(two);
  });
});

describe('a requeue message', () => {
  const answer = (world: InMemoryWorld, message: { readonly nextRetry?: string; readonly hop: number }) =>
    reconcileAgain({ routeTableId, ...message }, 'message-1', world, world.invocation());

  it('is due when the status says, and causes a reconcile', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await world.reconcile();
    const [sent] = world.requeue.sent;
    expect(sent?.message).toEqual({ routeTableId, nextRetry: world.status().nextRetry, hop: 1 });
    world.clock.advance(5_000);
    await answer(world, sent?.message ?? { hop: 0 });
    expect(world.status().phase).toBe('InSync');
  });

  it('is dropped if the status now waits for another time', async () => {
    const world = await inSync(two);
    await answer(world, { nextRetry: '2026-11-23T12:00:05.000Z', hop: 1 });
    expect(world.ec2.journal.calls).toEqual([]);
  });

  it('is not sent as the thirteenth in a row: the sweep reads the table instead', async () => {
    const world = await inSync(two);
    world.ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await answer(world, { hop: 12 });
    expect(world.status().phase).toBe('Verifying');
    expect(world.requeue.sent).toEqual([]);
  });
});
