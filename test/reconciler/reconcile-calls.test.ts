import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// How many calls of each kind a reconcile makes, and in which order.

const three = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa', '0.0.0.0/0': 'nat-aaaaaaaa' };

describe('a reconcile of a table', () => {
  it('without drift makes one Describe call, and writes nothing', async () => {
    const world = await inSync(three);
    await world.reconcile();
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    expect([...world.states.writes]).toEqual([]);
  });

  it('with k drifted routes makes one Describe call and exactly k mutations', async () => {
    const { ec2, reconcile } = await inSync(three);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    ec2.scenery.route(routeTableId, '10.21.0.0/16', 'tgw-aaaaaaaa');
    ec2.scenery.route(routeTableId, '10.99.0.0/16', 'tgw-aaaaaaaa');
    await reconcile();
    expect(ec2.journal.lines).toEqual([
      'ReplaceRoute 10.21.0.0/16 pcx-aaaaaaaa',
      'DeleteRoute 10.99.0.0/16',
      'CreateRoute 10.20.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(ec2.journal.counts).toMatchObject({ DescribeRouteTables: 1 });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(three);
  });

  it('is followed by one that changes nothing', async () => {
    const { ec2, reconcile, clock, status } = await inSync(three);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    await reconcile();
    expect(status().phase).toBe('Verifying');
    ec2.journal.clear();
    clock.advance(5_000);
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
    expect(status().phase).toBe('InSync');
  });

  it('replaces two routes in place if their targets were swapped', async () => {
    const { ec2, reconcile } = await inSync({ ...three, '10.22.0.0/16': 'pcx-bbbbbbbb' });
    ec2.scenery.route(routeTableId, '10.20.0.0/16', 'pcx-bbbbbbbb');
    ec2.scenery.route(routeTableId, '10.22.0.0/16', 'pcx-aaaaaaaa');
    await reconcile();
    expect(ec2.journal.lines).toEqual([
      'ReplaceRoute 10.20.0.0/16 pcx-aaaaaaaa',
      'ReplaceRoute 10.22.0.0/16 pcx-bbbbbbbb',
    ]);
  });

  it('changes nothing when a tag of the table changes', async () => {
    const { ec2, reconcile } = await inSync(three);
    ec2.scenery.tag(routeTableId, { Name: 'public' });
    await reconcile();
    expect(ec2.journal.mutations).toEqual([]);
  });

  it('creates a static route beside a propagated one, and leaves the propagated one alone', async () => {
    const { ec2, reconcile } = await inSync(three);
    ec2.scenery.removeRoute(routeTableId, '10.20.0.0/16');
    ec2.scenery.propagate(routeTableId, '10.20.0.0/16');
    ec2.scenery.propagate(routeTableId, '10.30.0.0/16');
    await reconcile();
    expect(ec2.journal.lines).toEqual(['CreateRoute 10.20.0.0/16 pcx-aaaaaaaa']);
  });

  it('does not change routes that belong to others', async () => {
    const { ec2, reconcile } = await inSync(three);
    ec2.scenery.gatewayEndpoint(routeTableId);
    ec2.scenery.lattice(routeTableId);
    ec2.scenery.foreignInterface('eni-ffffffff');
    ec2.scenery.route(routeTableId, '10.40.0.0/16', 'eni-ffffffff');
    ec2.scenery.advertise(routeTableId, '10.41.0.0/16', 'eni-eeeeeeee');
    await reconcile();
    expect(ec2.journal.counts).toEqual({ DescribeRouteTables: 1 });
  });
});

describe('fifty routes through one peering connection', () => {
  const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`10.${100 + n}.0.0/16`, 'pcx-aaaaaaaa']));

  it('are created with fifty calls', async () => {
    const world = new InMemoryWorld();
    world.ec2.scenery.table(routeTableId);
    world.ec2.scenery.target('pcx-aaaaaaaa');
    world.desire(fifty);
    await world.reconcile();
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DescribeTargets: 1, CreateRoute: 50 });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(fifty);
  });

  it('are edited with only the calls that are needed, and none fails', async () => {
    const { ec2, desire, reconcile, status } = await inSync(fifty);
    ec2.scenery.target('pcx-bbbbbbbb');
    const { '10.100.0.0/16': _, ...others } = fifty;
    desire({ ...others, '10.101.0.0/16': 'pcx-bbbbbbbb', '10.200.0.0/16': 'pcx-aaaaaaaa' });
    ec2.scenery.tag(routeTableId, { Name: 'peers' });
    await reconcile();
    expect(ec2.journal.lines).toEqual([
      'ReplaceRoute 10.101.0.0/16 pcx-bbbbbbbb',
      'DeleteRoute 10.100.0.0/16',
      'CreateRoute 10.200.0.0/16 pcx-aaaaaaaa',
    ]);
    expect(ec2.journal.calls.filter(({ error }) => error)).toEqual([]);
    expect(status()).toMatchObject({ phase: 'Verifying', failures: [] });
  });
});

describe('the order of an apply', () => {
  it('starts no delete before the last replace has ended, and no create before the last delete', async () => {
    const before = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`10.1.${n}.0/24`, 'pcx-aaaaaaaa']));
    const { ec2, desire, faults, reconcile } = await inSync(before);
    const after = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) =>
        n < 6 ? [`10.1.${n}.0/24`, 'tgw-aaaaaaaa'] : [`10.2.${n}.0/24`, 'tgw-aaaaaaaa'],
      ),
    );
    desire(after);
    // Later phases are faster, so a call that did not wait would end too early.
    faults.strike({ action: 'ReplaceRoute' }, { reachesAfterMs: 300, answersAfterMs: 100 });
    faults.strike({ action: 'ReplaceRoute', naming: '10.1.3.0/24' }, { reachesAfterMs: 900 });
    faults.strike({ action: 'DeleteRoute' }, { reachesAfterMs: 60, answersAfterMs: 20 });
    faults.strike({ action: 'CreateRoute' }, { reachesAfterMs: 5 });
    await reconcile();

    const span = (action: string) => {
      const calls = ec2.journal.calls.filter((call) => call.action === action);
      expect(calls).toHaveLength(6);
      return {
        first: Math.min(...calls.map(({ calledAt }) => calledAt.getTime())),
        last: Math.max(...calls.map(({ endedAt }) => endedAt?.getTime() ?? Infinity)),
      };
    };
    const [replaces, deletes, creates] = [span('ReplaceRoute'), span('DeleteRoute'), span('CreateRoute')];
    expect(replaces.last).toBeLessThanOrEqual(deletes.first);
    expect(deletes.last).toBeLessThanOrEqual(creates.first);
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(after);
  });
});
