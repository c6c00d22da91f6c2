import { describe, expect, it } from 'vitest';
import { type desired, actual, local, otherOwnerId, route, throughInstance } from '../../../support/builders.ts';
import { targetText } from '../../../../reconciler/core/route/route.ts';
import { at, destination, listed, other, via } from './given.ts';
import { Story, added, watchedStory } from './story.ts';

type Item = Parameters<typeof desired>;

const rogue = '10.99.0.0/16';
const inAnHour = at(60);

describe('on a first reconcile', () => {
  it('nothing is deleted, and what is listed is repaired', () => {
    const unlisted = [via('10.98.0.0/16'), via(rogue)];
    const story = new Story([listed[0], { maxDeletes: 5 }], [via(destination, 'pcx-bbbbbbbb'), ...unlisted]);
    const all = [destination, '10.98.0.0/16', rogue];
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: all });
    expect(story.reconcile()).toMatchObject({
      unchanged: 1,
      blocked: { deletes: [{ destination: '10.98.0.0/16' }, { destination: rogue }] },
    });
  });
});

describe('a route that appears', () => {
  it('in a watched table is deleted at once, even a default route', () => {
    const story = watchedStory(listed);
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
    const story = watchedStory(listed)
      .edit(listed[0], fields)
      .drift(added(via(rogue)));
    story.reconcile();
    story.later(61);
    if (!JSON.stringify(fields).includes(inAnHour)) story.edit(...listed);
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: [destination, rogue] });
    expect(story.outcome).toMatchObject({ blocked: 'first-deletes' });
  });

  it('is deleted even if others wait', () => {
    const story = new Story(listed, [via('10.98.0.0/16')]);
    story.reconcile();
    story.later(1).reconcile();
    expect(story.drift(added(via(rogue))).outcome).toEqual({
      blocked: 'first-deletes',
      routes: [destination, '10.98.0.0/16'],
    });
  });

  it('before the table is watched waits for a person, whatever happens later', () => {
    const story = new Story(listed);
    story.reconcile();
    expect(story.drift(added(via(rogue))).outcome).toMatchObject({ blocked: 'first-deletes' });
    expect(story.later(1).outcome).toMatchObject({ blocked: 'first-deletes' });
    expect(story.later(1).outcome).toEqual({ blocked: 'first-deletes', routes: [destination, rogue] });
  });

  it('while the table was not watched for 60 days waits for a person', () => {
    const story = watchedStory(listed).later(60 * 24 * 60);
    for (const appeared of [rogue, '0.0.0.0/0'])
      expect(story.drift(added(via(appeared))).outcome).toMatchObject({ blocked: 'first-deletes' });
  });
});

describe('a route that an edit removes', () => {
  it('is deleted at once, even if the policy is edited too', () => {
    const both: Item[0] = { ...listed[0], [other]: 'pcx-aaaaaaaa' };
    expect(watchedStory([both]).edit(...listed).outcome).toEqual({ blocked: undefined, routes: [destination] });
    const story = new Story([both], [via(destination), via(other), via(rogue)]);
    story.reconcile();
    expect(story.edit(listed[0], { unlisted: 'keep' }).outcome).toEqual({
      blocked: undefined,
      routes: [destination, rogue],
    });
  });

  it('waits if the edit empties routes', () => {
    expect(watchedStory(listed).edit({}).outcome).toEqual({ blocked: 'last-route', routes: [destination] });
  });

  it('and ignores for a time waits for a person afterwards', () => {
    const story = watchedStory([{ ...listed[0], [other]: 'pcx-aaaaaaaa' }]);
    story.edit({ [other]: 'pcx-aaaaaaaa' }, { ignore: [{ destination, reason: 'x', until: inAnHour }] });
    expect(story.reconcile().inSync).toBe(true);
    expect(story.later(61).outcome).toEqual({ blocked: 'first-deletes', routes: [destination, other] });
  });

  it('waits if it is a default route, whatever later edits say', () => {
    const both: Item[0] = { '0.0.0.0/0': 'nat-aaaaaaaa', ...listed[0] };
    const waiting = { blocked: 'default-route', routes: ['0.0.0.0/0', destination] };
    const story = watchedStory([both]).edit(...listed);
    expect(story.outcome).toEqual(waiting);
    expect(story.edit(listed[0], { maxDeletes: 8 }).outcome).toEqual(waiting);
    expect(story.edit(listed[0], { mode: 'observe' }).outcome.routes).toEqual(waiting.routes);
    expect(story.edit(...listed).outcome).toEqual(waiting);
    expect(story.edit(both).reconcile().inSync).toBe(true);
  });

  it('waits if it is a default route that others moved meanwhile', () => {
    const story = watchedStory([{ '0.0.0.0/0': 'nat-aaaaaaaa' }]);
    story.edit({}).drift(() => [via('0.0.0.0/0', 'igw-aaaaaaaa')]);
    for (let reconciles = 0; reconciles < 2; reconciles++)
      expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: ['0.0.0.0/0'] });
  });
});

describe('a route that may belong to somebody else', () => {
  const detached = actual(route(rogue, 'eni-aaaaaaaa'), { state: 'blackhole' });

  it('waits for a person even after the tag of its owner is removed, because it existed at adoption', () => {
    const story = new Story(listed, [via(rogue, 'eni-aaaaaaaa')]).tagged({ 'kubernetes.io/cluster/blue': 'owned' });
    expect(story.outcome).toMatchObject({ blocked: 'maybe-not-ours' });
    expect(story.tagged({}).outcome).toEqual({ blocked: 'first-deletes', routes: [destination, rogue] });
  });

  it('waits if it appeared, and is deleted when its interface is an own one in use', () => {
    const story = watchedStory(listed).drift(added(detached));
    expect(story.outcome).toMatchObject({ blocked: 'maybe-not-ours' });
    story.drift((routes) => routes.map((one) => (one.spelling === rogue ? throughInstance(rogue) : one)));
    expect(story.outcome).toEqual({ blocked: undefined, routes: [destination] });
  });

  it("waits if it appeared through another account's interface, and goes when it leads elsewhere", () => {
    const story = watchedStory(listed).drift(added(throughInstance(rogue, { owner: otherOwnerId })));
    expect(story.outcome).toMatchObject({ blocked: 'maybe-not-ours' });
    story.drift((routes) => routes.map((one) => (one.spelling === rogue ? via(rogue, 'igw-aaaaaaaa') : one)));
    expect(story.outcome).toEqual({ blocked: undefined, routes: [destination] });
  });

  it('still waits after its owner moves it', () => {
    const story = new Story([{}], [throughInstance(destination, { owner: otherOwnerId })]);
    expect(story.outcome).toMatchObject({ blocked: 'maybe-not-ours' });
    for (const shown of [actual(route(destination, 'eni-aaaaaaaa'), { state: 'blackhole' }), via(destination)])
      expect(story.drift(() => [shown]).outcome).toMatchObject({ blocked: expect.any(String), routes: [destination] });
  });

  it('is deleted with one approval, as all the blackholes of terminated nodes are', () => {
    const nodes = ['10.200.1.0/24', '10.200.2.0/24'].map((text) =>
      actual(route(text, `eni-${text[7]?.repeat(8)}`), { state: 'blackhole' }),
    );
    const story = watchedStory(listed).drift(added(...nodes));
    expect(story.outcome).toMatchObject({ blocked: 'maybe-not-ours' });
    story.approve(...nodes.map((node) => ({ destination: node.spelling, target: targetText(node.target) })));
    expect(story.outcome).toEqual({ blocked: undefined, routes: [destination] });
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

  it('is made even if somebody else made another of them meanwhile', () => {
    expect(approvedStory().drift(() => there.slice(1)).outcome).toEqual({ blocked: undefined, routes: [] });
  });

  it('is made whatever else waits', () => {
    const story = approvedStory().drift(added(via(rogue)));
    expect(story.outcome).toEqual({ blocked: 'first-deletes', routes: [rogue] });
  });

  it('is made once: if the route returns, its delete waits', () => {
    const story = approvedStory();
    story.reconcile();
    expect(story.drift(added(...there)).outcome).toEqual(waiting);
  });

  it('is not made after a read did not show its route', () => {
    const story = approvedStory().drift(() => [via(rogue)]);
    story.reconcile();
    expect(story.drift(() => there).outcome).toEqual(waiting);
  });

  it('is not made if the route has another target', () => {
    const story = approvedStory().drift(() => there.map(({ spelling }) => via(spelling, 'tgw-aaaaaaaa')));
    expect(story.outcome).toEqual(waiting);
  });

  it('is not made after an edit, nor after 24 hours', () => {
    expect(approvedStory().edit({}, { maxDeletes: 8 }).outcome).toEqual(waiting);
    expect(approvedStory().later(24 * 60).outcome).toEqual(waiting);
  });
});
