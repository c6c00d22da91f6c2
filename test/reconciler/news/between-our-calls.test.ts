import { expect, it } from 'vitest';
import type { Fate } from '../../support/ec2/faults.ts';
import { routeTableId } from '../../support/builders.ts';
import { type InMemoryWorld, inSync } from '../../support/in-memory-world.ts';

// Others retarget a route between two calls of ours about it. No event reports that.

const [edited, beside, before, after, theirs] = [
  '10.20.0.0/16',
  '10.21.0.0/16',
  'pcx-aaaaaaaa',
  'pcx-bbbbbbbb',
  'tgw-aaaaaaaa',
] as const;

/** Others retarget the route before the second read of a reconcile, which repairs it and announces that. */
async function retargetedBeforeSecondRead(world: InMemoryWorld): Promise<void> {
  const retarget = (): void => world.ec2.scenery.route(routeTableId, edited, theirs);
  world.faults.strike({ action: 'DescribeRouteTables', after: 1, times: 1 }, { justBefore: retarget });
  await world.reconcile({ kind: 'desired' });
  expect(world.ec2.scenery.routesOf(routeTableId)).toEqual({ [edited]: after, [beside]: after });
  expect(world.announcer.news.flatMap(({ events }) => events)).toMatchObject([
    { type: 'Route Drift Detected', detail: { changes: [{ destination: edited, from: theirs, to: after }] } },
  ]);
}

it.each<[string, Fate]>([
  ['was refused', { refused: { code: 'InvalidParameterValue' } }],
  ['was made without an answer', { serverFault: 'done' }],
  ['was not made', { serverFault: 'not-done' }],
])(
  'a route that others retarget after the call of an edit %s is announced, although it is repaired',
  async (_, fate) => {
    const world = await inSync({ [edited]: before, [beside]: before });
    world.clock.advance(60_000);
    world.desire({ [edited]: after, [beside]: after });
    world.faults.strike({ action: 'ReplaceRoute', naming: edited, times: 1 }, fate);
    // The table is read again, because this call has no answer.
    world.faults.strike({ action: 'ReplaceRoute', naming: beside, times: 1 }, { serverFault: 'done' });
    await retargetedBeforeSecondRead(world);
  },
);

it('a route that others retarget between the calls of two edits in one reconcile is announced', async () => {
  const world = await inSync({ [edited]: before });
  world.clock.advance(60_000);
  world.desire({ [edited]: after, [beside]: before });
  const editAgain = (): void => world.desire({ [edited]: after, [beside]: after });
  world.faults.strike({ action: 'ReplaceRoute', times: 1 }, { serverFault: 'done', justBefore: editAgain });
  await retargetedBeforeSecondRead(world);
});
