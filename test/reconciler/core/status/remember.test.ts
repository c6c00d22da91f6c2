import { describe, expect, it } from 'vitest';
import type { Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import { known } from '../../../../reconciler/core/route/known.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { type Made, rememberRead, withApprovalSpent } from '../../../../reconciler/core/status/remember.ts';
import { actual, desired, local, now, propagated, route, table, throughInstance } from '../../../support/builders.ts';
import { at, destination, listed, memory, via } from './given.ts';

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
const asEc2MadeIt = { target: 'local', leftAlone: 'local' };

describe('a route is listed', () => {
  it('while the item lists it, whatever the table contains', () => {
    expect(slot(listed, [])).toEqual({ listed: true, inForce: 'pcx-aaaaaaaa' });
    expect(slot([{}], [via(destination)], { listed: true })).toEqual({ seen: { target: 'pcx-aaaaaaaa' } });
  });
});

describe('the target in force is', () => {
  const { destination: at, target: to } = route(destination, 'pcx-aaaaaaaa');

  it.each<[string, readonly ActualRoute[]]>([
    ['that of a route that is as listed', [via(destination)]],
    ['the listed one where there is no route: its create never waits', []],
  ])('%s', (_, routes) => {
    expect(slot(listed, routes).inForce).toBe('pcx-aaaaaaaa');
  });

  it('the listed one where others made a route since a read showed none', () => {
    const was = { inForce: 'tgw-aaaaaaaa' };
    expect(slot(listed, [moved], was).inForce).toBe('pcx-aaaaaaaa');
    expect(slot(listed, [moved], { ...was, seen: { target: 'tgw-aaaaaaaa' } }).inForce).toBe('tgw-aaaaaaaa');
  });

  it('the one that EC2 confirmed we gave the route, and not one whose answer was lost', () => {
    const replace = (isCertain: boolean): Made[] => [
      { change: { action: 'replace', destination: at, from: moved, to }, isCertain },
    ];
    expect(slot(listed, [moved], { inForce: 'tgw-aaaaaaaa' }, replace(true)).inForce).toBe('pcx-aaaaaaaa');
    const was = { inForce: 'tgw-aaaaaaaa', seen: { target: 'tgw-aaaaaaaa' } };
    expect(slot(listed, [moved], was, replace(false)).inForce).toBe('tgw-aaaaaaaa');
  });

  it('the alternate that the route has', () => {
    const wanted = desired({ [destination]: 'pcx-aaaaaaaa' });
    const alternate = route(destination, 'pcx-bbbbbbbb').target;
    const routes = wanted.routes.map((one) => ({ ...one, alternates: [alternate] }));
    const found = table([moved]);
    const item = { ...wanted, routes };
    const planned = plan(item, found, { now, memory: memory({}) });
    const after = rememberRead(memory({}), { desired: item, actual: found, plan: planned, now }, []);
    expect(after.destinations.get(destination)?.inForce).toBe('pcx-bbbbbbbb');
  });

  it('unknown in mode observe, and where the route never was as listed', () => {
    const observed = slot([{ [destination]: 'pcx-aaaaaaaa' }, { mode: 'observe' }], [via(destination)], {
      inForce: 'pcx-aaaaaaaa',
    });
    expect(observed.inForce).toBeUndefined();
    expect(slot(listed, [moved]).inForce).toBeUndefined();
    expect(slot([{}], [via(destination)], { inForce: 'pcx-aaaaaaaa' }).inForce).toBeUndefined();
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

  it('while it is listed, even with a target that somebody else set', () => {
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

  it('no longer once EC2 confirmed our delete: if it is created again, it is another route', () => {
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

  it('does not include ordinary routes', () => {
    expect(slot(listed, [via(destination)])).not.toHaveProperty('overrodeLocal');
  });

  it('is forgotten once the local route is back', () => {
    const reset = replacing(override, 'local');
    expect(slot([{ [destination]: 'local' }], [override], isOverride, reset)).not.toHaveProperty('ours');
    expect(slot([{}], [local(destination)], isOverride)).toEqual({ seen: asEc2MadeIt, wasLocal: true });
  });
});

describe('what a read showed is remembered', () => {
  const { destination: at, target: to } = route(destination, 'i-aaaaaaaa');
  const written: Made[] = [{ change: { action: 'create', destination: at, to }, isCertain: true }];

  it('for as long as the route is there', () => {
    expect(slot(listed, [moved]).seen).toEqual({ target: 'pcx-bbbbbbbb' });
    expect(slot(listed, [], { seen: { target: 'pcx-bbbbbbbb' } })).not.toHaveProperty('seen');
    const deleted: Made[] = [{ change: { action: 'delete', destination: at, from: moved }, isCertain: true }];
    expect(slot([{}], [moved], {}, deleted)).not.toHaveProperty('seen');
  });

  it('with the target that we wrote, though EC2 shows an instance by its interface', () => {
    const wrote = slot(listed, [], {}, written).seen;
    expect(wrote).toEqual({ target: 'i-aaaaaaaa' });
    expect(slot(listed, [throughInstance(destination)], known({ seen: wrote })).seen?.target).toBe('i-aaaaaaaa');
    expect(slot(listed, [throughInstance(destination)]).seen?.target).toMatch(/^eni-/);
  });

  it('with the reason why it is left alone, unless it is an ignored route that takes no listed traffic', () => {
    const ignore = [{ target: 'pcx-*', reason: 'theirs' }];
    const inside: Item = [{ '10.0.0.0/8': 'tgw-aaaaaaaa' }, { ignore }];
    expect(slot([{ '0.0.0.0/0': 'igw-aaaaaaaa' }, { ignore }], [moved]).seen).toEqual({ target: 'pcx-bbbbbbbb' });
    expect(slot(inside, [moved]).seen).toMatchObject({ leftAlone: 'ignored', takesTraffic: true });
  });
});

describe('a destination was seen as listed', () => {
  const { destination: at, target: to } = route(destination, 'pcx-aaaaaaaa');

  it('once a read shows the listed target there, while it is listed', () => {
    expect(slot(listed, [via(destination)]).seenAsListed).toBe(true);
    expect(slot(listed, [moved], { seenAsListed: true }).seenAsListed).toBe(true);
    expect(slot(listed, [], { seenAsListed: true }).seenAsListed).toBe(true);
    expect(slot([{}], [via(destination)], { seenAsListed: true }).seenAsListed).toBeUndefined();
  });

  it('once EC2 confirmed our write', () => {
    expect(
      slot(listed, [], {}, [{ change: { action: 'create', destination: at, to }, isCertain: true }]).seenAsListed,
    ).toBe(true);
    expect(
      slot(listed, [], {}, [{ change: { action: 'create', destination: at, to }, isCertain: false }]).seenAsListed,
    ).toBeUndefined();
  });

  it('not while something else is there', () => {
    expect(slot(listed, [moved]).seenAsListed).toBeUndefined();
  });
});

describe('the local route is remembered', () => {
  const retargeted = actual(route(destination, 'eni-aaaaaaaa'), { origin: 'with-table' });

  it('once a read shows it as EC2 made it, and while somebody else retargets it', () => {
    expect(slot([{}], [local(destination)])).toEqual({ seen: asEc2MadeIt, wasLocal: true });
    expect(slot([{}], [retargeted], { wasLocal: true }).wasLocal).toBe(true);
    expect(slot([{}], [{ ...retargeted, origin: 'created' }], { wasLocal: true }).wasLocal).toBe(true);
  });

  it.each<[string, Item, readonly ActualRoute[]]>([['it was overridden before', [{}], [retargeted]]])(
    'not if %s',
    (_, item, routes) => {
      expect(slot(item, routes).wasLocal).toBeUndefined();
    },
  );

  it.each<[string, Item, readonly ActualRoute[]]>([
    ['it is gone', [{}], []],
    [
      'an item overrides it',
      [{}, { routes: [{ destination, target: 'nat-aaaaaaaa', overrideLocal: true }] }],
      [retargeted],
    ],
    ['the item ignores it', [{}, { ignore: [{ destination, reason: 'x' }] }], [retargeted]],
    ['it is out of scope', [{}, { scope: ['10.0.0.0/16'] }], [retargeted]],
  ])('until %s', (_, item, routes) => {
    expect(slot(item, routes, { wasLocal: true }).wasLocal).toBeUndefined();
  });
});

describe('an approval that is found without a memory to compare it with', () => {
  const routes = [{ destination, target: 'pcx-aaaaaaaa' }];
  const approval = { routes, at: at(0), by: 'alice', until: new Date(inAnHour), desiredHash: 'b1946ac92492' };

  it('counts as spent', () => {
    const spent = { at: at(0), by: 'alice', routes: [] };
    expect(withApprovalSpent(memory(), { approval })).toEqual(memory({}, { approval: spent }));
  });

  it('is not remembered if there is none', () => {
    expect(withApprovalSpent(memory(), {})).toEqual(memory());
  });
});
