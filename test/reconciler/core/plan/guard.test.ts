import { describe, expect, it } from 'vitest';
import { type Blocked, permitted } from '../../../../reconciler/core/plan/guard.ts';
import type { Approval } from '../../../../reconciler/core/desired/orders.ts';
import type { DesiredTable } from '../../../../reconciler/core/desired/desired.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import { desiredHash } from '../../../../reconciler/core/desired/hashes.ts';
import {
  type Arrival,
  type BlockCode,
  type Memory,
  type Remembered,
  arrivals,
} from '../../../../reconciler/core/memory/memory.ts';
import {
  actual,
  approving,
  desired,
  local,
  memory,
  minutesAfter,
  now,
  otherOwnerId,
  route,
  table,
  throughInstance,
} from '../../../support/builders.ts';

import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';

type Given = Parameters<typeof desired>;

const odbNetwork = 'arn:aws:odb:us-east-1:111122223333:odb-network/odbnet_1';

const pcx = (destination: string, target = 'pcx-aaaaaaaa') => actual(route(destination, target));
const many = (count: number, second = 20) => Array.from({ length: count }, (_, n) => `10.${second}.${n}.0/24`);
const listing = (destinations: readonly string[]) =>
  Object.fromEntries(destinations.map((destination) => [destination, 'pcx-aaaaaaaa']));

/** The deletes that are held back, for these actual routes and these listed ones. */
const blockedOf = (
  item: Given,
  there: readonly string[],
  remembered?: Memory,
): { readonly code: BlockCode; readonly deletes: readonly string[] } | undefined => {
  const { blocked } = plan(desired(...item), table(there.map((destination) => pcx(destination))), {
    now,
    ...(remembered && { memory: remembered }),
  });
  return blocked && { code: blocked.code, deletes: destinationsOf(blocked) };
};

const destinationsOf = ({ deletes }: Blocked): readonly string[] => deletes.map(({ destination }) => destination);

/** Routes that came in this way. */
const arrived = (arrival: Arrival, ...destinations: readonly string[]): Record<string, Remembered> =>
  Object.fromEntries(destinations.map((destination) => [destination, { arrival }]));

const owning = (...destinations: readonly string[]): Record<string, Remembered> =>
  Object.fromEntries(
    destinations.map((destination) => [destination, { arrival: 'listed', listed: true, ours: 'pcx-aaaaaaaa' }]),
  );

describe('maxDeletes', () => {
  it.each([
    ['lets as many deletes go as it says', 3, 3, undefined],
    ['holds all deletes back where there is one more', 2, 3, 'too-many-deletes'],
    ['of 0 holds back every delete', 0, 1, 'too-many-deletes'],
    ['may be larger than the default', 40, 40, undefined],
  ])('%s', (_, maxDeletes, count, code) => {
    const there = many(count);
    expect(blockedOf([{}, { maxDeletes }], there)).toEqual(code && { code, deletes: there });
  });

  it.each([
    ['1 of 1 route', 0, 1, false],
    ['2 of 2 routes', 0, 2, true],
    ['1 of 3 routes', 2, 1, false],
    ['2 of 3 routes', 1, 2, true],
    ['2 of 4 routes', 2, 2, false],
    ['3 of 5 routes', 2, 3, true],
    ['10 of 20 routes', 10, 10, false],
    ['11 of 100 routes', 89, 11, true],
  ])('is by default the smaller of 10 and half of the routes that are ours, at least 1: %s', (_, kept, gone, held) => {
    const keep = many(kept, 30);
    const blocked = blockedOf([listing(keep)], [...keep, ...many(gone)]);
    expect(blocked?.code).toBe(held ? 'too-many-deletes' : undefined);
  });

  it('counts replaced routes as ours, but neither created routes nor those of others', () => {
    const replaced = plan(
      desired(listing(many(2, 30))),
      table([...many(2, 30).map((text) => pcx(text, 'pcx-bbbbbbbb')), ...many(2).map((text) => pcx(text))]),
      { now },
    );
    expect(replaced.blocked).toBeUndefined();
    const created = plan(desired(listing(many(9, 30))), table(many(2).map((text) => pcx(text))), { now });
    expect(created.blocked).toMatchObject({ code: 'too-many-deletes' });
    const others = many(9, 40).map((text) => actual(route(text, 'vgw-aaaaaaaa'), { origin: 'propagated' }));
    const beside = plan(desired({}), table([...others, ...many(2).map((text) => pcx(text))]), { now });
    expect(beside.blocked).toMatchObject({ code: 'too-many-deletes' });
  });

  it('does not count routes that appeared: a flood of them must not stop its own repair', () => {
    const item: Given = [{}, { maxDeletes: 1 }];
    expect(blockedOf(item, many(100), memory(arrived('appeared', ...many(100))))).toBeUndefined();
    const edited = owning(...many(2, 30));
    expect(
      blockedOf(
        [{ '10.9.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 1 }],
        [...many(100), ...many(2, 30)],
        memory({ ...arrived('appeared', ...many(100)), ...edited }),
      ),
    ).toEqual({
      code: 'too-many-deletes',
      deletes: many(2, 30),
    });
  });

  it.each(['appeared', 'unwatched'] as const)('does not grow with routes of others (%s)', (arrival) => {
    const [keep, gone] = [many(1, 40), many(2, 30)];
    const remembered = memory({ ...arrived(arrival, ...many(9)), ...owning(...gone) });
    expect(blockedOf([listing(keep)], [...keep, ...many(9), ...gone], remembered)?.code).toBe('too-many-deletes');
  });

  it('does not count deletes that wait for another reason', () => {
    const item: Given = [{ '10.9.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 1 }];
    const remembered = memory({ ...arrived('adopted', ...many(20)), ...owning('10.30.0.0/24') });
    expect(blockedOf(item, [...many(20), '10.30.0.0/24'], remembered)).toEqual({
      code: 'first-deletes',
      deletes: many(20),
    });
  });

  it('and the default route are the only reasons to hold deletes back if nothing is remembered', () => {
    expect(blockedOf([{}], ['10.20.0.0/16'])).toBeUndefined();
    expect(blockedOf([{}], ['0.0.0.0/0'])).toEqual({ code: 'default-route', deletes: ['0.0.0.0/0'] });
  });
});

describe('a delete', () => {
  const rogue = '10.20.0.0/16';

  it('waits on a first reconcile, or with the memory lost', () => {
    expect(blockedOf([{}], [rogue], memory())).toEqual({ code: 'first-deletes', deletes: [rogue] });
  });

  it('is made if the route appeared', () => {
    expect(blockedOf([{}], [rogue], memory(arrived('appeared', rogue)))).toBeUndefined();
  });

  it.each(arrivals.filter((arrival) => arrival !== 'appeared'))('waits where the route came as %s', (arrival) => {
    expect(blockedOf([{}], [rogue], memory(arrived(arrival, rogue)))).toMatchObject({ code: 'first-deletes' });
  });

  it.each<[Arrival, string]>([
    ['adopted', 'because the route was there when this table was adopted, or came soon after'],
    ['paused', 'because the route was first seen while the table was paused or stopped, or soon after'],
    ['ignored', 'because the route was under an ignore entry until the item was edited'],
  ])('names the arrival of the route: %s', (arrival, because) => {
    const { blocked } = plan(desired({}), table([pcx(rogue)]), { now, memory: memory(arrived(arrival, rogue)) });
    expect(blocked?.message).toContain(because);
  });

  it('is made if an edit removed the route', () => {
    const item: Given = [{ '10.9.0.0/16': 'pcx-aaaaaaaa' }];
    expect(blockedOf(item, [rogue], memory(owning(rogue)))).toBeUndefined();
  });

  it('waits if the edit emptied routes', () => {
    expect(blockedOf([{}], [rogue], memory(owning(rogue)))).toEqual({ code: 'last-route', deletes: [rogue] });
  });

  it('is made for our route to an instance, which EC2 shows as its interface', () => {
    const found = table([throughInstance(rogue)]);
    const ours = memory({ [rogue]: { ours: 'i-aaaaaaaa', arrival: 'listed' } });
    expect(plan(desired({ '10.9.0.0/16': 'pcx-aaaaaaaa' }), found, { now, memory: ours }).blocked).toBeUndefined();
  });

  it('waits if the removed route now has another target', () => {
    const ours = memory({ [rogue]: { ours: 'pcx-bbbbbbbb', arrival: 'listed' } });
    expect(blockedOf([{}], [rogue], ours)).toMatchObject({ code: 'first-deletes' });
  });

  it('does not wait because others do, and each waiting delete has its own code', () => {
    const remembered = memory({
      ...arrived('appeared', rogue),
      ...arrived('adopted', '10.21.0.0/16'),
      ...owning('0.0.0.0/0'),
    });
    const there = [rogue, '10.21.0.0/16', '0.0.0.0/0'].map((destination) => pcx(destination));
    expect(plan(desired({}, { maxDeletes: 9 }), table(there), { now, memory: remembered }).blocked).toMatchObject({
      code: 'first-deletes',
      deletes: [
        { destination: '0.0.0.0/0', target: 'pcx-aaaaaaaa', code: 'default-route' },
        { destination: '10.21.0.0/16', target: 'pcx-aaaaaaaa', code: 'first-deletes' },
      ],
    });
  });
});

describe('what may belong to somebody else', () => {
  const node = '10.200.7.0/24';
  const blockedAt = (
    found: ActualRoute,
    tags: Record<string, string> = {},
    remembered: Remembered = { arrival: 'appeared' },
  ) => plan(desired({}), table([found], { tags }), { now, memory: memory({ [found.spelling]: remembered }) }).blocked;
  const cluster = { 'kubernetes.io/cluster/blue': 'owned' };

  it.each<[string, ActualRoute, Record<string, string>]>([
    ["another account's interface", throughInstance(node, { owner: otherOwnerId }), {}],
    [
      "a service's interface, which has no instance",
      actual(route(node, 'eni-aaaaaaaa'), { instance: { ownerId: 'amazon-aws' } }),
      {},
    ],
    ['a detached interface', actual(route(node, 'eni-aaaaaaaa'), { state: 'blackhole' }), {}],
    ['an instance that is gone', actual(route(node, 'i-aaaaaaaa'), { state: 'blackhole' }), {}],
    ['an interface in a table of Kubernetes', actual(route(node, 'eni-aaaaaaaa')), cluster],
    [
      'an interface in a table of an old Kubernetes',
      actual(route(node, 'eni-aaaaaaaa')),
      { KubernetesCluster: 'blue' },
    ],
    ['an interface in a table of FSx', actual(route(node, 'eni-aaaaaaaa')), { AmazonFSx: 'ManagedByAmazonFSx' }],
    ['an ODB network', actual(route(node, odbNetwork)), {}],
  ])('needs approval even if it appeared: %s', (_, found, tags) => {
    expect(blockedAt(found, tags)).toMatchObject({
      code: 'maybe-not-ours',
      deletes: [{ destination: node, code: 'maybe-not-ours' }],
    });
  });

  it.each(['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '203.0.113.0/24', '::/0', '2000::/3'])(
    'is not protected on the public destination %s',
    (destination) => {
      expect(blockedAt(actual(route(destination, 'eni-aaaaaaaa')), cluster)).toBeUndefined();
    },
  );

  it.each([
    '10.0.0.0/8',
    '172.31.0.0/16',
    '192.168.1.0/24',
    '100.64.0.0/16',
    '198.19.255.1/32',
    'fd00:1::/64',
    'pl-aaaaaaaa',
  ])('is protected on the private destination %s', (destination) => {
    expect(blockedAt(actual(route(destination, 'eni-aaaaaaaa')), cluster)?.code).toBe('maybe-not-ours');
  });

  it("is protected inside the VPC's own blocks, public ones too", () => {
    const found = actual(route('203.0.113.0/28', 'eni-aaaaaaaa'));
    const inVpc = table([found, local('203.0.113.0/24')], { tags: cluster });
    const remembered = memory(arrived('appeared', '203.0.113.0/28'));
    expect(plan(desired({}), inVpc, { now, memory: remembered }).blocked?.code).toBe('maybe-not-ours');
  });

  it('does not include an own interface in use, in a table without such a tag', () => {
    expect(blockedAt(throughInstance(node))).toBeUndefined();
    expect(blockedAt(pcx(node), cluster)).toBeUndefined();
  });

  it('waits without a memory, too', () => {
    expect(
      plan(desired({}), table([actual(route(node, 'eni-aaaaaaaa'))], { tags: cluster }), { now }).blocked?.code,
    ).toBe('maybe-not-ours');
  });

  it('says why, who made it, and how to ignore it with its siblings', () => {
    const drift = {
      action: 'delete',
      destination: node,
      foundAt: now.toISOString(),
      cause: {
        id: '1',
        name: 'CreateRoute',
        time: now.toISOString(),
        actor: { arn: 'arn:aws:iam::111122223333:user/alice' },
      },
    } as const;
    const { message } =
      blockedAt(actual(route(node, 'eni-aaaaaaaa')), cluster, { arrival: 'appeared', drift: [drift] }) ?? {};
    expect(message).toContain('10.200.7.0/24 leads to an interface in a table tagged kubernetes.io/cluster/blue');
    expect(message).toContain('arn:aws:iam::111122223333:user/alice made it');
    expect(message).toContain('{"destination":"10.200.0.0/16","target":"eni-*","reason":"…"}');
  });
});

describe.each(['0.0.0.0/0', '::/0'])('a delete of the default route %s', (everything) => {
  it('is deleted if it appeared', () => {
    expect(blockedOf([{}], [everything], memory(arrived('appeared', everything)))).toBeUndefined();
  });

  it('waits if an edit removed it', () => {
    expect(blockedOf([{}], [everything], memory(owning(everything)))).toEqual({
      code: 'default-route',
      deletes: [everything],
    });
  });

  it('waits on a first reconcile', () => {
    expect(blockedOf([{}], [everything], memory())).toEqual({ code: 'first-deletes', deletes: [everything] });
  });
});

describe('an approval', () => {
  const there = ['10.20.0.0/16', '10.21.0.0/16'];
  const given: Given = [{}, { maxDeletes: 9 }];
  const named = listing(there);
  const blockedUnder = (
    under: DesiredTable,
    destinations: readonly string[],
    remembered = memory(),
  ): readonly string[] =>
    plan(under, table(destinations.map((destination) => pcx(destination))), {
      now,
      memory: remembered,
    }).blocked?.deletes.map(({ destination }) => destination) ?? [];

  it('permits each of its deletes, whatever else waits', () => {
    const item = desired(...given);
    expect(blockedUnder(approving(item, named), there)).toEqual([]);
    expect(blockedUnder(approving(item, named), there.slice(1))).toEqual([]);
    expect(blockedUnder(approving(item, named), [...there, '10.22.0.0/16'])).toEqual(['10.22.0.0/16']);
  });

  it('covers deletes that do not count towards maxDeletes', () => {
    const item = desired({ '10.9.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 1 });
    const earned = memory(owning('10.22.0.0/16', '10.23.0.0/16'));
    expect(blockedUnder(approving(item, named), [...there, '10.22.0.0/16'], earned)).toEqual([]);
    expect(blockedUnder(approving(item, named), [...there, '10.22.0.0/16', '10.23.0.0/16'], earned)).toEqual([
      '10.22.0.0/16',
      '10.23.0.0/16',
    ]);
  });

  it('covers the delete of a default route', () => {
    const item = approving(desired(...given), { '0.0.0.0/0': 'pcx-aaaaaaaa' });
    expect(blockedUnder(item, ['0.0.0.0/0'], memory(owning('0.0.0.0/0')))).toEqual([]);
  });

  it('covers a route by either name of its target', () => {
    const item = approving(desired(...given), { '10.20.0.0/16': 'i-aaaaaaaa' });
    const found = table([throughInstance('10.20.0.0/16')]);
    expect(plan(item, found, { now, memory: memory() }).blocked).toBeUndefined();
  });

  it('is valid without a memory, as in routectl reconcile', () => {
    const item = approving(desired({}, { maxDeletes: 0 }), named);
    expect(plan(item, table(there.map((text) => pcx(text))), { now }).blocked).toBeUndefined();
  });

  it.each<[string, Partial<Approval>]>([
    ['for other targets', { routes: there.map((destination) => ({ destination, target: 'pcx-bbbbbbbb' })) }],
    ['for other destinations', { routes: [{ destination: '10.0.0.0/8', target: 'pcx-aaaaaaaa' }] }],
    ['for nothing', { routes: [] }],
    ['that has ended', { until: now }],
    ['of an item that was edited since', { desiredHash: desiredHash(desired({}, { maxDeletes: 8 })) }],
  ])('%s permits no delete', (_, more) => {
    expect(blockedUnder(approving(desired(...given), named, more), there)).toEqual(there);
  });

  it('permits no delete for which it is spent, and every delete if another approval is remembered', () => {
    const item = approving(desired(...given), named);
    const left = {
      at: now.toISOString(),
      by: 'alice',
      routes: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }],
    };
    expect(blockedUnder(item, there, memory({}, { approval: left }))).toEqual(['10.21.0.0/16']);
    expect(blockedUnder(item, there, memory({}, { approval: { ...left, by: 'bob' } }))).toEqual([]);
    expect(
      blockedUnder(item, there, memory({}, { approval: { ...left, at: minutesAfter(-1).toISOString() } })),
    ).toEqual([]);
  });
});

describe('permitted', () => {
  it('holds back only the blocked deletes: replaces, creates and other deletes go on', () => {
    const found = table([pcx('10.20.0.0/16', 'pcx-bbbbbbbb'), pcx('10.21.0.0/16'), pcx('10.22.0.0/16')]);
    const given = desired({ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.23.0.0/16': 'pcx-aaaaaaaa' }, { maxDeletes: 9 });
    const planned = plan(given, found, { now, memory: memory(owning('10.22.0.0/16')) });
    expect(planned.blocked && destinationsOf(planned.blocked)).toEqual(['10.21.0.0/16']);
    expect(permitted(planned)).toEqual(
      planned.changes.filter(
        (change) =>
          !(change.action === 'delete' && 'cidr' in change.destination && change.destination.cidr === '10.21.0.0/16'),
      ),
    );
    expect(permitted(planned)).toHaveLength(3);
  });

  it('holds back no replace and no create where only a delete waits elsewhere', () => {
    const at = route('10.20.0.0/16', 'pcx-aaaaaaaa');
    const changes = [
      { action: 'replace', destination: at.destination, from: pcx('10.20.0.0/16', 'pcx-bbbbbbbb'), to: at.target },
      { action: 'create', destination: at.destination, to: at.target },
    ] as const;
    const deletes = [{ destination: '10.21.0.0/16', target: 'pcx-aaaaaaaa', code: 'first-deletes' }] as const;
    const blocked = { code: 'first-deletes', message: '', deletes } as const;
    expect(permitted({ changes, blocked })).toEqual(changes);
  });

  it('holds back the replaces that the fleet brake holds back, and no create', () => {
    const at = route('10.20.0.0/16', 'pcx-aaaaaaaa');
    const replace = {
      action: 'replace',
      destination: at.destination,
      from: pcx('10.20.0.0/16', 'pcx-bbbbbbbb'),
      to: at.target,
    } as const;
    const create = { action: 'create', destination: at.destination, to: at.target } as const;
    const replaces = [{ destination: '10.20.0.0/16', target: 'pcx-bbbbbbbb', code: 'fleet-edit' }] as const;
    const blocked = { code: 'fleet-edit', message: '', deletes: [], replaces } as const;
    expect(permitted({ changes: [replace, create], blocked })).toEqual([create]);
  });

  it('is everything if nothing is blocked', () => {
    const planned = plan(desired({}), table([pcx('10.20.0.0/16')]), { now });
    expect(permitted(planned)).toEqual(planned.changes);
  });
});
