import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// EC2 says no, says something odd, or says nothing at all.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const ten = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`10.${20 + n}.0.0/16`, 'pcx-aaaaaaaa']));

/** A table that is empty but for its local route, and an item that wants these. */
function empty(routes: Record<string, string>): InMemoryWorld {
  const world = new InMemoryWorld();
  world.ec2.scenery.table(routeTableId);
  for (const id of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb', 'tgw-aaaaaaaa']) world.ec2.scenery.target(id);
  world.desire(routes);
  return world;
}

describe('a refusal', () => {
  it('never stops the other changes, and is told with its remedy', async () => {
    const { ec2, faults, reconcile, status } = empty(ten);
    faults.strike(
      { naming: '10.20.0.0/16' },
      { refused: { code: 'InvalidInstanceID', message: 'several interfaces' } },
    );
    await reconcile();
    const { '10.20.0.0/16': _, ...others } = ten;
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(others);
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DescribeTargets: 1, CreateRoute: 10 });
    expect(status()).toMatchObject({
      phase: 'Failed',
      reason: expect.stringMatching(/could not create 10\.20\.0\.0\/16: .*list a network interface \(eni-…\)/),
      failures: [
        {
          action: 'create',
          destination: '10.20.0.0/16',
          to: 'pcx-aaaaaaaa',
          kind: 'rejected',
          code: 'InvalidInstanceID',
          message: 'several interfaces',
          remedy: expect.stringContaining('list a network interface (eni-…)'),
          attempts: 1,
        },
      ],
    });
  });

  it('does not put off the second look at what was done beside it', async () => {
    const { faults, reconcile, status, clock } = empty(ten);
    faults.strike({ naming: '10.20.0.0/16' }, { refused: { code: 'InvalidInstanceID' } });
    const startedAt = clock.now().getTime();
    await reconcile();
    expect(status()).toMatchObject({
      phase: 'Failed',
      nextRetry: new Date(startedAt + 5_000).toISOString(),
      failures: [{ nextRetry: new Date(startedAt + 60 * 60_000).toISOString() }],
    });
  });

  it('of every change is told of every change', async () => {
    const { faults, reconcile, status } = empty(two);
    faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteLimitExceeded' } });
    await reconcile();
    expect(status().failures.map(({ destination, code }) => [destination, code])).toEqual([
      ['10.20.0.0/16', 'RouteLimitExceeded'],
      ['10.21.0.0/16', 'RouteLimitExceeded'],
    ]);
  });

  it('is waited out for every change, be they hundreds', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`10.${n + 1}.0.0/16`, 'pcx-aaaaaaaa']));
    const world = await inSync(two);
    world.desire({ ...two, ...many });
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteLimitExceeded' } });
    await world.reconcile({ kind: 'desired' });
    world.ec2.journal.clear();
    world.clock.advance(5 * 60_000);
    await world.reconcile({ kind: 'sweep' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().failures).toHaveLength(100);
  });

  it('with a code that nobody knows is told with its message', async () => {
    const { faults, reconcile, status } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteTooRound', message: 'it is too round' } });
    await reconcile();
    expect(status().failures).toMatchObject([{ kind: 'rejected', code: 'RouteTooRound', message: 'it is too round' }]);
  });

  it('for lack of permission stops the rest, and is no loop', async () => {
    const { ec2, faults, reconcile, status } = empty(ten);
    faults.strike({ action: 'CreateRoute' }, { refused: { code: 'UnauthorizedOperation' }, answersAfterMs: 10 });
    await reconcile();
    expect(ec2.journal.counts['CreateRoute']).toBeLessThanOrEqual(4);
    expect(ec2.journal.counts['DescribeRouteTables']).toBe(1);
    expect(status()).toMatchObject({ phase: 'Failed', reason: expect.stringContaining('may not write this table') });
  });

  it('by throttling is tried again later, and by nobody now', async () => {
    const { ec2, faults, reconcile, status, requeue, clock } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    faults.strike({ action: 'CreateRoute', times: 1 }, { refused: { code: 'RequestLimitExceeded' } });
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DescribeTargets: 1, CreateRoute: 1 });
    expect(status()).toMatchObject({
      phase: 'Failed',
      failures: [{ kind: 'transient', code: 'RequestLimitExceeded' }],
    });
    const [again] = requeue.sent;
    clock.advance((again?.dueAt.getTime() ?? 0) - clock.now().getTime());
    await reconcile({ kind: 'requeue' });
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
  });
});

describe('an answer that says the table is not as it was read', () => {
  it('RouteAlreadyExists with our target: nothing more to do', async () => {
    const { ec2, faults, reconcile, status } = empty(two);
    // EC2 takes the same route once more for done, yet a stricter or a stale answer must do no harm.
    faults.strike(
      { naming: '10.20.0.0/16', times: 1 },
      {
        justBefore: () => ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-aaaaaaaa'),
        refused: { code: 'RouteAlreadyExists' },
      },
    );
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DescribeTargets: 1, CreateRoute: 2 });
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
  });

  it('RouteAlreadyExists with another target: is replaced', async () => {
    const { ec2, faults, reconcile, status, states } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    const somebody = () => ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    faults.strike({ naming: '10.20.0.0/16', times: 1 }, { justBefore: somebody });
    await reconcile();
    expect(ec2.journal.lines).toEqual([
      'CreateRoute 10.20.0.0/16 pcx-aaaaaaaa',
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ action: 'replace', result: 'done' }] }]);
  });

  it('RouteAlreadyExists with a route that is not ours: is left alone and told', async () => {
    const { ec2, faults, reconcile, status, states, clock } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    const aService = () => {
      ec2.scenery.foreignInterface('eni-ffffffff');
      ec2.scenery.route(routeTableId, '10.20.0.0/16', 'eni-ffffffff');
    };
    faults.strike({ action: 'CreateRoute' }, { justBefore: aService });
    await reconcile();
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({ '10.20.0.0/16': 'eni-ffffffff' });
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DescribeTargets: 1, CreateRoute: 1 });
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ result: 'refused', code: 'RouteAlreadyExists' }] }]);
    clock.advance(5_000);
    await reconcile();
    expect(status()).toMatchObject({ phase: 'Failed', reason: expect.stringContaining('may belong to somebody else') });
  });

  it('no route to replace: is created', async () => {
    const { ec2, faults, reconcile, status } = await inSync(two);
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
    const somebody = () => ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    faults.strike({ action: 'ReplaceRoute' }, { justBefore: somebody });
    await reconcile();
    expect(ec2.journal.lines).toEqual([
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
      'CreateRoute 10.20.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
  });

  it('no route to delete: is done', async () => {
    const { ec2, faults, reconcile, status, states } = await inSync(two);
    ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
    const somebody = () => ec2.scenery.removeRoute(routeTableId, '10.99.0.0/16');
    faults.strike({ action: 'DeleteRoute' }, { justBefore: somebody });
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DeleteRoute: 1 });
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
    expect(states.runs(routeTableId).at(-1)?.outcome).toMatchObject([{ action: 'delete', result: 'already' }]);
  });
});

describe('an answer that never comes', () => {
  it('to a call that was carried out: is found out by a read, and nothing is called again', async () => {
    const { ec2, faults, reconcile, status, states } = empty(two);
    faults.strike({ naming: '10.20.0.0/16' }, { lost: 'answer' });
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DescribeTargets: 1, CreateRoute: 2 });
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ result: 'already' }, { result: 'done' }] }]);
  });

  it('to a call that got lost: is found out by a read, and the call made again', async () => {
    const { ec2, faults, reconcile, status } = empty(two);
    faults.strike({ naming: '10.20.0.0/16', times: 1 }, { lost: 'call' });
    await reconcile();
    expect(ec2.journal.calls.map(({ action }) => action)).toEqual([
      'DescribeRouteTables',
      'DescribeTargets',
      'CreateRoute',
      'CreateRoute',
      'DescribeRouteTables',
      'DescribeTargets',
      'CreateRoute',
    ]);
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
  });

  it.each(['done', 'not-done'] as const)(
    'but a fault of EC2, with the work %s: is found out by a read',
    async (fault) => {
      const { ec2, faults, reconcile, status } = await inSync(two);
      ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
      faults.strike({ action: 'DeleteRoute', times: 1 }, { serverFault: fault });
      await reconcile();
      expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DeleteRoute: fault === 'done' ? 1 : 2 });
      expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
      expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
    },
  );

  it('again and again: ends, and is told', async () => {
    const { ec2, faults, reconcile, status } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    faults.strike({ action: 'CreateRoute' }, { serverFault: 'not-done' });
    await reconcile();
    expect(ec2.journal.counts['CreateRoute']).toBe(3);
    expect(status()).toMatchObject({ phase: 'Failed', failures: [{ code: 'InternalError', attempts: 1 }] });
  });
});
