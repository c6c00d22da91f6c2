import { describe, expect, it } from 'vitest';
import type { Health } from '../../reconciler/core/route/health.ts';
import { type Target, targetText } from '../../reconciler/core/route/route.ts';
import { reconcileEach } from '../../reconciler/reconcile.ts';
import { sharedHealth } from '../../reconciler/shared-health.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { item, now, route } from '../support/builders.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';

const destination = '10.20.0.0/16';
const idOf = (n: number): string => `rtb-${n.toString(16).padStart(8, '0')}`;
const peeringOf = (n: number): string => `pcx-${n.toString(16).padStart(8, '0')}`;
const ids = Array.from({ length: 100 }, (_, n) => idOf(n));
const targetOf = (id: string): Target => route(destination, id).target;
const event = { kind: 'event', id: 'event-1', name: 'ReplaceRoute', time: '2026-11-23T12:00:00Z' } as const;

/** A fleet in sync, each table with a target of its own. Somebody then leads half of the routes elsewhere. */
async function adriftFleet(): Promise<InMemoryWorld> {
  const world = new InMemoryWorld();
  for (const [n, id] of ids.entries()) {
    world.ec2.scenery.target(peeringOf(n));
    world.ec2.scenery.table(id, { routes: { [destination]: peeringOf(n) } });
    world.desired.put({ ...item({ [destination]: peeringOf(n) }), routeTableId: id });
  }
  await sweep(world, world.invocation());
  world.clock.advance(60_000);
  for (const id of ids.slice(0, 50)) {
    world.ec2.scenery.removeRoute(id, destination);
    world.ec2.scenery.route(id, destination, 'pcx-ffffffff');
  }
  world.forget();
  return world;
}

describe('a sweep over 100 tables of one VPC, of which 50 have drifted,', () => {
  it('asks about all their targets with one question, and reads all tables with one call', async () => {
    const world = await adriftFleet();
    await sweep(world, world.invocation());
    expect(world.ec2.journal.counts).toEqual({ DescribeRouteTables: 1, DescribeTargets: 1, ReplaceRoute: 50 });
    const asked = world.ec2.journal.calls.find(({ action }) => action === 'DescribeTargets')?.input['ids'];
    expect(asked).toEqual(Array.from({ length: 50 }, (_, n) => peeringOf(n)));
  });
});

describe('tables that are reconciled together', () => {
  it('ask once about a target that they share', async () => {
    const world = new InMemoryWorld();
    for (const id of ids) {
      world.ec2.scenery.table(id, { routes: {} });
      world.desired.put({ ...item({ [destination]: 'pcx-aaaaaaaa' }), routeTableId: id });
    }
    world.ec2.scenery.target('pcx-aaaaaaaa');
    await reconcileEach(ids, event, world, world.invocation());
    expect(world.ec2.journal.counts).toMatchObject({ DescribeTargets: 1, CreateRoute: 100 });
  });
});

describe('an answer about a target', () => {
  /** Answers from a list, in order, and notes the questions. */
  const asking = (...answers: readonly (Health | Error)[]) => {
    const questions: string[] = [];
    let at = now;
    const health = sharedHealth(
      async (vpcId, targets) => {
        questions.push([vpcId, ...targets.map(targetText)].join(' '));
        const answer = answers[questions.length - 1] ?? 'alive';
        if (answer instanceof Error) return { health: new Map(), failures: [answer] };
        return { health: new Map(targets.map((target) => [targetText(target), answer])), failures: [] };
      },
      () => at,
      async (vpcId) => (vpcId === 'vpc-aaaaaaaa' ? [targetOf('pcx-cccccccc')] : []),
    );
    /** Asks for a read that began so long before. */
    const ask = async (vpcId: string, asked: readonly string[], agoMs = 0) => {
      const answer = await health(vpcId, asked.map(targetOf), new Date(at.getTime() - agoMs));
      return [Object.fromEntries(answer.health), answer.failures.length];
    };
    return { ask, questions, wait: (ms: number) => (at = new Date(at.getTime() + ms)) };
  };

  it('is used by the tables of its VPC whose read began before it was asked for', async () => {
    const { ask, questions, wait } = asking('alive', 'dead', 'dead');
    expect(await ask('vpc-bbbbbbbb', ['pcx-aaaaaaaa'])).toEqual([{ 'pcx-aaaaaaaa': 'alive' }, 0]);
    wait(4_000);
    expect(await ask('vpc-bbbbbbbb', ['pcx-aaaaaaaa'], 4_000)).toEqual([{ 'pcx-aaaaaaaa': 'alive' }, 0]);
    expect(await ask('vpc-cccccccc', ['pcx-aaaaaaaa'], 4_000)).toEqual([{ 'pcx-aaaaaaaa': 'dead' }, 0]);
    expect(await ask('vpc-bbbbbbbb', ['pcx-aaaaaaaa'], 3_999)).toEqual([{ 'pcx-aaaaaaaa': 'dead' }, 0]);
    expect(questions).toHaveLength(3);
  });

  it('comes with those that others will need, and contains only what was asked', async () => {
    const { ask, questions } = asking();
    expect(await ask('vpc-aaaaaaaa', ['pcx-aaaaaaaa'])).toEqual([{ 'pcx-aaaaaaaa': 'alive' }, 0]);
    expect(await ask('vpc-aaaaaaaa', ['pcx-cccccccc'])).toEqual([{ 'pcx-cccccccc': 'alive' }, 0]);
    expect(await ask('vpc-aaaaaaaa', ['pcx-aaaaaaaa', 'pcx-bbbbbbbb'])).toEqual([
      { 'pcx-aaaaaaaa': 'alive', 'pcx-bbbbbbbb': 'alive' },
      0,
    ]);
    expect(questions).toEqual(['vpc-aaaaaaaa pcx-aaaaaaaa pcx-cccccccc', 'vpc-aaaaaaaa pcx-bbbbbbbb']);
  });

  it('that did not come is asked for again', async () => {
    const { ask } = asking(new Error('throttled'), 'dead');
    expect(await ask('vpc-bbbbbbbb', ['pcx-aaaaaaaa'])).toEqual([{}, 1]);
    expect(await ask('vpc-bbbbbbbb', ['pcx-aaaaaaaa'])).toEqual([{ 'pcx-aaaaaaaa': 'dead' }, 0]);
  });
});
