import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DesiredTable, parseDesired } from '../../../reconciler/core/desired/desired.ts';
import { permitted } from '../../../reconciler/core/plan/guard.ts';
import { isActive } from '../../../reconciler/core/desired/ignore.ts';
import type { Plan } from '../../../reconciler/core/plan/plan.ts';
import { isEnforced } from '../../../reconciler/core/desired/enforcement.ts';
import { type Memory, emptyMemory } from '../../../reconciler/core/memory/memory.ts';
import { type ActualTable, destinationText, targetText } from '../../../reconciler/core/route/route.ts';
import { actual, minutesAfter, now, route, routeTableId, table } from '../../support/builders.ts';
import { reconciled } from './plan/model.ts';

const destination = fc.constantFrom('0.0.0.0/0', '10.1.0.0/16', '10.1.1.0/24', '10.2.0.0/16');
const target = fc.constantFrom('pcx-aaaaaaaa', 'nat-aaaaaaaa', 'eni-aaaaaaaa');

/** What may happen between two reconciles. */
const happening = fc.oneof(
  fc.record({ does: fc.constant('put' as const), destination, target, detached: fc.boolean() }),
  fc.record({ does: fc.constant('put' as const), destination, target, detached: fc.constant(false) }),
  fc.record({ does: fc.constant('remove' as const), destination }),
  fc.record({ does: fc.constant('list' as const), destination, target }),
  fc.record({ does: fc.constant('unlist' as const), destination }),
  fc.record({
    does: fc.constant('set' as const),
    fields: fc.constantFrom<Record<string, unknown>>(
      { mode: 'observe' },
      { mode: 'enforce' },
      { unlisted: 'keep' },
      { unlisted: 'delete' },
      { scope: ['10.1.0.0/16', '0.0.0.0/32'] },
      { scope: undefined },
      { maxDeletes: 0 },
      { maxDeletes: 9 },
      { paused: { reason: 'maintenance' } },
      { paused: undefined },
    ),
  }),
  fc.record({ does: fc.constant('ignore' as const), destination, minutes: fc.constantFrom(20, 50) }),
  fc.record({ does: fc.constant('tag' as const), kubernetes: fc.boolean() }),
  fc.record({ does: fc.constant('wait' as const) }),
);

/** Steps, each with whether a reconcile follows. */
const history = fc.array(fc.tuple(happening, fc.constantFrom(true, true, true, false)), {
  minLength: 12,
  maxLength: 40,
});

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

interface Scene {
  readonly item: Readonly<Record<string, unknown>> & {
    readonly routes: readonly { destination: string; target: string }[];
  };
  readonly actual: ActualTable;
  readonly now: Date;
}

function after(happening: Happening, scene: Scene): Scene {
  const { item, actual: found } = scene;
  const without = (destination: string) => found.routes.filter(({ spelling }) => spelling !== destination);
  const unlisted = (destination: string) => item.routes.filter((route) => route.destination !== destination);
  switch (happening.does) {
    case 'put': {
      const { destination, target, detached } = happening;
      const put = actual(route(destination, target), { state: detached ? 'blackhole' : 'active' });
      return { ...scene, actual: { ...found, routes: [...without(destination), put] } };
    }
    case 'remove':
      return { ...scene, actual: { ...found, routes: without(happening.destination) } };
    case 'list': {
      const { destination, target } = happening;
      return { ...scene, item: { ...item, routes: [...unlisted(destination), { destination, target }] } };
    }
    case 'unlist':
      return { ...scene, item: { ...item, routes: unlisted(happening.destination) } };
    case 'set':
      return { ...scene, item: { ...item, ...happening.fields } };
    case 'ignore': {
      const until = minutesAfter(happening.minutes, scene.now).toISOString();
      return { ...scene, item: { ...item, ignore: [{ destination: happening.destination, reason: 'x', until }] } };
    }
    case 'tag':
      return { ...scene, actual: { ...found, tags: happening.kubernetes ? { 'kubernetes.io/cluster/blue': '' } : {} } };
    case 'wait':
      return { ...scene, now: minutesAfter(30, scene.now) };
    default:
      return happening satisfies never;
  }
}

interface Watched {
  readonly target: string;
  /** The item listed it with this target while it was there. */
  readonly wasListed: boolean;
  /** The item listed its destination when it was last seen. */
  readonly inSlot: boolean;
  /** The item left it alone when it was last seen. */
  readonly leftAlone: boolean;
  /** It came while the table was enforced and watched, and the item has never listed it or left it alone since. */
  readonly appeared: boolean;
}

/**
 * An onlooker who sees each reconcile and knows nothing of the memory: which routes came while the table was watched,
 * which ones an item listed, and since when the policy holds.
 */
class Onlooker {
  #routes = new Map<string, Watched>();
  /** Destinations that had a route before, and when the route was last seen. */
  #gone = new Map<string, { readonly route: Watched; readonly at: number }>();
  #policy: { readonly text: string; readonly since: number } | undefined;
  #lastLook: number | undefined;

  /** The permitted deletes of a plan that are not earned. */
  unearned(desired: DesiredTable, found: ActualTable, plan: Plan, at: Date): string[] {
    const now = at.getTime();
    const listed = new Map(
      desired.routes.map((route) => [destinationText(route.destination), targetText(route.target)]),
    );
    const text = JSON.stringify([
      desired.mode,
      desired.unlisted,
      desired.scope,
      desired.ignore.filter((entry) => isActive(entry, at)).map((entry) => entry.destination),
      desired.paused && isActive(desired.paused, at),
    ]);
    if (this.#policy?.text !== text) this.#policy = { text, since: now };
    const lookedAt = this.#lastLook;
    const isWatched =
      isEnforced(desired, at) &&
      lookedAt !== undefined &&
      lookedAt >= this.#policy.since + 30_000 &&
      now - lookedAt <= 15 * 60_000;
    const leftAlone = new Set(
      plan.leftAlone
        .filter(({ reason }) => ['ignored', 'out-of-scope', 'unlisted-kept'].includes(reason))
        .map(({ route }) => destinationText(route.destination)),
    );
    const seen = new Map<string, Watched>();
    for (const route of found.routes) {
      const [destination, target] = [destinationText(route.destination), targetText(route.target)];
      const there = this.#routes.get(destination);
      const before = this.#gone.get(destination);
      const back = before && now - before.at < 24 * 3_600_000 ? before.route : undefined;
      const appeared = there?.appeared ?? back?.appeared ?? isWatched;
      const sameTarget =
        there?.target === target && there.wasListed && (listed.has(destination) || !leftAlone.has(destination));
      seen.set(destination, {
        target,
        wasListed: listed.get(destination) === target || sameTarget,
        inSlot: listed.has(destination) || (there?.inSlot ?? false),
        leftAlone: leftAlone.has(destination),
        appeared: appeared && !listed.has(destination) && !leftAlone.has(destination),
      });
    }
    const going = isEnforced(desired, at) ? permitted(plan) : [];
    const isKubernetes = Object.keys(found.tags).length > 0;
    const unearned = going.flatMap((change) => {
      if (change.action !== 'delete') return [];
      const destination = destinationText(change.destination);
      const route = seen.get(destination);
      const isOthers =
        destination !== '0.0.0.0/0' &&
        change.from.target.kind === 'network-interface' &&
        (isKubernetes || change.from.state === 'blackhole');
      const byEdit = route?.wasListed && destination !== '0.0.0.0/0' && desired.routes.length > 0;
      return !isOthers && (route?.appeared || byEdit) ? [] : [destination];
    });
    const leaves = (destination: string, route: Watched): void => {
      if (!this.#gone.has(destination)) this.#gone.set(destination, { route, at: now });
    };
    for (const [destination, route] of this.#routes) if (!seen.has(destination)) leaves(destination, route);
    for (const destination of seen.keys()) this.#gone.delete(destination);
    for (const change of going) {
      const destination = destinationText(change.destination);
      const route = seen.get(destination);
      if (change.action !== 'delete') {
        const target = targetText(change.to);
        seen.set(destination, { target, wasListed: true, inSlot: true, leftAlone: false, appeared: false });
      } else if (route) {
        seen.delete(destination);
        leaves(destination, route);
      }
    }
    // What was listed or left alone says nothing about a route that comes there after that.
    for (const [destination, { route }] of this.#gone)
      if ((route.inSlot && !listed.has(destination)) || route.leftAlone) this.#gone.delete(destination);
    this.#routes = seen;
    this.#lastLook = now;
    return unearned;
  }
}

it('in any history, only earned deletes are made', () => {
  let deletes = 0;
  fc.assert(
    fc.property(history, (history) => {
      const onlooker = new Onlooker();
      let scene: Scene = { item: { routeTableId, routes: [], maxDeletes: 9 }, actual: table([]), now };
      let remembered: Memory = emptyMemory;
      for (const [next, isNoticed] of history) {
        scene = after(next, { ...scene, now: minutesAfter(1, scene.now) });
        if (!isNoticed) continue;
        const parsed = parseDesired(scene.item, scene.now);
        if (!parsed.ok) continue;
        const before = scene.actual;
        const result = reconciled({ desired: parsed.table, actual: before, now: scene.now, memory: remembered });
        expect(onlooker.unearned(parsed.table, before, result.plan, scene.now)).toEqual([]);
        deletes += result.actual.routes.length < before.routes.length ? 1 : 0;
        remembered = result.memory;
        scene = { ...scene, actual: result.actual };
      }
    }),
    { numRuns: 1_500 },
  );
  // Otherwise a guard that holds every delete back would pass.
  expect(deletes).toBeGreaterThan(500);
});
