import { describe, expect, it } from 'vitest';
import { policyHash } from '../../../../reconciler/core/desired/hashes.ts';
import type { Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { type Made, rememberRead, withApprovalSpent } from '../../../../reconciler/core/status/remember.ts';
import {
  actual,
  desired,
  local,
  now,
  otherOwnerId,
  propagated,
  route,
  table,
  throughInstance,
} from '../../../support/builders.ts';
import { at, destination, listed, memory, other, via } from './given.ts';

type Item = Parameters<typeof desired>;

/** What is remembered after one read. */
function read(item: Item, routes: readonly ActualRoute[], before: Memory = memory(), made: readonly Made[] = []) {
  const [wanted, found] = [desired(...item), table(routes)];
  const planned = plan(wanted, found, { now, memory: before });
  return rememberRead(before, { desired: wanted, actual: found, plan: planned, now }, made);
}

/** What is remembered of one destination after one read. */
const slot = (item: Item, routes: readonly ActualRoute[], before: Remembered = {}, made: readonly Made[] = []) =>
  read(item, routes, memory({ [destination]: before }), made).destinations.get(destination) ?? {};

const moved = via(destination, 'pcx-bbbbbbbb');
const inAnHour = at(60);
const policy = (item: Item): string => policyHash(desired(...item), now);

describe('a table is clean', () => {
  it.each<[string, Item, readonly ActualRoute[], boolean]>([
    ['once a read shows it in sync', listed, [via(destination)], true],
    ['not while a change is left', listed, [], false],
    ['not while others hold a listed destination', listed, [local(destination)], false],
    ['not in mode observe', [{}, { mode: 'observe' }], [], false],
    ['not while it is paused', [{}, { paused: { reason: 'x' } }], [], false],
    ['once its pause has ended', [{}, { paused: { reason: 'x', until: now.toISOString() } }], [], true],
  ])('%s', (_, item, routes, isClean) => {
    expect(read(item, routes).cleanPolicy).toBe(isClean ? policy(item) : undefined);
  });

  it('while drift is repaired under the same policy', () => {
    const before = memory({}, { cleanPolicy: policy(listed) });
    for (const routes of [[], [via(destination), via(other)]])
      expect(read(listed, routes, before).cleanPolicy).toBe(policy(listed));
  });

  it('until a delete waits', () => {
    const item: Item = [{}, { maxDeletes: 0 }];
    const before = memory({}, { cleanPolicy: policy(item) });
    expect(read(item, [via(destination)], before).cleanPolicy).toBeUndefined();
  });

  it('until the policy changes, unless it is in sync under the new one', () => {
    const before = memory({}, { cleanPolicy: policy(listed) });
    const keeping: Item = [listed[0], { unlisted: 'keep' }];
    expect(read(keeping, [], before).cleanPolicy).toBeUndefined();
    expect(read(keeping, [via(destination)], before).cleanPolicy).toBe(policy(keeping));
  });
});

describe('a route is listed', () => {
  it('while the item lists it, whatever is there', () => {
    expect(slot(listed, [])).toEqual({ listed: true });
    expect(slot([{}], [via(destination)], { listed: true })).toEqual({});
  });
});

describe('a route is ours', () => {
  const ours = { ours: 'pcx-aaaaaaaa' };
  const { destination: at, target: to } = route(destination, 'pcx-aaaaaaaa');
  const create = (isCertain: boolean): Made[] => [{ change: { action: 'create', destination: at, to }, isCertain }];

  it('once it is listed and as desired, under the name that the item gives its target', () => {
    expect(slot(listed, [via(destination)]).ours).toBe('pcx-aaaaaaaa');
    expect(slot([{ [destination]: 'i-aaaaaaaa' }], [throughInstance(destination)]).ours).toBe('i-aaaaaaaa');
  });

  it('once EC2 confirmed our write, whatever the read before it showed', () => {
    expect(slot(listed, [], {}, create(true)).ours).toBe('pcx-aaaaaaaa');
    expect(slot(listed, [moved], {}, create(true)).ours).toBe('pcx-aaaaaaaa');
    expect(slot(listed, [], {}, create(false)).ours).toBeUndefined();
  });

  it.each<[string, Item, readonly ActualRoute[]]>([
    ['only listed', listed, []],
    ['listed with another target', listed, [moved]],
    ['only there', [{}], [via(destination)]],
    ['local', [{ [destination]: 'local' }], [local(destination)]],
    ['propagated', [{ [destination]: 'vgw-aaaaaaaa' }], [propagated(destination)]],
  ])('not while it is %s', (_, item, routes) => {
    expect(slot(item, routes).ours).toBeUndefined();
  });

  it('while it is listed, also with a target that somebody gave it', () => {
    expect(slot(listed, [moved], ours).ours).toBe('pcx-aaaaaaaa');
  });

  it('while it is suspended', () => {
    const item: Item = [listed[0], { ignore: [{ destination, reason: 'x', until: inAnHour }] }];
    expect(slot(item, [via(destination, 'eni-aaaaaaaa')], ours).ours).toBe('pcx-aaaaaaaa');
  });

  it('after it left the item, while it keeps its target', () => {
    expect(slot([{}], [via(destination)], ours).ours).toBe('pcx-aaaaaaaa');
    expect(slot([{}], [throughInstance(destination)], { ours: 'i-aaaaaaaa' }).ours).toBe('i-aaaaaaaa');
  });

  it('no longer once EC2 confirmed our delete: whoever makes it again makes another route', () => {
    const change = { action: 'delete', destination: at, from: via(destination) } as const;
    expect(slot([{}], [via(destination)], ours, [{ change, isCertain: true }]).ours).toBeUndefined();
    expect(slot([{}], [via(destination)], ours, [{ change, isCertain: false }]).ours).toBe('pcx-aaaaaaaa');
  });

  it.each<[string, Item, readonly ActualRoute[]]>([
    ['it is gone', listed, []],
    ['it is gone and not listed', [{}], []],
    ['it left the item and has another target', [{}], [moved]],
    ['only a propagated route is left', [{}], [propagated(destination, 'vgw-aaaaaaaa')]],
    ['the item ignores it', [{}, { ignore: [{ target: 'pcx-*', reason: 'x' }] }], [via(destination)]],
    ['it is out of scope', [{}, { scope: ['10.0.0.0/16'] }], [via(destination)]],
  ])('no longer once %s', (_, item, routes) => {
    expect(slot(item, routes, ours).ours).toBeUndefined();
  });
});

describe('an override of a local route', () => {
  const item: Item = [{}, { routes: [{ destination, target: 'nat-aaaaaaaa', overrideLocal: true }] }];
  const override = actual(route(destination, 'nat-aaaaaaaa'), { origin: 'with-table' });
  const created = { ...override, origin: 'created' as const };
  const isOverride = { ours: 'nat-aaaaaaaa', overrodeLocal: true } as const;

  const replacing = (from: ActualRoute, target: string): Made[] => {
    const { destination: at, target: to } = route(destination, target);
    return [{ change: { action: 'replace', destination: at, from, to }, isCertain: true }];
  };

  it('is remembered when we write it, and when it is seen as desired', () => {
    const made = replacing(local(destination), 'nat-aaaaaaaa');
    expect(slot(item, [local(destination)], {}, made)).toMatchObject(isOverride);
    expect(slot(item, [override])).toMatchObject(isOverride);
  });

  it('is remembered whatever origin EC2 shows after a replace', () => {
    expect(slot(item, [created], isOverride)).toMatchObject(isOverride);
    expect(slot([{}], [created], isOverride)).toMatchObject(isOverride);
    const drifted = { ...created, target: route(destination, 'eni-aaaaaaaa').target };
    expect(slot(item, [drifted], isOverride, replacing(drifted, 'nat-aaaaaaaa'))).toMatchObject(isOverride);
  });

  it('is not what an ordinary route is', () => {
    expect(slot(listed, [via(destination)])).not.toHaveProperty('overrodeLocal');
  });

  it('is forgotten once the local route is back', () => {
    const reset = replacing(override, 'local');
    expect(slot([{ [destination]: 'local' }], [override], isOverride, reset)).not.toHaveProperty('ours');
    expect(slot([{}], [local(destination)], isOverride)).toEqual({ spared: true });
  });
});

describe('a slot is foreign', () => {
  const foreign = throughInstance(destination, { owner: otherOwnerId });

  it('once a read shows an interface of another account there', () => {
    expect(slot([{}], [foreign]).foreign).toBe(true);
    const service = actual(route(destination, 'eni-aaaaaaaa'), { instance: { ownerId: 'amazon-aws' } });
    expect(slot([{}], [service]).foreign).toBe(true);
    expect(slot([{}], [throughInstance(destination)]).foreign).toBeUndefined();
  });

  it('while it shows something else, and while it is empty', () => {
    for (const routes of [[via(destination, 'eni-aaaaaaaa')], [moved], []])
      expect(slot(listed, routes, { foreign: true }).foreign).toBe(true);
  });

  it('until it is listed and as desired', () => {
    expect(slot(listed, [via(destination)], { foreign: true }).foreign).toBeUndefined();
    expect(slot([{ [destination]: 'eni-aaaaaaaa' }], [foreign], { foreign: true }).foreign).toBeUndefined();
  });

  it('not because of an advertised route beside it', () => {
    const advertised = { ...foreign, origin: 'advertised' as const };
    expect(slot(listed, [via(destination), advertised]).foreign).toBeUndefined();
    expect(slot(listed, [advertised, via(destination)]).foreign).toBeUndefined();
  });
});

describe('a static route is spared', () => {
  it('while it is left alone, for what it is or because the item says so', () => {
    const routes = [
      local('10.0.0.0/16'),
      propagated('10.1.0.0/16'),
      actual(route('pl-aaaaaaaa', 'vpce-aaaaaaaa')),
      actual(route('10.3.0.0/16', 'pcx-aaaaaaaa'), { state: 'unknown' }),
      actual(route('10.4.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' }),
      via('10.5.0.0/16', 'tgw-aaaaaaaa'),
      via(destination),
      via('10.99.0.0/16'),
    ];
    const item: Item = [listed[0], { ignore: [{ target: 'tgw-*', reason: 'x' }] }];
    const spared = [...read(item, routes).destinations].filter(([, { spared }]) => spared).map(([key]) => key);
    expect(spared.toSorted()).toEqual(['10.0.0.0/16', '10.3.0.0/16', '10.4.0.0/16', '10.5.0.0/16', 'pl-aaaaaaaa']);
  });

  it('no longer once it is ours to change', () => {
    expect(slot([{}], [via(destination)], { spared: true })).toEqual({});
  });
});

describe('an approval that stands where nothing can be compared', () => {
  const routes = [{ destination, target: 'pcx-aaaaaaaa' }];
  const approval = { routes, at: at(0), by: 'alice', until: new Date(inAnHour), desiredHash: 'b1946ac92492' };

  it('counts as spent', () => {
    const spent = { at: at(0), by: 'alice', routes: [] };
    expect(withApprovalSpent(memory(), { approval })).toEqual(memory({}, { approval: spent }));
  });

  it('is not made up where there is none', () => {
    expect(withApprovalSpent(memory(), {})).toEqual(memory());
  });
});
