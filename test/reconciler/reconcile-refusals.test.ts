import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// EC2 rejects a call, answers something unexpected, or does not answer.

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const ten = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`10.${20 + n}.0.0/16`, 'pcx-aaaaaaaa']));

/** A table with only its local route, and an item that lists these routes. */
function empty(routes: Record<string, string>): InMemoryWorld {
  const world = new InMemoryWorld();
  world.ec2.scenery.table(routeTableId);
  for (const id of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb', 'tgw-aaaaaaaa']) world.ec2.scenery.target(id);
  world.desire(routes);
  return world;
}

describe('a refusal', () => {
  it('never stops the other changes, and is reported with its remedy', async () => {
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

  it('does not delay the read that verifies the other changes', async () => {
    const { faults, reconcile, status, clock } = empty(ten);
    faults.strike({ naming: '10.20.0.0/16' }, { refused: { code: 'InvalidInstanceID' } });
    const startedAt = clock.now().getTime();
    await reconcile();
    expect(status()).toMatchObject({
      phase: 'Failed',
      nextRetry: new Date(startedAt + 5_000).toISOString(),
      failures: [{ destination: '10.20.0.0/16' }],
    });
  });

  it('of every change is reported for each of them', async () => {
    const { faults, reconcile, status } = empty(two);
    faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteLimitExceeded' } });
    await reconcile();
    expect(status().failures.map(({ destination, code }) => [destination, code])).toEqual([
      ['10.20.0.0/16', 'RouteLimitExceeded'],
      ['10.21.0.0/16', 'RouteLimitExceeded'],
    ]);
  });

  it('delays the retries of each change, even of hundreds', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`10.${n + 1}.0.0/16`, 'pcx-aaaaaaaa']));
    const world = await inSync(two);
    world.desire({ ...two, ...many });
    world.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteLimitExceeded' } });
    await world.reconcile({ kind: 'desired' });
    for (let sweeps = 1; sweeps <= 3; sweeps++) {
      world.clock.advance(5 * 60_000);
      await world.reconcile({ kind: 'sweep' });
    }
    world.ec2.journal.clear();
    world.clock.advance(5 * 60_000);
    await world.reconcile({ kind: 'sweep' });
    expect(world.ec2.journal.mutations).toEqual([]);
    expect(world.status().failures).toHaveLength(100);
  });

  it('with an unknown code is reported with its message', async () => {
    const { faults, reconcile, status } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    faults.strike({ action: 'CreateRoute' }, { refused: { code: 'RouteTooRound', message: 'it is too round' } });
    await reconcile();
    expect(status().failures).toMatchObject([{ kind: 'rejected', code: 'RouteTooRound', message: 'it is too round' }]);
  });

  it('for missing permission stops the remaining changes, and starts no retry loop', async () => {
    const { ec2, faults, reconcile, status } = empty(ten);
    faults.strike({ action: 'CreateRoute' }, { refused: { code: 'UnauthorizedOperation' }, answersAfterMs: 10 });
    await reconcile();
    expect(ec2.journal.counts['CreateRoute']).toBeLessThanOrEqual(4);
    expect(ec2.journal.counts['DescribeRouteTables']).toBe(1);
    expect(status()).toMatchObject({ phase: 'Failed', reason: expect.stringContaining('may not write this table') });
  });

  it('by throttling is retried later, not at once', async () => {
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

describe('an answer that contradicts the last read', () => {
  it('ends the change if the route already exists with the desired target', async () => {
    const { ec2, faults, reconcile, status } = empty(two);
    // EC2 accepts a create of an identical route. A stricter or a stale answer must do no harm.
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

  it('replaces the route if it already exists with another target', async () => {
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

  it('leaves an existing route alone and reports it if it may belong to somebody else', async () => {
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

  it('creates the route if there is none to replace', async () => {
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

  it('ends the change if there is no route to delete', async () => {
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

describe('after a lost answer or a server fault, a reconcile', () => {
  it('reads the table, and does not repeat a call that was carried out', async () => {
    const { ec2, faults, reconcile, status, states } = empty(two);
    faults.strike({ naming: '10.20.0.0/16' }, { lost: 'answer' });
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DescribeTargets: 1, CreateRoute: 2 });
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
    expect(states.runs(routeTableId)).toMatchObject([{ outcome: [{ result: 'already' }, { result: 'done' }] }]);
  });

  it('reads the table, and repeats a call that was not carried out', async () => {
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

  it.each(['done', 'not-done'] as const)('reads the table after a server fault whose work was %s', async (fault) => {
    const { ec2, faults, reconcile, status } = await inSync(two);
    ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
    faults.strike({ action: 'DeleteRoute', times: 1 }, { serverFault: fault });
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 2, DeleteRoute: fault === 'done' ? 1 : 2 });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(two);
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
  });

  it('stops after three calls, and reports the failure', async () => {
    const { ec2, faults, reconcile, status } = empty({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    faults.strike({ action: 'CreateRoute' }, { serverFault: 'not-done' });
    await reconcile();
    expect(ec2.journal.counts['CreateRoute']).toBe(3);
    expect(status()).toMatchObject({ phase: 'Failed', failures: [{ code: 'InternalError', attempts: 1 }] });
  });
});
