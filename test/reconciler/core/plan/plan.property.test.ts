import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../../reconciler/core/route/change.ts';
import type { DesiredTable } from '../../../../reconciler/core/desired/desired.ts';
import { permitted } from '../../../../reconciler/core/plan/guard.ts';
import { type Plan, plan, planAsJson } from '../../../../reconciler/core/plan/plan.ts';
import { desiredHash } from '../../../../reconciler/core/desired/hashes.ts';
import {
  type ActualRoute,
  type ActualTable,
  destinationText,
  targetText,
} from '../../../../reconciler/core/route/route.ts';
import { type Situation, destination, shuffled, situation, targetFor } from '../../../support/arbitraries.ts';
import { actual, desired, now, ownerId, route, table } from '../../../support/builders.ts';
import { applied } from './model.ts';

const runs = { numRuns: 400 };

const planned = ({ desired, actual, memory }: Situation): Plan => plan(desired, actual, { now, memory });

const linesOf = (changes: readonly Change[]): string[] =>
  changes.map(({ action, destination }) => `${action} ${destinationText(destination)}`);

/** A plan as other programs see it. */
const asText = (plan: Plan): string => JSON.stringify(planAsJson(plan));

const ipv6 = (first: string) => Array.from({ length: 1_000 }, (_, n) => `${first}:${n.toString(16)}::/48`);

describe('plan', () => {
  it('converges: after a plan is applied, nothing is left to change', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const { changes } = planned(given);
        const after = planned({ ...given, actual: applied(given.actual, changes) });
        expect(after.changes).toEqual([]);
        const held = after.findings.filter(({ code }) =>
          ['not-ours', 'no-local-route', 'local-override-left', 'local-overridden'].includes(code),
        );
        expect(after.inSync).toBe(held.length === 0);
      }),
      runs,
    );
  });

  it('converges in two applies: the second makes the deletes that waited for creates, and blocked deletes remain', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const before = planned(given);
        const once = { ...given, actual: applied(given.actual, permitted(before)) };
        const between = planned(once);
        expect(between.waiting).toBeUndefined();
        expect(linesOf(between.changes.filter(({ action }) => action !== 'delete'))).toEqual([]);
        const waiting = before.waiting?.map(({ destination }) => `delete ${destination}`) ?? [];
        const blocked = before.blocked?.deletes.map(({ destination }) => `delete ${destination}`) ?? [];
        expect(linesOf(between.changes).toSorted()).toEqual([...waiting, ...blocked].toSorted());
        if (blocked.length > 0) return;
        const after = planned({ ...once, actual: applied(once.actual, permitted(between)) });
        expect(after.changes).toEqual([]);
      }),
      runs,
    );
  });

  it('deletes no route of ours before an overlapping create, unless the table is full or a person approved it', () => {
    let waited = 0;
    fc.assert(
      fc.property(situation, (given) => {
        const { changes, blocked, waiting = [] } = planned(given);
        const isWaiting = new Set(waiting.map(({ destination }) => destination));
        for (const change of changes) {
          const destination = destinationText(change.destination);
          const isHeld = blocked?.deletes.some((one) => one.destination === destination) === true;
          const expected = !isHeld && goesOnlyAfterCreates(change, changes, given);
          expect([destination, isWaiting.has(destination)]).toEqual([destination, expected]);
        }
        waited += isWaiting.size;
      }),
      { numRuns: 1_500 },
    );
    expect(waited).toBeGreaterThan(5);
  });

  it('brings every listed destination to its desired target or leaves it on an alternate, or reports why not', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const { changes, findings } = planned(given);
        const after = applied(given.actual, changes).routes.filter(isStaticRoute);
        const excused = new Set(
          findings
            .filter(({ code }) => ['not-ours', 'ignored-until', 'no-local-route'].includes(code))
            .map(({ destination }) => destination),
        );
        const changed = new Set(changes.map(({ destination }) => destinationText(destination)));
        for (const { destination, target, alternates } of given.desired.routes) {
          const text = destinationText(destination);
          if (excused.has(text)) continue;
          const there = after.filter((route) => destinationText(route.destination) === text);
          expect(there).toHaveLength(1);
          const allowed = [target, ...(changed.has(text) ? [] : alternates)].map(targetText);
          expect(allowed.some((id) => there.flatMap(namesOf).includes(id))).toBe(true);
        }
      }),
      runs,
    );
  });

  it('moves a route away from its target or an alternate only if that is a blackhole, and to the first that is alive', () => {
    let moved = 0;
    fc.assert(
      fc.property(
        situation,
        fc.array(fc.constantFrom('alive', 'dead', undefined), { minLength: 64 }),
        (given, answers) => {
          const listed = given.desired.routes.map(({ destination, target, alternates }) => ({
            destination: destinationText(destination),
            ids: [target, ...alternates].map(targetText),
          }));
          const health = new Map(
            [...new Set(listed.flatMap(({ ids }) => ids))].flatMap((id, index): [string, 'alive' | 'dead'][] => {
              const answer = answers[index];
              return answer ? [[id, answer]] : [];
            }),
          );
          const { changes } = plan(given.desired, given.actual, { now, memory: given.memory, health });
          for (const change of changes) {
            if (change.action !== 'replace') continue;
            const { ids = [] } = listed.find((one) => one.destination === destinationText(change.destination)) ?? {};
            const isFromListed = namesOf(change.from).some((name) => ids.includes(name));
            expect(change.because).toBe(isFromListed ? 'target-down' : undefined);
            if (!isFromListed) continue;
            moved += 1;
            expect(change.from.state).toBe('blackhole');
            expect(targetText(change.to)).toBe(ids.find((id) => health.get(id) === 'alive'));
          }
        },
      ),
      { numRuns: 1_500 },
    );
    expect(moved).toBeGreaterThan(5);
  });

  it('does not depend on the order of desired and actual routes', () => {
    fc.assert(
      fc.property(
        situation.chain((given) =>
          fc.tuple(fc.constant(given), shuffled(given.desired.routes), shuffled(given.actual.routes)),
        ),
        ([given, desiredRoutes, actualRoutes]) => {
          const other = planned({
            ...given,
            desired: { ...given.desired, routes: desiredRoutes },
            actual: { ...given.actual, routes: actualRoutes },
          });
          expect(asText(other)).toBe(asText(planned(given)));
        },
      ),
      runs,
    );
  });

  it('does not depend on order even if EC2 reports a destination several times, which should not happen', () => {
    const routes = fc
      .array(
        fc.record({
          target: fc.constantFrom('eni-aaaaaaaa', 'pcx-aaaaaaaa'),
          state: fc.constantFrom<ActualRoute['state']>('active', 'blackhole', 'unknown'),
          origin: fc.constantFrom<ActualRoute['origin']>('created', 'with-table', 'unknown', 'propagated'),
          instance: fc.constantFrom({ id: 'i-aaaaaaaa', ownerId }, { id: 'i-bbbbbbbb' }, { ownerId: 'amazon-aws' }),
        }),
        { minLength: 2, maxLength: 5 },
      )
      .map((all) => all.map(({ target, ...more }) => actual(route('10.20.0.0/16', target), more)));
    const given = [desired({}), desired({ '10.20.0.0/16': 'eni-aaaaaaaa' }), desired({ '10.20.0.0/16': 'i-bbbbbbbb' })];
    fc.assert(
      fc.property(
        routes.chain((all) => fc.tuple(fc.constant(all), shuffled(all))),
        ([all, otherwise]) => {
          for (const item of given) {
            expect(asText(plan(item, table(otherwise), { now }))).toBe(asText(plan(item, table(all), { now })));
          }
        },
      ),
      runs,
    );
  });

  it('is deterministic and does not change its input', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const before = structuredClone([given.desired, given.actual, given.memory]);
        expect(asText(planned(given))).toBe(asText(planned(given)));
        expect([given.desired, given.actual, given.memory]).toEqual(before);
      }),
    );
  });

  it('accounts for every actual route exactly once: changed, left alone or unchanged', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const { changes, unchanged, leftAlone } = planned(given);
        const rest = [...given.actual.routes];
        const accounted = [
          ...changes.flatMap((change) => (change.action === 'create' ? [] : [change.from])),
          ...leftAlone.map(({ route }) => route),
        ];
        for (const route of accounted) {
          const index = rest.findIndex((other) => isDeepStrictEqual(other, route));
          expect(index).toBeGreaterThanOrEqual(0);
          rest.splice(index, 1);
        }
        expect(rest).toHaveLength(unchanged);
        const listed = given.desired.routes.flatMap(({ destination, target, alternates }) =>
          [target, ...alternates].map((one) => `${destinationText(destination)} ${targetText(one)}`),
        );
        for (const route of rest) {
          const names = namesOf(route).map((name) => `${destinationText(route.destination)} ${name}`);
          expect(names.some((name) => listed.includes(name))).toBe(true);
        }
      }),
      runs,
    );
  });

  it('has at most one change per destination, in apply order', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const { changes } = planned(given);
        expect(new Set(changes.map(({ destination }) => destinationText(destination))).size).toBe(changes.length);
        for (const [index, change] of changes.entries()) {
          const before = changes[index - 1];
          if (before) expect(comesBefore(before, change, given.actual)).toBe(true);
        }
      }),
      runs,
    );
  });

  it('never deletes a listed destination, and never creates one that exists', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const listed = new Set(given.desired.routes.map(({ destination }) => destinationText(destination)));
        const there = new Set(
          given.actual.routes.filter(isStaticRoute).map((route) => destinationText(route.destination)),
        );
        for (const { action, destination } of planned(given).changes) {
          const text = destinationText(destination);
          if (action === 'delete') expect(listed.has(text)).toBe(false);
          if (action === 'create') expect(there.has(text)).toBe(false);
        }
      }),
      runs,
    );
  });

  it('never changes a route that is not ours', () => {
    fc.assert(
      fc.property(situation, (given) => {
        for (const change of planned(given).changes) expect(trespass(change, given)).toBeUndefined();
      }),
      { numRuns: 1_500 },
    );
  });

  it('never changes a route to the target that it already has', () => {
    fc.assert(
      fc.property(situation, (given) => {
        for (const change of planned(given).changes) {
          if (change.action === 'replace') expect(namesOf(change.from)).not.toContain(targetText(change.to));
        }
      }),
      runs,
    );
  });

  it('permits no delete that is not earned', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const before = planned(given);
        const { changes, blocked, waiting = [] } = before;
        const deletes = changes.filter((change) => change.action === 'delete');
        const going = permitted(before).filter(({ action }) => action === 'delete');
        if (blocked) expect(going.length).toBe(deletes.length - blocked.deletes.length - waiting.length);
        expect(going.filter((change) => isUnearned(change, given))).toEqual([]);
        const most = given.desired.maxDeletes ?? 10;
        const byEdits = going.filter(
          ({ destination }) => given.memory.destinations.get(destinationText(destination))?.arrival !== 'appeared',
        );
        if (given.desired.orders?.approval === undefined) expect(byEdits.length).toBeLessThanOrEqual(most);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has equal ids for equal changes, and different ids for different changes', () => {
    fc.assert(
      fc.property(situation, situation, (a, b) => {
        const [one, other] = [planAsJson(planned(a)), planAsJson(planned(b))];
        expect(one.planId === other.planId).toBe(JSON.stringify(one.changes) === JSON.stringify(other.changes));
      }),
    );
  });

  it('plans a table that is full in both families', () => {
    const ipv4 = Array.from({ length: 1_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
    const listed = [...ipv4, ...ipv6('2001:db8')].map((text) => [text, 'pcx-aaaaaaaa']);
    const found = [...ipv4, ...ipv6('2001:db9')].map((text) => actual(route(text, 'pcx-bbbbbbbb')));
    const { changes } = plan(desired(Object.fromEntries(listed)), table(found), { now });
    const count = (action: Change['action']) => changes.filter((change) => change.action === action).length;
    expect([count('replace'), count('delete'), count('create')]).toEqual([1_000, 1_000, 1_000]);
  });
});

const changesOf = (listed: Readonly<Record<string, string>>, there: Readonly<Record<string, string>>) =>
  planAsJson(
    plan(
      desired(listed, { maxDeletes: 9 }),
      table(Object.entries(there).map(([destination, target]) => actual(route(destination, target)))),
      { now },
    ),
  ).changes;

describe('similar routes are distinguished:', () => {
  const toBoth = fc.constantFrom('pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'nat-aaaaaaaa', 'igw-aaaaaaaa');
  const twoDestinations = fc
    .tuple(destination, destination)
    .map(([a, b]) => [destinationText(a), destinationText(b)] as const)
    .filter(([a, b]) => a !== b);

  it('two destinations through one target', () => {
    fc.assert(
      fc.property(twoDestinations, toBoth, ([a, b], target) => {
        const both = { [a]: target, [b]: target };
        expect(changesOf(both, both)).toEqual([]);
        expect(changesOf(both, { [a]: target })).toEqual([{ action: 'create', destination: b, to: target }]);
        expect(changesOf({ [a]: target }, both)).toEqual([{ action: 'delete', destination: b, from: target }]);
        expect(changesOf({ [b]: target }, { [a]: target })).toEqual([
          { action: 'delete', destination: a, from: target },
          { action: 'create', destination: b, to: target },
        ]);
      }),
      runs,
    );
  });

  it('two targets for one destination', () => {
    const pair = destination.chain((at) => fc.tuple(fc.constant(at), targetFor(at), targetFor(at)));
    fc.assert(
      fc.property(pair, ([at, a, b]) => {
        const [text, to, from] = [destinationText(at), targetText(a), targetText(b)];
        // The owner of an ODB network made that route.
        if (b.kind === 'odb-network' && to !== from) return;
        const differs = [{ action: 'replace', destination: text, from, to }];
        expect(changesOf({ [text]: to }, { [text]: from })).toEqual(to === from ? [] : differs);
      }),
      runs,
    );
  });

  it.each([
    ['in the kind of target', ['10.20.0.0/16', 'tgw-aaaaaaaa']],
    ['in the id of the target', ['10.20.0.0/16', 'pcx-aaaaaaab']],
    ['in the length of the id', ['10.20.0.0/16', 'pcx-000000000aaaaaaaa']],
    ['in the prefix length', ['10.20.0.0/17', 'pcx-aaaaaaaa']],
    ['in the address', ['10.21.0.0/16', 'pcx-aaaaaaaa']],
    ['in the family', ['a14::/16', 'pcx-aaaaaaaa']],
    ['in the kind of destination', ['pl-aaaaaaaa', 'pcx-aaaaaaaa']],
  ] as const)('two routes that differ %s', (_, [destination, target]) => {
    const changes = changesOf({ [destination]: target }, { '10.20.0.0/16': 'pcx-aaaaaaaa' });
    expect(changes).toEqual(
      destination === '10.20.0.0/16'
        ? [{ action: 'replace', destination, from: 'pcx-aaaaaaaa', to: target }]
        : [
            { action: 'delete', destination: '10.20.0.0/16', from: 'pcx-aaaaaaaa' },
            { action: 'create', destination, to: target },
          ],
    );
  });

  it('50 routes through one peering connection: one added, one removed, one retargeted, the tags changed', () => {
    const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`10.${n}.0.0/16`, 'pcx-aaaaaaaa']));
    const there = Object.entries(fifty).map(([destination, target]) => actual(route(destination, target)));
    const { '10.7.0.0/16': _, ...removed } = fifty;
    const edited = desired({ ...removed, '10.13.0.0/16': 'pcx-bbbbbbbb', '10.50.0.0/16': 'pcx-aaaaaaaa' });
    const found = table(there, { tags: { Name: 'private', owner: 'network' } });
    expect(plan(desired(fifty), found, { now })).toMatchObject({ inSync: true, changes: [], unchanged: 50 });
    const { changes, unchanged, findings } = planAsJson(plan(edited, found, { now }));
    expect({ changes, unchanged, findings }).toEqual({
      changes: [
        { action: 'replace', destination: '10.13.0.0/16', from: 'pcx-aaaaaaaa', to: 'pcx-bbbbbbbb' },
        { action: 'delete', destination: '10.7.0.0/16', from: 'pcx-aaaaaaaa' },
        { action: 'create', destination: '10.50.0.0/16', to: 'pcx-aaaaaaaa' },
      ],
      unchanged: 48,
      findings: [],
    });
  });
});

// ── the rules, implemented a second time as a reference ──────────────────────────────────────────────────────────────

const isStaticRoute = ({ origin }: ActualRoute): boolean => !['propagated', 'advertised'].includes(origin);

const isInterface = ({ target }: ActualRoute): boolean => ['network-interface', 'instance'].includes(target.kind);

const namesOf = (route: ActualRoute): string[] => [
  targetText(route.target),
  ...(isInterface(route) && route.instance?.id ? [route.instance.id] : []),
];

const parsedBlock = (text: string) => (text.includes(':') ? new Address6(text) : new Address4(text));

function isInside(outer: string, inner: string): boolean {
  if (outer.startsWith('pl-') || inner.startsWith('pl-')) return outer === inner;
  if (outer.includes(':') !== inner.includes(':')) return false;
  const [whole, part] = [parsedBlock(outer), parsedBlock(inner)];
  return (
    whole.subnetMask <= part.subnetMask &&
    whole.startAddress().bigInt() <= part.startAddress().bigInt() &&
    part.endAddress().bigInt() <= whole.endAddress().bigInt()
  );
}

function isIgnored({ ignore }: DesiredTable, destination: string, names: readonly string[]): boolean {
  return ignore.some((entry) => {
    if (entry.until && entry.until.getTime() <= now.getTime()) return false;
    const covered = entry.destination && destinationText(entry.destination);
    const isCovered =
      covered === undefined ||
      (covered === '0.0.0.0/0' || covered === '::/0' ? covered === destination : isInside(covered, destination));
    const pattern = entry.target?.replaceAll('*', '.*').replaceAll('?', '.');
    return isCovered && (pattern === undefined || names.some((name) => new RegExp(`^${pattern}$`).test(name)));
  });
}

/** The rule that a change breaks; undefined if the change is permitted. */
function trespass(change: Change, { desired, actual, memory }: Situation): string | undefined {
  if (change.action === 'create') return undefined;
  const { from } = change;
  const destination = destinationText(change.destination);
  const listed = desired.routes.find((route) => destinationText(route.destination) === destination);
  const remembered = memory.destinations.get(destination);
  const isLocal = from.target.kind === 'local' || from.origin === 'with-table';
  const isPutBack = change.action === 'replace' && change.to.kind === 'local' && remembered?.wasLocal === true;
  const isDoubtful = looksForeign(from, actual);
  // A read has shown the listed target here.
  const isOurs = listed !== undefined && remembered?.seenAsListed === true;
  const always = {
    'a propagated or advertised route': !isStaticRoute(from),
    'an unknown route': [from.origin, from.state].includes('unknown') || (from.target.kind === 'unknown' && !isOurs),
    'a route of VPC Lattice': from.target.kind === 'lattice',
    'a gateway endpoint': destination.startsWith('pl-') && from.target.kind === 'vpc-endpoint',
    'an ignored route': isIgnored(desired, destination, namesOf(from)),
    'a held route': desired.orders?.holds.some((hold) => hold.destination === destination),
  };
  const whenReplaced = {
    'a route that is not listed': !listed && !isPutBack,
    'another target than is listed':
      listed && targetText(listed.target) !== targetText(change.action === 'replace' ? change.to : from.target),
    'a local route': isLocal && !isPutBack && !listed?.overrideLocal && listed?.target.kind !== 'local',
    "what looks like somebody else's, where nothing shows that it is ours":
      listed && from.state === 'active' && isDoubtful && !remembered?.seenAsListed && !isApproved(change, desired),
    'a suspended route': listed && isIgnored(desired, destination, [targetText(listed.target)]),
  };
  const whenDeleted = {
    'a listed route': listed,
    'a local route': isLocal || remembered?.overrodeLocal,
    'a local route that somebody retargeted': remembered?.wasLocal,
    'a route out of scope':
      desired.scope && !desired.scope.some((block) => isInside(destinationText(block), destination)),
    'a route to keep': desired.unlisted === 'keep' && !namesOf(from).includes(remembered?.ours ?? ''),
  };
  const rules = Object.entries({ ...always, ...(change.action === 'replace' ? whenReplaced : whenDeleted) });
  return rules.find(([, broken]) => broken)?.[0];
}

/** Whether a change deletes a route of ours that a create of the same plan takes over. */
function goesOnlyAfterCreates(change: Change, changes: readonly Change[], { memory, desired }: Situation): boolean {
  if (change.action !== 'delete') return false;
  const destination = destinationText(change.destination);
  const { ours } = memory.destinations.get(destination) ?? {};
  const creates = changes
    .filter(({ action }) => action === 'create')
    .map((create) => destinationText(create.destination))
    .filter((created) => isInside(created, destination) || isInside(destination, created));
  const isFull = creates.some((created) => {
    const { refusal } = memory.destinations.get(created) ?? {};
    return refusal?.action === 'create' && refusal.code === 'RouteLimitExceeded';
  });
  const isOurs = ours !== undefined && namesOf(change.from).includes(ours);
  return isOurs && creates.length > 0 && !isFull && !isApproved(change, desired);
}

/** Whether a route may belong to somebody else. */
function looksForeign(from: ActualRoute, actual: ActualTable): boolean {
  if (from.target.kind === 'odb-network') return true;
  if (!isInterface(from)) return false;
  const owner = from.instance?.ownerId;
  const isTagged = Object.keys(actual.tags).some(
    (key) => ['AmazonFSx', 'KubernetesCluster'].includes(key) || key.startsWith('kubernetes.io/cluster/'),
  );
  return owner === undefined ? from.state === 'blackhole' || isTagged : owner !== actual.ownerId || isTagged;
}

function isApproved(change: Exclude<Change, { action: 'create' }>, desired: DesiredTable): boolean {
  const approval = desired.orders?.approval;
  const names = namesOf(change.from);
  return (
    approval?.desiredHash === desiredHash(desired) &&
    approval.routes.some(
      ({ destination, target }) => destination === destinationText(change.destination) && names.includes(target),
    )
  );
}

/** Whether a delete is not earned. These rules protect a table from being emptied by mistake. */
function isUnearned(change: Change, { desired, actual, memory }: Situation): boolean {
  if (change.action !== 'delete' || isApproved(change, desired)) return false;
  const destination = destinationText(change.destination);
  const { ours, arrival } = memory.destinations.get(destination) ?? {};
  if (looksForeign(change.from, actual) && isPrivateHere(destination, actual)) return true;
  if (arrival === 'appeared') return false;
  if (['0.0.0.0/0', '::/0'].includes(destination)) return true;
  return ours === undefined || !namesOf(change.from).includes(ours) || desired.routes.length === 0;
}

const isPrivateHere = (destination: string, { routes }: ActualTable): boolean =>
  destination.startsWith('pl-') ||
  [
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '198.18.0.0/15',
    'fc00::/7',
    ...routes
      .filter(({ origin, target }) => origin === 'with-table' || target.kind === 'local')
      .map((route) => destinationText(route.destination)),
  ].some((block) => isInside(block, destination));

/** Whether two consecutive changes of a plan are in the right order. */
function comesBefore(a: Change, b: Change, actual: ActualTable): boolean {
  const order = ['replace', 'delete', 'create'];
  if (a.action !== b.action) return order.indexOf(a.action) < order.indexOf(b.action);
  const isLast = ({ destination }: Change): boolean => isPrivateHere(destinationText(destination), actual);
  if (a.action === 'delete' && isLast(a) !== isLast(b)) return isLast(b);
  const kinds = ['ipv4', 'ipv6', 'prefix-list'];
  if (a.destination.kind !== b.destination.kind) {
    return kinds.indexOf(a.destination.kind) < kinds.indexOf(b.destination.kind);
  }
  const [left, right] = [destinationText(a.destination), destinationText(b.destination)];
  if (a.destination.kind === 'prefix-list') return left < right;
  const [x, y] = [parsedBlock(left), parsedBlock(right)];
  const [from, to] = [x.startAddress().bigInt(), y.startAddress().bigInt()];
  return from === to ? x.subnetMask < y.subnetMask : from < to;
}
