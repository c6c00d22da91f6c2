import { describe, expect, it } from 'vitest';
import type { Trigger } from '../../reconciler/core/memory/trigger.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { routeTableId } from '../support/builders.ts';
import { type InMemoryWorld, inSync } from '../support/in-memory-world.ts';

// A function repairs a route that no event reports, and fails before it writes its state.

const minute = 60_000;
const [listed, target, other] = ['10.20.0.0/16', 'pcx-aaaaaaaa', 'tgw-aaaaaaaa'] as const;
const one = { [listed]: target };

/** A function that cannot write its state. */
async function failing(world: InMemoryWorld, trigger: Trigger = { kind: 'requeue' }): Promise<void> {
  world.states.faults = (call) => {
    if (call === 'write') throw new Error('DynamoDB does not answer');
  };
  await expect(world.reconcile(trigger)).rejects.toThrow();
  world.states.faults = () => {};
}

/** Others lead the listed route elsewhere, and a function that fails repairs it. */
async function repaired(from: string = other): Promise<InMemoryWorld> {
  const world = await inSync(one);
  world.ec2.scenery.route(routeTableId, listed, from);
  await failing(world);
  expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(one);
  return world;
}

async function sweepLater(world: InMemoryWorld): Promise<void> {
  world.clock.advance(5 * minute);
  await sweep(world, world.invocation());
}

/** The drift that was announced: the targets that others chose. */
const announced = ({ announcer }: InMemoryWorld): readonly (string | undefined)[] =>
  announcer.news
    .flatMap(({ events }) => events)
    .flatMap(({ type, detail }) => (type === 'Route Drift Detected' ? detail.changes : []))
    .map(({ from }) => from);

describe('a repair of a function that failed is announced', () => {
  it('by the next sweep, although the table is as the last state remembers it', async () => {
    const world = await repaired();
    await sweepLater(world);
    expect(announced(world)).toEqual([other]);
    await sweepLater(world);
    await sweepLater(world);
    expect(announced(world)).toEqual([other]);
  });

  it('although the item was edited elsewhere before its repair', async () => {
    const world = await inSync(one);
    world.clock.advance(minute);
    world.ec2.scenery.route(routeTableId, listed, other);
    const edited = { ...one, '10.30.0.0/16': target };
    world.desire(edited);
    await failing(world, { kind: 'desired' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual(edited);
    await sweepLater(world);
    expect(announced(world)).toEqual([other]);
  });

  it('although an edit asks for another target after its repair', async () => {
    const world = await repaired();
    world.desire({ [listed]: 'pcx-bbbbbbbb' });
    await world.reconcile({ kind: 'desired' });
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ [listed]: 'pcx-bbbbbbbb' });
    expect(announced(world)).toEqual([other]);
  });

  it('although we had written there shortly before, if others chose another target since', async () => {
    const world = await inSync(one);
    world.ec2.scenery.route(routeTableId, listed, other);
    await world.reconcile();
    world.clock.advance(10_000);
    const call = world.callOf({ name: 'ReplaceRoute', destination: listed, target: 'nat-aaaaaaaa' });
    await world.evidence.keep([{ routeTableId, call }]);
    world.ec2.scenery.route(routeTableId, listed, 'nat-aaaaaaaa');
    await failing(world);
    await sweepLater(world);
    expect(announced(world)).toEqual([other, 'nat-aaaaaaaa']);
  });
});

describe('no drift is announced', () => {
  it('of what edits asked for, although the functions of two edits failed', async () => {
    const world = await inSync(one);
    world.clock.advance(minute);
    world.desire({ [listed]: 'pcx-bbbbbbbb' });
    await failing(world, { kind: 'desired' });
    world.clock.advance(minute);
    world.desire({ [listed]: other });
    await failing(world, { kind: 'desired' });
    await sweepLater(world);
    expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ [listed]: other });
    expect(announced(world)).toEqual([]);
  });
});
