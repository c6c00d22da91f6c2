import { describe, expect, it } from 'vitest';
import { type desired, actual, local, otherOwnerId, route, throughInstance } from '../../../support/builders.ts';
import { at, destination, listed, other, via } from './given.ts';
import { Story, added, inSyncStory } from './story.ts';

type Item = Parameters<typeof desired>;

const rogue = '10.99.0.0/16';
const inAnHour = at(60);

describe('on a first reconcile', () => {
  it('nothing is deleted, and what is listed is repaired', () => {
    const unlisted = [via('10.98.0.0/16'), via(rogue)];
    const story = new Story([listed[0], { maxDeletes: 5 }], [via(destination, 'pcx-bbbbbbbb'), ...unlisted]);
    const all = [destination, '10.98.0.0/16', rogue];
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: all });
    expect(story.reconcile()).toMatchObject({ unchanged: 1, blocked: { deletes: ['10.98.0.0/16', rogue] } });
  });
});

describe('a route that appears', () => {
  it('in a table known to be in sync goes at once, a default route too', () => {
    const story = inSyncStory(listed);
    for (const appeared of [rogue, '0.0.0.0/0'])
      expect(story.drift(added(via(appeared))).outcome).toEqual({ blocked: undefined, routes: [destination] });
  });

  it.each<[string, Item[1]]>([
    ['is observed', { mode: 'observe' }],
    ['is paused', { paused: { reason: 'maintenance' } }],
    ['keeps unlisted routes', { unlisted: 'keep' }],
    ['is managed elsewhere only', { scope: [destination] }],
    ['ignores it', { ignore: [{ destination: rogue, reason: 'x' }] }],
    ['ignores it for an hour', { ignore: [{ destination: rogue, reason: 'x', until: inAnHour }] }],
  ])('while the table %s waits for a person', (_, fields) => {
    const story = inSyncStory(listed)
      .edit(listed[0], fields)
      .drift(added(via(rogue)));
    story.reconcile();
    story.later(61);
    if (!JSON.stringify(fields).includes(inAnHour)) story.edit(...listed);
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: [destination, rogue] });
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
  });

  it('while deletes wait, waits too, until the table is in sync again', () => {
    const story = inSyncStory([listed[0], { maxDeletes: 0 }]).drift(added(via(rogue)));
    expect(story.outcome).toMatchObject({ blocked: 'too-many-deletes' });
    expect(story.edit(listed[0], { maxDeletes: 9 }).outcome).toMatchObject({ blocked: 'first-deletes' });
    story.drift((routes) => routes.slice(0, 1)).reconcile();
    expect(story.drift(added(via(rogue))).outcome).toEqual({ blocked: undefined, routes: [destination] });
  });
});

describe('a route that an edit removes', () => {
  it('goes at once, also when the policy is edited with it', () => {
    expect(inSyncStory(listed).edit({}).outcome).toEqual({ blocked: undefined, routes: [] });
    const story = new Story(listed, [via(destination), via(rogue)]);
    story.reconcile();
    expect(story.edit({}, { unlisted: 'keep' }).outcome).toEqual({ blocked: undefined, routes: [rogue] });
  });

  it('and leaves to others for a time waits for a person afterwards', () => {
    const story = inSyncStory([{ ...listed[0], [other]: 'pcx-aaaaaaaa' }]);
    story.edit({ [other]: 'pcx-aaaaaaaa' }, { ignore: [{ destination, reason: 'x', until: inAnHour }] });
    expect(story.reconcile().inSync).toBe(true);
    expect(story.later(61).outcome).toEqual({ blocked: 'first-deletes', routes: [destination, other] });
  });

  it('waits if it is a default route, and later edits do not lift that', () => {
    const both: Item[0] = { '0.0.0.0/0': 'nat-aaaaaaaa', ...listed[0] };
    const waiting = { blocked: 'default-route', routes: ['0.0.0.0/0', destination] };
    const story = inSyncStory([both]).edit(...listed);
    expect(story.outcome).toEqual(waiting);
    expect(story.edit(listed[0], { maxDeletes: 8 }).outcome).toEqual(waiting);
    expect(story.edit(listed[0], { mode: 'observe' }).outcome.routes).toEqual(waiting.routes);
    expect(story.edit(...listed).outcome).toEqual(waiting);
    expect(story.edit(both).reconcile().inSync).toBe(true);
  });

  it('waits if it is a default route that others moved meanwhile', () => {
    const story = inSyncStory([{ '0.0.0.0/0': 'nat-aaaaaaaa' }]);
    story.edit({}).drift(() => [via('0.0.0.0/0', 'igw-aaaaaaaa')]);
    expect(story.outcome).toEqual({ blocked: 'default-route', routes: ['0.0.0.0/0'] });
    expect(story.outcome).toMatchObject({ blocked: expect.any(String), routes: ['0.0.0.0/0'] });
  });
});

describe('a route that others keep', () => {
  it('waits for a person when the tag is lost that names its keeper', () => {
    const story = new Story(listed, [via(rogue, 'eni-aaaaaaaa')]).tagged({ 'kubernetes.io/cluster/blue': 'owned' });
    story.reconcile();
    expect(story.reconcile().inSync).toBe(true);
    for (let reconciles = 0; reconciles < 2; reconciles++)
      expect(story.tagged({}).outcome).toEqual({ blocked: 'first-deletes', routes: [destination, rogue] });
  });

  it('waits for a person when its interface was detached and comes back', () => {
    const detached = actual(route(rogue, 'eni-aaaaaaaa'), { state: 'blackhole' });
    const story = new Story(listed, [detached]);
    story.reconcile();
    expect(story.reconcile().inSync).toBe(true);
    story.drift((routes) => routes.map((one) => ({ ...one, state: 'active' as const })));
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
  });

  it('stays while its owner in another account moves the interface', () => {
    const foreign = throughInstance(destination, { owner: otherOwnerId });
    const story = new Story([{}], [foreign]);
    story.reconcile();
    const { instance: _, ...detached } = foreign;
    for (const shown of [detached, { ...detached, state: 'blackhole' as const }, throughInstance(destination)])
      expect(story.drift(() => [shown]).reconcile()).toMatchObject({
        changes: [],
        leftAlone: [{ reason: 'foreign-eni' }],
      });
  });
});

it('an override of a local route that left the item is reported, and never deleted', () => {
  const overriding = [{ destination, target: 'nat-aaaaaaaa', overrideLocal: true }];
  const story = new Story([{}, { routes: overriding }], [local(destination)]);
  story.reconcile();
  expect(story.reconcile()).toMatchObject({ inSync: true, unchanged: 1 });
  story.edit({});
  for (const origin of ['with-table', 'created'] as const) {
    story.drift((routes) => routes.map((one) => ({ ...one, origin })));
    expect(story.reconcile()).toMatchObject({
      inSync: false,
      changes: [],
      findings: [{ code: 'local-override-left', destination, target: 'nat-aaaaaaaa' }],
    });
  }
  story.edit({ [destination]: 'local' });
  expect(story.reconcile()).toMatchObject({ changes: [{ action: 'replace', to: { kind: 'local' } }] });
  expect(story.edit({}).reconcile()).toMatchObject({ inSync: true, findings: [] });
});

describe('an approved delete', () => {
  const there = [via('10.97.0.0/16'), via('10.98.0.0/16')];
  const approved = there.map(({ spelling }) => ({ destination: spelling, target: 'pcx-aaaaaaaa' }));
  const waiting = { blocked: 'first-deletes', routes: ['10.97.0.0/16', '10.98.0.0/16'] };
  const approvedStory = (): Story => {
    const story = new Story([{}, { maxDeletes: 9 }], there);
    expect(story.outcome).toEqual(waiting);
    return story.approve(...approved);
  };

  it('goes', () => {
    expect(approvedStory().outcome).toEqual({ blocked: undefined, routes: [] });
  });

  it('goes also when another was made by somebody else meanwhile', () => {
    expect(approvedStory().drift(() => there.slice(1)).outcome).toEqual({ blocked: undefined, routes: [] });
  });

  it('goes whatever else waits', () => {
    const story = approvedStory().drift(added(via(rogue)));
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: [rogue] });
  });

  it('goes once: the same route made anew waits', () => {
    const story = approvedStory();
    story.reconcile();
    expect(story.drift(added(...there)).outcome).toEqual(waiting);
  });

  it('does not go any more once a read did not show its route', () => {
    const story = approvedStory().drift(() => [via(rogue)]);
    story.reconcile();
    expect(story.drift(() => there).outcome).toEqual(waiting);
  });

  it('does not go with another target', () => {
    const story = approvedStory().drift(() => there.map(({ spelling }) => via(spelling, 'tgw-aaaaaaaa')));
    expect(story.outcome).toEqual(waiting);
  });

  it('does not go after an edit, nor after 24 hours', () => {
    expect(approvedStory().edit({}, { maxDeletes: 8 }).outcome).toEqual(waiting);
    expect(approvedStory().later(24 * 60).outcome).toEqual(waiting);
  });
});
