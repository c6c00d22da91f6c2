import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDesired } from '../../../../reconciler/core/desired/desired.ts';
import { adoptionOf } from '../../../../reconciler/core/plan/adoption.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import type { ActualRoute, ActualTable } from '../../../../reconciler/core/route/route.ts';
import { actualTable, shuffled } from '../../../support/arbitraries.ts';
import { actual, local, now, otherOwnerId, ownerId, route, routeTableId } from '../../../support/builders.ts';

/** The item that adopts a table, as a person writes it. */
function itemOf(actual: ActualTable): unknown {
  const { routes, ignore } = adoptionOf(actual, now);
  return {
    routeTableId: actual.routeTableId,
    mode: 'observe',
    routes: routes.map(({ isBlackhole: _, ...route }) => route),
    ...(ignore.length > 0 && { ignore }),
  };
}

describe('the adoption of a table', () => {
  it('is a valid item that changes no route and is in sync, whatever EC2 reports', () => {
    fc.assert(
      fc.property(actualTable, (actual) => {
        const parsed = parseDesired(itemOf(actual), now);
        expect(parsed).toMatchObject({ ok: true });
        if (!parsed.ok) return;
        const planned = plan(parsed.table, actual, { now });
        expect(planned).toMatchObject({ changes: [], inSync: true });
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same for routes in any order', () => {
    fc.assert(
      fc.property(
        actualTable.chain((actual) => fc.tuple(fc.constant(actual), shuffled(actual.routes))),
        ([actual, routes]) => {
          expect(adoptionOf({ ...actual, routes }, now)).toEqual(adoptionOf(actual, now));
        },
      ),
    );
  });
});

describe('a route that may belong to somebody else', () => {
  const foreign = { id: 'i-ffffffff', ownerId: otherOwnerId };
  const through = (destination: string, target: string) => actual(route(destination, target), { instance: foreign });
  const adopted = (...routes: readonly ActualRoute[]) =>
    adoptionOf({ routeTableId, ownerId, tags: {}, routes: [local('10.0.0.0/16'), ...routes] }, now);

  it('is ignored with its siblings, and the entry says why', () => {
    expect(adopted(through('192.168.1.0/24', 'eni-aaaaaaaa'), through('192.168.2.0/24', 'eni-bbbbbbbb'))).toMatchObject(
      {
        routes: [],
        ignore: [
          {
            destination: '192.168.0.0/16',
            target: 'eni-*',
            reason: 'may belong to somebody else: leads to an interface of account 999988887777',
          },
        ],
      },
    );
  });

  it('is ignored alone if a route of ours is among its siblings', () => {
    const ours = actual(route('192.168.9.0/24', 'eni-cccccccc'), { instance: { id: 'i-cccccccc', ownerId } });
    const { routes, ignore } = adopted(through('192.168.1.0/24', 'eni-aaaaaaaa'), ours);
    expect(routes).toMatchObject([{ destination: '192.168.9.0/24' }]);
    expect(ignore).toMatchObject([{ destination: '192.168.1.0/24', target: 'eni-aaaaaaaa' }]);
  });

  it('is listed if its destination is public: doubt protects no public destination', () => {
    expect(adopted(through('0.0.0.0/0', 'eni-aaaaaaaa'))).toMatchObject({
      routes: [{ destination: '0.0.0.0/0', target: 'eni-aaaaaaaa' }],
      ignore: [],
    });
  });
});

it('an overridden local route is adopted as it is', () => {
  const routes = [actual(route('10.0.0.0/16', 'eni-aaaaaaaa'), { origin: 'with-table' })];
  expect(adoptionOf({ routeTableId, tags: {}, routes }, now).routes).toEqual([
    { destination: '10.0.0.0/16', target: 'eni-aaaaaaaa', overrideLocal: true, isBlackhole: false },
  ]);
});
